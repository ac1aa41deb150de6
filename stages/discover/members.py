"""Members: what the containers among the files hold, each a source of its own.

A container is a file whose members become documents (`stages.discover.containers`): an archive, a mailbox, a feed, a
table of rows. Its own row in `sources` has the status ``opened``.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import polars as pl

from stages.discover.containers import Item, Limits, Member, Refused, RowOptions, holds_members, members_of
from stages.discover.containers.gather import open_mets
from stages.discover.containers.mets import PAGE_NAMES, issue_of
from stages.discover.containers.rows import is_row
from stages.discover.decide import TRANSIENT, Made
from stages.discover.remote import Remote
from stages.discover.selection import Selection, on_the_way
from stages.discover.sidecars import SIDECAR, is_sidecar, sidecar_names
from stages.discover.sources import NEST, escaped, open_source, refused, to_path
from stages.errors import SourceError

HASHED = pl.Schema(
    {
        "source_uri": pl.String(),
        "size_bytes": pl.Int64(),
        "modified_at": pl.Datetime("us", "UTC"),
        "reason_code": pl.String(),
        "reason": pl.String(),
        "content_sha256": pl.String(),
        "opened": pl.Boolean(),
        "sidecar_sha256": pl.String(),
        "opening_sha256": pl.String(),
    }
)
"""The columns of a file or member with its hash; ``opened``: it is a container, and its members have rows.

``sidecar_sha256`` is that of a sidecar within the container; of those beside files `stages.discover.told` knows.
``opening_sha256``: of a container, what decides beside its own bytes which members it gives.
"""
CONTAINER = pl.col("source_uri").str.split(NEST).list.first()
IS_MEMBER = pl.col("source_uri").str.contains(NEST, literal=True)


class Opened(NamedTuple):
    """Files and members with their hashes, in order of source_uri, and members passed over, by source and reason."""

    rows: pl.DataFrame
    passed_over: dict[str, dict[str, int]]


def is_container(path: Path | Remote) -> bool:
    """Tell whether a file is a container; one that cannot be read is none."""
    with suppress(SourceError, OSError), open_source(path) as file:
        return holds_members(file, path.name)
    return False


def open_containers(
    hashed: pl.DataFrame, prior: pl.DataFrame, roots: Mapping[str, Path | Remote], selection: Selection, made: Made
) -> Opened:
    """Add a row for every member of the containers among ``hashed`` files (`stages.discover.files.hash_contents`).

    A container with the same bytes as in the last run (``prior``, its `sources`), opened in the same way, is not
    read: its members are those of the last run. One that is damaged gets the reason, and the members that it gave
    before stand; it is not read again either. A member that cannot be had has no hash but a reason; the others of its
    container are not harmed.
    The pages that a METS file speaks for are opened with it: their blocks are in its members.
    Members that ``selection`` excludes, hidden and temporary ones, and sidecars are counted by source and reason.
    """
    hashed = _with_unread(_with_damaged(hashed, prior, made.opening_sha256), prior, roots, made)
    pages = _pages_of_mets(hashed, roots)
    hashed = _with_pages(hashed, pages, roots, made.opening_sha256)
    known = _members_before(hashed, prior)
    had = set(known.select(CONTAINER.unique()).to_series()) | {page for uris in pages.values() for page in uris}
    names = hashed["source_uri"].str.split_exact("/", 1).struct.field("field_0").unique()
    rows, passed = [known], {name: Counter[str]() for name in names}
    damaged: dict[str, SourceError] = {}
    fresh = hashed.filter("opened", pl.col("reason_code").is_null(), ~pl.col("source_uri").is_in(had))
    for uri, modified_at in fresh.select("source_uri", "modified_at").iter_rows():
        held = _open(uri, modified_at, roots, selection, made.rows)
        rows.append(pl.DataFrame(held.rows, schema=HASHED))
        passed[uri.partition("/")[0]].update(held.passed_over)
        if held.error:
            damaged[uri] = held.error
    whole = _with_reasons(hashed.with_columns(sidecar_sha256=pl.lit(None, pl.String)), damaged)
    counts = {name: dict(sorted(reasons.items())) for name, reasons in passed.items() if reasons}
    return Opened(pl.concat([whole.select(HASHED.names()), *rows]).sort("source_uri"), counts)


class _Held(NamedTuple):
    """What a container holds: rows of its members, members passed over by reason, and what is wrong with it."""

    rows: list[dict[str, Any]]
    passed_over: Counter[str]
    error: SourceError | None


def _open(
    uri: str,
    modified_at: datetime | None,
    roots: Mapping[str, Path | Remote],
    selection: Selection,
    options: RowOptions,
) -> _Held:
    held = _Held([], Counter(), None)
    sidecars: dict[str, str] = {}
    try:
        for member_uri, item in read_members(uri, roots, options):
            if why := _passed_over(member_uri, selection):
                held.passed_over[why] += 1
            elif isinstance(item, Member) and is_sidecar(member_uri) and not is_row(item.data):
                held.passed_over[SIDECAR] += 1
                sidecars[member_uri] = sha256(item.data).hexdigest()
            else:
                held.rows.append(_row(member_uri, item, modified_at))
        if not held.rows and not held.passed_over:
            raise SourceError("empty", "it holds no file, message or row; remove it or fetch it again")
    except SourceError as error:
        held = held._replace(error=error)
    for row in held.rows if sidecars else ():
        beside = (sidecars[name] for name in sidecar_names(row["source_uri"]) if name in sidecars)
        row["sidecar_sha256"] = next(beside, None)
    return held


def _with_damaged(hashed: pl.DataFrame, prior: pl.DataFrame, opening_sha256: str) -> pl.DataFrame:
    """Give containers that were damaged, and are as they were, the reason of the last run."""
    lasting = ~pl.col("reason_code").is_in(TRANSIENT)
    damaged = prior.filter(
        ~IS_MEMBER, lasting, pl.col("status") == "quarantined", pl.col("stages_sha256") == opening_sha256
    ).select("source_uri", "content_sha256", c="reason_code", r="reason")
    rows = hashed.join(damaged, on=["source_uri", "content_sha256"], how="left", maintain_order="left")
    return rows.with_columns(
        reason_code=pl.coalesce("reason_code", "c"),
        reason=pl.coalesce("reason", "r"),
        opened=pl.col("opened") | pl.col("c").is_not_null(),
    ).drop("c", "r")


def _pages_of_mets(hashed: pl.DataFrame, roots: Mapping[str, Path | Remote]) -> dict[str, list[str]]:
    """The files whose blocks the members of METS files are made of, by the source_uri of the METS.

    These files are read on every run: only they say which pages are theirs.
    """
    found: dict[str, list[str]] = {}
    xml = pl.col("source_uri").str.to_lowercase().str.ends_with(".xml")
    for uri in hashed.filter("opened", xml, pl.col("reason_code").is_null())["source_uri"]:
        with suppress(SourceError, OSError), open_source(to_path(uri, roots)) as file:
            if issue := issue_of(file):
                found[uri] = [_beside(uri, name) for name in issue.pages]
    return found


def _beside(uri: str, name: str) -> str:
    source, _, below = uri.partition("/")
    folder = below.rpartition("/")[0]
    return f"{source}/{folder}/{escaped(name, '%')}" if folder else f"{source}/{escaped(name, '%')}"


def _with_pages(
    hashed: pl.DataFrame, pages: Mapping[str, list[str]], roots: Mapping[str, Path | Remote], opening_sha256: str
) -> pl.DataFrame:
    """Mark pages of METS files as opened, and no others; a METS is opened anew where one of its pages has changed."""
    ours = {page for uris in pages.values() for page in uris}
    concerned = hashed.filter(pl.col("opened") | pl.col("source_uri").is_in(list(ours)))
    hashes = dict(concerned.select("source_uri", "content_sha256").iter_rows())
    opening = {
        uri: sha256(json.dumps([opening_sha256, *((page, hashes.get(page)) for page in uris)]).encode()).hexdigest()
        for uri, uris in pages.items()
    }
    rows = []
    for uri, opened, code in concerned.select("source_uri", "opened", "reason_code").iter_rows():
        is_page = uri in ours and code is None
        # A page whose METS is gone is a document again.
        was_page = opened and not is_page and uri.lower().endswith(PAGE_NAMES) and uri not in pages and code is None
        still = is_page or (opened and not (was_page and not is_container(to_path(uri, roots))))
        rows.append((uri, still, opening.get(uri, opening_sha256)))
    schema = {"source_uri": pl.String, "still": pl.Boolean, "opening_sha256": pl.String}
    found = pl.DataFrame(rows, schema=schema, orient="row")
    return hashed.join(found, on="source_uri", how="left", maintain_order="left").select(
        pl.exclude("opened", "still", "opening_sha256"),
        opened=pl.col("still").fill_null(False),
        opening_sha256=pl.col("opening_sha256").fill_null(opening_sha256),
    )


def _of_mets(uri: str, file: BinaryIO, roots: Mapping[str, Path | Remote], by: str) -> Iterator[Item]:
    """The members of a METS file; nothing where a file is none."""
    mets = to_path(uri, roots)

    def read(name: str) -> bytes:
        path = to_path(_beside(uri, name), roots)
        if (
            isinstance(path, Path)
            and isinstance(mets, Path)
            and not path.resolve().is_relative_to(mets.parent.resolve())
        ):
            raise SourceError("link_not_followed", f"{name}, which the METS names, is a link out of its folder")
        with open_source(path) as page:
            return page.read(Limits().max_member_bytes)

    return open_mets(issue_of(file), read, by) or iter(())


def _with_unread(
    hashed: pl.DataFrame, prior: pl.DataFrame, roots: Mapping[str, Path | Remote], made: Made
) -> pl.DataFrame:
    """Ask files that were trusted unread, but will be read, whether they are containers: other stages may know more."""
    again = (pl.col("status") == "quarantined") | (pl.col("stages_sha256") != made.stages_sha256)
    asked = prior.filter(again, pl.col("status") != "opened", ~IS_MEMBER).select("source_uri", "content_sha256")
    unread = hashed.filter(~pl.col("opened"), pl.col("reason_code").is_null())
    uris = unread.join(asked, on=["source_uri", "content_sha256"], how="semi")["source_uri"]
    containers = [uri for uri in uris if is_container(to_path(uri, roots))]
    return hashed.with_columns(opened=pl.col("opened") | pl.col("source_uri").is_in(containers))


def read_members(
    uri: str, roots: Mapping[str, Path | Remote], options: RowOptions | None = None
) -> Iterator[tuple[str, Item]]:
    """Give the members of a container with their source_uris, one after the other; of a table by ``options``.

    Raises SourceError where it cannot be read or is damaged; what came before stands.
    """
    path = to_path(uri, roots)
    seen = Counter[str]()
    try:
        with open_source(path) as file:
            by = (options or RowOptions()).mets
            for item in members_of(file, path.name, options=options) or _of_mets(uri, file, roots, by):
                name = escaped(item.name)
                if isinstance(item, Refused) and item.error.code == "unsafe_path":
                    name = name.replace("..", "%2E%2E")  # else it would be passed over as a hidden one
                seen[name] += 1
                yield f"{uri}{NEST}{name}" + (f"#{seen[name]}" if seen[name] > 1 else ""), item
    except OSError as error:
        raise refused(error) from error


def _members_before(hashed: pl.DataFrame, prior: pl.DataFrame) -> pl.DataFrame:
    """The members, as the last run left them, of containers that are as they were."""
    same = ["source_uri", "content_sha256"]
    members = prior.filter(IS_MEMBER, pl.col("status") != "deleted").with_columns(container=CONTAINER)
    here = pl.col("source_uri").is_in(members["container"].unique().implode())
    opening = hashed.filter(here).select(*same, stages_sha256="opening_sha256")
    stand = prior.filter(here).join(opening, on=[*same, "stages_sha256"], how="semi")
    refused_before = pl.col("content_sha256").is_null()
    return (
        members.join(stand.select(container="source_uri"), on="container", how="semi")
        .with_columns(
            pl.when(refused_before).then("reason_code").alias("reason_code"),
            pl.when(refused_before).then("reason").alias("reason"),
            opened=pl.lit(False),
            opening_sha256=pl.lit(None, pl.String),
        )
        .select(HASHED.names())
    )


def _row(uri: str, item: Item, modified_at: datetime | None) -> dict[str, Any]:
    row: dict[str, Any] = {"source_uri": uri, "modified_at": modified_at, "opened": False}
    if isinstance(item, Member):
        return row | {"size_bytes": len(item.data), "content_sha256": sha256(item.data).hexdigest()}
    return row | {"reason_code": item.error.code, "reason": item.error.reason}


def _passed_over(uri: str, selection: Selection) -> str | None:
    # What to include, and which endings, was asked of the container; within it only what is unwanted counts.
    unwanted = Selection(exclude=selection.exclude)
    return next(filter(None, map(unwanted.passes_over, on_the_way(uri.partition(NEST)[2]))), None)


def _with_reasons(hashed: pl.DataFrame, damaged: Mapping[str, SourceError]) -> pl.DataFrame:
    """Give containers that are damaged their reason; they are containers all the same."""
    codes = pl.DataFrame(
        [(uri, error.code, error.reason) for uri, error in damaged.items()],
        schema={"source_uri": pl.String, "c": pl.String, "r": pl.String},
        orient="row",
    )
    return hashed.join(codes, on="source_uri", how="left", maintain_order="left").with_columns(
        reason_code=pl.coalesce("reason_code", "c"),
        reason=pl.coalesce("reason", "r"),
    )


def unpack(
    decided: pl.DataFrame, roots: Mapping[str, Path | Remote], spool: Path, options: RowOptions | None = None
) -> pl.DataFrame:
    """Write the members that are to be read, and their sidecars, into one file ``spool``, each container read once.

    Gives ``decided`` with the columns spooled_at, sidecar_at and sidecar_bytes: where a member and its sidecar begin
    there (bytes), and how long the sidecar is; null for other sources, and for what is no longer to be had. A member
    has the length of its size_bytes.
    """
    wanted = decided.filter(IS_MEMBER, pl.col("action") == "process").with_columns(container=CONTAINER)
    rows: list[tuple[str, int | None, int | None, int | None]] = []
    with spool.open("wb") as out:
        for (container,), members in wanted.group_by("container"):
            uris, with_sidecar = set(members["source_uri"]), set(members.drop_nulls("sidecar_sha256")["source_uri"])
            places: dict[str, tuple[int, int]] = {}
            with suppress(SourceError):  # what is missing then, reading tells of each
                items = read_members(str(container), roots, options)
                places.update(_spool(_wanted(items, uris, {*_sidecars_of(with_sidecar)}), out))
            rows += [(uri, *_places(uri, places, uri in with_sidecar)) for uri in uris]
    uri, names = pl.col("source_uri"), [row[0] for row in rows]
    columns = {"spooled_at": 1, "sidecar_at": 2, "sidecar_bytes": 3}
    # A join would make all columns anew, of all files.
    return decided.with_columns(
        uri.replace_strict(names, [row[at] for row in rows], default=None, return_dtype=pl.Int64).alias(name)
        for name, at in columns.items()
    )


def _sidecars_of(uris: Iterable[str]) -> Iterator[str]:
    return (name for uri in uris for name in sidecar_names(uri))


def _places(
    uri: str, places: Mapping[str, tuple[int, int]], has_sidecar: bool
) -> tuple[int | None, int | None, int | None]:
    at, _ = places.get(uri, (None, None))
    beside = next((places[name] for name in sidecar_names(uri) if name in places), None) if has_sidecar else None
    return at, *(beside or (None, None))


def _wanted(items: Iterable[tuple[str, Item]], uris: set[str], sidecars: set[str]) -> Iterator[tuple[str, bytes]]:
    left = len(uris)
    for uri, item in items:
        if isinstance(item, Member) and (uri in uris or uri in sidecars):
            yield uri, item.data
            left -= uri in uris
        if not left and not sidecars:  # a sidecar may stand anywhere
            return


def _spool(items: Iterable[tuple[str, bytes]], out: Any) -> Iterator[tuple[str, tuple[int, int]]]:
    for uri, data in items:
        yield uri, (out.tell(), len(data))
        out.write(data)
