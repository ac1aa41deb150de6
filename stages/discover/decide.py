"""Discover: which files below the named sources are new, changed, moved, unchanged, duplicate or deleted.

The `sources` table of the last snapshot is the only memory: `find_files` says what the disk holds,
`hash_contents` reads what cannot be trusted unread, `decide` compares both with that memory and gives every path
one action.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote_to_bytes

import polars as pl

from stages.discover.sources import NOT_REGULAR, Source, chunks, open_source, to_doc_id, to_path, to_uri
from stages.errors import SourceError, UsageError
from stages.read.text import TEXT_SUFFIXES, file_form

VERSION = "1"
TRANSIENT = ("unreadable", "changed_while_reading", "link_not_followed", "not_regular")
"""Reasons that lie in the surroundings, not in the bytes: such files are looked at again on every run."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAME = ("content_sha256", "form")
_DAY = 86_400_000_000
# Microseconds from 1970 to the years 1000 and 9000: file systems can hold times that calendars cannot.
_FIRST, _LAST = -354_285 * _DAY, 2_567_619 * _DAY
_REMEMBERED = ("status", "content_sha256", "stages_sha256", "reason_code")
_FOUND = pl.Schema(
    [
        ("source_uri", pl.String()),
        ("size_bytes", pl.Int64()),
        ("modified_at", pl.Datetime("us", "UTC")),
        ("reason_code", pl.String()),
        ("reason", pl.String()),
    ]
)


def find_files(sources: Iterable[Source]) -> pl.DataFrame:
    """List every path below the sources, in order of source_uri.

    One row for each regular file, and one for everything that is no regular file or a link that is not
    followed, with ``reason_code`` and ``reason``. Folders are walked, not listed; nothing is opened.
    """
    rows = sorted(row for source in sources for row in _walk(source))
    return pl.DataFrame(rows, schema=_FOUND, orient="row")


def hash_contents(
    found: pl.DataFrame,
    prior: pl.DataFrame,
    roots: dict[str, Path],
    *,
    trusted_before: datetime | None,
    verify: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> pl.DataFrame:
    """Add ``content_sha256`` to what `find_files` listed, reading as few files as is safe.

    A file whose size and modification time are those of the last run keeps its hash unread, unless it was
    modified at or after ``trusted_before`` (it may have changed again within the clock's resolution) or
    ``verify`` asks to read everything. A file that cannot be read gets the reason ``unreadable``.
    """
    same = (pl.col("size_bytes") == pl.col("size_bytes_prior")) & (pl.col("modified_at") == pl.col("modified_at_prior"))
    trusted = pl.lit(False) if verify or trusted_before is None else same & (pl.col("modified_at") < trusted_before)
    known = prior.select("source_uri", "size_bytes", "modified_at", "content_sha256")
    joined = found.join(known, on="source_uri", how="left", suffix="_prior", maintain_order="left").with_columns(
        content_sha256=pl.when(trusted.fill_null(False)).then("content_sha256")
    )
    todo = joined.filter(pl.col("content_sha256").is_null() & pl.col("reason_code").is_null())["source_uri"]
    hashed = []
    for done, uri in enumerate(todo):
        if progress:
            progress(done, len(todo))
        hashed.append((uri, *_hash_file(to_path(uri, roots))))
    fresh = pl.DataFrame(
        hashed, schema={"source_uri": pl.String, "h": pl.String, "c": pl.String, "r": pl.String}, orient="row"
    )
    return joined.join(fresh, on="source_uri", how="left", maintain_order="left").select(
        *(c for c in _FOUND.names() if not c.startswith("reason")),
        reason_code=pl.coalesce("reason_code", "c"),
        reason=pl.coalesce("reason", "r"),
        content_sha256=pl.coalesce("content_sha256", "h"),
    )


def decide(found: pl.DataFrame, prior: pl.DataFrame, sources: Sequence[Source], stages_sha256: str) -> pl.DataFrame:
    """Give every path known or present one action, in order of source_uri.

    ``found`` comes from `hash_contents`, ``prior`` is the `sources` table of the last snapshot. Of all files
    with the same bytes (and the same form by name: compressed or not, of a type that is read or not) the first by
    source_uri is the one written; the others are its duplicates, also across sources. What lies below a folder
    that could not be listed is not taken for gone: it is treated like the files of a source that this run does not
    name. Columns: those of ``found``, ``doc_id``,
    ``duplicate_of``, ``copy_of`` and ``copy_stages`` (doc_id of the published document a moved one is copied from, and
    the stages that made it), ``in_scope``
    (false for a file that this run does not speak for) and ``action``:

    - ``process``: new or changed, or decided by other stages than these; to be read
    - ``move``: its text is published under another source_uri already
    - ``keep``: nothing to do; the row of the last run stands
    - ``duplicate``, ``quarantine`` (for the reason in the row), ``delete`` (gone from a source of this run)
    """
    prior = prior.with_columns(in_scope=_speak_for(prior["source_uri"], sources) & ~_hidden(prior["source_uri"], found))
    outside = prior.filter(~pl.col("in_scope"))
    present = found.with_columns(in_scope=pl.lit(True)).join(
        prior.select("source_uri", *(pl.col(c).alias(f"{c}_prior") for c in _REMEMBERED)),
        on="source_uri",
        how="left",
    )
    elsewhere = outside.filter(pl.col("status").is_in(["written", "duplicate"])).select(
        *_FOUND.names(), "content_sha256", "in_scope", *(pl.col(c).alias(f"{c}_prior") for c in _REMEMBERED)
    )
    rows = _with_form(pl.concat([present, elsewhere], how="diagonal"))
    usable = pl.col("reason_code").is_null()
    first = rows.filter(usable).group_by(_SAME).agg(first=pl.col("source_uri").min())
    published = (
        _with_form(prior.filter(pl.col("status") == "written"))
        .sort("source_uri")
        .unique(_SAME, keep="first", maintain_order=True)
        .select(*_SAME, copy_of="doc_id", copy_stages="stages_sha256")
    )
    rows = rows.join(first, on=_SAME, how="left").join(published, on=_SAME, how="left")
    gone = prior.filter(
        "in_scope", ~pl.col("source_uri").is_in(found["source_uri"].implode()), pl.col("status") != "deleted"
    )
    decided = rows.with_columns(action=_action(stages_sha256)).select(
        *_FOUND.names(),
        "content_sha256",
        duplicate_of=pl.when(pl.col("action") == "duplicate").then("first"),
        copy_of=pl.when(pl.col("action") == "move").then("copy_of"),
        copy_stages=pl.when(pl.col("action") == "move").then("copy_stages"),
        in_scope="in_scope",
        action="action",
    )
    # The reason of a file that was in quarantine goes with it.
    facts = ("source_uri", "size_bytes", "modified_at", "content_sha256", "in_scope")
    deleted = gone.select(*facts, action=pl.lit("delete"))
    return (
        pl.concat([decided, deleted], how="diagonal")
        .with_columns(doc_id=pl.col("source_uri").map_elements(to_doc_id, return_dtype=pl.String))
        .sort("source_uri")
    )


def _action(stages_sha256: str) -> pl.Expr:
    """The action of a row of `decide`; the first condition that holds wins."""
    same_bytes = (pl.col("content_sha256") == pl.col("content_sha256_prior")).fill_null(False)
    same_stages = (pl.col("stages_sha256_prior") == stages_sha256).fill_null(False) | ~pl.col("in_scope")
    stands = same_bytes & same_stages
    was = pl.col("status_prior").fill_null("")
    lasting = ~pl.col("reason_code_prior").is_in(TRANSIENT).fill_null(False)
    copyable = pl.col("copy_of").is_not_null() & ((pl.col("copy_stages") == stages_sha256) | ~pl.col("in_scope"))
    return (
        pl.when(pl.col("reason_code").is_not_null())
        .then(pl.lit("quarantine"))
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


_Row = tuple[str, int | None, datetime | None, str | None, str | None]


def _walk(source: Source) -> Iterator[_Row]:
    folders = [source.root]
    while folders:
        folder = folders.pop()
        try:
            entries = [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in os.scandir(folder)]
        except OSError as error:
            if folder == source.root:
                raise UsageError(f"{folder}: cannot be listed ({error.strerror}); nothing was changed") from error
            yield _problem(source, folder, "unreadable", f"the folder cannot be listed ({error.strerror}); allow it")
            continue
        for path, is_folder in entries:
            if is_folder:
                if source.leads_to(_relative(source, path)):
                    folders.append(path)
            elif source.holds(_relative(source, path)):
                yield _look_at(source, path)


def _relative(source: Source, path: Path) -> str:
    return path.relative_to(source.root).as_posix()


def _problem(source: Source, path: Path, code: str, reason: str) -> _Row:
    return to_uri(source.name, _relative(source, path)), None, None, code, reason


def _look_at(source: Source, path: Path) -> _Row:
    """One row for a path that is no folder; its content is not opened."""
    try:
        if path.is_symlink():
            target = path.resolve(strict=True)
            if target.is_dir() or not target.is_relative_to(source.root):
                where = "to a folder" if target.is_dir() else "out of the source folder"
                return _problem(
                    source, path, "link_not_followed", f"a symbolic link {where}; put the file itself below the source"
                )
        status = path.stat()
    except (OSError, RuntimeError) as error:
        code = "link_not_followed" if path.is_symlink() else "unreadable"
        why = getattr(error, "strerror", None) or "the link leads round in a circle"
        return _problem(source, path, code, f"cannot be reached ({why}); repair or remove it")
    if not stat.S_ISREG(status.st_mode):
        return _problem(source, path, "not_regular", NOT_REGULAR)
    modified = _EPOCH + timedelta(microseconds=min(max(status.st_mtime_ns // 1000, _FIRST), _LAST))
    return to_uri(source.name, _relative(source, path)), status.st_size, modified, None, None


def _hash_file(path: Path) -> tuple[str | None, str | None, str | None]:
    """(SHA-256, None, None), or (None, reason code, reason)."""
    try:
        whole = hashlib.sha256()
        with open_source(path) as file:
            for chunk in chunks(file):
                whole.update(chunk)
        return whole.hexdigest(), None, None
    except SourceError as error:
        return None, error.code, error.reason
    except OSError as error:
        return None, "unreadable", f"cannot be read ({error.strerror}); check its permissions and its disk"


def _with_form(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what the name alone decides about how the same bytes are read."""
    forms = [file_form(uri.rpartition("/")[2]) for uri in rows["source_uri"]]
    keys = [f"{compressed} {suffix in TEXT_SUFFIXES}" for compressed, suffix in forms]
    return rows.with_columns(pl.Series("form", keys, dtype=pl.String))


def _hidden(uris: pl.Series, found: pl.DataFrame) -> pl.Series:
    """For each source_uri: does it lie below something that could not be read, which may be a folder?"""
    unread = tuple(f"{uri}/" for uri in found.filter(pl.col("reason_code") == "unreadable")["source_uri"])
    return pl.Series("hidden", [uri.startswith(unread) for uri in uris], dtype=pl.Boolean)


def _speak_for(uris: pl.Series, sources: Sequence[Source]) -> pl.Series:
    """For each source_uri: does a source of this run speak for it?"""
    by_name = {source.name: source for source in sources}

    def holds(uri: str) -> bool:
        name, _, relative = uri.partition("/")
        return name in by_name and by_name[name].holds(os.fsdecode(unquote_to_bytes(relative)))

    return pl.Series("in_scope", [holds(uri) for uri in uris], dtype=pl.Boolean)


def withhold_deletions(
    decided: pl.DataFrame, prior: pl.DataFrame, max_share: float, at_least: int = 10
) -> tuple[pl.DataFrame, int]:
    """Take back deletions that look like an accident: an unmounted disk, an emptied folder, a share that fails.

    Counted are documents that are gone, or are there but cannot be read, and whose bytes are nowhere else below
    the sources, so that renaming a folder is no deletion. Where they are at least ``at_least`` and more than
    ``max_share`` of the documents of the sources of this run, they stand: the gone ones are left out of the
    decisions, the unreadable ones are kept as they were. Also returns how many were withheld.
    """
    written = prior.filter(pl.col("status") == "written").select("source_uri")
    gone = pl.col("action") == "delete"
    lost = gone | ((pl.col("action") == "quarantine") & pl.col("reason_code").is_in(TRANSIENT))
    alive = decided.filter(~lost)["content_sha256"].drop_nulls()
    known = decided.drop("content_sha256").join(prior.select("source_uri", "content_sha256"), on="source_uri")
    lost_uris = known.filter(lost, ~pl.col("content_sha256").is_in(alive.implode())).join(
        written, on="source_uri", how="semi"
    )["source_uri"]
    before = decided.filter("in_scope").join(written, on="source_uri", how="semi").height
    if lost_uris.len() < at_least or lost_uris.len() <= max_share * before:
        return decided, 0
    withheld = pl.col("source_uri").is_in(lost_uris.implode())
    unread = decided.filter(withheld & ~gone).select("source_uri", "doc_id", "in_scope", action=pl.lit("keep"))
    remembered = prior.select("source_uri", "size_bytes", "modified_at", "content_sha256")
    kept = unread.join(remembered, on="source_uri", how="left")
    rest = pl.concat([decided.filter(~withheld), kept], how="diagonal").sort("source_uri")
    return rest, lost_uris.len()
