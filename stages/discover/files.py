"""Which files lie below the sources, and what is in them as far as a hash tells.

`find_files` lists what the disk holds, `hash_contents` reads what cannot be trusted unread.
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

import polars as pl

from stages.discover.containers import holds_members
from stages.discover.patience import patiently
from stages.discover.remote import Remote, list_objects
from stages.discover.selection import TABLES_FOLDER, Selection
from stages.discover.sidecars import SIDECAR, is_sidecar, sidecar_names
from stages.discover.sources import (
    DISK_FAILED,
    NOT_REGULAR,
    STORE,
    Source,
    chunks,
    open_source,
    refused,
    to_path,
    to_uri,
)
from stages.errors import SourceError
from stages.tables.store.snapshots import is_tables_folder

T = TypeVar("T")

_AT_ONCE, _ASKED_TOGETHER = 16, 512
"""Objects that are read side by side, and that are asked for before the first answer is taken."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DAY = 86_400_000_000

# Microseconds from 1970 to the years 1000 and 9000: file systems can hold times that calendars cannot.
_FIRST, _LAST = -354_285 * _DAY, 2_567_619 * _DAY

FOUND = pl.Schema(
    [
        ("source_uri", pl.String()),
        ("size_bytes", pl.Int64()),
        ("modified_at", pl.Datetime("us", "UTC")),
        ("reason_code", pl.String()),
        ("reason", pl.String()),
    ]
)

_LISTED = pl.Schema(FOUND | {"modified_at": pl.Int64()})
_Row = tuple[str, int | None, int | None, str | None, str | None]
"""A row of `FOUND`, its time in microseconds since 1970."""


class Listing(NamedTuple):
    """The paths below the sources, and how many were passed over, by source and reason.

    ``sidecars``: the source_uri of the sidecar of a file, by that of the file. ``tags``: the ETags of those on object
    stores, by their source_uri.
    """

    files: pl.DataFrame
    passed_over: dict[str, dict[str, int]]
    sidecars: dict[str, str]
    tags: dict[str, str | None]


def find_files(sources: Iterable[Source], selection: Selection | None = None) -> Listing:
    """List every path below the sources that ``selection`` does not pass over, in order of source_uri.

    One row for each regular file, and one for everything that is no regular file, a link that is not followed or a
    folder that cannot be listed, with ``reason_code`` and ``reason``. Folders are walked, not listed; nothing is
    opened. A folder that is passed over is not looked into and counts as one; so does a folder of published tables.
    A sidecar lies beside its file, whatever patterns the file was named by; only ``selection.exclude`` takes it away.
    """
    sources, selection = list(sources), selection or Selection()
    passed = {source.name: Counter[str]() for source in sources}
    beside = _Beside({}, {})
    rows = sorted(row for source in sources for row in _walk(source, selection, passed[source.name], beside))
    counts = {name: dict(sorted(reasons.items())) for name, reasons in passed.items() if reasons}
    return Listing(pl.DataFrame(rows, schema=_LISTED, orient="row").cast(FOUND), counts, *beside)


def find_patiently(sources: Iterable[Source], selection: Selection | None = None) -> Listing:
    """Do what `find_files` does, and look again after a while where the disk failed; object stores were asked again."""
    sources = list(sources)
    on_disk = {source.name for source in sources if not isinstance(source.root, Remote)}

    def failed(found: Listing) -> bool:
        uris = found.files.filter(pl.col("reason_code") == DISK_FAILED)["source_uri"]
        return any(uri.partition("/")[0] in on_disk for uri in uris)

    return patiently(find_files(sources, selection), failed, lambda _: find_files(sources, selection))


def trust(found: pl.DataFrame, prior: pl.DataFrame, trusted_before: datetime | None) -> pl.DataFrame:
    """Add ``content_sha256`` and ``opened`` (is it a container?) to listed files that need not be read.

    A file whose size and modification time are those of the last run (``prior``, its `sources`) keeps its hash, unless
    it was modified at or after ``trusted_before`` (it may have changed again within the clock's resolution; null: no
    file is trusted). Both columns are null in other rows.
    """
    same = (pl.col("size_bytes") == pl.col("size_bytes_prior")) & (pl.col("modified_at") == pl.col("modified_at_prior"))
    trusted = pl.lit(False) if trusted_before is None else same & (pl.col("modified_at") < trusted_before)
    known = prior.select(
        "source_uri", "size_bytes", "modified_at", "content_sha256", opened=pl.col("status") == "opened"
    )
    return found.join(known, on="source_uri", how="left", suffix="_prior", maintain_order="left").select(
        *FOUND.names(),
        content_sha256=pl.when(trusted.fill_null(False)).then("content_sha256"),
        opened=pl.when(trusted.fill_null(False)).then("opened"),
    )


def unread(known: pl.DataFrame) -> pl.Series:
    """Give the source_uris of the files whose content is not known yet."""
    return known.filter(pl.col("content_sha256").is_null(), pl.col("reason_code").is_null())["source_uri"]


def hash_contents(
    known: pl.DataFrame, roots: Mapping[str, Path | Remote], progress: Callable[[], object] = lambda: None
) -> pl.DataFrame:
    """Read the files that `trust` left unread, to know their hashes and which are containers.

    A file that cannot be read gets the reason ``unreadable``, or ``disk_failed`` where `hash_again` may have more luck.
    """
    fresh = _hash_files(unread(known), roots, progress)
    return known.join(fresh, on="source_uri", how="left", maintain_order="left").select(
        *(c for c in FOUND.names() if not c.startswith("reason")),
        reason_code=pl.coalesce("reason_code", "c"),
        reason=pl.coalesce("reason", "r"),
        content_sha256=pl.coalesce("content_sha256", "h"),
        opened=pl.coalesce("o", "opened").fill_null(False),
    )


def hash_patiently(hashed: pl.DataFrame, roots: Mapping[str, Path | Remote]) -> pl.DataFrame:
    """Try what the disk would not give to `hash_contents` again after a while."""
    return patiently(hashed, lambda found: DISK_FAILED in found["reason_code"], lambda found: hash_again(found, roots))


def hash_again(hashed: pl.DataFrame, roots: Mapping[str, Path | Remote]) -> pl.DataFrame:
    """Try the files once more that the disk would not give to `hash_contents`; the other rows stay as they are."""
    failed = pl.col("reason_code").eq_missing(pl.lit(DISK_FAILED)) & pl.col("size_bytes").is_not_null()
    fresh = _hash_files(hashed.filter(failed)["source_uri"], roots)
    return hashed.join(fresh, on="source_uri", how="left", maintain_order="left").select(
        *(c for c in FOUND.names() if not c.startswith("reason")),
        reason_code=pl.when(failed).then("c").otherwise("reason_code"),
        reason=pl.when(failed).then("r").otherwise("reason"),
        content_sha256=pl.coalesce("content_sha256", "h"),
        opened=pl.coalesce("o", "opened"),
    )


def _hash_files(
    uris: Iterable[str], roots: Mapping[str, Path | Remote], progress: Callable[[], object] = lambda: None
) -> pl.DataFrame:
    """The hash (h), or the reason code (c) and the reason (r), of each file, and whether it is a container (o)."""
    hashed = []
    for uri, found in _side_by_side(list(uris), lambda uri: _hash_file(to_path(uri, roots)), roots):
        hashed.append((uri, *found))
        progress()
    schema = {"source_uri": pl.String, "h": pl.String, "c": pl.String, "r": pl.String, "o": pl.Boolean}
    return pl.DataFrame(hashed, schema=schema, orient="row")


def _side_by_side(
    uris: Sequence[str], ask: Callable[[str], T], roots: Mapping[str, Path | Remote]
) -> Iterator[tuple[str, T]]:
    """Give each source_uri with the answer, several at a time where they lie on object stores, which answer slowly."""
    if not any(isinstance(root, Remote) for root in roots.values()):
        yield from ((uri, ask(uri)) for uri in uris)
        return
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="objects") as threads:
        for at in range(0, len(uris), _ASKED_TOGETHER):
            some = uris[at : at + _ASKED_TOGETHER]
            yield from zip(some, threads.map(ask, some), strict=True)


class _Beside(NamedTuple):
    """``sidecars`` and ``tags`` of what is found."""

    sidecars: dict[str, str]
    tags: dict[str, str | None]


def _walk(source: Source, selection: Selection, passed: Counter[str], found: _Beside) -> Iterator[_Row]:
    """The rows of one source; what is passed over is added to ``passed``, what lies beside a file to ``found``."""
    if isinstance(source.root, Remote):
        yield from _list_remote(source, source.root, selection, passed, found)
        return
    unwanted = Selection(exclude=selection.exclude)
    folders = [""]  # below the source, each with a slash behind it
    while folders:
        at = folders.pop()
        try:
            ours, entries = is_tables_folder(source.root / at), _list(source.root / at)
        except OSError as error:
            # A folder that is not there holds nothing; whether that is meant is asked before anything is deleted.
            if at or not isinstance(error, FileNotFoundError):
                refusal = refused(error, "listed")
                yield _problem(source, at.removesuffix("/"), refusal.code, f"the folder {refusal.reason}")
            continue
        if ours and source.patterns:
            passed[TABLES_FOLDER] += 1
            entries = []
        beside = {at + name for name, is_folder in entries if is_sidecar(name) and not is_folder} - {*source.files}
        beside -= {path for path in beside if unwanted.passes_over(path)}
        for name, is_folder in entries:
            path = f"{at}{name}/" if is_folder else at + name
            if not (source.leads_to(path[:-1]) if is_folder else source.holds(path)):
                continue
            why = None if path in source.files else SIDECAR if path in beside else selection.passes_over(path)
            if why:
                passed[why] += 1
            elif is_folder:
                folders.append(path)
            else:
                yield _look_at(source, source.root, path)
                if beside:
                    _note_sidecar(source, path, beside, found.sidecars)


def _list_remote(
    source: Source, root: Remote, selection: Selection, passed: Counter[str], found: _Beside
) -> Iterator[_Row]:
    """The rows of a source on an object store; one row with the reason where it cannot be listed."""
    try:
        listed, beside = list_objects(root, selection, source.files, source.holds, passed)
    except OSError as error:
        refusal = refused(error, "listed", STORE)
        yield _problem(source, "", refusal.code, f"the prefix {refusal.reason}")
        return
    found.tags.update((to_uri(source.name, path), tag) for path, tag in beside.items())
    for one in listed:
        modified = (one.modified - _EPOCH) // timedelta(microseconds=1)
        yield to_uri(source.name, one.path), one.size, modified, None, None
        _note_sidecar(source, one.path, beside, found.sidecars)


def _note_sidecar(source: Source, path: str, beside: Collection[str], sidecars: dict[str, str]) -> None:
    if lies := next((sidecar for sidecar in sidecar_names(path) if sidecar in beside), None):
        sidecars[to_uri(source.name, path)] = to_uri(source.name, lies)


def _list(folder: Path) -> list[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]


def _problem(source: Source, relative: str, code: str, reason: str) -> _Row:
    return to_uri(source.name, relative), None, None, code, reason


def _look_at(source: Source, root: Path, relative: str) -> _Row:
    """One row for a path that is no folder; its content is not opened."""
    name = f"{root}/{relative}"  # to make a Path of it takes longer than to ask the disk
    is_link = False
    try:
        status = os.lstat(name)
        is_link = stat.S_ISLNK(status.st_mode)
        if is_link:
            target = Path(name).resolve(strict=True)
            if target.is_dir() or not target.is_relative_to(root):
                where = "to a folder" if target.is_dir() else "out of the source folder"
                return _problem(
                    source,
                    relative,
                    "link_not_followed",
                    f"a symbolic link {where}; put the file itself below the source",
                )
            status = target.stat()
    except (OSError, RuntimeError) as error:
        refusal = refused(error, "reached") if isinstance(error, OSError) else None
        if refusal and (refusal.code == DISK_FAILED or not is_link):
            return _problem(source, relative, refusal.code, refusal.reason)
        why = getattr(error, "strerror", None) or "the link leads round in a circle"
        return _problem(source, relative, "link_not_followed", f"cannot be reached ({why}); repair or remove it")
    if not stat.S_ISREG(status.st_mode):
        return _problem(source, relative, "not_regular", NOT_REGULAR)
    modified = min(max(status.st_mtime_ns // 1000, _FIRST), _LAST)
    return to_uri(source.name, relative), status.st_size, modified, None, None


def _hash_file(path: Path | Remote) -> tuple[str | None, str | None, str | None, bool]:
    """(SHA-256, None, None, whether it is a container), or (None, reason code, reason, False)."""
    try:
        whole = hashlib.sha256()
        with open_source(path) as file:
            for chunk in chunks(file):
                whole.update(chunk)
            return whole.hexdigest(), None, None, holds_members(file, path.name)
    except SourceError as error:
        return None, error.code, error.reason, False
    except OSError as error:
        refusal = refused(error)
        return None, refusal.code, refusal.reason, False
