import polars as pl
import pytest

from expectations.evidence import with_evidence

EVIDENCE = {
    "documents": {"counts_agree", "text_is_blocks", "has_pages"},
    "blocks": {"slices_back", "raw_agrees", "has_document"},
    "sentences": {"slices_back", "in_parent"},
    "mentions": {"slices_back", "in_parent"},
    "clusters": {"has_document"},
    "repairs": {"raw_agrees", "has_document"},
    "raw_texts": {"raw_agrees", "has_document"},
}


def test_true_for_every_row_of_a_good_batch(batch, raw_texts):
    found = with_evidence(batch, raw_texts)
    for table, columns in EVIDENCE.items():
        assert set(found[table].columns) - set(batch[table].columns) == columns
        assert found[table].select(pl.all_horizontal(columns).all()).item(), table
        assert found[table].select(batch[table].columns).equals(batch[table])


def test_blocks_stand_on_pages_that_the_document_has(batch, raw_texts, change):
    size = {"page": 1, "width": 595.0, "height": 842.0, "turned": 0}
    box = {"x0": 1.0, "y0": 1.0, "x1": 9.0, "y1": 9.0}
    frames = batch | {"blocks": change(batch["blocks"], 0, page=1)}
    assert with_evidence(frames, raw_texts)["documents"]["has_pages"].to_list() == [True, True], "a chapter of a book"
    frames = batch | {"blocks": change(batch["blocks"], 0, page=1, box=box)}
    assert with_evidence(frames, raw_texts)["documents"]["has_pages"].to_list() == [False, True]
    frames["documents"] = change(batch["documents"], 0, pages=[size])
    assert with_evidence(frames, raw_texts)["documents"]["has_pages"].to_list() == [True, True]
    frames["blocks"] = change(batch["blocks"], 0, page=2)
    assert with_evidence(frames, raw_texts)["documents"]["has_pages"].to_list() == [False, True]


def spans(*found):
    return [{"start": start, "raw_start": raw_start, "length": length} for start, raw_start, length in found]


# The paragraph is row 1 of blocks: text 15 to 43, raw 15 to 45, spans (15, 15, 9) and (24, 26, 19).
LIES = [
    ("documents", 0, {"n_chars": 42}, "counts_agree"),
    ("documents", 0, {"n_blocks": 1}, "counts_agree"),
    ("documents", 0, {"n_sentences": 3}, "counts_agree"),
    ("documents", 1, {"n_mentions": 1}, "counts_agree"),
    ("documents", 1, {"text": "Eine zeile."}, "text_is_blocks"),
    ("blocks", 1, {"text": "Die Stadträte tagen in Koln."}, "slices_back"),
    ("blocks", 1, {"end": 42}, "slices_back"),
    ("blocks", 2, {"doc_id": "f" * 20}, "has_document"),
    ("blocks", 1, {"spans": spans((15, 15, 9), (24, 25, 19))}, "raw_agrees"),  # one raw character off
    ("blocks", 1, {"spans": spans((15, 15, 28))}, "raw_agrees"),  # as if no hyphen had been there
    ("blocks", 1, {"spans": spans((24, 26, 19), (15, 15, 9))}, "raw_agrees"),  # out of order
    ("blocks", 1, {"spans": spans((15, 15, 9), (15, 15, 9))}, "raw_agrees"),  # twice the same
    ("blocks", 1, {"spans": spans((0, 0, 13), (15, 15, 9))}, "raw_agrees"),  # out of the block
    ("blocks", 1, {"spans": spans((15, 15, 9), (24, 26 - 46, 10))}, "raw_agrees"),  # counted from the end
    ("blocks", 1, {"spans": spans((15, 15, 9), (24, 26, -1))}, "raw_agrees"),
    ("blocks", 1, {"spans": []}, "raw_agrees"),  # no map at all
    ("blocks", 1, {"raw_end": 44}, "raw_agrees"),  # the block ends before its last span
    ("blocks", 1, {"raw_end": 47}, "raw_agrees"),  # the raw text has 46 characters
    ("sentences", 1, {"start": 16}, "slices_back"),
    ("sentences", 1, {"block_no": 0}, "in_parent"),
    ("sentences", 1, {"block_no": 7}, "in_parent"),
    ("sentences", 1, {"end": 44}, "in_parent"),
    ("sentences", 1, {"raw_start": 14}, "in_parent"),
    ("sentences", 1, {"raw_end": 46}, "in_parent"),
    ("mentions", 1, {"text": "Koln"}, "slices_back"),
    ("mentions", 1, {"start": 37, "end": 41}, "slices_back"),
    ("mentions", 1, {"sentence_no": 0}, "in_parent"),
    ("mentions", 1, {"doc_id": "f" * 20}, "in_parent"),
    ("mentions", 1, {"raw_end": 46}, "in_parent"),
    ("clusters", 1, {"doc_id": "f" * 20}, "has_document"),
    ("repairs", 0, {"before": "Stadt-räte"}, "raw_agrees"),
    ("repairs", 0, {"raw_start": 20}, "raw_agrees"),
    ("repairs", 0, {"doc_id": "f" * 20}, "has_document"),
]


@pytest.mark.parametrize(("table", "row", "lie", "column"), LIES, ids=[f"{t} {lie}"[:60] for t, _, lie, _ in LIES])
def test_every_kind_of_lie_is_seen_in_its_row_alone(batch, raw_texts, change, table, row, lie, column):
    frames = batch | {table: change(batch[table], row, **lie)}
    found = with_evidence(frames, raw_texts)[table][column]
    assert [at for at, good in enumerate(found) if good is not True] == [row]


def test_offsets_unknown_are_no_proof(batch, raw_texts, change):
    frames = batch | {"blocks": change(batch["blocks"], 1, raw_start=None)}
    assert with_evidence(frames, raw_texts)["blocks"]["raw_agrees"].to_list() == [True, False, True]


@pytest.mark.parametrize("spans", [None, [None], [{"start": None, "raw_start": 15, "length": 9}]])
def test_spans_unknown_are_no_proof(batch, raw_texts, change, spans):
    frames = batch | {"blocks": change(batch["blocks"], 1, spans=spans)}
    assert with_evidence(frames, raw_texts)["blocks"]["raw_agrees"].to_list() == [True, False, True]


def test_text_unknown_is_no_proof(batch, raw_texts, change):
    found = with_evidence(batch | {"documents": change(batch["documents"], 0, text=None)}, raw_texts)
    assert found["blocks"]["slices_back"].to_list() == [False, False, True]
    assert found["documents"]["text_is_blocks"].to_list() == [False, True]


def test_of_documents_that_were_not_read_nothing_is_said_about_the_raw_text(batch, raw_texts):
    unread = batch["documents"]["doc_id"][0]
    found = with_evidence(batch, {id_: raw for id_, raw in raw_texts.items() if id_ != unread}, {unread})
    assert found["blocks"]["raw_agrees"].to_list() == [None, None, True]
    assert found["repairs"]["raw_agrees"].to_list() == [None]
    assert found["blocks"]["slices_back"].all()


def test_empty_batch():
    from stages.tables.schemas import empty

    found = with_evidence({table: empty(table) for table in EVIDENCE}, {})
    assert {table: frame.height for table, frame in found.items()} == dict.fromkeys(EVIDENCE, 0)
