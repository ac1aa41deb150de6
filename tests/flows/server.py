"""A Prefect server as the README sets it up, and people who type commands at it."""

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from stages.tables.store.folder import writing
from tests.faults.harness import article

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPE = dict(re.findall(r"<!-- recipe: (\w+) -->\n```sh\n(.*?)```", README, re.DOTALL))
SECONDS = 240
OVER = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")


class Client(NamedTuple):
    """A person at a terminal: the environment of their commands, the folder they stand in, and the server's API."""

    environment: dict[str, str]
    folder: Path
    api: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=SECONDS
        )

    def type(self, line: str) -> None:
        done = self.run("bash", "-euc", line)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, line: str, said: Path) -> subprocess.Popen[bytes]:
        with said.open("ab") as log:
            return subprocess.Popen(
                ["bash", "-euc", f"exec {line}"], cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )

    def ask(self, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode()
        query = urllib.request.Request(self.api + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(query, timeout=60) as answer:
            return json.load(answer)

    def deployments(self) -> dict[str, dict[str, Any]]:
        return {found["name"]: found for found in self.ask("/deployments/filter")}

    def trigger(self, name: str, *options: str) -> str:
        """Start a run of a deployment; returns its id."""
        done = self.run("prefect", "deployment", "run", f"refresh/{name}", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        run_id = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", done.stdout)
        assert run_id, done.stdout
        return run_id[0]

    def flow_run(self, run_id: str) -> dict[str, Any]:
        (found,) = self.ask("/flow_runs/filter", flow_runs={"id": {"any_": [run_id]}})
        return found

    def runs(self, deployment: str, sort: str) -> list[dict[str, Any]]:
        """The runs of a deployment on the tables of this folder; others use the server too."""
        found = self.ask("/flow_runs/filter", deployments={"name": {"any_": [deployment]}}, sort=sort)
        return [run for run in found if run["parameters"]["tables"] == str(self.folder / "out")]

    def ended(self, run_id: str) -> dict[str, Any]:
        wait_for(f"the end of run {run_id}", lambda: self.flow_run(run_id)["state_type"] in OVER)
        return self.flow_run(run_id)

    def log(self, run_id: str) -> str:
        lines = self.ask("/logs/filter", logs={"flow_run_id": {"any_": [run_id]}}, sort="TIMESTAMP_ASC")
        return "\n".join(line["message"] for line in lines)

    def current(self) -> dict[str, Any]:
        return json.loads((self.folder / "out" / "CURRENT.json").read_text(encoding="utf-8"))


def wait_for(what: str, ready: Callable[[], object], process: subprocess.Popen[bytes] | None = None) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        assert process is None or process.poll() is None, f"{what}: the process ended with {process.returncode}"
        if ready():
            return
        time.sleep(0.5)
    raise AssertionError(f"{what}: not after {SECONDS} s")


def processes_with(variable: str) -> list[str]:
    """The command lines of all processes that have ``NAME=VALUE`` in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return [command for command in found if command]


def start_long_work(client: Client, deployment: str) -> str:
    """Trigger a run that is busy for minutes, with two worker processes; returns its id when both have begun."""
    folder = client.folder / "long"
    if not folder.exists():
        folder.mkdir()
        for number in range(400):
            text = "\n\n".join(article(number * 50 + i) for i in range(50))
            (folder / f"{number:03}.txt").write_text(text, encoding="utf-8")
    options = (f'sources=["{folder}"]', f"tables={client.folder / 'out'}", "workers=2", "batch_size=20")
    run_id = client.trigger(deployment, *(part for option in options for part in ("-p", option)))
    begun = client.folder / "out" / "work"
    wait_for("annotating", lambda: len([*begun.glob("*/batches/*/texts.parquet")]) > 3)
    return run_id


def assert_cancelled(client: Client, run_id: str, said: Path) -> None:
    """A run that was told to stop, in whatever way, is gone without a trace, and so are its processes."""
    cancelled = client.ended(run_id)
    assert (cancelled["state_type"], cancelled["state_name"]) == ("CANCELLED", "Cancelled"), cancelled["state"]
    assert processes_with(f"PREFECT__FLOW_RUN_ID={run_id}") == []
    assert not (client.folder / "out" / "work").exists()
    with writing(client.folder / "out", "20240501T120000Z-abc123", 0.0) as last_died:
        assert not last_died
    for told in (client.log(run_id), said.read_text(encoding="utf-8", errors="replace")):
        assert "Traceback" not in told, told
        assert "ERROR" not in told, told
