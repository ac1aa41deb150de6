"""Real sentences with dates, amounts, times and signs put in: in place, out of order, glued together and cut off.

The sentences are those of the development sets where `FLIESSTEXT_DEVSETS` names them, else those of the shipped
samples; what is put in comes from the word lists of the rules, so that no word of them is left out.
"""

import gzip
import json
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from stages.extract_entities.values.lexicon import LANGUAGES, lexicon
from stages.split_sentences import LOOKUP, split_sentences
from tests.faults.harness import ROOT

DEVSETS = os.environ.get("FLIESSTEXT_DEVSETS", "")
DIGITS = {
    "day": ("0", "1", "7", "12", "24", "31", "32", "99", "00"),
    "year": ("1000", "1848", "1945", "1999", "2000", "2024", "2199"),
    "number": ("100", "007", "999", "1.000", "1,000", "1 000", "12,5", "12.5", "20.15", "99.99", "31.12",
          "1.234.567,89",
          "1,234,567.89", "1'000'000", "0,001", "123456789", "10\u202f000,5", "3.000.00", "9" * 40, "9" * 5_000),
    "full_date": ("15.08.2025", "15. 8. 97", "99.99.9999", "2025-08-15", "2025-99-99", "5/12/2024",
          "0/0/0000", "00.00.00"),
    "day_month": ("15.8.", "31.12.", "99.99.", "0.0."),
    "clock_time": ("8:30", "20:15", "24:00", "99:99", "20:15:30", "0:00"),
    "decade": ("90er", "1990ern", "00ers", "80s"),
}  # fmt: skip
SIGNS = (*"-,.:;!?()[]{}/%*+=<>|@#&_'^~‐‑–—…„“”‚‘’»«‹›°§€$£¥‰½²№†•·\u00ad", '"', "...", "--", "??", "(…)", "' '", "»«")
SPACES = (*[" "] * 4, "", "", "\u00a0", "\u202f", "\u2009", "  ", "\t", "-", "–", "/", ", ", ". ", ".")
NO_SPACE_BEFORE = frozenset(".,;:!?)]}%»“”’'")
NO_SPACE_AFTER = frozenset("([{«„‚")
OWN_KINDS = ("*_12.tsv", "*_rule_types.tsv")  # the same sentences once more


class Sentence(NamedTuple):
    """A sentence and the language it was written in."""

    text: str
    language: str


@cache
def sentences() -> tuple[Sentence, ...]:
    """All sentences there are to draw from, each once, in an order of their own."""
    found = dict.fromkeys(_of_devsets() if DEVSETS else _of_samples())
    return tuple(sentence for sentence in found if len(sentence.text) > 1)


def _of_devsets() -> Iterator[Sentence]:
    for path in sorted(Path(DEVSETS, "ner").glob("*.tsv")):
        if any(path.match(kind) for kind in OWN_KINDS):
            continue
        language = path.name[:2] if path.name.startswith(("en_", "fr_")) else "de"
        for block in path.read_text(encoding="utf-8").split("\n\n"):
            yield Sentence(_written([line.partition("\t")[0] for line in block.split("\n")]), language)


def _written(tokens: list[str]) -> str:
    """Tokens as people write them: no space before a comma or behind an opening bracket."""
    text = ""
    for token in filter(None, tokens):
        glued = not text or token[0] in NO_SPACE_BEFORE or text[-1] in NO_SPACE_AFTER
        text += token if glued else f" {token}"
    return text


def _of_samples() -> Iterator[Sentence]:
    for path in sorted((ROOT / "data" / "samples").rglob("*")):
        if path.suffix not in {".txt", ".text", ".md", ".gz", ""} or not path.is_file():
            continue
        data = path.read_bytes()
        language = next((code for code in ("en", "fr") if path.stem.endswith(f"_{code}")), "de")
        try:
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
        except (UnicodeDecodeError, EOFError):
            continue  # samples of other encodings and of broken files
        for block in text.split("\n\n"):
            line = " ".join(block.split())
            yield from (Sentence(line[start:end], language) for start, end in split_sentences(line, language))


@cache
def ingredients(language: str) -> dict[str, tuple[str, ...]]:
    """What can be put in, by the kind of token that it is; "abbreviations" and signs beside them."""
    words = lexicon(language)
    assert words is not None
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for word, kind in words.kinds.items():
        by_kind[kind].append(word)
    listed = json.loads(LOOKUP.read_text(encoding="utf-8"))[language]["abbreviations"]
    found = {kind: tuple(sorted(forms)) for kind, forms in by_kind.items()}
    return found | DIGITS | {"abbreviation": tuple(f"{word}." for word in listed), "sign": SIGNS}


def phrase(chance: random.Random, language: str) -> str:
    """A few ingredients in a row: often digits and what counts them, as often anything."""
    kinds = ingredients(language)
    names = sorted(kinds)
    picked = [
        chance.choice(sorted(DIGITS)) if chance.random() < 0.4 else chance.choice(names) for _ in range(_few(chance))
    ]
    space = chance.choice(SPACES)
    return space.join(chance.choice(kinds[name]) for name in picked)


def _few(chance: random.Random) -> int:
    return min(8, 1 + int(chance.expovariate(0.5)))


def shaken(chance: random.Random) -> Sentence:
    """A real sentence with phrases put in, and what else happens to texts: words swapped, glued, cut off, doubled."""
    text, language = chance.choice(sentences())
    if chance.random() < 0.1:
        language = chance.choice(LANGUAGES)
    words = text.split(" ")
    for _ in range(_few(chance)):
        at = chance.randrange(len(words) + 1)
        words[at:at] = [phrase(chance, chance.choice(LANGUAGES) if chance.random() < 0.2 else language)]
    for change in (_swap, _glue, _double, _cut, _shout, _smudge):
        if chance.random() < 0.15:
            change(words, chance)
    text = " ".join(words).strip()
    return Sentence(text[: chance.randrange(len(text) + 1)] if chance.random() < 0.1 else text, language)


def _swap(words: list[str], chance: random.Random) -> None:
    one, other = chance.randrange(len(words)), chance.randrange(len(words))
    words[one], words[other] = words[other], words[one]


def _glue(words: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(words))
    words[at : at + 2] = [chance.choice(SPACES).join(words[at : at + 2])]


def _double(words: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(words))
    words[at:at] = words[at : at + chance.randrange(1, 4)]


def _cut(words: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(words))
    words[at] = words[at][: chance.randrange(len(words[at]) + 1)]


def _shout(words: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(words))
    words[at : at + 5] = [word.upper() for word in words[at : at + 5]]


def _smudge(words: list[str], chance: random.Random) -> None:
    """A sign inside or beside a name, as recognised prints have it: "Anna | Maier", "M|ller", "@Berlin"."""
    capital = [at for at, word in enumerate(words) if word[:1].isupper()]
    if capital:
        at = chance.choice(capital)
        place = chance.randrange(len(words[at]) + 1)
        space = chance.choice(("", "", " "))
        words[at] = words[at][:place] + space + chance.choice(SIGNS) + space + words[at][place:]
