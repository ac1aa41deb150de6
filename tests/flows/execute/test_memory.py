"""What a process has in memory once its batches are through."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.execute.memory import _libc
from stages.extract_entities.values import columns
from stages.lookups import fold
from tests.faults.harness import article, fast_gate, run_here


@pytest.mark.parametrize("n", [1, 4])
def test_many_batches_leave_nothing_that_no_later_step_asks(tmp_path: Path, n: int) -> None:
    (tmp_path / "press").mkdir()
    for number in range(n):
        (tmp_path / "press" / f"{number}.txt").write_text(f"{article(number)}\nEs kostet 3 Euro.\n", encoding="utf-8")
    columns.computable("MONEY", "3 EUR")
    fold.plain("Müller")

    with fast_gate():
        run_here([tmp_path / "press"], tmp_path / "tables", engine="none", batch_size=1)

    assert (columns.computable.cache_info().currsize == 0) is (n >= 4)
    assert (fold.plain.cache_info().currsize == 0) is (n >= 4), "linking is over, too"


ARRAYS = """
import resource
import numpy as np
from flows.execute.memory import keep_large_apart

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

keep_large_apart()
np.ones(1 << 20)
before = held()
kept, large = zip(*((np.ones(100), np.ones(3 << 18)) for _ in range(10)))
del large
print(held() - before)
"""


@pytest.mark.skipif(_libc() is None, reason="only the C library of GNU can be told")
def test_large_arrays_leave_no_holes_in_the_heap() -> None:
    done = subprocess.run([sys.executable, "-c", ARRAYS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1 << 20
