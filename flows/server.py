"""The Prefect server that a command works with: the one that PREFECT_API_URL names, and no other behind one's back."""

import time
from collections.abc import Callable

from prefect import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_API_HOST, PREFECT_SERVER_API_PORT

from flows.named_server import answers, usual_address
from stages.errors import UsageError

_SECONDS = 120.0
"""How long a server that is just starting may take: its first start migrates a database."""


def is_named() -> bool:
    """Tell whether PREFECT_API_URL names a server, in the environment or in the profile that is in use."""
    return bool(PREFECT_API_URL.value())


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
    if is_named():
        return wait_for_server(say)
    url = usual_address(PREFECT_SERVER_API_HOST.value(), PREFECT_SERVER_API_PORT.value())
    start = "start one with `prefect server start` in another terminal;"
    first = f"one answers at {url}, but" if answers(url) else start
    raise UsageError(
        f"deployments need a Prefect server: {first} this and every other command has to be told where it is: "
        f"prefect config set PREFECT_API_URL={url}"
    )
