"""What changed since yesterday, or since any time: sources with how they ended. Needs the tables alone.

python examples/changes.py data/tables 2026-11-27
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

tables, since = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]).replace(tzinfo=UTC)
snapshot = tables / json.loads((tables / "CURRENT.json").read_text(encoding="utf-8"))["snapshot"]
runs = pl.read_parquet(snapshot / "runs").filter(pl.col("started_at") >= since)
sources = pl.read_parquet(snapshot / "sources")
changed = sources.filter(pl.col("last_changed_run").is_in(runs["run_id"].implode())).sort("source_uri")
for uri, status, reason in changed.select("source_uri", "status", "reason").iter_rows():
    print(f"{status:12} {uri}" + (f"  ({reason})" if reason else ""))
