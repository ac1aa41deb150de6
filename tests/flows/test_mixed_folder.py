"""A folder of every kind that is read: in one go, again, and with each file edited and deleted in turn."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from flows.check import check_tables
from flows.report import RunReport
from flows.settings import Settings
from flows.show import show_file
from stages.tables.store.snapshots import read_current, read_table
from tests.benchmarks.formats import formats, paragraphs
from tests.faults.harness import assert_same, assert_tidy, fast_gate, published, run_here
from tests.stages.read.print_pdf import article as pdf

OPTIONS = {"engine": "none", "path_pattern": "{section}/*"}


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


def alto(text: list[str]) -> str:
    lines = []
    for n, paragraph in enumerate(text):
        words = "".join(
            f'<String CONTENT="{word}" HPOS="{100 + 60 * at}" VPOS="{100 + 40 * n}" WIDTH="55" HEIGHT="20"/><SP/>'
            for at, word in enumerate(paragraph.split()[:12])
        )
        place = f'HPOS="100" VPOS="{100 + 40 * n}" WIDTH="800" HEIGHT="20"'
        lines.append(f'<TextBlock ID="b{n}" {place}><TextLine {place}>{words}</TextLine></TextBlock>')
    page = f'<Page ID="p" WIDTH="1000" HEIGHT="1400"><PrintSpace>{"".join(lines)}</PrintSpace></Page>'
    return f'<alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Layout>{page}</Layout></alto>'


def kinds(seed: int) -> dict[str, bytes]:
    """A file of every kind, each with a text of its own."""
    names = list(formats(paragraphs(1)))
    found = {name: formats(paragraphs(3, seed=100 * seed + n))[name] for n, name in enumerate(names)}
    own = [paragraphs(3, seed=100 * seed + 50 + n) for n in range(5)]
    return found | {
        "plain.txt": "\n\n".join(own[0]).encode(),
        "packed.txt.gz": gzip.compress("\n\n".join(own[1]).encode("cp1252"), mtime=0),
        "page.pdf": pdf("Ein Titel", own[2]),
        "page.xml": alto(own[3]).encode(),
        "front.md": f"---\nauthor: Anna {seed}\n---\n\n# Titel\n\n".encode() + "\n\n".join(own[4]).encode(),
    }


def place(press: Path, name: str) -> Path:
    return press / ("web" if name.endswith(("html", "rss", "md")) else "archiv") / name


def fill(press: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        place(press, name).parent.mkdir(parents=True, exist_ok=True)
        place(press, name).write_bytes(data)


def run(press: Path) -> RunReport:
    return run_here([press], press.parent / "tables", **OPTIONS)


def assert_like_a_fresh_run(press: Path, name: str) -> None:
    fresh = press.parent / f"fresh-{name}"
    run_here([press], fresh, **OPTIONS)
    assert_same(published(press.parent / "tables"), published(fresh))
    assert_tidy(press.parent / "tables")


def documents_of(press: Path, name: str) -> set[str]:
    tables = press.parent / "tables"
    uris = read_table(tables, read_current(tables), "documents")["source_uri"].to_list()
    at = f"press/{place(press, name).relative_to(press)}"
    return {uri for uri in uris if uri == at or uri.startswith(f"{at}!/")}


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    fill(folder, kinds(1))
    place(folder, "plain.meta.json").write_text(json.dumps({"author": "Karin"}), encoding="utf-8")
    return folder


def test_all_kinds_in_one_go_and_again(press: Path) -> None:
    report = run(press)
    assert report.quarantined == []
    for name in kinds(1):
        assert documents_of(press, name), name
    assert report.passed_over == {"press": {"sidecar": 1}}
    again = run(press)
    assert (again.published, again.counts["n_written"]) == (False, 0)
    assert again.counts["n_unchanged"] == report.counts["n_written"]
    done = check_tables(press.parent / "tables", [str(press)])
    assert (done.problems, done.n_with_raw) == ([], done.n_documents)
    settings = Settings(languages=("de",), engine="none")
    for name in kinds(1):
        for uri in sorted(documents_of(press, name))[:1]:
            console = Console(record=True, width=200, quiet=True)
            show_file(Path(str(press / uri.removeprefix("press/"))), settings, console)
    assert not run(press).published


def test_each_edited_and_deleted_in_turn_ends_as_a_fresh_run(press: Path) -> None:
    run(press)
    edited = kinds(2)
    gone = ""
    for name, data in edited.items():
        before = documents_of(press, name)
        fill(press, {name: data} | ({gone: edited[gone]} if gone else {}))
        report = run(press)
        now = documents_of(press, name) | (documents_of(press, gone) if gone else set())
        assert report.quarantined == [], name
        assert 0 < report.counts["n_written"] <= len(now), name
        place(press, name).unlink()
        report = run(press)
        assert report.counts["n_written"] == 0, name
        assert report.counts["n_deleted"] >= len(before & now), name
        assert documents_of(press, name) == set()
        gone = name
        if name in ("x.html", "x.mbox", "x.csv", "x.zip", "page.pdf"):
            assert_like_a_fresh_run(press, name)
    fill(press, {gone: edited[gone]})
    run(press)
    assert_like_a_fresh_run(press, "end")
    done = check_tables(press.parent / "tables", [str(press)])
    assert (done.problems, done.n_with_raw) == ([], done.n_documents)
