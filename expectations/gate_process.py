"""The gate in a process of its own, so that Great Expectations does not stand in the memory of the run.

It takes some 200 MB that no process gets back, and more for what it is shown. The process begins with the first
question, answers one after the other, and ends with the one that asks, even if that is killed.
"""

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache

import polars as pl

from expectations.gate import Verdict
from expectations.gate import check as check_here
from expectations.rules import Rule
from stages.errors import GateError

_ONE_AT_A_TIME = threading.Lock()
_BEGIN = "import sys; sys.path[:] = {path!r}; from expectations.gate_process import answer; answer()"


def check(frames: Mapping[str, pl.DataFrame], rules: Iterable[Rule]) -> Verdict:
    """Do what `expectations.gate.check` does, in the process of the gate.

    Raises what that raises, and GateError where the process ended without an answer, as it does for want of memory.
    """
    with _ONE_AT_A_TIME:
        process = _process()
        try:
            assert process.stdin and process.stdout  # noqa: PT018 - for the type checker
            pickle.dump((dict(frames), list(rules)), process.stdin)
            process.stdin.flush()
            found = pickle.load(process.stdout)  # noqa: S301 - from our own process
        except (OSError, EOFError) as error:
            _process.cache_clear()
            code = process.wait()
            raise GateError(
                f"the process that judges what is to be published ended with {code} before it had judged; nothing was "
                "published; give more memory and run again"
            ) from error
    if isinstance(found, Exception):
        raise found
    verdict: Verdict = found
    return verdict


@lru_cache(1)
def _process() -> "subprocess.Popen[bytes]":
    begin = _BEGIN.format(path=sys.path)
    # One thread is enough for it, and each has memory of its own.
    own = os.environ | {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    process = subprocess.Popen([sys.executable, "-c", begin], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=own)
    atexit.register(_end, process)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let the process go: it ends when nobody can ask any more."""
    if process.stdin and process.poll() is None:
        process.stdin.close()
    process.wait()


def answer() -> None:
    """Answer what `check` asks on standard input, until that is closed."""
    # Ctrl-C is meant for the run, which closes the input when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a library says belongs into no answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        try:
            frames, rules = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the run that started us
        except EOFError:
            return
        try:
            found: Verdict | Exception = check_here(frames, rules)
        except Exception as error:
            found = error
        pickle.dump(found, answers)
        answers.flush()
