"""Memory: what is free again in this process goes back to the system.

The C library keeps it for the thread that had it, in as many heaps as there were threads; over thousands of batches
that is more than all that is in use.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of malloc.h
_LARGE = 4 << 20  # bytes
_REMEMBERING = type(cache(len))
_MORE_THINGS = 50_000  # a few megabytes of cycles, at the most, that nobody needs any more


@cache
def _libc() -> ctypes.CDLL | None:
    """The C library, where it is that of GNU; others need none of this, or do not offer it."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


def share_one_heap() -> None:
    """Let all threads that begin from now on take memory from one heap; nothing where the system has no say in it."""
    if (library := _libc()) is not None:
        library.mallopt(_M_ARENA_MAX, 1)


def keep_large_apart() -> None:
    """Take from the system itself what has 4 MB or more, which goes back at once; nothing where it has no say in it.

    Else the C library keeps ever larger arrays in the heap, where holes remain. It costs some time of the system, so
    that a process with less to hold does without.
    """
    if (library := _libc()) is not None:
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        # With that given, the end of the heap would go back by every 128 KB, and be had anew for the next array.
        library.mallopt(_M_TRIM_THRESHOLD, _LARGE)


def give_back() -> None:
    """Give the system what is free; takes a few milliseconds."""
    # Not there before Arrow was imported, nor while another thread does.
    if (pool := getattr(sys.modules.get("pyarrow"), "default_memory_pool", None)) is not None:
        pool().release_unused()
    if (library := _libc()) is not None:
        library.malloc_trim(0)


def forget(rooms: tuple[str, ...]) -> None:
    """Let go of what the functions of some packages remember: models, lists, words; asked again they load it again."""
    for name in [name for name in sys.modules if name.startswith(rooms)]:
        for function in list(vars(sys.modules[name]).values()):
            # What they have from elsewhere stays: others may still ask it.
            if isinstance(function, _REMEMBERING) and function.__module__ == name:
                function.cache_clear()
    give_back()


def seldom_look_for_cycles() -> None:
    """Let the collector of cycles look once 50,000 things more are there, not 700: batches make millions, and hardly a
    cycle among them.
    """
    gc.set_threshold(_MORE_THINGS, *gc.get_threshold()[1:])


@contextmanager
def loading() -> Iterator[None]:
    """Load modules without looking for cycles, then or ever after: thousands of classes are made, and all stay.

    To look through them costs a quarter of the time that loading takes, and again whenever much else was made.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
