"""An object store on this machine: moto's S3 server in a process of its own, which can be told to refuse.

Not in this process: the library of Delta tables holds the interpreter while it waits for an answer.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import obstore
from obstore.store import S3Store

KEY, SECRET = "AKIATESTOFOURS", "a-secret-that-nobody-may-read"
_CONTROL = "/-control"
_REFUSALS = {
    503: "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    403: "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
}


class S3:
    """The server as tests see it: its address, what lies there, what was asked, and what it is to refuse."""

    def __init__(self, port: int) -> None:
        self.port, self.endpoint = port, f"http://127.0.0.1:{port}"

    def environment(self) -> dict[str, str]:
        """What a user sets to reach it."""
        reached = {"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": self.endpoint}
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET} | reached

    def ask(self, method: str, path: str, body: str = "") -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/eu-central-1/s3/aws4_request"}
        connection.request(method, path, body, signed)
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        assert answer.status == 200, told
        return told

    def refuse(self, every: int = 0, matching: str = "", status: int = 503) -> None:
        """Refuse each ``every``-th request whose line holds ``matching``; 0: none."""
        self.ask("POST", _CONTROL, json.dumps({"every": every, "matching": matching, "status": status}))

    def cut_off(self, after: int) -> None:
        """Refuse whatever is asked once so many requests that write have been granted, as to one who is dead."""
        self.ask("POST", _CONTROL, json.dumps({"every": 0, "cut_off": after}))

    def tear(self, every: int, matching: str) -> None:
        """Break off the body of each ``every``-th answer to a GET whose line holds ``matching`` in the middle."""
        self.ask("POST", _CONTROL, json.dumps({"every": 0, "torn": every, "matching": matching}))

    def answer_slowly(self, seconds: float) -> None:
        """Let each answer take so long, as one from far away does."""
        self.ask("POST", _CONTROL, json.dumps({"every": 0, "seconds": seconds}))

    def most_at_once(self) -> int:
        """Count the requests that were under way side by side at most since this was last asked."""
        return int(self.ask("GET", f"{_CONTROL}?most"))

    def asked(self) -> list[str]:
        """The request lines so far, and forget them."""
        return list(json.loads(self.ask("GET", _CONTROL)))

    def make_bucket(self, name: str) -> "Bucket":
        where = "<LocationConstraint>eu-central-1</LocationConstraint>"
        self.ask("PUT", f"/{name}", f"<CreateBucketConfiguration>{where}</CreateBucketConfiguration>")
        return Bucket(self, name)


class Bucket:
    """A bucket of that server."""

    def __init__(self, s3: S3, name: str) -> None:
        self.url = f"s3://{name}"
        self.store = S3Store(
            name, access_key_id=KEY, secret_access_key=SECRET, region="eu-central-1", endpoint=s3.endpoint,
            client_options={"allow_http": True},
        )  # fmt: skip

    def put(self, path: str, data: str | bytes) -> None:
        obstore.put(self.store, path, data.encode() if isinstance(data, str) else data)

    def get(self, path: str) -> bytes:
        return bytes(obstore.get(self.store, path).bytes())

    def delete(self, path: str) -> None:
        obstore.delete(self.store, path)

    def names(self, below: str = "") -> list[str]:
        return [one["path"] for page in obstore.list(self.store, below or None) for one in page]


@contextmanager
def s3_server() -> Iterator[S3]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "tests.object_store", str(port)])
    try:
        _wait_for(port)
        yield S3(port)
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the S3 server did not start")


class _Gate:
    """Stands before the server and refuses what it was told to."""

    def __init__(self, server: Callable[..., Iterable[bytes]]) -> None:
        self.server, self.asked, self.met = server, list[str](), 0
        self.now, self.most, self.counting = 0, 0, threading.Lock()
        self.told: dict[str, Any] = {"every": 0}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        if path == _CONTROL:
            return self._control(environ, start)
        line = f"{environ['REQUEST_METHOD']} {path}?{query}"
        self.asked.append(line)
        if self.told["every"] and self.told["matching"] in line:
            self.met += 1
            if self.met % self.told["every"] == 0:
                return self._refuse(environ, start, self.told["status"])
        if "cut_off" in self.told:
            self.met += environ["REQUEST_METHOD"] not in ("GET", "HEAD")
            if self.met > self.told["cut_off"]:
                return self._refuse(environ, start, 403)
        if "torn" in self.told and environ["REQUEST_METHOD"] == "GET" and self.told["matching"] in line:
            self.met += 1
            if self.met % self.told["torn"] == 0:
                body = b"".join(self.server(environ, start))
                return [body[: len(body) // 2]]
        with self.counting:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            time.sleep(self.told.get("seconds", 0))
            return self.server(environ, start)
        finally:
            with self.counting:
                self.now -= 1

    def _refuse(self, environ: dict[str, Any], start: Callable[..., Any], status: int) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(f"{status} Refused", [("Content-Type", "application/xml")])
        return [_REFUSALS[status].encode()]

    def _control(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        if environ.get("QUERY_STRING") == "most":
            most, self.most = self.most, 0
            return [str(most).encode()]
        if environ["REQUEST_METHOD"] == "GET":
            asked, self.asked = self.asked, []
            return [json.dumps(asked).encode()]
        self.told, self.met = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))), 0
        return [b"{}"]


def main(port: int) -> None:
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    os.environ["MOTO_PORT"] = str(port)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", port, _Gate(DomainDispatcherApplication(create_backend_app)), threaded=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
