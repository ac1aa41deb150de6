"""Compare libraries for object stores: what listing a prefix and reading its objects one by one costs.

    python tests/benchmarks/stores.py [--objects 300]

An S3 server runs on this machine, in a process of its own; seconds are those of this process, CPU and by the clock.
Ours is obstore, through `stages.tables.store.objects`; s3fs is measured where it is installed (this installs nothing).
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.tables.store.objects import Objects
from tests.object_store import KEY, S3, SECRET, s3_server

CHARS = 3_000
PREFIX = "texts/press"


def with_obstore(_: S3) -> tuple[Callable[[], int], Callable[[], int]]:
    """List and read as sources are."""
    objects = Objects(f"s3://{PREFIX}")

    def read() -> int:
        found = [objects.read(one.path) for one in objects.list()]
        return sum(len(data) for data, _ in filter(None, found))

    return (lambda: sum(1 for _ in objects.list())), read


def with_s3fs(s3: S3) -> tuple[Callable[[], int], Callable[[], int]]:
    """List and read as the library of fsspec does; nothing is remembered from before."""
    import s3fs

    files = s3fs.S3FileSystem(key=KEY, secret=SECRET, endpoint_url=s3.endpoint, use_listings_cache=False)

    def read() -> int:
        return sum(len(files.cat_file(path)) for path in files.find(PREFIX))

    return (lambda: len(files.find(PREFIX))), read


def measure(function: Callable[[], int]) -> str:
    """CPU seconds and seconds by the clock of a call that was made once before."""
    function()
    cpu, clock = time.process_time(), time.perf_counter()
    function()
    return f"{time.process_time() - cpu:.2f} CPU s, {time.perf_counter() - clock:.2f} s by the clock"


def main() -> None:
    """Fill a bucket and measure both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=300)
    n = parser.parse_args().objects
    with s3_server() as s3:
        os.environ |= s3.environment()
        bucket = s3.make_bucket(PREFIX.partition("/")[0])
        for number in range(n):
            bucket.put(f"press/{number // 100:03}/{number:05}.txt", f"{number} ".ljust(CHARS, "x"))
        for name, library in (("obstore", with_obstore), ("s3fs", with_s3fs)):
            if not find_spec(name):
                print(f"{name} is not installed here: left out")
                continue
            listing, reading = library(s3)
            if listing() != n:
                raise SystemExit(f"{name} lists {listing()} of {n} objects")
            print(f"{name} {version(name)}, {n} objects: listed {measure(listing)}; listed and read {measure(reading)}")


if __name__ == "__main__":
    main()
