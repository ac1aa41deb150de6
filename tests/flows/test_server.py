"""Commands and a Prefect server that is only just starting, in a home that nobody has used before."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.server import wait_for_server
from stages.errors import UsageError
from tests.faults.harness import article, assert_whole

pytestmark = pytest.mark.integration

COMMANDS = Path(sys.executable).parent
SECONDS = 300


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a person with a fresh home and a port of their own, who has not said where the server is."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return environment | {
        "PREFECT_HOME": str(tmp_path / "home"),
        "PREFECT_SERVER_API_PORT": str(free_port()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
    }


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """`prefect server start`, begun one second ago; gives the file of what it says."""
    said = tmp_path / "server.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            [str(COMMANDS / "prefect"), "server", "start"], env=environment, stdout=log, stderr=log
        )
    try:
        time.sleep(1)
        yield said
        assert process.poll() is None, said.read_text()
    finally:
        process.terminate()
        process.wait(60)


def test_runs_that_begin_a_second_after_the_server_hurt_nobody(
    environment: dict[str, str], server: Path, tmp_path: Path
) -> None:
    """One that was not told of the server keeps away from its database, one that was waits for it."""
    api = f"http://127.0.0.1:{environment['PREFECT_SERVER_API_PORT']}/api"
    told = environment | {"PREFECT_API_URL": api}
    runs = {}
    for name, known in (("untold", environment), ("told", told)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "eins.txt").write_text(article(1), encoding="utf-8")
        command = [str(COMMANDS / "fliesstext"), "run", str(tmp_path / name), "--tables", str(tmp_path / f"{name}-out")]
        runs[name] = subprocess.Popen([*command, "--engine", "fast"], env=known, stdout=-1, stderr=-1, text=True)
    try:
        said = {name: run.communicate(timeout=SECONDS) for name, run in runs.items()}
    finally:
        for run in runs.values():
            run.kill()
    for name, run in runs.items():
        assert run.returncode == 0, said[name]
        assert_whole(tmp_path / f"{name}-out")
    assert f"waiting up to 120 s for the Prefect server at {api}" in said["told"][1]
    count = [str(COMMANDS / "prefect"), "flow-run", "ls", "--output", "json"]
    listed = subprocess.run(count, env=told, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    assert "told: 1 new" in listed
    assert "untold" not in listed
    for trouble in ("Online migration expected", "Traceback", "database is locked"):
        assert trouble not in server.read_text(encoding="utf-8", errors="replace")


def test_a_run_whose_server_goes_away_publishes_and_says_so(environment: dict[str, str], tmp_path: Path) -> None:
    api = f"http://127.0.0.1:{environment['PREFECT_SERVER_API_PORT']}/api"
    told, out = environment | {"PREFECT_API_URL": api}, tmp_path / "out"
    (tmp_path / "texte").mkdir()
    (tmp_path / "texte" / "eins.txt").write_text(article(1), encoding="utf-8")
    server = subprocess.Popen([str(COMMANDS / "prefect"), "server", "start"], env=environment, stdout=-3, stderr=-3)
    command = [str(COMMANDS / "fliesstext"), "run", str(tmp_path / "texte"), "--tables", str(out), "--engine", "none"]
    run = subprocess.Popen(command, env=told, stdout=-1, stderr=-1, text=True)
    try:
        until = time.monotonic() + SECONDS
        while not any(out.glob("work/*")) and run.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        server.kill()
        server.wait(60)
        said = run.communicate(timeout=SECONDS)
    finally:
        server.kill()
        run.kill()
    assert run.returncode == 0, said
    assert "1 sources = 1 written" in said[0]
    assert "does not know how this run ended; the tables do" in said[1]
    assert "Traceback" not in said[1]
    assert_whole(out)


def test_a_server_that_nobody_named_is_named(environment: dict[str, str], server: Path, tmp_path: Path) -> None:
    api = f"http://127.0.0.1:{environment['PREFECT_SERVER_API_PORT']}/api"
    status = [str(COMMANDS / "prefect"), "server", "status", "--wait", "--timeout", str(SECONDS)]
    subprocess.run(status, env=environment | {"PREFECT_API_URL": api}, check=True, timeout=SECONDS, stdout=-1)
    refused = subprocess.run(
        [str(COMMANDS / "fliesstext"), "serve", str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert refused.returncode == 2
    assert f"one answers at {api}" in refused.stderr
    assert f"prefect config set PREFECT_API_URL={api}" in refused.stderr
    assert server.exists()


def test_a_server_that_never_comes_is_told() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    url, said = f"http://127.0.0.1:{free_port()}/api", list[str]()
    with temporary_settings({PREFECT_API_URL: url}), pytest.raises(UsageError, match="no Prefect server is ready at"):
        wait_for_server(said.append, 2)
    assert said == [f"waiting up to 2 s for the Prefect server at {url}"]
