"""Sources on a web server that lists its folders: Python's own, which knows neither ETags nor ranges."""

import io
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.check import check_tables
from stages.discover.index_pages import list_pages
from stages.errors import UsageError
from stages.tables.store.objects import Objects
from tests.faults.harness import article, assert_same, fast_gate, published, run_here

pytestmark = pytest.mark.integration


class Handler(SimpleHTTPRequestHandler):
    """What a server may do wrong as well: refuse a path, tell no time, tell a length that is not kept, answer with
    another page.
    """

    refused = timeless = short = closed = "-"
    notice = b""

    def send_head(self):  # type: ignore[no-untyped-def]
        if self.closed in self.path:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(self.notice)))
            self.end_headers()
            return io.BytesIO(self.notice)
        if self.refused in self.path:
            return self.send_error(503)
        return super().send_head()

    def send_header(self, keyword: str, value: str) -> None:
        if keyword == "Last-Modified" and self.timeless in self.path:
            return
        longer = keyword == "Content-Length" and self.short in self.path and self.command == "HEAD"
        super().send_header(keyword, str(int(value) + 1) if longer else value)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    for name in ("0.txt", "mä rz/1 50%25 ü.txt", "1997/a/2.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(article(len(name)), encoding="utf-8")
    (folder / "1997" / "2.meta.json").write_text('{"author": "Anna Huber"}')
    (folder / "1997" / "2.txt").write_text(article(2), encoding="utf-8")
    return folder


@pytest.fixture
def web(press: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("stages.discover.remote._PATIENCE", timedelta(seconds=0.5))
    for name in ("refused", "timeless", "short", "closed"):
        monkeypatch.setattr(Handler, name, "-")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(press))) as server, fast_gate():
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_rows_are_those_of_the_folder(web: str, press: Path, tmp_path: Path) -> None:
    run_here([f"press={web}"], tmp_path / "out", engine="none")
    assert not run_here([f"press={web}/"], tmp_path / "out", engine="none").published
    (press / "0.txt").write_text(article(10), encoding="utf-8")
    (press / "1997" / "a" / "2.txt").unlink()
    changed = run_here([f"press={web}"], tmp_path / "out", engine="none")
    assert (changed.counts["n_written"], changed.counts["n_deleted"]) == (1, 1)
    run_here([press], tmp_path / "here", engine="none")
    assert_same(published(tmp_path / "out"), published(tmp_path / "here"))
    assert check_tables(tmp_path / "out", [f"press={web}"]).problems == []


def test_a_folder_below_and_a_glob(web: str, tmp_path: Path) -> None:
    assert [one.path for one in list_pages(Objects(f"{web}/1997"))] == ["2.meta.json", "2.txt", "a/2.txt"]
    report = run_here([f"press={web}/1997/*"], tmp_path / "out", engine="none")
    assert report.counts["n_written"] == 1


def test_a_folder_that_is_not_listed_loses_nothing(web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_here([f"press={web}"], tmp_path / "out", engine="none")
    monkeypatch.setattr(Handler, "refused", "1997")
    report = run_here([f"press={web}"], tmp_path / "out", engine="none", confirm_deletions=True)
    assert report.withheld == {"press": 4}


@pytest.mark.parametrize(
    "notice",
    [b"", b"<!-- -->", b"<title>Wartung</title><p>Bald wieder da.", b'<a href="https://example.org/">Hilfe</a>'],
)
def test_a_page_that_is_no_index_is_no_empty_folder(
    web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notice: bytes
) -> None:
    run_here([f"press={web}"], tmp_path / "out", engine="none")
    monkeypatch.setattr(Handler, "closed", "1997")
    monkeypatch.setattr(Handler, "notice", notice)
    report = run_here([f"press={web}"], tmp_path / "out", engine="none", confirm_deletions=True)
    assert report.withheld == {"press": 4}


def test_an_empty_folder_is_one(web: str, press: Path, tmp_path: Path) -> None:
    (press / "leer").mkdir()
    assert run_here([f"press={web}"], tmp_path / "out", engine="none").counts["n_written"] == 4


def test_what_has_no_time_is_read_every_time(
    web: str, press: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "timeless", "0.txt")
    run_here([f"press={web}"], tmp_path / "out", engine="none")
    text = (press / "0.txt").read_text(encoding="utf-8")
    (press / "0.txt").write_text(text[:-2] + "?\n", encoding="utf-8")  # as long as before
    assert run_here([f"press={web}"], tmp_path / "out", engine="none").counts["n_written"] == 1


def test_a_torn_file_is_not_taken_for_a_whole_one(web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "short", "0.txt")
    report = run_here([f"press={web}"], tmp_path / "out", engine="none")
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/0.txt", "changed_while_reading")]


@pytest.mark.parametrize(
    ("source", "tables", "told"),
    [
        ("{web}/0.txt", "out", "it is no index page but text/plain; name a folder that the server lists"),
        ("{web}/nothing", "out", "no such object"),
        ("http://127.0.0.1:9/press", "out", "nothing answers there"),
        ("https://me:secret@127.0.0.1/press", "out", "a name and a password would stand in every report"),
        ("{press}", "{web}/tables", "a web server keeps no tables"),
    ],
)
def test_what_is_wrong_is_told_in_words(
    web: str, press: Path, tmp_path: Path, source: str, tables: str, told: str
) -> None:
    where = tables.format(web=web) if "web" in tables else tmp_path / tables
    with pytest.raises(UsageError, match=re.escape(told)):
        run_here([source.format(web=web, press=press)], where, engine="none")
