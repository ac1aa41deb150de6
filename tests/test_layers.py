"""The direction of imports: flows use expectations, expectations use stages, stages use nothing else of ours."""

import ast
import re
import subprocess
import sys

import pytest

import stages
from tests.syntax import syntax_tree

OURS = {"flows", "expectations", "stages"}
ALLOWED = {
    "stages": {"stages"},
    "expectations": {"expectations", "stages"},
    "flows": OURS,
}
HEAVY = {"prefect", "great_expectations", "pandas"}


def modules(project):
    found = [path for layer in OURS for path in (project / layer).rglob("*.py")]
    assert {path.relative_to(project).parts[0] for path in found} == OURS
    return found


def imported_modules(path):
    """The modules that a module imports anywhere in it, by whole name; of ``from a import b`` both a and a.b."""
    names = set()
    for node in ast.walk(syntax_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write the whole name instead of a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported(path):
    """The top-level packages that a module imports anywhere in it."""
    return {name.partition(".")[0] for name in imported_modules(path)}


def test_layers_import_downwards_only(project):
    for path in modules(project):
        layer = path.relative_to(project).parts[0]
        assert imported(path) & OURS <= ALLOWED[layer], path


def rooms_in_order():
    """The rooms of `stages`, a later one above an earlier one; what lies below all stages comes first."""
    below = ["errors", "lookups", "models", "tables"]
    return [*below, *re.findall(r"^\d+\. `(\w+)`: ", stages.__doc__, flags=re.MULTILINE)]


def test_stages_use_only_what_comes_before_them(project):
    order = rooms_in_order()
    for path in (project / "stages").rglob("*.py"):
        room = path.relative_to(project / "stages").parts[0].removesuffix(".py")
        if room.startswith("__") or room == "models":  # training scripts use what they train
            continue
        used = {name.split(".")[1] for name in imported_modules(path) if name.startswith("stages.")}
        later = {name for name in used if order.index(name) > order.index(room)}
        assert not later, f"{path} uses {later}, which comes after it"


def test_names_are_found_without_linking_and_values_without_names(project):
    for path in (project / "stages" / "extract_entities" / "values").rglob("*.py"):
        assert not any("extract_entities.names" in name for name in imported_modules(path)), path


def test_stages_know_neither_prefect_nor_the_gate(project):
    for path in modules(project):
        layer = path.relative_to(project).parts[0]
        if layer == "stages":
            assert not imported(path) & HEAVY, path
        if layer == "expectations" and path.name != "gate.py":
            assert not imported(path) & HEAVY, path


def test_only_the_command_line_prints(project):
    for path in modules(project):
        if "models" in path.parts:
            continue  # training scripts are command lines too
        names = {node.id for node in ast.walk(syntax_tree(path)) if isinstance(node, ast.Name)}
        assert "print" not in names or path.name in {"cli.py", "cli_operate.py", "__main__.py"}, path


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("flows.cli", {"polars", "prefect", "great_expectations", "pandas", "pyarrow", "pydantic"}),
        ("flows.show", {"prefect", "great_expectations"}),
        ("flows.batch", {"prefect", "great_expectations"}),
        ("stages.annotate", {"prefect", "great_expectations"}),
    ],
)
def test_what_an_import_does_not_load(project, module, absent):
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {absent!r}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
