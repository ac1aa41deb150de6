"""Which Prefect server keeps the runs: found out without Prefect, which takes a second to load."""

import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

_LOCAL, _PORT = "127.0.0.1", "4200"
_SAID_IN = {".env": ("prefect_api_url",), "prefect.toml": ("[",), "pyproject.toml": ("[tool.prefect",)}
"""Files of the working folder that Prefect takes settings from, with words of which one stands in such a setting."""


def server_named() -> bool:
    """Tell whether a Prefect server keeps the runs, so that one with nothing to do belongs there too.

    True also where one may be named: by a profile that is not in use, by a file with other settings of Prefect.
    `flows.server.is_named` knows it for sure.
    """
    if os.environ.get("PREFECT_API_URL") or os.environ.get("PREFECT_PROFILE"):
        return True
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml")
    places = {profiles: ("prefect_api_url",)} | {Path(name): words for name, words in _SAID_IN.items()}
    return any(_holds(file, words) for file, words in places.items())


def _holds(file: Path, words: tuple[str, ...]) -> bool:
    with suppress(OSError, UnicodeDecodeError):
        text = file.read_text(encoding="utf-8").lower()
        return any(word in text for word in words)
    return False


def tell_of_unnamed(say: Callable[[str], object]) -> None:
    """Say how to name the server that answers where a server of this machine usually does; it is left alone."""
    url = usual_address(os.environ.get("PREFECT_SERVER_API_HOST"), os.environ.get("PREFECT_SERVER_API_PORT"))
    if answers(url):
        say(f"a Prefect server answers at {url}; to see runs there: prefect config set PREFECT_API_URL={url}")


def usual_address(host: str | None, port: str | int | None) -> str:
    """The address of the API of a server on this machine; ``host`` may be all addresses that it listens to."""
    return f"http://{_LOCAL if host in (None, '', '0.0.0.0') else host}:{port or _PORT}/api"  # noqa: S104


def answers(url: str) -> bool:
    """Tell whether a Prefect server answers there within two seconds."""
    from http import HTTPStatus
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit

    try:
        asked = urlsplit(url)
        with closing(HTTPConnection(asked.hostname or _LOCAL, asked.port, timeout=2)) as line:  # by no proxy
            line.request("GET", f"{asked.path}/health")
            return line.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException, ValueError):  # a port that is no number, too
        return False
