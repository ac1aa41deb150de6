"""The ``accurate`` engine: a small multilingual encoder, int8, on onnxruntime with one thread.

Sentences of the same number of pieces run together, so nothing is padded. Activations are quantised by scales fixed in
the graph and not by those of the batch, so a sentence comes out the same in any company.

Where the encoder is in doubt it hears the small network, which knows lists and endings and has read German sentences
already, and how often one tag follows another in the training text.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import onnxruntime

from stages.extract_entities.names.decode import Tagged, end_to_end
from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.paths import Floats, best_path, shipped_gains
from stages.extract_entities.names.pieces import END, PIECES, START, piece_ids, shipped_tokenizer

MODEL = PIECES.with_name("names.onnx")
MOST_PIECES = 500  # the encoder knows 512 places
BATCH_PIECES = 500  # more at a time do not fit the cache of the processor and run slower
SURE = 0.95  # words with less are in doubt; nothing that follows could change the others
SECOND_SHARE = 0.2  # of the small network in the mean of both; from 0.15 to 0.25 little changes
EMPTY: Floats = np.zeros((0, len(TAGS)), np.float32)
_PIECE_CACHE: dict[str, list[int]] = {}


@lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # The graph is fused where it pays; further fusing makes its normalisations four times slower.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


def tag_encoder(sentences: Sequence[Sequence[str]], seconds: Sequence[Floats | None]) -> Tagged:
    """Tag the words of all sentences; scores are the probabilities of the chosen tags.

    ``seconds`` has for each sentence the probabilities of its outer tags, [word, tag], by the small network; None where
    it does not know the language.
    """
    found = zip(tag_probabilities(sentences), seconds, strict=True)
    return end_to_end(_read(_mixed(outer, second), inner) for (outer, inner), second in found if len(outer))


def tag_probabilities(sentences: Sequence[Sequence[str]]) -> list[tuple[Floats, Floats]]:
    """Probabilities of the outer and the inner tags, [word, tag], of each sentence, by the encoder alone."""
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
                results[i] = outer, inner
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


def _read(outer: Floats, inner: Floats) -> Tagged:
    path = np.array(best_path(outer, shipped_gains(), SURE))
    return Tagged(path, np.array(best_path(inner)), outer[np.arange(len(path)), path])


def _mixed(outer: Floats, second: Floats | None) -> Floats:
    if second is None:
        return outer
    doubtful = outer.max(axis=1, keepdims=True) < SURE
    return np.where(doubtful, (1 - SECOND_SHARE) * outer + SECOND_SHARE * second, outer)


def _halves(words: Sequence[str]) -> tuple[Floats, Floats]:
    left, right = tag_probabilities([words[: len(words) // 2], words[len(words) // 2 :]])
    return np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1]])
