"""What several test modules share: a small batch, counted by hand, and the paths of the project."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, settings

from stages.tables.schemas import TABLES

if TYPE_CHECKING:
    from tests.object_store import S3, Bucket

# Programs that a benchmark starts, some of them with what only its extra installs.
collect_ignore = ["benchmarks/peer_programs"]

# How long an example takes to draw depends on the machine and on the heap of 5,000 tests before it, not on the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

BODY, OTHER = "0" * 19 + "a", "0" * 19 + "b"

# A title and a paragraph. 13 characters, two line feeds, then "Die Stadt" (9), "-\n", "räte tagen in Köln." (19).
RAW = "Stadtrat tagt\n\nDie Stadt-\nräte tagen in Köln.\n"
TEXT = "Stadtrat tagt\n\nDie Stadträte tagen in Köln."
SHORT = "Eine Zeile."


@pytest.fixture(scope="session")
def project() -> Path:
    return Path(__file__).parent.parent


_buckets = count()


@pytest.fixture(scope="module")
def s3() -> "Iterator[S3]":
    """An object store on this machine, and runs whose gate is fast."""
    # Here, as most tests need neither.
    from tests.faults.harness import fast_gate
    from tests.object_store import s3_server

    with s3_server() as server, fast_gate():
        yield server


@pytest.fixture
def bucket(s3: "S3", monkeypatch: pytest.MonkeyPatch) -> "Iterator[Bucket]":
    """A bucket of its own, reached by the environment as users set it; the store refuses nothing afterwards."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    yield s3.make_bucket(f"texts-{next(_buckets)}")
    s3.refuse()


NO_NUMBER = dict.fromkeys(("value_number", "value_unit", "value_start", "value_end"))


@pytest.fixture(scope="session")
def raw_texts() -> dict[str, str]:
    return {BODY: RAW, OTHER: SHORT}


@pytest.fixture(scope="session")
def batch() -> dict[str, pl.DataFrame]:
    """Two documents in which every number can be counted: RAW becomes TEXT, SHORT stays."""
    whole = {"doc_id": BODY, "block_no": 0, "start": 0, "end": 13, "raw_start": 0, "raw_end": 13}
    body = {"doc_id": BODY, "block_no": 1, "start": 15, "end": 43, "raw_start": 15, "raw_end": 45}
    short = {"doc_id": OTHER, "block_no": 0, "start": 0, "end": 11, "raw_start": 0, "raw_end": 11}
    german = {"language": "de", "language_confidence": 0.9}
    mention = {"score": 0.8, "extractor": "by hand", "value": None, "value_derived": False, "role": None}
    mention |= {"entity_id": "e"} | NO_NUMBER
    rows = {
        "documents": [
            _document(BODY, "test/a.txt", TEXT, "Stadtrat tagt", blocks=2, sentences=2, mentions=2),
            _document(OTHER, "test/b.txt", SHORT, None, blocks=1, sentences=1, mentions=0),
        ],
        "blocks": [
            whole | german | {"kind": "title", "text": TEXT[:13], "spans": [_span(0, 0, 13)]},
            body | german | {"kind": "paragraph", "text": TEXT[15:], "spans": [_span(15, 15, 9), _span(24, 26, 19)]},
            short | german | {"kind": "paragraph", "text": SHORT, "spans": [_span(0, 0, 11)]},
        ],
        "sentences": [
            whole | {"sentence_no": 0, "text": TEXT[:13]},
            body | {"sentence_no": 1, "text": TEXT[15:]},
            short | {"sentence_no": 0, "text": SHORT},
        ],
        "mentions": [
            body | mention | _mention(0, "Stadträte", "MISC", start=19, end=28, raw_start=19, raw_end=30),
            body | mention | _mention(1, "Köln", "LOC", start=38, end=42, raw_start=40, raw_end=44),
        ],
        "clusters": [_cluster(0, "Stadträte", "MISC"), _cluster(1, "Köln", "LOC")],
        "repairs": [
            {"doc_id": BODY, "repair_no": 0, "rule": "hyphen_removed", "raw_start": 19, "raw_end": 30}
            | {"before": "Stadt-\nräte", "after": "Stadträte"}
        ],
        "raw_texts": [{"doc_id": OTHER, "text": SHORT}],
    }
    return {name: pl.DataFrame(found, schema=TABLES[name].schema) for name, found in rows.items()}


def _cluster(number: int, text: str, label: str) -> dict[str, object]:
    signature = json.dumps([label, [text], [], []], ensure_ascii=False)
    forms = json.dumps({text: 1}, ensure_ascii=False)
    found = {"doc_id": BODY, "cluster_no": number, "label": label, "signature": signature, "blocks": [text]}
    return found | {"forms": forms, "n_mentions": 1, "entity_id": "e", "linked_id": "e"}


def _span(start: int, raw_start: int, length: int) -> dict[str, int]:
    return {"start": start, "raw_start": raw_start, "length": length}


def _mention(number: int, text: str, label: str, **offsets: int) -> dict[str, object]:
    found = {"sentence_no": 1, "mention_no": number, "text": text, "label": label, "kind": "name", "cluster_no": number}
    return found | offsets


def _document(doc_id: str, uri: str, text: str, title: str | None, *, blocks: int, sentences: int, mentions: int):
    return {
        "doc_id": doc_id,
        "source_uri": uri,
        "title": title,
        "text": text,
        "language": "de",
        "language_confidence": 0.9,
        "entity_model": "trained",
        "metadata": [],
        "sketch": [1, 2],
        "encoding": "utf-8",
        "content_sha256": "0" * 64,
        "n_chars": len(text),
        "n_words": len(text.split()),
        "n_blocks": blocks,
        "n_sentences": sentences,
        "n_mentions": mentions,
        "n_joins": 0,
        "parted_by": "none",
        "doubt": None,
        "run_id": "run-1",
        "processed_at": datetime(2024, 5, 1, tzinfo=UTC),
    }


@pytest.fixture
def change():
    """A function that gives a frame with some values of one row replaced."""

    def changed(frame: pl.DataFrame, row: int, **values: object) -> pl.DataFrame:
        rows = frame.to_dicts()
        rows[row] |= values
        return pl.DataFrame(rows, schema=frame.schema)

    return changed


@pytest.fixture(scope="session")
def as_json():
    """A function that reads a case file of tests/cases."""
    return lambda name: json.loads((Path(__file__).parent / "cases" / name).read_text(encoding="utf-8"))
