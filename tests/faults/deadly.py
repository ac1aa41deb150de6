"""Steps for worker processes that die or hang on a document that asks for it. Worker processes import this module."""

import os
import signal
import time
from datetime import datetime
from pathlib import Path

import polars as pl

from flows import batches
from stages.annotate import StageOptions
from tests.faults.harness import fast_gate

KILL, HANG, CRASH = "Stirb hier", "Bleib hier", "Falle hier"
_annotate_batch, _validate_batch = batches.annotate_batch, batches.validate_batch


def annotate_batch(folder: Path, options: StageOptions, run_id: str, processed_at: datetime) -> Path:
    for text in pl.read_parquet(folder / "texts.parquet")["raw"]:
        if KILL in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if CRASH in text:
            os.abort()
        if HANG in text:
            hang(3_600)
    return _annotate_batch(folder, options, run_id, processed_at)


def validate_batch(folder: Path) -> Path:
    with fast_gate():
        return _validate_batch(folder)


def hang(seconds: float) -> None:
    time.sleep(seconds)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
