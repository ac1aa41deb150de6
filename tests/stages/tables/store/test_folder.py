import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stages.errors import LockedError, TablesError, UsageError
from stages.tables.schemas import TABLES
from stages.tables.store.folder import (
    clear_leftovers,
    failed_runs,
    new_run_id,
    point_link,
    require_ours,
    worth_keeping,
    writing,
)
from stages.tables.store.snapshots import CURRENT, MARKER, Part, Snapshot, is_tables_folder, read_current

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def run_id(number):
    return f"20240501T12000{number}Z-00000{number}"


def snapshot(tables, number, previous=(), published=NOW):
    """A snapshot with one real file, and its pointer."""
    folder = tables / "snapshots" / run_id(number)
    (folder / "runs").mkdir(parents=True)
    file = folder / "runs" / "part.parquet"
    TABLES["runs"].schema.to_frame().write_parquet(file)
    parts = dict.fromkeys(TABLES, ()) | {"runs": (Part("runs/part.parquet", 0, file.stat().st_size, "0" * 64),)}
    made = Snapshot(
        f"snapshots/{folder.name}", folder.name, published.isoformat(timespec="seconds"), parts, 0, {}, previous
    )
    (folder / "snapshot.json").write_text(made.to_json(), encoding="utf-8")
    (folder / "validation.json").write_text("[]", encoding="utf-8")
    (tables / CURRENT).write_text(made.to_json(), encoding="utf-8")
    return made


def tree(folder):
    """All that lies below a folder: what it is, its bytes or where it leads, and when it was modified."""
    found = {}
    for path in folder.rglob("*"):
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
        holds = {"link": os.readlink, "folder": lambda _: b"", "file": Path.read_bytes}[kind](path)
        modified = path.lstat().st_mtime_ns if kind == "file" else 0
        found[path.relative_to(folder).as_posix()] = (kind, holds, modified)
    return found


# Whose folder it is


@pytest.fixture
def marked(tmp_path):
    (tmp_path / MARKER).touch()
    return tmp_path


OF_THE_SYSTEM = ["lost+found", ".DS_Store", "Thumbs.db", "desktop.ini", "Desktop.ini", ".gitkeep", ".gitignore"]


@pytest.mark.parametrize("there", [None, [], OF_THE_SYSTEM], ids=["new", "empty", "the system's own"])
def test_a_new_and_an_empty_folder_become_ours(tmp_path, there):
    tables = tmp_path / "deep" / "tables"
    for name in there or ():
        tables.mkdir(parents=True, exist_ok=True)
        (tables / name).write_text(name)
    if there == []:
        tables.mkdir(parents=True)
    require_ours(tables)
    assert not is_tables_folder(tables), "asking makes nothing"
    with writing(tables, run_id(1)):
        assert "what\nit has named after a run" in (tables / MARKER).read_text()
    assert {path.name for path in tables.iterdir()} - {".writer.lock"} == {MARKER, *(there or ())}
    require_ours(tables)


NOT_OURS = ["notes.txt", "work", "snapshots", "failed", "latest", CURRENT, ".writer.lock", ".git", f"{MARKER}.txt"]


@pytest.mark.parametrize("name", NOT_OURS)
@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_a_folder_with_anything_else_is_refused(tmp_path, name, make):
    make(tmp_path / name)
    before = tree(tmp_path)
    with pytest.raises(UsageError, match="Choose a new or an empty folder") as refused, writing(tmp_path, run_id(1)):
        pass
    assert f"not empty ({name})" in str(refused.value)
    assert tree(tmp_path) == before


def test_the_first_names_are_told_and_cannot_steer_a_terminal(tmp_path):
    for name in ("c", "a\x1b[31m", "b\n", "d", "e"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"not empty \(a\\x1b\[31m, b\\n, c and 2 more\)"):
        require_ours(tmp_path)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_a_marker_that_is_no_file_marks_nothing(tmp_path, make):
    make(tmp_path / MARKER)
    with pytest.raises(UsageError, match="is not empty"):
        require_ours(tmp_path)


def test_tables_of_a_version_without_the_marker_are_told_the_way(tmp_path):
    made = snapshot(tmp_path, 1)
    (tmp_path / "notes.txt").touch()
    before = tree(tmp_path)
    with pytest.raises(UsageError, match=f"create an empty file {tmp_path / MARKER}"):
        require_ours(tmp_path)
    assert tree(tmp_path) == before
    (tmp_path / MARKER).touch()
    with writing(tmp_path, run_id(2)):
        assert read_current(tmp_path) == made
    (tmp_path / MARKER).unlink()
    (tmp_path / CURRENT).write_text('{"snapshot": "somebody else\'s"}')
    with pytest.raises(UsageError) as refused:
        require_ours(tmp_path)
    assert MARKER not in str(refused.value)


@pytest.mark.parametrize("name", ["work", "snapshots", "failed"])
@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to(".."), lambda path: path.symlink_to(path)])
def test_a_folder_of_ours_that_is_a_link_or_a_file_is_refused(marked, name, make):
    make(marked / name)
    before = tree(marked)
    with pytest.raises(UsageError, match=f"{name} is a link or no folder"), writing(marked, run_id(1)):
        pass
    assert tree(marked) == before


def test_a_link_to_the_tables_folder_is_as_good_as_the_folder(tmp_path):
    tables, link = tmp_path / "tables", tmp_path / "link"
    tables.mkdir()
    link.symlink_to(tables)
    with writing(link, run_id(1)):
        (tables / "work" / run_id(1)).mkdir(parents=True)
        clear_leftovers(link, None)
        assert not (tables / "work").exists()


@pytest.mark.parametrize("inside", ["", "work", "work/a/b", "snapshots", f"snapshots/{run_id(1)}/blocks", "failed/a"])
def test_a_source_that_runs_would_write_in_is_refused(marked, inside):
    source = marked / inside
    source.mkdir(parents=True, exist_ok=True)
    link = marked.parent / f"{marked.name}-link"
    link.symlink_to(source)
    for root in (source, link):
        with pytest.raises(UsageError, match="is a source of this run" if not inside else "lies in"):
            require_ours(marked, [marked.parent, root])


def test_a_source_beside_what_runs_write_is_none_of_our_business(marked):
    for name in ("raw", "works", "snapshots.old/work"):
        (marked / name).mkdir(parents=True)
        require_ours(marked, [marked / name, marked.parent, marked / "missing"])


def test_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "tables"):
        with pytest.raises(UsageError, match="is no folder, or lies below a file"), writing(place, "run-1"):
            pass
    (tmp_path / "tables" / ".writer.lock").mkdir(parents=True)
    (tmp_path / "tables" / MARKER).touch()
    with pytest.raises(TablesError, match="cannot be written to"), writing(tmp_path / "tables", "run-1"):
        pass


# One writer


def test_second_writer_is_told_who_holds_the_lock(tmp_path):
    tables = tmp_path / "deep" / "tables"
    holder = rf"run run-1 \(process {os.getpid()} on "
    with writing(tables, "run-1"), pytest.raises(LockedError, match=holder), writing(tables, "run-2"):
        pass
    with writing(tables, "run-3"):
        pass


def test_lock_is_free_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), writing(tmp_path, "run-1"):
        raise ZeroDivisionError
    with writing(tmp_path, "run-2"):
        assert json.loads((tmp_path / ".writer.json").read_text())["run_id"] == "run-2"
    assert not (tmp_path / ".writer.json").exists()


WRITE = """
import sys, time
from pathlib import Path
from stages.errors import LockedError
from stages.tables.store.folder import writing
tables, run, wait, hold = sys.argv[1:]
try:
    with writing(Path(tables), run, float(wait)):
        print("held", flush=True)
        time.sleep(float(hold))
except LockedError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def writer(tmp_path, project):
    """A function that starts a process which holds the lock of tmp_path, or waits for it."""
    started = []

    def start(run, wait=0, hold=60):
        command = [sys.executable, "-c", WRITE, str(tmp_path), run, str(wait), str(hold)]
        started.append(subprocess.Popen(command, stdout=-1, stderr=-1, text=True, cwd=project))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process, words, seconds=30):
    """Wait for a line on standard error that holds these words."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if words in (line := process.stderr.readline()):
            return line
    raise AssertionError(f"nothing about {words!r} in {seconds} s")


@pytest.mark.integration
def test_lock_of_a_killed_process_is_free(tmp_path, writer):
    holder = writer("run-dead")
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LockedError, match=f"run run-dead .process {holder.pid} "), writing(tmp_path, "run-2"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with writing(tmp_path, "run-3"):
        assert json.loads((tmp_path / ".writer.json").read_text())["run_id"] == "run-3"


@pytest.mark.integration
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_waits_for_another_and_says_for_whom(tmp_path, writer, caplog, end):
    """Once, and only until the other is gone, however it went."""
    holder = writer("run-1")
    assert holder.stdout.readline() == "held\n"
    threading.Timer(2.5, holder.send_signal, [end]).start()
    since = time.monotonic()
    with caplog.at_level(logging.WARNING), writing(tmp_path, "run-2", wait=300) as last_died:
        assert 2 < time.monotonic() - since < 60
        assert last_died == (end == signal.SIGKILL)
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path} is being written by run run-1 (process {holder.pid} on ")
    assert message.endswith("; waiting up to 300 seconds for it")
    assert ", since 20" in message


@pytest.mark.integration
def test_a_run_that_waited_in_vain_says_so(tmp_path, writer, caplog):
    holder = writer("run-1")
    assert holder.stdout.readline() == "held\n"
    since = time.monotonic()
    told = f"run run-1 .process {holder.pid} on .*waited 2 seconds.*--wait SECONDS"
    with pytest.raises(LockedError, match=told), writing(tmp_path, "run-2", wait=2):
        pass
    assert 2 <= time.monotonic() - since < 30
    assert len(caplog.messages) == 1


@pytest.mark.integration
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_waiting_run_can_be_stopped(tmp_path, writer, ending):
    holder = writer("run-1")
    assert holder.stdout.readline() == "held\n"
    waiting = writer("run-2", wait=300)
    said(waiting, "waiting up to 300 seconds")
    since = time.monotonic()
    waiting.send_signal(ending)
    assert waiting.wait(60) != 0
    assert time.monotonic() - since < 10
    assert holder.poll() is None
    assert json.loads((tmp_path / ".writer.json").read_text())["run_id"] == "run-1"


@pytest.mark.integration
def test_many_runs_take_their_turns(tmp_path, writer):
    """No two hold the lock at a time: each would overwrite and remove the name of the other."""
    runs = [writer(f"run-{n}", wait=300, hold=0.3) for n in range(5)]
    for run in runs:
        said_out, _ = run.communicate(timeout=60)
        assert (run.returncode, said_out) == (0, "held\n")
    assert not (tmp_path / ".writer.json").exists()


# Clearing away


def folders(tables):
    return sorted(path.name for path in (tables / "snapshots").iterdir())


def history(tables, *published):
    """Snapshots that were published so many days ago, oldest first; the last one is the current one."""
    (tables / MARKER).touch()
    names = []
    for number, days in enumerate(published, 1):
        made = snapshot(tables, number, tuple(reversed(names)), NOW - days * DAY)
        names.append(made.snapshot)
    return made


# Published 40, 30, 20 and 10 days ago, so replaced 30, 20 and 10 days ago; the current one is being replaced now.
@pytest.mark.parametrize(
    ("keep", "days", "left"),
    [
        (1, 0, []),
        (2, 0, [4]),
        (3, 0, [3, 4]),
        (5, 0, [1, 2, 3, 4]),
        (9, 0, [1, 2, 3, 4]),
        (1, 5, [4]),
        (1, 15, [3, 4]),
        (1, 25, [2, 3, 4]),
        (1, 35, [1, 2, 3, 4]),
        (4, 5, [2, 3, 4]),
        (1, float("inf"), [1, 2, 3, 4]),
    ],
)
def test_old_snapshots_go(tmp_path, keep, days, left):
    """Those that the pointer names no longer go when the next run clears away what is not named."""
    current = history(tmp_path, 40, 30, 20, 10)
    for folder in (tmp_path / "snapshots").iterdir():
        os.utime(folder)  # what a copy or a backup does says nothing about when it was published
    kept = worth_keeping(tmp_path, (current.snapshot, *current.previous), keep, days)
    assert kept[::-1] == tuple(f"snapshots/{run_id(n)}" for n in left)
    assert folders(tmp_path) == [run_id(n) for n in (1, 2, 3, 4)]
    newest = snapshot(tmp_path, 5, kept)
    clear_leftovers(tmp_path, read_current(tmp_path))
    assert folders(tmp_path) == [run_id(n) for n in (*left, 5)]
    assert read_current(tmp_path) == newest


# When the clock was wrong: each line are the days since each snapshot was published, as the clocks told them, then
# the days that a snapshot is to be kept after it was replaced, and which are kept.
@pytest.mark.parametrize(
    ("published", "days", "left"),
    [
        # Run 2 came from a clock that had lost its battery: run 1 was replaced some time before run 3, so 5 days ago.
        ((60, 20_000, 5), 30, [1, 2, 3]),
        ((60, 20_000, 5), 4, [3]),
        # Every clock since was behind; nothing says that run 1 is old.
        ((60, 20_000, 19_999), 30, [1, 2, 3]),
        # Run 1 came from a clock years ahead; it was replaced 20 days ago, and goes when its days are over.
        ((-2_000, 20, 5), 30, [1, 2, 3]),
        ((-2_000, 20, 5), 10, [2, 3]),
        # Run 2 came from a clock ahead: run 1 was replaced before run 3.
        ((60, -2_000, 40), 30, [3]),
        ((60, -2_000, 40), 41, [1, 2, 3]),
        # The newest came from a clock ahead; its successor comes now.
        ((60, 50, -2_000), 30, [2, 3]),
    ],
)
def test_a_clock_that_was_wrong_keeps_nothing_for_ever_and_takes_nothing_early(tmp_path, published, days, left):
    current = history(tmp_path, *published)
    kept = worth_keeping(tmp_path, (current.snapshot, *current.previous), 1, days)
    assert kept[::-1] == tuple(f"snapshots/{run_id(n)}" for n in left)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"published_at": 5}', '{"published_at": "2001-01-01T00:00:00"}'])
def test_a_snapshot_without_its_time_counts_from_the_next(tmp_path, text):
    current = history(tmp_path, 60, 50, 20)
    (tmp_path / current.previous[0] / "snapshot.json").write_text(text)
    earlier = (current.snapshot, *current.previous)
    assert len(worth_keeping(tmp_path, earlier, 1, 30)) == 3, "run 1 was replaced before run 3, so 20 days ago"
    assert worth_keeping(tmp_path, earlier, 1, 10) == (current.snapshot,)


def test_a_snapshot_that_is_gone_is_not_named(tmp_path):
    current = history(tmp_path, 40, 30, 20, 10)
    shutil.rmtree(tmp_path / "snapshots" / run_id(3))
    kept = worth_keeping(tmp_path, (current.snapshot, *current.previous), 3, 0)
    assert kept == (f"snapshots/{run_id(4)}", f"snapshots/{run_id(2)}")


def leave(tables):
    """All that runs which were killed can leave."""
    (tables / "work" / run_id(5) / "batches" / "batches-00000").mkdir(parents=True)
    (tables / "work" / run_id(5) / "batches" / "batches-00000" / "batch.parquet").touch()
    (tables / "snapshots" / run_id(5) / "blocks").mkdir(parents=True)
    (tables / "snapshots" / run_id(5) / "blocks" / "part-0a.parquet").touch()
    (tables / "snapshots" / run_id(5) / ".validation.json.new").touch()
    (tables / "snapshots" / f".{run_id(0)}.old" / "runs").mkdir(parents=True)
    (tables / "snapshots" / f".{run_id(0)}.old" / "snapshot.json").touch()
    (tables / ".CURRENT.json.new").write_text("{")
    (tables / ".latest.new").symlink_to("snapshots")


def test_what_a_killed_run_left_goes(tmp_path):
    current = history(tmp_path, 4, 3)
    before = tree(tmp_path)
    leave(tmp_path)
    clear_leftovers(tmp_path, current)
    assert tree(tmp_path) == before


def test_half_a_first_run_goes_too(marked):
    (marked / "snapshots" / run_id(1) / "blocks").mkdir(parents=True)
    clear_leftovers(marked, read_current(marked))
    assert folders(marked) == []


def test_nothing_goes_without_the_marker(tmp_path):
    current = history(tmp_path, 4, 3)
    leave(tmp_path)
    (tmp_path / MARKER).unlink()
    before = tree(tmp_path)
    clear_leftovers(tmp_path, current)
    assert tree(tmp_path) == before


# Names that are nearly ours, and names that are not at all.
THEIRS = [
    "notes.txt", "thesis", "run-1", "latest", "part.parquet", ".hidden", "snapshot.json~", "a b", "zwölf", "new\nline",
    "20240501", "20240501T120000Z", "20240501T120000Z-abc12", "20240501T120000Z-abc1234", "20240501T120000Z-ABC123",
    "20240501T120000-abc123", "20240501T120000Z-abc123 (copy)", "20240501T120000Z-abc123.json.bak",
    "x20240501T120000Z-abc123", ".20240501T120000Z-abc123", ".20240501T120000Z-abc123.new",
    "20240501T120000Z-abc123.old",
    "..20240501T120000Z-abc123.old", ".old", ".new", ".CURRENT.json.new", ".thesis.new", "２０240501T120000Z-abc123",
]  # fmt: skip


def put(folder, name, outside):
    """Things of somebody else under one name and those beside it: a file, a folder that holds one, a link."""
    (folder / name).mkdir(parents=True)
    (folder / name / name).write_text(f"precious {name}")
    (folder / f"{name}~").write_text(f"precious {name}")
    (folder / f"{name}~link").symlink_to(outside)


@pytest.mark.parametrize("name", THEIRS)
def test_what_others_put_there_stays(tmp_path, name):
    tables, outside = tmp_path / "tables", tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("precious")
    tables.mkdir()
    current = history(tables, 4, 3)
    for folder in ("work", "snapshots", "failed", current.snapshot, f"{current.snapshot}/blocks", "elsewhere"):
        put(tables / folder, name, outside)
    put(tables, f"my {name}", outside)
    before = tree(tmp_path)
    leave(tables)
    for _ in range(2):
        clear_leftovers(tables, current)
        assert tree(tmp_path) == before
        assert failed_runs(tables) == []


def test_links_under_our_names_are_left_alone(tmp_path):
    tables, outside = tmp_path / "tables", tmp_path / "outside"
    (outside / "blocks").mkdir(parents=True)
    (outside / "blocks" / "part.parquet").write_text("precious")
    (outside / f"{run_id(7)}.json").write_text("precious")
    tables.mkdir()
    current = history(tables, 4, 3)
    run = run_id(7)
    for name in (f"work/{run}", f"snapshots/{run}", f"snapshots/.{run_id(8)}.old", f"failed/{run}.json"):
        (tables / name).parent.mkdir(exist_ok=True)
        (tables / name).symlink_to(outside)
    before = tree(tmp_path)
    leave(tables)
    clear_leftovers(tables, current)
    assert tree(tmp_path) == before
    assert failed_runs(tables) == []


@pytest.mark.parametrize("name", ["work", "snapshots", "failed"])
def test_a_folder_of_ours_that_has_become_a_link_is_not_followed(tmp_path, name):
    """A run refuses such a folder from the start; here it was swapped meanwhile."""
    tables, outside = tmp_path / "tables", tmp_path / "outside"
    (tables / "x").mkdir(parents=True)
    current = history(tables, 4, 3)
    leave(outside)
    shutil.rmtree(tables / name, ignore_errors=True)
    (tables / name).symlink_to(outside / name)
    before = tree(outside)
    clear_leftovers(tables, None if name == "snapshots" else current)
    assert tree(outside) == before


def test_files_under_the_names_of_our_folders_stay(marked):
    for path in (
        marked / "work" / run_id(7),
        marked / "snapshots" / run_id(7),
        marked / "failed" / f"{run_id(7)}.json",
    ):
        path.parent.mkdir()
        path.mkdir() if path.suffix else path.write_text("precious")
    before = tree(marked)
    clear_leftovers(marked, None)
    assert tree(marked) == before
    assert failed_runs(marked) == []


@pytest.mark.parametrize(
    "where", ["results.csv", "blocks/mine.parquet", "blocks/sub/part.parquet", "mine/part.parquet"]
)
def test_what_an_analyst_saved_in_a_snapshot_outlives_it(tmp_path, where):
    """Ours goes, the rest stays under its path; a run that is killed on the way does not change that."""
    current = replace(history(tmp_path, 4, 3), previous=())
    old = tmp_path / "snapshots" / run_id(1)
    (old / where).parent.mkdir(exist_ok=True, parents=True)
    (old / where).write_text("precious")
    clear_leftovers(tmp_path, current)
    left = {path: kind for path, (kind, *_) in tree(old).items() if kind == "file"}
    assert left == {where: "file"}
    assert (old / where).read_text() == "precious"
    old.rename(old.with_name(f".{old.name}.old"))
    clear_leftovers(tmp_path, current)
    before = tree(tmp_path)
    clear_leftovers(tmp_path, current)
    assert tree(tmp_path) == before
    assert (old / where).read_text() == "precious"


def test_a_run_id_is_of_our_pattern(marked):
    for number in range(100):
        (marked / "work" / new_run_id(NOW + number * 40 * DAY)).mkdir(parents=True)
    clear_leftovers(marked, None)
    assert not (marked / "work").exists()


# The link for people


def test_the_link_is_led_on(marked):
    for number in (1, 2):
        point_link(marked, f"snapshots/{run_id(number)}")
        assert (marked / "latest").readlink() == Path(f"snapshots/{run_id(number)}")


@pytest.mark.parametrize(
    "make",
    [lambda p: p.write_text("precious"), Path.mkdir, lambda p: p.symlink_to(p.parent), lambda p: p.symlink_to("x")],
)
def test_a_name_that_somebody_else_uses_stays_theirs(marked, make):
    make(marked / "latest")
    before = tree(marked)
    point_link(marked, f"snapshots/{run_id(1)}")
    assert tree(marked) == before


@pytest.mark.parametrize("make", [lambda p: p.write_text("precious"), Path.mkdir])
def test_so_does_the_name_on_the_way(marked, make):
    make(marked / ".latest.new")
    before = tree(marked)
    with pytest.raises(FileExistsError):
        point_link(marked, f"snapshots/{run_id(1)}")
    assert tree(marked) == before


def test_the_link_is_led_on_where_no_link_to_a_folder_is_replaced(marked, monkeypatch):
    """Windows: such a link counts as a folder."""
    real = Path.replace

    def replace_no_folder(path, target):
        if Path(target).is_dir():
            raise PermissionError(13, "Access is denied", target)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace_no_folder)
    monkeypatch.setattr("stages.tables.store.folder.WINDOWS", True)
    for number in (1, 2):
        (marked / "snapshots" / run_id(number)).mkdir(parents=True)
        point_link(marked, f"snapshots/{run_id(number)}")
        assert (marked / "latest").readlink() == Path(f"snapshots/{run_id(number)}")
