"""Prefect's temporary server, made to end with the run that started it, also when the run is killed.

Without a server of its own a run lets Prefect start one in a process beside it, and Prefect ends it when Python
ends. A run that is killed does not end so. A shell that waits for the end of a pipe notices that in any case.
"""

import subprocess
from typing import Any

from prefect.server.api.server import SubprocessASGIServer

_WATCH = 'read -r ended || kill "$0"'
"""Told that the server has ended, it ends too; when the pipe breaks instead, the run was killed."""


class WatchedServer(SubprocessASGIServer):
    """The temporary server with a watch at its side.

    Made once, without a port, it is the one that Prefect gets when it asks its own class for the server to start.
    """

    _watch: subprocess.Popen[bytes] | None = None

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        self._end_watch()
        server = super()._run_uvicorn_command()
        # A session of its own: a signal to the whole group of the run must not end the watch before the server.
        command = ["/bin/sh", "-c", _WATCH, str(server.pid)]
        self._watch = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        return server

    def stop(self) -> None:
        """End the server, then the watch; Prefect calls this when Python ends."""
        super().stop()
        self._end_watch()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.communicate(b"ended\n")
            self._watch = None
