"""The ``accurate`` engine: a small multilingual encoder, int8, on onnxruntime with one thread.

Sentences of the same number of pieces run together, so nothing is padded. Activations are quantised by scales fixed in
the graph and not by those of the batch, so a sentence comes out the same in any company.

Where the encoder is in doubt it hears two others with small weights: the CRF, which knows lists and endings, and how
often one tag follows another in the training text. Together they are worth 0.9 F1 on germeval_dev.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from stages.names.crf import marginals
from stages.names.decode import Tagged
from stages.names.labels import TAGS
from stages.names.paths import Floats, best_path
from stages.names.pieces import END, PIECES, START, piece_ids, shipped_tokenizer

MODEL = PIECES.with_name("names.onnx")
MOST_PIECES = 500  # the encoder knows 512 places
BATCH_PIECES = 500  # more at a time do not fit the cache of the processor and run slower
TRANSITIONS = MODEL.with_name("transitions.npy")
SURE = 0.95  # words with less are in doubt; nothing that follows could change the others
CRF_WEIGHT = 0.1
CRF_FLOOR = 1e-4  # what the CRF holds for impossible is only unlikely
_PIECE_CACHE: dict[str, list[int]] = {}


@lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # The graph is fused where it pays; further fusing makes its normalisations four times slower.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


def tag_encoder(sentences: Sequence[Sequence[str]]) -> list[Tagged]:
    """Tag each sentence; scores are the probabilities of the chosen tags."""
    rows = [piece_ids(words, shipped_tokenizer(), _PIECE_CACHE) for words in _learn(sentences)]
    results: list[Tagged] = [Tagged([], [], [])] * len(sentences)
    by_length: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        length = sum(map(len, row))
        if length > MOST_PIECES:
            results[i] = _tag_halves(sentences[i])
        elif length:
            by_length.setdefault(length, []).append(i)
    for length, same in by_length.items():
        size = max(1, BATCH_PIECES // length)
        for start in range(0, len(same), size):
            batch = same[start : start + size]
            for i, (outer, inner) in zip(batch, _run([rows[i] for i in batch]), strict=True):
                results[i] = _read(sentences[i], outer, inner)
    return results


def _learn(sentences: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    piece_ids(list(dict.fromkeys(word for words in sentences for word in words)), shipped_tokenizer(), _PIECE_CACHE)
    return sentences


def _run(rows: Sequence[Sequence[Sequence[int]]]) -> Iterator[tuple[Floats, Floats]]:
    ids, firsts = [], []
    for row in rows:
        ids.append(START)
        for pieces in row:
            firsts.append(len(ids))
            ids += pieces
        ids.append(END)
    flat = np.array(ids).reshape(len(rows), -1)
    outer, inner = _session().run(None, {"ids": flat, "firsts": np.array(firsts)})
    start = 0
    for row in rows:
        yield outer[start : start + len(row)], inner[start : start + len(row)]
        start += len(row)


def _read(words: Sequence[str], outer: Floats, inner: Floats) -> Tagged:
    doubtful = np.flatnonzero(outer.max(axis=1) < SURE)
    if len(doubtful):
        outer = _second_opinion(words, outer, doubtful)
    path = best_path(outer, _gains(), SURE)
    scores = outer[np.arange(len(path)), path].tolist()
    return Tagged([TAGS[i] for i in path], scores, [TAGS[i] for i in best_path(inner)])


def _second_opinion(words: Sequence[str], outer: Floats, doubtful: NDArray[np.intp]) -> Floats:
    opinion = (marginals(words, doubtful.tolist()) + CRF_FLOOR) ** CRF_WEIGHT
    mixed = outer[doubtful] * opinion
    result = outer.copy()
    result[doubtful] = mixed / mixed.sum(axis=1, keepdims=True)
    return result


@lru_cache(maxsize=1)
def _gains() -> Floats:
    gains: Floats = np.load(TRANSITIONS, allow_pickle=False)
    return gains


def _tag_halves(words: Sequence[str]) -> Tagged:
    left, right = tag_encoder([words[: len(words) // 2], words[len(words) // 2 :]])
    return Tagged([*left.tags, *right.tags], [*left.scores, *right.scores], [*left.inner, *right.inner])
