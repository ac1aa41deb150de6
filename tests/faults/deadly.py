"""Steps for worker processes that die or hang on a document that asks for it. Worker processes import this module."""

import os
import signal
import time
from datetime import datetime
from pathlib import Path

from flows.batch import Batch
from stages.annotate import StageOptions
from tests.faults.harness import fast_gate

KILL, HANG, CRASH = "Stirb hier", "Bleib hier", "Falle hier"
_annotate_batch, _validate_batch = Batch.annotate, Batch.validate


def annotate_batch(
    batch: Batch, options: StageOptions, run_id: str, processed_at: datetime, corrections: Path | None = None
) -> Batch:
    for text in batch.raw_texts().values():
        if KILL in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if CRASH in text:
            os.abort()
        if HANG in text:
            hang(3_600)
    return _annotate_batch(batch, options, run_id, processed_at, corrections)


def validate_batch(batch: Batch) -> Batch:
    with fast_gate():
        return _validate_batch(batch)


def hang(seconds: float) -> None:
    time.sleep(seconds)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def models_loaded() -> tuple[int, int]:
    """How often this process has loaded the fast engine's model, and how often it was asked for it."""
    from stages.extract_entities.names import small

    about = small._tagger.cache_info()
    return about.misses, about.hits + about.misses


def pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()
