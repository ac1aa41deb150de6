"""As many batches work at once as there are workers, through Prefect and on any machine; few more are under way."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import polars as pl
import pytest

from flows.batch import Batch
from flows.settings import Settings
from flows.steps import Run
from stages.tables.store.local import LocalSnapshots

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_server")]

T = TypeVar("T")
WORKERS = 8
BATCHES = 40


class Sleepers:
    """Eight workers that sleep instead of working, and note which batches are with them and which have begun."""

    n = WORKERS
    stopped = False
    sees_folders = True

    def __init__(self) -> None:
        self.at_once: list[int] = []
        self.under_way: list[int] = []
        self._free, self._lock = threading.Semaphore(WORKERS), threading.Lock()
        self._working: set[Batch] = set()
        self._begun: dict[Batch, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def run(self, seconds: float, function: Callable[..., T], batch: Batch, *args: object) -> T:  # noqa: ARG002
        with self._lock:
            self._begun[batch] = self._begun.get(batch, 0) + 1
            self.under_way.append(sum(steps < 3 for steps in self._begun.values()))
        with self._free:
            with self._lock:
                self._working.add(batch)
                self.at_once.append(len(self._working))
            # Longer than Prefect needs to hand on eight steps on a machine with other work.
            time.sleep(0.5)
            with self._lock:
                self._working.remove(batch)
        return batch  # type: ignore[return-value]  # as all steps do


def batch(parent: Path, number: int) -> Batch:
    folder = parent / f"batch-{number:02}"
    folder.mkdir()
    pl.DataFrame({"source_uri": [f"press/{number}.txt"], "size_bytes": [100]}).write_parquet(folder / "batch.parquet")
    return Batch(folder)


def test_eight_workers_have_eight_batches_and_few_wait(tmp_path: Path) -> None:
    from prefect import flow

    from flows.process import side_by_side

    batches = [batch(tmp_path, number) for number in range(BATCHES)]
    workers = Sleepers()
    started, store = datetime(2024, 5, 1, tzinfo=UTC), LocalSnapshots(tmp_path)
    run = Run("20240501T120000Z-000000", started, {}, Settings(), store, None, tmp_path)

    @flow
    def refresh() -> list[Batch]:
        return list(side_by_side(run, batches, workers))

    assert sorted(refresh()) == batches
    assert max(workers.at_once) == WORKERS
    # Not now and then: half of the steps began beside seven others.
    assert sorted(workers.at_once)[len(workers.at_once) // 2] == WORKERS
    assert max(workers.under_way) <= 2 * WORKERS
