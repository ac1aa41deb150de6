"""The fault tests in their long form, module by module, with a summary of figures.

    python -m tests.faults [--short] [--jobs N] [arguments of pytest]

Modules run in processes of their own, ``--jobs`` of them side by side (default: 2), so that one that dies takes no
other with it. Exit code 0: all promises held.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
FIRST = (
    "test_crashes.py",
    "test_incremental.py",
    "test_hostile.py",
    "test_real_words.py",
    "test_fuzz.py",
    "test_linear.py",
)
"""The longest, so that none of them is left alone at the end."""
NOTHING_CHOSEN = 5  # what pytest says when -k leaves nothing of a module
FIGURES = {
    "kills survived": ("kills", "kills at a step", "kills at random moments", "killed command lines"),
    "system calls failed": ("failed calls",),
    "sequences": ("sequences",),
    "inputs tried": ("inputs through read and reflow", "archives", "inputs through the whole chain", "kinds of files"),
    "real sentences": ("sentences through values and splitting", "sentences through the whole chain"),
    "articles of real sentences": ("articles through the whole chain",),
}


class Done(NamedTuple):
    """How a module ended."""

    module: str
    code: int
    seconds: float
    output: str


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="what every run of the tests does")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="modules side by side (default: 2)")
    chosen, rest = parser.parse_known_args(arguments)
    since = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        ended = list(run_modules(Path(folder), rest, chosen.short, chosen.jobs))
        tallies = [file.read_text(encoding="utf-8") for file in sorted(Path(folder).iterdir())]
    lines = [json.loads(line) for tally in tallies for line in tally.splitlines()]
    failed = sorted(done.module for done in ended if done.code not in (0, NOTHING_CHOSEN))
    print("\n" + summary(lines))
    said = f"FAILED in {', '.join(failed)}" if failed else "all promises held"
    print(f"{'short' if chosen.short else 'long'} form: {said}, {time.monotonic() - since:,.0f} seconds")
    return 1 if failed or not any(done.code == 0 for done in ended) else 0


def run_modules(tallies: Path, rest: Sequence[str], short: bool, jobs: int) -> Iterable[Done]:
    """Run the modules side by side; each is printed when it is done, with what pytest said where it failed."""
    others = sorted({path.name for path in HERE.glob("test_*.py")}.difference(FIRST))

    def run(module: str) -> Done:
        variables = {"FLIESSTEXT_FAULTS": "" if short else "long", "FLIESSTEXT_FAULTS_TALLY": str(tallies / module)}
        command = [sys.executable, "-m", "pytest", str(HERE / module), "-p", "no:cacheprovider", *rest]
        since = time.monotonic()
        done = subprocess.run(
            command, cwd=HERE.parent.parent, env=os.environ | variables, capture_output=True, text=True, check=False
        )
        return Done(module, done.returncode, time.monotonic() - since, done.stdout + done.stderr)

    with ThreadPoolExecutor(jobs) as threads:
        for future in as_completed([threads.submit(run, module) for module in (*FIRST, *others)]):
            done = future.result()
            said = done.output.strip().rpartition("\n")[2] if done.code in (0, NOTHING_CHOSEN) else done.output
            print(f"{done.module:24} {done.seconds:7,.0f} s  {said}", flush=True)
            yield done


def summary(lines: Iterable[dict[str, dict[str, int]]]) -> str:
    """One line for each promise with what was tried under it, and the figures that sum them up."""
    total: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in lines:
        for promise, counts in line.items():
            for what, n in counts.items():
                total[promise][what] += n
    told = [
        f"{promise:32} " + ", ".join(f"{n:,} {what}" for what, n in counts.items()) for promise, counts in total.items()
    ]
    sums = {
        figure: sum(counts.get(what, 0) for counts in total.values() for what in parts)
        for figure, parts in FIGURES.items()
    }
    return "\n".join([*told, ", ".join(f"{n:,} {figure}" for figure, n in sums.items())])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
