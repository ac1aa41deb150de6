"""Mutated inputs: no crash, no hang, and offsets that hold."""

import gzip
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.errors import SourceError
from stages.read.sources import read_source
from stages.read.text import decode
from stages.reflow import reflow
from tests.faults import hostile, long_form
from tests.faults.harness import ROOT, fast_gate, run_here

N_TEXTS = long_form.choose(short=150, long=20_000)
N_RUNS = long_form.choose(short=2, long=100)
PER_RUN = long_form.choose(short=20, long=50)
SECONDS = 20.0
MOST = 60_000
SNIPPETS = [
    b"\0", b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf0\x9f\x98",
    b"\x1b[2J", b"\x85", b"\x1c", b"\x1d", b"\x1e", b"\x1f", b"\0" * 300,
    b"\r", b"\r\n", b"\n\n\n", b"\f", b"\v", b"\t", b"-\n", b"\xc2\xad\n", b"\xe2\x80\xae", b"\xe2\x80\x8b",
    b"\xe2\x80\xa8",
    b"\xcc\x81" * 30, b"\xc3\x83\xc2\xbc", b"\xef\xac\x81", b"%PDF-", b"\x1f\x8b", b"Foto: dpa", b"Seite 3\n",
    b"1. 1. 97",
    "„“»«".encode(), b"((((", b"....", b"z. B. ", b"5 Mio. ", b"- ", b" " * 300, b"A" * 3_000,
]  # fmt: skip
done = long_form.Tally("fuzzing")


@cache
def corpus() -> list[bytes]:
    """The shipped samples, unpacked too, and the hostile files that are no larger than a press article."""
    files = [path.read_bytes() for path in sorted((ROOT / "data" / "samples").rglob("*")) if path.is_file()]
    files += [case.content for case in hostile.cases() if isinstance(case.content, bytes)]
    return [data[:MOST] for data in files]


EDITS = st.tuples(
    st.sampled_from(["insert", "delete", "repeat", "flip", "splice", "cut", "swap"]),
    st.integers(0, 1 << 16),
    st.integers(0, 1 << 12),
    st.integers(0, 1 << 16),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    files = corpus()
    data = files[draw(st.integers(0, len(files) - 1))]
    for what, at, length, other in draw(st.lists(EDITS, max_size=6)):
        data = edit(data, what, at % (len(data) + 1), length, other)[:MOST]
    return data


def edit(data: bytes, what: str, at: int, length: int, other: int) -> bytes:
    before, here, after = data[:at], data[at : at + length], data[at + length :]
    if what == "insert":
        return before + SNIPPETS[other % len(SNIPPETS)] + here + after
    if what == "delete":
        return before + after
    if what == "repeat":
        return before + here * (2 + other % 5) + after
    if what == "flip":
        return before + bytes(byte ^ (1 << other % 8) for byte in here[:8]) + here[8:] + after
    if what == "splice":
        files = corpus()
        return before + files[other % len(files)][:length] + after
    if what == "cut":
        return before
    return after + here + before


def fuzz(n: int) -> settings:
    checks = list(HealthCheck)
    return settings(max_examples=n, deadline=None, suppress_health_check=checks, database=None, print_blob=False)


@fuzz(N_TEXTS)
@given(mutated())
def test_read_and_reflow(data: bytes) -> None:
    since = time.process_time()
    try:
        raw = decode(data).text
    except SourceError:
        raw = data.decode("latin-1")  # what cannot be read is mended all the same
    mended = reflow(raw)
    assert time.process_time() - since < SECONDS
    for block in mended.blocks:
        assert block.text.strip()
        for start, raw_start, length in block.spans:
            assert block.text[start : start + length] == raw[raw_start : raw_start + length]
    for repair in mended.repairs:
        assert raw[repair.raw_start : repair.raw_end] == repair.before
    done.add("inputs through read and reflow")


@fuzz(N_TEXTS // 10)
@given(mutated(), st.integers(0, 60), st.binary(max_size=4))
def test_archives(data: bytes, at: int, change: bytes) -> None:
    packed = bytearray(gzip.compress(data, mtime=0))
    at = at % len(packed)
    packed[at : at + len(change)] = change
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.txt.gz")
        path.write_bytes(packed)
        with suppress(SourceError):  # every damage has its reason; anything else is a crash
            read_source(path)
    done.add("archives")


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


@fuzz(N_RUNS)
@given(st.lists(mutated(), min_size=PER_RUN, max_size=PER_RUN))
def test_the_whole_chain(files: list[bytes]) -> None:
    """Every file of a run is accounted for; no stage fails on one and no row breaks a rule."""
    with TemporaryDirectory() as home:
        folder = Path(home, "fuzz")
        folder.mkdir()
        for i, data in enumerate(files):
            (folder / f"{i}.txt").write_bytes(data)
        since = time.process_time()
        report = run_here([folder], Path(home, "tables"), batch_size=20)
        assert time.process_time() - since < SECONDS * 3
    assert report.counts["n_sources"] == len(files)
    assert not {code for _, code, _ in report.quarantined} & {"stage_failed", "rule_failed"}, report.quarantined
    assert report.rows.get("quarantine", 0) == len(report.quarantined), "no single row broke a rule either"
    done.add("inputs through the whole chain", len(files))
    done.add("runs")


def test_a_repair_of_a_repair_shows_the_raw_characters() -> None:
    """Found by mutation: mojibake that decodes to a control character, which is then dropped with its neighbour."""
    raw = "Wort \u200b\u00c2\u009d steht hier."
    for repair in reflow(raw).repairs:
        assert raw[repair.raw_start : repair.raw_end] == repair.before
