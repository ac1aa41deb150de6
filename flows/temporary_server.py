"""Prefect's temporary server, made to end with the run that started it, also when the run is killed.

Without a server of its own a run lets Prefect start one in a process beside it, and Prefect ends it when Python
ends. A run that is killed does not end so. A process that waits for the end of a pipe notices that in any case.
"""

import subprocess
import sys
from typing import Any

from prefect.server.api.server import SubprocessASGIServer

_WATCH = """\
import contextlib, os, signal, sys
if not sys.stdin.readline():
    with contextlib.suppress(OSError):
        os.kill(int(sys.argv[1]), signal.SIGTERM)
"""
"""Told that the server has ended, it ends too; when the pipe breaks instead, the run was killed."""
_OWN_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # the word for a session of its own on Windows


class WatchedServer(SubprocessASGIServer):
    """The temporary server with a watch at its side.

    Made once, without a port, it is the one that Prefect gets when it asks its own class for the server to start.
    """

    _watch: subprocess.Popen[bytes] | None = None

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        self._end_watch()
        server = super()._run_uvicorn_command()
        # A session of its own: a signal to the whole group of the run must not end the watch before the server.
        command = [sys.executable, "-I", "-S", "-c", _WATCH, str(server.pid)]
        self._watch = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, creationflags=_OWN_GROUP)
        return server

    def stop(self) -> None:
        """End the server, then the watch; Prefect calls this when Python ends."""
        super().stop()
        self._end_watch()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.communicate(b"ended\n")
            self._watch = None
