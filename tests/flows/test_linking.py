"""Names are linked across all documents that stand, whatever came first: through plain runs with the fast gate."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.check import check_tables
from stages.errors import GateError
from stages.tables.ids import to_doc_id
from stages.tables.schemas import NAME_LABELS
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import assert_same, fast_gate, one_document_is_enough, published, run_here

FULL = """Anna Huber eröffnet das neue Museum in Köln

Die Direktorin Anna Huber hat am Montag das neue Museum in Köln eröffnet. Viele Gäste aus Österreich kamen zur Feier.
"""
SURNAME = """Streit um den Haushalt der Stadt

Am Dienstag haben die Abgeordneten beraten. Auch Ministerin Huber war in Köln dabei und sprach über die Kosten.
"""
SURNAME_AGAIN = """Neue Brücke für den Hafen

Die neue Brücke wird teurer. Das sagte Ministerin Huber am Freitag in Hamburg vor der Presse.
"""
SECOND = """Konzert in der alten Kirche

Der Geiger Peter Huber spielt am Sonntag in Bonn. Peter Huber kommt aus Wien und wohnt seit drei Jahren in Hamburg.
"""
RENAMED = """Preis für die Direktorin

Die Direktorin Anna Huber, geborene Auer, erhielt am Mittwoch in Wien einen Preis. Anna Huber dankte der Jury.
"""


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate(), one_document_is_enough():
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("linking")
    write(home / "press", {"full.txt": FULL, "surname.txt": SURNAME})
    with fast_gate(), one_document_is_enough():
        run_here([home / "press"], home / "tables")
    return home


@pytest.fixture
def press(base: Path, tmp_path: Path) -> Path:
    """A file with Anna Huber and one with Huber alone, published in tmp_path/tables."""
    shutil.copytree(base, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / "press"


@pytest.fixture
def tables(press: Path) -> Path:
    return press.parent / "tables"


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def meant(tables: Path, file: str, text: str) -> str:
    """The one entity that all mentions with this text in a file of press/ name."""
    mentions = read_table(tables, read_current(tables), "mentions")
    found = mentions.filter(doc_id=to_doc_id(f"press/{file}"), text=text)["entity_id"].unique().to_list()
    assert len(found) == 1, (file, text, found)
    return str(found[0])


def entity(tables: Path, entity_id: str) -> dict[str, object]:
    return read_table(tables, read_current(tables), "entities").row(
        by_predicate=pl.col("entity_id") == entity_id, named=True
    )


def assert_as_from_scratch(press: Path, tables: Path) -> None:
    fresh = press.parent / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    run_here([press], fresh)
    assert_same(published(tables), published(fresh))
    assert check_tables(tables, [str(press)]).problems == []


def test_surname_means_the_only_person_of_the_corpus(tables: Path) -> None:
    anna = meant(tables, "full.txt", "Anna Huber")
    assert meant(tables, "surname.txt", "Huber") == anna
    row = entity(tables, anna)
    why = {"alias": "Huber", "rule": "surname_in_corpus", "n_documents": 1, "documents": ["press/surname.txt"]}
    assert json.loads(row.pop("evidence")) == [why]
    assert row == {
        "entity_id": anna, "name": "Anna Huber", "label": "PER", "aliases": ["Huber"], "n_mentions": 3,
        "n_documents": 2, "first_document": "press/full.txt", "last_document": "press/surname.txt",
        "geonames_id": None, "country": None, "authority_id": None, "corrected": False,
    }  # fmt: skip
    assert entity(tables, meant(tables, "full.txt", "Köln"))["country"] == "DE"
    mentions = read_table(tables, read_current(tables), "mentions")
    assert mentions.filter(text="Huber")["role"].to_list() == ["Ministerin"]
    assert mentions.filter(text="Köln")["role"].null_count() == 3


def test_every_name_has_an_entity_and_every_entity_its_mentions(press: Path, tables: Path) -> None:
    write(press, {"second.txt": SECOND, "again.txt": SURNAME_AGAIN})
    run_here([press], tables)
    frames = published(tables)
    mentions, entities, documents = frames["mentions"], frames["entities"], frames["documents"]
    assert set(mentions["kind"]) >= {"name", "value"}
    assert mentions.filter(pl.col("entity_id").is_null())["kind"].unique().to_list() == ["value"]
    assert mentions.filter(kind="value").select("entity_id", "cluster_no", "role").null_count().row(0) == (
        (mentions.filter(kind="value").height,) * 3
    )
    counted = (
        mentions.filter(pl.col("label").is_in(NAME_LABELS))
        .join(documents.select("doc_id", "source_uri"), on="doc_id")
        .group_by("entity_id", "label")
        .agg(
            pl.len().cast(pl.Int64).alias("n_mentions"),
            pl.col("doc_id").n_unique().cast(pl.Int64).alias("n_documents"),
            pl.col("source_uri").min().alias("first_document"),
            pl.col("source_uri").max().alias("last_document"),
        )
        .sort("entity_id")
    )
    assert counted.equals(entities.select(counted.columns))


def test_second_person_of_a_surname_changes_documents_that_stand(press: Path, tables: Path) -> None:
    before = published(tables)
    first = read_current(tables)
    anna = meant(tables, "full.txt", "Anna Huber")
    write(press, {"second.txt": SECOND})
    report = run_here([press], tables)
    assert (report.counts["n_written"], report.counts["n_unchanged"]) == (1, 2)
    persons = [meant(tables, *of) for of in (("full.txt", "Anna Huber"), ("second.txt", "Peter Huber"))]
    alone = meant(tables, "surname.txt", "Huber")
    assert persons[0] == anna
    assert len({*persons, alone}) == 3
    assert (entity(tables, alone)["name"], entity(tables, alone)["n_mentions"]) == ("Huber", 1)
    assert entity(tables, anna)["aliases"] == []

    # Of the document that was linked anew nothing else has changed, not even its run.
    after, doc_id = published(tables), to_doc_id("press/surname.txt")
    for table in ("documents", "blocks", "sentences", "mentions", "clusters", "repairs"):
        given = ("entity_id", "linked_id")
        old, new = (frames[table].filter(doc_id=doc_id).drop(given, strict=False) for frames in (before, after))
        assert new.equals(old), table
    runs = read_table(tables, read_current(tables), "documents").select("doc_id", "run_id")
    assert runs.filter(doc_id=doc_id)["run_id"].to_list() == [first.run_id if first else ""]
    assert_as_from_scratch(press, tables)


def test_deleting_the_second_person_turns_it_back(press: Path, tables: Path) -> None:
    before = published(tables)
    write(press, {"second.txt": SECOND})
    run_here([press], tables)
    (press / "second.txt").unlink()
    run_here([press], tables)
    assert_same(published(tables), before)
    assert check_tables(tables, [str(press)]).problems == []


def test_deleting_the_only_person_leaves_a_surname(press: Path, tables: Path) -> None:
    anna = meant(tables, "surname.txt", "Huber")
    (press / "full.txt").unlink()
    run_here([press], tables)
    alone = entity(tables, meant(tables, "surname.txt", "Huber"))
    assert alone["entity_id"] != anna
    assert (alone["name"], alone["first_document"]) == ("Huber", "press/surname.txt")
    assert_as_from_scratch(press, tables)


def test_edited_file_changes_what_another_means(press: Path, tables: Path) -> None:
    write(press, {"full.txt": FULL.replace("Anna", "Clara")})
    run_here([press], tables)
    clara = meant(tables, "full.txt", "Clara Huber")
    assert meant(tables, "surname.txt", "Huber") == clara
    assert "Anna Huber" not in published(tables)["entities"]["name"].to_list()
    assert_as_from_scratch(press, tables)


def test_file_that_becomes_unreadable_takes_its_names_along(press: Path, tables: Path) -> None:
    (press / "surname.txt").write_bytes(bytes(range(256)) * 40)
    run_here([press], tables)
    anna = entity(tables, meant(tables, "full.txt", "Anna Huber"))
    assert (anna["aliases"], anna["n_mentions"], anna["last_document"]) == ([], 2, "press/full.txt")
    assert_as_from_scratch(press, tables)


@pytest.mark.parametrize("second", [False, True], ids=["one Huber", "two of them"])
@pytest.mark.parametrize(("file", "to"), [("full.txt", "z.txt"), ("surname.txt", "a.txt")])
def test_renamed_file_keeps_entities_right(press: Path, tables: Path, file: str, to: str, second: bool) -> None:
    if second:
        write(press, {"second.txt": SECOND})
        run_here([press], tables)
    (press / file).rename(press / to)
    report = run_here([press], tables)
    assert report.counts["n_deleted"] == 1
    koeln = entity(tables, meant(tables, to, "Köln"))
    assert (koeln["first_document"], koeln["last_document"]) == tuple(
        sorted(f"press/{path.name}" for path in press.iterdir() if path.name != "second.txt")
    )
    assert_as_from_scratch(press, tables)


def test_copy_of_a_file_counts_nothing_twice(press: Path, tables: Path) -> None:
    before = published(tables)
    write(press, {"copy.txt": FULL})
    assert run_here([press], tables).counts["n_duplicate"] == 1
    after = published(tables)
    anna = entity(tables, meant(tables, "surname.txt", "Huber"))
    assert (anna["n_mentions"], anna["n_documents"]) == (3, 2)
    assert after["mentions"]["entity_id"].unique().sort().equals(before["mentions"]["entity_id"].unique().sort())


def test_order_of_runs_does_not_matter(tmp_path: Path) -> None:
    files = {"full.txt": FULL, "second.txt": SECOND, "surname.txt": SURNAME}
    write(tmp_path / "press", files)
    run_here([tmp_path / "press"], tmp_path / "at once")
    for number, order in enumerate((list(files), list(files)[::-1])):
        folder, tables = tmp_path / str(number) / "press", tmp_path / str(number) / "tables"
        folder.parent.mkdir()
        for name in order:
            write(folder, {name: files[name]})
            run_here([folder], tables)
        assert_same(published(tables), published(tmp_path / "at once"))


def test_smaller_key_renames_the_entity_everywhere(press: Path, tables: Path) -> None:
    anna = meant(tables, "full.txt", "Anna Huber")
    write(press, {"new.txt": RENAMED})
    run_here([press], tables)
    renamed = meant(tables, "new.txt", "Anna Huber")
    assert renamed != anna
    assert meant(tables, "new.txt", "Auer") == meant(tables, "full.txt", "Anna Huber") == renamed
    assert meant(tables, "surname.txt", "Huber") == renamed
    assert anna not in published(tables)["entities"]["entity_id"]
    assert_as_from_scratch(press, tables)


def test_many_documents_are_linked_anew_in_small_batches(press: Path, tables: Path) -> None:
    write(press, {f"again{number}.txt": SURNAME_AGAIN.replace("Hamburg", f"Hamburg {number}") for number in range(3)})
    run_here([press], tables)
    anna = meant(tables, "full.txt", "Anna Huber")
    assert entity(tables, anna)["n_documents"] == 5
    write(press, {"second.txt": SECOND})
    run_here([press], tables, batch_size=2)
    alone = {meant(tables, f"{name}.txt", "Huber") for name in ("surname", "again0", "again1", "again2")}
    assert len(alone) == 4, "what is ambiguous stays apart, document by document"
    assert anna not in alone
    assert_as_from_scratch(press, tables)


def test_only_parts_with_documents_that_changed_are_written(
    press: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.tables.store.publish._MOST_ROWS", 5)
    write(press, {"third.txt": "Regen in Bonn\n\nAm Montag hat es in Bonn den ganzen Tag geregnet.\n"})
    run_here([press], tables)
    before = read_current(tables)
    write(press, {"second.txt": SECOND})
    run_here([press], tables)
    after = read_current(tables)
    assert before
    assert after
    assert after.prefix_length == before.prefix_length == 1
    touched = {to_doc_id(f"press/{name}")[0] for name in ("second.txt", "surname.txt")}
    pairs = zip(before.tables["mentions"], after.tables["mentions"], strict=True)
    assert {f"{digit:x}" for digit, (old, new) in enumerate(pairs) if old != new} == touched
    assert check_tables(tables).problems == []


def test_run_with_nothing_new_publishes_nothing(press: Path, tables: Path) -> None:
    pointer = (tables / "CURRENT.json").read_bytes()
    assert not run_here([press], tables).published
    (press / "surname.txt").touch()
    assert not run_here([press], tables).published
    assert (tables / "CURRENT.json").read_bytes() == pointer


def test_name_without_an_entity_stops_the_publication(
    press: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(mentions: pl.DataFrame, *_: object) -> pl.DataFrame:
        return mentions.with_columns(entity_id=pl.lit(None, pl.String))

    pointer = (tables / "CURRENT.json").read_bytes()
    monkeypatch.setattr("stages.link_entities.tables.fill_mentions", forgetful)
    write(press, {"second.txt": SECOND})
    with pytest.raises(GateError, match=r"mentions\.in_cluster\.true"):
        run_here([press], tables)
    assert (tables / "CURRENT.json").read_bytes() == pointer
