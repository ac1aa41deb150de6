"""The long form of the fault tests, with a summary of figures.

Usage: ``python -m tests.faults [--short] [arguments of pytest]``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    short = "--short" in arguments
    rest = [argument for argument in arguments if argument not in ("--short", "--long")]
    with tempfile.TemporaryDirectory() as folder:
        tally = Path(folder, "tally")
        tally.touch()
        environment = os.environ | {"FLIESSTEXT_FAULTS": "" if short else "long", "FLIESSTEXT_FAULTS_TALLY": str(tally)}
        since = time.monotonic()
        command = [sys.executable, "-m", "pytest", str(HERE), *rest]
        code = subprocess.run(command, cwd=HERE.parent.parent, env=environment, check=False).returncode
        seconds = time.monotonic() - since
        lines = [json.loads(line) for line in tally.read_text(encoding="utf-8").splitlines()]
    print(summary(lines))
    print(
        f"{'short' if short else 'long'} form: {'all promises held' if code == 0 else 'FAILED'}, {seconds:,.0f} seconds"
    )
    return code


def summary(lines: list[dict[str, dict[str, int]]]) -> str:
    """One line for each promise with what was tried under it."""
    total: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in lines:
        for promise, counts in line.items():
            for what, n in counts.items():
                total[promise][what] += n
    return "\n".join(
        f"{promise:32} " + ", ".join(f"{n:,} {what}" for what, n in counts.items()) for promise, counts in total.items()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
