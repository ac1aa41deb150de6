"""The hyphen at a line end: what the words tell, what the document tells, and the table of common words."""

import json
from pathlib import Path

import pytest

from stages.reflow.hyphens import LONGEST_COMMON, Break, Join, decide_all, decide_hyphens
from stages.reflow.vocabulary import load_vocabulary, word_levels
from stages.reflow.words import COMMON

GERMAN = "Der Ausschuss hat das und die Vorlage mit dem Plan für den Markt auf sich warten lassen, ist aber nicht neu."
WORDS = Path(__file__).parents[1] / "benchmarks" / "reflow_hyphens.json"


def test_levels_rise_with_frequency() -> None:
    common, rare, unknown = word_levels(["de:und", "de:regierungserklärung", "de:regierungserklärungsbedarf"])
    assert common > rare > unknown == 0


def test_levels_are_those_of_the_language() -> None:
    french, german = word_levels(["fr:maison", "de:maison"])
    assert french > german


def test_no_words_have_no_levels() -> None:
    assert word_levels([]) == []


def test_vocabulary_is_sorted_and_each_entry_has_a_level() -> None:
    table = load_vocabulary()
    assert (table[1:] > table[:-1]).all()
    assert (table % 8 > 0).all()


@pytest.mark.parametrize(
    ("head", "tail", "join"),
    [
        ("Haushaltsnotlagen-", "gesetz", Join.REMOVE),
        ("trüb-", "fröhlicher", Join.KEEP),
        ("Löschwasser-", "und", Join.KEEP_SPACE),
        ("Kaiser-", "Wilhelm-Straße", Join.KEEP),
        ("Stadtwerke\u00ac", "chef", Join.REMOVE),
        ("trüb\u00ac", "fröhlicher", Join.REMOVE),
        ("Fensterbrük-", "ke", Join.REMOVE_CK),
        ("Brük\u00ac", "kenbau", Join.REMOVE_CK),
        ("Musik-", "kritiker", Join.REMOVE),
        ("Ak-", "kord", Join.REMOVE),
    ],
)
def test_words_nobody_listed(head: str, tail: str, join: Join) -> None:
    assert decide_hyphens([Break(head, tail)], GERMAN) == [join]


@pytest.mark.parametrize(("shown", "join"), [("Bergwachthütte", Join.REMOVE), ("Bergwacht-hütte", Join.KEEP)])
def test_what_the_document_shows_wins(shown: str, join: Join) -> None:
    assert decide_hyphens([Break("Bergwacht-", "hütte")], f"{GERMAN} {shown}") == [join]


def test_the_other_hyphens_of_a_text_count() -> None:
    # Pairs of adjectives that may be written either way.
    pairs = ["düster-|grauen", "grell-|bunte", "west-|östlicher", "links-|konservativer", "zart-|bitteren"]
    doubtful = [Break(*pair.split("|")) for pair in pairs]
    among_kept = [decide_hyphens([item, *[Break("schwarz-", "grüne")] * 8], GERMAN)[0] for item in doubtful]
    among_broken = [decide_hyphens([item, *[Break("Regie-", "rung")] * 30], GERMAN)[0] for item in doubtful]
    assert among_kept.count(Join.KEEP) > among_broken.count(Join.KEEP)


def test_nothing_to_decide() -> None:
    assert decide_hyphens([], GERMAN) == []


@pytest.mark.parametrize("lang", ["de", "en", "fr", "nl"])
def test_benchmark_words_are_well_formed(lang: str) -> None:
    words = json.loads(WORDS.read_text(encoding="utf-8"))[lang]
    assert all(words[decision].split() for decision in ("keep", "remove"))
    assert bool(words["suspended"]) == (lang != "fr"), "French has no suspended hyphens"
    assert all("-" in word for word in words["keep"].split())
    assert not any("-" in word for word in words["remove"].split())
    assert all(pair.count("-|") == 1 for pair in words["suspended"].split())


def test_documents_are_decided_together_as_each_alone():
    documents = [[Break("Bergwacht-", "h\u00fctte"), Break("klein-", "und")], [], [Break("Ver-", "schluss")] * 3]
    texts = [GERMAN, "", f"{GERMAN} the report was with the Ver-schluss"]
    alone = [decide_hyphens(breaks, text) for breaks, text in zip(documents, texts, strict=True)]
    assert decide_all(documents, texts) == alone


def test_common_words_fit_in_their_numbers():
    assert max(len(word) for words in COMMON.values() for word in words) == LONGEST_COMMON
