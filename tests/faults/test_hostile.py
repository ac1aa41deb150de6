"""Every hostile file ends as it has to, in bounded time and memory, and the rest of the run is unharmed."""

import gzip
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BufferedReader, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from rich.console import Console

import stages.discover.files
import stages.read.sources
from flows.report import RunReport, as_markdown, print_report
from stages.discover.sources import open_source, to_uri
from stages.tables.schemas import REASONS
from tests.faults import hostile, long_form
from tests.faults.harness import ROOT, article, assert_same, fast_gate, published, run_here

CASES = hostile.cases()
SECONDS = 120.0
done = long_form.Tally("hostile input")


class Outcome(NamedTuple):
    ends: dict[str, str]
    texts: dict[str, str]
    report: RunReport
    seconds: float
    folder: Path
    changed: set[str]


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


def listing(folder: Path) -> dict[str, Any]:
    """Name, kind, size, time and bytes of everything below a folder."""
    found = {}
    for at, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(at, name)
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() and status.st_size < 10**7 else b""
            found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, hash(content))
    return found


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run over all cases together."""
    home = tmp_path_factory.mktemp("hostile")
    folder = home / "h"
    folder.mkdir()
    for case in CASES:
        hostile.make(case, folder)
    before = listing(folder)
    since = time.monotonic()
    with fast_gate():
        report = run_here([folder], home / "tables", max_chars=1_000_000, include=["*"])
    seconds = time.monotonic() - since
    tables = published(home / "tables")
    rows = tables["sources"].select("source_uri", "status", "reason_code").iter_rows()
    after = listing(folder)
    done.add("kinds of files", len(CASES))
    return Outcome(
        {uri: code or status for uri, status, code in rows},
        dict(tables["documents"].select("source_uri", "text").iter_rows()),
        report,
        seconds,
        folder,
        {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)},
    )


@pytest.mark.parametrize("case", [c for c in CASES if c.ends], ids=[ascii(c.name)[1:-1][:40] for c in CASES if c.ends])
def test_every_case_ends_as_it_has_to(outcome: Outcome, case: hostile.Case) -> None:
    uri = to_uri("h", case.name)
    assert outcome.ends[uri] == case.ends
    if case.text:
        assert outcome.texts[uri].split() == case.text.split()


def test_the_run_as_a_whole(outcome: Outcome) -> None:
    assert len(CASES) >= 200
    assert set(outcome.ends.values()) <= {"written", "duplicate", *REASONS}
    # Every path is on the list, and those inside the two folders that look like files.
    inside = {uri for uri in outcome.ends if uri.startswith(("h/folder.txt/", "h/deep/"))}
    assert set(outcome.ends) - inside == {to_uri("h", case.name) for case in CASES if case.ends}
    assert len(inside) == 2
    assert outcome.seconds < SECONDS
    assert not outcome.changed, "the source tree is untouched"
    assert not multiprocessing.active_children()


def test_names_are_printable_everywhere(outcome: Outcome) -> None:
    """No name or byte of a source steers the terminal, the Markdown or the tables."""
    screen = StringIO()
    print_report(outcome.report, Console(file=screen, force_terminal=False, width=200))
    markdown = as_markdown(outcome.report)
    for text in (screen.getvalue(), markdown):
        assert all(c.isprintable() or c == "\n" for c in text)
    listed = [line for line in markdown.splitlines() if line.startswith("h/") or line.lstrip().startswith("h/")]
    assert listed
    assert all(line.startswith("    ") for line in listed), "indented, so Markdown takes it as text"
    assert all(uri.isprintable() for uri in outcome.ends)
    assert all(reason.isprintable() for _, _, reason in outcome.report.quarantined)


def test_a_second_run_has_nothing_to_do(outcome: Outcome) -> None:
    tables = outcome.folder.parent / "tables"
    assert not run_here([outcome.folder], tables, max_chars=1_000_000, include=["*"]).published


Change = Callable[[Path], None]


def grows(path: Path) -> None:
    with path.open("ab") as out:
        out.write(b"mehr " * 100)


def shrinks(path: Path) -> None:
    os.truncate(path, 10)


def becomes_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def is_replaced(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(b"x" * size)


CHANGES = {
    "grows": (grows, "changed_while_reading"),
    "shrinks": (shrinks, "changed_while_reading"),
    "replaced": (is_replaced, "changed_while_reading"),
    "vanishes": (Path.unlink, "unreadable"),
    "becomes a pipe": (becomes_pipe, "not_regular"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_between_listing_and_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    act, code = CHANGES[change]
    folder = tmp_path / "press"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.txt").write_text(article(i), encoding="utf-8")

    def opening(path: Path) -> BufferedReader:
        if path.name == "1.txt":
            act(path)
        return open_source(path)

    with monkeypatch.context() as patched:
        patched.setattr(stages.read.sources, "open_source", opening)
        report = run_here([folder], tmp_path / "tables")
    assert [(uri, reason) for uri, reason, _ in report.quarantined] == [("press/1.txt", code)]
    assert report.counts["n_written"] == 2
    run_here([folder], tmp_path / "tables")
    run_here([folder], tmp_path / "fresh")
    assert_same(published(tmp_path / "tables"), published(tmp_path / "fresh"))


@pytest.mark.parametrize("module", [stages.discover.files, stages.read.sources])
def test_a_file_that_never_stops_growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    folder = tmp_path / "press"
    folder.mkdir()
    (folder / "log.txt").write_text(article(1), encoding="utf-8")

    class Growing:
        def __init__(self, path: Path) -> None:
            self.path, self.file = path, open_source(path)

        def __enter__(self) -> "Growing":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def fileno(self) -> int:
            return self.file.fileno()

        def read(self, size: int) -> bytes:
            grows(self.path)
            return self.file.read(size)

    monkeypatch.setattr(module, "open_source", Growing)
    report = run_here([folder], tmp_path / "tables")
    assert [code for _, code, _ in report.quarantined] == ["changed_while_reading"]


@pytest.mark.parametrize("step", [-400 * 86_400, 400 * 86_400], ids=["back", "ahead"])
def test_a_clock_that_was_wrong(tmp_path: Path, step: int) -> None:
    """A change with the same size is met although the last run was made by another clock."""
    folder, tables = tmp_path / "press", tmp_path / "tables"
    folder.mkdir()
    file = folder / "a.txt"
    now = time.time()
    file.write_text("Die Brücke wurde am Montag eröffnet.\n", encoding="utf-8")
    os.utime(file, (now + step, now + step))
    run_here([folder], tables)
    file.write_text("Die Mauer! wurde am Montag eröffnet.\n", encoding="utf-8")
    os.utime(file, (now + step / 2, now + step / 2))
    assert run_here([folder], tables).counts["n_written"] == 1
    run_here([folder], tmp_path / "fresh")
    assert_same(published(tables), published(tmp_path / "fresh"))


def test_a_path_at_the_length_limit(tmp_path: Path) -> None:
    """Folders within folders until the system refuses the path: what is below is listed as unreadable."""
    top = tmp_path / "press"
    top.mkdir()
    (top / "good.txt").write_text(article(1), encoding="utf-8")
    here = os.open(top, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("far.txt", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    report = run_here([top], tmp_path / "tables")
    assert report.counts["n_written"] == 1
    assert [code for _, code, _ in report.quarantined] == ["unreadable"]


MEMORY = """
import sys
from pathlib import Path
from tests.faults.harness import fast_gate, run_here
from tests.memory import peak_mb
with fast_gate():
    report = run_here([sys.argv[1]], Path(sys.argv[2]), **eval(sys.argv[3]))
print(report.counts, peak_mb())
"""


def run_measured(folder: Path, tables: Path, **settings: object) -> tuple[str, float]:
    """Counts of a run in a process of its own, and its peak memory in megabytes."""
    command = [sys.executable, "-c", MEMORY, str(folder), str(tables), repr(settings)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr[-2_000:]
    counts, _, peak = out.stdout.strip().rpartition(" ")
    return counts, float(peak)


@pytest.mark.integration
def test_many_small_archives_of_long_texts_fit_memory(tmp_path: Path) -> None:
    """Their batch is small by its bytes on disk; together the texts would fill gigabytes."""
    folder = tmp_path / "press"
    folder.mkdir()
    n, chars = long_form.choose(short=(20, 4_000_000), long=(250, 9_000_000))
    for i in range(n):
        text = f"Archiv {i}.\n" + "Kurz. \n" * (chars // 7)
        (folder / f"{i:03}.txt.gz").write_bytes(gzip.compress(text.encode(), 9)[:])
    # The texts are refused as too long once they are read, so that only reading is measured.
    counts, peak = run_measured(folder, tmp_path / "tables", max_chars=chars - 1_000)
    assert f"'n_quarantined': {n}" in counts
    assert peak < 900, f"{peak} MB"
    done.add("peak MB over many archives", int(peak))


def test_a_batch_of_long_texts_is_taken_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages.read.sources, "_MOST_CHARS", 1_000)
    folder = tmp_path / "press"
    folder.mkdir()
    for i in range(9):
        (folder / f"{i}.txt.gz").write_bytes(gzip.compress(article(i).encode(), mtime=0))
    run_here([folder], tmp_path / "tables")
    monkeypatch.undo()
    with fast_gate():
        run_here([folder], tmp_path / "fresh")
    assert_same(published(tmp_path / "tables"), published(tmp_path / "fresh"))


@pytest.mark.skipif(not long_form.LONG, reason="minutes; in the long form")
def test_a_gigabyte_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "press"
    folder.mkdir()
    with (folder / "line.txt").open("wb") as out:
        for _ in range(1_000):
            out.write(b"Die Zeile ohne Ende geht weiter und weiter. " * 22_728)
    (folder / "good.txt").write_text(article(1), encoding="utf-8")
    counts, peak = run_measured(folder, tmp_path / "tables")
    assert "'n_written': 1" in counts
    assert "'n_quarantined': 1" in counts
    assert peak < 600, f"{peak} MB"
    done.add("peak MB beside a gigabyte in one line", int(peak))


@pytest.mark.skipif(not long_form.LONG, reason="minutes; in the long form")
def test_a_hundred_thousand_tiny_files(tmp_path: Path) -> None:
    folder = tmp_path / "press"
    for i in range(100_000):
        path = folder / f"{i // 1_000:03}" / f"{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"Notiz %d." % i)
    since = time.monotonic()
    counts, peak = run_measured(folder, tmp_path / "tables", workers=2)
    done.add("seconds for 100,000 tiny files", int(time.monotonic() - since))
    done.add("peak MB over 100,000 tiny files", int(peak))
    assert "'n_written': 100000" in counts
    assert pl.read_parquet(tmp_path / "tables" / "latest" / "documents").height == 100_000
    assert peak < 2_000
