"""Serve the pages until somebody stops it."""

import secrets
import socket
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import EADDRNOTAVAIL
from pathlib import Path
from threading import Timer

import uvicorn

from flows.browse.app import Options, build_app
from flows.browse.guard import is_loopback
from flows.browse.index import Tell
from flows.browse.shelf import Shelf
from flows.corrections import FILE
from stages.discover.sources import parse_sources
from stages.errors import UsageError

_SECONDS_BEFORE_OPENING = 0.7


@dataclass(frozen=True)
class Place:
    """Where the pages are served: address, port (0: any free one), token, and whether a browser is opened."""

    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    opens: bool = True


@dataclass(frozen=True)
class Shown:
    """What is served: tables (a folder, or a URL of an object store), the sources as for a run, whether people may
    correct and in which file, and where the index lies; by default the file lies beside the tables and the index in its
    snapshot, or where tables are on an object store in a temporary folder.
    """

    tables: Path | str
    sources: Sequence[str] = ()
    edit: bool = False
    corrections: Path | str | None = None
    index: Path | None = None


def serve_pages(shown: Shown, place: Place, say: Callable[[str], None], tell: Tell) -> None:
    """Serve the tables until Ctrl-C; says the address first, and tells how far the index is.

    An address that others can reach gets a token where none was given. Raises UsageError where nothing was published,
    a source is not there, or the port is taken.
    """
    token = place.token or (None if is_loopback(place.host) else secrets.token_urlsafe(18))
    hosts = ("127.0.0.1", "localhost", "::1", place.host.strip("[]")) if is_loopback(place.host) else ()
    named = parse_sources(shown.sources) if shown.sources else ()
    shelf = Shelf(shown.tables, shown.index, tell)
    corrections = shown.corrections or f"{shown.tables}/{FILE}"
    app = build_app(shelf, Options(named, corrections, shown.edit, token, hosts))
    config = uvicorn.Config(
        app, host=place.host, port=place.port, log_level="warning", access_log=False, lifespan="off"
    )
    try:
        socket.getaddrinfo(place.host.strip("[]"), place.port)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {place.host}: no such address ({error}); name one of this machine") from error
    try:
        listening = config.bind_socket()
    except SystemExit as error:  # uvicorn ends the process where it cannot bind
        if getattr(error.__context__, "errno", None) == EADDRNOTAVAIL:
            raise UsageError(f"--host {place.host}: not an address of this machine; name one that is") from error
        raise UsageError(f"--port {place.port}: taken, or not allowed here; choose another, or 0 for any") from error
    listening.listen()  # who reads the address may come at once
    port = listening.getsockname()[1]
    host = f"[{place.host}]" if ":" in place.host else place.host
    address = f"http://{host}:{port}/" + (f"?token={token}" if token else "")
    say(f"{shown.tables} at {address} (Ctrl-C ends it)")
    if place.opens:
        Timer(_SECONDS_BEFORE_OPENING, webbrowser.open, [address]).start()
    uvicorn.Server(config).run(sockets=[listening])
