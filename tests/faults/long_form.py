"""Short in every run of the tests, long on demand: ``python -m tests.faults`` sets the variable."""

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LONG = os.environ.get("FLIESSTEXT_FAULTS") == "long"
TALLY = os.environ.get("FLIESSTEXT_FAULTS_TALLY")
_counts: dict[str, Counter[str]] = {}


def choose(*, short: T, long: T) -> T:
    return long if LONG else short


class Tally:
    """Counts what was tried under a promise; written at the end of the process for the summary."""

    def __init__(self, promise: str) -> None:
        self.counts = _counts.setdefault(promise, Counter())

    def add(self, what: str, n: int = 1) -> None:
        self.counts[what] += n


def _write() -> None:
    if TALLY and _counts:
        with Path(TALLY).open("a", encoding="utf-8") as out:
            out.write(json.dumps({promise: dict(counts) for promise, counts in _counts.items()}) + "\n")


atexit.register(_write)
