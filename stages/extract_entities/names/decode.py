"""Tagged words -> names with their places in the sentence."""

import re
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.extract_entities.names.labels import KINDS, TYPES, Runs, runs_of
from stages.extract_entities.names.tokenise import Words
from stages.lookups.fold import plain, uninflected
from stages.lookups.known_names import country_names, landscapes, lists

KNOWN = Path(__file__).parents[2] / "models" / "names_lists" / "known.tsv"
SHORTEST_INSIDE = 4  # letters of a name inside a word without a hyphen: shorter ones are chance
LONGEST_KNOWN = 40  # letters; no known name is longer, and a word of a broken file may be a million letters long
# First segments that stand before the name: Ex-Bundeskanzler, Anti-Bush-Demo.
BEFORE_NAME = frozenset(
    ["ex", "anti", "pro", "nicht", "neo", "alt", "vize", "post", "prä", "nord", "süd", "ost", "west", "mittel"]
)
# Currency names and codes in German, English and French, with U+20AC, U+00A3, U+00A5.
CURRENCY = re.compile(
    r"(?i:(?:(?:US|D|Austral|Hongkong|Reichs|Goldmark|Singapur|Schweizer)[- ]?)?"
    r"(?:euros?|dollars?|mark|reichsmark|rentenmark|goldmark|franken|francs?|pfund|pounds?|yen|rubel|roubles?|rubles?|"
    r"yuan|renminbi|kronen?|forint|zloty|z\u0142oty|lira|lire|hrywnja|griwna|rupien?|rupees?|pesos?|schilling|gulden|"
    r"baht|dirham|dinar|cents?|pfennige?|rappen|kopeken)s?)"
    r"|USD|EUR|CHF|GBP|JPY|DM|DEM|US-\$|[$\u20ac\u00a3\u00a5]"
)


# Marks that neither begin nor end a name: with U+2013 and U+2014 dashes, U+2026, and quotation marks.
EDGES = frozenset(",;:/|*#-()[]\"'\u2013\u2014\u2026\u201e\u201c\u201d\u201a\u2018\u00ab\u00bb")


BETWEEN_SLASHES = re.compile(r"[^\s/](?:[^/]*[^\s/])?")
CREDITED = re.compile(r"[^\s/:](?:[^/:]*[^\s/:])?")  # "Foto: dpa / Reuters"
# Who took the picture, as agencies write it: "AFP/ANNA BERGER".
CAPITALS = "[A-ZÄÖÜ][A-ZÄÖÜß'\u2019-]+"
PHOTOGRAPHER = re.compile(rf"{CAPITALS}(?: {CAPITALS}){{1,2}}")
BEFORE_HYPHEN = re.compile(r"(?<![\w-])[A-ZÄÖÜ][a-zäöüß]{3,}(?=-[A-ZÄÖÜ][a-zäöüß]+(?![\w-]))")
TOLD_SCORE = 0.9  # of agencies and places that a table tells


class Tagged(NamedTuple):
    """What an engine says of words: the numbers of their outer and inner tags in `TAGS`, how probable the outer is."""

    outer: NDArray[np.intp]
    inner: NDArray[np.intp]
    scores: NDArray[np.float32]


NOTHING = Tagged(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32))
"""What is said of no words."""

LABELS_AND_KINDS = [(name, kind or "name") for kind in KINDS for name in TYPES]  # in the order of `labels.LABELS`


class Name(NamedTuple):
    """One name in a sentence. ``start`` and ``end`` are code points in the sentence's text."""

    start: int
    end: int
    label: str
    kind: str
    score: float
    extractor: str


@lru_cache(maxsize=1)
def known_names() -> dict[str, str]:
    """Single-word names of the training text with their type; they say where the name inside a compound ends."""
    lines = KNOWN.read_text(encoding="utf-8").splitlines() if KNOWN.is_file() else []
    return {word: label for label, _, words in (line.partition("\t") for line in lines) for word in words.split(" ")}


def part_bounds(word: str, label: str) -> tuple[int, int]:
    """Return where the name inside a compound starts and ends; the whole word where nothing tells.

    Of "Kreml" and "Kremls" the shorter is the name: "Kremlsprecher".

    >>> part_bounds("US-Außenminister", "LOC"), part_bounds("Ex-Siemens-Chef", "ORG"), part_bounds("Rheinufer", "LOC")
    ((0, 2), (3, 10), (0, 5))
    """
    hyphens = [i for i, letter in enumerate(word) if letter == "-" and 0 < i < len(word) - 1]
    if not hyphens:
        return _inside(word, label)
    start = hyphens[0] + 1 if word[: hyphens[0]].lower() in BEFORE_NAME and len(hyphens) > 1 else 0
    ends = [i for i in hyphens if i > start] or [len(word)]
    near = [end for end in ends if end <= start + LONGEST_KNOWN]
    known = [end for end in near if word[start:end] in known_names()]
    return (start, max(known)) if known else (start, ends[-1])


def _inside(word: str, label: str) -> tuple[int, int]:
    known = _known_inside()
    ends = [end for end in range(min(len(word), LONGEST_KNOWN), SHORTEST_INSIDE - 1, -1) if word[:end] in known]
    of_label = [end for end in ends if known[word[:end]] == label]
    end = (of_label or ends or [len(word)])[0]
    is_genitive = end < len(word) and word[end - 1] == "s" and end - 1 in ends
    return 0, end - is_genitive


@lru_cache(maxsize=1)
def _known_inside() -> dict[str, str]:
    """The known names with the landscapes, which stand alone before a hyphen only in part ("Rhein-Neckar-Kreis")."""
    return dict.fromkeys(landscapes(), "LOC") | known_names()


def end_to_end(parts: Iterable[Tagged]) -> Tagged:
    """What is said of the words of all parts."""
    return Tagged(*map(np.concatenate, zip(NOTHING, *parts, strict=True)))


def names_of(words: Words, ends: Container[int], tagged: Tagged, extractor: str) -> list[list[Name]]:
    """Turn the tags of words into the names of each sentence, sorted by (start, -end).

    Words are tagged in stretches; ``ends`` has the number of the word behind each. Of the inner level only parts and
    derivations count, and none in an outer name of the same kind, since two such names must not overlap.
    """
    scores = np.round(tagged.scores.astype(np.float64), 4).tolist()
    names: list[list[Name]] = [[] for _ in words.bounds[1:]]
    outer = _bare_runs(runs_of(tagged.outer), words.forms, ends)
    inside: dict[tuple[int, str], list[Name]] = {}  # parts and derivations of the outer level, by sentence and kind
    for sentence, name in _names(words, outer, scores, extractor):
        names[sentence].append(name)
        if name.kind != "name":
            inside.setdefault((sentence, name.kind), []).append(name)
    grown = set()
    for sentence, name in _names(words, runs_of(tagged.inner), scores, extractor):
        if name.kind != "name" and not _overlaps(name, inside.get((sentence, name.kind), ())):
            names[sentence].append(name)
            grown.add(sentence)
    for sentence in grown:
        names[sentence].sort(key=lambda one: (one.start, -one.end, one.kind))
    return names


def _overlaps(name: Name, others: Sequence[Name]) -> bool:
    """Whether a name overlaps one of others that are in order and do not overlap each other.

    >>> others = [Name(start, start + 4, "LOC", "part", 0.9, "model") for start in (0, 8)]
    >>> [_overlaps(others[0]._replace(start=start, end=start + 2), others) for start in (2, 4, 7, 11, 12)]
    [True, False, True, True, False]
    """
    after = bisect_left(others, name.end, key=lambda one: one.start)
    return after > 0 and others[after - 1].end > name.start


def _names(words: Words, runs: Runs, scores: Sequence[float], extractor: str) -> Iterator[tuple[int, Name]]:
    """The names that runs of words are, each behind the number of its sentence."""
    sentences = np.searchsorted(words.bounds, runs.firsts, "right") - 1
    for sentence, first, end, label in zip(*(column.tolist() for column in (sentences, *runs)), strict=True):
        (name, kind), last = LABELS_AND_KINDS[label], words.forms[end - 1]
        span = words.starts[first], words.starts[end - 1] + len(last)
        if kind == "part" and end - first == 1:
            inside = part_bounds(last, name)
            span = span[0] + inside[0], span[0] + inside[1]
        yield sentence, Name(*span, name, kind, min(scores[first:end]), extractor)


def _bare_runs(runs: Runs, forms: Sequence[str], ends: Container[int]) -> Runs:
    """Take marks off the edges of runs; those that are nothing else go."""
    firsts, lasts, labels = runs
    firsts, lasts = firsts.copy(), lasts.copy()
    for number, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        if forms[first] in EDGES or forms[last - 1] in EDGES or forms[last - 1] == ".":
            firsts[number], lasts[number] = first, last = _bare_run(first, last, forms, ends)
        if last not in ends and forms[last] == ")" and "(" in forms[first:last] and ")" not in forms[first:last]:
            lasts[number] += 1  # "Freiburg (Elbe)"
    kept = firsts < lasts
    return Runs(firsts[kept], lasts[kept], labels[kept])


def _bare_run(first: int, last: int, forms: Sequence[str], ends: Container[int]) -> tuple[int, int]:
    """Where a run without marks at its edges begins and ends; a closing bracket stays that was opened inside."""
    while first < last and forms[first] in EDGES:
        first += 1
    while first < last and (forms[last - 1] in EDGES or (last in ends and forms[last - 1] == ".")):
        if forms[last - 1] == ")" and "(" in forms[first:last]:
            break
        last -= 1
    return first, last


def at_slashes(text: str, names: Iterable[Name]) -> list[Name]:
    """Part names that run over a slash: in a byline or a credit it stands between people and agencies."""
    parted: list[Name] = []
    for name in names:
        places = [m.span() for m in BETWEEN_SLASHES.finditer(text, name.start, name.end)]
        parted += [name._replace(start=start, end=end) for start, end in places] if len(places) > 1 else [name]
    return parted


def with_agencies(text: str, names: Sequence[Name], extractor: str) -> list[Name]:
    """Add to the names of a credit what no name touches in it: the agencies of the tables, and who took the picture.

    A person that stands there already is as sure as one that is added.

    >>> [name[:3] for name in with_agencies("GETTYIMAGES/AFP/ANNA BERGER", [], "model")]
    [(0, 11, 'ORG'), (12, 15, 'ORG'), (16, 27, 'PER')]
    """
    credited = list(CREDITED.finditer(text))
    agencies = [match.span() for match in credited if _is_agency(match[0])]
    people = [
        match.span()
        for before, match in pairwise(credited)
        if before.span() in agencies and PHOTOGRAPHER.fullmatch(match[0]) and match.span() not in agencies
    ]
    told = [
        name._replace(score=max(name.score, TOLD_SCORE))
        if name.label == "PER" and (name.start, name.end) in people
        else name
        for name in names
    ]
    named = with_free(agencies, told, Name(0, 0, "ORG", "name", TOLD_SCORE, extractor))
    return with_free(people, named, Name(0, 0, "PER", "name", TOLD_SCORE, extractor))


def with_places_of_compounds(text: str, names: Sequence[Name], extractor: str) -> list[Name]:
    """Add to the names of a German sentence the countries and landscapes before a hyphen that no name touches.

    Before two hyphens they are half of a name: "Rhein-Main-Halle".

    >>> with_places_of_compounds("Der Nahost-Gesandte reist ab", [], "model")
    [Name(start=4, end=10, label='LOC', kind='part', score=0.9, extractor='model')]
    """
    spans = [match.span() for match in BEFORE_HYPHEN.finditer(text) if match[0] in _places_of_compounds()]
    return with_free(spans, names, Name(0, 0, "LOC", "part", TOLD_SCORE, extractor))


def with_free(spans: Iterable[tuple[int, int]], names: Sequence[Name], like: Name) -> list[Name]:
    """The names in order, and one like the given at each of the spans that none of them touches."""
    free = [span for span in spans if all(name.end <= span[0] or span[1] <= name.start for name in names)]
    told = [like._replace(start=start, end=end) for start, end in free]
    return sorted([*names, *told], key=lambda name: (name.start, -name.end, name.kind))


@lru_cache(maxsize=1)
def _places_of_compounds() -> frozenset[str]:
    return landscapes() | frozenset(country_names())


def _is_agency(surface: str) -> bool:
    key = uninflected(plain(surface))
    return lists().kinds.get(lists().aliases.get(("ORG", key), key)) == "agency"


def is_currency(text: str, name: Name) -> bool:
    """Tell whether a MISC is a currency word: GermEval marks those, to our users they are amounts of money."""
    return name.label == "MISC" and CURRENCY.fullmatch(text, name.start, name.end) is not None
