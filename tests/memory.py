"""The peak memory of the process that asks."""

import resource
import sys
from pathlib import Path


def peak_mb() -> float:
    """Give the most memory this program has had resident, in megabytes.

    On Linux not ``ru_maxrss``: there a process starts with the peak of the one that started it (`execve` hands it on),
    so that what a test starts would be charged with what the test run itself has taken.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1_000_000 if sys.platform == "darwin" else 1_000)
