"""A command that is stopped in the middle of its work, by Ctrl-C or by a signal, ends quietly and leaves nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.tables.store.folder import writing
from tests.faults.harness import article
from tests.flows.server import processes_with

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]

COMMAND = Path(sys.executable).with_name("fliesstext")
SECONDS = 240
STOPPED = "fliesstext: stopped; the published tables are as they were, the next run starts anew\n"


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM"])
def test_a_command_that_is_stopped_at_work(way: str, tmp_path: Path) -> None:
    press, tables, home = tmp_path / "press", tmp_path / "tables", tmp_path / "home"
    press.mkdir()
    (tmp_path / "temporary").mkdir()
    for number in range(400):
        (press / f"{number:03}.txt").write_text("\n\n".join(article(number * 50 + i) for i in range(50)), "utf-8")
    # The environment of a person: none of the tests', no server.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(home), "TMPDIR": str(tmp_path / "temporary")}
    command = [str(COMMAND), "run", str(press), "--tables", str(tables), "--workers", "2", "--batch-size", "20"]
    with (tmp_path / "said").open("w") as said:
        # A session of its own, as in a terminal: Ctrl-C there meets all its processes.
        run = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
    try:
        end = time.monotonic() + SECONDS
        while not list(tables.glob("work/*/batches/*/annotated")):
            assert run.poll() is None, (tmp_path / "said").read_text()
            assert time.monotonic() < end, "nothing was annotated"
            time.sleep(0.1)
        assert len(processes_with(f"PREFECT_HOME={home}")) > 3, "the command, its workers"
        if way == "Ctrl-C":
            os.killpg(run.pid, signal.SIGINT)
        else:
            run.send_signal(signal.SIGTERM)
        since = time.monotonic()
        code = run.wait(SECONDS)
        assert code == 1
        assert (tmp_path / "said").read_text(encoding="utf-8") == STOPPED
        assert time.monotonic() - since < 60
        # Python's own tracker of shared resources ends a moment after the last process that held its pipe.
        while (left := processes_with(f"PREFECT_HOME={home}")) and time.monotonic() - since < 60:
            time.sleep(0.1)
        assert left == []
        assert list((tmp_path / "temporary").glob("fliesstext*")) == []
        # The database of a server that the user may run is no business of a run that knows of none.
        assert not (home / "prefect.db").exists()
        assert not (tables / "CURRENT.json").exists()
        assert not (tables / "work").exists()
        with writing(tables, "20240501T120000Z-abc123", 0.0) as last_died:
            assert not last_died
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait(60)
