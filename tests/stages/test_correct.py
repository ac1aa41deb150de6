"""What people put right by hand is applied, keeps ids where it can, and says when it no longer applies."""

import json

import polars as pl
import pytest

from stages.correct import (
    COLUMNS,
    concerned_documents,
    correct_blocks,
    correct_clusters,
    correct_entities,
    correct_mentions,
    read_corrections,
    relabel,
    same_corrections,
    split_id,
    without_effect,
    write_corrections,
)
from stages.errors import UsageError
from stages.link_entities import build_entities, find_clusters
from tests.conftest import BODY
from tests.linking import link_frames

HEAD = ",".join(COLUMNS) + "\n"
TEXTS = {
    "a": "Anna Huber kam. Anna Huber ging. Köln feiert.",
    "b": "Doe, Jane lebt in Köln. Frau Jane Doe schweigt.",
    "c": "Hans Huber und Anna Huber.",
}


def rows(*given: dict[str, object]) -> pl.DataFrame:
    """Corrections, through the file that a person would keep."""
    columns = {name: [row.get(name, "") for row in given] for name in COLUMNS}
    lines = [HEAD.strip(), *(",".join(f'"{columns[n][i]}"' for n in COLUMNS) for i in range(len(given)))]
    return read_corrections("\n".join(lines) + "\n")


def linked() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Clusters, documents and entities of three texts, whose names were marked by hand."""
    names = {
        "a": [("Anna Huber", "PER", 0), ("Anna Huber", "PER", 16), ("Köln", "LOC", 33)],
        "b": [("Doe", "PER", 0), ("Köln", "LOC", 18), ("Jane Doe", "PER", 29)],
        "c": [("Hans Huber", "PER", 0), ("Anna Huber", "PER", 15)],
    }
    found = [
        {"doc_id": doc, "mention_no": n, "text": text, "label": label, "kind": "name", "block_no": 0}
        | {"start": at, "end": at + len(text)}
        for doc, mentions in names.items()
        for n, (text, label, at) in enumerate(mentions)
    ]
    documents = pl.DataFrame(
        {"doc_id": list(TEXTS), "source_uri": [f"s/{d}.txt" for d in TEXTS], "text": list(TEXTS.values())}
    )
    new, _ = find_clusters(pl.DataFrame(found), documents)
    clusters = link_frames(new.clear(), new).clusters
    return clusters, documents, build_entities([clusters], documents)


def id_of(entities: pl.DataFrame, name: str) -> str:
    (found,) = entities.filter(pl.col("name") == name)["entity_id"]
    return found


def test_a_rejected_mention_goes_and_the_others_keep_their_numbers(batch):
    left, met = correct_mentions(batch["mentions"], batch["documents"], rows({"action": "reject", "name": "Stadträte"}))
    assert left.select("mention_no", "text").rows() == [(1, "Köln")]
    assert met["row"].to_list() == [2]
    assert left.schema == batch["mentions"].schema


@pytest.mark.parametrize(
    ("uri", "start", "kept"), [("test/b.txt", "", 2), ("test/a.txt", "7", 2), ("test/a.txt", "38", 1)]
)
def test_only_what_is_meant_is_rejected(batch, uri, start, kept):
    given = rows({"action": "reject", "name": "Köln", "source_uri": uri, "start": start})
    left, met = correct_mentions(batch["mentions"], batch["documents"], given)
    assert (left.height, met["row"].to_list()) == (kept, [2] if kept == 1 else [])
    assert (without_effect(given, met["row"]) == []) == (kept == 1)


def test_a_mention_has_another_label_and_the_last_word_counts(batch):
    given = rows(
        {"action": "retype", "name": "Köln", "label": "LOC", "value": "ORG"},
        {"action": "retype", "name": "Köln", "label": "LOC", "value": "MISC"},
    )
    changed, met = correct_mentions(batch["mentions"], batch["documents"], given)
    assert changed["label"].to_list() == ["MISC", "MISC"]
    assert met["row"].unique().sort().to_list() == [2, 3]


def test_a_block_is_marked(batch):
    given = rows({"action": "mark_block", "source_uri": "test/a.txt", "start": 15, "value": "teaser"})
    blocks, met = correct_blocks(batch["blocks"], batch["documents"], given)
    assert blocks.filter(pl.col("doc_id") == BODY)["kind"].to_list() == ["title", "teaser"]
    assert blocks.drop("kind").equals(batch["blocks"].drop("kind"))
    assert met["row"].to_list() == [2]


def test_two_entities_become_one_that_keeps_its_id():
    clusters, documents, entities = linked()
    hans, anna = id_of(entities, "Hans Huber"), id_of(entities, "Anna Huber")
    given = rows({"action": "merge", "entity_id": hans, "name": "Hans Huber", "label": "PER", "value": anna})
    merged, met = correct_clusters(clusters, documents, given, entities)
    after = build_entities([merged], documents)
    assert met == [2]
    (one,) = after.filter(pl.col("entity_id") == anna).iter_rows(named=True)
    assert (one["name"], one["aliases"], one["n_mentions"]) == ("Anna Huber", ["Hans Huber"], 4)
    assert hans not in after["entity_id"].to_list()
    assert after.height == entities.height - 1


def test_an_entity_whose_id_has_changed_is_found_by_its_name():
    clusters, documents, entities = linked()
    given = rows(
        {"action": "merge", "entity_id": "gone", "name": "Hans Huber", "label": "PER"}
        | {"value": "gone too", "value_name": "Anna Huber"}
    )
    merged, met = correct_clusters(clusters, documents, given, entities)
    assert met == [2]
    assert build_entities([merged], documents).height == entities.height - 1


def test_a_place_is_never_merged_into_a_person():
    clusters, documents, entities = linked()
    koeln = id_of(entities, "Köln")
    given = rows({"action": "merge", "entity_id": koeln, "label": "LOC", "value": id_of(entities, "Hans Huber")})
    merged, met = correct_clusters(clusters, documents, given, entities)
    assert merged.equals(clusters)
    assert without_effect(given, met) == ["line 2: merge : nothing there that it applies to"]


def test_what_is_split_off_in_one_document_has_an_id_of_its_own_and_the_rest_keeps_its():
    clusters, documents, entities = linked()
    anna = id_of(entities, "Anna Huber")
    given = rows({"action": "split", "entity_id": anna, "name": "Anna Huber", "source_uri": "s/c.txt"})
    parted, met = correct_clusters(clusters, documents, given, entities)
    after = build_entities([parted], documents)
    annas = after.filter(pl.col("name") == "Anna Huber").sort("n_mentions")
    assert annas["n_mentions"].to_list() == [1, 2]
    assert annas["entity_id"].to_list() == [split_id(anna, "Anna Huber", "s/c.txt"), anna]
    assert met == [2]
    assert all(
        "Anna Huber" in json.loads(f) for f in parted.filter(pl.col("entity_id") == annas["entity_id"][0])["forms"]
    )


def test_names_labels_and_authority_ids_are_pinned():
    clusters, _, entities = linked()
    koeln = {"entity_id": id_of(entities, "Köln"), "name": "Köln", "label": "LOC"}
    given = rows(
        koeln | {"action": "rename", "value": "Cologne"},
        koeln | {"action": "pin", "value": "Q365"},
        koeln | {"action": "retype", "value": "ORG"},
    )
    after, met = correct_entities(entities, given)
    (one,) = after.filter(pl.col("entity_id") == koeln["entity_id"]).iter_rows(named=True)
    assert (one["name"], one["aliases"], one["authority_id"], one["label"]) == ("Cologne", ["Köln"], "Q365", "ORG")
    assert met == [2, 3, 4]
    assert set(relabel(clusters, after).filter(pl.col("entity_id") == koeln["entity_id"])["label"]) == {"ORG"}
    assert after.schema == entities.schema


def test_only_documents_that_rows_which_came_or_went_concern_are_made_again(batch):
    before = rows({"action": "rename", "entity_id": "e1", "value": "A"}, {"action": "reject", "name": "Berlin"})
    after = rows(
        {"action": "rename", "entity_id": "e1", "value": "A"},
        {"action": "reject", "name": "Köln"},
        {"action": "merge", "entity_id": "e2", "value": "e3"},
    )
    documents = batch["documents"].lazy()
    assert concerned_documents(before, after, documents) == [BODY]
    assert concerned_documents(after, after, documents) == []
    assert concerned_documents(rows(), before, documents) == []


def test_rows_in_another_order_concern_their_documents_as_the_last_one_counts(batch):
    one = {"action": "retype", "name": "Köln", "value": "ORG"}
    other = {"action": "retype", "name": "Köln", "value": "MISC"}
    documents = batch["documents"].lazy()
    assert concerned_documents(rows(one, other), rows(other, one), documents) == [BODY]
    assert not same_corrections(rows(one, other), rows(other, one))
    assert same_corrections(rows(one), rows(one | {"note": "sure", "by": "me"}))


def test_a_name_becomes_a_value_and_the_other_way_round(batch):
    given = rows({"action": "retype", "name": "Köln", "value": "DATE"})
    changed, _ = correct_mentions(batch["mentions"], batch["documents"], given)
    assert changed.filter(pl.col("text") == "Köln")["kind"].to_list() == ["value"]
    back, _ = correct_mentions(changed, batch["documents"], rows({"action": "retype", "name": "Köln", "value": "LOC"}))
    assert back.filter(pl.col("text") == "Köln")["kind"].to_list() == ["name"]


def test_what_is_split_off_can_be_merged_in_turn():
    clusters, documents, entities = linked()
    anna, jane = id_of(entities, "Anna Huber"), id_of(entities, "Jane Doe")
    off = split_id(anna, "Anna Huber", "s/c.txt")
    given = rows(
        {"action": "split", "entity_id": anna, "name": "Anna Huber", "source_uri": "s/c.txt"},
        {"action": "merge", "entity_id": off, "name": "Anna Huber", "label": "PER", "value": jane},
    )
    corrected, met = correct_clusters(clusters, documents, given, entities)
    assert met == [2, 3]
    assert corrected.filter(pl.col("doc_id") == "c", pl.col("entity_id") == jane).height == 1


def test_the_file_reads_as_it_was_written():
    given = rows({"action": "rename", "entity_id": "e", "name": 'Doe, ""J.""', "value": "Jane Doe", "note": "é = ü"})
    assert read_corrections(write_corrections(given)).equals(given)
    assert write_corrections(given).splitlines()[1] == 'rename,e,"Doe, ""J.""",,,,Jane Doe,,,,é = ü'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("action,who\nreject,x\n", "unknown columns who"),
        ("action,name\nrejekt,x\n", "line 2: unknown action 'rejekt'; there are reject, retype"),
        ("action,name,value\nretype,x,PERSON\n", "line 2: value 'PERSON' should be one of PER, ORG"),
        ("action,entity_id,value\nretype,e,DATE\n", "line 2: value 'DATE' should be one of PER, ORG, LOC, MISC"),
        ("action,entity_id\nmerge,e\n", "line 2: merge needs a value"),
        ("action,name,start\nreject,x,1.5\n", "line 2: start '1.5' should be a number"),
        ("action,name\nreject,x,y\n", "line 2: has more cells than there are columns"),
    ],
)
def test_a_wrong_row_is_named(text, said):
    with pytest.raises(UsageError, match=said.replace(".", r"\.")) as raised:
        read_corrections(text, "team.csv")
    assert str(raised.value).startswith("team.csv")
