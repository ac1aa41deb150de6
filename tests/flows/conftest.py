"""One temporary Prefect server for all flow tests, and the samples published once."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.server import RECIPE, Client

ROOT = Path(__file__).parents[2]
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def published(
    prefect_server: None,  # noqa: ARG001 - the server has to be there before the first run
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The tables of the shipped samples; read only."""
    from flows.refresh import refresh

    tables = tmp_path_factory.mktemp("published")
    refresh([str(ROOT / "data" / "samples")], str(tables))
    return tables


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The server of the README, started by its lines but for the last, which serves."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Nothing of a server of somebody else's, and the commands of this environment first.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        # `serve` and workers ask for runs each second, not each ten.
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        # A server that cannot write its log dies of the first line.
        "PREFECT_SERVER_LOGGING_LEVEL": "INFO",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
    }
    client = Client(environment, home, f"http://127.0.0.1:{port}/api")
    *set_up, _ = RECIPE["server"].strip().splitlines()
    try:
        for line in set_up:
            client.type(line)
        yield client
    finally:
        client.type("kill $(cat prefect-server.pid)")


@pytest.fixture(scope="module")
def client(recipe: Client, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Somebody in a folder of their own, with one article, who uses that server."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "articles").mkdir()
    (folder / "articles" / "eins.txt").write_text("Der Stadtrat von Lindau tagte am Montag.\n", encoding="utf-8")
    return recipe._replace(folder=folder)
