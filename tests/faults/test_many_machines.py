"""A run here, and one with sources on S3, Delta tables there and a Dask cluster, give the same rows.

The workers see no folder of the run, as on other machines: theirs is an empty one under the same path, where Linux lets
us mount it.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

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
    told = os.environ | {"PREFECT_HOME": str(home / "prefect"), "TMPDIR": str(home / "here")}
    done = subprocess.run(
        [*COMMAND, "run", *words, *options, "--confirm-deletions"],
        cwd=home, env=told, capture_output=True, text=True, check=False, timeout=300 + DOCUMENTS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def hidden(folder: Path) -> tuple[str, ...]:
    """A program that starts another one which sees an empty folder in the place of this one; none where none may."""
    mount = 'mount -t tmpfs none "$0" && exec "$@"'
    begins = ("unshare", "--mount", "sh", "-c", mount, str(folder))
    try:
        done = subprocess.run([*begins, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return ()
    return begins if done.returncode == 0 else ()


def packed() -> bytes:
    """Members of an archive, one with a sidecar, which travel as pieces of the file that holds all of them."""
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        for number in range(20_000, 20_003):
            archive.writestr(f"{number}.txt", article(number))
        archive.writestr("20001.meta.json", json.dumps({"author": "Anna Huber"}))
    return data.getvalue()


def test_the_rows_are_those_of_a_run_here(bucket: Bucket, tmp_path: Path) -> None:
    press = tmp_path / "press"
    press.mkdir()
    (tmp_path / "here").mkdir()
    (press / "packed.zip").write_bytes(packed())
    bucket.put("press/packed.zip", packed())
    for number in range(DOCUMENTS):
        (press / f"{number:05}.txt").write_text(article(number), encoding="utf-8")
        bucket.put(f"press/{number:05}.txt", article(number))
    with cluster(tmp_path, 2, before=hidden(tmp_path / "here")) as address:
        there(bucket, address, tmp_path)
        (press / "00001.txt").write_text(article(10_001), encoding="utf-8")
        bucket.put("press/00001.txt", article(10_001))
        (press / "00002.txt").unlink()
        bucket.delete("press/00002.txt")
        there(bucket, address, tmp_path)
    with fast_gate():
        run_here([press], tmp_path / "tables", engine="fast")
    assert_same(rows(f"{bucket.url}/tables"), published(tmp_path / "tables"))
    assert check_tables(f"{bucket.url}/tables", [f"press={bucket.url}/press"]).problems == []
