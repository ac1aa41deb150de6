"""The pages without a browser: words in both languages, guards, exports of a search, and hostile addresses."""

import csv
import errno
import io
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import polars as pl
import pytest

from flows.browse.index import NAME, _texts_by_kind, open_index
from flows.browse.mark_up import prepare, raw, to_raw
from flows.browse.query import fold, parse, snippet
from flows.browse.words import WORDS
from stages.errors import UsageError
from stages.tables.schemas import BLOCK_KINDS
from stages.tables.store.choose import open_store
from stages.tables.store.snapshots import read_current, read_table
from tests.conftest import RAW
from tests.flows.browse.conftest import COMMAND, ROOT, Served

integration = pytest.mark.integration


def test_every_word_of_the_templates_has_a_german_one() -> None:
    templates = [file.read_text(encoding="utf-8") for file in (ROOT / "flows" / "browse" / "templates").iterdir()]
    said = {
        word for text in templates for pair in re.findall(r"\bt\((?:\"([^\"]+)\"|'([^']+)')\)", text) for word in pair
    }
    said -= {""}
    assert len(said) > 80
    assert said - WORDS["de"].keys() == set()


def test_the_raw_text_is_all_there_and_each_word_leads_to_its_own(batch) -> None:
    blocks = batch["blocks"].filter(pl.col("doc_id") == batch["blocks"]["doc_id"][0]).to_dicts()
    page = prepare(blocks, [], batch["repairs"].to_dicts(), (), None)
    shown = raw(page, RAW)
    assert re.sub(r"<[^>]*>", "", shown) == RAW
    assert '<i class="w" data-w="3">Stadt-\nräte</i>' in shown
    assert to_raw(blocks[1]["spans"], 19, 28) == (19, 30)


@pytest.mark.parametrize("typed", ['"', "*", "-", "OR", 'a" OR "b', "NEAR(a b)", "{title}: x", "(", "a-b* -", "\0"])
def test_whatever_is_typed_is_no_error(typed: str) -> None:
    import sqlite3

    found = sqlite3.connect(":memory:")
    found.execute("CREATE VIRTUAL TABLE words USING fts5(title)")
    query = parse(typed)
    if query:
        found.execute("SELECT * FROM words WHERE words MATCH ?", (query.to_fts(),)).fetchall()
    found.close()


def test_a_snippet_shows_where_the_words_stand_together() -> None:
    text = "Anfang. " * 60 + "Der Gasmann kam zum Gaswerk in Münster. " + "Ende. " * 60
    pieces = snippet(text, parse("gaswerk munster"))
    assert [piece for piece, is_hit in pieces if is_hit] == ["Gaswerk", "Münster"]
    assert (pieces[0][0], pieces[-1][0]) == ("… ", " …")
    assert len(fold("Straße İ ﬁ")) == len("Straße İ ﬁ")


@integration
def test_only_this_machine_is_answered_and_only_under_its_name(pages: Served) -> None:
    port = pages.address.rpartition(":")[2]
    assert httpx.get(pages.address, headers={"host": f"evil.example:{port}"}).status_code == 421
    assert httpx.get(pages.address, headers={"host": f"localhost:{port}"}).status_code == 200
    for path in ("/", "/assets/browse.css", "/nothing", "/search.csv"):
        policy = httpx.get(pages.address + path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@integration
def test_nothing_can_be_changed_without_edit_or_from_elsewhere(pages: Served, edited: tuple[Served, Path]) -> None:
    row = {"action": "reject", "name": "Anna Huber"}
    own = {"origin": pages.address}
    assert httpx.post(pages.address + "/corrections", data=row, headers=own).status_code == 403
    served, file = edited
    for origin in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
        assert httpx.post(served.address + "/corrections", data=row, headers=origin).status_code == 403
    assert not file.exists()
    answer = httpx.post(served.address + "/corrections", data=row, headers={"origin": served.address})
    assert answer.status_code == 303
    assert file.read_text(encoding="utf-8").splitlines()[1].startswith("reject,,Anna Huber,")


@integration
def test_another_address_wants_a_token(tables: Path) -> None:
    served = Served("--tables", tables, "--host", "0.0.0.0")
    try:
        address, _, token = served.address.replace("0.0.0.0", "127.0.0.1").partition("/?token=")
        assert len(token) >= 20
        assert httpx.get(address + "/search").status_code == 403
        assert httpx.get(f"{address}/search?token=wrong").status_code == 403
        with httpx.Client(follow_redirects=True) as visitor:
            assert visitor.get(f"{address}/?token={token}").status_code == 200
            assert visitor.get(f"{address}/search").status_code == 200
    finally:
        served.stop()


@integration
def test_a_search_is_taken_along(pages: Served, tables: Path) -> None:
    uris = set(read_table(tables, read_current(tables), "documents")["source_uri"])
    rows = list(csv.DictReader(io.StringIO(httpx.get(pages.address + "/search.csv").text)))
    assert {row["source_uri"] for row in rows} == uris
    lines = httpx.get(pages.address + "/search.jsonl?source=samples&language=fr").text.splitlines()
    assert {json.loads(line)["language"] for line in lines} == {"fr"}
    table = pl.read_parquet(io.BytesIO(httpx.get(pages.address + "/search.parquet?q=Stadt*").content))
    assert all("stadt" in fold(text) for text in table["text"])
    assert not any(row["text"].startswith(("=", "+", "-", "@")) for row in rows)


@integration
@pytest.mark.parametrize(
    "path",
    [
        "/documents/..%2F..%2Fetc%2Fpasswd", "/documents/x", "/entities/x",
        "/assets/../app.py", "/assets/%2e%2e/app.py",
        "/search.exe",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(pages: Served, path: str) -> None:
    assert httpx.get(pages.address + path).status_code == 404


@integration
@pytest.mark.parametrize("query", ["page=-1", "page=99999999999", "page=²", "q=%00", "since=x&until='", "kind=x;--"])
def test_odd_addresses_are_answered(pages: Served, query: str) -> None:
    for path in ("/search", "/entities", "/files", "/quarantine"):
        assert httpx.get(f"{pages.address}{path}?{query}").status_code == 200


@integration
def test_the_index_goes_with_its_snapshot_and_is_no_fault_to_check(pages: Served, tables: Path) -> None:
    from stages.tables.store.folder import _is_ours

    snapshot = tables / read_current(tables).snapshot
    assert pages.address
    assert (snapshot / NAME).is_file()
    assert [path.name for path in snapshot.iterdir() if not _is_ours(path.relative_to(snapshot))] == []
    done = subprocess.run([COMMAND, "check", "--tables", tables], capture_output=True, text=True, timeout=120)
    assert done.stdout.endswith("all right.\n")


@integration
def test_without_tables_or_with_a_taken_port_it_says_what_to_do(pages: Served, tables: Path, tmp_path: Path) -> None:
    def said(*arguments: str | Path) -> tuple[int, str]:
        command = [COMMAND, "browse", "--no-open", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    code, message = said("--tables", tmp_path)
    assert code == 2
    assert "nothing was published there" in message
    port = pages.address.rpartition(":")[2]
    code, message = said("--tables", tables, "--port", port)
    assert code == 2
    assert f"--port {port}: taken" in message


def test_blocks_of_a_later_kind_are_indexed_as_paragraphs_and_every_kind_has_a_name() -> None:
    blocks = pl.DataFrame({"doc_id": ["a", "a"], "kind": ["paragraph", "of_a_later_version"], "text": ["eins", "zwei"]})
    (row,) = _texts_by_kind(blocks, pl.DataFrame({"doc_id": ["a"], "document": [1]})).to_dicts()
    assert row["paragraph"] == "eins\nzwei"
    assert set(BLOCK_KINDS) <= set(WORDS["de"])


@integration
@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
def test_who_stops_it_gets_no_failure(published: Path, tmp_path: Path, way: signal.Signals) -> None:
    served = Served("--tables", published, "--index", tmp_path)
    httpx.get(served.address)  # it is at work, not only about to be
    served.process.send_signal(way)
    out, said = served.process.communicate(timeout=20)
    assert (served.process.returncode, out, said) == (0, "", "fliesstext: stopped\n")


@integration
@pytest.mark.parametrize(
    ("host", "said"), [("300.1.1.1", "no such address"), ("192.0.2.1", "not an address of this machine")]
)
def test_an_address_that_cannot_be_served_is_told(published: Path, tmp_path: Path, host: str, said: str) -> None:
    arguments = ["--tables", published, "--index", tmp_path, "--host", host, "--port", "0", "--no-open"]
    done = subprocess.run([COMMAND, "browse", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"fliesstext: --host {host}: {said}" in done.stderr


@integration
def test_an_index_on_a_read_only_disk_is_told_with_another_place(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: bool) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    store = open_store(published)
    with pytest.raises(UsageError, match=r"cannot be written there .* name a folder for it with --index DIR"):
        open_index(store, store.current(), tmp_path, lambda *_: None)
