"""Names of well-known institutions that an engine missed, cut or took for a place: "das Technische Hilfswerk".

And of institutions that the document names in full, where it calls them by their kind: "das Landgericht".
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from stages.extract_entities.names import Name
from stages.lookups.fold import REMEMBERED, given_key, plain
from stages.lookups.known_names import common_surnames, given_names, lists, openers, organisations, places

# Of these every name of several words is looked for: a person or a place is hardly called so.
KINDS = frozenset(
    {
        "broadcaster",
        "authority",
        "association",
        "bank",
        "union",
        "court",
        "institute",
        "agency",
        "company",
        "club",
        "newspaper",
        "party",
        "ministry",
        "platform",
    }
)
# And of these every word that is long enough to be nothing else. What people do on platforms ("auf Instagram") is most
# often about the thing, not the company: their single words are not looked for.
PUBLIC = frozenset({"authority", "association", "bank", "union", "court", "institute", "broadcaster", "company"})
SHORTEST = 4  # letters of such a word
FEDERAL = re.compile(
    r"Bundes(?<=\bBundes)(?:[a-zäöüß]*(?:amt|gericht|gerichtshof|kammer|bank|verband|ministerium|agentur|institut|anwaltschaft)|rat|tag"
    r"|nachrichtendienst|rechnungshof|finanzhof)(?:e?s)?\b(?![-\w])"
)
MARKS = ("", *'.,:;!?)"\u201c\u2019\u00ab\u00bb')  # behind a word, with quotation marks
ADJECTIVE = re.compile(r"(?<=[A-Za-zäöüß]{3})e[rs]?$")
Known = tuple[str, re.Pattern[str]]  # a word of a name, its first one's stem or its last, and the pattern of the name
CAPITAL = "[A-ZÄÖÜ]"
SCORE = 0.9  # of names that the table tells
# The kind of an institution as one word that says more than "Amt" or "Verein" does.
KIND = re.compile(
    r"[A-ZÄÖÜ][a-zäöüß]{2,}(?:gericht|gerichtshof|anwaltschaft|präsidium|ministerium|(?<!ges)amt|behörde|kammer|kasse|bank"
    r"|zentrale|verband|verein|bund|vereinigung|gewerkschaft|stiftung|klinik|klinikum|krankenhaus|spital|universität"
    r"|hochschule|schule|gymnasium|akademie|institut|museum|theater|oper|orchester|verlag|werke)"
)
ARTICLES = ("der", "die", "das", "dem", "den", "des", "beim", "vom", "zum", "zur", "im", "am")
AFTER_ARTICLE = "|".join(rf"(?<=\b[{word[0]}{word[0].upper()}]{word[1:]} )" for word in ARTICLES)
# "Sturm" is a club, a storm and a coach: the storm has an article that no club has, the coach his office.
NO_CLUB = ("des", "dem", "den", "ein", "im", "vom", "beim", "zum")
PEOPLE = ("Herr", "Herrn", "Frau", "rainer", "räsident", "hef", "inister", "eister", "türmer")
NO_NOUN = r"(?<![\w-])" + "".join([*(rf"(?<!\b{one} )" for one in NO_CLUB), *(f"(?<!{one} )" for one in PEOPLE)])
DEUTSCHE = frozenset({"Deutsche", "Deutschen", "Deutscher"})
GERMAN = frozenset({"Bahn", "Post", "Telekom"})  # what "Deutsche Bahn" is called after that
ABBREVIATED = {"Oberlandesgericht": "OLG", "Landeskriminalamt": "LKA", "Oberverwaltungsgericht": "OVG"}
LONGEST_KIND = 40  # characters of a kind right before a place
GENITIVE = re.compile(r"(?<=[a-zäöüß])e?s$")


def with_institutions(texts: Sequence[str], found: Sequence[Sequence[Name]], extractor: str) -> list[list[Name]]:
    """Add to the names of the sentences of one document the institutions that stand in it, whole and in any case.

    What was found inside one goes; one that is part of a longer name is left alone. After "Landgericht Leipzig" the
    court is also "das Landgericht".
    """
    document = "\n".join(texts)
    looked_for = [("Bundes", FEDERAL)] if "Bundes" in document else []
    # One look at the words of the document: a hundred names cost what one does.
    for word in dict.fromkeys(filter(_known().__contains__, document.split())):
        there = [(first, _pattern(name)) for first, name in _known()[word] if first in document]
        looked_for += [known for known in there if known not in looked_for]
    named = _all_completed(texts, found, looked_for, extractor)
    return _all_completed(texts, named, _called(texts, named), extractor)


def _called(texts: Sequence[str], found: Sequence[Sequence[Name]]) -> list[Known]:
    """How the institutions that a document names in full are called in it after that: kinds with an article, short.

    Their words stand in the names of organisations, or right before a place: "Landgericht" before "Leipzig".
    """
    words: set[str] = set()
    for text, names in zip(texts, found, strict=True):
        for start, end, label, kind, _, _ in names:
            if kind == "name" and label == "ORG":
                words.update(_words_of_institution(text[start:end]))
            elif kind == "name" and label == "LOC" and text[start - 1 : start] == " ":
                words.add(text[max(0, start - LONGEST_KIND) : start - 1].rpartition(" ")[2])
    kinds = sorted({kind for kind in map(_kind, words) if kind and (kind not in GERMAN or words & DEUTSCHE)})
    called = [(kind, _after_article(kind)) for kind in kinds]
    clubs = {word for word in words if len(word) >= SHORTEST and word.lower() in lists().club_words}
    called += [(club, re.compile(rf"{NO_NOUN}{club}(?:s(?![\w-])|(?![\w-]| {CAPITAL}))")) for club in sorted(clubs)]
    short = [ABBREVIATED[kind] for kind in kinds if kind in ABBREVIATED]
    return called + [(word, re.compile(rf"\b{word}(?![\w-])")) for word in short]


@lru_cache(REMEMBERED)
def _kind(word: str) -> str:
    """The kind of an institution that a word is, without the ending of its genitive; empty where it is none."""
    kind = word if KIND.fullmatch(word) else GENITIVE.sub("", word)
    return kind if kind in GERMAN or KIND.fullmatch(kind) else ""


@lru_cache(REMEMBERED)
def _after_article(kind: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|{AFTER_ARTICLE}){kind}(?:e?s)?(?![\w-]| {CAPITAL})")


@lru_cache(REMEMBERED)
def _words_of_institution(surface: str) -> Sequence[str]:
    """The words of an organisation's longer name; of a short one ("OeNB") the kind in its long one ("Nationalbank")."""
    words = surface.split(" ")
    return words if len(words) != 1 else _kinds().get(surface, [])


def _all_completed(
    texts: Sequence[str], found: Sequence[Sequence[Name]], looked_for: Sequence[Known], extractor: str
) -> list[list[Name]]:
    """The names of all sentences of a document, with what is looked for in it."""
    if not looked_for:
        return [list(names) for names in found]
    return [_completed(text, names, looked_for, extractor) for text, names in zip(texts, found, strict=True)]


def _completed(text: str, names: Sequence[Name], looked_for: Sequence[Known], extractor: str) -> list[Name]:
    there = [pattern for word, pattern in looked_for if word in text]
    if not there:
        return list(names)
    for start, end in (match.span() for pattern in there for match in pattern.finditer(text)):
        whole = [name for name in names if name.kind == "name" and name.start < end and name.end > start]
        if any(name.start < start or name.end > end or name[:3] == (start, end, "ORG") for name in whole):
            continue
        names = [*(name for name in names if name not in whole), Name(start, end, "ORG", "name", SCORE, extractor)]
    return sorted(names, key=lambda name: (name.start, -name.end, name.kind))


@cache
def _kinds() -> dict[str, list[str]]:
    """Short names of the table, and the kinds of institutions in the longer names of the same."""
    found = {}
    for _, row in organisations():
        kinds = [word for name in row if " " in name for word in name.split(" ") if KIND.fullmatch(word)]
        found.update(dict.fromkeys((name for name in row if " " not in name), kinds) if kinds else {})
    return found


@cache
def _known() -> dict[str, list[tuple[str, str]]]:
    """The last word of institutions in each of its cases, with a mark or without: the stem of the first, the name."""
    names = {name for kind, row in organisations() for name in row if _is_looked_for(kind, name)}
    by_word: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(names):
        last = name.rpartition(" ")[2]
        first = ADJECTIVE.sub("", name.partition(" ")[0])
        for word in (last, f"{last}s", f"{last}es"):
            by_word.setdefault(word, []).append((first, name))
    # A name may end in a mark of its own: "Warner Bros." beside "Warner Bros".
    ends = [word for word in by_word if word[-1] in MARKS and word[:-1] in by_word]
    known = {word + mark: there for mark in MARKS for word, there in by_word.items()}
    return known | {word: by_word[word[:-1]] + by_word[word] for word in ends}


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """The pattern of an institution's name in every case; made when one is met, since few of them ever are."""
    return re.compile("".join(_inflected(name)))


def _is_looked_for(kind: str, name: str) -> bool:
    first, _, rest = name.partition(" ")
    if rest:
        return kind in KINDS and first not in openers() and first != "Nachrichtenagentur"
    solid = len(name) >= SHORTEST and name[0].isupper() and not name.isupper() and not name.partition("-")[0].isupper()
    return kind in PUBLIC and solid and not _is_borne(name)


def _is_borne(word: str) -> bool:
    return plain(word) in places() or plain(word) in common_surnames() or given_key(plain(word)) in given_names()


def _inflected(name: str) -> Iterator[str]:
    words = name.split()
    yield r"(?<![\w-])"
    for place, word in enumerate(words):
        yield " " if place else ""
        adjective = place < len(words) - 1 and word[0].isupper() and ADJECTIVE.search(word)
        yield re.escape(ADJECTIVE.sub("", word)) + "e[rsnm]?" if adjective else re.escape(word)
    yield r"(?:e?s)?(?![\w-])"
