"""Steps of a run that need no Prefect."""

from pathlib import Path

from expectations.gate import Verdict
from flows import steps


def test_what_failed_runs_leave_is_bounded(tmp_path: Path) -> None:
    verdict = Verdict(1, ("no",), (), ())
    (tmp_path / "failed").mkdir()
    for name in ("0.json", "20240501T120000Z-00000.json", "zz.json"):
        (tmp_path / "failed" / name).write_text("somebody else's")
    for number in range(30):
        steps._keep_failed(tmp_path, f"20240501T1200{number:02}Z-000000", verdict)
    # The clock is set back: what has just failed stays, although it sorts before all others.
    steps._keep_failed(tmp_path, "20010101T000000Z-000000", verdict)
    left = sorted(file.name for file in (tmp_path / "failed").iterdir())
    assert left == [
        "0.json",
        "20010101T000000Z-000000.json",
        "20240501T120000Z-00000.json",
        *(f"20240501T1200{number:02}Z-000000.json" for number in range(21, 30)),
        "zz.json",
    ]
