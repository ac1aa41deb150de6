"""A process that lends its children to be killed: it imports and warms up once, then forks for every run it is told
to make.

Each line on standard input is a job as JSON: sources, tables, and ``at`` (end at that write) or ``after`` (end
after so many seconds), else the run goes through. Each answer line is the signal that ended the child, or minus
its exit code.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from stages.extract_entities.names import extract_names
from stages.extract_entities.values.lexicon import lexicon
from stages.identify_language import identify_languages
from stages.reflow import reflow
from stages.split_sentences import split_sentences
from tests.faults.harness import fast_gate, run_here
from tests.faults.inject import Fault, faults, kill_here


def child(job: dict[str, object]) -> None:
    fault = Fault(Path(str(job["tables"])), int(str(job.get("at", 0))), kill_here)
    if "after" in job:
        threading.Thread(target=_end, args=(float(str(job["after"])),), daemon=True).start()
    with fast_gate(), faults(fault):
        run_here(list(job["sources"]), Path(str(job["tables"])), batch_size=2, engine="fast")  # type: ignore[call-overload]


def _end(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def warm_up() -> None:
    """Load weights and word lists. Nothing here starts the threads of Polars: children would wait for them forever."""
    text = "Frau Anna Schmidt zahlte am 3. März in Berlin 5 Euro."
    reflow(text)
    identify_languages([[text]])
    split_sentences(text, "de")
    lexicon("de")
    extract_names([[(text, "de", "paragraph")]], "fast")
    threads = {file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")}
    assert "polars-0" not in threads, "warming up has started the threads of Polars: children would hang"


def main() -> None:
    warm_up()
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                child(json.loads(line))
            except BaseException as error:
                print(type(error).__name__, error, file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status), flush=True)


if __name__ == "__main__":
    main()
