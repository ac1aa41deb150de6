"""Stores that are not Amazon's: sources and tables on gs:// and az:// as on s3://.

Of Google's store a server of ours speaks what is asked of it; Azure's is Azurite, where that is installed.
"""

import base64
import hashlib
import hmac
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest

from flows.check import check_tables
from stages.tables.store.objects import Conflict, Objects
from tests.faults.harness import article, assert_same, fast_gate, published, run_here
from tests.faults.test_object_store import rows
from tests.flows.server import wait_for
from tests.google_store import google_store

pytestmark = pytest.mark.integration
# The account and key that every Azurite has.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture(params=["gs", "az"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket, and the environment that reaches it."""
    with (google_store if request.param == "gs" else azurite)(tmp_path) as environment, fast_gate():
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield f"{request.param}://texts"


def test_objects_are_read_and_written_under_conditions(place: str) -> None:
    objects = Objects(f"{place}/in")
    for name in ("a.txt", "b ü.txt", "c/d.txt", "e.txt"):
        objects.write(name, f"Text {name}".encode())
    assert [one.path for one in objects.list()] == ["a.txt", "b ü.txt", "c/d.txt", "e.txt"]
    assert [one.path for one in objects.list("c")] == ["c/d.txt"]
    assert objects.read("missing") is None
    first = objects.read("a.txt")
    assert first
    assert b"".join(objects.pieces("a.txt", 10, 4, objects.look("a.txt").tag)) == first[0] == b"Text a.txt"
    with pytest.raises(Conflict):
        objects.write("a.txt", b"not there?", instead_of=None)
    second = objects.write("a.txt", b"as it was", instead_of=first[1])
    with pytest.raises(Conflict):
        objects.write("a.txt", b"too late", instead_of=first[1])
    assert objects.write("a.txt", b"again", instead_of=second) != second
    objects.remove(["gone.txt", "a.txt", "c/d.txt"])
    assert [one.path for one in objects.list()] == ["b ü.txt", "e.txt"]


def test_sources_and_tables_are_those_of_a_folder(place: str, tmp_path: Path) -> None:
    press, tables = Objects(f"{place}/press"), f"{place}/tables"
    source = f"press={place}/press"
    for number in range(4):
        press.write(f"{number}.txt", article(number).encode())
    assert run_here([source], tables, engine="none").counts["n_written"] == 4
    press.write("0.txt", article(10).encode())
    press.remove(["1.txt"])
    report = run_here([source], tables, engine="none")
    assert (report.counts["n_written"], report.counts["n_deleted"]) == (1, 1)
    assert not run_here([source], tables, engine="none").published
    run_here([source], tmp_path / "here", engine="none")
    assert_same(rows(tables), published(tmp_path / "here"))
    assert check_tables(tables, [source]).problems == []
    assert not [one.path for one in Objects(tables).list() if one.path == ".writer.json"]


# Azurite


class azurite:  # noqa: N801 - a context, used as `google_store` is
    """Azure's own server of its store on this machine (npm install -g azurite), with one container."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("azurite-blob") is None:
            pytest.skip("azurite-blob is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        words = ("--inMemoryPersistence", "--silent", "--blobPort", str(self.port))
        self.server = subprocess.Popen(["azurite-blob", *words], cwd=folder, stdout=subprocess.DEVNULL)

    def __enter__(self) -> dict[str, str]:
        wait_for("azurite", self._is_there, self.server)
        self._make_container("texts")
        known = {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": KEY}
        at = {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.port}"}
        return known | at

    def __exit__(self, *_: object) -> None:
        self.server.kill()  # told to end, it waits for its clients to hang up
        self.server.wait(60)

    def _is_there(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _make_container(self, name: str) -> None:
        headers = {"x-ms-date": f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S GMT}", "x-ms-version": "2021-12-02"}
        told = "\n".join(f"{key}:{value}" for key, value in headers.items())
        signed = "PUT" + "\n" * 12 + f"{told}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        digest = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", b"", headers)
        assert connection.getresponse().status == 201
        connection.close()
