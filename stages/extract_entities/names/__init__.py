"""Find names in sentences: people, organisations, places and others, also inside compounds and as adjectives.

Two engines behind `extract_names`: ``accurate`` (a small multilingual encoder, asked where the other is not sure) and
``fast`` (a network over word forms that learned from it); models of other makers plug in as ``spacy:DIR``,
``gliner:DIR`` and ``transformers:DIR`` (see `others`); with ``none`` nobody looks for names. Sentences are cut into
words with offsets, repeated sentences are tagged once, and within a document a form keeps one label.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from stages.errors import UsageError
from stages.extract_entities.names.decode import (
    Name,
    Tagged,
    at_slashes,
    is_currency,
    names_of,
    with_agencies,
    with_places_of_compounds,
)
from stages.extract_entities.names.others import OPENERS, check_other, extractor, find_others, fingerprint, is_other
from stages.extract_entities.names.tokenise import Words, tokenise_all
from stages.extract_entities.names.vote import Sentence, vote

__all__ = [
    "ENGINES",
    "ENGINE_PATTERN",
    "NONE",
    "VERSION",
    "WAYS",
    "Name",
    "check_engine",
    "entity_model",
    "extract_names",
    "extractor_of",
    "model_of",
]

ENGINES = ("accurate", "fast")
NONE = "none"
"""In place of an engine: no names are looked for."""
ENGINE_PATTERN = rf"^({'|'.join((*ENGINES, NONE))}|({'|'.join(OPENERS)}):.+)$"
"""How an engine is named: one of ours, or the kind of another maker's model and the folder it lies in, or none."""
WAYS = ", ".join((*ENGINES, NONE, *(f"{maker}:DIR" for maker in OPENERS)))
"""The same for people."""
LANGUAGES = {
    "accurate": {"de": "trained", "en": "trained", "fr": "trained"},
    "fast": {"de": "trained"},
}
EXTRACTORS = {"accurate": "encoder-4", "fast": "small-5"}
VERSION = "names-11 encoder-4 small-5"
LONGEST = 200  # words tagged in one go; longer sentences are cut after a mark near that place
MARKS = frozenset(".,;:!?)")


def check_engine(engine: str) -> None:
    """Raise UsageError where there is no such engine, or the folder or package of another maker's is not there."""
    if is_other(engine):
        check_other(engine)
    elif engine not in (*ENGINES, NONE):
        raise UsageError(f"there is no engine {engine!r} for names: choose one of {WAYS}")


def model_of(engine: str) -> str:
    """Name what finds the names: one of ENGINES, none, or the maker and the SHA-256 of the model, wherever it lies.

    Raises UsageError as `check_engine` does.
    """
    check_engine(engine)
    return f"{engine.partition(':')[0]} {fingerprint(engine)}" if is_other(engine) else engine


def extractor_of(engine: str) -> str:
    """Name an engine in the column ``extractor``."""
    return EXTRACTORS.get(engine) or extractor(engine)


def entity_model(language: str, engine: str) -> str | None:
    """Say whether the engine was trained on the language, carries over to it, or knows nothing of it (None).

    A model of another maker is taken to know every language: whoever names its folder knows better than we.
    """
    if is_other(engine):
        return "trained"
    check_engine(engine)
    return LANGUAGES.get(engine, {}).get(language)


def extract_names(
    documents: Sequence[Sequence[tuple[str, str, str]]], engine: str = "accurate", currencies: bool = False
) -> list[list[list[Name]]]:
    """Return the names of every sentence of every document, in the same nesting.

    A sentence is (text, language, block kind). Offsets are code points in the sentence's text; names are sorted by
    (start, -end), and two of one kind never overlap. A language without a model gives no names. The result for a
    document does not depend on the others. In a credit a slash parts names ("APA/AFP"), and known agencies are added.
    ``currencies`` keeps currency words as MISC, as GermEval counts them.
    """
    languages = {language for sentences in documents for _, language, _ in sentences}
    known = {language for language in languages if entity_model(language, engine)}
    asked = dict.fromkeys((text, lang) for sentences in documents for text, lang, _ in sentences if lang in known)
    if not known:
        entity_model("", engine)  # refuses an engine that does not exist, also when there is nothing to read
        return [[[] for _ in sentences] for sentences in documents]
    found = _find(list(asked), engine)
    found_by = extractor_of(engine)
    results = []
    for sentences in documents:
        rows = [found.get((text, lang)) or Sentence(text, (), (), ()) for text, lang, _ in sentences]
        voted = vote(rows, found_by)
        kinds = (kind for _, _, kind in sentences)
        results.append([_wanted(*row, found_by, currencies) for row in zip(rows, kinds, voted, strict=True)])
    return results


def _wanted(sentence: Sentence, kind: str, names: list[Name], found_by: str, currencies: bool) -> list[Name]:
    if kind in ("byline", "credit") and sentence.words:  # without words where its language has no model
        names = with_agencies(sentence.text, at_slashes(sentence.text, names), found_by)
    return names if currencies else [name for name in names if not is_currency(sentence.text, name)]


def _find(asked: list[tuple[str, str]], engine: str) -> dict[tuple[str, str], Sentence]:
    """The names of texts with their languages."""
    texts = [text for text, _ in asked]
    words = tokenise_all(texts, [language for _, language in asked])
    names = find_others(texts, engine) if is_other(engine) else _tag_texts(asked, words, engine)
    return {
        (text, language): Sentence(text, words.forms[first:last], words.starts[first:last], found)
        for (text, language), (first, last), found in zip(asked, pairwise(words.bounds), names, strict=True)
    }


def _tag_texts(asked: list[tuple[str, str]], words: Words, engine: str) -> list[list[Name]]:
    cuts = [(i, *cut) for i, (first, last) in enumerate(pairwise(words.bounds)) for cut in _cuts(words, first, last)]
    stretches = [words.forms[first:last] for _, first, last in cuts]
    tagged = _tag(stretches, [asked[i][1] for i, _, _ in cuts], engine)
    found = names_of(words, {last for _, _, last in cuts}, tagged, EXTRACTORS[engine])
    return [
        with_places_of_compounds(text, names, EXTRACTORS[engine]) if language == "de" and "-" in text else names
        for (text, language), names in zip(asked, found, strict=True)
    ]


def _tag(stretches: list[list[str]], languages: list[str], engine: str) -> Tagged:
    # Imported here so that asking for the names of an engine does not load onnxruntime.
    if engine == "fast":
        from stages.extract_entities.names.small import tag_small

        return tag_small(stretches)
    from stages.extract_entities.names.cascade import tag_cascade

    return tag_cascade(stretches, [language in LANGUAGES["fast"] for language in languages])


def _cuts(words: Words, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """First and last word of the stretches that a sentence is tagged in; none where it has no word."""
    while stop - start > LONGEST:
        window = range(start + LONGEST, start + LONGEST // 2, -1)
        end = next((i for i in window if words.forms[i - 1] in MARKS), start + LONGEST)
        yield start, end
        start = end
    if start < stop:
        yield start, stop
