"""The ``fast`` engine: a small network over word forms on onnxruntime with one thread.

A form is turned into its vector once and remembered. Sentences stand end to end; each word is told which words of its
own sentence stand around it, nearer and farther (`REACH`), so that in four steps it sees eight to either side.
Activations are quantised by scales fixed in the graph, so a sentence comes out the same in any company.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice, pairwise, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from stages.extract_entities.names.decode import Tagged, end_to_end
from stages.extract_entities.names.forms import form_arrays
from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.paths import Floats, best_rows, shipped_gains
from stages.extract_entities.names.pieces import shipped_tokenizer

FORMS_MODEL = Path(__file__).parents[2] / "models" / "names_small" / "forms.onnx"
TAGGER_MODEL = FORMS_MODEL.with_name("tagger.onnx")
ROW = 600  # words tagged in one go: many more do not fit the cache of the processor
SEARCHED = 16_000  # words whose tags are searched for side by side: many more take memory and no less time
FORM_LIMIT = 100_000  # forms remembered; each takes a quarter of a kilobyte
FORMS_KEPT = 0.75  # of them once they are too many: those met first, among which are nearly all frequent ones
FORMS_AT_ONCE = 512
TRIPLES_TOGETHER = 8  # forms run together with those of up to so many triples more
SURE = 0.8  # below it the tags around a word are weighed too; a higher bar costs time and changes nothing
REACH = (1, 1, 2, 4)  # how far before and after a word each step looks (dilated as in Strubell et al., 2017)
BEYOND = -1  # what stands before the first and after the last word of a sentence
Bytes = NDArray[np.uint8]
EMPTY: Floats = np.zeros((0, len(TAGS)), np.float32)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph for one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # In one run are so few words that the arena stays small, and its pages need not be had anew for each run.
    options.enable_cpu_mem_arena = True
    # Each run has as many words as it has; a plan for each number of them would be kept, ten megabytes in all.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=1)
def _forms() -> onnxruntime.InferenceSession:
    return open_session(FORMS_MODEL)


@lru_cache(maxsize=1)
def _tagger() -> onnxruntime.InferenceSession:
    return open_session(TAGGER_MODEL)


def form_vectors(words: Sequence[str]) -> Bytes:
    """One vector a form, quantised as the first step of the tagger reads it; each comes out the same in any company."""
    pieces, triples, flags = form_arrays(words, shipped_tokenizer())
    # A sum over more fillers is rounded in another way, so a form always stands among forms of as many triples.
    widths = -(np.count_nonzero(triples, axis=1) // -TRIPLES_TOGETHER) * TRIPLES_TOGETHER
    vectors = np.zeros((len(words), _forms().get_outputs()[0].shape[1]), np.uint8)
    for width in np.unique(widths):
        alike = np.flatnonzero(widths == width)
        # A matrix of a single row is multiplied in another order, so a form never stands alone.
        rows = np.append(alike, alike[-1])
        seen = {"pieces": pieces[rows], "triples": triples[rows, :width], "flags": flags[rows]}
        vectors[alike] = _forms().run(None, seen)[0][:-1]
    return vectors


class FormMemory:
    """The vectors of the forms met so far in this process, of too many those met first; row 0 is of none."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        # What is not filled yet takes no memory; growing it step by step would hold it twice.
        self.vectors: Bytes = np.zeros((FORM_LIMIT, _forms().get_outputs()[0].shape[1]), np.uint8)

    def rows_of(self, words: Sequence[str]) -> NDArray[np.intp]:
        """The row of the vector of each word; makes the vectors of forms not met before."""
        rows = np.fromiter(map(self.rows.get, words, repeat(0)), np.intp, len(words))
        unmet = np.flatnonzero(rows == 0).tolist()
        fresh = sorted(sorted({words[number] for number in unmet}), key=len)  # one width together
        kept = int(FORM_LIMIT * FORMS_KEPT)
        if len(self.rows) > kept and len(self.rows) + len(fresh) > FORM_LIMIT:
            self.rows = dict(islice(self.rows.items(), kept))
            return self.rows_of(words)
        first = len(self.rows) + 1
        if first + len(fresh) > len(self.vectors):
            more = np.zeros((first + len(fresh) - len(self.vectors), self.vectors.shape[1]), np.uint8)
            self.vectors = np.concatenate([self.vectors, more])
        for start in range(0, len(fresh), FORMS_AT_ONCE):
            found = form_vectors(fresh[start : start + FORMS_AT_ONCE])
            self.vectors[first + start : first + start + len(found)] = found
        self.rows.update(zip(fresh, range(first, first + len(fresh)), strict=True))
        rows[unmet] = [self.rows[words[number]] for number in unmet]
        return rows


@lru_cache(maxsize=1)
def _memory() -> FormMemory:
    return FormMemory()


def tag_small(sentences: Sequence[Sequence[str]]) -> Tagged:
    """Tag the words of all sentences; scores are the probabilities of the chosen tags."""
    return end_to_end(map(_read, _ask(sentences)))


def tag_where_sure(sentences: Sequence[Sequence[str]], sure: float) -> tuple[Tagged, dict[int, Floats]]:
    """As `tag_small`; and of the sentences with a word whose tag of either level is less probable than ``sure``.

    Of those, by their numbers, the probabilities of the outer tags, [word, tag].
    """
    parts, unsure, number = [], {}, 0
    for asked in _ask(sentences):
        doubtful = np.minimum(asked.outer.max(axis=1), asked.inner.max(axis=1)) < sure
        doubtful[asked.gaps] = False
        has_doubt = np.diff(np.cumsum(doubtful)[asked.gaps]) > 0
        for place in np.flatnonzero(has_doubt).tolist():
            # A copy, since a view would keep what is said of the sure sentences too.
            unsure[number + place] = asked.outer[asked.gaps[place] + 1 : asked.gaps[place + 1]].copy()
        number += len(has_doubt)
        parts.append(_read(asked))
    return end_to_end(parts), unsure


class _Asked(NamedTuple):
    """Probabilities of the tags of a row of sentences, and the empty places around each, as the search needs them."""

    outer: Floats
    inner: Floats
    gaps: NDArray[np.intp]


def _ask(sentences: Sequence[Sequence[str]]) -> Iterator[_Asked]:
    """The probabilities of the tags of the sentences, about `SEARCHED` words at a time."""
    rows = _memory().rows_of(list(chain.from_iterable(sentences)))
    bounds = np.cumsum([0, *map(len, sentences)])
    for first, last in pairwise(_cuts(bounds, SEARCHED)):
        yield _ask_at_once(rows[bounds[first] : bounds[last]], bounds[first : last + 1] - bounds[first])


def _ask_at_once(rows: NDArray[np.intp], bounds: NDArray[np.intp]) -> _Asked:
    gaps = bounds + np.arange(len(bounds))
    outer, inner = (np.zeros((gaps[-1] + 1, len(TAGS)), np.float32) for _ in range(2))
    words = np.delete(np.arange(len(outer)), gaps)
    outer[words], inner[words] = _probabilities(rows, bounds)
    return _Asked(outer, inner, gaps)


def _cuts(bounds: NDArray[np.intp], size: int) -> list[int]:
    """The numbers of the sentences that begin parts of about ``size`` words, and of the end; some may have no words."""
    wanted = np.searchsorted(bounds, np.arange(size, bounds[-1], size))
    found: list[int] = np.unique([0, *wanted, len(bounds) - 1]).tolist()
    return found


def _read(asked: _Asked) -> Tagged:
    outer, inner, gaps = asked
    real = np.ones(len(outer), bool)
    real[gaps] = False
    tags = best_rows(outer, real, shipped_gains(), SURE)
    scores = outer[np.arange(len(tags)), tags]
    return Tagged(tags[real], best_rows(inner, real)[real], scores[real])


def _probabilities(rows: NDArray[np.intp], bounds: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Probabilities of the outer and the inner tags of every word, asked for about `ROW` words at a time."""
    cuts = pairwise(_cuts(bounds, ROW))
    parts = [_run(rows[bounds[first] : bounds[last]], bounds[first : last + 1] - bounds[first]) for first, last in cuts]
    outer, inner = (np.concatenate([EMPTY, *(part[level] for part in parts)]) for level in (0, 1))
    return outer, inner


def _run(rows: NDArray[np.intp], bounds: NDArray[np.intp]) -> list[Floats]:
    """The probabilities of the words of some sentences."""
    # A matrix of a single row is multiplied in another order, so a word never stands alone.
    around = _around(np.append(bounds, bounds[-1] + 1))
    inputs = {"forms": _memory().vectors, "rows": np.append(rows, 0), "around": around}
    return [found[:-1] for found in _tagger().run(None, inputs)]


def _around(bounds: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each step and word the places that the step looks at [step, word, 3]; `BEYOND` outside its sentence."""
    first, last = (np.repeat(edge, np.diff(bounds))[:, None] for edge in (bounds[:-1], bounds[1:]))
    places = np.arange(bounds[-1])[:, None] + np.multiply.outer(REACH, [-1, 0, 1])[:, None]
    return np.where((places >= first) & (places < last), places, BEYOND)
