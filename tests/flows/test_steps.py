"""Steps of a run that need no Prefect."""

from pathlib import Path

import pytest

from expectations.gate import Verdict
from expectations.judge import refusal
from flows.settings import Settings
from flows.step import step
from stages.errors import StoppedError
from stages.tables.store.local import LocalSnapshots


def test_what_failed_runs_leave_is_bounded(tmp_path: Path) -> None:
    verdict, store = Verdict(1, ("no",), (), ()), LocalSnapshots(tmp_path)
    (tmp_path / "failed").mkdir()
    for name in ("0.json", "20240501T120000Z-00000.json", "zz.json"):
        (tmp_path / "failed" / name).write_text("somebody else's")
    for number in range(30):
        refusal(store, f"20240501T1200{number:02}Z-000000", verdict)
    # The clock is set back: what has just failed stays, although it sorts before all others.
    refusal(store, "20010101T000000Z-000000", verdict)
    left = sorted(file.name for file in (tmp_path / "failed").iterdir())
    assert left == [
        "0.json",
        "20010101T000000Z-000000.json",
        "20240501T120000Z-00000.json",
        *(f"20240501T1200{number:02}Z-000000.json" for number in range(21, 30)),
        "zz.json",
    ]


@pytest.mark.parametrize(("workers", "pieces"), [(0, 1), (1, 1), (2, 2), (4, 4), (64, 4)])
def test_no_more_pieces_are_held_at_once_than_memory_has_room_for(workers: int, pieces: int) -> None:
    assert Settings(workers=workers).at_once() == pieces
    assert 1 <= Settings().at_once() <= 4


@pytest.mark.parametrize(("fails", "error", "calls"), [(2, OSError, 3), (3, OSError, 3), (1, StoppedError, 1)])
def test_a_step_without_a_flow_is_tried_again_as_a_task_is(
    fails: int, error: type[Exception], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    called = []

    @step(name="read", retries=2, retry_delay_seconds=0)
    def read(number: int) -> int:
        called.append(number)
        if len(called) <= fails:
            raise error("the drive is away")
        return number

    if fails < calls:
        assert read(7) == 7
    else:
        with pytest.raises(error, match="the drive is away"):
            read(7)
    assert called == [7] * calls
    assert [record.getMessage() for record in caplog.records] == [
        "read failed and is tried again in 0 s: the drive is away"
    ] * (calls - 1)
