"""The gate in a process of its own, so that Great Expectations does not stand in the memory of the run.

It takes some 200 MB that no process gets back, and more for what it is shown. The process begins with the first
question, or earlier where somebody knows that there will be one, answers one after the other, and ends with the one
that asks, even if that is killed.
"""

import atexit
import gc
import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from io import BytesIO
from typing import IO, Any

import polars as pl

from expectations.gate import Verdict, load
from expectations.gate import check as check_here
from expectations.rules import Rule
from stages.errors import GateError

_ONE_AT_A_TIME = threading.Lock()
# Ctrl-C is meant for the run, which closes the input when it ends.
_BEGIN = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = {path!r};"
    "from expectations.gate_process import answer; answer()"
)
# One thread is enough for it, and each has memory of its own. Polars gives back at once what it no longer needs, and
# Arrow has its memory from the C library: else each keeps what the other could have.
_FRUGAL = {
    "POLARS_MAX_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
}
_LENGTH_BYTES = 8
_UNUSED = ("altair", "scipy.stats")
"""What Great Expectations imports for charts and kinds of expectations that no rule here needs."""


def make_ready() -> None:
    """Begin the process of the gate, which loads Great Expectations while others work; does not wait for it."""
    with _ONE_AT_A_TIME:
        _process()


def check(pieces: Iterable[Mapping[str, pl.DataFrame]], rules: Iterable[Rule]) -> Verdict:
    """Do what `expectations.gate.check` does, in the process of the gate.

    ``pieces``: rows of the tables, piece by piece; each is sent before the next is asked for, and none is kept here.
    Raises ValueError for a rule that makes no sense, and GateError where the process ended without an answer, as it
    does for want of memory.
    """
    with _ONE_AT_A_TIME:
        process = _process()
        try:
            assert process.stdin and process.stdout  # noqa: PT018 - for the type checker
            for frames in pieces:
                _show(process.stdin, frames)
            _ask(process.stdin, list(rules))
            found = json.loads(_get(process.stdout))
        except (OSError, EOFError) as error:
            _process.cache_clear()
            _end(process)
            raise GateError(
                f"the process that judges what is to be published ended with {process.returncode} before it had judged;"
                " nothing was published; give more memory and run again"
            ) from error
        except BaseException:
            # An answer that nobody waited for would be taken for that to the next question.
            _process.cache_clear()
            process.kill()
            _end(process)
            raise
    if "error" in found:
        raise ValueError(found["error"])
    return Verdict(found["n_expectations"], *(tuple(found[name]) for name in ("critical", "warnings", "results")))


@lru_cache(1)
def _process() -> "subprocess.Popen[bytes]":
    begin = _BEGIN.format(path=sys.path)
    process = subprocess.Popen(
        [sys.executable, "-c", begin], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | _FRUGAL
    )
    atexit.register(_end_now, process)
    return process


def _end_now(process: "subprocess.Popen[bytes]") -> None:
    """End the process, also while it still loads: nobody waits for it."""
    process.kill()
    _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let the process go: it ends when nobody can ask any more."""
    with suppress(BrokenPipeError), process:  # closes what leads to it, and waits
        pass


def answer() -> None:
    """Answer what `check` asks on standard input, until that is closed."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a library says belongs into no answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _load_little()
    while True:
        try:
            frames, rules = _asked(sys.stdin.buffer)
        except EOFError:
            return
        try:
            found: dict[str, Any] = asdict(check_here(frames, rules))
        except Exception as error:
            found = {"error": str(error)}
        _put(answers, json.dumps(found).encode())
        answers.flush()
        # Else they stand in memory, and what the libraries made of them in cycles, beside those of the next question.
        del frames, rules
        gc.collect()


def _load_little() -> None:
    """Load Great Expectations without what is not used, and tell the collector of cycles that all of it stays."""
    sys.meta_path.insert(0, _WhenUsed())
    gc.disable()
    load()
    gc.freeze()
    gc.enable()


class _WhenUsed(MetaPathFinder):
    """Lets the modules of `_UNUSED` be imported only once something of them is asked for."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _UNUSED else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def _show(out: IO[bytes], frames: Mapping[str, pl.DataFrame]) -> None:
    """Send the names of the tables as JSON, then each frame as an Arrow stream."""
    _put(out, json.dumps({"tables": list(frames)}).encode())
    for frame in frames.values():
        _put(out, frame.write_ipc_stream(None).getbuffer())


def _ask(out: IO[bytes], rules: list[Rule]) -> None:
    """Send the rules as JSON, which ends what is shown."""
    told = {"rules": [asdict(rule) for rule in rules]}
    _put(out, json.dumps(told, default=lambda moment: {"moment": moment.isoformat()}).encode())
    out.flush()


def _asked(source: IO[bytes]) -> tuple[dict[str, pl.DataFrame], list[Rule]]:
    """Read the tables that were shown, their pieces put together, and the rules."""
    pieces: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
    while "rules" not in (told := json.loads(_get(source), object_hook=_as_moment)):
        for table in told["tables"]:
            pieces[table].append(pl.read_ipc_stream(BytesIO(_get(source))))
    rules = [Rule(**rule | {name: tuple(rule[name]) for name in ("columns", "arguments")}) for rule in told["rules"]]
    return {table: pl.concat(found) for table, found in pieces.items()}, rules


def _as_moment(found: dict[str, Any]) -> Any:
    return datetime.fromisoformat(found["moment"]) if found.keys() == {"moment"} else found


def _put(out: IO[bytes], data: bytes | memoryview) -> None:
    out.write(len(data).to_bytes(_LENGTH_BYTES, "big"))
    out.write(data)


def _get(source: IO[bytes]) -> bytes:
    """Read what `_put` wrote; EOFError where the other side has ended."""
    begin = source.read(_LENGTH_BYTES)
    length = int.from_bytes(begin, "big")
    data = source.read(length)
    if len(begin) < _LENGTH_BYTES or len(data) < length:
        raise EOFError("the other side has ended")
    return data
