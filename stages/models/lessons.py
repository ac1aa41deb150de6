"""Sentences with the wanted probability of every tag, to learn from."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.extract_entities.names.labels import TAGS
from stages.models.names_encoder.examples import Example
from stages.models.silver import Silver

ONE: NDArray[np.float16] = np.eye(len(TAGS), dtype=np.float16)


class Lesson(NamedTuple):
    """One sentence: words, wanted probabilities of the outer and inner tags [word, tag]."""

    words: Sequence[str]
    outer: NDArray[np.float16]
    inner: NDArray[np.float16]


def gold_lessons(examples: list[Example]) -> list[Lesson]:
    """Annotated sentences as wanted probabilities."""
    return [Lesson(e.words, ONE[e.outer], ONE[e.inner]) for e in examples]


def silver_lessons(silver: Silver) -> list[Lesson]:
    """The sentences that the teachers tagged."""
    ends = np.cumsum(silver.lengths).tolist()
    starts = [0, *ends[:-1]]
    return [Lesson(silver.words[a:b], silver.outer[a:b], silver.inner[a:b]) for a, b in zip(starts, ends, strict=True)]
