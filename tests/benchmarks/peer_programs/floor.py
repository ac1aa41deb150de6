"""Reading and writing alone: ``python floor.py SOURCE OUT``."""

import sys
from pathlib import Path

import polars as pl

source, out = map(Path, sys.argv[1:])
files = sorted(source.rglob("*.txt"))
texts = [file.read_bytes().decode() for file in files]
pl.DataFrame({"source": [str(file) for file in files], "text": texts}).write_parquet(out / "documents.parquet")
