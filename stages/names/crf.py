"""The ``fast`` engine: a linear-chain CRF (python-crfsuite) over words, shapes, affixes, lists and clusters."""

import gzip
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pycrfsuite

from stages.names.decode import Tagged
from stages.names.features import sentence_features
from stages.names.labels import TAGS
from stages.names.paths import Floats

MODEL = Path(__file__).parents[1] / "models" / "names_crf" / "names.crfsuite.gz"
VERSION = "crf-1"


@lru_cache(maxsize=1)
def _weights() -> bytes:
    return gzip.decompress(MODEL.read_bytes())


@lru_cache(maxsize=1)
def _tagger() -> "pycrfsuite.Tagger":
    tagger = pycrfsuite.Tagger()
    tagger.open_inmemory(_weights())  # the tagger reads from these bytes and does not keep them alive itself
    return tagger


def tag_crf(sentences: Sequence[Sequence[str]]) -> list[Tagged]:
    """Tag each sentence with its likeliest row of tags; scores are marginal probabilities, for O words 1."""
    return [_tag(_tagger(), words) for words in sentences]


def _tag(tagger: "pycrfsuite.Tagger", words: Sequence[str]) -> Tagged:
    if not words:
        return Tagged([], [], [])
    tagger.set(sentence_features(words))
    tags = tagger.tag()
    scores = [1.0 if tag == "O" else tagger.marginal(tag, i) for i, tag in enumerate(tags)]
    return Tagged(tags, scores, ["O"] * len(words))


def marginals(words: Sequence[str], which: Sequence[int]) -> Floats:
    """Return the probability of every tag at the given words, [word, tag]; a tag the CRF never saw has 0."""
    tagger = _tagger()
    tagger.set(sentence_features(words))
    numbers = [(TAGS.index(label), label) for label in tagger.labels()]
    table = np.zeros((len(which), len(TAGS)), np.float32)
    for row, place in enumerate(which):
        for number, label in numbers:
            table[row, number] = tagger.marginal(label, place)
    return table
