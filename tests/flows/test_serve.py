"""`fliesstext serve` against a real Prefect server on the loopback, as the README sets it up."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.cli import build_parser, main
from stages.tables.schemas import TABLES
from stages.tables.store.folder import writing
from tests.flows.server import RECIPE, ROOT, SECONDS, Client, assert_cancelled, start_long_work, wait_for

pytestmark = pytest.mark.integration

YEARLY = ("--cron", "0 3 1 1 *")


@pytest.fixture
def serve(client: Client) -> Iterator[Callable[..., Path]]:
    """Type the last line of the recipe, with more options; gives the file of what it says. Ends what it started."""
    started: list[subprocess.Popen[bytes]] = []

    def serve(*options: str) -> Path:
        said = client.folder / "serve.log"
        said.unlink(missing_ok=True)
        line = RECIPE["server"].strip().splitlines()[-1]
        serving = client.start(" ".join([line, *(f"'{option}'" for option in options)]), said)
        started.append(serving)
        # Said once the deployments are registered and it polls for runs.
        wait_for("serve", lambda: "refresh/ad-hoc" in said.read_text(errors="replace"), serving)
        return said

    yield serve
    for serving in started:
        serving.send_signal(signal.SIGINT)
        serving.wait(60)


def test_a_schedule_of_every_minute_publishes(client: Client, serve: Callable[..., Path]) -> None:
    """The scheduler of a server that looks ready may die at every turn: only a run that has published tells."""
    serve("--cron", "* * * * *")
    wait_for("a scheduled run that has published", (client.folder / "out" / "CURRENT.json").exists)
    assert client.current()["tables"]["documents"]["rows"] == 1
    (schedule,) = client.deployments()["nightly"]["schedules"]
    assert schedule["schedule"] == {"cron": "* * * * *", "timezone": "Europe/Berlin", "day_or": True}
    runs = client.runs("nightly", "START_TIME_ASC")
    assert next(run["auto_scheduled"] for run in runs if run["start_time"])


def test_a_trigger_changes_one_parameter_and_tells_its_story(client: Client, serve: Callable[..., Path]) -> None:
    serve("--engine", "fast", *YEARLY)
    (client.folder / "articles" / "zwei.txt").write_text("In Bregenz begann die Spielzeit.\n", encoding="utf-8")
    (client.folder / "articles" / "leer.txt").touch()
    client.type(RECIPE["trigger"])
    newest = client.runs("ad-hoc", "START_TIME_DESC")[0]
    deployed = {
        "sources": [f"press={client.folder / 'articles'}"],
        "tables": str(client.folder / "out"),
        "engine": "fast",
    }
    assert client.deployments()["ad-hoc"]["parameters"] == deployed
    assert newest["parameters"] == {**deployed, "verify": True}
    # The engine is another than that of the scheduled run, so its file is read again.
    assert newest["name"] == "press: 2 new, 1 again"
    assert set(newest["tags"]) == {"source:press", f"tables:{client.folder / 'out'}"}
    # The log is sent in the background.
    wait_for("its log", lambda: "Published snapshots/" in client.log(newest["id"]))
    story = client.log(newest["id"])
    told = (
        "press: 3 files",
        "3 sources = 2 written",
        "quarantine: press/leer.txt: empty",
        "rows: documents 2",
        "seconds: ",
    )
    assert [part for part in told if part not in story] == []
    assert "Traceback" not in story
    (kept,) = client.ask("/artifacts/filter", artifacts={"flow_run_id": {"any_": [newest["id"]]}})
    assert ("## Quarantine" in kept["data"], "| empty | 1 |" in kept["data"]) == (True, True)


def materialized(client: Client, below: str) -> list[dict[str, Any]]:
    """The tables that runs have made, or failed to make, as the server knows them."""
    names = ["prefect.asset.materialization.succeeded", "prefect.asset.materialization.failed"]
    wanted = {"event": {"name": names}, "resource": {"id_prefix": [below]}}
    return list(client.ask("/events/filter", filter=wanted)["events"])


def test_the_tables_of_a_run_that_published_are_assets_made_of_the_sources(
    client: Client, serve: Callable[..., Path]
) -> None:
    serve("--engine", "none", *YEARLY)
    (client.folder / "articles" / "drei.txt").write_text("Die Fähre nach Rorschach fiel aus.\n", encoding="utf-8")
    assert client.ended(client.trigger("ad-hoc", "-p", f"tables={client.folder / 'kept'}"))["state_type"] == "COMPLETED"
    place = f"file://{client.folder / 'kept'}"
    wait_for("the assets", lambda: len(materialized(client, place)) == len(TABLES))
    current = json.loads((client.folder / "kept" / "CURRENT.json").read_text(encoding="utf-8"))
    made = materialized(client, place)
    assert {event["event"] for event in made} == {"prefect.asset.materialization.succeeded"}
    assert {event["resource"]["prefect.resource.id"] for event in made} == {f"{place}/{name}" for name in TABLES}
    for event in made:
        told, name = event["payload"], event["payload"]["table"]
        assert (told["run_id"], told["snapshot"]) == (current["run_id"], current["snapshot"])
        assert told["rows"] == current["tables"][name]["rows"], name
        related = {one["prefect.resource.id"] for one in event["related"]}
        assert {f"file://{client.folder / 'articles'}", "fliesstext"} <= related
    again = client.ended(client.trigger("ad-hoc", "-p", f"tables={client.folder / 'kept'}"))
    assert again["state_type"] == "COMPLETED"
    assert json.loads((client.folder / "kept" / "CURRENT.json").read_text(encoding="utf-8")) == current
    tasks = client.ask("/task_runs/filter", flow_runs={"id": {"any_": [again["id"]]}})
    assert not [task for task in tasks if task["name"].startswith("publish")]
    assert len(materialized(client, place)) == len(TABLES)


def test_the_server_knows_every_setting_with_its_bounds(client: Client, serve: Callable[..., Path]) -> None:
    from flows.settings import Settings

    serve(*YEARLY)
    deployment = client.deployments()["nightly"]
    assert deployment["enforce_parameter_schema"]
    known = deployment["parameter_openapi_schema"]["properties"]
    assert list(known) == ["sources", "tables", *Settings.model_fields]
    assert [name for name, shown in known.items() if not shown.get("description")] == []
    assert (known["batch_size"]["minimum"], known["batch_size"]["maximum"], known["batch_size"]["default"]) == (
        1,
        10000,
        250,
    )
    assert {"de", "en", "fr", "zh-cn"} < set(known["languages"]["items"]["enum"])
    assert known["engine"]["pattern"]


@pytest.mark.parametrize(
    "wrong", ['languages=["xx"]', "engine=best", "batch_size=0", "no_such=1", 'settings={"verify": true}', "sources=[]"]
)
def test_what_cannot_be_is_refused_at_the_trigger(client: Client, serve: Callable[..., Path], wrong: str) -> None:
    if "ad-hoc" not in client.deployments():
        serve(*YEARLY)
    of_people = {"deployments": {"name": {"any_": ["ad-hoc"]}}}
    runs = client.ask("/flow_runs/count", **of_people)
    refused = client.run("prefect", "deployment", "run", "refresh/ad-hoc", "-p", wrong)
    assert refused.returncode != 0
    assert wrong.partition("=")[0] in refused.stdout + refused.stderr
    assert client.ask("/flow_runs/count", **of_people) == runs


def test_runs_that_somebody_has_to_look_at_end_in_states_of_their_own(
    client: Client, serve: Callable[..., Path]
) -> None:
    serve("--engine", "fast", "--strict", *YEARLY)
    (client.folder / "articles" / "leer.txt").touch()
    strict = client.ended(client.trigger("ad-hoc"))
    assert (strict["state_type"], strict["state_name"]) == ("FAILED", "InQuarantine")
    assert "press/leer.txt: empty" in strict["state"]["message"]
    assert client.current()["tables"]["documents"]["rows"] >= 1

    articles = client.folder / "articles"
    articles.rename(client.folder / "unmounted")
    try:
        withheld = client.ended(client.trigger("ad-hoc", "-p", "strict=false"))
    finally:
        (client.folder / "unmounted").rename(articles)
    assert (withheld["state_type"], withheld["state_name"]) == ("FAILED", "DeletionsWithheld")
    wait_for("its log", lambda: "confirm_deletions" in client.log(withheld["id"]))
    assert "Traceback" not in client.log(withheld["id"])


def test_runs_of_both_deployments_on_one_folder_take_turns(client: Client, serve: Callable[..., Path]) -> None:
    said = serve("--engine", "fast", *YEARLY)
    with writing(client.folder / "out", "20240501T120000Z-abc123"):
        in_vain = client.ended(client.trigger("ad-hoc", "-p", "wait_seconds=1"))
        runs = [client.trigger(name) for name in ("nightly", "ad-hoc")]
        for run_id in runs:
            wait_for("it waits", lambda: "is being written by run 20240501T120000Z-abc123" in client.log(run_id))  # noqa: B023
    assert in_vain["state_type"] == "FAILED"
    assert "is being written by run 20240501T120000Z-abc123 (process " in in_vain["state"]["message"]
    assert [client.ended(run_id)["state_type"] for run_id in runs] == ["COMPLETED", "COMPLETED"]
    assert "Traceback" not in client.log(in_vain["id"])
    assert "Traceback" not in said.read_text(errors="replace")


def test_a_cancelled_run_ends_quietly_and_the_next_one_runs(client: Client, serve: Callable[..., Path]) -> None:
    said = serve(*YEARLY)
    run_id = start_long_work(client, "ad-hoc")
    client.type(f"prefect flow-run cancel {run_id}")
    assert_cancelled(client, run_id, said)
    after = client.ended(client.trigger("ad-hoc"))
    assert after["state_type"] == "COMPLETED", after["state"]


def test_serve_without_a_server_says_what_to_type(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_API_PORT": str(port)}
    command = [sys.executable, "-m", "flows.cli", "serve"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 2
    assert "prefect server start" in done.stderr
    assert f"prefect config set PREFECT_API_URL=http://127.0.0.1:{port}/api" in done.stderr


@pytest.mark.parametrize(("option", "value"), [("--timezone", "Mars/Olympus"), ("--cron", "nachts")])
def test_a_schedule_that_is_none_is_wrong_usage(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(ROOT / "data" / "samples"), option, value]) == 2
    assert f"{option} {value}" in capsys.readouterr().err


def test_serve_takes_what_run_takes() -> None:
    run, serve = (set(vars(build_parser().parse_args([command]))) for command in ("run", "serve"))
    assert serve - run == {"cron", "timezone"}
    assert run - serve == {"json"}


def test_paths_of_a_deployment_mean_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.serve import to_parameters
    from flows.settings import Settings

    monkeypatch.chdir(tmp_path)
    given = to_parameters(
        ["press", "web=../web/**/*.txt"],
        "out",
        Settings(authority="known.parquet", engine="spacy:models/news", strict=True),
    )
    assert given == {
        "sources": [str(tmp_path / "press"), f"web={tmp_path.parent}/web/**/*.txt"],
        "tables": str(tmp_path / "out"),
        "authority": str(tmp_path / "known.parquet"),
        "engine": f"spacy:{tmp_path}/models/news",
        "strict": True,
    }
