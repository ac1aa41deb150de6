"""Prefect's temporary server, private to the run that started it, and made to end with it, also when it is killed.

Without a server of its own a run lets Prefect start one in a process beside it. That one gets a folder, a database and
settings of its own here, so that it touches neither the database of a server that the user runs nor that of another
run: two that migrate one SQLite file break each other. Migrating an empty database takes seconds, so a migrated one is
kept and copied.

Prefect ends its temporary server when Python ends. A run that is killed does not end so. A process that waits for the
end of a pipe notices that in any case.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import prefect
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_HOME

_WATCH = """\
import contextlib, os, shutil, signal, sys, time
if not sys.stdin.readline():
    with contextlib.suppress(OSError):
        os.kill(int(sys.argv[1]), signal.SIGTERM)
        for _ in range(10):
            time.sleep(0.5)
            os.kill(int(sys.argv[1]), 0)
    shutil.rmtree(sys.argv[2], ignore_errors=True)
"""
"""Told that the server has ended, it ends too; when the pipe breaks instead, the run was killed."""
_OWN_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # the word for a session of its own on Windows


class WatchedServer(SubprocessASGIServer):
    """The temporary server with a database of its own and a watch at its side.

    Made once, without a port, it is the one that Prefect gets when it asks its own class for the server to start.
    """

    _watch: subprocess.Popen[bytes] | None = None
    _folder: Path | None = None

    def start(self, timeout: int | None = None) -> None:
        """Start the server and keep its empty, migrated database for the next run; does nothing when it runs."""
        starts = not self.running
        super().start(timeout)
        if starts and self._folder is not None and not _template().exists():
            # A home that cannot be written to costs the next run some seconds, no more.
            with suppress(OSError, sqlite3.Error):
                _keep(self._folder / "prefect.db", _template())

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        self._clear_up()
        self._folder = Path(tempfile.mkdtemp(prefix="fliesstext-server-"))
        if _template().exists():
            shutil.copyfile(_template(), self._folder / "prefect.db")
        program = [sys.executable, "-m", "uvicorn", "--app-dir", str(prefect.__module_path__.parent)]
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "error", "--lifespan", "on"]
        # Sessions of their own: Ctrl-C on a terminal is for the run, which still has to tell the server how it ended;
        # and a signal to the whole group of the run must not end the watch before the server.
        apart: dict[str, Any] = {"start_new_session": True, "creationflags": _OWN_GROUP}
        server = subprocess.Popen(
            [*program, "--factory", "prefect.server.api.server:create_app", *where],
            env=_environment(self._folder),
            **apart,
        )
        command = [sys.executable, "-I", "-S", "-c", _WATCH, str(server.pid), str(self._folder)]
        self._watch = subprocess.Popen(command, stdin=subprocess.PIPE, **apart)
        return server

    def stop(self) -> None:
        """End the server, then the watch, and remove the database; Prefect calls this when Python ends."""
        super().stop()
        self._clear_up()

    def _clear_up(self) -> None:
        if self._watch is not None:
            self._watch.communicate(b"ended\n")
            self._watch = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _environment(folder: Path) -> dict[str, str]:
    """The environment of the server: none of the settings that the user made for a server of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        # What Prefect sets for its own temporary server.
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
    }


def _template() -> Path:
    return Path(PREFECT_HOME.value()) / "fliesstext" / f"empty-{prefect.__version__}.db"


def _keep(database: Path, template: Path) -> None:
    """Copy a database that may be in use; the copy is there whole or not at all."""
    template.parent.mkdir(parents=True, exist_ok=True)
    half = template.with_suffix(f".{os.getpid()}")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(half)) as target:
        source.backup(target)
    half.replace(template)
