import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages import identify_language as stage
from stages.identify_language import UNDETERMINED, Language, LanguageOptions, identify_languages

CASES = json.loads((Path(__file__).parents[1] / "cases" / "language_blocks.json").read_text(encoding="utf-8"))
TEXTS = [block for case in CASES for block in case["blocks"]]
GERMAN = "Der Gemeinderat hat den Haushalt für das kommende Jahr am Dienstagabend einstimmig beschlossen."
ENGLISH = "The council approved the budget for the coming year without a single vote against it on Tuesday."


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_language_of_documents_and_blocks(case):
    ((document, blocks),) = identify_languages([case["blocks"]])
    assert document.code == case["document"]
    assert [block.code for block in blocks] == case["languages"]
    assert all(0.0 <= language.confidence <= 1.0 for language in [document, *blocks])


def test_twin_agrees_with_langdetect(monkeypatch):
    twin = pytest.importorskip("langdetect_rs.detector_factory")
    assert stage.engine is twin
    ours = [stage._detect(text, LanguageOptions()) for text in TEXTS]
    monkeypatch.setattr(stage, "engine", stage.reference)
    assert [stage._detect(text, LanguageOptions()) for text in TEXTS] == ours
    assert Language("en", 1.0) in ours


def test_probabilities_are_those_of_the_detectors_own_method():
    factory = stage._factory(stage.engine)
    for text in [*TEXTS, "", "123 456", "中文"]:
        ours, own = (factory.create() for _ in range(2))
        for detector in (ours, own):
            detector.prior_map = stage._prior_vector(stage.engine, LanguageOptions().priors)
            detector.append(text)
        shares = stage._probabilities(ours, stage.DRAWS)
        if not shares:
            with pytest.raises(Exception, match="No features in text"):
                own.get_probabilities()
            continue
        ranked = {language.lang: language.prob for language in own.get_probabilities()}
        likely = {name: share for name, share in zip(factory.langlist, shares, strict=True) if share > 0.1}
        assert ranked == likely


def test_draws_that_change_nothing_are_not_made(monkeypatch):
    made = []
    probabilities = stage._probabilities
    monkeypatch.setattr(stage, "_probabilities", lambda of, draws: made.append(draws) or probabilities(of, draws))
    assert stage._detect(GERMAN, LanguageOptions()) == Language("de", 1.0)
    assert made == [stage.FIRST_DRAWS]
    made.clear()
    unclear = stage._detect("Museum Restaurant Hotel Taxi Radio Video", LanguageOptions())
    assert made == [stage.FIRST_DRAWS, stage.DRAWS]
    assert unclear.confidence < 1.0


def test_capitals_are_judged_by_the_words_a_text_begins_with():
    texts = [
        "DER RAT TAGT heute",
        "DER RAT tagt heute",
        "A I am",
        "XX " * 70 + "und so weiter " * 30,
        "",
        "№ 12",
        "ẞA ªb",
    ]
    letters, shouted = stage._count_letters(texts), stage._are_shouted(texts)
    words = [stage.WORD.findall(text) for text in texts]
    assert letters == [sum(map(len, found)) for found in words]
    heads = [stage.WORD.findall(text[: stage.HEAD]) for text in texts]
    assert shouted == [2 * sum(map(str.isupper, head)) > len(head) for head in heads]


def test_short_block_inherits_and_long_block_does_not():
    _, blocks = identify_languages([[GERMAN, "Made in Germany", ENGLISH]])[0]
    assert [block.code for block in blocks] == ["de", "de", "en"]


def test_document_confidence_is_the_share_of_letters():
    document, _ = identify_languages([[GERMAN, GERMAN, GERMAN, ENGLISH]])[0]
    assert document.code == "de"
    assert 0.70 < document.confidence < 0.80


def test_long_chapter_outweighs_its_motto():
    document, blocks = identify_languages([[ENGLISH * 3, GERMAN * 40]])[0]
    assert (document.code, [block.code for block in blocks]) == ("de", ["en", "de"])


@pytest.mark.parametrize("code", ["de", "no"])
def test_priors_without_a_rest_exclude_every_other_language(code):
    assert identify_languages([["Oslo Bergen"]], LanguageOptions(priors=((code, 1.0),)))[0][0].code == code


def test_other_languages_keep_a_rest_of_the_priors():
    assert sum(stage._prior_vector(stage.engine, (("de", 0.5), ("en", 0.3)))) == pytest.approx(1.0)
    assert min(stage._prior_vector(stage.engine, (("de", 0.5), ("en", 0.3)))) == pytest.approx(0.2 / 53)


def test_empty_priors_are_allowed():
    assert identify_languages([[ENGLISH]], LanguageOptions(priors=()))[0][0].code == "en"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.text(max_size=80), max_size=4), max_size=4))
def test_batch_gives_what_each_document_gives_alone(documents):
    together = identify_languages(documents)
    assert together == [identify_languages([document])[0] for document in documents]
    assert [len(blocks) for _, blocks in together] == [len(document) for document in documents]
    for document, (_, found) in zip(documents, together, strict=True):
        assert all(language == UNDETERMINED for block, language in zip(document, found, strict=True) if not block)


@pytest.mark.parametrize("text", ["a@" * 500_000, "http://" * 150_000, ENGLISH * 10_000, "." * 1_000_000])
def test_a_megabyte_costs_no_more_than_its_first_characters(text):
    start = time.process_time()
    identify_languages([[text]])
    assert time.process_time() - start < 1.0
