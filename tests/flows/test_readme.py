"""What the README promises is run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stages.reflow import reflow

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SNIPPETS = dict(re.findall(r"<!-- snippet: (\w+) -->\n```python\n(.*?)```", README, re.DOTALL))


def test_the_broken_text_is_mended_as_shown() -> None:
    broken, mended = re.findall(r"```text\n(.*?)```", README, re.DOTALL)[:2]
    assert [block.text for block in reflow(broken).blocks] == [" ".join(mended.split())]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["polars", "duckdb", "views", "pandas", "pyarrow"])
def test_the_snippet_reads_the_tables(name: str, published: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tables").symlink_to(published)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SNIPPETS[name]], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_reader_has_its_snippet() -> None:
    assert set(SNIPPETS) == {"polars", "duckdb", "views", "pandas", "pyarrow"}
