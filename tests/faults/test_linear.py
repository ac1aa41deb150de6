"""Time grows with the text and no faster, whatever the text."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest

from expectations.evidence import with_evidence
from expectations.part_rows import part_rows
from stages.annotate import StageOptions, annotate
from stages.extract_entities import EntityOptions
from stages.extract_entities.names import extract_names
from stages.extract_entities.names.decode import LONGEST_KNOWN, known_names, part_bounds
from stages.extract_entities.values import extract_values
from stages.identify_language import identify_languages
from stages.link_entities import build_entities, find_clusters
from stages.read.raw_document import RawDocument
from stages.read.sources import TEXTS as TEXTS_COLUMNS
from stages.read.sources import to_row
from stages.read.text import decode
from stages.reflow import reflow
from stages.reflow.furniture import find_furniture
from stages.reflow.lines import cut_lines
from stages.split_sentences import split_sentences
from tests.faults import long_form
from tests.faults.adversarial import TEXTS
from tests.linking import link_frames

FIRST = 10_000
LAST = long_form.choose(short=100_000, long=10_000_000)
FACTOR = 10
SLACK = 3.0  # a quadratic rule takes FACTOR times as long as a linear one
GRAIN = 0.25  # seconds; below, the measurement says nothing
PATIENCE = 0.35
"""Seconds of the processor: what took longer is not tried with ten times the text.

So rules that are quick for a text meet 10 MB of it, names of many words, and words that are mended letter by letter,
100 KB or 1 MB: a straight line is seen there as well.
"""
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
    "names in a row",
    "one family",
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


OPTIONS = StageOptions(entities=EntityOptions(engine=long_form.choose(short="fast", long="accurate")))


def whole_chain(text: str) -> None:
    """One document through all text stages, the evidence and the rules."""
    row = to_row("s/a.txt", "0" * 20, "0" * 64, RawDocument(text, "utf-8", "utf-8"))
    texts = pl.DataFrame([row], schema=TEXTS_COLUMNS)
    frames, _, _ = annotate(texts, OPTIONS, "run", datetime.now(UTC))
    _, bad = part_rows(with_evidence(frames, {"0" * 20: text}))
    assert bad.is_empty(), bad


def link_people(texts: list[str]) -> None:
    """Every row of capitalised words is taken for a person, in each document and across all of them."""
    found = [
        (f"{number:020}", no, match.group(), "PER", "name", 0, *match.span())
        for number, text in enumerate(texts)
        for no, match in enumerate(CAPITALISED.finditer(text))
    ]
    numbers = dict.fromkeys(["mention_no", "block_no", "start", "end"], pl.Int64)
    columns = ["doc_id", "mention_no", "text", "label", "kind", "block_no", "start", "end"]
    mentions = pl.DataFrame(found, schema={name: numbers.get(name, pl.String) for name in columns}, orient="row")
    ids = [f"{number:020}" for number in range(len(texts))]
    documents = pl.DataFrame({"doc_id": ids, "source_uri": ids, "text": texts})
    clusters, _ = find_clusters(mentions, documents)
    build_entities([link_frames(clusters.clear(), clusters).clusters], documents)


CAPITALISED = re.compile(r"[A-ZÄÖÜ]\w+(?: [A-ZÄÖÜ]\w+)*")
LINKING: dict[str, Callable[[str], object]] = {
    "people of one document": lambda text: link_people([text]),
    "people of many documents": lambda text: link_people([text[at : at + 120] for at in range(0, len(text), 120)]),
}
NAMED = {
    "articles",
    "capitals",
    "initials of a family",
    "many clubs",
    "many people",
    "names in a row",
    "one family",
    "one person",
    "people renamed",
    "two given names",
}
STEPS["whole chain"] = whole_chain
PAIRS = [(step, kind) for step in STEPS for kind in TEXTS if long_form.LONG or step not in COSTLY or kind in TELLING]
STEPS |= LINKING
PAIRS += [(step, kind) for step in LINKING for kind in sorted(NAMED)]


def cpu_seconds(step: Callable[[str], object], text: str) -> float:
    since = time.process_time()
    step(text)
    return time.process_time() - since


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    for step in STEPS.values():
        step("Anna Schmidt zahlte am 3. März 5 Euro.")


def assert_linear(step: Callable[[str], object], make: Callable[[int], str], first: int, last: int) -> int:
    """Try texts of ``first`` characters, ten times as many and so on up to ``last``; gives the longest tried."""
    size, small = first, cpu_seconds(step, make(first))
    while size < last and (size == first or small <= PATIENCE):
        small = max(small, GRAIN / FACTOR / FACTOR)
        size *= FACTOR
        large = cpu_seconds(step, make(size))
        for _ in range(3):
            if large > small * FACTOR * SLACK + GRAIN:
                # Threads of an earlier test may still have used the processor: what is quadratic stays so.
                large = min(large, cpu_seconds(step, make(size)))
        what = f"{small:.3f} s for {size // FACTOR:,} characters, {large:.3f} s for ten times as many"
        assert large <= small * FACTOR * SLACK + GRAIN, what
        small = large
    return size


@pytest.mark.parametrize(("step", "kind"), PAIRS)
def test_time_is_linear(step: str, kind: str) -> None:
    size = assert_linear(STEPS[step], TEXTS[kind], FIRST, LAST)
    done.add(f"texts of {size:,} characters")


FOUND: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "lines that look like running headers": (
        lambda text: find_furniture(cut_lines(text)[0], ends_page=False),
        lambda n: TEXTS["articles"](n * 3),
    ),
    "a name in a word without end": (lambda text: part_bounds(text, "PER"), TEXTS["capitals with hyphens"]),
}
"""What once was not linear and shows it in long texts only."""


@pytest.mark.parametrize("what", FOUND)
def test_what_once_was_not_linear(what: str) -> None:
    step, make = FOUND[what]
    assert assert_linear(step, make, 100_000, 1_000_000) == 1_000_000


def test_no_known_name_is_longer_than_looked_for() -> None:
    assert 30 < max(map(len, known_names())) <= LONGEST_KNOWN
