"""Files that are not ours stay as they are, byte for byte, whatever folder ``--tables`` names."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stages.tables.store.snapshots import MARKER, read_current
from tests.faults import long_form
from tests.faults.harness import ROOT, article, assert_tidy, assert_whole, fast_gate, run_here, write_articles

COMMAND = Path(sys.executable).with_name("fliesstext")
RUN = "20240501T120000Z-abc123"
done = long_form.Tally("files of others")

Tree = dict[str, tuple[object, ...]]


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "press", 3)


def tree(folder: Path) -> Tree:
    """All that lies below a folder: kind, rights, time of the last change, and the bytes or where a link leads."""
    found: Tree = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        holds: object = None
        if path.is_symlink():
            holds = path.readlink()
        elif path.is_file():
            holds = path.read_bytes()
        found[path.relative_to(folder).as_posix()] = (status.st_mode, status.st_mtime_ns, holds)
    return found


def run(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The installed command."""
    command = [str(COMMAND), "run", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


def project(folder: Path) -> None:
    """What many have: folders under these very names, and other things."""
    for name in (
        "work/thesis.txt",
        f"work/{RUN}/batch.parquet",
        "snapshots/2024/holiday.jpg",
        "notes.md",
        "failed/1.json",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"precious {name}")
    (folder / "snapshots" / "empty").mkdir()
    (folder / "latest").symlink_to("snapshots/2024")
    (folder / ".CURRENT.json.new").write_text("precious")


def one_file(folder: Path) -> None:
    (folder / "notes.txt").write_text("precious")


def another_programs_pointer(folder: Path) -> None:
    (folder / "snapshots" / RUN).mkdir(parents=True)
    (folder / "CURRENT.json").write_text('{"snapshot": "snapshots/20240501T120000Z-abc123", "run_id": "x"}')


def hidden_file(folder: Path) -> None:
    (folder / ".env").write_text("SECRET=precious")


@pytest.mark.integration
@pytest.mark.parametrize("given", ["its path", "the current folder", "a link"])
@pytest.mark.parametrize("make", [project, one_file, another_programs_pointer, hidden_file])
def test_a_folder_in_use_is_refused(tmp_path: Path, press: Path, make: Callable[[Path], None], given: str) -> None:
    folder, link = tmp_path / "mine", tmp_path / "link"
    folder.mkdir()
    make(folder)
    link.symlink_to(folder)
    before = tree(tmp_path)
    tables, cwd = {"its path": (folder, ROOT), "the current folder": (Path(), folder), "a link": (link, ROOT)}[given]
    ended = run(press, "--tables", tables, cwd=cwd)
    assert ended.returncode == 2, ended
    assert ended.stderr.startswith(f"fliesstext: {tables} is not empty (")
    assert min(path.name for path in folder.iterdir()) in ended.stderr
    assert "nothing was read or changed. Choose a new or an empty folder for the tables" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
    assert tree(tmp_path) == before
    done.add("folders in use refused")


@pytest.mark.integration
@pytest.mark.parametrize("source", ["press", "other=press", "press/*.txt", "press/1.txt", "press/../press"])
def test_a_source_is_no_tables_folder(tmp_path: Path, press: Path, source: str) -> None:
    for mark in (False, True):
        if mark:
            (press / MARKER).touch()
        before = tree(tmp_path)
        ended = run(source, "--tables", "press", cwd=tmp_path)
        assert ended.returncode == 2, ended
        assert "press is a source of this run, so it cannot hold the tables too" in ended.stderr
        assert tree(tmp_path) == before
        done.add("folders in use refused")


@pytest.mark.integration
@pytest.mark.parametrize("name", ["work", "snapshots", "failed"])
def test_a_link_in_place_of_a_folder_of_ours_is_refused(tmp_path: Path, press: Path, name: str) -> None:
    """It may lead anywhere; there is nothing of ours to remove where it leads."""
    tables, elsewhere = tmp_path / "tables", tmp_path / "elsewhere"
    run_here([press], tables)
    elsewhere.mkdir()
    project(elsewhere)
    shutil.rmtree(tables / name, ignore_errors=True)
    (tables / name).symlink_to(elsewhere / name)
    before = tree(tmp_path)
    ended = run(press, "--tables", tables)
    assert ended.returncode == 2, ended
    assert f"{tables / name} is a link or no folder" in ended.stderr
    assert tree(tmp_path) == before


@pytest.mark.integration
def test_a_source_among_what_runs_write_is_refused(tmp_path: Path, press: Path) -> None:
    tables = tmp_path / "tables"
    run_here([press], tables)
    (tables / "work").mkdir()
    for name in ("work", "snapshots"):
        source = tables / name / "raw"
        shutil.copytree(press, source)
        before = tree(tmp_path)
        ended = run(press, source, "--tables", tables)
        assert ended.returncode == 2, ended
        assert f"the source {source} lies in {tables / name}, where runs write and remove" in ended.stderr
        assert tree(tmp_path) == before


def test_tables_of_a_version_without_a_marker_go_on_once_they_are_marked(tmp_path: Path, press: Path) -> None:
    tables = tmp_path / "tables"
    first = run_here([press], tables)
    (tables / MARKER).unlink()
    before = tree(tmp_path)
    ended = run(press, "--tables", tables)
    assert ended.returncode == 2, ended
    assert f"create an empty file {tables / MARKER}" in ended.stderr
    assert tree(tmp_path) == before
    (tables / MARKER).touch()
    (press / "1.txt").unlink()
    second = run_here([press], tables)
    assert (second.counts["n_unchanged"], second.counts["n_deleted"]) == (first.counts["n_written"] - 1, 1)
    assert (tables / MARKER).read_text(encoding="utf-8").startswith("fliesstext publishes tables in this folder")


# Folders that become ours


CLAIM = """
import os, sys
from pathlib import Path
from stages.tables.store.folder import writing
from tests.faults.inject import Fault, failing, faults, kill_here
for line in sys.stdin:
    tables, at = line.rstrip("\\n").rsplit(" ", 1)
    if not os.fork():
        with faults(Fault(Path(tables), int(at), kill_here)) as fault, writing(Path(tables), "20240501T120000Z-abc123"):
            pass
        os._exit(0)
    print(-os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


@pytest.mark.integration
@pytest.mark.parametrize("empty", [True, False], ids=["an empty folder", "a new folder"])
def test_killed_at_any_step_of_making_it_ours_the_next_run_goes_on(tmp_path: Path, press: Path, empty: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", CLAIM], stdin=-1, stdout=-1, text=True, cwd=ROOT) as process:
        assert process.stdin
        assert process.stdout
        for at in range(1, 100):
            tables = tmp_path / f"tables-{at}"
            if empty:
                tables.mkdir()
            process.stdin.write(f"{tables} {at}\n")
            process.stdin.flush()
            ended = int(process.stdout.readline())
            assert run_here([press], tables).published
            assert_whole(tables)
            assert_tidy(tables)
            if ended == 0:
                break
            assert ended == signal.SIGKILL
            done.add("kills while a folder was made ours")
        process.stdin.close()
    assert at > 5, "the marker alone takes four steps"


# A folder that is ours, and in which others have put things


def test_all_that_others_put_below_the_marker_stays(tmp_path: Path, press: Path) -> None:
    """While snapshots come and go and runs are killed; of ours nothing is left but what is published."""
    tables, outside = tmp_path / "tables", tmp_path / "outside"
    project(tables)
    (tables / "latest").unlink()
    (tables / ".CURRENT.json.new").unlink()
    shutil.rmtree(tables / "work" / RUN)
    (tables / MARKER).touch()
    project(outside)
    for name in (f"work/{RUN}", f"snapshots/{RUN}", f"failed/{RUN}.json", "snapshots/link", "dangling"):
        (tables / name).symlink_to(outside if name != "dangling" else "nowhere")
    theirs = contents(tables)
    del theirs[MARKER]
    outer = tree(outside)
    for edition in range(3):
        (press / "0.txt").write_text(article(10 + edition), encoding="utf-8")
        (tables / "work" / "20240501T120001Z-abc123" / "batches").mkdir(parents=True)
        (tables / "snapshots" / "20240501T120001Z-abc123" / "blocks").mkdir(parents=True)
        assert run_here([press], tables, keep_snapshots=1).published
        assert_whole(tables)
        left = contents(tables)
        assert {name: left.get(name) for name in theirs} == theirs
    current = read_current(tables)
    assert current
    ours = {MARKER, "CURRENT.json", ".writer.lock", "latest"}
    ours |= {f"{current.snapshot}/{name}" for name in ("snapshot.json", "validation.json", "report.html")}
    ours |= {f"{current.snapshot}/{part.path}" for parts in current.tables.values() for part in parts}
    assert contents(tables).keys() - theirs.keys() == ours
    assert tree(outside) == outer


def contents(folder: Path) -> Tree:
    """Files and links below a folder, without the folders, whose times change with what is put into them."""
    return {name: entry for name, entry in tree(folder).items() if entry[2] is not None}
