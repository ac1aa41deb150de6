"""Make single system calls below a folder fail, or end the process there. Nothing of this is in the product."""

import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pyarrow.parquet as pq

WRITES = {
    "replace": (os, "replace"),
    "rename": (os, "rename"),
    "link": (os, "link"),
    "symlink": (os, "symlink"),
    "mkdir": (os, "mkdir"),
    "fsync": (os, "fsync"),
    "unlink": (os, "unlink"),
    "rmdir": (os, "rmdir"),
    "open": (io, "open"),
    "write_parquet": (pl.DataFrame, "write_parquet"),
    "write_table": (pq.ParquetWriter, "write_table"),
}


class KilledError(BaseException):
    """Stands for SIGKILL where the process has to live on: from here on nothing reaches the disk."""


@dataclass
class Fault:
    """Strike at the ``at``-th write (from 1) of the ``calls`` below ``folder``; count them all in ``seen``."""

    folder: Path
    at: int
    strike: Callable[[str], None]
    calls: tuple[str, ...] = tuple(WRITES)
    seen: list[str] = field(default_factory=list)
    lasting: bool = False

    def meets(self, call: str, arguments: tuple[Any, ...]) -> None:
        if call not in self.calls or not any(self._below(argument) for argument in arguments[:3]):
            return
        if call == "open" and not _writes(arguments):
            return
        self.seen.append(call)
        if len(self.seen) == self.at or (self.lasting and len(self.seen) > self.at):
            self.strike(call)

    def _below(self, argument: Any) -> bool:
        if isinstance(argument, int):
            argument = Path(f"/proc/self/fd/{argument}")
            argument = argument.readlink() if argument.is_symlink() else ""
        elif not isinstance(argument, str | os.PathLike):
            argument = getattr(argument, "where", argument)  # a writer of Parquet
            argument = getattr(argument, "name", "")  # an open file
        return isinstance(argument, str | os.PathLike) and str(argument).startswith(str(self.folder))


def _writes(arguments: tuple[Any, ...]) -> bool:
    return len(arguments) > 1 and any(letter in str(arguments[1]) for letter in "wax+")


@contextmanager
def faults(fault: Fault) -> Iterator[Fault]:
    with ExitStack() as stack:
        for call, (owner, name) in WRITES.items():
            stack.enter_context(patch.object(owner, name, _watched(call, getattr(owner, name), fault)))
        yield fault


def _watched(call: str, real: Callable[..., Any], fault: Fault) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        fault.meets(call, arguments)
        return real(*arguments, **named)

    return watched


def kill_here(_call: str) -> None:
    """The process is gone at once; no handler, no finally."""
    os.kill(os.getpid(), signal.SIGKILL)


def as_if_killed(_call: str) -> None:
    raise KilledError


def failing(number: int) -> Callable[[str], None]:
    def fail(call: str) -> None:
        raise OSError(number, os.strerror(number), call)

    return fail
