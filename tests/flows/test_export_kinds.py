"""Exports of documents of every kind: dates, pages with boxes and copies go along, and the formats' own rules hold."""

import asyncio
import gc
import gzip
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import duckdb
import polars as pl
import pytest
from lxml import etree

from flows.export import export_tables, tei_document
from stages.tables.schemas import BLOCK_KINDS, LABELS
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here
from tests.flows.browse.kinds import fill

SCHEMA = Path(__file__).parent / "vendor" / "tei-4.3.0" / "tei_all.rng.gz"
PAGED = ("bericht.pdf", "seite.alto.xml", "seite.hocr")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    fill(folder / "kinds")
    with fast_gate():
        run_here([folder / "kinds"], folder / "tables", engine="fast", text_column="body", key_column="nr")
    return folder / "tables"


@pytest.fixture(scope="module")
def tei() -> etree.RelaxNG:
    """The schema of the TEI Consortium, all modules."""
    return etree.RelaxNG(etree.fromstring(gzip.decompress(SCHEMA.read_bytes())))


def exported(tables: Path, form: str, folder: Path) -> Path:
    export_tables(tables, form, folder / form, lambda *_: None)
    return folder / form


def read(tables: Path, name: str) -> pl.DataFrame:
    return read_table(tables, read_current(tables), name)


def one(tables: Path, name: str) -> dict[str, object]:
    return read(tables, "documents").filter(pl.col("source_uri").str.ends_with(name)).row(0, named=True)


def test_tei_is_valid_and_has_pages_dates_and_copies(tables: Path, tei: etree.RelaxNG, tmp_path: Path) -> None:
    folder = exported(tables, "tei", tmp_path)
    for file in sorted(folder.iterdir()):
        tei.assertValid(etree.parse(file))
    space = {"t": "http://www.tei-c.org/ns/1.0"}
    for name in PAGED:
        doc_id = one(tables, name)["doc_id"]
        page = etree.parse(folder / f"{doc_id}.xml")
        boxes = read(tables, "blocks").filter(pl.col("doc_id") == doc_id)["box"].drop_nulls()
        zones = page.findall(".//t:zone", space)
        assert [float(zone.get("ulx")) for zone in zones] == pytest.approx(boxes.struct["x0"].to_list(), abs=0.01)
        (size,), (surface,) = one(tables, name)["pages"], page.findall(".//t:surface", space)
        assert (surface.get("lrx"), surface.get("lry")) == (str(size["width"]), str(size["height"]))
        ids = {zone.get("{http://www.w3.org/XML/1998/namespace}id") for zone in zones}
        assert {element.get("facs")[1:] for element in page.findall(".//*[@facs]")} == ids
    house = etree.parse(folder / f"{one(tables, 'haus.txt')['doc_id']}.xml")
    assert house.find(".//t:sourceDesc//t:date", space).get("when") == "2024-03"
    alike = read(tables, "duplicates").row(0, named=True)
    noted = etree.parse(folder / f"{alike['doc_id']}.xml").findtext(".//t:note[@type='duplicate_cluster']", None, space)
    assert noted == alike["duplicate_cluster"]


def test_tei_of_every_kind_of_block_and_label_is_valid(tei: etree.RelaxNG) -> None:
    document = {"title": None, "source_uri": "a", "run_id": "r", "content_sha256": "0", "language": "de"}
    kinds = (*BLOCK_KINDS, "of_a_later_version")
    for first in kinds:
        for second in kinds:
            blocks = [
                {"block_no": n, "kind": kind, "text": "Huber", "start": n * 7, "end": n * 7 + 5}
                for n, kind in enumerate((first, second))
            ]
            mentions = [{"block_no": 0, "start": 0, "end": 5, "label": "PER", "entity_id": "1f", "value": None}]
            tei.assertValid(etree.fromstring(tei_document(document, blocks, mentions, {}).encode()))
    block = {"block_no": 0, "kind": "paragraph", "text": "Huber", "start": 0, "end": 5}
    for label in LABELS:
        mention = {"block_no": 0, "start": 0, "end": 5, "label": label, "entity_id": None, "value": "2024-03"}
        tei.assertValid(etree.fromstring(tei_document(document, [block], [mention], {}).encode()))


@pytest.mark.parametrize(
    ("value", "first", "last", "attributes"),
    [
        ("2028-03", date(2028, 3, 1), date(2028, 3, 31), {"when": "2028-03"}),
        ("2028-21", date(2028, 3, 1), date(2028, 5, 31), {"from": "2028-03-01", "to": "2028-05-31"}),
        ("2028-33", date(2028, 1, 1), date(2028, 3, 31), {"from": "2028-01-01", "to": "2028-03-31"}),
        ("2015/2016", date(2015, 1, 1), date(2016, 12, 31), {"from": "2015-01-01", "to": "2016-12-31"}),
        (None, None, None, {}),
    ],
)
def test_seasons_quarters_and_ranges_are_dates_of_tei(
    tei: etree.RelaxNG, value: str | None, first: date | None, last: date | None, attributes: dict[str, str]
) -> None:
    document = {"title": None, "source_uri": "a", "run_id": "r", "content_sha256": "0", "language": "de"}
    block = {"block_no": 0, "kind": "paragraph", "text": "dann", "start": 0, "end": 4}
    mention = {"block_no": 0, "start": 0, "end": 4, "label": "DATE", "entity_id": None, "value": value}
    page = tei_document(document, [block], [mention | {"value_start": first, "value_end": last}], {})
    root = etree.fromstring(page.encode())
    tei.assertValid(root)
    assert dict(root.find(".//t:p/t:date", {"t": "http://www.tei-c.org/ns/1.0"}).attrib) == attributes


def test_a_chunk_has_its_date_page_box_and_cluster(tables: Path, tmp_path: Path) -> None:
    lines = exported(tables, "jsonl", tmp_path).read_text(encoding="utf-8").splitlines()
    chunks = [json.loads(line) for line in lines]
    of = {name: [chunk for chunk in chunks if chunk["source_uri"].endswith(name)] for name in (*PAGED, "haus.txt")}
    assert {(c["published_at"], c["published_precision"]) for c in of["haus.txt"]} == {("2024-03-01", "month")}
    assert {c["author"] for c in of["haus.txt"]} == {"Mara Feld"}
    for name in PAGED:
        assert all(c["page"] == 1 and c["box"]["x1"] > c["box"]["x0"] for c in of[name])
        assert any(m["box"] for c in of[name] for m in c["mentions"])
    clusters = {c["id"].split(":")[0]: c["duplicate_cluster"] for c in chunks if c["duplicate_cluster"]}
    assert clusters == dict(read(tables, "duplicates").select("doc_id", "duplicate_cluster").iter_rows())


def test_conllu_says_date_page_and_cluster(tables: Path, tmp_path: Path) -> None:
    text = exported(tables, "conllu", tmp_path).read_text(encoding="utf-8")
    assert (
        text.count("# page = 1\n")
        == read(tables, "sentences")
        .join(read(tables, "blocks").filter(pl.col("page") == 1), on=["doc_id", "block_no"], how="semi")
        .height
    )
    assert text.count("# published_at = 2024-03\n") == 1
    assert text.count("# duplicate_cluster = ") == read(tables, "duplicates").height


@pytest.mark.parametrize("form", ["sqlite", "duckdb"])
def test_views_count_by_the_month_of_publication_and_know_copies(tables: Path, form: str, tmp_path: Path) -> None:
    file = exported(tables, form, tmp_path)

    def ask(query: str) -> list[tuple[object, ...]]:
        if form == "duckdb":
            with duckdb.connect(str(file), read_only=True) as opened:
                return opened.execute(query).fetchall()
        opened = sqlite3.connect(file)
        try:
            return opened.execute(query).fetchall()
        finally:
            opened.close()

    named = "SELECT month, dated_by, n_documents FROM names_by_month WHERE name = 'Anna Huber' ORDER BY month, dated_by"
    assert ask(named)[:2] == [("2024-03", "day", 1), ("2024-03", "month", 1)]
    assert {row[1] for row in ask(named)} == {"day", "month", "file"}
    alike = read(tables, "duplicates")
    assert ask("SELECT count(*), count(DISTINCT duplicate_cluster) FROM near_copies") == [
        (alike.height, alike["duplicate_cluster"].n_unique())
    ]
    all_of = read(tables, "documents").height
    assert ask("SELECT count(*) FROM documents_once") == [
        (all_of - alike.height + alike["duplicate_cluster"].n_unique(),)
    ]
    assert ask("SELECT count(*) FROM mentions_in_context WHERE page = 1 AND box IS NOT NULL")[0][0] > 0


def test_annotations_keep_the_rules_of_the_model_and_their_places_hold(tables: Path, tmp_path: Path) -> None:
    """The model (W3C, 2017) wants of an annotation its context, one id, the type and at least one target; of a position
    two whole numbers, the first not behind the second; of a quotation that it is the text there."""
    folder = exported(tables, "annotations", tmp_path)
    documents, mentions = read(tables, "documents"), read(tables, "mentions")
    assert {file.name for file in folder.iterdir()} == {
        f"{d}.{end}" for d in documents["doc_id"] for end in ("jsonld", "txt")
    }
    seen = 0
    for doc_id, uri, mended in documents.select("doc_id", "source_uri", "text").iter_rows():
        page = json.loads((folder / f"{doc_id}.jsonld").read_text(encoding="utf-8"))
        text = (folder / f"{doc_id}.txt").read_bytes().decode()
        assert text == mended
        assert (page["@context"], page["type"]) == ("http://www.w3.org/ns/anno.jsonld", "AnnotationPage")
        assert len({item["id"] for item in page["items"]}) == len(page["items"])
        for item in page["items"]:
            assert item["type"] == "Annotation"
            assert all("type" in body for body in item["body"])
            own, raw, *pages = item["target"]
            assert (folder / own["source"]).is_file()
            assert unquote(raw["source"]) == f"urn:fliesstext:source:{uri}"
            place, *quoted = own["selector"]
            assert 0 <= place["start"] <= place["end"] <= len(text)
            assert 0 <= raw["selector"]["start"] <= raw["selector"]["end"]
            for quote in quoted:
                seen += 1
                assert text[place["start"] : place["end"]] == quote["exact"]
                assert text[: place["start"]].endswith(quote["prefix"])
                assert text[place["end"] :].startswith(quote["suffix"])
            for region in pages:
                assert region["source"].endswith("#page=1")
                x, y, width, height = map(float, region["selector"]["value"].removeprefix("xywh=").split(","))
                assert min(x, y, width, height) >= 0
    assert seen == mentions.height
    paged = [
        json.loads((folder / f"{one(tables, name)['doc_id']}.jsonld").read_text(encoding="utf-8")) for name in PAGED
    ]
    assert all(len(item["target"]) == 3 for page in paged for item in page["items"] if item["id"].startswith("#b"))


def asked(app: ModuleType, file: Path, *paths: str) -> list[list[dict[str, object]]]:
    """What datasette answers of a database to each path."""

    async def ask(path: str) -> list[dict[str, object]]:
        answer = await opened.client.get(path)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    opened = app.Datasette([str(file)])
    try:
        # The browser of other tests keeps a loop in this thread.
        with ThreadPoolExecutor(1) as thread:
            return [thread.submit(asyncio.run, ask(path)).result() for path in paths]
    finally:
        for database in opened.databases.values():
            database.close()


# It leaves connections of its own open, of which Python 3.13 and later warn when they are collected.
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
def test_datasette_opens_the_database_and_answers(tables: Path, tmp_path: Path) -> None:
    datasette = pytest.importorskip("datasette.app", reason="datasette is not installed (the extra dev)")
    file = exported(tables, "sqlite", tmp_path).rename(tmp_path / "texts.db")
    people, found = asked(
        datasette,
        file,
        "/texts/people.json?_shape=array&_size=max",
        "/texts/mentions_in_context.json?_shape=array&text__exact=Bonn",
    )
    gc.collect()  # not in a later test
    assert {row["name"] for row in people} == set(read(tables, "entities").filter(pl.col("label") == "PER")["name"])
    assert len(found) == read(tables, "mentions").filter(pl.col("text") == "Bonn").height > 0
