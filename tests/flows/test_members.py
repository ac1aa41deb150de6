"""Members of containers are sources of their own: written, unchanged, changed, moved, deleted like files."""

import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pytest

from flows.report import RunReport
from stages.discover.sources import open_source
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import article, assert_same, assert_tidy, fast_gate, published, run_here


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    (folder / "plain.txt").write_text(article(0), encoding="utf-8")
    pack(folder / "year.zip", {"01/a.txt": article(1), "01/b.txt": article(2), "c.txt": article(3)})
    return folder


def pack(archive: Path, members: dict[str, str]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in members.items():
            out.writestr(name, text)


def run(press: Path, **settings: object) -> RunReport:
    return run_here([press], press.parent / "tables", engine="fast", **settings)


def statuses(press: Path) -> dict[str, str]:
    tables = press.parent / "tables"
    rows = read_table(tables, read_current(tables), "sources").select("source_uri", "status")
    return dict(rows.iter_rows())


def counts(report: RunReport) -> tuple[int, ...]:
    return tuple(report.counts[f"n_{name}"] for name in ("written", "unchanged", "duplicate", "quarantined", "deleted"))


def assert_like_a_fresh_run(press: Path) -> None:
    run_here([press], press.parent / "fresh", engine="fast")
    found, expected = published(press.parent / "tables"), published(press.parent / "fresh")
    assert_same(found, expected)
    assert_tidy(press.parent / "tables")


def test_every_member_is_written_once_and_the_container_is_opened(press: Path) -> None:
    assert counts(run(press)) == (4, 0, 0, 0, 0)
    assert statuses(press) == {
        "press/plain.txt": "written",
        "press/year.zip": "opened",
        "press/year.zip!/01/a.txt": "written",
        "press/year.zip!/01/b.txt": "written",
        "press/year.zip!/c.txt": "written",
    }
    again = run(press)
    assert (counts(again), again.published) == ((0, 4, 0, 0, 0), False)


def test_an_unchanged_container_is_not_opened_again(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(press)

    def never(*_: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr("stages.discover.members.members_of", never)
    assert counts(run(press)) == (0, 4, 0, 0, 0)


def test_only_the_member_that_changed_is_written_again(press: Path) -> None:
    run(press)
    pack(press / "year.zip", {"01/a.txt": article(1), "01/b.txt": article(7), "d.txt": article(3), "e.txt": article(4)})
    # b changed, c is called d now, e is new.
    report = run(press)
    assert counts(report) == (3, 2, 0, 0, 1)
    assert statuses(press)["press/year.zip!/c.txt"] == "deleted"
    assert_like_a_fresh_run(press)


def test_a_container_that_goes_takes_its_members_along_but_not_unasked(press: Path) -> None:
    run(press)
    (press / "year.zip").unlink()
    held = run(press, confirm_deletions=False, min_deleted=2)
    assert (counts(held), held.withheld) == ((0, 1, 0, 0, 0), {"press": 3})
    assert counts(run(press)) == (0, 1, 0, 0, 3)
    assert_like_a_fresh_run(press)


def test_the_same_text_in_a_file_and_in_a_container_is_written_once(press: Path) -> None:
    (press / "copy.txt").write_text(article(1), encoding="utf-8")
    assert counts(run(press)) == (4, 0, 1, 0, 0)
    assert statuses(press)["press/year.zip!/01/a.txt"] == "duplicate"
    (press / "copy.txt").unlink()
    assert counts(run(press)) == (1, 3, 0, 0, 1)
    assert_like_a_fresh_run(press)


def test_a_damaged_container_costs_no_other_source(press: Path) -> None:
    whole = (press / "year.zip").read_bytes()
    (press / "cut.zip").write_bytes(whole[: len(whole) // 2])
    pack(press / "bad.zip", {"fine.txt": article(8), "picture.jpg": "no text"})
    report = run(press)
    assert counts(report) == (5, 0, 0, 2, 0)
    reasons = {uri: code for uri, code, _ in report.quarantined}
    assert reasons == {"press/cut.zip": "broken_archive", "press/bad.zip!/picture.jpg": "unsupported_format"}
    again = run(press)
    assert (counts(again), again.published) == ((0, 5, 0, 2, 0), False)
    (press / "cut.zip").write_bytes(whole.replace(b"c.txt", b"f.txt"))
    assert statuses(press)["press/cut.zip"] == "quarantined"
    run(press)
    assert statuses(press)["press/cut.zip"] == "opened"
    assert_like_a_fresh_run(press)


def test_a_damaged_container_is_not_read_again_until_it_changes(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {f"{n}.txt": article(n) * 40 for n in range(20, 25)}
    with tarfile.open(press / "cut.tar", "w") as out:
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            out.addfile(info, io.BytesIO(text.encode()))
    whole = (press / "cut.tar").read_bytes()
    (press / "cut.tar").write_bytes(whole[: len(whole) // 2])
    (press / "broken.zip").write_bytes((press / "year.zip").read_bytes()[:-30])
    long_ago = 1_700_000_000
    for file in press.iterdir():
        os.utime(file, (long_ago, long_ago))
    assert counts(run(press)) == (6, 0, 0, 2, 0)

    opened: list[str] = []

    def opening(path: Path) -> BinaryIO:
        opened.append(path.name)
        return open_source(path)

    monkeypatch.setattr("stages.discover.members.open_source", opening)
    monkeypatch.setattr("stages.discover.files.open_source", opening)
    again = run(press)
    assert (counts(again), again.published, opened) == ((0, 6, 0, 2, 0), False, [])
    assert {code for _, code, _ in again.quarantined} == {"broken_archive"}
    run(press, exclude=("0.txt",))  # opened in another way, the members may be others
    assert sorted(set(opened)) == ["broken.zip", "cut.tar", "year.zip"]
    (press / "cut.tar").write_bytes(whole)
    assert counts(run(press)) == (3, 6, 0, 1, 0)
    (press / "broken.zip").unlink()
    (press / "cut.tar").unlink()
    assert counts(run(press)) == (0, 4, 0, 0, 6)
    assert_like_a_fresh_run(press)


def test_an_empty_container_is_no_silence(press: Path) -> None:
    pack(press / "empty.zip", {})
    report = run(press)
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/empty.zip", "empty")]
    assert not run(press).published


def test_what_another_version_would_open_is_opened_then(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("stages.discover.files.holds_members", lambda *_: False)
        patched.setattr("stages.discover.members.holds_members", lambda *_: False)
        assert counts(run(press)) == (1, 0, 0, 1, 0)
    assert counts(run(press)) == (3, 1, 0, 0, 0)
    assert_like_a_fresh_run(press)


def test_a_container_that_cannot_be_read_for_a_while_keeps_its_members(
    press: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(press)
    with zipfile.ZipFile(press / "year.zip", "a") as out:
        out.writestr("new.txt", article(9))
    real = os.open

    def refusing(path: object, *arguments: object, **named: object) -> int:
        if str(path).endswith("year.zip"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refusing)
        report = run(press)
    assert counts(report) == (0, 1, 0, 1, 0)
    tables = press.parent / "tables"
    assert read_table(tables, read_current(tables), "documents").height == 4
    assert counts(run(press)) == (1, 4, 0, 0, 0)
    assert_like_a_fresh_run(press)


def test_a_container_within_a_container(press: Path) -> None:
    inner = press.parent / "inner.zip"
    pack(inner, {"deep.txt": article(5)})
    with zipfile.ZipFile(press / "outer.zip", "w") as out:
        out.write(inner, "box/inner.zip")
    run(press)
    assert statuses(press)["press/outer.zip!/box/inner.zip!/deep.txt"] == "written"


def test_what_is_excluded_hidden_or_temporary_is_passed_over_within_containers_too(press: Path) -> None:
    pack(press / "mixed.zip", {"a.txt": article(6), ".hidden/b.txt": article(7), "notes/c.txt": article(8)})
    report = run(press, exclude=("notes/",))
    assert counts(report) == (5, 0, 0, 0, 0)
    assert report.passed_over == {"press": {"excluded": 1, "hidden": 1}}
    assert counts(run(press, exclude=("notes/", "01/"))) == (0, 3, 0, 0, 0), "what a run does not speak for stands"
    tables = press.parent / "tables"
    assert read_table(tables, read_current(tables), "documents").height == 5
    assert counts(run(press)) == (1, 5, 0, 0, 0), "what is no longer excluded is read"


def test_a_path_that_leads_out_is_told_and_not_taken_for_a_hidden_file(press: Path) -> None:
    pack(press / "evil.zip", {"a.txt": article(6), "../../etc/b.txt": article(7)})
    report = run(press)
    assert [(uri, code) for uri, code, _ in report.quarantined] == [
        ("press/evil.zip!/%2E%2E/%2E%2E/etc/b.txt", "unsafe_path")
    ]
    assert report.passed_over == {}
    assert not run(press).published
    (press / "evil.zip").unlink()
    assert run(press, confirm_deletions=True).quarantined == []


def test_a_folder_whose_name_ends_like_a_container_is_no_container(press: Path) -> None:
    (press / "odd!").mkdir()
    (press / "odd!" / "a.txt").write_text(article(6), encoding="utf-8")
    run(press)
    assert statuses(press)["press/odd%21/a.txt"] == "written"
    assert counts(run(press)) == (0, 5, 0, 0, 0)


def test_members_keep_their_words(press: Path) -> None:
    """What is read of a member is what the same text in a file is."""
    (press / "a.txt").write_text(article(1), encoding="utf-8")
    run(press)
    tables = press.parent / "tables"
    documents = read_table(tables, read_current(tables), "documents").sort("source_uri")
    texts = dict(documents.select("source_uri", "text").iter_rows())
    alone = press.parent / "alone"
    alone.mkdir()
    (alone / "b.txt").write_text(article(2), encoding="utf-8")
    run_here([alone], press.parent / "other", engine="fast")
    other = read_table(press.parent / "other", read_current(press.parent / "other"), "documents")
    assert texts["press/year.zip!/01/b.txt"] == other["text"][0]
    assert documents.filter(pl.col("source_uri").str.contains("!/"))["n_joins"].min() == 0


def test_a_renamed_file_is_what_its_new_path_tells(press: Path) -> None:
    named = {"path_pattern": "{published:%Y-%m}_*"}
    (press / "plain.txt").rename(press / "2024-03_rat.txt")
    run(press, **named)
    (press / "2024-03_rat.txt").rename(press / "2024-04_rat.txt")
    run(press, **named)
    tables = press.parent / "tables"
    rows = read_table(tables, read_current(tables), "documents").filter(source_uri="press/2024-04_rat.txt")
    assert rows["published_at"].dt.to_string("%Y-%m").to_list() == ["2024-04"]


def test_a_container_that_becomes_a_folder_of_its_name_and_back(press: Path) -> None:
    run(press)
    packed = (press / "year.zip").read_bytes()
    (press / "year.zip").unlink()
    (press / "year.zip").mkdir()
    (press / "year.zip" / "c.txt").write_text(article(3), encoding="utf-8")
    run(press)
    assert statuses(press)["press/year.zip/c.txt"] == "written"
    assert statuses(press)["press/year.zip"] == "deleted"
    assert_like_a_fresh_run(press)
    (press / "year.zip" / "c.txt").unlink()
    (press / "year.zip").rmdir()
    (press / "year.zip").write_bytes(packed)
    run(press)
    assert statuses(press)["press/year.zip!/c.txt"] == "written"
    assert not run(press).published


def test_names_of_members_with_control_characters_and_marks(press: Path) -> None:
    names = ("a\x1b[31m.txt", "b\n.txt", "x!/y.txt", "100%.txt", "Bu\u0308rger.txt")
    pack(press / "odd.zip", {name: article(10 + n) for n, name in enumerate(names)})
    assert counts(run(press)) == (9, 0, 0, 0, 0)
    assert all(uri.isprintable() for uri in statuses(press))
    assert counts(run(press)) == (0, 9, 0, 0, 0)
    assert_like_a_fresh_run(press)


def test_a_container_that_changes_between_discovery_and_reading(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import flows.steps as steps

    real = steps.unpack

    def late(*about: object, **named: object) -> pl.DataFrame:
        pack(press / "year.zip", {"01/a.txt": article(1), "c.txt": article(9), "c.meta.json": "{}"})
        return real(*about, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(steps, "unpack", late)
        report = run(press)
    reasons = {uri.rpartition("/")[2]: code for uri, code, _ in report.quarantined}
    assert reasons == dict.fromkeys(("b.txt", "c.txt"), "changed_while_reading")
    run(press)
    assert_like_a_fresh_run(press)
