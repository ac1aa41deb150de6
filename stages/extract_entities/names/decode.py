"""Tagged words -> names with their places in the sentence."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from stages.extract_entities.names.labels import KINDS, TYPES
from stages.lookups.known_names import landscapes

KNOWN = Path(__file__).parents[2] / "models" / "names_crf" / "known.tsv"
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
EDGES = frozenset(",;:/|*-()[]\"'\u2013\u2014\u2026\u201e\u201c\u201d\u201a\u2018\u00ab\u00bb")


BETWEEN_SLASHES = re.compile(r"[^\s/](?:[^/]*[^\s/])?")


Run = tuple[int, int, str]
"""First word, word after the last and label of a name."""


class Tagged(NamedTuple):
    """What an engine says of one sentence: outer and inner names, and of each word the probability of its outer tag."""

    outer: Sequence[Run]
    inner: Sequence[Run]
    scores: Sequence[float]


NOTHING = Tagged([], [], [])
"""What an engine may say of a sentence in which no word is named."""


LABEL_AND_KIND = {f"{name}{kind}": (name, kind or "name") for name in TYPES for kind in KINDS}


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


def names_of(words: Sequence[str], starts: Sequence[int], tagged: Tagged, extractor: str) -> list[Name]:
    """Turn runs of words into names sorted by (start, -end); names inside names are kept when they are of another kind.

    ``starts`` says where each word begins in the sentence. Of the inner level only parts and derivations count, since
    two names must not overlap.
    """
    runs = (_bare_run(run, words) for run in tagged.outer)
    outer = [_name(words, starts, run, tagged.scores, extractor) for run in runs if run[0] < run[1]]
    inside = [_name(words, starts, run, tagged.scores, extractor) for run in tagged.inner]
    names = outer + [
        name
        for name in inside
        if name.kind != "name"
        and not any(one.kind == name.kind and one.start < name.end and name.start < one.end for one in outer)
    ]
    return sorted(names, key=lambda name: (name.start, -name.end, name.kind)) if len(names) > 1 else names


def _bare_run(run: Run, words: Sequence[str]) -> Run:
    """Take marks off the edges of a run, a closing bracket only when it was not opened inside."""
    first, last, label = run
    while first < last and words[first] in EDGES:
        first += 1
    while first < last and (words[last - 1] in EDGES or (last == len(words) and words[last - 1] == ".")):
        if words[last - 1] == ")" and "(" in words[first:last]:
            break
        last -= 1
    return first, last, label


def _name(words: Sequence[str], starts: Sequence[int], run: Run, scores: Sequence[float], extractor: str) -> Name:
    first, last, written = run
    start, end = starts[first], starts[last - 1] + len(words[last - 1])
    label, kind = LABEL_AND_KIND[written]
    if kind == "part" and last - first == 1:
        inside = part_bounds(words[first], label)
        start, end = start + inside[0], start + inside[1]
    return Name(start, end, label, kind, round(min(scores[first:last]), 4), extractor)


def at_slashes(text: str, names: Iterable[Name]) -> list[Name]:
    """Part names that run over a slash: in a byline or a credit it stands between people and agencies."""
    parted: list[Name] = []
    for name in names:
        places = [m.span() for m in BETWEEN_SLASHES.finditer(text, name.start, name.end)]
        parted += [name._replace(start=start, end=end) for start, end in places] if len(places) > 1 else [name]
    return parted


def is_currency(text: str, name: Name) -> bool:
    """Tell whether a MISC is a currency word: GermEval marks those, to our users they are amounts of money."""
    return name.label == "MISC" and CURRENCY.fullmatch(text, name.start, name.end) is not None
