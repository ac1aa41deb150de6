"""Tag probabilities -> the likeliest row of tags in which every continuation continues something."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.names.labels import TAGS

Floats = NDArray[np.float32]

# A tag may follow another unless it continues what did not begin. The last row is the start of a sentence.
FOLLOWS = np.array([[not b.startswith("I-") or a[2:] == b[2:] for b in TAGS] for a in (*TAGS, "O")])
FREE: Floats = np.zeros(FOLLOWS.shape, np.float32)


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
