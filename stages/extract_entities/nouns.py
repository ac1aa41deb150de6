"""Common nouns that an engine took for people, told from the document itself: "Hummeln" beside "Zuchthummeln".

And those that it took for a name inside a compound, told by their ending too: "Bündnis" in "Bündnis-Partner".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from stages.extract_entities.names import Name
from stages.extract_entities.names.decode import known_names
from stages.extract_entities.names.features import listed
from stages.lookups.fold import REMEMBERED, given_key, plain, uninflected
from stages.lookups.known_names import common_surnames, given_names, lists

SURE = 0.9  # of a score: here the model is believed
LONGEST_BEFORE = 16  # characters of a word that tells a noun
NOUN = re.compile(r"[A-ZÄÖÜ][a-zäöüß]{3,}")
# Words before a noun that people do not have: those that count, and "im Staub", "mehr Kakao".
BEFORE_NOUNS = frozenset({
    "viele", "vielen", "vieler", "einige", "einigen", "einiger", "mehrere", "mehreren", "mehrerer", "wenige",
    "wenigen", "weniger", "manche", "manchen", "alle", "allen", "aller", "sämtliche", "sämtlichen", "keine",
    "keinen", "kein", "beide", "beiden", "etliche", "etlichen", "zahlreiche", "zahlreichen", "unsere", "unseren",
    "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf", "hundert",
    "tausend", "im", "ins", "zum", "das", "ein", "einen", "einem", "eine", "etwas", "mehr",
})  # fmt: skip
# And those that stand before nobody, however many bear the name: "ein Wolf", "im Sommer"; "des Sturms" with its s.
BEFORE_NOBODY = re.compile(
    r"(?<![\w-])(?:[Ee]ine?[mns]?|[Kk]eine?[mns]?|[Jj]ede[nrms]?|[Ii]m|[Ii]ns|[Aa]ns|([Dd]es)) $"
)
# What people are by trade, never by name: the word before it is long enough to say which.
TRADE = re.compile(
    r"[A-ZÄÖÜ][a-zäöüß]{3,}(?:bäcker|händler|hersteller|verkäufer|fahrer|spieler|lehrer|arbeiter|besitzer|betreiber"
    r"|anbieter|züchter|forscher|sprecher|trainer|kläger|inhaber|gegner|käufer|erzeuger|produzent|redner|schreiber"
    r"|teilnehmer|besucher|bewohner|vertreter|leiter|führer|gründer|sänger|musiker|künstler|retter|helfer|turner|läufer"
    r"|schwimmer|reiter|träger|prüfer|ermittler|berater|betreuer|pfleger|ärzte|anwälte)(?:in|innen|en|n|s)?"
)
# Endings of nouns before a hyphen, also with the s that joins: "Regierungs-Sprecher", "Zigaretten-Pause".
NOUN_ENDING = re.compile(r"[a-zäöüß](?:(?:ung|heit|keit|schaft|tion|tät)(?:en|s)?|nis(?:se)?|etten)$")


def without_nouns(texts: Sequence[str], found: Sequence[Sequence[Name]]) -> list[list[Name]]:
    """Leave out, of the names of the sentences of one German document, people that are common nouns.

    A word is one where the document also has it as the last part of a compound, counts it ("zehn Hummeln"), or gives it
    a word that people do not have ("im Staub"), and where it is nobody's common name; or a trade ("Keksbäcker"). A
    common name is none of anybody right after an article ("ein Wolf"). Before the hyphen of a compound such a word, or
    one with the ending of a noun, is no part of a person, with that ending also none of an organisation. Only single
    words of which the engine was not sure are looked at.
    """
    doubted = [
        (number, name)
        for number, (text, names) in enumerate(zip(texts, found, strict=True))
        for name in names
        if name.score < SURE and _may_be_noun(text, name) and NOUN.fullmatch(text, name.start, name.end)
    ]
    words = {texts[number][name.start : name.end] for number, name in doubted}
    nouns = _nouns(texts, (word for word in words if not _is_borne(word)))
    left = [list(names) for names in found]
    for number, name in doubted:
        if _is_noun(texts[number], name, nouns):
            left[number].remove(name)
    return left


def _may_be_noun(text: str, name: Name) -> bool:
    """Whether a name is a person's, or a part before a hyphen that is no place's."""
    if name.kind == "part":
        return name.label in ("PER", "ORG") and text[name.end : name.end + 1] == "-"
    return name.label == "PER" and name.kind == "name"


@lru_cache(REMEMBERED)
def _ends_like_a_noun(word: str) -> bool:
    """Whether a word has the ending of a noun, and is no name that a list has."""
    return NOUN_ENDING.search(word) is not None and not (
        _is_borne(word) or listed(word) or word in known_names() or uninflected(plain(word)) in lists().kinds
    )


def _is_noun(text: str, name: Name, nouns: set[str]) -> bool:
    """Whether a single word is one of the nouns, a trade, or stands after a word that no person has before the name."""
    word = text[name.start : name.end]
    if name.kind == "part":
        return (name.label == "PER" and word in nouns) or _ends_like_a_noun(word)
    if word in nouns or (TRADE.fullmatch(word) and not _is_borne(word)):
        return True
    before = BEFORE_NOBODY.search(text, max(0, name.start - LONGEST_BEFORE), name.start)
    genitive = word.endswith("s") and word[-2] not in "aeious"  # "des Sturms", not "des Sokrates"
    return before is not None and (before[1] is None or genitive)


def _nouns(texts: Iterable[str], words: Iterable[str]) -> set[str]:
    looked_for = list(words)
    document = "\n".join(texts) if looked_for else ""
    return {word for word in looked_for if _in_compound(document, word.lower()) or _counted(document, word)}


def _in_compound(document: str, tail: str) -> bool:
    """Whether a word in small letters ends another word of the text, at least three letters of it before."""
    return any(
        document[start - 3 : start].isalpha() and not document[start + len(tail) : start + len(tail) + 1].isalnum()
        for start in _places(document, tail)
    )


def _counted(document: str, word: str) -> bool:
    """Whether a word stands after one that people do not have, or after a number."""
    for start in _places(document, " " + word):
        after = document[start + 1 + len(word) : start + 2 + len(word)]
        before = document[max(0, start - LONGEST_BEFORE) : start].rpartition(" ")[2].rpartition("\n")[2].lower()
        if not (after.isalnum() or after == "-") and (
            before in BEFORE_NOUNS or (before.isdecimal() and len(before) < 4)
        ):
            return True
    return False


def _places(document: str, text: str) -> Iterator[int]:
    start = document.find(text)
    while start >= 0:
        yield start
        start = document.find(text, start + 1)


@lru_cache(REMEMBERED)
def _is_borne(word: str) -> bool:
    """Whether a word is a common surname or a given name."""
    return plain(word) in common_surnames() or given_key(plain(word)) in given_names()
