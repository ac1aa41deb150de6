"""Time grows with the text and no faster, whatever the text."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest

from expectations.evidence import gather_evidence
from expectations.part_rows import part_rows
from stages.annotate import StageOptions, annotate
from stages.identify_language import identify_languages
from stages.names import extract_names
from stages.read import TEXTS as TEXTS_COLUMNS
from stages.read import decode
from stages.reflow import reflow
from stages.split_sentences import split_sentences
from stages.values import extract_values
from tests.faults import long_form
from tests.faults.adversarial import TEXTS

SMALL = long_form.choose(short=10_000, long=1_000_000)
FACTOR = 10
SLACK = 3.0  # a quadratic rule takes FACTOR times as long as a linear one
GRAIN = 0.25  # seconds; below, the measurement says nothing
done = long_form.Tally("linear time")

STEPS: dict[str, Callable[[str], object]] = {
    "read": lambda text: decode(text.encode()) if text.strip(" \t\r\n\f\x0b\u200d\u202e\u00ad") else None,
    "reflow": reflow,
    "identify_language": lambda text: identify_languages([[text]]),
    "split_sentences": lambda text: split_sentences(text, "de"),
    "values in one sentence": lambda text: extract_values(text, "de"),
    "names in one sentence": lambda text: extract_names([[(text, "de", "paragraph")]], "fast"),
}

TELLING = {
    "articles",
    "articles in one line",
    "credit lines",
    "hyphenated lines",
    "page numbers",
    "quoted words",
    "same line",
}
COSTLY = {"names in one sentence", "whole chain"}
"""In the short form these meet only the telling texts."""


def whole_chain(text: str) -> None:
    """One document through all text stages, the evidence and the rules."""
    row = ("s/a.txt", "0" * 20, "0" * 64, text, "utf-8", "utf-8")
    texts = pl.DataFrame([row], schema=dict.fromkeys(TEXTS_COLUMNS, pl.String), orient="row")
    frames, _, _ = annotate(texts, StageOptions(), "run", datetime.now(UTC))
    _, bad = part_rows(gather_evidence(frames, {"0" * 20: text}))
    assert bad.is_empty(), bad


STEPS["whole chain"] = whole_chain
PAIRS = [(step, kind) for step in STEPS for kind in TEXTS if long_form.LONG or step not in COSTLY or kind in TELLING]


def cpu_seconds(step: Callable[[str], object], text: str) -> float:
    since = time.process_time()
    step(text)
    return time.process_time() - since


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    for step in STEPS.values():
        step("Anna Schmidt zahlte am 3. März 5 Euro.")


@pytest.mark.parametrize(("step", "kind"), PAIRS)
def test_time_is_linear(step: str, kind: str) -> None:
    small = cpu_seconds(STEPS[step], TEXTS[kind](SMALL))
    if small < GRAIN / FACTOR / FACTOR:
        small = GRAIN / FACTOR / FACTOR
    large = cpu_seconds(STEPS[step], TEXTS[kind](SMALL * FACTOR))
    for _ in range(3):
        if large > small * FACTOR * SLACK + GRAIN:
            # Threads of an earlier test may still have used the processor: what is quadratic stays so.
            large = min(large, cpu_seconds(STEPS[step], TEXTS[kind](SMALL * FACTOR)))
    assert large <= small * FACTOR * SLACK + GRAIN, (
        f"{small:.3f} s for {SMALL:,} characters, {large:.3f} s for ten times"
    )
    done.add("texts")
