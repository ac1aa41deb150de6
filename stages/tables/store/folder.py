"""The tables folder as the place where runs write: whose it is, who writes, and what is cleared away again.

A folder is ours when it was new or empty, and from then on by its marker. Below the marker only that is ever
replaced or removed which bears a name that runs give; whatever else lies there stays, whoever put it there.
"""

import json
import logging
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from stages.errors import LockedError, TablesError, UsageError, printable
from stages.tables.schemas import TABLES
from stages.tables.store.snapshots import (
    CURRENT,
    MARKER,
    SNAPSHOT,
    SNAPSHOT_PATH,
    VALIDATION,
    WINDOWS,
    Snapshot,
    is_tables_folder,
    replace_file,
    sync_folder,
)

if TYPE_CHECKING:
    from filelock import FileLock

_log = logging.getLogger(__name__)
MARKER_TEXT = """\
fliesstext publishes tables in this folder. Besides CURRENT.json and latest it writes, replaces and removes only what
it has named after a run (like 20261128T032503Z-abc123) in work/, snapshots/, failed/ and delta/; everything else stays
as it is. Without this file fliesstext does not write here, so keep it where you copy or move the tables.
"""
_OF_THE_SYSTEM = {"lost+found", ".ds_store", "thumbs.db", "desktop.ini", ".gitkeep", ".gitignore"}
"""Names in lower case that a system or a repository gives by itself: a folder with no others counts as empty."""
_OUR_FOLDERS = ("work", "snapshots", "failed", "delta")
OWNER = ".writer.json"
"""Who writes: there while a run does, and afterwards where it did not come to its end."""
LEFT = "left"
"""In the work folder of a run: those of runs that died."""
_LINK, _NEW_LINK = "latest", ".latest.new"
_MOST_NAMED = 3
_SECONDS_WITHOUT_A_WORD = 1.0
"""So long a run waits in silence: the other may be about to end, or not have written down yet who it is."""
_MOST_DAYS = 1_000_000

_RUN_ID = r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}"
RUN = re.compile(_RUN_ID)
_FAILED_RUN = re.compile(rf"{_RUN_ID}\.json")
_SNAPSHOT_OR_TRASH = re.compile(rf"{_RUN_ID}|\.{_RUN_ID}\.old")
_JSON = "|".join(map(re.escape, (SNAPSHOT, VALIDATION)))
_BESIDE = (
    r"browse\.sqlite|\.browse\.sqlite\.[0-9]+\.new"
    r"|\.?(?:report\.html|corrections\.csv|corrections-met\.csv)(?:\.new)?"
)
"""What is made from the tables beside them, and goes with them."""
_IN_A_SNAPSHOT = re.compile(
    rf"(?:{'|'.join(TABLES)})(?:/part(?:-[0-9a-f]+)?\.parquet)?|{_JSON}|\.(?:{_JSON})\.new|{_BESIDE}"
)


def new_run_id(started: datetime) -> str:
    """Name a run by the time of its start (UTC, to the microsecond) and by chance; what it writes bears this name.

    Runs that begin in the same second sort by their beginning too.

    >>> new_run_id(datetime(2026, 11, 28, 3, 25, 3, 16, tzinfo=UTC))[:-1]
    '20261128T032503Z-00010'
    """
    return f"{started:%Y%m%dT%H%M%SZ}-{started.microsecond:05x}{secrets.token_hex(1)[0]}"


# Whose folder it is


def require_ours(tables: Path, roots: Iterable[object] = ()) -> None:
    """Refuse a folder that a run over the sources with these ``roots`` must not publish in; writes nothing.

    A tables folder is new, empty (but for what the system itself puts there) or carries the marker; it is no source,
    and no source lies where runs write and remove. Raises UsageError that says what was found and what to do, or
    TablesError where the folder cannot be listed.
    """
    for root in roots:
        if not isinstance(root, Path):
            continue  # on an object store
        _require_apart(tables, root)
    try:
        found = sorted(path.name for path in tables.iterdir() if path.name.lower() not in _OF_THE_SYSTEM)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise UsageError(
            f"{tables} is no folder, or lies below a file; nothing was read or changed. Choose a new or an empty "
            "folder for the tables"
        ) from None
    except OSError as error:
        raise TablesError(f"{tables} cannot be listed ({error.strerror}); check its permissions") from error
    # Looked for after the listing: what another run has put there meanwhile, it has put there after the marker.
    if found and not is_tables_folder(tables):
        raise UsageError(_refusal(tables, found))
    for folder in (tables / name for name in _OUR_FOLDERS if name in found):
        if not (_is_real(folder) and folder.is_dir()):
            raise UsageError(
                f"{folder} is a link or no folder, and what lies there is not ours to remove; nothing was read or "
                "changed. Take it away, or choose a new or an empty folder for the tables"
            )


def _require_apart(tables: Path, root: Path) -> None:
    if _same(tables, root):
        raise UsageError(
            f"{tables} is a source of this run, so it cannot hold the tables too; nothing was read or changed. "
            "Choose a new or an empty folder for the tables"
        )
    real = Path(os.path.realpath(root))
    for folder in (tables / name for name in _OUR_FOLDERS):
        if any(_same(folder, parent) for parent in (real, *real.parents)):
            raise UsageError(
                f"the source {root} lies in {folder}, where runs write and remove; nothing was read or changed. "
                "Move it, or choose another folder for the tables"
            )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False  # a folder that is not there is no source


def _refusal(tables: Path, found: Sequence[str]) -> str:
    named = ", ".join(printable(name) for name in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
    text = (
        f"{tables} is not empty ({named}{more}) and no tables folder of fliesstext; nothing was read or changed. "
        "Choose a new or an empty folder for the tables"
    )
    try:
        Snapshot.from_json((tables / CURRENT).read_text(encoding="utf-8"))
    except (OSError, KeyError, TypeError, ValueError):
        return text
    return (
        f"{text}. Or, if these are tables of a version without the marker {MARKER}: see that nothing of yours lies in "
        f"{', '.join(_OUR_FOLDERS)} there, and create an empty file {tables / MARKER}"
    )


def _is_real(path: Path) -> bool:
    """Tell whether a path lies where its name says: it is no link and, on Windows, no junction to elsewhere."""
    # Path.resolve raises where a link leads to itself.
    return Path(os.path.realpath(path)) == Path(os.path.realpath(path.parent), path.name)


def _mark(tables: Path) -> None:
    """Write the marker, on disk before anything else; one that a run was killed in the middle of is completed."""
    marker = tables / MARKER
    if marker.is_file() and marker.stat().st_size:
        return
    with marker.open("a", encoding="utf-8", newline="\n") as out:
        out.write(MARKER_TEXT)
        out.flush()
        os.fsync(out.fileno())
    sync_folder(tables)


# One writer


@contextmanager
def writing(tables: Path, run_id: str, wait: float = 0.0) -> Iterator[bool]:
    """Hold the right to write below ``tables``; the operating system frees it when the process ends, however.

    Makes and marks the folder where it is new or empty. While another run holds the right, waits up to ``wait``
    seconds for it and says so once in the log. Gives whether the last writer died in the middle. Raises UsageError
    where the folder is not ours, LockedError with the name of the run that still holds it, TablesError where the
    folder cannot be made or written to.
    """
    require_ours(tables)
    try:
        tables.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TablesError(f"{tables} cannot be made ({error.strerror}); choose another --tables folder") from error
    from filelock import FileLock  # here, for readers take no lock

    lock = FileLock(tables / ".writer.lock", poll_interval=0.1)
    try:
        _mark(tables)
        _acquire(lock, tables, wait)
    except OSError as error:
        raise TablesError(f"{tables} cannot be written to ({error.strerror}); check its permissions") from error
    owner = tables / OWNER
    try:
        last_died = owner.exists()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        owner.write_text(
            json.dumps({"run_id": run_id, "pid": os.getpid(), "host": socket.gethostname(), "since": started}),
            encoding="utf-8",
        )
        yield last_died
    finally:
        with suppress(OSError):
            owner.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: "FileLock", tables: Path, wait: float) -> None:
    """Take the lock at once or within ``wait`` seconds; that of a process that has died is free."""
    from filelock import Timeout

    with suppress(Timeout):
        lock.acquire(timeout=min(wait, _SECONDS_WITHOUT_A_WORD))
        return
    if wait > _SECONDS_WITHOUT_A_WORD:
        _log.warning("%s is being written by %s; waiting up to %g seconds for it", tables, _owner(tables), wait)
        with suppress(Timeout):
            lock.acquire(timeout=wait - _SECONDS_WITHOUT_A_WORD)
            return
    raise LockedError(
        f"{tables} is being written by {_owner(tables)}; waited {wait:g} seconds for it. Run again when it has ended, "
        "or wait longer (--wait SECONDS, in a deployment wait_seconds)"
    )


def _owner(tables: Path) -> str:
    try:
        who = json.loads((tables / OWNER).read_text(encoding="utf-8"))
        return printable(f"run {who['run_id']} (process {who['pid']} on {who['host']}, since {who['since']})")
    except (OSError, KeyError, TypeError, ValueError):
        return "another run that has just started"


# Clearing away


def clear_leftovers(tables: Path, current: Snapshot | None, working: str = "") -> None:
    """Remove what runs left: batches in work/, and snapshots that ``current`` no longer or does not yet name.

    The work folder of the run ``working`` stays.
    Only below the marker, only under names that runs give, never through a link. A published snapshot that has no
    copy of CURRENT.json yet gets one. To be called by the one writer only; what cannot be removed waits for the
    next run.
    """
    if not is_tables_folder(tables):
        return
    clear_work(tables, working)
    known = {current.snapshot, *current.previous} if current else set()
    for folder in _of_runs(tables, "snapshots", _SNAPSHOT_OR_TRASH):
        if f"snapshots/{folder.name}" not in known and folder.is_dir():
            with suppress(OSError):
                _remove_snapshot(folder)
    with suppress(OSError):
        (tables / f".{CURRENT}.new").unlink(missing_ok=True)
        if (tables / _NEW_LINK).is_symlink():
            (tables / _NEW_LINK).unlink()
    with suppress(OSError):
        if current and not (tables / current.snapshot / SNAPSHOT).exists():
            replace_file(tables / current.snapshot / SNAPSHOT, current.to_json())


def make_work(tables: Path, run_id: str) -> Path:
    """Make DIR/work/<run> and put into its folder ``left`` what runs that died have left in work/.

    To be called by the one writer only; what cannot be moved is not taken over.
    """
    left = _of_runs(tables, "work", RUN)
    work = tables / "work" / run_id
    work.mkdir(parents=True)
    if left:
        (work / LEFT).mkdir()
    for folder in left:
        with suppress(OSError):
            folder.rename(work / LEFT / folder.name)
    return work


def clear_work(tables: Path, working: str = "") -> None:
    """Remove the batches that runs left, but for those of the run ``working``; to be called by the one writer only."""
    for folder in _of_runs(tables, "work", RUN):
        if folder.name != working:
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        if _is_real(tables / "work"):
            (tables / "work").rmdir()  # does nothing where something of others lies in it


def failed_runs(tables: Path) -> list[Path]:
    """List what the gate found in runs that failed, by run id; what others have put beside it is left out."""
    return [file for file in _of_runs(tables, "failed", _FAILED_RUN) if file.is_file()]


def _of_runs(tables: Path, name: str, ours: re.Pattern[str]) -> list[Path]:
    """List what lies in one of our folders under a name that runs give, without links."""
    folder = tables / name
    if not (_is_real(folder) and folder.is_dir()):
        return []
    return sorted(path for path in folder.iterdir() if ours.fullmatch(path.name) and _is_real(path))


def _remove_snapshot(folder: Path) -> None:
    """Remove a snapshot, first out of the way in one step, so that nobody meets half of one.

    What somebody else has put into it stays there.
    """
    snapshot = folder.with_name(folder.name.removeprefix(".").removesuffix(".old"))
    trash = folder.with_name(f".{snapshot.name}.old")
    within = sorted(folder.rglob("*"), reverse=True)  # what lies in a folder comes before the folder
    ours = [p.relative_to(folder) for p in within if not p.is_symlink() and _is_ours(p.relative_to(folder))]
    if len(ours) < len(within) and not any((folder / path).is_file() for path in ours):
        if folder == trash:  # a run was killed before it put this back
            folder.rename(snapshot)
        return
    folder.rename(trash)
    if len(ours) == len(within):
        shutil.rmtree(trash)
        return
    for path in ours:
        with suppress(OSError):
            (trash / path).rmdir() if (trash / path).is_dir() else (trash / path).unlink()
    trash.rename(snapshot)


def _is_ours(path: Path) -> bool:
    """Tell whether a run gives this name, relative to its snapshot, to a file or a table."""
    return bool(_IN_A_SNAPSHOT.fullmatch(path.as_posix()))


def worth_keeping(tables: Path, earlier: Sequence[str], keep: int, keep_days: float) -> tuple[str, ...]:
    """Give the snapshots that the next one goes on naming; ``earlier``: the published ones, newest first.

    These are the newest ``keep`` (the next one counts) and those that stopped being the current one less than
    ``keep_days`` ago, which they did when the one after them was published. The others are cleared away by
    `clear_leftovers` once a CURRENT.json without their names is published.
    """
    there = [name for name in earlier if (tables / name).is_dir()]
    return still_kept(there, [_published_at(tables / name) for name in there], keep, keep_days)


def still_kept(
    there: Sequence[str], published: Sequence[datetime | None], keep: int, keep_days: float
) -> tuple[str, ...]:
    """Do what `worth_keeping` does with snapshots that are ``there``, newest first, and when each was published."""
    now = datetime.now(UTC)
    days = timedelta(days=min(keep_days, _MOST_DAYS))
    ended = _ends(published, now)
    kept = (n < keep or now - end < days for n, end in enumerate(ended, 1))
    return tuple(name for name, stays in zip(there, kept, strict=True) if stays)


def _published_at(snapshot: Path) -> datetime | None:
    """Say when a snapshot was published, by the clock of that day; None where its copy of the pointer is not sound."""
    try:
        return time_in((snapshot / SNAPSHOT).read_text(encoding="utf-8"))
    except OSError:
        return None


def time_in(pointer: str) -> datetime | None:
    """Say when a snapshot was published, from the text of its copy of the pointer; None where that is not sound."""
    try:
        at = datetime.fromisoformat(json.loads(pointer)["published_at"])
    except (KeyError, TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def _ends(published: Sequence[datetime | None], now: datetime) -> list[datetime]:
    """Give when each snapshot stopped being the current one, from when each was published; newest first.

    The order is certain, the times are what clocks said. One after ``now``, or before that of an older snapshot,
    came from a clock that was wrong then: the next newer time counts in its place, at last ``now``. So nothing
    seems older than it is, and nothing stays for longer than the snapshots after it do.
    """
    latest = datetime.min.replace(tzinfo=UTC)
    sound: list[datetime | None] = []
    for at in reversed(published):
        sound.append(at if at and latest <= at <= now else None)
        latest = sound[-1] or latest
    ends, end = [], now
    for at in reversed(sound):
        ends.append(end)
        end = at or end
    return ends


def point_link(tables: Path, snapshot: str) -> None:
    """Lead DIR/latest, the link for people, to a snapshot; a name ``latest`` that somebody else uses stays theirs.

    Raises OSError where there can be no link.
    """
    link, new = tables / _LINK, tables / _NEW_LINK
    if os.path.lexists(link) and not (link.is_symlink() and SNAPSHOT_PATH.fullmatch(link.readlink().as_posix())):
        return
    if new.is_symlink():
        new.unlink()
    new.symlink_to(snapshot)
    if WINDOWS:
        link.unlink(missing_ok=True)  # it would not be replaced there: a link to a folder counts as a folder
    new.replace(link)
