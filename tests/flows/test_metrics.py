"""Metrics are what the tables say, in the form that Prometheus itself parses."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.cli import main
from tests.faults.harness import article, fast_gate, run_here


@pytest.mark.parametrize("form", ["parquet", "delta"])
def test_metrics_say_what_the_tables_say(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    press, tables = tmp_path / "press", tmp_path / "tables"
    press.mkdir()
    for number in range(3):
        (press / f"{number}.txt").write_text(article(number), encoding="utf-8")
    (press / "leer.txt").touch()
    with fast_gate():
        report = run_here([press], tables, engine="none", table_format=form)
    assert main(["metrics", "--tables", str(tables)]) == 0
    families = text_string_to_metric_families(capsys.readouterr().out)
    found = {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}
    assert found["fliesstext_run_count", "written"] == 3
    assert found["fliesstext_quarantined", "empty"] == 1
    assert found["fliesstext_rows", "documents"] == report.rows["documents"] == 3
    assert found["fliesstext_stage_seconds", "read"] > 0
    assert found["fliesstext_finished_timestamp_seconds",] >= found["fliesstext_started_timestamp_seconds",] > 1.7e9
    assert main(["metrics", "--tables", str(press)]) == 2
