"""What CONTRIBUTING.md tells newcomers to do works, word by word."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from flows.check import check_tables
from stages.read import reader
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here

TOY = """%TOY Streit um die Brücke
Der Rat von Bremen tagt am 3. Mai 2024.
Karin Meier ist nicht gekommen.
"""


@pytest.fixture
def contributing(project: Path) -> str:
    return (project / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def test_a_toy_format_is_added_by_following_the_text(
    contributing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = section(contributing, "Adding a format")
    code = re.search(r"```python\n(.*?)```", told, flags=re.DOTALL)
    assert code
    made: dict[str, Any] = {}
    exec(textwrap.dedent("   " + code[1].lstrip()), made)
    assert "`_BY_CONTENT` of `stages/read/reader.py`" in told
    monkeypatch.setattr(reader, "_BY_CONTENT", ((made["looks_like_toy"], made["read_toy"]), *reader._BY_CONTENT))
    press, tables = tmp_path / "press", tmp_path / "tables"
    press.mkdir()
    (press / "a.toy").write_text(TOY, encoding="utf-8")
    (press / "empty.toy").write_text("%TOY Nur ein Kopf\n", encoding="utf-8")
    (press / "plain.txt").write_text("Ein gewöhnlicher Satz steht hier.\n", encoding="utf-8")
    with fast_gate():
        report = run_here([press], tables, engine="fast")
        assert not run_here([press], tables, engine="fast").published
    assert report.counts["n_written"] == 2
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/empty.toy", "empty")]
    current = read_current(tables)
    toy = read_table(tables, current, "documents").filter(source_uri="press/a.toy").row(0, named=True)
    assert toy["title"] == "Streit um die Brücke"
    assert toy["metadata"] == [{"name": "title", "value": "Streit um die Brücke", "found_in": "head line"}]
    blocks = read_table(tables, current, "blocks").filter(doc_id=toy["doc_id"]).sort("block_no")
    assert blocks["text"].to_list() == TOY.splitlines()[1:]
    for text, start, end in blocks.select("text", "raw_start", "raw_end").iter_rows():
        assert TOY[start:end] == text
    checked = check_tables(tables, [str(press)])
    assert (checked.problems, checked.n_with_raw) == ([], 2)


def test_every_room_that_is_named_is_there(contributing: str, project: Path) -> None:
    told = section(contributing, "Where things are")
    named = re.findall(r"^ {4}( *)(\w+/|[\w.]+\.py(?:  [\w.]+\.py)*|execute/|browse/)", told, flags=re.MULTILINE)
    assert len(named) > 10
    for indent, name in named:
        for one in name.split():
            assert (project / ("flows" if indent else "") / one).exists(), one
