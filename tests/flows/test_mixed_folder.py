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
from tests.benchmarks.formats import formats, html, paragraphs, zipped
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


def page_xml(text: list[str]) -> str:
    regions = "".join(
        f'<TextRegion id="r{n}"><Coords points="100,{100 + 40 * n} 900,{130 + 40 * n}"/><TextLine id="l{n}">'
        f'<Coords points="100,{100 + 40 * n} 900,{130 + 40 * n}"/>'
        f"<TextEquiv><Unicode>{' '.join(paragraph.split()[:12])}</Unicode></TextEquiv></TextLine></TextRegion>"
        for n, paragraph in enumerate(text)
    )
    return (
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
        f'<Page imageWidth="1000" imageHeight="1400">{regions}</Page></PcGts>'
    )


def hocr(text: list[str]) -> str:
    areas = "".join(
        f"<div class='ocr_carea'><span class='ocr_line' title='bbox 100 {100 + 40 * n} 900 {130 + 40 * n}'>"
        f"{' '.join(paragraph.split()[:12])}</span></div>"
        for n, paragraph in enumerate(text)
    )
    head = '<html><head><meta charset="utf-8"><meta name="ocr-system" content="x"></head>'
    return f"{head}<body><div class='ocr_page' title='bbox 0 0 1000 1400'>{areas}</div></body></html>"


def issue(text: list[str]) -> bytes:
    """An archive with an issue of two articles: a METS, and a page that it names."""
    article_of = '<div TYPE="ARTICLE" ID="A{0}"><fptr><area FILEID="P1" BEGIN="b{0}"/></fptr></div>'
    mets = (
        '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"><fileSec><fileGrp>'
        '<file ID="P1"><FLocat xlink:href="alto/1.xml"/></file></fileGrp></fileSec><structMap>'
        f"{''.join(article_of.format(n) for n in range(2))}</structMap></mets>"
    )
    return zipped({"1950/mets.xml": mets, "1950/alto/1.xml": alto(text)})


def kinds(seed: int) -> dict[str, bytes]:
    """A file of every kind, each with a text of its own."""
    names = list(formats(paragraphs(1)))
    found = {name: formats(paragraphs(3, seed=100 * seed + n))[name] for n, name in enumerate(names)}
    own = [paragraphs(3, seed=100 * seed + 50 + n) for n in range(9)]
    return found | {
        "plain.txt": "\n\n".join(own[0]).encode(),
        "packed.txt.gz": gzip.compress("\n\n".join(own[1]).encode("cp1252"), mtime=0),
        "page.pdf": pdf("Ein Titel", own[2]),
        "page.xml": alto(own[3]).encode(),
        "regions.xml": page_xml(own[5]).encode(),
        "page.hocr": hocr(own[6]).encode(),
        "issue.zip": issue(own[7]),
        "nested.zip": zipped({"in.zip": zipped({"a.txt": own[8][0], "b.html": html(own[8][1:])})}),
        "toml.md": f"+++\nauthor = 'Karl {seed}'\n+++\n\n# Anlass {seed}\n\n{own[0][1]}{seed}\n".encode(),
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
    """In each run one file is edited, the one that was edited before it is deleted, the one before that is back."""
    run(press)
    edited = kinds(2)
    back = gone = ""
    for name in [*edited, ""]:
        changed = [one for one in (name, back) if one]
        deleted = documents_of(press, gone) if gone else set()
        fill(press, {one: edited[one] for one in changed})
        if gone:
            place(press, gone).unlink()
        report = run(press)
        now = set().union(*(documents_of(press, one) for one in changed))
        assert report.quarantined == [], name
        assert all(documents_of(press, one) for one in changed), name
        assert 0 < report.counts["n_written"] <= len(now), name
        if gone:
            assert documents_of(press, gone) == set()
            assert report.counts["n_deleted"] >= len(deleted), gone
        if gone in ("x.html", "x.mbox", "issue.zip"):
            assert_like_a_fresh_run(press, gone)
        back, gone = gone, name
    fill(press, {back: edited[back]})
    run(press)
    assert_like_a_fresh_run(press, "end")
    done = check_tables(press.parent / "tables", [str(press)])
    assert (done.problems, done.n_with_raw) == ([], done.n_documents)
