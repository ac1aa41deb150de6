"""METS: articles over several pages are documents, whatever of a page is in no article stays, and changes are seen."""

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.check import check_tables
from flows.report import RunReport
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import assert_same, fast_gate, published, run_here

BRIDGE = ["Der Rat der Stadt hat gestern über", "den Bau der Brücke beraten und sich", "auf einen Plan geeinigt, den"]
BRIDGE_ON = ["die Bürger im Herbst prüfen werden.", "Gebaut wird im Frühjahr."]
HARBOUR = ["Am Hafen wurde ein Schiff mit Holz", "aus dem Norden erwartet."]
NOTICE = ["Zu vermieten: ein Zimmer in der Gasse."]
SCHOOL = ["Die Schule bekommt ein neues Dach."]


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


def block(name: str, lines: list[str], top: int) -> str:
    inner = "".join(
        f'<TextLine HPOS="100" VPOS="{top + 40 * at}" WIDTH="{10 * len(line)}" HEIGHT="30">'
        f'<String CONTENT="{line}" HPOS="100" VPOS="{top + 40 * at}" WIDTH="{10 * len(line)}" HEIGHT="30" WC="0.9"/>'
        "</TextLine>"
        for at, line in enumerate(lines)
    )
    return f'<TextBlock ID="{name}">{inner}</TextBlock>'


def alto(*blocks: str) -> str:
    return (
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Layout><Page WIDTH="1000" HEIGHT="1400"><PrintSpace>'
        f"{''.join(blocks)}</PrintSpace></Page></Layout></alto>"
    )


def division(name: str, label: str, *places: tuple[str, str]) -> str:
    areas = "".join(f'<fptr><area FILEID="{file}" BETYPE="IDREF" BEGIN="{at}"/></fptr>' for file, at in places)
    return f'<div TYPE="ARTICLE" ID="{name}" LABEL="{label}"><div TYPE="BODY">{areas}</div></div>'


def mets(*divisions: str, second: str = "alto/2.xml") -> str:
    return (
        '<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns="http://www.loc.gov/METS/" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mods="http://www.loc.gov/mods/v3">'
        '<dmdSec ID="D1"><mdWrap MDTYPE="MODS"><xmlData><mods:mods><mods:titleInfo><mods:title>Lindauer Bote'
        "</mods:title></mods:titleInfo><mods:originInfo><mods:dateIssued>1950-03-14</mods:dateIssued></mods:originInfo></mods:mods>"
        '</xmlData></mdWrap></dmdSec><fileSec><fileGrp USE="FULLTEXT">'
        '<file ID="P1"><FLocat LOCTYPE="URL" xlink:href="file://alto/1.xml"/></file>'
        f'<file ID="P2"><FLocat LOCTYPE="URL" xlink:href="{second}"/></file></fileGrp></fileSec>'
        f'<structMap TYPE="LOGICAL"><div TYPE="ISSUE">{"".join(divisions)}</div></structMap></mets:mets>'
    )


ARTICLES = (
    division("A1", "Der Bau der Brücke", ("P1", "b1"), ("P2", "b1")),
    division("A2", "Am Hafen", ("P1", "b2")),
)


@pytest.fixture
def press(tmp_path: Path) -> Path:
    issue = tmp_path / "press" / "1950"
    (issue / "alto").mkdir(parents=True)
    (issue / "mets.xml").write_text(mets(*ARTICLES), encoding="utf-8")
    (issue / "alto" / "1.xml").write_text(alto(block("b2", HARBOUR, 800), block("b1", BRIDGE, 100)), encoding="utf-8")
    (issue / "alto" / "2.xml").write_text(alto(block("b1", BRIDGE_ON, 100), block("b9", NOTICE, 900)), encoding="utf-8")
    return tmp_path / "press"


def run(press: Path, **settings: object) -> RunReport:
    return run_here([press], press.parent / "tables", engine="none", **settings)


def documents(press: Path) -> dict[str, str]:
    tables = press.parent / "tables"
    rows = read_table(tables, read_current(tables), "documents").select("source_uri", "text")
    return dict(rows.iter_rows())


def counts(report: RunReport) -> tuple[int, ...]:
    return tuple(report.counts[f"n_{name}"] for name in ("written", "unchanged", "quarantined", "deleted"))


def test_an_article_is_a_document_over_its_pages_and_the_rest_of_a_page_stays(press: Path) -> None:
    assert counts(run(press)) == (3, 0, 0, 0)
    assert documents(press) == {
        "press/1950/mets.xml!/A1.xml": " ".join([*BRIDGE, *BRIDGE_ON]),
        "press/1950/mets.xml!/A2.xml": " ".join(HARBOUR),
        "press/1950/mets.xml!/alto/2.xml": " ".join(NOTICE),
    }
    tables = press.parent / "tables"
    known = read_table(tables, read_current(tables), "documents").sort("source_uri").row(0, named=True)
    assert (known["title"], known["publisher"], str(known["published_at"])) == (
        "Der Bau der Brücke", "Lindauer Bote", "1950-03-14",
    )  # fmt: skip
    blocks = read_table(tables, read_current(tables), "blocks")
    assert blocks.select("page", "box", "confidence").null_count().row(0) == (0, 0, 0)
    assert not run(press).published
    assert check_tables(tables, [str(press)]).problems == []


def test_a_page_that_changes_is_seen_through_the_mets(press: Path) -> None:
    run(press)
    page = press / "1950" / "alto" / "2.xml"
    page.write_text(alto(block("b1", BRIDGE_ON, 100), block("b9", SCHOOL, 900)), encoding="utf-8")
    assert counts(run(press)) == (1, 2, 0, 0)
    assert documents(press)["press/1950/mets.xml!/alto/2.xml"] == SCHOOL[0]
    page.unlink()
    report = run(press, confirm_deletions=True)
    assert {uri for uri, _, _ in report.quarantined} == {"press/1950/mets.xml!/A1.xml"}
    assert list(documents(press)) == ["press/1950/mets.xml!/A2.xml"]
    assert not run(press).published


def test_without_its_mets_a_page_is_a_document(press: Path) -> None:
    pages = {"press/1950/alto/1.xml", "press/1950/alto/2.xml"}
    assert counts(run(press, exclude=("mets.xml",))) == (2, 0, 0, 0)
    assert set(documents(press)) == pages
    assert counts(run(press)) == (3, 0, 0, 0)
    assert set(documents(press)).isdisjoint(pages)
    (press / "1950" / "mets.xml").unlink()
    run(press, confirm_deletions=True)
    assert set(documents(press)) == pages
    run_here([press], press.parent / "fresh", engine="none")
    assert_same(published(press.parent / "tables"), published(press.parent / "fresh"))


@pytest.mark.parametrize(
    "second", ["../../secret.xml", "../secret.xml", "/etc/passwd", "http://example.org/2.xml", "alto/link.xml"]
)
def test_nothing_is_read_outside_the_folder_of_the_mets(press: Path, second: str) -> None:
    for secret in (press / "secret.xml", press.parent / "secret.xml"):
        secret.write_text(alto(block("b1", ["Das ist geheim."], 100)), encoding="utf-8")
    (press / "1950" / "alto" / "2.xml").unlink()
    (press / "1950" / "alto" / "link.xml").symlink_to(secret)
    (press / "1950" / "mets.xml").write_text(mets(*ARTICLES, second=second), encoding="utf-8")
    run(press)
    assert [uri for uri, text in documents(press).items() if "geheim" in text] == ["press/secret.xml"]


def test_a_mets_that_names_no_articles_gives_its_pages_with_what_it_says_of_them(press: Path) -> None:
    (press / "1950" / "mets.xml").write_text(mets(), encoding="utf-8")
    assert counts(run(press)) == (2, 0, 0, 0)
    assert list(documents(press)) == ["press/1950/mets.xml!/alto/1.xml", "press/1950/mets.xml!/alto/2.xml"]
    assert facts(press, "publisher", "published_at") == {("Lindauer Bote", "1950-03-14")}
    assert not run(press).published


def test_a_mets_without_pages_below_its_folder_says_what_to_do(press: Path) -> None:
    elsewhere = mets().replace("file://alto/", "https://example.org/").replace("alto/2.xml", "../2.xml")
    (press / "1950" / "mets.xml").write_text(elsewhere, encoding="utf-8")
    report = run(press)
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/1950/mets.xml", "unsupported_format")]
    assert "--exclude" in report.quarantined[0][2]
    assert counts(report)[0] == 2


def facts(press: Path, *columns: str) -> set[tuple[str, ...]]:
    tables = press.parent / "tables"
    rows = read_table(tables, read_current(tables), "documents").select(columns)
    return {tuple(map(str, row)) for row in rows.iter_rows()}


def test_a_setting_says_whether_articles_pages_or_the_whole_is_a_document(press: Path) -> None:
    run(press)
    assert counts(run(press, mets="pages")) == (2, 0, 0, 2)
    pages = documents(press)
    assert list(pages) == ["press/1950/mets.xml!/alto/1.xml", "press/1950/mets.xml!/alto/2.xml"]
    assert counts(run(press, mets="whole", confirm_deletions=True)) == (1, 0, 0, 2)
    (whole,) = documents(press).items()
    assert whole[0] == "press/1950/mets.xml!/issue.xml"
    assert whole[1].replace("\n", " ").split() == " ".join(pages.values()).replace("\n", " ").split()
    tables = press.parent / "tables"
    assert set(read_table(tables, read_current(tables), "blocks")["page"]) == {1, 2}
    assert check_tables(tables, [str(press)]).problems == []


def page_xml(*blocks: tuple[str, list[str], int]) -> str:
    regions = "".join(
        f'<TextRegion id="{name}"><Coords points="100,{top} 500,{top + 40 * len(lines)}"/>'
        + "".join(
            f'<TextLine id="{name}l{at}">'
            f'<Coords points="100,{top + 40 * at} {100 + 10 * len(line)},{top + 40 * at + 30}"/>'
            f"<TextEquiv><Unicode>{line}</Unicode></TextEquiv></TextLine>"
            for at, line in enumerate(lines)
        )
        + "</TextRegion>"
        for name, lines, top in blocks
    )
    return (
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
        f'<Page imageWidth="1000" imageHeight="1400">{regions}</Page></PcGts>'
    )


def hocr(*blocks: tuple[str, list[str], int]) -> str:
    areas = "".join(
        f"<div class='ocr_carea' id='{name}'><p class='ocr_par'>"
        + "".join(
            f"<span class='ocr_line' title='bbox 100 {top + 40 * at} {100 + 10 * len(line)} {top + 40 * at + 30}'>"
            f"{line}<br/></span>"
            for at, line in enumerate(lines)
        )
        + "</p></div>"
        for name, lines, top in blocks
    )
    head = '<html><head><meta charset="utf-8"/><meta name="ocr-system" content="x"/></head>'
    return f"{head}<body><div class='ocr_page' title='bbox 0 0 1000 1400'>{areas}</div></body></html>"


@pytest.mark.parametrize(("make", "suffix"), [(page_xml, "xml"), (hocr, "hocr")])
def test_articles_of_page_and_hocr_files(press: Path, make: Callable[..., str], suffix: str) -> None:
    issue = press / "1950"
    for page in (issue / "alto").iterdir():
        page.unlink()
    text = mets(*ARTICLES, second=f"alto/2.{suffix}").replace("alto/1.xml", f"alto/1.{suffix}")
    (issue / "mets.xml").write_text(text, encoding="utf-8")
    first, second = (issue / "alto" / f"{number}.{suffix}" for number in (1, 2))
    first.write_text(make(("b2", HARBOUR, 800), ("b1", BRIDGE, 100)), encoding="utf-8")
    second.write_text(make(("b1", BRIDGE_ON, 100), ("b9", NOTICE, 900)), encoding="utf-8")
    assert counts(run(press)) == (3, 0, 0, 0)
    assert documents(press) == {
        "press/1950/mets.xml!/A1.xml": " ".join([*BRIDGE, *BRIDGE_ON]),
        "press/1950/mets.xml!/A2.xml": " ".join(HARBOUR),
        f"press/1950/mets.xml!/alto/2.{suffix}": " ".join(NOTICE),
    }
    assert facts(press, "title", "publisher") >= {("Der Bau der Brücke", "Lindauer Bote")}
    assert not run(press).published
    (issue / "mets.xml").unlink()
    run(press, confirm_deletions=True)
    assert set(documents(press)) == {f"press/1950/alto/{number}.{suffix}" for number in (1, 2)}


def test_blocks_stand_in_the_order_of_the_mets_and_keep_the_roles_of_their_tags(press: Path) -> None:
    issue = press / "1950"
    tags = '<Tags><LayoutTag ID="T1" LABEL="caption"/></Tags>'
    tagged = block("b2", HARBOUR, 800).replace("<TextBlock", '<TextBlock TAGREFS="T1"')
    page = alto(block("b1", BRIDGE, 100), tagged).replace("<Layout>", f"{tags}<Layout>")
    (issue / "alto" / "1.xml").write_text(page, encoding="utf-8")
    (issue / "mets.xml").write_text(mets(division("A1", "Zwei", ("P1", "b2"), ("P1", "b1"))), encoding="utf-8")
    run(press)
    tables = press.parent / "tables"
    blocks = read_table(tables, read_current(tables), "blocks").filter(pl.col("text") == " ".join(HARBOUR))
    assert blocks["kind"].to_list() == ["caption"]
    assert documents(press)["press/1950/mets.xml!/A1.xml"].startswith(HARBOUR[0])


def pack(press: Path, archive: Path) -> None:
    """The pages before the METS, and a text that is in no METS."""
    issue = press / "1950"
    names = ["alto/1.xml", "alto/2.xml", "mets.xml"]
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for name in names:
                file.writestr(f"1950/{name}", (issue / name).read_bytes())
            file.writestr("lies.txt", f"{SCHOOL[0]}\n")
        return
    with tarfile.open(archive, "w:gz") as file:
        for name in names:
            file.add(issue / name, f"1950/{name}")


@pytest.mark.parametrize("name", ["band.zip", "band.tar.gz"])
def test_a_mets_within_an_archive(press: Path, tmp_path: Path, name: str) -> None:
    packed = tmp_path / "packed" / "press"
    packed.mkdir(parents=True)
    pack(press, packed / name)
    run(packed)
    at = f"press/{name}!/"
    found = {uri: text for uri, text in documents(packed).items() if not uri.endswith("lies.txt")}
    assert found == {
        f"{at}1950/mets.xml!/A1.xml": " ".join([*BRIDGE, *BRIDGE_ON]),
        f"{at}1950/mets.xml!/A2.xml": " ".join(HARBOUR),
        f"{at}1950/mets.xml!/alto/2.xml": " ".join(NOTICE),
    }
    assert check_tables(packed.parent / "tables", [str(packed)]).problems == []
    assert not run(packed).published
    page = press / "1950" / "alto" / "2.xml"
    page.write_text(alto(block("b1", BRIDGE_ON, 100), block("b9", SCHOOL, 900)), encoding="utf-8")
    pack(press, packed / name)
    assert counts(run(packed))[0] == 1
    page.unlink()
    page.write_text("kein ALTO", encoding="utf-8")
    pack(press, packed / name)
    report = run(packed, confirm_deletions=True)
    assert [(uri, code) for uri, code, _ in report.quarantined] == [
        (f"{at}1950/mets.xml!/A1.xml", "unsupported_format")
    ]
