"""Build the table of common words that the hyphen model asks, hashed, in steps of how common they are.

Only from sources that may be handed on: annotated corpora under CC BY 4.0 or CC0 for German and French, SCOWL for
English, OpenTaal's list (BSD) for Dutch, Dicollecte's (MPL 2.0) for French; and the pieces of multilingual-e5-small
(MIT) that are whole words, with their scores, for how common the commonest words of all four are.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stages.models.corpora import read_columns
from stages.models.names_encoder.base import read_base
from stages.reflow.vocabulary import VOCABULARY, hash_word

CORPORA = {
    "de": (
        "germeval_train.tsv", "mobie_train.tsv", "europeana_lft.tsv", "europeana_onb.tsv", "europeana_sbb.tsv",
        "newseye_dev2.tsv", "sonar_dev.tsv", "sonar_test.tsv", "sturm_train.tsv",
    ),
    "fr": ("fr_europeana_bnf.tsv", "fr_newseye_dev2.tsv"),
}  # fmt: skip
# A word of a historic corpus that stands there once may be a misread one.
FEWEST = {"germeval_train.tsv": 1, "mobie_train.tsv": 1}
FEWEST_ELSEWHERE = 2
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
PIECE = re.compile("\u2581([^\\W\\d_]{2,})")
# Levels 1 to 7 by occurrences in a million words.
PER_MILLION = (2, 4, 8, 20, 60, 300)
SCOWL = Path("/usr/share/dict/scowl")
SCOWL_LEVELS = {10: 6, 20: 5, 35: 4, 40: 3, 50: 2, 55: 2, 60: 2, 70: 1}
# Word lists that do not say how common a word is.
LISTS = {"nl": Path("/usr/share/hunspell/nl.dic"), "fr": Path("/usr/share/hunspell/fr.dic")}
LISTED_LEVEL = 2
# Levels of whole-word pieces by their log score, the commonest first.
PIECE_SCORES = ((-9.5, 7), (-10.5, 6), (-11.5, 5), (-13.0, 4))


def word_levels_of(lang: str, devsets: Path) -> dict[str, int]:
    """The words of a language in lower case, each with its level from 1 to 7."""
    levels: dict[str, int] = {}
    for word, level in _listed(lang, devsets):
        levels[word] = max(levels.get(word, 0), level)
    for piece, score in read_base().pieces:
        found = PIECE.fullmatch(piece)
        if found and found[1].lower() in levels:
            level = next((level for least, level in PIECE_SCORES if score > least), 0)
            word = found[1].lower()
            levels[word] = max(levels[word], level)
    return levels


def _listed(lang: str, devsets: Path) -> Iterator[tuple[str, int]]:
    """Words with levels; a word may come again with a higher one."""
    if lang == "en":
        for size, level in sorted(SCOWL_LEVELS.items(), reverse=True):
            for path in sorted(SCOWL.glob(f"*.{size}")):
                yield from ((word, level) for word in path.read_text("latin-1").lower().split())
    if lang in LISTS:
        lines = LISTS[lang].read_text(encoding="utf-8").lower().splitlines()[1:]
        words = (re.split("[/\t ]", line)[0] for line in lines)
        yield from ((word, LISTED_LEVEL) for word in words if WORD.fullmatch(word))
    counts: Counter[str] = Counter()
    for name in CORPORA.get(lang, ()):
        here = _counted(devsets / "ner" / name)
        counts.update({word: n for word, n in here.items() if n >= FEWEST.get(name, FEWEST_ELSEWHERE)})
    for word, count in sorted(counts.items()):
        yield word, 1 + int(np.searchsorted(PER_MILLION, 1e6 * count / counts.total(), side="right"))


def _counted(path: Path) -> Counter[str]:
    rows = (row[0] for sentence in read_columns(path) for row in sentence)
    return Counter(word.lower() for text in rows for word in WORD.findall(text))


def build_vocabulary(devsets: Path) -> npt.NDArray[np.uint32]:
    """The sorted hashes with their levels; where two words collide the more frequent one counts."""
    levels: dict[int, int] = {}
    for lang in ("de", "en", "fr", "nl"):
        known = word_levels_of(lang, devsets)
        print(lang, len(known), json.dumps(Counter(known.values()), sort_keys=True))
        for word, level in known.items():
            place = hash_word(f"{lang}:{word}")
            levels[place] = max(levels.get(place, 0), level)
    return np.array(sorted(place + level for place, level in levels.items()), np.uint32)


def write_vocabulary(devsets: Path) -> None:
    """Write the table beside the model card."""
    table = build_vocabulary(devsets)
    np.savez(VOCABULARY, steps=np.diff(table, prepend=np.uint32(0)))
    print(f"{len(table)} words, {VOCABULARY.stat().st_size} bytes")
