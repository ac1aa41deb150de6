"""A Prefect server of a run's own, in a process beside it, that ends with the run, also when that is killed.

It has a folder, a database and settings of its own, so that it touches neither the database of a server that the user
runs nor that of another run: two that migrate one SQLite file break each other. Migrating an empty database takes
seconds, so a migrated one is kept and copied. Nobody can look at it later: logs and events are not even sent.

The run does not load the server, which is hundreds of modules; nor does it need Prefect to begin it.
"""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from flows.execute.memory import loading
from stages.errors import UsageError

_OWN_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # the word for a session of its own on Windows
_BEGIN = "import sys; sys.path[:] = {path!r};from flows.temporary_server import serve; serve({folder!r})"
_LOOKS_EVERY_S = 0.05
_PORT = "port"  # the file, in its folder, in which the server tells it
_OFF = (
    "PREFECT_API_BLOCKS_REGISTER_ON_START",
    "PREFECT_SERVER_ANALYTICS_ENABLED",
    "PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED",
    "PREFECT_SERVER_LOGS_STREAM_OUT_ENABLED",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED",
    "PREFECT_SERVER_UI_ENABLED",
)
"""What the server does without: pages, and what waits for logs and events, as none are sent."""


class TemporaryServer:
    """A server that is begun with `start`, can be used once it is `ready`, and ends with the block it is made for."""

    _process: subprocess.Popen[bytes] | None = None
    _folder: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin the server, which loads for seconds; does not wait for it, and does nothing where it has begun."""
        if self._process is not None:
            return
        self._folder = Path(tempfile.mkdtemp(prefix="fliesstext-server-"))
        migrated = _copy_template(self._folder / "prefect.db")
        # A session of its own: Ctrl-C on a terminal is for the run, which still has to tell the server how it ended.
        apart: dict[str, Any] = {"start_new_session": True, "creationflags": _OWN_GROUP}
        begin = _BEGIN.format(path=sys.path, folder=str(self._folder))
        self._process = subprocess.Popen(
            [sys.executable, "-c", begin], stdin=subprocess.PIPE, env=_environment(self._folder, migrated), **apart
        )

    def ready(self, seconds: float) -> str:
        """Wait until the server answers, and give the address of its API; an empty, migrated database is kept.

        Raises UsageError when it ended, or is not ready after ``seconds``.
        """
        import httpx

        self.start()
        until = time.monotonic() + seconds
        with httpx.Client(verify=False) as client:  # noqa: S501 - nothing is encrypted inside one machine
            while (url := self._url()) is None or not _answers(client, url):
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > until:
                    raise UsageError(
                        f"the temporary Prefect server was not ready within {seconds:.0f} s (its process ended with "
                        f"{self._process.poll()}); run again, or start one that stays and name it in PREFECT_API_URL"
                    )
                time.sleep(_LOOKS_EVERY_S)
        if not _template().exists():
            # A home that cannot be written to costs the next run some seconds, no more.
            with suppress(OSError, sqlite3.Error):
                _keep(self._folder / "prefect.db", _template())
        return url

    def _url(self) -> str | None:
        """The address of its API; None until it has told its port."""
        told = self._folder / _PORT
        return f"http://127.0.0.1:{told.read_text()}/api" if told.exists() else None

    def stop(self) -> None:
        """End the server and remove its database."""
        if self._process is None:
            return
        self._process.communicate()  # closes what it reads
        shutil.rmtree(self._folder, ignore_errors=True)
        self._process = None


def _answers(client: Any, url: str) -> bool:
    import httpx

    try:
        return bool(client.get(f"{url}/health").status_code == httpx.codes.OK)
    except httpx.HTTPError:
        return False


def _environment(folder: Path, migrated: bool) -> dict[str, str]:
    """The environment of the server: none of the settings that the user made for a server of their own."""
    off = (*_OFF, "PREFECT_SERVER_DATABASE_MIGRATE_ON_START") if migrated else _OFF
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
        **dict.fromkeys(off, "false"),
        # A library of the server would rewrite the code of its modules, to look at types, each time they are loaded.
        "PY_KEY_VALUE_DISABLE_BEARTYPE": "true",
        # What Prefect sets for its own temporary server.
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
    }


def _template() -> Path:
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    return home / "fliesstext" / f"empty-{version('prefect')}.db"


def _copy_template(database: Path) -> bool:
    """Copy the kept database, where there is one; one that the machine tore when it failed goes, and is made anew."""
    if not _template().exists():
        return False
    shutil.copyfile(_template(), database)
    with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as copied:
        if copied.execute("SELECT version_num FROM alembic_version").fetchone():
            return True
    database.unlink()
    _template().unlink(missing_ok=True)
    return False


def _keep(database: Path, template: Path) -> None:
    """Copy a database that may be in use; the copy is there whole or not at all."""
    template.parent.mkdir(parents=True, exist_ok=True)
    half = template.with_suffix(f".{os.getpid()}")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(half)) as target:
        source.backup(target)
    half.replace(template)


def serve(folder: str) -> None:
    """Be the server, until the run closes the pipe on standard input or dies, by whatever means."""
    threading.Thread(target=_end_with_the_run, args=(folder,), daemon=True).start()
    with loading():
        import uvicorn
        from prefect.server.api.server import create_app

        app = create_app()
    # It takes a port and tells it: one that the run had looked for could be another's by now.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _tell_port(Path(folder), listening.getsockname()[1])
        uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on")).run(sockets=[listening])


def _tell_port(folder: Path, port: int) -> None:
    half = folder / f"{_PORT}.new"
    half.write_text(str(port))
    half.replace(folder / _PORT)


def _end_with_the_run(folder: str) -> None:
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # there is nothing to bring to an end in a database that is gone
