"""A linear-chain CRF (python-crfsuite) over words, shapes, affixes and lists: the second opinion of the encoder."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pycrfsuite

from stages.extract_entities.names.features import sentence_features
from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.paths import Floats

MODEL = Path(__file__).parents[2] / "models" / "names_crf" / "names.crfsuite"


@lru_cache(maxsize=1)
def _weights() -> bytes:
    return MODEL.read_bytes()


@lru_cache(maxsize=1)
def _tagger() -> "pycrfsuite.Tagger":
    tagger = pycrfsuite.Tagger()
    tagger.open_inmemory(_weights())  # the tagger reads from these bytes and does not keep them alive itself
    return tagger


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
