"""What docs/operations.md says to type does what it says."""

import configparser
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.cli import build_parser
from tests.faults.harness import ROOT, article, fast_gate, run_here
from tests.flows.server import RECIPE, Client, wait_for

pytestmark = pytest.mark.integration
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TYPED = dict(re.findall(r"<!-- test: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with articles/ and the tables of them in out/."""
    (tmp_path / "articles").mkdir()
    for number in range(4):
        (tmp_path / "articles" / f"{number}.txt").write_text(article(number), encoding="utf-8")
    with fast_gate():
        run_here([f"press={tmp_path / 'articles'}"], tmp_path / "out", languages=("de", "en", "fr"), engine="none")
    return tmp_path


def type_there(folder: Path, lines: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PATH": path, "PREFECT_HOME": str(folder / "prefect")}
    return subprocess.run(
        ["bash", "-euc", lines], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=280
    )


def test_every_marked_line_is_tried() -> None:
    assert set(TYPED) == {"service", "timer", "watch", "server", "automation", "backup", "upgrade", "metrics"}


def test_the_commands_of_the_page_are_commands() -> None:
    """Each line that is not typed here is understood as it stands."""
    lines = re.findall(
        r"(?:^|[ /`])fliesstext ((?:run|watch|reprocess|prune|deploy|check|metrics) [^`>\n#]*)", PAGE, re.M
    )
    assert len(lines) > 12
    for line in lines:
        words = [word.strip("'") for word in line.replace("...", "").split()]
        if "--help" not in words:
            build_parser().parse_args(words)


def test_the_units_name_what_there_is() -> None:
    units = {}
    for name in ("service", "timer", "server"):
        units[name] = configparser.ConfigParser(interpolation=None)
        units[name].optionxform = str  # type: ignore[assignment,method-assign]
        units[name].read_string(TYPED[name])
    build_parser().parse_args(units["service"]["Service"]["ExecStart"].split()[1:])
    assert units["server"]["Service"]["ExecStart"].partition("bin/")[2] in RECIPE["server"]
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "calendar", units["timer"]["Timer"]["OnCalendar"]], check=True)


def test_a_backup_is_whole_and_can_be_built_upon(desk: Path) -> None:
    done = type_there(desk, TYPED["backup"])
    assert (done.returncode, "all right" in done.stdout) == (0, True), done.stderr
    with fast_gate():
        again = run_here([f"press={desk / 'articles'}"], desk / "backup", languages=("de", "en", "fr"), engine="none")
    assert (again.published, again.counts["n_unchanged"]) == (False, 4)


def test_the_metrics_can_be_collected(desk: Path) -> None:
    assert type_there(desk, TYPED["metrics"]).returncode == 0
    found = text_string_to_metric_families((desk / "fliesstext.prom").read_text(encoding="utf-8"))
    assert "fliesstext_finished_timestamp_seconds" in {family.name for family in found}


def test_an_upgrade_makes_again_what_older_stages_made(desk: Path) -> None:
    """The tables are of another engine, which is outdated in the same way; nothing is installed here."""
    lines = [line for line in TYPED["upgrade"].splitlines() if not line.startswith("pip install")]
    assert len(lines) == 3
    done = type_there(desk, "\n".join(f"{line} --engine fast" if "check" not in line else line for line in lines))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 documents to be made again: 4 were, 0 wait" in " ".join(done.stdout.split())


def withheld(client: Client) -> list[dict[str, Any]]:
    events = client.ask("/events/filter", filter={"event": {"name": ["fliesstext.deletions.withheld"]}})["events"]
    return [event for event in events if str(client.folder) in event["resource"]["prefect.resource.id"]]


def test_withheld_deletions_pause_the_nights(client: Client) -> None:
    articles = client.folder / "articles"
    for number in range(20):
        (articles / f"{number}.txt").write_text(article(number), encoding="utf-8")
    served = client.folder / "serve.log"
    serving = client.start(f"fliesstext serve press={articles} --tables out --engine none --cron '0 3 1 1 *'", served)
    try:
        wait_for("serve", lambda: "refresh/ad-hoc" in served.read_text(errors="replace"), serving)
        assert client.ended(client.trigger("ad-hoc"))["state_type"] == "COMPLETED"
        client.type(TYPED["automation"])
        assert not client.deployments()["nightly"]["paused"]
        for number in range(20):
            (articles / f"{number}.txt").unlink()
        run = client.ended(client.trigger("ad-hoc"))
        assert run["state_name"] == "DeletionsWithheld"
        wait_for("the pause", lambda: client.deployments()["nightly"]["paused"], serving)
        wait_for("the event", lambda: withheld(client))
        (event,) = withheld(client)
        assert event["resource"]["prefect.resource.id"] == f"fliesstext.tables.{client.folder / 'out'}"
        assert event["payload"]["documents"] == {"press": 20}
        assert event["payload"]["snapshot"] == client.current()["snapshot"]
    finally:
        serving.send_signal(signal.SIGINT)
        serving.wait(60)
