"""Places: where Delta tables lie, a folder or a prefix of an object store, by the same few verbs.

A place holds files by name. It knows whose it is, who writes, and how its one pointer is replaced.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from threading import get_ident
from typing import Any, Protocol
from weakref import finalize
from zipfile import BadZipFile, ZipFile

from stages.errors import LockedError, TablesError, UsageError, printable
from stages.tables.store import folder
from stages.tables.store.lease import OWNER, Lease, leased
from stages.tables.store.objects import Conflict, Objects, access, is_url
from stages.tables.store.snapshots import MARKER, replace_file, sync_folder

_WORK = "work"
_RUN_FOLDERS = (_WORK, "snapshots", "failed", "delta")
_MOST_NAMED = 3
_FIRST_PATIENCE = timedelta(seconds=30)
_log = logging.getLogger(__name__)


class Place(Protocol):
    """Files below one root. Raises OSError where it gives out."""

    @property
    def where(self) -> str:
        """Name the place for people."""
        ...

    @property
    def options(self) -> Mapping[str, str]:
        """Say how libraries reach it."""
        ...

    def uri(self, path: str) -> str:
        """Give the address of a file or folder, as Delta and Polars take it."""
        ...

    def require_ours(self, roots: Iterable[object]) -> None:
        """Refuse a place that is not ours, or that is a source of the run."""
        ...

    def writing(self, run_id: str, wait: float) -> AbstractContextManager[bool]:
        """Hold the right to write; gives whether the last writer died."""
        ...

    def is_disturbed(self) -> bool:
        """Tell whether somebody writes, or died doing so."""
        ...

    def require_held(self) -> None:
        """Raise LockedError where the right to write was lost meanwhile."""
        ...

    def work_folder(self, run_id: str) -> Path:
        """Make an empty folder on this machine."""
        ...

    def clear_work(self, working: str = "") -> None:
        """Remove the folders that `work_folder` made, but for that of the run ``working``."""
        ...

    def save(self, work: Path, path: Path) -> None:
        """Keep a file or folder of a work folder for later runs, where that folder does not outlive its machine."""
        ...

    def fetch_saved(self, left: Path) -> None:
        """Bring what a run has saved into ``left``, a folder that is named after it."""
        ...

    def clear_saved(self) -> None:
        """Remove what runs have saved."""
        ...

    def read(self, path: str) -> tuple[bytes, str] | None:
        """Read a file with its tag; None where there is none."""
        ...

    def write(self, path: str, data: bytes | Path) -> None:
        """Write a file in one step."""
        ...

    def replace(self, path: str, data: bytes, tag: str | None) -> None:
        """Write a file where it has this tag (None: where it is not there); else LockedError."""
        ...

    def sizes(self, below: str) -> dict[str, int]:
        """List all files below a folder with their bytes."""
        ...

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files."""
        ...

    def fetch(self, path: str) -> Path:
        """Give a file on this machine with the bytes of that file, which never changes."""
        ...


class Folder:
    """A folder of this machine, with the lock and the marker that snapshots of Parquet files have too."""

    options: Mapping[str, str] = {}

    def __init__(self, root: Path) -> None:
        self.root, self.where = root, str(root)

    def uri(self, path: str) -> str:
        """Give the absolute path."""
        return str(self.root.absolute() / path)

    def require_ours(self, roots: Iterable[object]) -> None:
        """Refuse a folder without the marker that is not empty, and one that is a source."""
        folder.require_ours(self.root, [root for root in roots if isinstance(root, Path)])

    @contextmanager
    def writing(self, run_id: str, wait: float) -> Iterator[bool]:
        """Hold the lock on the folder; makes and marks it where it is new."""
        with folder.writing(self.root, run_id, wait) as died:
            (self.root / "delta").mkdir(exist_ok=True)
            yield died

    def is_disturbed(self) -> bool:
        """Look for the note that a writer leaves."""
        return (self.root / folder.OWNER).exists()

    def require_held(self) -> None:
        """The system keeps the lock."""

    def work_folder(self, run_id: str) -> Path:
        """Make DIR/work/<run>."""
        return folder.make_work(self.root, run_id)

    def clear_work(self, working: str = "") -> None:
        """Remove what runs have named in DIR/work."""
        folder.clear_work(self.root, working)

    def save(self, work: Path, path: Path) -> None:
        """Nothing: the work folder stays."""

    def fetch_saved(self, left: Path) -> None:
        """Nothing: all of it is there."""

    def clear_saved(self) -> None:
        """Nothing: `clear_work` removes it."""

    def read(self, path: str) -> tuple[bytes, str] | None:
        """Read a file; its tag is empty, as the lock keeps others away."""
        try:
            return (self.root / path).read_bytes(), ""
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes | Path) -> None:
        """Write a file, flushed to disk."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, bytes):
            replace_file(target, data.decode())
            return
        data.replace(target)
        sync_folder(target.parent)

    def replace(self, path: str, data: bytes, tag: str | None) -> None:  # noqa: ARG002 - the lock is held
        """Replace a file in one step."""
        replace_file(self.root / path, data.decode())

    def sizes(self, below: str) -> dict[str, int]:
        """Walk a folder."""
        found = (self.root / below).rglob("*")
        return {path.relative_to(self.root).as_posix(): path.stat().st_size for path in found if path.is_file()}

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files, and the folders that are empty then."""
        for path in paths:
            (self.root / path).unlink(missing_ok=True)
        for parent in {(self.root / path).parent for path in paths}:
            with suppress(OSError):
                parent.rmdir()

    def fetch(self, path: str) -> Path:
        """Give the file itself."""
        return self.root / path


class Bucket:
    """A prefix of an object store; what has to lie on a disk meanwhile lies in a temporary folder."""

    def __init__(self, url: str) -> None:
        self.objects, self.where, self.options = Objects(url), url.rstrip("/"), access(url)
        self._scratch: finalize[..., Any] | None = None
        self._lease: Lease | None = None

    def uri(self, path: str) -> str:
        """Give the URL."""
        return f"{self.where}/{path}"

    def require_ours(self, roots: Iterable[object]) -> None:
        """Refuse a prefix without the marker that holds objects, and one that is a source."""
        for root in filter(is_url, map(str, roots)):
            inside = root.removeprefix(self.where).strip("/").split("/")[0]
            if (root.startswith(f"{self.where}/") and inside in _RUN_FOLDERS) or root == self.where:
                raise UsageError(
                    f"the source {root} lies where the tables {self.where} are written; nothing was read or changed. "
                    "Choose another prefix for the tables"
                )
        # Nothing was done yet, so that a wrong address is told sooner than a store is given up.
        first = Objects(self.where, _FIRST_PATIENCE)
        try:
            if first.read(MARKER):
                return
            found = [one.path for one, _ in zip(first.list(), range(_MOST_NAMED), strict=False)]
        except OSError as error:
            raise unreachable(self.where, error) from error
        if found:
            raise UsageError(
                f"{self.where} is not empty ({', '.join(map(printable, found))}) and no tables of fliesstext; nothing "
                "was read or changed. Choose a new or an empty prefix for the tables"
            )

    @contextmanager
    def writing(self, run_id: str, wait: float) -> Iterator[bool]:
        """Hold the lease; marks the prefix where it is new."""
        self.require_ours(())
        with ExitStack() as held:
            try:
                self.objects.write(MARKER, folder.MARKER_TEXT.encode())
                self._lease, died = held.enter_context(leased(self.objects, run_id, wait))
            except OSError as error:
                raise unreachable(self.where, error) from error
            try:
                yield died
            finally:
                self._lease = None

    def is_disturbed(self) -> bool:
        """Look for a lease."""
        return self.objects.read(OWNER) is not None

    def require_held(self) -> None:
        """Ask whether the lease was renewed so far."""
        if self._lease and not self._lease.is_held():
            raise _taken(self.where)

    def work_folder(self, run_id: str) -> Path:
        """Make a temporary folder, in ``left`` the notes of runs that died; `fetch_saved` brings their batches."""
        work = self._disk() / _WORK / run_id
        work.mkdir(parents=True)
        for one in self.objects.list(_WORK):
            _, died, *path = one.path.split("/")
            if len(path) == 1 and folder.RUN.fullmatch(died) and (found := self.objects.read(one.path)):
                note = work / folder.LEFT / died / path[0]
                note.parent.mkdir(parents=True)
                note.write_bytes(found[0])
        return work

    def save(self, work: Path, path: Path) -> None:
        """Upload a file, or a folder as one ZIP archive, to ROOT/work/<run>."""
        kept = f"{_WORK}/{work.name}/{path.relative_to(work).as_posix()}"
        if path.is_file():
            self.objects.write(kept, path)
            return
        with TemporaryDirectory(dir=self._disk()) as disk:
            packed = Path(disk, "packed.zip")
            with ZipFile(packed, "w") as archive:
                for file in sorted(found for found in path.rglob("*") if found.is_file()):
                    archive.write(file, file.relative_to(path))
            self.objects.write(f"{kept}.zip", packed)

    def fetch_saved(self, left: Path) -> None:
        """Download the archives of ROOT/work/<run>; one that is damaged is left out."""
        below = f"{_WORK}/{left.name}"
        for one in self.objects.list(below):
            target = left / one.path.removeprefix(f"{below}/").removesuffix(".zip")
            found = self.objects.read(one.path) if one.path.endswith(".zip") else None
            if found and _is_below(left, target):
                try:
                    with ZipFile(BytesIO(found[0])) as archive:
                        archive.extractall(target)
                except (BadZipFile, NotImplementedError) as error:
                    rmtree(target, ignore_errors=True)
                    _log.warning("%s cannot be read and is made anew: %s", self.uri(one.path), error)

    def clear_saved(self) -> None:
        """Remove all that bears the id of a run in ROOT/work."""
        self.objects.remove([path for path in self.sizes(_WORK) if folder.RUN.fullmatch(path.split("/")[1])])

    def clear_work(self, working: str = "") -> None:
        """Remove the temporary folder, with what was fetched."""
        if working:
            return
        if self._scratch:
            self._scratch()
        self._scratch = None

    def _disk(self) -> Path:
        if self._scratch is None:
            self._scratch_at = Path(mkdtemp(prefix="fliesstext-"))
            # Also where nobody clears away: at the end of the process.
            self._scratch = finalize(self, rmtree, self._scratch_at, ignore_errors=True)
        return self._scratch_at

    def read(self, path: str) -> tuple[bytes, str] | None:
        """Read an object with what tells it from later ones."""
        return self.objects.read(path)

    def write(self, path: str, data: bytes | Path) -> None:
        """Upload an object."""
        self.objects.write(path, data)

    def replace(self, path: str, data: bytes, tag: str | None) -> None:
        """Upload an object by a conditional PUT."""
        try:
            self.objects.write(path, data, instead_of=tag)
        except Conflict:
            raise _taken(self.where) from None

    def sizes(self, below: str) -> dict[str, int]:
        """List a prefix, page by page."""
        return {one.path: one.size for one in self.objects.list(below)}

    def remove(self, paths: Sequence[str]) -> None:
        """Remove objects."""
        self.objects.remove(paths)

    def fetch(self, path: str) -> Path:
        """Download an object once."""
        kept = self._disk() / "fetched" / path
        if not kept.exists():
            if (found := self.objects.read(path)) is None:
                raise FileNotFoundError(None, "no such object", self.uri(path))
            kept.parent.mkdir(parents=True, exist_ok=True)
            new = kept.with_suffix(f".{get_ident()}.new")  # pages are asked for side by side
            new.write_bytes(found[0])
            new.replace(kept)
        return kept


def _is_below(folder: Path, path: Path) -> bool:
    return ".." not in path.relative_to(folder).parts


def unreachable(where: str, error: OSError) -> TablesError:
    """Say that a place gives out, and what to look at."""
    why = error.strerror or type(error).__name__
    return TablesError(f"{where} cannot be read or written ({why}); check the address, the credentials and the network")


def _taken(where: str) -> LockedError:
    return LockedError(
        f"another run has published in {where} or taken over while this one wrote, as happens where one stands still "
        "for a minute; nothing of this one was published. Run again"
    )


def place_of(tables: str | Path) -> Place:
    """Give the place that a user names: a URL of an object store, or a folder."""
    return Bucket(str(tables)) if is_url(tables) else Folder(Path(tables))
