"""The deployments of prefect.yaml on a work pool with a worker, set up by the commands in its head."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.server import ROOT, Client, assert_cancelled, start_long_work, wait_for

pytestmark = pytest.mark.integration

HEAD = re.findall(r"^#   (prefect .+)$", (ROOT / "prefect.yaml").read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.fixture(scope="module")
def clone(client: Client) -> Client:
    """Somebody in a clone of the repository, who has typed the commands but for the last, which works."""
    for name in ("flows", "stages", "expectations"):
        (client.folder / name).symlink_to(ROOT / name)
    (client.folder / "data").mkdir()
    (client.folder / "data" / "samples").symlink_to(ROOT / "data" / "samples")
    shutil.copy(ROOT / "prefect.yaml", client.folder)
    *set_up, _ = HEAD
    for line in set_up:
        client.type(line)
    return client


@pytest.fixture
def start(clone: Client) -> Iterator[Callable[[str], Path]]:
    """Start a command that stays; gives the file of what it says, when it says that it is there. Ends it."""
    started: list[subprocess.Popen[bytes]] = []

    def start(line: str, says: str) -> Path:
        said = clone.folder / f"{len(started)}.log"
        started.append(clone.start(line, said))
        wait_for(line, lambda: says in said.read_text(errors="replace"), started[-1])
        return said

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def described(client: Client) -> dict[str, dict[str, Any]]:
    """What the server knows of both deployments, but for what differs between a worker and `serve` by their nature."""
    found = client.deployments()
    kept = ("description", "parameters", "tags", "paused", "enforce_parameter_schema")
    kept += ("concurrency_limit", "global_concurrency_limit", "concurrency_options")
    told = {}
    for name, deployment in found.items():
        schedules = [(schedule["schedule"], schedule["active"]) for schedule in deployment["schedules"]]
        # The default sources lie beside the code, which the clone has by links.
        schema = json.dumps(deployment["parameter_openapi_schema"]).replace(str(client.folder), str(ROOT))
        told[name] = {key: deployment[key] for key in kept} | {
            "parameter_openapi_schema": json.loads(schema),
            "schedules": schedules,
            # A file in the clone, or a module that is installed.
            "entrypoint": deployment["entrypoint"].replace(".py:", ".").replace("/", "."),
        }
    return told


def started_by(client: Client) -> list[dict[str, Any]]:
    """What starts runs of the deployments by itself."""
    ours = [found for found in client.ask("/automations/filter") if str(client.folder) in found["name"]]
    return [{name: found[name] for name in ("name", "enabled", "trigger", "actions")} for found in ours]


def same(triggers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same but for the ids that each trigger is given."""
    return [found | {"trigger": {k: v for k, v in found["trigger"].items() if k != "id"}} for found in triggers]


def test_prefect_yaml_and_serve_describe_the_same(clone: Client, start: Callable[..., Path]) -> None:
    written, waiting = described(clone), started_by(clone)
    assert [found["trigger"]["expect"] for found in waiting] == [["fliesstext.files.settled"]]
    assert set(written) == {"nightly", "ad-hoc", "slice", "published", "snapshots"}
    assert written["nightly"]["schedules"][0][0] == {"cron": "0 2 * * *", "timezone": "Europe/Berlin", "day_or": True}
    assert written["ad-hoc"]["schedules"] == []
    for deployment in written.values():
        assert deployment["concurrency_limit"] is None
        # Relative to the folder in which the worker starts runs, which `serve` says in full.
        relative = deployment["parameters"]
        relative["tables"] = str(clone.folder / relative["tables"])
        if "sources" in relative:
            relative["sources"] = [str(clone.folder / source) for source in relative["sources"]]
    start("fliesstext serve data/samples --tables data/tables", "refresh/ad-hoc")
    served = described(clone)
    for name, deployment in written.items():
        assert served[name] == deployment
    assert same(started_by(clone)) == same(waiting)
    options = (f'sources=["{clone.folder / "articles"}"]', f"tables={clone.folder / 'taken_over'}")
    taken_over = clone.ended(clone.trigger("ad-hoc", *(part for option in options for part in ("-p", option))))
    assert taken_over["state_type"] == "COMPLETED", taken_over["state"]


def test_a_worker_runs_and_cancels(clone: Client, start: Callable[..., Path]) -> None:
    clone.type(HEAD[1])  # `serve` took the deployments from the pool
    said = start(f"{HEAD[-1]} --limit 1", "Worker")
    press = clone.folder / "articles"
    options = ("-p", f'sources=["{press}"]', "-p", f"tables={clone.folder / 'out'}")
    first = clone.ended(clone.trigger("ad-hoc", *options))
    assert first["state_type"] == "COMPLETED", first["state"]
    assert clone.current()["tables"]["documents"]["rows"] == 1
    before = (clone.folder / "out" / "CURRENT.json").read_bytes()

    run_id = start_long_work(clone, "ad-hoc")
    # As the button in the UI does.
    answer = clone.ask(f"/flow_runs/{run_id}/set_state", state={"type": "CANCELLING", "name": "Cancelling"})
    assert answer["status"] == "ACCEPT"
    assert_cancelled(clone, run_id, said)
    assert (clone.folder / "out" / "CURRENT.json").read_bytes() == before

    # The one slot is free again.
    (press / "zwei.txt").write_text("In Bregenz begann die Spielzeit.\n", encoding="utf-8")
    after = clone.ended(clone.trigger("nightly", *options))
    assert after["state_type"] == "COMPLETED", after["state"]
    assert clone.current()["tables"]["documents"]["rows"] == 2


def test_deploy_registers_all_for_a_worker_anywhere(client: Client, start: Callable[..., Path]) -> None:
    """From a folder without the code, as somebody has it who installed the package; the pool is made."""
    desk = client.folder / "elsewhere"
    desk.mkdir()
    (desk / "eins.txt").write_text("Der Stadtrat von Lindau tagte am Montag.\n", encoding="utf-8")
    there = client._replace(folder=desk)
    done = there.run("fliesstext", "deploy", "press=eins.txt", "--tables", "out", "--engine", "none", "--pool", "night")
    assert done.returncode == 0, done.stderr
    names = ["refresh/nightly", "refresh/ad-hoc", "reprocess/slice", "check/published", "prune/snapshots"]
    assert [line.partition(" ")[0] for line in done.stdout.splitlines()] == names
    start("prefect worker start --pool night", "Worker")

    def run(name: str, *options: str) -> dict[str, Any]:
        said = there.run("prefect", "deployment", "run", name, *options)
        assert said.returncode == 0, said.stdout + said.stderr
        found = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", said.stdout)
        assert found
        return there.ended(found[0])

    assert run("refresh/ad-hoc")["state_type"] == "COMPLETED"
    first = there.current()["run_id"]
    again = run("reprocess/slice", "-p", 'patterns=["press/*"]', "-p", "limit=1")
    assert (again["state_type"], again["name"]) == ("COMPLETED", "press: 1 again")
    assert there.current()["run_id"] != first
    refused = run("reprocess/slice", "-p", 'codes=["emtpy"]')
    assert (refused["state_type"], "emtpy is no code" in refused["state"]["message"]) == ("FAILED", True)
    assert run("prune/snapshots", "-p", "keep_snapshots=1")["state_type"] == "COMPLETED"
    assert there.current()["previous"] == []
    assert run("check/published")["state_type"] == "COMPLETED"
    (part,) = (desk / "out" / there.current()["snapshot"] / "documents").iterdir()
    part.write_bytes(part.read_bytes()[::-1])
    wrong = run("check/published")
    assert (wrong["state_type"], wrong["state_name"]) == ("FAILED", "Wrong"), wrong["state"]
