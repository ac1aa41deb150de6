"""The ``fast`` engine: a linear-chain CRF (python-crfsuite) over words, shapes, affixes, lists and clusters."""

import gzip
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pycrfsuite

from stages.names.decode import Tagged
from stages.names.features import sentence_features

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
