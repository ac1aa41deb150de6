"""The conformance test: what every engine for names holds to, whatever its model."""

import itertools
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.errors import UsageError
from stages.extract_entities.names import ENGINES, EXTRACTORS, NONE, VERSION, Name, entity_model, extract_names

TEXTS = (
    "Bundeskanzlerin Angela Merkel sprach in Berlin mit dem US-Außenminister über die russische Armee.",
    "Die Nato-Staaten trafen sich am 5. Juni in Brüssel.",
    "Angela Merkel reiste nach Paris.",
    "(Foto: Karla Obermoser/dpa)",
    "ANGELA MERKEL IN BERLIN",
    "",
    " \t ",
    "\U0001f600\U0001f3fd Berlin\u00a0\u200b!",
    "Die Firma Siemens AG in München zahlte 90 Millionen Euro.",
)
LABELS = {"PER", "ORG", "LOC", "MISC"}
Result = list[list[list[Name]]]


def document(texts: Sequence[str], language: str = "de") -> list[tuple[str, str, str]]:
    return [(text, language, "paragraph") for text in texts]


def check(texts: Sequence[str], rows: Sequence[Sequence[Name]]) -> None:
    """Offsets slice back to a name without white space at its ends; sorted; no overlap within a kind."""
    for text, names in zip(texts, rows, strict=True):
        assert list(names) == sorted(names, key=lambda name: (name.start, -name.end, name.kind))
        for name in names:
            surface = text[name.start : name.end]
            assert surface
            assert surface == surface.strip()
            assert name.label in LABELS
            assert name.kind in {"name", "part", "deriv"}
            assert 0 <= name.score <= 1
        for kind in ("name", "part", "deriv"):
            same = [name for name in names if name.kind == kind]
            assert all(a.end <= b.start for a, b in itertools.pairwise(same))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_keeps_the_contract(engine: str) -> None:
    rows = extract_names([document(TEXTS)], engine)[0]
    assert sum(map(len, rows)) >= 8
    check(TEXTS, rows)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_alone_and_in_a_batch_and_twice(engine: str) -> None:
    documents = [document(TEXTS), document(TEXTS[:3]), document(TEXTS[3:]), [], document([TEXTS[1]] * 3)]
    together = extract_names(documents, engine)
    assert together == [extract_names([one], engine)[0] for one in documents]
    assert together == extract_names(documents, engine)
    assert together == extract_names(documents[::-1], engine)[::-1]


@pytest.mark.parametrize("engine", ENGINES)
@given(text=st.text(max_size=80) | st.text(alphabet="ABab -.'\u201e\u00e4\n", max_size=80))
@settings(max_examples=40, deadline=None)
def test_any_text_keeps_the_contract(engine: str, text: str) -> None:
    check([text], extract_names([document([text])], engine)[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_plain_names_are_found(engine: str) -> None:
    (rows,) = extract_names([document(TEXTS)], engine)
    found = {(text[n.start : n.end], n.label, n.kind) for text, names in zip(TEXTS, rows, strict=True) for n in names}
    expected = {
        ("Angela Merkel", "PER", "name"),
        ("Berlin", "LOC", "name"),
        ("US", "LOC", "part"),
        ("russische", "LOC", "deriv"),
        ("Nato", "ORG", "part"),
        ("Brüssel", "LOC", "name"),
        ("Siemens AG", "ORG", "name"),
        ("München", "LOC", "name"),
    }
    assert expected <= found
    assert not {form for form, _, _ in found} & {"Euro", "Juni"}


@pytest.mark.parametrize("engine", ENGINES)
def test_currency_words_only_on_request(engine: str) -> None:
    rows = extract_names([document(TEXTS[-1:])], engine, currencies=True)[0]
    assert {TEXTS[-1][n.start : n.end]: n.label for n in rows[0]}.get("Euro") == "MISC"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_language_without_a_model_gives_no_names(engine: str) -> None:
    assert entity_model("de", engine) == "trained"
    assert entity_model("ja", engine) is None
    assert extract_names([document(TEXTS[:1], "ja")], engine) == [[[]]]


def test_where_nobody_looks_for_names_there_are_none_and_no_model_is_loaded() -> None:
    code = (
        "import sys; from stages.extract_entities.names import extract_names;"
        "print(extract_names([[('Anna Blum kam.', 'de', 'paragraph')], []], 'none'), 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[[[]], []] False\n"
    assert entity_model("de", NONE) is None


@pytest.mark.parametrize("engine", ENGINES)
def test_long_sentences_take_linear_time_and_names_have_places_far_in(engine: str) -> None:
    text = "und so weiter " * 700 + "kam Angela Merkel nach Berlin. " * 2
    began = time.process_time()
    (rows,) = extract_names([document([text, "x" * 100_000])], engine)
    assert time.process_time() - began < 10
    check([text, "x" * 100_000], rows)
    assert [text[n.start : n.end] for n in rows[0]] == ["Angela Merkel", "Berlin"] * 2


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of"):
        extract_names([], "best")


def test_the_version_names_the_models() -> None:
    assert EXTRACTORS.keys() == set(ENGINES)
    assert set(EXTRACTORS.values()) < set(VERSION.split())
