from datetime import UTC, datetime

import polars as pl
import pytest

from stages.annotate import StageOptions, annotate, isolate
from stages.extract_entities import EntityOptions
from stages.read.raw_document import RawDocument
from stages.read.sources import REJECTED, TEXTS, to_row
from stages.reflow import ReflowOptions
from stages.tables.schemas import LABELS, NAME_LABELS, TABLES

NOW = datetime(2024, 5, 1, tzinfo=UTC)
RAW = "Stadtrat tagt wieder\n\nAm Dienstag kamen die Stadt-\nräte in Köln zusammen. Sie sprachen über die Brücke.\n"


def texts(**raws):
    made = {name: RawDocument(raw, "utf-8", "utf-8") for name, raw in raws.items()}
    return pl.DataFrame([to_row(f"s/{name}", f"{name:0>20}", "h", raw) for name, raw in made.items()], schema=TEXTS)


def run(frame):
    return annotate(frame, StageOptions(), "run-1", NOW)


def test_every_table_in_its_schema_and_every_offset_true():
    frames, rejected, seconds = run(texts(a=RAW, b=RAW.replace("Köln", "Jena")))
    assert {name: frame.schema for name, frame in frames.items()} == {name: TABLES[name].schema for name in frames}
    assert rejected.is_empty()
    assert list(seconds) == [
        *("reflow", "identify_language", "split_sentences", "extract_entities", "link_entities"),
        *("read_facts", "find_duplicates"),
    ]
    text = dict(frames["documents"].select("doc_id", "text").iter_rows())
    for name in ("blocks", "sentences", "mentions"):
        assert set(frames[name]["doc_id"]) == set(text), name
        for doc_id, start, end, own in frames[name].select("doc_id", "start", "end", "text").iter_rows():
            assert text[doc_id][start:end] == own
    assert set(frames["mentions"]["label"]) <= set(LABELS)
    assert set(frames["clusters"]["label"]) <= set(NAME_LABELS)


def test_counts_of_a_document():
    frames, _, _ = run(texts(a=RAW))
    document = frames["documents"].row(0, named=True)
    assert document["text"].endswith("Am Dienstag kamen die Stadträte in Köln zusammen. Sie sprachen über die Brücke.")
    # Title: 3 words, 1 sentence; body: 8 and 5 words, 2 sentences.
    assert (document["n_blocks"], document["n_sentences"], document["n_words"]) == (2, 3, 16)
    assert document["n_chars"] == len(document["text"])
    assert document["n_mentions"] == frames["mentions"].height
    assert (document["language"], document["encoding"], document["run_id"]) == ("de", "utf-8", "run-1")
    assert frames["repairs"].select("rule", "before", "after").rows() == [
        ("hyphen_removed", "Stadt-\nräte", "Stadträte")
    ]


@pytest.mark.parametrize("characters", [True, False])
def test_words_are_counted_as_python_parts_them(characters):
    """Every character that str.split takes for white space parts words, and none is glued into one."""
    spaces = [chr(code) for code in range(0x3001) if chr(code).isspace()]
    assert {"\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u00a0", "\u3000"} <= set(spaces)
    words = ["Die", "Stadt", "baut", "eine", "neue", "Brücke", "über", "den", "alten", "Fluss."]
    raws = {f"{ord(space):x}": space.join(words) for space in spaces}
    options = StageOptions(reflow=ReflowOptions(characters=characters), entities=EntityOptions("fast"))
    frames, _, _ = annotate(texts(**raws), options, "run-1", NOW)
    assert frames["documents"].height == len(spaces)
    for uri, text, n_words in frames["documents"].select("source_uri", "text", "n_words").iter_rows():
        assert (text.split(), n_words) == (words, len(words)), uri


@pytest.mark.parametrize("raw", ["x", "ü", "5", "I", "河", "€", "ab"])
def test_a_text_of_a_letter_or_two_is_of_no_language(raw):
    frames, rejected, _ = run(texts(a=raw))
    assert rejected.is_empty()
    assert frames["documents"].select("text", "language", "language_confidence").row(0) == (raw, "und", 0.0)
    assert frames["blocks"]["language"].to_list() == ["und"]


def test_names_are_clustered_and_values_are_not():
    """The document's half of linking; entity_id comes when all documents of a run are known."""
    raw = "Frau Müller sprach am 3. Mai 2024 in Köln. Danach ging Anna Müller nach Hause, Köln blieb zurück.\n"
    frames, _, _ = run(texts(a=raw, b=raw))
    mentions, clusters = frames["mentions"], frames["clusters"]
    assert mentions.filter(kind="value").height == 2
    assert mentions.filter(pl.col("cluster_no").is_null())["kind"].unique().to_list() == ["value"]
    assert mentions["entity_id"].null_count() == mentions.height
    assert clusters["entity_id"].null_count() == clusters.height
    counted = mentions.drop_nulls("cluster_no").group_by("doc_id", "cluster_no", "label").len(name="n_mentions")
    key = ["doc_id", "cluster_no"]
    assert (
        clusters.select(counted.columns)
        .sort(key)
        .equals(counted.cast(clusters.select(counted.columns).schema).sort(key))
    )


def test_text_without_blocks_is_rejected_and_the_rest_passes():
    frames, rejected, _ = run(texts(a=RAW, b="\u200b"))
    assert frames["documents"].height == 1
    assert rejected.select("source_uri", "stage", "code").rows() == [("s/b", "reflow", "empty")]


def test_batch_without_documents():
    frames, rejected, _ = run(texts())
    assert {name: frame.height for name, frame in frames.items()} == dict.fromkeys(frames, 0)
    assert {name: frame.schema for name, frame in frames.items()} == {name: TABLES[name].schema for name in frames}
    assert rejected.is_empty()


NONE_REJECTED = pl.DataFrame(schema=dict.fromkeys(REJECTED, pl.String))


def failing_on(marker):
    def chain(frame):
        if frame["raw"].str.contains(marker).any():
            raise ZeroDivisionError("broke down")
        return {"documents": frame.select("doc_id")}, NONE_REJECTED, {"reflow": 1.0}

    return chain


@pytest.mark.parametrize("bad", [{0}, {3}, {1, 6}, set(range(7))])
def test_one_bad_document_does_not_take_the_batch_along(bad):
    frame = texts(**{f"d{n}": "poison" if n in bad else "text" for n in range(7)})
    frames, rejected, _ = isolate(failing_on("poison"), frame)
    assert frames["documents"]["doc_id"].to_list() == [f"d{n}".rjust(20, "0") for n in range(7) if n not in bad]
    assert rejected["source_uri"].to_list() == [f"s/d{n}" for n in sorted(bad)]
    assert set(rejected["code"]) == {"stage_failed"}
    assert all("ZeroDivisionError: broke down" in reason for reason in rejected["reason"])
    assert rejected.columns == list(REJECTED)


class PanicException(BaseException):
    pass


@pytest.mark.parametrize(("error", "rejected"), [(PanicException, 1), (KeyboardInterrupt, None), (SystemExit, None)])
def test_a_panic_is_the_fault_of_one_document_but_who_stops_a_run_stops_it(error, rejected):
    def chain(frame):
        if frame["raw"].str.contains("poison").any():
            raise error("index out of bounds")
        return {"documents": frame.select("doc_id")}, NONE_REJECTED, {}

    if rejected is None:
        with pytest.raises(error):
            isolate(chain, texts(a="text", b="poison"))
        return
    frames, out, _ = isolate(chain, texts(a="text", b="poison"))
    assert (frames["documents"].height, out.height) == (1, rejected)


def test_chain_that_fails_on_nothing_at_all_is_a_bug_and_raises():
    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        isolate(broken, texts(a="text", b="text"))
