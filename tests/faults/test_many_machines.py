"""A run here, and one with sources on S3, Delta tables there and a Dask cluster, give the same rows."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.check import check_tables
from tests.faults.harness import COMMAND, article, assert_same, fast_gate, published, run_here
from tests.faults.test_object_store import rows
from tests.flows.execute.test_dask import cluster
from tests.object_store import Bucket, s3_server

pytestmark = pytest.mark.integration
DOCUMENTS = int(os.environ.get("FLIESSTEXT_MANY_DOCUMENTS", "60"))
"""In the gate as few as show it; docs/operations.md says how many more, and how long that takes."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with s3_server() as s3:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)  # the workers inherit it
        yield s3.make_bucket("texts")


def there(bucket: Bucket, address: str, home: Path) -> None:
    words = (f"press={bucket.url}/press", "--tables", f"{bucket.url}/tables", "--dask", address)
    options = ("--engine", "fast", "--languages", "de", "--batch-size", str(max(5, DOCUMENTS // 20)))
    told = os.environ | {"PREFECT_HOME": str(home / "prefect")}
    done = subprocess.run(
        [*COMMAND, "run", *words, *options, "--confirm-deletions"],
        cwd=home, env=told, capture_output=True, text=True, check=False, timeout=300 + DOCUMENTS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_rows_are_those_of_a_run_here(bucket: Bucket, tmp_path: Path) -> None:
    press = tmp_path / "press"
    press.mkdir()
    for number in range(DOCUMENTS):
        (press / f"{number:05}.txt").write_text(article(number), encoding="utf-8")
        bucket.put(f"press/{number:05}.txt", article(number))
    with cluster(tmp_path, 2) as address:
        there(bucket, address, tmp_path)
        (press / "00001.txt").write_text(article(10_001), encoding="utf-8")
        bucket.put("press/00001.txt", article(10_001))
        (press / "00002.txt").unlink()
        bucket.delete("press/00002.txt")
        there(bucket, address, tmp_path)
    with fast_gate():
        run_here([press], tmp_path / "here", engine="fast")
    assert_same(rows(f"{bucket.url}/tables"), published(tmp_path / "here"))
    assert check_tables(f"{bucket.url}/tables", [f"press={bucket.url}/press"]).problems == []
