"""The XML interface of Google's object store on this machine, as much of it as is asked, in a process of its own.

As documented by Google: objects have generations, conditional writes name one (0: not there), reads may name an ETag.
"""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_KEPT: dict[str, tuple[bytes, int, float]] = {}
"""Content, generation and time of each object, by bucket and name."""
_PAGE = 3


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm, wbufsize = True, -1

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        now = _KEPT.get(self._name(), (b"", 0, 0.0))[1]
        expected = self.headers.get("x-goog-if-generation-match")
        if expected is not None and int(expected) != now:
            self._say(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        _KEPT[self._name()] = (body, max((g for _, g, _ in _KEPT.values()), default=1_000) + 1, time.time())
        self._say(200, ETag=_tag(body), x_goog_generation=str(_KEPT[self._name()][1]))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if "list-type" in query:
            self._say(200, _listing(self._name().rstrip("/"), query))
            return
        if (found := _KEPT.get(self._name())) is None:
            self._say(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        body, generation, at = found
        told = {"ETag": _tag(body), "x_goog_generation": str(generation), "Last_Modified": formatdate(at, usegmt=True)}
        if self.headers.get("If-Match", told["ETag"]) != told["ETag"]:
            self._say(412)
        elif wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
            self._say(206, body[first : last + 1], Content_Range=f"bytes {first}-{last}/{len(body)}", **told)
        elif self.command == "HEAD":
            self._say(200, **told | {"Content_Length": str(len(body))})
        else:
            self._say(200, body, **told)

    def do_DELETE(self) -> None:
        self._say(204 if _KEPT.pop(self._name(), None) else 404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _tag(body: bytes) -> str:
    return f'"{md5(body).hexdigest()}"'


def _listing(bucket: str, query: dict[str, str]) -> bytes:
    """One page of what lies below a prefix, folders as one where a delimiter is given."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
    after = query.get("continuation-token") or query.get("start-after", "")
    names = sorted(name.partition("/")[2] for name in _KEPT if name.startswith(f"{bucket}/"))
    names = [name for name in names if name.startswith(prefix)]
    folders = {prefix + n[len(prefix) :].split("/")[0] + "/" for n in names if delimiter and "/" in n[len(prefix) :]}
    plain = [name for name in names if name > after and not name.startswith(tuple(folders))]
    shown = plain[:_PAGE]
    rows = [
        "".join(f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in sorted(folders))
    ]
    for name in shown:
        body, _, at = _KEPT[f"{bucket}/{name}"]
        when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
        rows.append(
            f"<Contents><Key>{escape(name)}</Key><LastModified>{when}</LastModified><ETag>{escape(_tag(body))}</ETag>"
            f"<Size>{len(body)}</Size></Contents>"
        )
    more = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if len(plain) > _PAGE else ""
    return f"<ListBucketResult>{''.join(rows)}{more}</ListBucketResult>".encode()


@contextmanager
def google_store(folder: Path) -> Iterator[dict[str, str]]:
    """Start the server; gives what a user sets to reach it. ``folder`` takes the key file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    key = folder / "key.json"
    account = '"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": true'
    key.write_text(f'{{"gcs_base_url": "http://127.0.0.1:{port}", {account}}}', encoding="utf-8")
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.google_store", str(port)], env=os.environ | {"PYTHONUNBUFFERED": "1"}, stdout=-1
    )
    try:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        yield {"GOOGLE_SERVICE_ACCOUNT": str(key)}
    finally:
        server.terminate()
        server.wait(30)
        server.stdout.close()


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Answers) as serving:
        print("ready")
        serving.serve_forever()
