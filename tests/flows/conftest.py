"""One temporary Prefect server for all flow tests, and the samples published once."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

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
