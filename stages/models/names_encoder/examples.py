"""Annotated corpora -> training examples: words with the set of tags each may have, and their variations.

GermEval marks names, derivations and parts on two levels. The other corpora mark names alone, so a word they leave
unmarked may still be a derivation, a part or a MISC: the loss allows all of these and learns from the rest.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.tokenise import tokenise
from stages.models.corpora import annotated, bare, read_sentences, spans_of, tags_of

ANY = len(TAGS)  # every tag allowed: the level is not annotated
UNMARKED = ANY + 1  # O, MISC, derivations and parts allowed
ADJECTIVE = ANY + 2  # a place adjective that a corpus counts as LOC: LOC or LOCderiv
LONGEST = 140

# name of the file, share of its sentences seen in each epoch, weight of its loss
GERMEVAL = "germeval_train_12.tsv"
OTHERS = (
    ("mobie_train.tsv", 0.5, 0.5),
    ("mobie_test.tsv", 0.5, 0.5),
    ("smartdata_v3_dev.tsv", 0.7, 0.5),
    ("europeana_lft.tsv", 0.5, 0.5),
    ("europeana_onb.tsv", 0.5, 0.5),
    ("europeana_sbb.tsv", 0.5, 0.5),
    ("newseye_dev2.tsv", 0.5, 0.5),
    ("sonar_dev.tsv", 0.5, 0.5),
    ("sonar_test.tsv", 0.5, 0.5),
    ("sturm_train.tsv", 0.25, 0.4),
    ("en_wnut17_train.tsv", 0.6, 0.4),
    ("fr_europeana_bnf.tsv", 0.15, 0.4),
    ("fr_newseye_dev2.tsv", 0.4, 0.4),
)


class Example(NamedTuple):
    """One sentence: its words, per word the row of allowed tags (outer, inner), the weight of its loss."""

    words: list[str]
    outer: list[int]
    inner: list[int]
    weight: float


def allowed_table() -> list[list[bool]]:
    """Row of allowed tags for every tag number and for the three open cases."""
    one = [[i == j for j in range(len(TAGS))] for i in range(len(TAGS))]
    unmarked = [tag == "O" or tag.endswith(("MISC", "deriv", "part")) for tag in TAGS]
    adjective = [tag in ("B-LOC", "B-LOCderiv") for tag in TAGS]
    return [*one, [True] * len(TAGS), unmarked, adjective]


def read_germeval(path: Path) -> list[Example]:
    """Read the 12-label file with both levels; OTH becomes MISC."""
    examples = []
    for sentence in read_sentences(path):
        places = tokenise(sentence.text)
        levels = []
        for level in (0, 1):
            spans = spans_of([row[level].replace("OTH", "MISC") for row in sentence.columns], sentence.tokens)
            levels.append([TAGS.index(tag) for tag in tags_of(spans, places)])
        examples += _cut(Example([sentence.text[s:e] for s, e in places], levels[0], levels[1], 1.0))
    return examples


def read_other(path: Path, weight: float) -> list[Example]:
    """Read a corpus of names on one level, without the stretches that its annotators left out.

    A name that stands unmarked in such a stretch would teach that names in old print are none: in ``newseye_dev2.tsv``
    47 of 100 words stand there.
    """
    examples = []
    sentences = read_sentences(path)
    for number in annotated([any(row[0] != "O" for row in sentence.columns) for sentence in sentences]):
        sentence = sentences[number]
        places = tokenise(sentence.text)
        words = [sentence.text[s:e] for s, e in places]
        spans = spans_of([row[0] for row in sentence.columns], sentence.tokens)
        tags = tags_of([bare(span, sentence.text) for span in spans], places)
        outer = [_row(word, tag) for word, tag in zip(words, tags, strict=True)]
        examples += _cut(Example(words, outer, [ANY] * len(words), weight))
    return examples


def _row(word: str, tag: str) -> int:
    if tag == "O":
        return UNMARKED
    return ADJECTIVE if tag == "B-LOC" and word[:1].islower() else TAGS.index(tag)


def _cut(example: Example) -> list[Example]:
    starts = range(0, len(example.words), LONGEST)
    return [Example(*(part[i : i + LONGEST] for part in example[:3]), example.weight) for i in starts]  # type: ignore[arg-type, call-arg]


class Lists(NamedTuple):
    """Names to put in the place of annotated ones."""

    given: Sequence[str]
    family: Sequence[str]
    towns: Sequence[str]


def vary(example: Example, lists: Lists, chance: random.Random) -> Example:
    """Return the example with other names, all capitals, or the damage of a bad scan; mostly unchanged."""
    words = list(example.words)
    if chance.random() < 0.25:
        _rename(words, example.outer, lists, chance)
    draw = chance.random()
    if draw < 0.04:
        words = [word.upper() for word in words]
    elif draw < 0.10:
        words = [damage(word, chance) if chance.random() < 0.15 else word for word in words]
    return example._replace(words=words)


def _rename(words: list[str], outer: Sequence[int], lists: Lists, chance: random.Random) -> None:
    person, more, place = (TAGS.index(tag) for tag in ("B-PER", "I-PER", "B-LOC"))
    for i, row in enumerate(outer):
        following = [*list(outer[i + 1 : i + 3]), 0, 0]
        if row == person and following[0] == more and following[1] != more:
            words[i], words[i + 1] = chance.choice(lists.given), chance.choice(lists.family)
        elif row == person and following[0] != more and chance.random() < 0.5:
            words[i] = chance.choice(lists.family)
        elif row == place and following[0] != place + 1 and words[i][:1].isupper() and chance.random() < 0.5:
            words[i] = chance.choice(lists.towns)


# What tesseract and old presses confuse; U+017F is the long s.
CONFUSED = {
    "u": "n",
    "n": "u",
    "e": "c",
    "c": "e",
    "s": "\u017f",
    "f": "\u017f",
    "\u00fc": "ii",
    "m": "in",
    "i": "l",
    "l": "i",
    "B": "V",
    "V": "B",
    "h": "b",
    "b": "h",
    "r": "t",
    "t": "r",
    "\u00e4": "a",
    "\u00f6": "o",
}


def damage(word: str, chance: random.Random) -> str:
    """Confuse, drop or double one letter of a word."""
    place = chance.randrange(len(word))
    letter, kind = word[place], chance.random()
    if kind < 0.7:
        return word[:place] + CONFUSED.get(letter, letter) + word[place + 1 :]
    if kind < 0.85 and len(word) > 2:
        return word[:place] + word[place + 1 :]
    return word[:place] + letter + word[place:]


def credit_lines(lists: Lists, count: int, chance: random.Random) -> list[Example]:
    """Write credit lines as newspapers print them: the photographer is a person, the agency an organisation."""
    agencies = ("dpa", "AFP", "Reuters", "AP", "epd", "KNA", "Imago", "Getty", "picture", "APA", "Keystone", "sda")
    openings: tuple[list[str], ...] = (["Foto", ":"], ["Bild", ":"], ["("], ["Von"], [], [], ["\u00a9"], ["Fotos", ":"])
    examples = []
    for _ in range(count):
        opening = chance.choice(openings)
        person = [chance.choice(lists.given), chance.choice(lists.family)]
        agency = chance.choice(agencies)
        mark = chance.choice(("/", "/", "/", ",", "-", "|"))
        words = [*opening, *person, mark, agency, *([")"] if opening == ["("] else [])]
        tags = ["O"] * len(opening) + ["B-PER", "I-PER", "O", "B-ORG"] + ["O"] * (opening == ["("])
        examples.append(Example(words, [TAGS.index(tag) for tag in tags], [0] * len(words), 0.5))
    return examples
