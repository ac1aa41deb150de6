"""A process that rewrites every file and publishes, again and again, until its standard input is closed."""

import sys
import threading
from pathlib import Path

from tests.faults.harness import article, fast_gate, run_here

N_FILES = 5


def edition(folder: Path, number: int) -> None:
    for i in range(N_FILES):
        text = f"{article(i)}\n\nDies ist die Ausgabe {number:06}, wie Frau Anna Schmidt in Berlin gestern sagte.\n"
        (folder / f"{i}.txt").write_text(text, encoding="utf-8")


def main() -> None:
    folder, tables = Path(sys.argv[1]), sys.argv[2]
    told_to_stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), told_to_stop.set()), daemon=True).start()
    number = 0
    with fast_gate():
        while not told_to_stop.is_set():
            edition(folder, number)
            # A reader that the machine holds up keeps its snapshot for as many runs and no longer; one takes a second.
            run_here([folder], tables, keep_snapshots=8)
            number += 1
            print(number, flush=True)


if __name__ == "__main__":
    main()
