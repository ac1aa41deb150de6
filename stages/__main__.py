"""Print the map of the house, `python -m stages`: every room in the order of the run, with its own first sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).parent.parent
WINGS = ("flows", "expectations", "stages")
WIDTH = 34


def rooms(house: Path = HOUSE) -> Iterator[tuple[str, str]]:
    """Give every package and every module beside one, as (path, first sentence of its docstring), wing by wing.

    In `stages` they come in the order of `stages.__doc__`; what is listed nowhere comes last, by name. Modules inside
    a stage's own folder are its rooms and are listed below it; training scripts below `models` are not.
    """
    for wing in WINGS:
        yield f"{wing}/", sentence(house / wing / "__init__.py")
        yield from _rooms_below(house / wing, house)


def sentence(module: Path) -> str:
    """Give the first sentence of a module's docstring, on one line; empty where there is none."""
    told = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return " ".join(told.split("\n\n")[0].split())


def _rooms_below(folder: Path, house: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir(), key=lambda path: _place(folder, path)):
        if path.is_dir() and (path / "__init__.py").exists():
            yield f"{path.relative_to(house).as_posix()}/", sentence(path / "__init__.py")
            if path.name != "models":
                yield from _rooms_below(path, house)
        elif path.suffix == ".py" and not path.name.startswith("__"):
            yield path.relative_to(house).as_posix(), sentence(path)


def _place(folder: Path, path: Path) -> tuple[int, str]:
    """Where a room stands: in the order in which the folder's docstring names it, else behind, by name."""
    told = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    at = told.find(f"`{path.stem}`")
    return (at if at >= 0 else len(told)), path.name


if __name__ == "__main__":
    for path, told in rooms():
        print(f"{'  ' * path.rstrip('/').count('/')}{path.rstrip('/').rpartition('/')[2]:{WIDTH}} {told}")
