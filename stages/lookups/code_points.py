"""Many texts as one array of code points: one look at it tells what a loop over all their characters would."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]
_ENCODING, _WIDTH = "utf-32-le", 4


def join_codes(texts: Sequence[str]) -> tuple[Codes, Ints]:
    """The code points of all texts, a line feed behind each of them, and where each text begins."""
    codes = np.frombuffer("\n".join([*texts, ""]).encode(_ENCODING, "surrogatepass"), np.uint32)
    sizes = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    return codes, np.cumsum(sizes) - sizes


def cut_codes(codes: Codes, starts: Ints) -> list[str]:
    """The texts that begin at ``starts``, without the line feed behind each of them."""
    text = codes.tobytes().decode(_ENCODING, "surrogatepass")
    ends = [*(starts[1:] - 1).tolist(), len(text) - 1]
    return [text[start:end] for start, end in zip(starts.tolist(), ends, strict=True)] if len(starts) else []


def tell_kinds(codes: Codes, kind: Callable[[str], int]) -> npt.NDArray[np.uint8]:
    """What ``kind`` says of each character, a number below 256; it is asked once of each that occurs.

    >>> tell_kinds(join_codes(["Ab", "c"])[0], lambda character: character.isupper()).tolist()
    [1, 0, 0, 0, 0]
    """
    present = np.flatnonzero(np.bincount(codes))
    table = np.zeros(present[-1] + 1 if len(present) else 0, np.uint8)
    table[present] = [kind(chr(code)) for code in present]
    return np.asarray(table[codes])
