"""Patience: what to do where a disk or network drive fails now and may not in a moment."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSES = (1.0, 4.0)
"""Seconds to wait before what the disk failed to give is tried once more."""


def patiently(found: T, failed: Callable[[T], bool], again: Callable[[T], T]) -> T:
    """Try ``again`` after each pause, from what was found so far, as long as something in it has ``failed``."""
    for pause in PAUSES:
        if not failed(found):
            break
        time.sleep(pause)
        found = again(found)
    return found
