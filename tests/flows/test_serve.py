"""The deployments against a real Prefect server on the loopback."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, ready: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, f"{what}: the process ended with {process.returncode}"
        if ready():
            return
        time.sleep(0.5)
    raise AssertionError(f"{what} was not ready after {seconds} s")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a client of a Prefect server of its own."""
    port = free_port()
    environment = os.environ | {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
    }
    for name in ("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "PREFECT_PROFILES_PATH"):
        environment.pop(name, None)
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def healthy() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        wait_for("the Prefect server", healthy, server)
        yield environment
    finally:
        server.terminate()
        server.wait(30)


def prefect(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], env=environment, capture_output=True, text=True, timeout=300
    )


def test_both_deployments_are_served_and_parameters_are_checked(environment: dict[str, str], tmp_path: Path) -> None:
    press, tables = tmp_path / "press", tmp_path / "tables"
    press.mkdir()
    (press / "eins.txt").write_text("Der Stadtrat von Lindau tagte am Montag.\n", encoding="utf-8")
    (press / "zwei.txt").write_text("In Bregenz begann am Dienstag die Spielzeit.\n", encoding="utf-8")
    command = [sys.executable, "-m", "flows.cli", "serve", str(press), "--tables", str(tables), "--cron", "0 3 1 1 *"]
    serving = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:

        def registered() -> bool:
            query = urllib.request.Request(
                environment["PREFECT_API_URL"] + "/deployments/filter", b"{}", {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(query, timeout=10) as answer:
                return {"nightly", "ad-hoc"} <= {deployment["name"] for deployment in json.load(answer)}

        wait_for("fliesstext serve", registered, serving)

        refused = prefect(environment, "deployment", "run", "refresh/ad-hoc", "-p", 'settings={"batch_size": 0}')
        assert refused.returncode != 0
        assert "batch_size" in refused.stdout + refused.stderr
        assert not tables.exists()

        only_one = json.dumps([str(press / "eins.txt")])
        done = prefect(environment, "deployment", "run", "refresh/ad-hoc", "-p", f"sources={only_one}", "--watch")
        assert done.returncode == 0, done.stdout + done.stderr
        current = json.loads((tables / "CURRENT.json").read_text(encoding="utf-8"))
        assert current["tables"]["documents"]["rows"] == 1

        nightly = prefect(environment, "deployment", "run", "refresh/nightly", "--watch")
        assert nightly.returncode == 0, nightly.stdout + nightly.stderr
        current = json.loads((tables / "CURRENT.json").read_text(encoding="utf-8"))
        assert current["tables"]["documents"]["rows"] == 2
    finally:
        serving.terminate()
        serving.wait(30)


def test_prefect_yaml_describes_the_same_deployments() -> None:
    from flows.refresh import refresh

    described = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert [deployment["name"] for deployment in described] == ["nightly", "ad-hoc"]
    for deployment in described:
        assert deployment["entrypoint"] == "flows/refresh.py:refresh"
        assert deployment["concurrency_limit"] == 1
        refresh.validate_parameters(deployment["parameters"])
    assert described[0]["schedules"][0]["cron"] == "0 2 * * *"
