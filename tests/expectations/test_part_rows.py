import json

import polars as pl
import pytest

from expectations.evidence import with_evidence
from expectations.part_rows import BAD_ROW, part_rows
from expectations.rules import RULES


def part(frames, raw_texts):
    return part_rows(with_evidence(frames, raw_texts))


def heights(frames):
    return {name: frame.height for name, frame in frames.items()}


ALL = {"documents": 2, "blocks": 3, "sentences": 3, "mentions": 2, "clusters": 2, "repairs": 1, "raw_texts": 1}
SECOND_ONLY = {"documents": 1, "blocks": 1, "sentences": 1, "mentions": 0, "clusters": 0, "repairs": 0, "raw_texts": 1}


def test_good_batch_passes_whole(batch, raw_texts):
    good, bad = part(batch, raw_texts)
    assert heights(good) == ALL
    assert bad.is_empty()
    assert tuple(bad.columns) == BAD_ROW


def test_bad_mention_is_kept_out_alone_and_the_count_follows(batch, raw_texts, change):
    frames = batch | {"mentions": change(batch["mentions"], 0, label="PERSON")}
    good, bad = part(frames, raw_texts)
    assert heights(good) == ALL | {"mentions": 1, "clusters": 1}
    assert good["documents"]["n_mentions"].to_list() == [1, 0]
    assert good["clusters"].select("cluster_no", "n_mentions").rows() == [(1, 1)]
    (row,) = bad.rows(named=True)
    assert (row["table"], row["stage"], row["rule"]) == ("mentions", "extract_entities", "mentions.label.in_set")
    assert row["reason"] == "broken rule: label is a known label"
    assert json.loads(row["row"])["label"] == "PERSON"
    again, none = part({name: good[name].select(batch[name].columns) for name in batch}, raw_texts)
    assert none.is_empty()
    assert heights(again) == heights(good)


def test_bad_repair_is_kept_out_alone(batch, raw_texts, change):
    frames = batch | {"repairs": change(batch["repairs"], 0, before="x", rule="guessed")}
    good, bad = part(frames, raw_texts)
    assert heights(good) == ALL | {"repairs": 0}
    assert sorted(bad["rule"]) == ["repairs.raw_agrees.true", "repairs.rule.in_set"]


@pytest.mark.parametrize(
    ("table", "row", "lie"),
    [
        ("documents", 0, {"language": "German"}),
        ("documents", 0, {"n_chars": 1}),
        ("blocks", 1, {"kind": "stanza"}),
        ("blocks", 0, {"spans": []}),
        ("sentences", 0, {"raw_end": 0}),
        ("sentences", 1, {"text": "Die"}),
        ("clusters", 1, {"label": "DATE"}),
        ("clusters", 0, {"n_mentions": 0}),
    ],
)
def test_bad_row_elsewhere_keeps_the_document_out(batch, raw_texts, change, table, row, lie):
    good, bad = part(batch | {table: change(batch[table], row, **lie)}, raw_texts)
    assert heights(good) == SECOND_ONLY
    assert table in set(bad["table"])
    assert good["documents"]["source_uri"].to_list() == ["test/b.txt"]


def test_clusters_are_judged_before_they_are_linked(batch, raw_texts):
    """The batches are parted first and linked together afterwards."""
    unlinked = {name: batch[name].with_columns(entity_id=pl.lit(None, pl.String)) for name in ("mentions", "clusters")}
    good, bad = part(batch | unlinked, raw_texts)
    assert heights(good) == ALL
    assert bad.is_empty()


def test_bad_cluster_is_reported_with_its_stage(batch, raw_texts, change):
    _, bad = part(batch | {"clusters": change(batch["clusters"], 1, label="DATE")}, raw_texts)
    (row,) = bad.rows(named=True)
    assert (row["table"], row["stage"], row["rule"]) == ("clusters", "link_entities", "clusters.label.in_set")
    assert json.loads(row["row"])["blocks"] == ["Köln"]


def test_rows_without_a_document_are_bad(batch, raw_texts):
    good, bad = part(batch | {"documents": batch["documents"][1:]}, raw_texts)
    assert heights(good) == SECOND_ONLY
    assert {f"{table}.has_document.true" for table in ("blocks", "clusters", "repairs")} <= set(bad["rule"])
    assert set(bad["doc_id"]) == {batch["documents"]["doc_id"][0]}


def test_key_that_is_there_twice(batch, raw_texts):
    frames = batch | {"mentions": batch["mentions"][[0, 0, 1]]}
    good, bad = part(frames, raw_texts)
    assert bad["rule"].to_list().count("mentions.doc_id+mention_no.unique") == 2
    # The document claims two mentions and there are three: that is a lie about the whole.
    assert heights(good) == SECOND_ONLY


def test_every_rejected_row_of_every_table_is_readable(batch, raw_texts, change):
    """A whole document comes with all its values but the spans, times included."""
    frames = batch | {"documents": change(batch["documents"], 0, entity_model="?")}
    _, bad = part(frames, raw_texts)
    row = json.loads(bad["row"][0])
    assert row["source_uri"] == "test/a.txt"
    assert row["processed_at"].startswith("2024-05-01")


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)
