"""The tags both engines predict, and how a row of tags becomes names."""

from collections.abc import Sequence

TYPES = ("PER", "ORG", "LOC", "MISC")
KINDS = ("", "deriv", "part")
LABELS = tuple(name + kind for kind in KINDS for name in TYPES)
TAGS = ("O", *(f"{place}-{label}" for label in LABELS for place in "BI"))


def tag_runs(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Turn BIO tags into (first word, end word, label); an I- without its B- opens a run of its own.

    >>> tag_runs(["B-PER", "I-PER", "O", "I-LOC"])
    [(0, 2, 'PER'), (3, 4, 'LOC')]
    """
    runs: list[tuple[int, int, str]] = []
    end, last = -1, ""
    for i in (i for i, tag in enumerate(tags) if tag != "O"):
        place, label = tags[i][0], tags[i][2:]
        if place == "I" and end == i and last == label:
            runs[-1] = (runs[-1][0], i + 1, label)
        else:
            runs.append((i, i + 1, label))
        end, last = i + 1, label
    return runs
