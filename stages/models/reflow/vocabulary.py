"""Build the table of common words that the hyphen model asks: wordfreq's lists (CC BY-SA 4.0), hashed, in steps."""

from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import wordfreq

from stages.reflow.vocabulary import VOCABULARY, hash_word

# So many words of each language; German and Dutch write compounds in one word.
SIZES = {"de": 160_000, "en": 80_000, "fr": 80_000, "nl": 100_000}
# Levels 1 to 7 by Zipf frequency (log10 of occurrences in a thousand million words).
ZIPF = (2.3, 2.7, 3.1, 3.6, 4.2, 5.0)

SCOWL, SCOWL_SIZE = Path("/usr/share/dict/scowl"), 70
# Frequencies and lengths that tell two words written as one.
RARE, COMMON, SHORTEST = 3.0, 4.3, 3


@cache
def common_words(lang: str) -> tuple[str, ...]:
    """The words of a language that the table holds."""
    words = wordfreq.top_n_list(lang, 3 * SIZES[lang])
    kept = (word for word in words if word.replace("'", "").replace("\u2019", "").isalpha())
    return tuple(islice((word for word in kept if not is_run_together(word, lang)), SIZES[lang]))


def is_run_together(word: str, lang: str) -> bool:
    """Whether a rare English word is two common ones that somebody wrote as one: "redhot" is no word."""
    if lang != "en" or wordfreq.zipf_frequency(word, lang) > RARE or word in _dictionary():
        return False
    halves = ((word[:at], word[at:]) for at in range(SHORTEST, len(word) - SHORTEST + 1))
    return any(min(wordfreq.zipf_frequency(half, lang) for half in pair) > COMMON for pair in halves)


@cache
def _dictionary() -> frozenset[str]:
    """The words and names of SCOWL, but for its rarest."""
    paths = [path for path in SCOWL.iterdir() if int(path.suffix[1:]) <= SCOWL_SIZE]
    return frozenset(word.lower() for path in paths for word in path.read_text("latin-1").split())


def build_vocabulary() -> npt.NDArray[np.uint32]:
    """The sorted hashes with their levels; where two words collide the more frequent one counts."""
    levels: dict[int, int] = {}
    for lang in SIZES:
        for word in common_words(lang):
            level = 1 + int(np.searchsorted(ZIPF, wordfreq.zipf_frequency(word, lang)))
            place = hash_word(f"{lang}:{word}")
            levels[place] = max(levels.get(place, 0), level)
    return np.array(sorted(place + level for place, level in levels.items()), np.uint32)


def write_vocabulary() -> None:
    """Write the table beside the model card."""
    table = build_vocabulary()
    np.savez_compressed(VOCABULARY, steps=np.diff(table, prepend=np.uint32(0)))
    print(f"{len(table)} words, {VOCABULARY.stat().st_size} bytes")
