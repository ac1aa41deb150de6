"""Growth: what the steps of a run cost by the size of the corpus, in CPU seconds and peak memory.

    python tests/benchmarks/growth.py                      # 50,000 documents; then 1,000 changed; then nothing changed
    python tests/benchmarks/growth.py --documents 200000   # minutes; --engine fast, --changed 1000, --keep DIR
    python tests/benchmarks/growth.py --workers 2          # batches in worker processes

Documents of one sentence each, no Prefect, each run in a process of its own. What grows in the second and third run
is what a nightly run pays for the corpus instead of for what is new. CPU seconds are those of all processes, the peak
is that of the process of the run; the largest worker is named below.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parent.parent.parent
_A_FOLDER = 1_000
STEPS = ("discover", "process", "account", "link", "find_duplicates", "assemble", "judge", "publish", "report")
_OF_RUN = ("process", "account", "report")


def text(number: int, edition: int = 0) -> str:
    """A document of one sentence; another edition says something else."""
    named = f"{_FIRST[number % 40]} {_LAST[number // 40 % 50]}{_ENDS[number // 2_000 % 60]}"
    return f"{named} fand am {1 + number % 28}. Mai {number} Fehler, davon {edition} neue.\n"


_FIRST = [
    a + b for a in ("An", "Ber", "Cla", "Do", "El", "Fran", "Ger", "Hei") for b in ("na", "tha", "ra", "ris", "ke")
]
_LAST = [
    a + b
    for a in ("Berg", "Feld", "Wald", "Bach", "Stein")
    for b in ["mann", "er", "huber", "ner", "hof", "dorf", "kamp", "au", "ing", "rath"]
]
_ENDS = [
    a + b
    for a in ("", "in", "el", "es", "ow", "ek")
    for b in ("", "s", "ke", "sen", "le", "ti", "ten", "lin", "el", "ner")
]


def write(folder: Path, numbers: range, edition: int = 0) -> None:
    """Write documents, a thousand in a folder."""
    for number in numbers:
        file = folder / f"{number // _A_FOLDER:04}" / f"{number:07}.txt"
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text(number, edition), encoding="utf-8")


# One run, in a process of its own


@contextmanager
def measured(step: str, into: dict[str, dict[str, float]]) -> Iterator[None]:
    """Note the CPU seconds of a step, and the peak memory of the process meanwhile (MB)."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    since = _cpu_seconds()
    yield
    into[step] = {"seconds": _cpu_seconds() - since, "peak": _status("VmHWM")}


def _cpu_seconds() -> float:
    """Those of this process and of all that it started and that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def once(folder: Path, tables: Path, engine: str, workers: int) -> dict[str, dict[str, float]]:
    """One run in this process; gives what each step cost."""
    from flows import run, steps
    from flows.settings import Settings

    into: dict[str, dict[str, float]] = {}

    def watched(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            with measured(step, into):
                return function(*args, **given)

        return call

    with ExitStack() as patched:
        for step, (where, name) in {step: _place(step, run, steps) for step in STEPS}.items():
            patched.enter_context(patch.object(where, name, watched(step, getattr(where, name))))
        settings = Settings(workers=workers, engine=engine, languages=("de",))
        report = run.refresh_tables([f"tiny={folder}"], tables, settings)
    into["written"] = {"seconds": float(report.counts["n_written"]), "peak": 0.0}
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    into["largest worker"] = {"seconds": 0.0, "peak": largest}
    return into


def _place(step: str, run: Any, steps: Any) -> tuple[Any, str]:
    return (run, {"account": "_account", "report": "_report"}.get(step, step)) if step in _OF_RUN else (steps, step)


# All runs


def compare(documents: int, changed: int, how: tuple[str, int], at: Path) -> None:
    """Load, change, and leave alone; prints what each run cost by step as soon as it has ended."""
    folder, tables = at / "tiny", at / "tables"
    engine, workers = how
    told = f"{platform.machine()}, {datetime.now(UTC):%Y-%m-%d}"
    print(f"{documents:,} documents, engine {engine}, {workers} workers; {told}", flush=True)
    write(folder, range(documents))
    loaded = _shown("first load", _elsewhere(folder, tables, how))
    time.sleep(3)  # files as old as the last run are read again
    write(folder, range(0, documents, max(1, documents // changed)), edition=1)
    _shown(f"{changed:,} changed", _elsewhere(folder, tables, how))
    _shown("nothing changed", _elsewhere(folder, tables, how))
    print(f"{1000 * loaded / documents:.2f} CPU ms a document of the first load")


def _shown(run: str, cost: Mapping[str, Mapping[str, float]]) -> float:
    """Print the table of one run, and give its CPU seconds."""
    print(f"\n{run:18}  CPU s   peak MB")
    for step in STEPS:
        print(f"{step:18}{cost[step]['seconds']:7.2f}{cost[step]['peak']:10.0f}" if step in cost else f"{step:18}")
    seconds = sum(cost[step]["seconds"] for step in STEPS if step in cost)
    print(f"{'all':18}{seconds:7.2f}{max(cost[step]['peak'] for step in STEPS if step in cost):10.0f}")
    worker, clock = cost["largest worker"]["peak"], cost["by the clock"]["seconds"]
    print(f"largest worker {worker:.0f} MB; {clock:.0f} seconds by the clock", flush=True)
    return seconds


def _elsewhere(folder: Path, tables: Path, how: tuple[str, int]) -> dict[str, dict[str, float]]:
    engine, workers = how
    options = ["--engine", engine, "--workers", str(workers)]
    command = [sys.executable, __file__, "--once", str(folder), str(tables), *options]
    since = time.monotonic()
    made = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, stdout=-1)
    told: dict[str, dict[str, float]] = json.loads(made.stdout.splitlines()[-1])
    return told | {"by the clock": {"seconds": time.monotonic() - since, "peak": 0.0}}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--changed", type=int, default=1_000)
    parser.add_argument("--engine", default="none")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="an empty folder to work in, that stays")
    parser.add_argument("--once", nargs=2, type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        print(json.dumps(once(*chosen.once, chosen.engine, chosen.workers)))
        return
    with TemporaryDirectory() as made:
        compare(chosen.documents, chosen.changed, (chosen.engine, chosen.workers), chosen.keep or Path(made))


if __name__ == "__main__":
    main()
