"""Which files are new, changed, moved, unchanged, duplicate or gone: one action for every path.

The `sources` table of the last snapshot is the only memory; `decide` compares with it what `files` found, and
`withhold_deletions` takes back what looks like an accident.
"""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import polars as pl

from stages.discover.containers import RowOptions
from stages.discover.file_kinds import kind_of_name
from stages.discover.files import FOUND
from stages.discover.forms import MARKDOWN_SUFFIXES, TEXT_SUFFIXES, file_form
from stages.discover.selection import Selection, on_the_way
from stages.discover.sources import DISK_FAILED, NEST, Source
from stages.errors import UsageError
from stages.tables.ids import to_doc_id

VERSION = "2"
DEADLY = ("timed_out", "worker_died")
"""Reasons of documents that a worker process did not survive."""
TRANSIENT = (
    *("unreadable", DISK_FAILED, "changed_while_reading", "link_not_followed", "not_regular"),
    *(*DEADLY, "system_failed", "needs_extra"),
)
"""Reasons that lie in the surroundings, not in the bytes: such files are tried again on every run."""

CORRECTED = "0" * 64
"""In place of stages_sha256: the document was made under other corrections and has to be made again."""
TOLD = ("sidecar_sha256", "told_sha256")
"""What is known of a file beside its bytes (`stages.discover.told`)."""
_SAME = ("content_sha256", "form", *TOLD)
_REMEMBERED = (
    *("doc_id", "status", "content_sha256", "stages_sha256", "reason_code", "n_raw_chars", "read_by", "encoding_how"),
    *TOLD,
)
_OF_COPY = {"stages": "stages_sha256", "chars": "n_raw_chars", "read_by": "read_by", "how": "encoding_how"}
IN_PART, RECOGNISED = "text layer in part", "text layer and recognised"
"""`sources.encoding_how` of PDFs some pages of which are pictures: these left out, and these recognised."""
_SOURCE = pl.col("source_uri").str.split("/").list.first()
_NEW_ID = pl.when(pl.col("doc_id_prior").is_null()).then("source_uri").map_elements(to_doc_id, return_dtype=pl.String)
_USABLE = pl.col("reason_code").is_null() & ~pl.col("opened").fill_null(False)
_ROWS_AT_ONCE = 100_000


class Made(NamedTuple):
    """What decides the rows of a file beside its bytes: the stages with their options, and the longest text allowed.

    ``opening_sha256``: what decides which members a container gives; it stands in the row of the container. ``rows``
    is the part of it that says how a table is read. ``ocr``: what needs text recognition gets it. ``readers``: the
    libraries that are here, with their versions (`stages.read.versions`); what another version read is read again.
    """

    stages_sha256: str
    max_chars: int
    opening_sha256: str = ""
    rows: RowOptions = RowOptions()
    ocr: bool = False
    readers: tuple[str, ...] = ()


def decide(
    found: pl.DataFrame, prior: pl.DataFrame, sources: Sequence[Source], made: Made, selection: Selection | None = None
) -> pl.DataFrame:
    """Give every path known or present one action, in order of source_uri.

    ``found`` comes from `hash_contents` and may have the columns `TOLD`, ``prior`` is the `sources` table of the last
    snapshot. Of all files with the same bytes (and the same form by name: compressed or not, of a type that is read or
    not), of which the same is told, the first by source_uri is the one written; the others are its duplicates, also
    across sources. What lies below a folder that could not be listed is not taken for gone: it is treated like the
    files of a source that this run does not name, and so is what ``selection`` passes over. Columns: those of
    ``found``, ``doc_id``, ``opened`` (it is, or was, a container), ``duplicate_of``, ``copy_of`` and
    ``copy_stages`` (doc_id of the published document a moved one is copied from, and the stages that made it; of a
    container what opened it), ``in_scope`` (false for a file that this run does not speak for), ``alone`` (true for
    one that no worker process survived, as it stands) and ``action``. Raises UsageError when the folder of a source
    that nobody knows cannot be listed.

    - ``process``: new or changed, or what is told of it, decided by other stages than these, or longer than is allowed
      now; to be read
    - ``move``: its text is published under another source_uri already
    - ``keep``: nothing to do; the row of the last run stands
    - ``duplicate``, ``quarantine`` (for the reason in the row), ``delete`` (gone from a source of this run)
    - ``open``: a container; its members have rows of their own
    """
    _refuse_strangers(found, prior, sources)
    known = dict.fromkeys((*TOLD, "opening_sha256"), pl.String)
    found = pl.concat([pl.DataFrame(schema=known), found], how="diagonal")
    found = found if found["source_uri"].is_sorted() else found.sort("source_uri")
    # What was found is in scope, and most of what is known is found: to ask for each by name takes longer than to list.
    lost = prior.filter(~pl.col("source_uri").is_in(found["source_uri"].implode()))["source_uri"]
    speaks = _speak_for(lost, sources, selection or Selection()) & ~_hidden(lost, found)
    prior = prior.with_columns(in_scope=~pl.col("source_uri").is_in(lost.filter(~speaks).implode()))
    outdated = _outdated_readers(prior["read_by"], made.readers)
    elsewhere = _from_elsewhere(prior)
    firsts = _firsts(found, elsewhere)

    def settled(rows: pl.DataFrame) -> pl.DataFrame:
        rows = _with_copies(rows, firsts, prior, _stands(made, outdated))
        return _as_decided(rows.with_columns(action=_action(made, outdated)), made)

    # Slice by slice, as a row has forty columns on its way.
    decided = []
    for rows, near in _stretches(found, prior):
        decided += [settled(_with_memory(rows, near)), _deleted(near, rows)]
    decided += map(settled, elsewhere.iter_slices(_ROWS_AT_ONCE))
    whole = pl.concat(decided, how="diagonal")
    return whole if whole["source_uri"].is_sorted() else whole.sort("source_uri")


def _as_decided(rows: pl.DataFrame, made: Made) -> pl.DataFrame:
    """The columns of `decide` for what was found, each where its action needs it."""
    died = pl.col("reason_code_prior").is_in(DEADLY) & (pl.col("content_sha256") == pl.col("content_sha256_prior"))
    copied_by = pl.when(pl.col("action") == "move").then("copy_stages")
    return rows.select(
        *FOUND.names(),
        "content_sha256",
        *TOLD,
        doc_id=pl.coalesce("doc_id_prior", _NEW_ID),
        duplicate_of=pl.when(pl.col("action") == "duplicate").then("first"),
        copy_of=pl.when(pl.col("action") == "move").then("copy_of"),
        copy_stages=copied_by.when("opened").then(pl.coalesce("opening_sha256", pl.lit(made.opening_sha256))),
        in_scope="in_scope",
        opened=pl.col("opened").fill_null(False),
        alone=died.fill_null(False),
        action="action",
    )


def _deleted(prior: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """What this run speaks for and did not find; the reason of a file that was in quarantine goes with it."""
    absent = ~pl.col("source_uri").is_in(found["source_uri"].implode())
    gone = prior.filter("in_scope", absent, pl.col("status") != "deleted")
    facts = ("source_uri", "size_bytes", "modified_at", "content_sha256", "in_scope")
    action = pl.lit("delete")
    return gone.select(*facts, "doc_id", opened=pl.col("status") == "opened", alone=pl.lit(False), action=action)


def _stretches(found: pl.DataFrame, prior: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Give what was found slice by slice, each with the rows of the last run from the end of the one before to its own.

    There is a slice at least, if only for what is gone.
    """
    uri, behind = pl.col("source_uri"), pl.lit(True)
    for at in range(0, max(1, found.height), _ROWS_AT_ONCE):
        rows, is_last = found[at : at + _ROWS_AT_ONCE], at + _ROWS_AT_ONCE >= found.height
        end = pl.lit(None if is_last else rows["source_uri"][-1], pl.String)
        yield rows, prior.filter(behind & (uri <= end).fill_null(True))
        behind = uri > end


def _with_memory(found: pl.DataFrame, prior: pl.DataFrame) -> pl.DataFrame:
    """What was found, with what the last run left of it."""
    remembered = [pl.col(c).alias(f"{c}_prior") for c in _REMEMBERED]
    before = prior.select("source_uri", *remembered)
    return found.with_columns(in_scope=pl.lit(True)).join(before, on="source_uri", how="left", maintain_order="left")


def _from_elsewhere(prior: pl.DataFrame) -> pl.DataFrame:
    """The texts that are known from elsewhere, as `_with_memory` gives what was found."""
    remembered = [pl.col(c).alias(f"{c}_prior") for c in _REMEMBERED]
    return prior.filter(~pl.col("in_scope"), pl.col("status").is_in(["written", "duplicate"])).select(
        *FOUND.names(), "content_sha256", *TOLD, "in_scope", *remembered,
        opened=pl.lit(None, pl.Boolean), opening_sha256=pl.lit(None, pl.String),
    )  # fmt: skip


def _firsts(found: pl.DataFrame, elsewhere: pl.DataFrame) -> pl.DataFrame:
    """The first by source_uri of all files with the same bytes, where there are several."""
    asked = ("source_uri", "content_sha256", *TOLD, "reason_code", "opened")
    rows = pl.concat([found.select(asked), elsewhere.select(asked)])
    twice = _with_form(rows.filter(_USABLE & pl.col("content_sha256").is_duplicated()))
    return twice.group_by(_SAME).agg(first=pl.col("source_uri").min())


def _with_copies(rows: pl.DataFrame, firsts: pl.DataFrame, prior: pl.DataFrame, stands: pl.Expr) -> pl.DataFrame:
    """Add the first of all files with the same bytes, and the published document that is made of them.

    The second is looked for where a document does not stand as it is, so that a night costs what is new in it.
    """
    asks = rows.filter(~(stands & (pl.col("status_prior") == "written")).fill_null(False))["content_sha256"]
    written = prior.filter(pl.col("status") == "written", pl.col("content_sha256").is_in(asks.unique().implode()))
    published = (
        _with_form(written)
        .sort("source_uri")
        .unique(_SAME, keep="first", maintain_order=True)
        .select(*_SAME, copy_of="doc_id", **{f"copy_{name}": column for name, column in _OF_COPY.items()})
    )
    met = pl.concat([firsts["content_sha256"], published["content_sha256"]]).unique()
    rows = _with_form(rows, rows["content_sha256"].is_in(met.implode()))
    rows = rows.join(firsts, on=_SAME, how="left", nulls_equal=True, maintain_order="left")
    rows = rows.join(published, on=_SAME, how="left", nulls_equal=True, maintain_order="left")
    return rows.with_columns(first=pl.when(_USABLE).then(pl.coalesce("first", "source_uri")))


def _refuse_strangers(found: pl.DataFrame, prior: pl.DataFrame, sources: Sequence[Source]) -> None:
    """A source that cannot be listed at all is a mistake, but for one that has been read before."""
    known = prior.filter(pl.col("status") != "deleted").select(_SOURCE.unique()).to_series().to_list()
    for uri, reason in found.filter(pl.col("source_uri").str.ends_with("/")).select("source_uri", "reason").iter_rows():
        root = next(source.root for source in sources if uri == f"{source.name}/")
        if uri[:-1] not in known:
            raise UsageError(f"{root}: {reason}; nothing was changed")


def _outdated_readers(read_by: pl.Series, readers: tuple[str, ...]) -> list[str]:
    """Those of the values of `sources.read_by` in which a library stands that is here in another version."""
    here = {reader.partition(" ")[0]: reader for reader in readers}

    def is_outdated(told: str) -> bool:
        return any(here.get(part.partition(" ")[0], part) != part for part in told.split(", "))

    return list(filter(is_outdated, read_by.drop_nulls().unique()))


def _as_made(made: Made, outdated_readers: list[str], stages: str, read_by: str, how: str) -> pl.Expr:
    """Tell whether what was made is what this run would make: by these columns."""
    same = (pl.col(stages) == made.stages_sha256).fill_null(False)
    same &= ~pl.col(read_by).is_in(outdated_readers).fill_null(False)
    was = pl.col(how).fill_null("")
    # What was recognised cannot be made again without recognition; what was left out can be had with it.
    return (same & (was != IN_PART)) if made.ocr else (same | (was == RECOGNISED))


def _stands(made: Made, outdated_readers: list[str]) -> pl.Expr:
    """Tell whether what was made of a path is what this run would make."""
    same_bytes = (pl.col("content_sha256") == pl.col("content_sha256_prior")).fill_null(False)
    same_stages = _as_made(made, outdated_readers, "stages_sha256_prior", "read_by_prior", "encoding_how_prior")
    # A text that was too long stands while it is too long, any other while it is not; null: nobody counted it.
    fits = (pl.col("n_raw_chars_prior") <= made.max_chars).fill_null(True)
    same_length = fits != (pl.col("reason_code_prior").eq_missing(pl.lit("too_large")))
    same_told = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_prior")) for name in TOLD)
    return same_bytes & ((same_stages & same_length & same_told) | ~pl.col("in_scope"))


def _action(made: Made, outdated_readers: list[str]) -> pl.Expr:
    """What happens to a path that is there, or that is known from elsewhere; the first condition that holds wins."""
    elsewhere, stands = ~pl.col("in_scope"), _stands(made, outdated_readers)
    was = pl.col("status_prior").fill_null("")
    passing = (*TRANSIENT, "needs_ocr") if made.ocr else TRANSIENT
    lasting = ~pl.col("reason_code_prior").is_in(passing).fill_null(False)
    copy_fits = _as_made(made, outdated_readers, "copy_stages", "copy_read_by", "copy_how")
    copy_fits &= pl.col("copy_chars") <= made.max_chars
    copyable = pl.col("copy_of").is_not_null() & (copy_fits | elsewhere)
    return (
        pl.when(pl.col("reason_code").is_not_null())
        .then(pl.lit("quarantine"))
        .when(pl.col("opened").fill_null(False))
        .then(pl.lit("open"))
        .when(pl.col("source_uri") != pl.col("first"))
        .then(pl.lit("duplicate"))
        .when(stands & (was == "written"))
        .then(pl.lit("keep"))
        .when(stands & (was == "quarantined") & lasting)
        .then(pl.lit("keep"))
        .when(copyable.fill_null(False))
        .then(pl.lit("move"))
        .otherwise(pl.lit("process"))
    )


def _with_form(rows: pl.DataFrame, where: pl.Series | None = None) -> pl.DataFrame:
    """Add what the name alone decides about how the same bytes are read; null for rows that nobody asks about."""
    asked = rows["source_uri"] if where is None else rows["source_uri"].set(~where.fill_null(False), None)
    return rows.with_columns(form=asked.map_elements(_form, return_dtype=pl.String))


def _form(uri: str) -> str:
    compressed, suffix = file_form(uri.rpartition("/")[2])
    if suffix in TEXT_SUFFIXES:
        return f"{compressed} text {suffix in MARKDOWN_SUFFIXES}"
    # Where the bytes leave open what a file is, its name decides why it is kept out.
    kind = kind_of_name(suffix)
    return f"{compressed} {kind.what if kind else suffix}"


def _hidden(uris: pl.Series, found: pl.DataFrame) -> pl.Series:
    """For each source_uri: does it lie below something that could not be read, which may be a folder?"""
    unread = found.filter(pl.col("reason_code").is_in(["unreadable", DISK_FAILED]))["source_uri"]
    folders = tuple(f"{uri.removesuffix('/')}{mark}" for uri in unread for mark in ("/", NEST))
    # The row of a folder that could not be listed, the time before, is no file below it.
    return pl.Series("hidden", [uri.startswith(folders) and uri not in folders for uri in uris], dtype=pl.Boolean)


def _speak_for(uris: pl.Series, sources: Sequence[Source], selection: Selection) -> pl.Series:
    """For each source_uri: does a source of this run speak for it?"""
    by_name = {source.name: source for source in sources}
    passes_over, unwanted = cache(selection.passes_over), Selection(exclude=selection.exclude)

    def holds(uri: str) -> bool:
        uri, _, member = uri.partition(NEST)
        name, _, below = uri.partition("/")
        if name not in by_name or not below:
            return name in by_name
        source, relative = by_name[name], os.fsdecode(unquote_to_bytes(below)) if "%" in below else below
        passed = relative not in source.files and any(map(passes_over, on_the_way(relative)))
        within = bool(member) and any(map(unwanted.passes_over, on_the_way(member)))
        return source.holds(relative) and not passed and not within

    return pl.Series("in_scope", [holds(uri) for uri in uris], dtype=pl.Boolean)


def withhold_deletions(
    decided: pl.DataFrame, prior: pl.DataFrame, max_share: float, at_least: int = 10
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Take back deletions that look like an accident: an unmounted disk, an emptied folder, a share that fails.

    Counted for each source are the documents that are gone, or are there but cannot be read, and whose bytes are
    nowhere else below the sources, so that renaming a folder is no deletion. They stand (the gone ones are left out of
    the decisions, the unreadable ones are kept as they were) where they are at least ``at_least`` and more than
    ``max_share`` of the documents of the source that this run speaks for; and whatever their number, where not one of
    those is left below the source. What such a source had in quarantine stays there too. Also returns how many
    documents were withheld, by source.
    """
    written = prior.filter(pl.col("status") == "written").select("source_uri", sha256="content_sha256")
    gone = pl.col("action") == "delete"
    lost = gone | ((pl.col("action") == "quarantine") & pl.col("reason_code").is_in(TRANSIENT))
    if decided.filter(lost).is_empty():
        return decided, {}
    missed = decided.filter(lost).join(written, on="source_uri")["sha256"].unique()
    elsewhere = decided.filter(~lost, pl.col("content_sha256").is_in(missed.implode()))
    alive = elsewhere.select(source=_SOURCE, sha256="content_sha256", here=True).unique()
    known = (
        decided.filter("in_scope")
        .join(written, on="source_uri")
        .select("source_uri", "sha256", source=_SOURCE, lost=lost)
        .join(alive, on=["source", "sha256"], how="left")
        .with_columns(
            absent=pl.col("lost") & pl.col("here").is_null(),
            lost=pl.col("lost") & ~pl.col("sha256").is_in(alive["sha256"].drop_nulls().implode()),
        )
    )
    n = pl.col("lost").sum()
    accident = pl.col("absent").all() | ((n >= at_least) & (n > max_share * pl.len()))
    held = known.filter(accident.over("source"), "lost")
    wholly = known.filter(pl.col("absent").all().over("source"))["source"].unique()
    kept_out = prior.filter(pl.col("status") == "quarantined", _SOURCE.is_in(wholly.implode()))
    containers = held.select(pl.col("source_uri").str.split(NEST).list.first().unique()).to_series()
    stand = pl.concat([kept_out["source_uri"], containers])
    withheld = pl.col("source_uri").is_in(held["source_uri"].implode()) | (
        gone & pl.col("source_uri").is_in(stand.implode())
    )
    facts = ("source_uri", "doc_id", "in_scope", "opened", "alone")
    unread = decided.filter(withheld & ~gone).select(*facts, action=pl.lit("keep"))
    remembered = prior.select("source_uri", "size_bytes", "modified_at", "content_sha256", *TOLD)
    kept = unread.join(remembered, on="source_uri", how="left")
    rest = pl.concat([decided.filter(~withheld), kept], how="diagonal").sort("source_uri")
    return rest, dict(held.group_by("source").len().sort("source").iter_rows())


def let_unread_stand(decided: pl.DataFrame, outcomes: pl.DataFrame, prior: pl.DataFrame) -> pl.DataFrame:
    """Keep published documents whose bytes are as they were but could not be read this time; the next run tries again.

    ``outcomes``: how reading ended. Without this a drive that lists but does not read would empty the tables.
    """
    codes = ["unreadable", DISK_FAILED, "link_not_followed", "not_regular", "needs_extra"]
    unread = outcomes.filter(pl.col("reason_code").is_in([*codes, "needs_ocr"])).select("source_uri", why="reason_code")
    published = prior.filter(pl.col("status") == "written").join(unread, on="source_uri")
    published = published.filter((pl.col("why") != "needs_ocr") | (pl.col("encoding") == "ocr"))
    if published.is_empty():
        return decided
    was = published.select("source_uri", was="content_sha256", **{f"was_{name}": name for name in TOLD})
    rows = decided.join(was, on="source_uri", how="left", maintain_order="left")
    stands = ((pl.col("action") == "process") & (pl.col("content_sha256") == pl.col("was"))).fill_null(False)
    told = {name: pl.when(stands).then(f"was_{name}").otherwise(name) for name in TOLD}
    action = pl.when(stands).then(pl.lit("keep")).otherwise("action")
    return rows.with_columns(action=action, **told).select(decided.columns)


def count_unlisted(decided: pl.DataFrame, prior: pl.DataFrame) -> dict[str, int]:
    """Count the documents, by source, that stand because the folder of their source could not be listed."""
    unlisted = decided.filter(pl.col("source_uri").str.ends_with("/"), pl.col("action") == "quarantine")
    standing = prior.filter(pl.col("status") == "written").with_columns(source=_SOURCE)
    named = standing.join(unlisted.select(source=_SOURCE), on="source", how="semi")
    return dict(named.group_by("source").len().sort("source").iter_rows())
