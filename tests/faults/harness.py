"""Run the pipeline in this process, without Prefect, and compare what it published."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import polars as pl

from expectations.gate import Verdict
from expectations.part_rows import holds
from expectations.rules import Rule
from flows.report import RunReport
from flows.run import refresh_tables as run
from flows.settings import Settings
from stages.tables.schemas import TABLES
from stages.tables.store.choose import open_store
from stages.tables.store.snapshots import read_current, read_table

ROOT = Path(__file__).parent.parent.parent
COMMAND = (str(Path(sys.executable).with_name("fliesstext")),)
"""The command as it is installed beside the interpreter."""
COUNTED = ("written", "unchanged", "duplicate", "quarantined")
OF_THE_RUN = (
    *("run_id", "processed_at", "modified_at", "published_at"),
    *("first_seen_run", "last_changed_run", "processed_run"),
)
"""Columns that differ between two runs over the same files: run ids and times."""

_WORDS = [
    "Stadtrat",
    "Brücke",
    "Hafen",
    "Mühle",
    "Sommer",
    "Zeitung",
    "Ausschuss",
    "Lehrerin",
    "Kreisverkehr",
    "Wasserwerk",
    "Bürgermeister",
    "Musikverein",
    "beschloss",
    "eröffnete",
    "besuchte",
    "prüfte",
    "verlegte",
    "sanierte",
    "feierte",
    "in",
    "auf",
    "neben",
    "hinter",
    "am",
    "Montag",
    "gestern",
    "wieder",
    "gemeinsam",
    "Anna",
    "Schmidt",
    "Rheinland",
    "Freiburg",
    "Straße",
    "Verkehr",
    "Haushalt",
    "Millionen",
    "Euro",
    "1997",
    "drei",
    "neue",
    "alte",
    "große",
]


def sentence(seed: int, n_words: int = 9) -> str:
    """A sentence of German words in chance order, the same for the same seed."""
    digest = sha256(str(seed).encode()).digest()
    picked = [_WORDS[byte % len(_WORDS)] for byte in digest[:n_words]]
    return " ".join(["Die", *picked]) + "."


def article(seed: int, n_sentences: int = 4) -> str:
    """A title and two hard-wrapped paragraphs with a word broken at a line end."""
    body = [sentence(seed * 1_000 + i) for i in range(n_sentences)]
    half = n_sentences // 2
    return "\n".join(
        [
            f"Meldung {seed} aus der Region",
            "",
            *body[:half],
            "Darüber gab es lange Ver-",
            "handlungen.",
            "",
            *body[half:],
        ]
    )


def write_articles(folder: Path, n: int) -> Path:
    """Make a folder of so many articles, `0.txt` the first."""
    folder.mkdir()
    for number in range(n):
        (folder / f"{number}.txt").write_text(article(number), encoding="utf-8")
    return folder


def polars_gate(pieces: Iterable[Mapping[str, pl.DataFrame]], rules: Iterable[Rule]) -> Verdict:
    """The gate by the same rules with Polars: what hundreds of runs can afford."""
    failed: dict[str, list[str]] = {"critical": [], "warning": []}
    rules, shown = list(rules), defaultdict(list)
    for frames in pieces:
        for table, frame in frames.items():
            shown[table].append(frame)
    for rule in rules:
        if rule.table in shown and not pl.concat(shown[rule.table]).select(holds(rule).all()).item():
            failed[rule.severity].append(rule.name)
    return Verdict(len(rules), tuple(failed["critical"]), tuple(failed["warning"]), ())


@contextmanager
def fast_gate() -> Iterator[None]:
    """Judge with `polars_gate` in this process."""
    with patch("expectations.judge.check", polars_gate), patch("expectations.gate_process.make_ready"):
        yield


@contextmanager
def one_document_is_enough() -> Iterator[None]:
    """One document with the full name makes a surname alone mean its bearer: for tests of runs, not of evidence."""
    with patch.multiple(sys.modules["stages.link_entities.resolve"], FEWEST_FULL=1, FEWEST_FOR_COMMON=1):
        yield


def run_here(sources: Iterable[Path | str], tables: Path | str, **settings: object) -> RunReport:
    """One run in this process; deletions are confirmed and no worker is started unless the settings say else."""
    options = {"workers": 0, "confirm_deletions": True, "languages": ("de",)} | settings
    report = run([str(source) for source in sources], tables, Settings.model_validate(options))
    assert_accounted(report)
    return report


def assert_accounted(report: RunReport) -> None:
    counts = report.counts
    assert counts["n_sources"] == sum(counts[f"n_{outcome}"] for outcome in COUNTED), counts


def published(tables: Path) -> dict[str, pl.DataFrame]:
    """Every table as readers see it, but for `runs`, columns of the run, and the memory of deleted paths."""
    current = read_current(tables)
    frames = {}
    for table in TABLES:
        frame = read_table(tables, current, table)
        if table == "sources":
            frame = frame.filter(pl.col("status") != "deleted")
        if table not in ("runs", "drift"):
            frames[table] = frame.drop(OF_THE_RUN, strict=False).sort(TABLES[table].key)
    return frames


def rows(tables: Path | str) -> dict[str, pl.DataFrame]:
    """What `published` gives, of tables of any format at any place."""
    store = open_store(tables)
    current = store.current()
    frames = {table: store.scan(current, table).collect() for table in TABLES if table not in ("runs", "drift")}
    frames["sources"] = frames["sources"].filter(pl.col("status") != "deleted")
    return {t: frame.drop(OF_THE_RUN, strict=False).sort(TABLES[t].key) for t, frame in frames.items()}


def assert_same(found: Mapping[str, pl.DataFrame], expected: Mapping[str, pl.DataFrame]) -> None:
    for table, frame in expected.items():
        assert found[table].equals(frame), f"{table} differs:\n{_difference(found[table], frame)}"


def _difference(found: pl.DataFrame, expected: pl.DataFrame) -> str:
    ours, theirs = (
        [json.dumps(row, default=str, ensure_ascii=False) for row in f.iter_rows()] for f in (found, expected)
    )
    only = [
        [row[:600] for row in rows if row not in set(others)][:5] for rows, others in ((ours, theirs), (theirs, ours))
    ]
    return "\n".join(["only published:", *only[0], "only in a fresh run:", *only[1]])


def assert_whole(tables: Path) -> None:
    """CURRENT.json, where there is one, names files that are there with the bytes it says, and nothing lies about."""
    current = read_current(tables)
    if current is None:
        return
    for parts in current.tables.values():
        for part in parts:
            file = tables / current.snapshot / part.path
            assert sha256(file.read_bytes()).hexdigest() == part.sha256, file
            assert pl.read_parquet(file).height == part.rows


def assert_tidy(tables: Path) -> None:
    """No batch, no unpublished snapshot and no half-written file is left after a run that went through."""
    current = read_current(tables)
    assert not (tables / "work").exists()
    assert not list(tables.rglob("*.new"))
    assert not list(tables.rglob("*.old"))
    assert not (tables / ".writer.json").exists()
    if current:
        known = {current.snapshot, *current.previous}
        assert {f"snapshots/{folder.name}" for folder in (tables / "snapshots").iterdir()} <= known
