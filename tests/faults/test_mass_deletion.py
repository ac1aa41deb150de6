"""A source that is empty, unmounted or broken never empties the tables; a renamed one is no deletion."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import cli
from flows.report import notes
from stages.errors import UsageError
from tests.faults.harness import article, assert_same, fast_gate, published, run_here

N = 20


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    """A source of 20 documents that are published in tmp_path/tables."""
    folder = tmp_path / "press"
    (folder / "sub").mkdir(parents=True)
    for i in range(N):
        (folder / "sub" / f"{i:02}.txt").write_text(article(i), encoding="utf-8")
    run_here([folder], tmp_path / "tables", confirm_deletions=False)
    return folder


def empty(folder: Path) -> None:
    shutil.rmtree(folder / "sub")


def mostly_gone(folder: Path) -> None:
    for i in range(10):
        (folder / "sub" / f"{i:02}.txt").unlink()


def broken_links(folder: Path) -> None:
    """What a folder of links into an unmounted disk looks like."""
    for i in range(15):
        path = folder / "sub" / f"{i:02}.txt"
        path.unlink()
        path.symlink_to("/nowhere/mounted")


def became_pipes(folder: Path) -> None:
    for path in list((folder / "sub").iterdir()):
        path.unlink()
        os.mkfifo(path)


@pytest.mark.parametrize(("accident", "lost"), [(empty, 20), (mostly_gone, 10), (broken_links, 15), (became_pipes, 20)])
def test_an_accident_empties_nothing(tmp_path: Path, press: Path, accident: object, lost: int) -> None:
    tables = tmp_path / "tables"
    before = published(tables)
    saved = shutil.copytree(press, tmp_path / "saved")
    accident(press)  # type: ignore[operator]

    report = run_here([press], tables, confirm_deletions=False)

    assert not report.published
    assert report.withheld == lost
    assert any("--confirm-deletions" in note for note in notes(report))
    assert_same(published(tables), before)

    (press / "new.txt").write_text(article(99), encoding="utf-8")
    report = run_here([press], tables, confirm_deletions=False)
    assert (report.counts["n_written"], report.rows["documents"]) == (1, N + 1), "what is new is published all the same"

    confirmed = run_here([press], tables, confirm_deletions=True)
    assert confirmed.rows["documents"] == N + 1 - lost

    shutil.rmtree(press)
    saved.rename(press)
    run_here([press], tables, confirm_deletions=True)
    assert_same(published(tables), before)


def test_some_deletions_pass(tmp_path: Path, press: Path) -> None:
    for i in range(9):
        (press / "sub" / f"{i:02}.txt").unlink()
    report = run_here([press], tmp_path / "tables", confirm_deletions=False)
    assert (report.withheld, report.counts["n_deleted"], report.rows["documents"]) == (0, 9, N - 9)


def test_the_share_can_be_set(tmp_path: Path, press: Path) -> None:
    mostly_gone(press)
    report = run_here([press], tmp_path / "tables", confirm_deletions=False, max_deleted=0.5)
    assert (report.withheld, report.rows["documents"]) == (0, N - 10)


def test_a_renamed_folder_is_no_deletion(tmp_path: Path, press: Path) -> None:
    (press / "sub").rename(press / "renamed")
    report = run_here([press], tmp_path / "tables", confirm_deletions=False)
    assert (report.withheld, report.rows["documents"]) == (0, N)
    run_here([press], tmp_path / "fresh")
    assert_same(published(tmp_path / "tables"), published(tmp_path / "fresh"))


def test_a_moved_mount_is_no_change(tmp_path: Path, press: Path) -> None:
    elsewhere = press.rename(tmp_path / "elsewhere")
    assert not run_here([f"press={elsewhere}"], tmp_path / "tables", confirm_deletions=False).published


def test_a_missing_source_is_wrong_usage(tmp_path: Path, press: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = published(tmp_path / "tables")
    press.rename(tmp_path / "unmounted")
    with pytest.raises(UsageError, match="nothing was read or changed"):
        run_here([press], tmp_path / "tables")
    assert cli.main(["run", str(press), "--tables", str(tmp_path / "tables")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert_same(published(tmp_path / "tables"), before)


def test_a_folder_that_cannot_be_listed(tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a share that fails below its mount point does; also in the middle of the walk."""
    scandir = os.scandir

    def failing(path: object) -> object:
        if str(path).endswith("/sub"):
            raise OSError(5, "Input/output error")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", failing)
    report = run_here([press], tmp_path / "tables", confirm_deletions=False)
    assert report.withheld == 0, "what cannot be seen is not taken for gone"
    assert report.rows["documents"] == N
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/sub", "unreadable")]
