"""`fliesstext watch`: files that settle start a run within seconds. The installed command, real files, a real clock."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from stages.discover.inbox import Inbox, Settled
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import COMMAND, article
from tests.flows.server import Client, wait_for
from tests.object_store import s3_server

OPTIONS = ("--tables", "out", "--engine", "none", "--workers", "0", "--json", "--confirm-deletions")
PACE = ("--every", "0.2", "--settle", "1", "--gather", "6")


def mark(*names: str) -> dict[str, tuple[object, ...]]:
    return dict.fromkeys(names, (1,))


def test_what_stands_still_is_taken_once_and_what_grows_waits() -> None:
    inbox = Inbox(settle=3, gather=10)
    inbox.look(mark("a"), 0)
    assert inbox.take(2) is None
    inbox.look(mark("a", "b"), 2)
    assert inbox.take(3) is None, "b may be whole soon"
    assert inbox.take(5) == Settled(["a", "b"], [])
    assert inbox.take(100) is None
    inbox.look(mark("b"), 101)
    inbox.look(mark("b") | {"c": (1,)}, 102)
    for second in range(103, 114):
        inbox.look(mark("b") | {"c": (second,)}, second)
        assert inbox.take(second) is None
    inbox.look(mark("b") | {"c": (114,)}, 114)
    assert inbox.take(114) == Settled(["a"], ["c"]), "whole ones wait no longer than that"
    assert inbox.take(117) == Settled(["c"], [])


def test_what_a_run_could_not_take_is_due_again() -> None:
    inbox = Inbox(settle=3, gather=10)
    inbox.look(mark("a"), 0)
    taken = inbox.take(3)
    assert taken
    assert inbox.take(4) is None
    inbox.put_back(taken, 4)
    assert inbox.take(4) == taken


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    (folder / "a.txt").write_text(article(1), encoding="utf-8")
    return folder


class Watching:
    """The command at work in a folder, and what it has told so far."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        self.out, self.said = folder / "watch.out", folder / "watch.err"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        with self.out.open("wb") as out, self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*COMMAND, "watch", *words], cwd=folder, env=inherited | environment, stdout=out, stderr=said
            )

    def reports(self) -> list[dict[str, dict[str, int]]]:
        """The reports of its runs, each a line."""
        lines = self.out.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for(self, what: str, ready: Callable[[], object]) -> None:
        wait_for(what, ready, self.process)

    def end(self, how: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(how)
        return self.process.wait(60), self.said.read_text(encoding="utf-8")


@pytest.fixture
def watch() -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def start(folder: Path, *words: str, **environment: str) -> Watching:
        started.append(Watching(folder, *words, **environment))
        return started[-1]

    yield start
    for watching in started:
        watching.process.kill()
        watching.process.wait(60)


def documents(tables: Path) -> dict[str, str]:
    rows = read_table(tables, read_current(tables), "documents")
    return dict(rows.select(pl.col("source_uri").str.split("/").list.last(), "text").iter_rows())


@pytest.mark.integration
def test_files_that_settle_are_published_and_half_written_ones_wait(
    press: Path, watch: Callable[..., Watching]
) -> None:
    home = press.parent
    watching = watch(home, "press", *OPTIONS, *PACE)
    watching.wait_for("the first run", lambda: len(watching.reports()) == 1)
    assert set(documents(home / "out")) == {"a.txt"}
    since = time.monotonic()
    for number in range(12):  # a burst
        (press / f"burst-{number}.txt").write_text(article(10 + number), encoding="utf-8")
        time.sleep(0.1)
    watching.wait_for("the run over the burst", lambda: len(watching.reports()) == 2)
    assert time.monotonic() - since < 40
    assert watching.reports()[1]["counts"]["n_written"] == 12, "gathered into one run"

    slow = press / "slow.txt"
    with slow.open("w", encoding="utf-8") as writing:
        (press / "whole.txt").write_text(article(50), encoding="utf-8")
        begun = time.monotonic()
        while len(watching.reports()) < 3:
            assert time.monotonic() - begun < 200
            writing.write(f"Zeile {time.monotonic()} ist noch nicht die letzte.\n\n")
            writing.flush()
            time.sleep(0.3)
        assert watching.reports()[2]["passed_over"] == {"press": {"left for later": 1}}
        assert {"whole.txt", "slow.txt"} & set(documents(home / "out")) == {"whole.txt"}
        writing.write("Das war der letzte Satz.\n")
    watching.wait_for("the run over what was being written", lambda: "slow.txt" in documents(home / "out"))
    assert "letzte Satz" in documents(home / "out")["slow.txt"]
    (press / "a.txt").unlink()
    watching.wait_for("the run over what went", lambda: "a.txt" not in documents(home / "out"))
    # A run publishes before it reports.
    published = read_current(home / "out").run_id
    watching.wait_for("its report", lambda: watching.reports()[-1]["run_id"] == published)
    n = len(watching.reports())
    time.sleep(3)
    assert len(watching.reports()) == n, "nothing came, nothing ran"
    code, said = watching.end(signal.SIGTERM)
    assert (code, "stopped; the published tables stand" in said, "Traceback" in said) == (0, True, False), said


@pytest.mark.integration
def test_it_ends_cleanly_in_the_middle_of_a_run(press: Path, watch: Callable[..., Watching]) -> None:
    home = press.parent
    for number in range(60):
        text = "\n\n".join(article(number * 100 + i) for i in range(100))
        (press / f"{number}.txt").write_text(text, encoding="utf-8")
    watching = watch(home, "press", *OPTIONS, *PACE, "--workers", "1", "--batch-size", "5")
    begun = home / "out" / "work"
    watching.wait_for("batches", lambda: len([*begun.glob("*/batches/*/texts.parquet")]) > 1)
    code, said = watching.end(signal.SIGINT)
    assert (code, "Traceback" in said) == (0, False), said
    assert not begun.exists()
    assert not (home / "out" / "CURRENT.json").exists()


@pytest.mark.integration
def test_what_fails_is_told_and_tried_again(press: Path, watch: Callable[..., Watching]) -> None:
    home = press.parent
    (home / "out").mkdir()
    (home / "out" / ".fliesstext-tables").touch()
    (home / "out" / "corrections.csv").write_text("nothing,of,ours\n", encoding="utf-8")
    watching = watch(home, "press", *OPTIONS, *PACE)
    watching.wait_for("the complaint", lambda: "tried again in 5 s" in watching.said.read_text(encoding="utf-8"))
    (home / "out" / "corrections.csv").unlink()
    watching.wait_for("the run", lambda: len(watching.reports()) == 1)


@pytest.mark.integration
def test_what_cannot_be_is_refused_at_once(press: Path) -> None:
    for words, why in (
        (("missing", "--tables", "out"), "missing: no such file or folder"),
        (("press", "--tables", "press"), "is a source of this run"),
    ):
        done = subprocess.run(
            [*COMMAND, "watch", *words], cwd=press.parent, capture_output=True, text=True, timeout=100, check=False
        )
        assert (done.returncode, why in done.stderr) == (2, True), done.stderr


@pytest.mark.integration
def test_a_prefix_is_watched_by_its_listing(press: Path, watch: Callable[..., Watching]) -> None:
    with s3_server() as s3:
        bucket = s3.make_bucket("inbox")
        bucket.put("in/a.txt", article(1))
        watching = watch(press.parent, f"press={bucket.url}/in", *OPTIONS, *PACE, **s3.environment())
        watching.wait_for("the first run", lambda: len(watching.reports()) == 1)
        bucket.put("in/b.txt", article(2))
        watching.wait_for("the second run", lambda: len(watching.reports()) == 2)
        s3.refuse(every=1, matching="list-type", status=403)
        time.sleep(1)
        s3.refuse()
        bucket.put("in/a.txt", article(3))
        watching.wait_for("the third run", lambda: len(watching.reports()) == 3)
        for number, author in ((4, "Anna Huber"), (5, "Anna Hubel")):  # as long, and maybe in the same second
            bucket.put("in/a.txt.meta.json", json.dumps({"author": author}))
            watching.wait_for("a run for the sidecar", lambda: len(watching.reports()) == number)  # noqa: B023
        assert [report["counts"]["n_written"] for report in watching.reports()] == [1] * 5
        assert watching.end(signal.SIGTERM)[0] == 0


@pytest.mark.integration
def test_with_a_server_an_event_starts_the_deployment(client: Client) -> None:
    """As docs/operations.md says: a serving process, and one that watches."""
    articles = client.folder / "articles"
    served, watched = client.folder / "serve.log", client.folder / "watch.log"
    serving = client.start(f"fliesstext serve press={articles} --tables out --engine none --cron '0 3 1 1 *'", served)
    watching = None
    try:
        wait_for("serve", lambda: "refresh/ad-hoc" in served.read_text(errors="replace"), serving)
        watching = client.start(f"fliesstext watch press={articles} --tables out --every 0.5 --settle 1", watched)
        published = client.folder / "out" / "CURRENT.json"
        wait_for("the first run", published.exists, watching)
        assert "told the Prefect server" in watched.read_text(errors="replace")
        (articles / "zwei.txt").write_text("In Bregenz begann die Spielzeit.\n", encoding="utf-8")
        wait_for("the second run", lambda: client.current()["tables"]["documents"]["rows"] == 2, watching)
        runs = client.runs("ad-hoc", "START_TIME_ASC")
        assert runs
        assert {run["created_by"]["type"] for run in runs if run["created_by"]} == {"AUTOMATION"}
        assert {tuple(run["parameters"]["later"]) for run in runs} == {()}
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(60) == 0
    finally:
        for process in (watching, serving):
            if process and process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60)
