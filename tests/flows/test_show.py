"""`fliesstext show` as a user calls it: what is wrong with what was named, and what to do."""

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("fliesstext")


def show(path: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "show", "--engine", "fast", path], cwd=folder, capture_output=True, text=True, check=False
    )


def make_files(folder: Path) -> None:
    (folder / "texte" / "neu").mkdir(parents=True)
    (folder / "leer").mkdir()
    (folder / "bilder").mkdir()
    (folder / "mit Leerzeichen").mkdir()
    (folder / "mit Leerzeichen" / "a b.txt").write_text("Das Rathaus.", encoding="utf-8")
    (folder / "bilder" / "foto.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "texte" / "neu" / "rathaus.txt").write_text("Das Rathaus wird saniert.", encoding="utf-8")
    (folder / "texte" / ".DS_Store").write_bytes(b"\0")
    (folder / "weg.txt").symlink_to("nirgends.txt")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "texte",
            "texte is a folder, and show takes one file, for example: fliesstext show texte/neu/rathaus.txt; for all",
        ),
        ("mit Leerzeichen", "show 'mit Leerzeichen/a b.txt'; for all of them: fliesstext run 'mit Leerzeichen'"),
        ("leer", "leer is an empty folder, or one that cannot be listed: there is nothing to show; name a text file"),
        ("bilder", "bilder is a folder without a file that is read (texts, PDFs, web pages, office documents, mails)"),
        ("texte/neu/ratthaus.txt", "there is no such file; is it texte/neu/rathaus.txt?"),
        ("nicht/da.txt", "nicht/da.txt: there is no such file; check the path"),
        ("x" * 3_000, "there is no such file; check the path"),
        ("weg.txt", "weg.txt is a link that leads to no file; repair it, or name the file itself"),
        ("", ". is a folder, and show takes one file"),
        (
            "bilder/foto.jpg",
            "would be quarantined as needs_ocr: a picture; if it is of a page, have its text recognised with --ocr",
        ),
    ],
)
def test_what_is_wrong_and_what_to_do(tmp_path: Path, path: str, said: str) -> None:
    make_files(tmp_path)
    done = show(path, tmp_path)
    assert said in done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, "one line, no traceback"


@pytest.mark.parametrize(
    ("name", "data", "head"),
    [
        ("ein.txt", b"x", "ein.txt: und (0.00), utf-8, 1 blocks"),
        ("Bericht Dr. Müller", b"Das Rathaus wird saniert.", "Bericht Dr. Müller: de"),
        ("Stand 12.5.", b"Das Rathaus wird saniert.", "Stand 12.5.: de"),
        ("Fassung v1.2.gz", gzip.compress(b"Das Rathaus wird saniert.", mtime=0), "Fassung v1.2.gz: de"),
        (
            "nullen.txt",
            b"Das Rath\0aus wird saniert." + b"\0" * 486,
            "nullen.txt: de (1.00), utf-8, 1 blocks, 0 mentions, 2",
        ),
    ],
)
def test_files_that_are_texts(tmp_path: Path, name: str, data: bytes, head: str) -> None:
    (tmp_path / name).write_bytes(data)
    done = show(name, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(head)
    assert ("Das Rathaus wird saniert." in done.stdout) == (data != b"x")


def unreadable(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0)


def a_file(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("make", [unreadable, a_file])
def test_what_cannot_be_looked_into(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "zu")
    done = show("zu", tmp_path)
    (tmp_path / "zu").chmod(0o700)
    assert done.returncode == 2
    assert done.stderr.startswith("fliesstext: zu ")
    assert done.stderr.count("\n") == 1


def test_what_sidecars_say_is_shown_of_files_and_of_members(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Der Rat tagte am vergangenen Freitag.", encoding="utf-8")
    said = {"author": "Eva Muster", "published": "2024-03-05"}
    (tmp_path / "a.meta.json").write_text(json.dumps(said), encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.write(tmp_path / "a.txt", "b/a.txt")
        out.write(tmp_path / "a.meta.json", "b/a.txt.meta.json")
    for path in ("a.txt", "a.zip!/b/a.txt", f"{tmp_path}/a.txt"):
        shown = show(path, tmp_path)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "author: Eva Muster (sidecar author)" in shown.stdout
        assert "published_at: 2024-03-05 (sidecar published)" in shown.stdout
        assert "names: trained" in shown.stdout.splitlines()[0], "one line, however long"
    missed = show("a.zip!/b/b.txt", tmp_path)
    assert "a.zip has no member b/b.txt, but 2 others, for example: fliesstext show 'a.zip!/b/a.txt'" in missed.stderr
    (tmp_path / "a.meta.json").write_text("{", encoding="utf-8")
    assert "would be quarantined as damaged: the sidecar a.meta.json is no JSON" in show("a.txt", tmp_path).stderr
