"""Measure whole runs of the command line: a first one by one process and by two, and what comes after it.

    python tests/benchmarks/run.py [--documents 5000] [--engine NAME] [--devsets DIR]

In this order: all documents new, worked on by one worker process; the same by two; nothing to do; one document in a
hundred changed; one file shown. But for the first two, how many processes work is left to the command. The documents
are those of `corpora`. Seconds are user CPU seconds of the command and all its children, start and imports included, or
seconds by the clock where that is said; memory is that of the largest process. What a run costs however little there is
to do is that of a run over a single document, and is taken off where a line says *beyond*.
DIR is the folder that holds ``ner/`` (default: the environment variable FLIESSTEXT_DEVSETS).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.corpora import ROOT, gather_sentences, write_documents

SHOWN = 5_000  # characters of the file that is shown
ONE_IN = 100  # documents is changed


class Figure(NamedTuple):
    """What one command took for some documents; ``cpu_s`` is the user's part, ``system_s`` that of the system."""

    name: str
    n: int
    cpu_s: float
    system_s: float
    wall_s: float
    peak_mb: float

    @property
    def all_s(self) -> float:
        """CPU seconds of both kinds."""
        return self.cpu_s + self.system_s


def measure(name: str, n: int, command: list[str | Path]) -> Figure:
    """Run a command once; leaves with its output where it fails."""
    # Another process in between, so that the peak is that of this command's children alone.
    code = (
        "import json, resource, subprocess, sys; done = subprocess.run(sys.argv[1:], capture_output=True, text=True);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "told = [done.returncode, done.stdout + done.stderr, used.ru_utime, used.ru_stime, used.ru_maxrss];"
        "print(json.dumps(told))"
    )
    since = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    code, said, cpu_s, system_s, peak_kb = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {code}\n{said}")
    return Figure(name, n, cpu_s, system_s, time.perf_counter() - since, peak_kb / 1024)


def run_ours(engine: str, source: Path, n: int, workers: int | None, tables: Path | None = None) -> Figure:
    """Our command line, from files to published tables, which are thrown away where no folder is named for them.

    ``workers``: None leaves their number to the command, which takes none where there is little to do.
    """
    with tempfile.TemporaryDirectory() as out:
        chosen = ["--engine", engine, *(() if workers is None else ("--workers", str(workers)))]
        options = ["--tables", str(tables or Path(out) / "tables"), *chosen]
        name = " ".join(["fliesstext", *chosen])
        return measure(name, n, [sys.executable, "-m", "flows.cli", "run", source, *options])


def list_files(folder: Path) -> float:
    """CPU seconds of asking the system for name, size and time of every file below a folder."""
    since, left = time.process_time(), [folder]
    while left:
        with os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    left.append(Path(entry))
                else:
                    entry.stat()
    return time.process_time() - since


def runs_after_another(source: Path, n: int, engine: str) -> Iterator[tuple[str, str]]:
    """Measure the runs one after the other; gives what was done and what it took. Changes the documents."""
    with tempfile.TemporaryDirectory() as scratch:
        alone, tables = Path(scratch) / "alone", Path(scratch) / "tables"
        alone.mkdir()
        text = next(source.rglob("*.txt")).read_text(encoding="utf-8")
        (alone / "one.txt").write_text(text, encoding="utf-8")
        single = run_ours(engine, alone, 1, None, Path(scratch) / "of one")
        idle = run_ours(engine, alone, 1, None, Path(scratch) / "of one")
        one = run_ours(engine, source, n, 1)
        yield f"{n} new documents, {engine}, one worker process", told(one)
        two = run_ours(engine, source, n, 2, tables)
        yield f"{n} new documents, {engine}, two", f"{told(two)}; {one.wall_s / two.wall_s:.2f} times as fast"
        nothing = run_ours(engine, source, n, None, tables)
        yield "nothing to do", told(nothing)
        listing = list_files(source)
        beyond = f"{nothing.all_s - idle.all_s:.2f} CPU s against {listing:.2f} of listing the files"
        yield "nothing to do, beyond one document", f"{beyond}: {(nothing.all_s - idle.all_s) / listing:.1f} times"
        for file in sorted(source.rglob("*.txt"))[::ONE_IN]:
            file.write_text(file.read_text(encoding="utf-8") + "\nNachtrag der Redaktion.\n", encoding="utf-8")
        changed = run_ours(engine, source, n, None, tables)
        yield f"one in {ONE_IN} changed", told(changed)
        beyond = (changed.cpu_s - single.cpu_s) / two.cpu_s
        yield f"one in {ONE_IN} changed, beyond one document", f"{beyond:.1%} of the CPU seconds of the first run"
        (alone / "shown.txt").write_text((text * 2)[:SHOWN], encoding="utf-8")
        command = [sys.executable, "-m", "flows.cli", "show", alone / "shown.txt", "--engine", engine]
        shown = [measure("show", 1, command) for _ in range(5)]
        clock, cpu_s = (median(times) for times in ([one.wall_s for one in shown], [one.all_s for one in shown]))
        yield f"a file of {SHOWN // 1000} KB shown, median of five", f"{clock:.2f} s by the clock, {cpu_s:.2f} CPU s"


def told(figure: Figure) -> str:
    """What a run took, in words."""
    return f"{figure.wall_s:.1f} s by the clock, {figure.cpu_s:.1f} CPU s, {figure.peak_mb:.0f} MB"


def main() -> None:
    """Measure, and print a line for each run as soon as it has ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = os.environ.get("FLIESSTEXT_DEVSETS")
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--engine", default="fast", help="engine that finds names (default: fast)")
    parser.add_argument("--devsets", type=Path, default=Path(given) if given else None)
    chosen = parser.parse_args()
    sentences, origin = gather_sentences(chosen.devsets)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "articles"
        print(f"sentences from {origin}, each {write_documents(source, sentences, chosen.documents):.1f} times")
        for what, figure in runs_after_another(source, chosen.documents, chosen.engine):
            print(f"| {what} | {figure} |", flush=True)


if __name__ == "__main__":
    main()
