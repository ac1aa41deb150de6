"""Common nouns that an engine took for people, told from the document itself: "Hummeln" beside "Zuchthummeln"."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from stages.extract_entities.names import Name
from stages.lookups.fold import REMEMBERED, given_key, plain
from stages.lookups.known_names import common_surnames, given_names

SURE = 0.9  # of a score: here the model is believed
NOUN = re.compile(r"[A-ZÄÖÜ][a-zäöüß]{3,}")
MANY = (
    r"(?:viele[nr]?|einige[nr]?|mehrere[nr]?|wenige[nr]?|manche[nr]?|alle[nr]?|sämtliche[nr]?|keine|beiden?|etliche[nr]?|"
    r"zahlreiche[nr]?|unsere[nr]?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|hundert|tausend|\d{1,3}) "
)


THINGS = r"(?:im|ins|zum|das|ein|einen|einem|eine|kein|keine|keinen|etwas|mehr|weniger) "  # "im Staub", "mehr Kakao"


def without_nouns(texts: Sequence[str], found: Sequence[Sequence[Name]]) -> list[list[Name]]:
    """Leave out, of the names of the sentences of one German document, people that are common nouns.

    A word is one where the document also has it as the last part of a compound, counts it ("zehn Hummeln"), or gives it
    a word that people do not have ("im Staub"), and where it is nobody's common name. Only single words of which the
    engine was nowhere sure are looked at.
    """
    candidates = {
        text[name.start : name.end]
        for text, names in zip(texts, found, strict=True)
        for name in names
        if name.label == "PER" and name.kind == "name" and NOUN.fullmatch(text, name.start, name.end)
    }
    nouns = _nouns(texts, (one for one in candidates if not _is_borne(one)))
    if not nouns:
        return [list(names) for names in found]
    return [
        [
            name
            for name in names
            if name.score >= SURE or name.label != "PER" or text[name.start : name.end] not in nouns
        ]
        for text, names in zip(texts, found, strict=True)
    ]


def _nouns(texts: Iterable[str], words: Iterable[str]) -> set[str]:
    looked_for = list(words)
    document = " ".join(texts) if looked_for else ""
    return {
        word
        for word in looked_for
        if re.search(rf"\b[A-ZÄÖÜ]\w+{word.lower()}\b|\b(?i:{MANY}|{THINGS}){word}\b(?!-)", document)
    }


@lru_cache(REMEMBERED)
def _is_borne(word: str) -> bool:
    """Whether a word is a common surname or a given name."""
    return plain(word) in common_surnames() or given_key(plain(word)) in given_names()
