"""Whatever happened to the files and to earlier runs, the tables are those of a fresh run over the same files."""

import gc
import gzip
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from io import BufferedReader
from itertools import count
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

import stages.read.sources
from flows.settings import Settings
from stages.annotate import Frames, StageOptions, annotate
from stages.discover.sources import open_source
from stages.extract_entities import names
from stages.tables.store.snapshots import read_current
from tests.faults import long_form
from tests.faults.harness import article, assert_same, assert_tidy, assert_whole, fast_gate, published, run_here
from tests.faults.inject import Fault, KilledError, as_if_killed, faults

SEEDS = st.integers(0, 4)
NAMES = st.sampled_from(
    ["press/a.txt", "press/b.txt", "press/sub/c.md", "press/d.txt.gz", "web/a.txt", "web/e", "web/sub/f.text"]
)
SIZES = st.sampled_from([1, 2, 250])
ENGINES = st.sampled_from(names.ENGINES)
LIMITS = st.sampled_from([10_000_000, 378])  # two of the five articles are longer than 378 characters
HINDRANCES = st.sampled_from(["pipe", "folder", "dangling", "loop", "out", "inside"])
LONG_AGO = 1_600_000_000
done = long_form.Tally("incremental equals from scratch")


def annotate_badly(
    texts: pl.DataFrame, options: StageOptions, run_id: str, at: datetime, corrections: pl.DataFrame
) -> tuple[Frames, pl.DataFrame, dict[str, float]]:
    """The stages of the product, with mentions of one town that break a rule and are kept out one by one."""
    frames, rejected, seconds = annotate(texts, options, run_id, at, corrections)
    bad = pl.when(pl.col("text").str.contains("Freiburg")).then(2.0).otherwise("score")
    return frames | {"mentions": frames["mentions"].with_columns(score=bad)}, rejected, seconds


class Folder(RuleBasedStateMachine):
    """Two sources that people change in every way, and runs in between, some of which die."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="fliesstext-"))
        self.tables = self.home / "tables"
        self.sources = [self.home / "press", self.home / "web"]
        for source in self.sources:
            (source / "sub").mkdir(parents=True)
        self.clock = count(LONG_AGO)
        self.changes = ExitStack()
        self.changes.enter_context(fast_gate())
        self.changes.enter_context(patch("flows.batch.annotate", annotate_badly))
        done.add("sequences")

    def teardown(self) -> None:
        self.changes.close()
        shutil.rmtree(self.home)

    def path(self, name: str) -> Path:
        return self.home / name

    def clear(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)

    def write(self, path: Path, seed: int, recent: bool) -> None:
        self.clear(path)
        text = article(seed).encode("cp1252" if seed == 3 else "utf-8")
        path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
        self.stamp(path, recent)

    def stamp(self, path: Path, recent: bool) -> None:
        """Files of old are trusted by size and time; recent ones are read again."""
        if not recent:
            os.utime(path, (LONG_AGO, next(self.clock)))

    @rule(name=NAMES, seed=SEEDS, recent=st.booleans())
    def add_or_edit(self, name: str, seed: int, recent: bool) -> None:
        self.write(self.path(name), seed, recent)

    @rule(name=NAMES)
    def empty(self, name: str) -> None:
        self.clear(self.path(name))
        self.path(name).touch()

    @rule(name=NAMES, to=NAMES)
    def rename(self, name: str, to: str) -> None:
        if name != to and os.path.lexists(self.path(name)):
            self.clear(self.path(to))
            self.path(name).rename(self.path(to))

    @rule(name=NAMES, to=NAMES)
    def copy(self, name: str, to: str) -> None:
        if name != to and self.path(name).is_file():
            self.clear(self.path(to))
            shutil.copy2(self.path(name), self.path(to))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self.clear(self.path(name))

    @rule(name=NAMES, recent=st.booleans())
    def touch(self, name: str, recent: bool) -> None:
        if self.path(name).is_file():
            self.path(name).touch()
            self.stamp(self.path(name), recent)

    @rule(name=NAMES, how=HINDRANCES)
    def make_unreadable(self, name: str, how: str) -> None:
        path = self.path(name)
        self.clear(path)
        if how == "pipe":
            os.mkfifo(path)
        elif how == "folder":
            path.mkdir()
        else:
            targets = {"dangling": "nowhere", "loop": path.name, "out": "/etc/hostname", "inside": "b.txt"}
            path.symlink_to(targets[how])

    @precondition(lambda self: not self.everything_else_is_gone())
    @rule(size=SIZES, engine=ENGINES, limit=LIMITS, verify=st.booleans())
    def run(self, size: int, engine: str, limit: int, verify: bool) -> None:
        """All files are annotated again by another engine, also those that nobody touched."""
        run_here(self.sources, self.tables, batch_size=size, engine=engine, max_chars=limit, verify=verify)
        self.compare(engine, limit)
        done.add("runs")

    @rule(which=st.integers(0, 1), size=SIZES, engine=ENGINES, limit=LIMITS)
    def run_of_one_source(self, which: int, size: int, engine: str, limit: int) -> None:
        before = published(self.tables)["sources"]
        run_here([self.sources[which]], self.tables, batch_size=size, engine=engine, max_chars=limit)
        other = f"{self.sources[1 - which].name}/"
        after = published(self.tables)["sources"]
        uris = [frame["source_uri"].filter(frame["source_uri"].str.starts_with(other)) for frame in (before, after)]
        assert uris[0].equals(uris[1]), "a run of one source forgets nothing of another"
        assert_whole(self.tables)
        done.add("runs")

    @rule(at=st.integers(1, 60), size=SIZES, engine=ENGINES)
    def run_killed(self, at: int, size: int, engine: str) -> None:
        before = published(self.tables)
        switches = Fault(self.tables, at, as_if_killed, lasting=True)
        pointer = read_current(self.tables)
        with suppress(KilledError), faults(switches):
            run_here(self.sources, self.tables, batch_size=size, engine=engine)
        gc.collect()  # frees the lock, as the end of the process would
        assert_whole(self.tables)
        if read_current(self.tables) == pointer:
            assert_same(published(self.tables), before)
        done.add("kills")

    def everything_else_is_gone(self) -> bool:
        return not any(source.exists() for source in self.sources)

    def compare(self, engine: str, limit: int) -> None:
        assert_whole(self.tables)
        assert_tidy(self.tables)
        fresh = self.home / "fresh"
        run_here(self.sources, fresh, engine=engine, max_chars=limit)
        expected = published(fresh)
        assert_same(published(self.tables), expected)
        done.add("rows kept out", expected["quarantine"].filter(pl.col("table") != "sources").height)
        again = run_here(self.sources, self.tables, engine=engine, max_chars=limit)
        assert not again.published, "nothing changed, so there is nothing to publish"
        shutil.rmtree(fresh)


Folder.TestCase.settings = settings(
    max_examples=long_form.choose(short=10, long=200),
    stateful_step_count=long_form.choose(short=12, long=20),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
TestFolder = Folder.TestCase


def test_settings_that_change_no_text_change_nothing() -> None:
    options = {"batch_size": 3, "workers": 2, "keep_snapshots": 9, "max_seconds": 1.0, "verify": True, "max_chars": 7}
    assert Settings(**options).stages_sha256() == Settings().stages_sha256()
    assert Settings(languages=("fr",)).stages_sha256() != Settings().stages_sha256()
    assert len({Settings(engine=engine).stages_sha256() for engine in names.ENGINES}) == len(names.ENGINES)


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Run over tmp_path/press with settings; gives the names of the files that were processed, in order."""
    opened: list[str] = []

    def opening(path: Path) -> BufferedReader:
        opened.append(path.name)
        return open_source(path)

    def run(**settings: object) -> list[str]:
        opened.clear()
        with fast_gate():
            run_here([tmp_path / "press"], tmp_path / "tables", engine="fast", **settings)
        return sorted({*opened})  # the report shows some of what was read, and reads it once more

    monkeypatch.setattr(stages.read.sources, "open_source", opening)
    return run


def test_another_limit_reads_the_files_that_it_concerns(tmp_path: Path, counted: Callable[..., list[str]]) -> None:
    (tmp_path / "press").mkdir()
    for n in (100, 200, 300):
        text = "Der Stadtrat von Lindau tagt. " * (n // 30)
        (tmp_path / "press" / f"{n}.txt").write_text(text.ljust(n, "x"), encoding="utf-8")
    (tmp_path / "press" / "leer.txt").touch()
    everything = ["100.txt", "200.txt", "300.txt", "leer.txt"]
    assert counted(max_chars=250) == everything
    assert counted(max_chars=250) == []
    assert counted(max_chars=400) == ["300.txt"]
    assert counted(max_chars=5_000) == []
    assert counted(max_chars=150) == ["200.txt", "300.txt"]
    assert counted(max_chars=120) == []
    assert counted(max_chars=200) == ["200.txt", "300.txt"], "how much longer 300.txt was, nobody counted"
    assert counted(max_chars=200, languages=("de", "fr")) == everything
    run_here([tmp_path / "press"], tmp_path / "fresh", engine="fast", max_chars=200, languages=("de", "fr"))
    assert_same(published(tmp_path / "tables"), published(tmp_path / "fresh"))


def test_settings_that_concern_no_file_read_none(tmp_path: Path, counted: Callable[..., list[str]]) -> None:
    (tmp_path / "press").mkdir()
    (tmp_path / "press" / "a.txt").write_text("Claudia Alfons sprach am Montag in Lindau.\n", encoding="utf-8")
    known = {"id": ["P7"], "label": ["PER"], "name": ["Claudia Alfons"], "aliases": [["C. Alfons"]]}
    pl.DataFrame(known).write_parquet(tmp_path / "known.parquet")
    assert counted() == ["a.txt"]
    for options in (
        {"authority": str(tmp_path / "known.parquet")},
        {"batch_size": 1, "workers": 0, "keep_snapshots": 1, "keep_days": 2, "strict": True},
        {"max_seconds": 7, "max_deleted": 0, "min_deleted": 1, "verify": True},
        {"include": ["*.txt"], "exclude": ["*.md"], "suffixes": [".txt"]},
    ):
        assert counted(**options) == []


def test_many_small_pieces_make_the_tables_that_one_makes(tmp_path: Path) -> None:
    """Decided, accounted for, cut and read again piece by piece; a copy lies in another piece than what it copies."""
    press, tables = tmp_path / "press", tmp_path / "tables"
    press.mkdir()
    for number in range(10):
        (press / f"{number}.txt").write_text(article(number), encoding="utf-8")
    for name in ("copy-a", "copy-b", "copy-c"):
        (press / f"{name}.txt").write_text(article(3), encoding="utf-8")
        (press / f"{name}.pdf").write_text("kein PDF", encoding="utf-8")
    with (
        fast_gate(),
        patch("stages.tables.store.publish._MOST_ROWS", 2),
        patch("stages.discover.decide._ROWS_AT_ONCE", 2),
    ):
        run_here([press], tables)
        (press / "1.txt").unlink()
        (press / "3.txt").unlink()
        (press / "2.txt").rename(press / "moved.txt")
        (press / "4.txt").write_text(article(40), encoding="utf-8")
        report = run_here([press], tables)
    assert (report.counts["n_duplicate"], report.counts["n_quarantined"], report.counts["n_deleted"]) == (2, 3, 3)
    current = read_current(tables)
    assert current
    assert len(current.tables["sources"]) > 1
    with fast_gate():
        run_here([press], tmp_path / "fresh")
    assert_same(published(tables), published(tmp_path / "fresh"))
