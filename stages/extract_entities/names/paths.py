"""Tag probabilities -> the likeliest row of tags in which every continuation continues something."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.extract_entities.names.labels import TAGS

Floats = NDArray[np.float32]

# A tag may follow another unless it continues what did not begin. The last row is the start of a sentence.
FOLLOWS = np.array([[not b.startswith("I-") or a[2:] == b[2:] for b in TAGS] for a in (*TAGS, "O")])
TRANSITIONS = Path(__file__).parents[2] / "models" / "names_encoder" / "transitions.npy"
FREE: Floats = np.zeros(FOLLOWS.shape, np.float32)
CERTAIN = 0.98  # probability of O from which a word parts the search for the tags before it from that after it


@lru_cache(maxsize=1)
def shipped_gains() -> Floats:
    """How much likelier one tag is after another than anywhere, in logarithms, times a small weight."""
    gains: Floats = np.load(TRANSITIONS, allow_pickle=False)
    return gains


def best_path(probabilities: Floats, gains: Floats = FREE, sure: float = 0.0) -> list[int]:
    """Return the number of the tag of each word; ``probabilities`` is [word, tag] with at least one word.

    ``gains`` [tag before or start, tag] are added to the log probabilities. Where every word's likeliest tag has at
    least the probability ``sure`` and the row breaks no rule, it is taken as it is; only else is the best searched for.
    """
    greedy: NDArray[Any] = probabilities.argmax(axis=1)
    allowed = FOLLOWS[-1, greedy[0]] and FOLLOWS[greedy[:-1], greedy[1:]].all()
    if allowed and probabilities.max(axis=1).min() >= sure:
        return greedy.tolist()  # type: ignore[no-any-return]
    steps = np.where(FOLLOWS, gains, -np.inf)
    logs = np.log(probabilities + 1e-9)
    best, back = logs[0] + steps[-1], []
    for row in logs[1:]:
        ways = best[:, None] + steps[:-1]
        back.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + row
    path = [int(best.argmax())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return path[::-1]


def best_rows(
    probabilities: Floats, real: NDArray[np.bool_], gains: Floats = FREE, sure: float = 0.0
) -> NDArray[np.intp]:
    """Return the number of the tag of every place of a row of sentences; ``probabilities`` is [place, tag].

    ``real`` is False at the places between sentences, at least at the first and the last. As `best_path`, but where a
    word is O with `CERTAIN` or more it stays so, and the best row is searched for between such words alone: all
    searches run side by side, one step of all at a time.
    """
    tags = np.zeros(len(real), np.intp)
    open_places = np.flatnonzero(real & (probabilities[:, 0] < CERTAIN))  # a certain O is the likeliest tag there
    likely = probabilities[open_places]
    tags[open_places] = likely.argmax(axis=1)
    doubtful = np.zeros(len(real), bool)
    doubtful[open_places] = likely.max(axis=1) < sure
    doubtful[1:] |= ~FOLLOWS[tags[:-1], tags[1:]]
    if not doubtful.any():
        return tags
    fixed = np.ones(len(real), bool)
    fixed[open_places] = False
    ends = np.flatnonzero(fixed)
    # The stretch of a doubtful place lies between the fixed places around it.
    wanted = np.unique(np.searchsorted(ends, np.flatnonzero(doubtful)))
    first, last = ends[wanted - 1], ends[wanted]
    steps = np.where(FOLLOWS[:-1], gains[:-1], -np.inf)
    _search(tags, probabilities, first, last, np.ascontiguousarray(steps.T))
    return tags


def _search(
    tags: NDArray[np.intp], probabilities: Floats, first: NDArray[np.intp], last: NDArray[np.intp], steps: Floats
) -> None:
    """Write the best tags of the stretches between ``first`` and ``last``, both of which are O.

    ``steps`` is [tag, tag before]: what is compared lies side by side, which is faster by a third.
    """
    # The longest first, so that those whose end is not reached yet are always the first ones.
    order = np.argsort(first - last, kind="stable")
    first, last = first[order], last[order]
    lengths = last - first
    certain = np.where(np.arange(len(TAGS)) == 0, 0.0, -np.inf).astype(np.float32)
    best = np.tile(certain, (len(first), 1))
    back = []
    for offset in range(1, int(lengths.max(initial=1)) + 1):
        going = int(np.searchsorted(-lengths, -offset, side="right"))
        ways = best[:going, None] + steps
        back.append(ways.argmax(axis=2))
        place = first[:going] + offset
        inside = (place < last[:going])[:, None]
        furthest = np.take_along_axis(ways, back[-1][..., None], axis=2)[..., 0]
        best[:going] = furthest + np.where(inside, np.log(probabilities[place] + 1e-9), certain)
    tag = np.zeros(len(first), np.intp)
    for offset in range(len(back), 0, -1):
        going = len(back[offset - 1])
        place = first[:going] + offset
        inside = place < last[:going]
        tags[place[inside]] = tag[:going][inside]
        tag[:going] = back[offset - 1][np.arange(going), tag[:going]]
