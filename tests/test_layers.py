"""The direction of imports: flows use expectations, expectations use stages, stages use nothing else of ours."""

import ast
import subprocess
import sys

import pytest

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


def imported(path):
    """The top-level packages that a module imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write the whole name instead of a relative import"
            names.add((node.module or "").partition(".")[0])
    return names


def test_layers_import_downwards_only(project):
    for path in modules(project):
        layer = path.relative_to(project).parts[0]
        assert imported(path) & OURS <= ALLOWED[layer], path


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
        names = {
            node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)
        }
        assert "print" not in names or path.name == "cli.py", path


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("flows.cli", {"polars", "prefect", "great_expectations", "pandas", "pyarrow", "pydantic"}),
        ("flows.show", {"prefect", "great_expectations"}),
        ("flows.batches", {"prefect", "great_expectations"}),
        ("stages.annotate", {"prefect", "great_expectations"}),
    ],
)
def test_what_an_import_does_not_load(project, module, absent):
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {absent!r}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
