"""How common a word is: a table of hashed words with their frequency in eight steps, built at training time.

Absent words read as 0, present ones as 1 to 7. One absent word in a thousand reads as present, as with any hashed set.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

VOCABULARY = Path(__file__).parents[1] / "models" / "reflow" / "vocabulary.npz"
# The lowest bits of a hash give way to the step of the word's frequency.
STEPS = 8


def word_levels(words: Sequence[str]) -> list[int]:
    """For each word, as its language and the word itself in lower case joined by a colon, 0 or its level."""
    keys = checksums(words) // STEPS * STEPS
    table = load_vocabulary()
    found = table[np.minimum(np.searchsorted(table, keys), len(table) - 1)]
    levels: list[int] = np.where(found // STEPS == keys // STEPS, found % STEPS, 0).tolist()
    return levels


def checksums(words: Sequence[str]) -> npt.NDArray[np.uint32]:
    """The CRC-32 of each word. All are encoded at once where none holds a line break, at a third of the cost."""
    encoded = "\n".join(words).encode("utf-8", "surrogatepass").split(b"\n")
    if len(encoded) != len(words):
        encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    return np.array(list(map(crc32, encoded)), np.uint32)


def hash_word(word: str) -> int:
    """The word's place in the table, its lowest bits free."""
    return crc32(word.encode("utf-8", "surrogatepass")) // STEPS * STEPS


@cache
def load_vocabulary() -> npt.NDArray[np.uint32]:
    """The sorted table; stored as the steps from entry to entry, which pack better."""
    with np.load(VOCABULARY, allow_pickle=False) as stored:
        return np.cumsum(stored["steps"], dtype=np.uint32)
