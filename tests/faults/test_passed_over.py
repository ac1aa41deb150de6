"""What is no text of the user's is passed over, counted and said: tables below a source, hidden and temporary files."""

import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from flows.report import RunReport, as_markdown, notes, print_report
from stages.tables.store.snapshots import read_current
from tests.faults.harness import COMMAND, article, assert_same, fast_gate, published, run_here


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


def write(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(article(number, 1), encoding="utf-8")
    return folder


def shown(report: RunReport) -> str:
    screen = StringIO()
    print_report(report, Console(file=screen, width=200))
    return screen.getvalue()


@pytest.mark.integration
def test_tables_in_the_folder_that_is_read(tmp_path: Path) -> None:
    """As people try it: in the folder with the texts, the tables beside them."""
    write(tmp_path, "a.txt", "sub/b.txt", ".git/config", ".DS_Store", "sub/~$b.docx")
    command = [*COMMAND, "run", ".", "--tables", "out", "--engine", "fast"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    assert "2 sources = 2 written + 0 unchanged + 0 duplicate + 0 quarantined" in first.stdout
    assert "Passed over: 4 (2 hidden, 1 tables folder, 1 temporary)." in first.stdout
    before, pointer = published(tmp_path / "out"), read_current(tmp_path / "out")
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert "Nothing to do" in second.stdout
    assert read_current(tmp_path / "out") == pointer, "the second run publishes nothing"
    assert before["quarantine"].is_empty()
    third = subprocess.run(
        [*command, "--include", "*.txt", "--include", ".git/", "--exclude", "sub/"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert third.returncode == 0, third.stderr
    assert "2 sources = 1 written + 1 unchanged + 0 duplicate + 0 quarantined" in third.stdout
    assert "Passed over: 3 (1 excluded, 1 hidden, 1 tables folder)." in third.stdout
    uris = published(tmp_path / "out")["documents"]["source_uri"].to_list()
    assert sorted(uri.partition("/")[2] for uri in uris) == [".git/config", "a.txt", "sub/b.txt"]


def test_other_endings_are_passed_over_instead_of_quarantined(tmp_path: Path) -> None:
    press = write(tmp_path / "press", "a.txt", "b.md", "c.csv", "d.py", "README")
    report = run_here([press], tmp_path / "tables", engine="fast")
    assert (report.counts["n_written"], len(report.quarantined), report.passed_over) == (3, 2, {})
    for suffixes, written, n in ((["txt", ".MD"], 2, 3), ([".txt", ""], 2, 3), ([".py"], 0, 4)):
        tables = tmp_path / ("tables" + "".join(suffixes))
        report = run_here([press], tables, engine="fast", suffixes=suffixes)
        assert (report.counts["n_written"], report.passed_over) == (written, {"press": {"other suffix": n}})
        assert {uri for uri, _, _ in report.quarantined} == ({"press/d.py"} if suffixes == [".py"] else set())


def test_what_is_passed_over_now_stands_as_it_was(tmp_path: Path) -> None:
    press, tables = write(tmp_path / "press", "a.txt", "entwurf/b.txt", "c.csv"), tmp_path / "tables"
    run_here([press], tables, engine="fast")
    before = published(tables)
    (press / "entwurf" / "b.txt").unlink()
    report = run_here([press], tables, engine="fast", exclude=["entwurf/"], suffixes=[".txt"])
    assert not report.published
    assert report.quarantined == [], "the report speaks of what this run looked at"
    assert_same(published(tables), before)
    report = run_here([press], tables, engine="fast")
    assert report.counts["n_deleted"] == 1


def test_the_report_counts_what_was_passed_over(tmp_path: Path) -> None:
    press = write(tmp_path / "press", "a.txt", *(f".git/{n}" for n in range(5)), *(f".{n}" for n in range(8)))
    web = write(tmp_path / "web", "b.txt", "c.tmp", "d.tmp", ".env")
    report = run_here([press, web], tmp_path / "tables", engine="fast")
    assert report.passed_over == {"press": {"hidden": 9}, "web": {"hidden": 1, "temporary": 2}}
    for text in (shown(report), as_markdown(report)):
        assert "Passed over: 12 (10 hidden, 2 temporary)." in text


@pytest.mark.parametrize(
    ("names", "settings", "said", "advice"),
    [
        ([], {}, "holds no file", "Check the path"),
        ([".a.txt", "b.tmp"], {}, "passed over: 2 (1 hidden, 1 temporary)", "change --include"),
        (["a.txt"], {"exclude": ["*.txt"]}, "passed over: 1 (1 excluded)", "change --exclude"),
        (["a.txt"], {"suffixes": [".md"]}, "passed over: 1 (1 other suffix)", "change --suffixes"),
        (["a.txt"], {"include": ["*.md"]}, "passed over: 1 (1 not included)", "change --include"),
        ([".fliesstext-tables"], {}, "passed over: 1 (1 tables folder)", "name another folder"),
    ],
)
def test_a_source_without_anything_to_read(
    tmp_path: Path, names: list[str], settings: dict[str, list[str]], said: str, advice: str
) -> None:
    press = write(tmp_path / "press", *names)
    press.mkdir(exist_ok=True)
    report = run_here([press], tmp_path / "tables", **settings)
    assert report.empty == {"press": str(press)}
    (note,) = notes(report)
    assert note.startswith(f"Nothing to read in {press} (source press)")
    assert said in note
    assert advice in note
    assert note in shown(report)
    assert "--" not in as_markdown(report).replace("|---", ""), "Prefect has no command line"
    assert not report.published


@pytest.mark.integration
def test_the_command_on_an_empty_folder(tmp_path: Path) -> None:
    """Exit code 0: there may be texts tomorrow; the message says what was looked at."""
    (tmp_path / "press").mkdir()
    command = [*COMMAND, "run", "press", "--tables", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"Nothing to read in {tmp_path / 'press'} (source press)" in " ".join(done.stdout.split())
    assert "Check the path" in done.stdout
