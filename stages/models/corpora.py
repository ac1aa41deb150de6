"""Annotated corpora for training and measuring: columns of tokens and tags -> running text with spans.

The engines read text, not corpus tokens, so corpora are first set as running text (`set_text`) and cut again by
our own tokeniser; what the two cuts disagree on counts as the error it is.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from stages.errors import UsageError

# No space before these, none after those. U+2026 ellipsis, U+201D and U+2019 closing quotation marks.
CLOSING = frozenset(".,;:!?)]}%\u2026\u201d")
OPENING = frozenset("([{\u201e\u201a")
# Straight quotes and guillemets open and close in turn; U+201C closes after U+201E and opens otherwise.
PAIRED = frozenset('"\u00ab\u00bb')
# Marks at the edges of names in corpora whose tokens are words up to a space.
GLUED = '.,;:!?()[]"/^*~|\u00ab\u00bb\u201e\u201c\u201d\u00ac\u2e17-'

# No German corpus with marks throughout has so many sentences in a row without a person, place or organisation.
LONGEST_UNMARKED = 60


class Span(NamedTuple):
    """One annotated mention: code points in the text, corpus label (``LOC``, ``LOCpart``, ...)."""

    start: int
    end: int
    label: str


class Sentence(NamedTuple):
    """One corpus sentence as running text, with the corpus tokens' places in it."""

    text: str
    tokens: list[tuple[int, int]]
    columns: list[list[str]]


def read_columns(path: Path) -> list[list[list[str]]]:
    """Read ``token<TAB>tag[<TAB>tag]`` lines; a blank line ends a sentence. Returns sentences of token rows."""
    sentences: list[list[list[str]]] = [[]]
    for line in path.read_text(encoding="utf-8").split("\n"):
        fields = line.split("\t")
        if len(fields) > 1 and fields[0].strip():
            sentences[-1].append(fields)
        elif sentences[-1]:
            sentences.append([])
    return [sentence for sentence in sentences if sentence]


def set_text(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Set tokens as running text the way a newspaper would; returns the text and each token's (start, end)."""
    text, places, glue, inside = "", [], True, dict.fromkeys([*PAIRED, "\u201c"], False)
    for word in words:
        opens, closes = word in OPENING, word in CLOSING
        if word in PAIRED:
            opens, closes = not any(inside[mark] for mark in PAIRED), any(inside[mark] for mark in PAIRED)
            inside.update(dict.fromkeys(PAIRED, False) if closes else {word: True})
        if word == "\u201e":
            inside["\u201c"] = True
        if word == "\u201c":
            opens, closes = not inside["\u201c"], inside["\u201c"]
            inside["\u201c"] = False
        text += "" if glue or closes else " "
        places.append((len(text), len(text) + len(word)))
        text += word
        glue = opens
    return text, places


def read_sentences(path: Path) -> list[Sentence]:
    """Read a column file as running sentences; ``columns`` keeps the tag columns without the token."""
    sentences = []
    for rows in read_columns(path):
        text, places = set_text([row[0] for row in rows])
        sentences.append(Sentence(text, places, [row[1:] for row in rows]))
    return sentences


def annotated(is_marked: Sequence[bool]) -> list[int]:
    """Number the sentences that annotators went through: all but those in a longer row without a mark than they leave.

    What an engine finds has no say in it, and a shorter row without a mark stays: a false name there still counts.

    >>> annotated([True, False, True]), annotated([True, *[False] * 61, True])
    ([0, 1, 2], [0, 62])
    """
    stretches = [(marked, list(numbers)) for marked, numbers in groupby(range(len(is_marked)), is_marked.__getitem__)]
    return [n for marked, numbers in stretches if marked or len(numbers) <= LONGEST_UNMARKED for n in numbers]


def spans_of(tags: Iterable[str], places: Sequence[tuple[int, int]]) -> list[Span]:
    """Turn BIO tags over token places into spans; an I- without its B- opens a span of its own."""
    spans: list[Span] = []
    previous = "O"
    for tag, (start, end) in zip(tags, places, strict=True):
        label = tag[2:]
        if tag.startswith("I-") and previous[2:] == label:
            spans[-1] = Span(spans[-1].start, end, label)
        elif label:
            spans.append(Span(start, end, label))
        previous = tag
    return spans


def tags_of(spans: Iterable[Span], places: Sequence[tuple[int, int]]) -> list[str]:
    """Turn spans into BIO tags over token places; a token belongs to a span when they share a character."""
    tags = ["O"] * len(places)
    for span in spans:
        inside = [i for i, (start, end) in enumerate(places) if start < span.end and end > span.start]
        for i in inside:
            tags[i] = ("B-" if i == inside[0] else "I-") + span.label
    return tags


def bare(span: Span, text: str) -> Span:
    """Take off the marks that a corpus left glued to a name ("Wien," "(Prag"); a name of marks alone stays."""
    inside = text[span.start : span.end]
    start = span.start + len(inside) - len(inside.lstrip(GLUED))
    end = span.start + len(inside.rstrip(GLUED))
    return Span(start, end, span.label) if start < end else span


def check_inputs(folder: Path, expected: dict[str, str]) -> None:
    """Compare each file's SHA-256 with the pinned one, so that a rebuild starts from the same data or says so."""
    for name, digest in expected.items():
        path = folder / name
        if not path.is_file():
            raise UsageError(f"{path} is missing: pass the folder that holds the annotated corpora.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise UsageError(f"{path} is not the file these weights were trained on: restore it or retrain knowingly.")
