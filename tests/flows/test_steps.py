"""Steps of a run that need no Prefect."""

from pathlib import Path

from expectations.gate import Verdict
from flows import judging


def test_what_failed_runs_leave_is_bounded(tmp_path: Path) -> None:
    verdict = Verdict(1, ("no",), (), ())
    for number in range(30):
        judging._keep_failed(tmp_path / "failed", f"run-{number:03}", verdict)
    left = sorted(file.name for file in (tmp_path / "failed").iterdir())
    assert left == [f"run-{number:03}.json" for number in range(20, 30)]
