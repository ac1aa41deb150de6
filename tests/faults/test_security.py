"""Nothing foreign runs, and nothing foreign steers what people see."""

import ast
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from flows import cli
from flows.settings import Settings
from flows.show import show_file
from stages.errors import SourceError, UsageError
from tests.faults.harness import ROOT, article
from tests.syntax import syntax_tree

MODULES = sorted(path for package in ("stages", "expectations", "flows") for path in (ROOT / package).rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "pty", "code"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "extractall", "extract"}


def imported(tree: ast.AST) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def called(tree: ast.AST) -> set[str]:
    """Names called plainly, and methods of the modules os, zipfile and tarfile."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    plain = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    of_os = {
        call.func.attr
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in ("os", "zipfile", "tarfile", "builtins")
    }
    return plain | of_os


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_runs_foreign_code(path: Path) -> None:
    tree = syntax_tree(path)
    assert not imported(tree) & FORBIDDEN_MODULES
    assert not called(tree) & FORBIDDEN_CALLS
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            assert node.arg not in ("allow_pickle", "shell") or ast.unparse(node.value) == "False", node.arg


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_weights_hold_no_objects(suffix: str) -> None:
    import numpy as np

    for path in sorted((ROOT / "stages").rglob(f"*{suffix}")):
        loaded = np.load(path, allow_pickle=False)
        arrays = loaded.values() if suffix == ".npz" else [loaded]
        assert all(array.dtype != object for array in arrays), path


ODD_NAME = "\x1b[31mrot\udcff.txt"


def test_show_prints_no_control_character_of_a_name_or_a_text(tmp_path: Path) -> None:
    path = tmp_path / ODD_NAME
    path.write_text("\x1b[2J\x1b]0;x\x07" + article(3) + "\x9b31m [bold]x[/bold]", encoding="utf-8")
    screen = StringIO()
    show_file(path, Settings(), Console(file=screen, width=200))
    assert all(c.isprintable() or c == "\n" for c in screen.getvalue())
    assert "[bold]x[/bold]" in screen.getvalue(), "brackets are text, not markup"


def test_messages_are_printable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ODD_NAME
    path.touch()
    assert cli.main(["show", str(path)]) == 2
    assert cli.main(["run", str(tmp_path / "\x1b31m")]) == 2
    assert all(c.isprintable() or c == "\n" for c in capsys.readouterr().err)


def test_reasons_are_printable() -> None:
    assert SourceError("binary", "a\x1b\udcff\n").reason == r"a\x1b\udcff\n"


@pytest.mark.parametrize("name", ["../x", "a/b", "a\nb", "a%b", "\x1b", "\u202e"])
def test_a_source_name_is_a_plain_name(tmp_path: Path, name: str) -> None:
    from stages.discover.sources import parse_sources

    with pytest.raises(UsageError):
        parse_sources([f"{name}={tmp_path}"])
