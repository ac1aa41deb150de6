"""Travel: a batch there and back as bytes, for workers that do not see the folder it lies in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from flows.batch import Batch


class Packed(NamedTuple):
    """What a step needs of a run's folder ``work``, by paths below it.

    ``batch``: the folder of the batch; ``files``: whole files; ``pieces``: of the file with the members of containers
    only those of this batch, each with its place.
    """

    work: Path
    batch: str
    files: dict[str, bytes]
    pieces: dict[str, list[tuple[int, bytes]]]


def pack(batch: Batch, work: Path, args: Sequence[object], spool: Path) -> Packed:
    """Take the files of a batch along, and those below ``work`` that the arguments of its step name."""
    files = {_below(work, path): path.read_bytes() for path in _files(batch.folder)}
    named = [arg for arg in args if isinstance(arg, Path) and arg.is_relative_to(work) and arg.is_file()]
    files |= {_below(work, path): path.read_bytes() for path in named if path != spool}
    pieces = {_below(work, path): _cut(path, batch.spooled()) for path in named if path == spool}
    return Packed(work, _below(work, batch.folder), files, pieces)


def do_there(packed: Packed, function: Callable[..., Batch], *args: object) -> dict[str, bytes]:
    """Do a step in a folder of this machine's own; gives the files of the batch that are new or other than before."""
    with TemporaryDirectory(prefix="fliesstext-") as folder:
        here = Path(folder)
        for name, data in packed.files.items():
            _open_way(here / name).write_bytes(data)
        for name, pieces in packed.pieces.items():
            with _open_way(here / name).open("wb") as file:
                for at, data in pieces:
                    file.seek(at)  # what lies between takes no room
                    file.write(data)
        ours = (
            here / arg.relative_to(packed.work) if isinstance(arg, Path) and arg.is_relative_to(packed.work) else arg
            for arg in args
        )
        batch = here / packed.batch
        function(Batch(batch), *ours)
        made = {_below(here, path): path.read_bytes() for path in _files(batch)}
        return {name: data for name, data in made.items() if packed.files.get(name) != data}


def bring_home(batch: Batch, work: Path, made: dict[str, bytes]) -> Batch:
    """Lay what was made there into the folder of the batch."""
    for name, data in made.items():
        new = _open_way(work / f"{name}.new")
        new.write_bytes(data)
        new.replace(work / name)
    return batch


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _below(work: Path, path: Path) -> str:
    return path.relative_to(work).as_posix()


def _open_way(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _cut(file: Path, places: Sequence[tuple[int, int]]) -> list[tuple[int, bytes]]:
    with file.open("rb") as opened:
        return [(opened.seek(at), opened.read(n_bytes)) for at, n_bytes in places]
