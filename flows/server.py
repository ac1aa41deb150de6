"""The Prefect server that a command works with: the one that PREFECT_API_URL names, and no other behind one's back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from prefect import get_client
from prefect.events.clients import NullEventsClient
from prefect.events.worker import EventsWorker
from prefect.settings import (
    PREFECT_API_TLS_INSECURE_SKIP_VERIFY,
    PREFECT_API_URL,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_SERVER_API_HOST,
    PREFECT_SERVER_API_PORT,
    temporary_settings,
)

from flows.temporary_server import TemporaryServer
from stages.errors import UsageError

_SECONDS = 120.0
"""How long a server that is just starting may take: its first start migrates a database."""


def wait_for_server(say: Callable[[str], object], seconds: float = _SECONDS) -> None:
    """Wait until the server that PREFECT_API_URL names is ready; says once that it waits.

    Raises UsageError when it is not ready after ``seconds``.
    """
    until, url, said = time.monotonic() + seconds, PREFECT_API_URL.value(), False
    with get_client(sync_client=True) as client:
        while problem := client.api_healthcheck():
            if time.monotonic() > until:
                raise UsageError(
                    f"no Prefect server is ready at {url} ({problem}); start it with `prefect server "
                    "start`, correct PREFECT_API_URL, or take it away to run without a server"
                )
            if not said:
                say(f"waiting up to {seconds:.0f} s for the Prefect server at {url}")
                said = True
            time.sleep(0.5)


def require_server(say: Callable[[str], object]) -> None:
    """Make sure that PREFECT_API_URL names a server that is ready, as deployments need one that stays.

    Raises UsageError that says what to type.
    """
    if PREFECT_API_URL.value():
        return wait_for_server(say)
    url = _usual_address()
    start = "start one with `prefect server start` in another terminal;"
    first = f"one answers at {url}, but" if _answers(url) else start
    raise UsageError(
        f"deployments need a Prefect server: {first} this and every other command has to be told where it is: "
        f"prefect config set PREFECT_API_URL={url}"
    )


@contextmanager
def find_server(say: Callable[[str], object], temporary: TemporaryServer) -> Iterator[None]:
    """Wait for the server that PREFECT_API_URL names; where it names none, the ``temporary`` one is that of the block.

    A server that answers on this machine, but is not named, is left alone; says how to name it.
    """
    if PREFECT_API_URL.value():
        temporary.stop()
        wait_for_server(say)
        yield
        return
    url = _usual_address()
    if _answers(url):
        say(f"a Prefect server answers at {url}; to see runs there: prefect config set PREFECT_API_URL={url}")
    told = {
        PREFECT_API_URL: temporary.ready(_SECONDS),
        PREFECT_API_TLS_INSECURE_SKIP_VERIFY: True,  # else each client reads the certificates of the world
        PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    EventsWorker.set_client_override(NullEventsClient)
    try:
        with temporary_settings(told):
            yield
    finally:
        EventsWorker.set_client_override(None)


def _usual_address() -> str:
    host = PREFECT_SERVER_API_HOST.value()
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{PREFECT_SERVER_API_PORT.value()}/api"  # noqa: S104


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
