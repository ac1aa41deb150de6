"""The ``fast`` engine: a small network over word forms, float32, on onnxruntime with one thread.

A form is turned into its vector once and remembered. Sentences stand in one row with an empty place between them,
which the network keeps empty, so none sees another; a word sees four words to either side.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from stages.names.decode import Tagged
from stages.names.forms import form_arrays
from stages.names.labels import TAGS
from stages.names.paths import Floats, best_path, shipped_gains
from stages.names.pieces import shipped_tokenizer

FORMS_MODEL = Path(__file__).parents[1] / "models" / "names_small" / "forms.onnx"
TAGGER_MODEL = FORMS_MODEL.with_name("tagger.onnx")
ROW = 1000  # words tagged in one go
FORM_LIMIT = 200_000  # forms remembered before starting anew; each takes 768 bytes
SURE = 0.8  # below it the tags around a word are weighed too; a higher bar costs time and changes nothing
FORMS_AT_ONCE = 256  # more do not fit the cache of the processor
GAP = ""


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph for one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=1)
def _forms() -> onnxruntime.InferenceSession:
    return open_session(FORMS_MODEL)


@lru_cache(maxsize=1)
def _tagger() -> onnxruntime.InferenceSession:
    return open_session(TAGGER_MODEL)


class FormMemory:
    """The vectors of the forms met so far in this process."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.vectors: Floats = np.zeros((0, 0), np.float32)
        self.pieces: dict[str, list[int]] = {}

    def learn(self, words: set[str]) -> None:
        """Make the vectors of the forms not met before."""
        if len(self.rows) + len(words) > FORM_LIMIT:
            self.__init__()  # type: ignore[misc]
        fresh = sorted(words - self.rows.keys())
        if not fresh:
            return
        parts = [fresh[i : i + FORMS_AT_ONCE] for i in range(0, len(fresh), FORMS_AT_ONCE)]
        found = np.concatenate([self._vectors(part) for part in parts])
        self.rows |= {word: len(self.rows) + i for i, word in enumerate(fresh)}
        self.vectors = np.concatenate([self.vectors, found]) if len(self.vectors) else found

    def _vectors(self, words: list[str]) -> Floats:
        forms = form_arrays(words, shipped_tokenizer(), self.pieces)
        vectors: Floats = _forms().run(None, dict(zip(("pieces", "triples", "flags"), forms, strict=True)))[0]
        return vectors


_MEMORY = FormMemory()


def tag_small(sentences: Sequence[Sequence[str]]) -> list[Tagged]:
    """Tag each sentence; scores are the probabilities of the chosen tags."""
    _MEMORY.learn({GAP, *(word for words in sentences for word in words)})
    return [tagged for group in _groups(sentences) for tagged in _tag(group)]


def _groups(sentences: Sequence[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    group: list[Sequence[str]] = []
    count = 0
    for words in sentences:
        if count > ROW:
            yield group
            group, count = [], 0
        group.append(words)
        count += len(words) + 1
    if group:
        yield group


def _tag(sentences: Sequence[Sequence[str]]) -> Iterator[Tagged]:
    rows, known = [_MEMORY.rows[GAP]], _MEMORY.rows
    for words in sentences:
        rows += [known[word] for word in words]
        rows.append(known[GAP])
    row = np.array(rows)
    mask = (row != known[GAP]).astype(np.float32)[:, None]
    found = _tagger().run(None, {"words": _MEMORY.vectors[row], "mask": mask})[0]
    greedy = found.argmax(axis=2)
    best = found.max(axis=2)
    start = 1
    for words in sentences:
        end = start + len(words)
        yield _read(found[start:end], greedy[start:end], best[start:end])
        start = end + 1


def _read(found: Floats, greedy: NDArray[np.int64], best: Floats) -> Tagged:
    if not greedy.any():
        plain = ["O"] * len(greedy)
        return Tagged(plain, best[:, 0].tolist(), plain)
    outer = best_path(found[:, 0], shipped_gains(), SURE)
    inner = best_path(found[:, 1]) if greedy[:, 1].any() else [0] * len(outer)
    scores = found[np.arange(len(outer)), 0, outer].tolist()
    return Tagged([TAGS[i] for i in outer], scores, [TAGS[i] for i in inner])
