"""What a process has in memory once its batches are through."""

from pathlib import Path

import pytest

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
