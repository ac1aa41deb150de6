"""The ``fast`` engine: a small network over word forms on onnxruntime with one thread.

A form is turned into its vector once and remembered. Sentences stand in one row with an empty place between them,
which the network keeps empty, so none sees another; a word sees four words to either side. Activations are quantised by
scales fixed in the graph, so a sentence comes out the same in any company.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from stages.extract_entities.names.decode import Tagged
from stages.extract_entities.names.forms import form_arrays
from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.paths import Floats, best_rows, shipped_gains
from stages.extract_entities.names.pieces import shipped_tokenizer

FORMS_MODEL = Path(__file__).parents[2] / "models" / "names_small" / "forms.onnx"
TAGGER_MODEL = FORMS_MODEL.with_name("tagger.onnx")
ROW = 300  # words tagged in one go: more do not fit the cache of the processor
FORM_LIMIT = 150_000  # forms remembered before starting anew; each takes half a kilobyte
FORMS_AT_ONCE = 256
SURE = 0.8  # below it the tags around a word are weighed too; a higher bar costs time and changes nothing
PLAIN = "O"


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


def form_vectors(words: Sequence[str]) -> Floats:
    """One vector a form; each comes out the same in any company."""
    # A matrix of a single row is multiplied in another order, so a form never stands alone.
    forms = form_arrays([*words, words[-1]], shipped_tokenizer())
    vectors: Floats = _forms().run(None, forms._asdict())[0][:-1]
    return vectors


class FormMemory:
    """The vectors of the forms met so far in this process; row 0 is the empty place between sentences."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        # Half precision is finer than the first quantisation that follows, and twice as many fit the cache.
        self.vectors: NDArray[np.float16] = np.zeros((1, _forms().get_outputs()[0].shape[1]), np.float16)

    def learn(self, words: set[str]) -> None:
        """Make the vectors of the forms not met before."""
        if len(self.rows) + len(words) > FORM_LIMIT:
            self.__init__()  # type: ignore[misc]
        fresh = sorted(words - self.rows.keys())
        first = len(self.rows) + 1
        if first + len(fresh) > len(self.vectors):
            self.vectors = np.resize(self.vectors, (2 * (first + len(fresh)), self.vectors.shape[1]))
        for start in range(0, len(fresh), FORMS_AT_ONCE):
            found = form_vectors(fresh[start : start + FORMS_AT_ONCE])
            self.vectors[first + start : first + start + len(found)] = found
        self.rows |= {word: first + i for i, word in enumerate(fresh)}


@lru_cache(maxsize=1)
def _memory() -> FormMemory:
    return FormMemory()


def tag_small(sentences: Sequence[Sequence[str]]) -> list[Tagged]:
    """Tag each sentence; scores are the probabilities of the chosen tags."""
    _memory().learn({word for words in sentences for word in words})
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
    known, vectors = _memory().rows, _memory().vectors
    rows = [0]
    for words in sentences:
        rows += [known[word] for word in words]
        rows.append(0)
    row = np.array(rows)
    real = row > 0
    single = {"words": vectors[row].astype(np.float32), "mask": real.astype(np.float32)[:, None]}
    outer, inner = _tagger().run(None, single)
    tags = best_rows(outer, real, shipped_gains(), SURE)
    inside = best_rows(inner, real)
    scores = outer[np.arange(len(row)), tags].tolist()
    named, nested = (np.flatnonzero(numbers).tolist() for numbers in (tags, inside))
    names, nests = [PLAIN] * len(row), [PLAIN] * len(row)
    for i in named:
        names[i] = TAGS[tags[i]]
    for i in nested:
        nests[i] = TAGS[inside[i]]
    start = 1
    for words in sentences:
        end = start + len(words)
        yield Tagged(names[start:end], scores[start:end], nests[start:end])
        start = end + 1
