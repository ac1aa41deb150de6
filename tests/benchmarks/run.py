"""Measure whole runs of the command line: a first run over many documents, a run with nothing to do, one edit.

    python tests/benchmarks/run.py [--documents 5000] [--engine NAME]

The documents are those of `corpora`, from the sentences of the development sets where the environment variable
FLIESSTEXT_DEVSETS names them, else from our own. Printed are wall seconds, CPU seconds of all processes, and the peak
resident memory of the main process and of the largest worker.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.corpora import ROOT, gather_sentences, write_documents


def measure(*arguments: str) -> dict[str, float]:
    """Run the command line once; CPU and memory are those of it and all its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    since = time.perf_counter()
    command = [sys.executable, "-m", "flows.cli", "run", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(done.stdout)
    return {
        "wall_s": time.perf_counter() - since,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        # Linux counts in kilobytes; the figure is that of the largest single process so far.
        "peak_mb": after.ru_maxrss / 1024,
    }


def main() -> None:
    """Run the three measurements and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--engine", help="engine that finds names")
    chosen = parser.parse_args()
    extra = ["--engine", chosen.engine] if chosen.engine else []
    with tempfile.TemporaryDirectory() as scratch:
        source, tables = Path(scratch) / "articles", Path(scratch) / "tables"
        sentences, origin = gather_sentences(
            Path(devsets) if (devsets := os.environ.get("FLIESSTEXT_DEVSETS")) else None
        )
        print(f"sentences from {origin}, each {write_documents(source, sentences, chosen.documents):.1f} times")
        run = [str(source), "--tables", str(tables), *extra]
        print(f"{chosen.documents} new documents:", measure(*run))
        print("nothing to do:", measure(*run))
        edited = source / "000" / "000001.txt"
        edited.write_text(edited.read_text(encoding="utf-8") + "\nNachtrag der Redaktion.\n", encoding="utf-8")
        print("one file edited:", measure(*run))


if __name__ == "__main__":
    main()
