"""Measure whole runs of the command line: a first run over many documents, a run with nothing to do, one edit.

    python tests/benchmarks/run.py [--documents 5000] [--engine NAME]

Documents of about 3 KB are put together from the paragraphs of the goldens, half of them hard-wrapped, always the
same ones. Printed are wall seconds, CPU seconds of all processes, and the peak resident memory of the main process
and of the largest worker.
"""

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHARS = 3_000
END = re.compile(r"(?<=[a-zß]{3})\. ")


def write_documents(folder: Path, n: int) -> None:
    """Write ``n`` files below ``folder``, 500 to a sub folder; the same ones each time."""
    paragraphs = [
        block["text"]
        for file in sorted((ROOT / "tests" / "golden").rglob("*.json"))
        for block in json.loads(file.read_text(encoding="utf-8")).get("blocks", [])
        if block["kind"] == "paragraph" and len(block["text"]) > 200
    ]
    for number in range(n):
        chooser = random.Random(number)
        text: list[str] = []
        while sum(map(len, text)) < CHARS:
            # A number in every sentence: the same sentence twice would be looked at once only.
            text.append(END.sub(lambda _: f" ({chooser.randrange(10**6)}). ", chooser.choice(paragraphs)))  # noqa: B023
        if number % 2:
            text = [textwrap.fill(paragraph, 65) for paragraph in text]
        file = folder / f"{number // 500:03}" / f"{number:06}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"Meldung Nummer {number}\n\n" + "\n\n".join(text) + "\n", encoding="utf-8")


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
        write_documents(source, chosen.documents)
        run = [str(source), "--tables", str(tables), *extra]
        print(f"{chosen.documents} new documents:", measure(*run))
        print("nothing to do:", measure(*run))
        edited = source / "000" / "000001.txt"
        edited.write_text(edited.read_text(encoding="utf-8") + "\nNachtrag der Redaktion.\n", encoding="utf-8")
        print("one file edited:", measure(*run))


if __name__ == "__main__":
    main()
