"""Words -> ids of sub-word pieces (Unigram, pruned vocabulary of multilingual-e5-small)."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import Unigram

# The cores are shared out among worker processes; threads of the tokeniser would take them from one another.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
PIECES = Path(__file__).parents[2] / "models" / "names_encoder" / "pieces.tsv"
START, PAD, END, UNKNOWN = 0, 1, 2, 3
MOST_PIECES = 12  # per word: an address or debris needs no more to be known for what it is
WORD_START = "\u2581"
CACHE_LIMIT = 300_000
LONGEST = 200  # characters of a word that are cut into pieces


def read_pieces(path: Path) -> list[tuple[str, float]]:
    """Read ``piece<TAB>log score`` lines; the line number is the id."""
    # Not by Polars: it would start its threads in a process that only loads an engine, and after a fork wait for them.
    rows = (line.rpartition("\t") for line in path.read_text(encoding="utf-8").split("\n") if line)
    return [(piece, float(score)) for piece, _, score in rows]


@lru_cache(maxsize=1)
def shipped_tokenizer() -> Tokenizer:
    """The piece model beside the weights."""
    return Tokenizer(Unigram(read_pieces(PIECES), UNKNOWN))


def normal_form(word: str) -> str:
    """Compatibility form without control and format characters (soft hyphen, zero-width space)."""
    folded = unicodedata.normalize("NFKC", word)
    return folded if folded.isprintable() else "".join(c for c in folded if unicodedata.category(c)[0] != "C")


def cut_into_pieces(words: Iterable[str], tokenizer: Tokenizer) -> list[list[int]]:
    """Ids of the pieces of each word, at least one. Each is cut by itself as if a space stood before it."""
    cut = tokenizer.model.tokenize  # asked itself, for nobody reads the other columns of an encoding
    texts = (WORD_START + normal_form(word[:LONGEST]) for word in words)
    return [[piece.id for piece in cut(text)] or [UNKNOWN] for text in texts]


def piece_ids(words: Sequence[str], tokenizer: Tokenizer, cache: dict[str, list[int]]) -> list[list[int]]:
    """Return the piece ids of each word, at least one; forms seen before come from the cache, which is filled.

    A form has one cut wherever it stands.
    """
    if len(cache) > CACHE_LIMIT:
        cache.clear()
    fresh = [word for word in dict.fromkeys(words) if word not in cache]
    for word, ids in zip(fresh, cut_into_pieces(fresh, tokenizer), strict=True):
        cache[word] = ids[:MOST_PIECES]
    return [cache[word] for word in words]


def keep_pieces(pieces: Sequence[tuple[str, float]], used: Iterable[int], size: int) -> list[int]:
    """Choose which pieces of a vocabulary to keep: special ones, those used, then the likeliest Latin ones."""
    kept = {START, PAD, END, UNKNOWN, *used}
    for number, (piece, _) in enumerate(pieces):
        if len(kept) >= size:
            break
        if len(piece) == 1 or all(ord(c) < 0x250 or c == WORD_START for c in piece):
            kept.add(number)
    return sorted(kept)
