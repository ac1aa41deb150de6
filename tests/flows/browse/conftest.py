"""Tables with friendly and hostile documents, the pages over them as a person starts them, and a real browser."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMAND = Path(sys.executable).with_name("fliesstext")
# Debian's and Ubuntu's names; the variable is for all others.
BROWSERS = (os.environ.get("FLIESSTEXT_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
HOSTILE_NAME = "<img src=x onerror=alert(1)>'\".txt"
HOSTILE = """\
<script>alert(document.cookie)</script> sagt Anna Huber

Der Stadtrat von Lindau hat <img src=x onerror="alert(1)"> den Verkauf des alten Gas-
werks beschlossen. {{ 7 * 7 }} {% raw %} "><svg onload=alert(2)> javascript:alert(3) \u202egnp.exe
Bürgermeisterin <b>Claudia</b> Alfons sprach am 3. Mai 2024 von &lt;4,2&gt; Millionen Euro. ' onmouseover='alert(4)
"""


class Served:
    """Pages that `fliesstext browse` serves: the process, its address, and what it wrote."""

    def __init__(self, *arguments: str | Path) -> None:
        command = [COMMAND, "browse", *arguments, "--no-open", "--port", "0"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r"http://\S+", line)
        if not found:
            self.process.kill()
        assert found, line + self.process.stderr.read()
        self.address = found[0].rstrip("/")

    def stop(self) -> str:
        self.process.terminate()
        _, said = self.process.communicate(timeout=20)
        return said


@pytest.fixture(scope="session")
def tables(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples beside a hostile document with a hostile name; read only, but for the index."""
    from flows.refresh import refresh

    home = tmp_path_factory.mktemp("browse")
    shutil.copytree(published, home / "tables", symlinks=True)
    (home / "feind").mkdir()
    (home / "feind" / HOSTILE_NAME).write_text(HOSTILE, encoding="utf-8")
    (home / "feind" / (HOSTILE_NAME + ".png")).write_bytes(b"\x89PNG")
    refresh([str(home / "feind")], str(home / "tables"), engine="fast")
    return home / "tables"


@pytest.fixture(scope="session")
def sources(tables: Path) -> list[str]:
    return [str(ROOT / "data" / "samples"), str(tables.parent / "feind")]


@pytest.fixture(scope="session")
def pages(tables: Path, sources: list[str]) -> Iterator[Served]:
    served = Served(*sources, "--tables", tables)
    yield served
    assert served.stop().count("Traceback") == 0


@pytest.fixture(scope="session")
def _edited(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    file = tmp_path_factory.mktemp("edited") / "corrections.csv"
    served = Served("--tables", tables, "--edit", "--corrections", file)
    yield served, file
    assert served.stop().count("Traceback") == 0


@pytest.fixture
def edited(_edited: tuple[Served, Path]) -> tuple[Served, Path]:
    """Pages that may be corrected, and the file of corrections, which is not there yet."""
    _edited[1].unlink(missing_ok=True)
    return _edited


@pytest.fixture(scope="session")
def browser():  # type: ignore[no-untyped-def]  # the type would be an import of what may not be there
    path = next(filter(None, map(shutil.which, filter(None, BROWSERS))), None)
    if path is None:
        pytest.skip("no Chromium is installed here (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()
