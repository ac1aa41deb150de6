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

from stages.extract_entities.names.crf import marginals
from stages.extract_entities.names.decode import Tagged, end_to_end
from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.paths import Floats, best_path, shipped_gains
from stages.extract_entities.names.pieces import END, PIECES, START, piece_ids, shipped_tokenizer

MODEL = PIECES.with_name("names.onnx")
MOST_PIECES = 500  # the encoder knows 512 places
BATCH_PIECES = 500  # more at a time do not fit the cache of the processor and run slower
SURE = 0.95  # words with less are in doubt; nothing that follows could change the others
GAIN_WEIGHT = 0.75  # of the gains between tags: this network needs them less than the small one, which has all
CRF_WEIGHT = 0.1
CRF_FLOOR = 1e-4  # what the CRF holds for impossible is only unlikely
EMPTY: Floats = np.zeros((0, len(TAGS)), np.float32)
_PIECE_CACHE: dict[str, list[int]] = {}


@lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # The graph is fused where it pays; further fusing makes its normalisations four times slower.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


def tag_encoder(sentences: Sequence[Sequence[str]]) -> Tagged:
    """Tag the words of all sentences; scores are the probabilities of the chosen tags."""
    return end_to_end(_read(*found) for found in tag_probabilities(sentences) if len(found[0]))


def tag_probabilities(sentences: Sequence[Sequence[str]]) -> list[tuple[Floats, Floats]]:
    """Probabilities of the outer and the inner tags, [word, tag], of each sentence."""
    rows = [piece_ids(words, shipped_tokenizer(), _PIECE_CACHE) for words in _learn(sentences)]
    results = [(EMPTY, EMPTY)] * len(sentences)
    by_length: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        length = sum(map(len, row))
        if length > MOST_PIECES:
            results[i] = _halves(sentences[i])
        elif length:
            by_length.setdefault(length, []).append(i)
    for length, same in by_length.items():
        size = max(1, BATCH_PIECES // length)
        for start in range(0, len(same), size):
            batch = same[start : start + size]
            for i, (outer, inner) in zip(batch, _run([rows[i] for i in batch]), strict=True):
                results[i] = _second_opinion(sentences[i], outer), inner
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
    # A matrix of a single row is multiplied in another order, so a lone word is given twice.
    outer, inner = _session().run(None, {"ids": flat, "firsts": np.array([*firsts, firsts[-1]])})
    start = 0
    for row in rows:
        yield outer[start : start + len(row)], inner[start : start + len(row)]
        start += len(row)


@lru_cache(maxsize=1)
def _gains() -> Floats:
    weighed: Floats = GAIN_WEIGHT * shipped_gains()
    return weighed


def _read(outer: Floats, inner: Floats) -> Tagged:
    path = np.array(best_path(outer, _gains(), SURE))
    return Tagged(path, np.array(best_path(inner)), outer[np.arange(len(path)), path])


def _second_opinion(words: Sequence[str], outer: Floats) -> Floats:
    doubtful = np.flatnonzero(outer.max(axis=1) < SURE)
    if not len(doubtful):
        return outer
    mixed = outer[doubtful] * (marginals(words, doubtful.tolist()) + CRF_FLOOR) ** CRF_WEIGHT
    result = outer.copy()
    result[doubtful] = mixed / mixed.sum(axis=1, keepdims=True)
    return result


def _halves(words: Sequence[str]) -> tuple[Floats, Floats]:
    left, right = tag_probabilities([words[: len(words) // 2], words[len(words) // 2 :]])
    return np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1]])
