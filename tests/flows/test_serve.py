"""The deployments against a real Prefect server on the loopback, as the README sets it up."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPE = dict(re.findall(r"<!-- recipe: (\w+) -->\n```sh\n(.*?)```", README, re.DOTALL))
SECONDS = 240
YEARLY = ("--cron", "0 3 1 1 *")


class Client(NamedTuple):
    """A person at a terminal: the environment of their commands, the folder they stand in, and the server's API."""

    environment: dict[str, str]
    folder: Path
    api: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=SECONDS
        )

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "serve.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def ask(self, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode()
        query = urllib.request.Request(self.api + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(query, timeout=20) as answer:
            return json.load(answer)

    def trigger(self, name: str, *options: str) -> str:
        """Start a run of a deployment; returns its id."""
        done = self.run("prefect", "deployment", "run", f"refresh/{name}", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", done.stdout)[0]

    def flow_run(self, run_id: str) -> dict[str, Any]:
        (found,) = self.ask("/flow_runs/filter", flow_runs={"id": {"any_": [run_id]}})
        return found

    def ended(self, run_id: str) -> dict[str, Any]:
        over = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
        wait_for(f"run {run_id}", lambda: self.flow_run(run_id)["state_type"] in over)
        return self.flow_run(run_id)

    def log(self, run_id: str) -> str:
        lines = self.ask("/logs/filter", logs={"flow_run_id": {"any_": [run_id]}}, sort="TIMESTAMP_ASC")
        return "\n".join(line["message"] for line in lines)

    def current(self) -> dict[str, Any]:
        return json.loads((self.folder / "out" / "CURRENT.json").read_text(encoding="utf-8"))


def wait_for(what: str, ready: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        assert process is None or process.poll() is None, f"{what}: the process ended with {process.returncode}"
        if ready():
            return
        time.sleep(0.5)
    raise AssertionError(f"{what}: not after {SECONDS} s")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The server of the README, started by its lines but for the last, which serves."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Nothing of a server of somebody else's, and the commands of this environment first.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
    }
    (home / "articles").mkdir()
    (home / "articles" / "eins.txt").write_text("Der Stadtrat von Lindau tagte am Montag.\n", encoding="utf-8")
    client = Client(environment, home, f"http://127.0.0.1:{port}/api")
    *set_up, _ = RECIPE["server"].strip().splitlines()
    try:
        for line in set_up:
            done = client.run("bash", "-euc", line)
            assert done.returncode == 0, done.stdout + done.stderr
        yield client
    finally:
        client.run("prefect", "server", "stop")


@pytest.fixture
def serve(client: Client) -> Iterator[Callable[..., None]]:
    """Type the last line of the recipe, with more options; ends what it started."""
    started: list[subprocess.Popen[bytes]] = []

    def serve(*options: str) -> None:
        log = client.folder / "serve.log"
        log.unlink(missing_ok=True)
        line = RECIPE["server"].strip().splitlines()[-1]
        serving = client.start("bash", "-euc", " ".join(["exec", line, *(f"'{option}'" for option in options)]))
        started.append(serving)
        # Said once the deployments are registered and it polls for runs.
        wait_for("serve", lambda: "refresh/ad-hoc" in log.read_text(errors="replace"), serving)

    yield serve
    for serving in started:
        serving.send_signal(signal.SIGINT)
        serving.wait(60)


def test_a_schedule_of_every_minute_publishes(client: Client, serve: Callable[..., None]) -> None:
    """The scheduler of a server that looks ready may die at every turn: only a run that has published tells."""
    serve("--cron", "* * * * *")
    wait_for("a scheduled run that has published", (client.folder / "out" / "CURRENT.json").exists)
    assert client.current()["tables"]["documents"]["rows"] == 1
    (deployment,) = client.ask("/deployments/filter", deployments={"name": {"any_": ["nightly"]}})
    (schedule,) = deployment["schedules"]
    assert schedule["schedule"] == {"cron": "* * * * *", "timezone": "Europe/Berlin", "day_or": True}


def test_a_trigger_changes_one_parameter_and_tells_its_story(client: Client, serve: Callable[..., None]) -> None:
    serve("--engine", "fast", *YEARLY)
    (client.folder / "articles" / "zwei.txt").write_text("In Bregenz begann die Spielzeit.\n", encoding="utf-8")
    (client.folder / "articles" / "leer.txt").touch()
    done = client.run("bash", "-euc", RECIPE["trigger"])
    assert done.returncode == 0, done.stdout + done.stderr
    triggered = client.ask("/flow_runs/filter", deployments={"name": {"any_": ["ad-hoc"]}}, sort="START_TIME_DESC")
    newest = triggered[0]
    assert {**newest["parameters"], "sources": None, "tables": None} == {
        "sources": None,
        "tables": None,
        "engine": "fast",
        "verify": True,
    }
    assert newest["parameters"]["tables"] == str(client.folder / "out")
    # The engine is another than that of the scheduled run, so its file is read again.
    assert newest["name"] == "press: 2 new, 1 again"
    assert set(newest["tags"]) == {"source:press", f"tables:{client.folder / 'out'}"}
    # The log is sent in the background.
    wait_for("its log", lambda: "Published snapshots/" in client.log(newest["id"]))
    story = client.log(newest["id"])
    for told in (
        "press: 3 files",
        "3 sources = 2 written",
        "quarantine: press/leer.txt: empty",
        "rows: documents 2",
    ):
        assert told in story
    assert "seconds: discover" in story
    assert "Traceback" not in story


@pytest.mark.parametrize(
    "wrong", ['languages=["xx"]', "engine=best", "batch_size=0", "no_such=1", 'settings={"verify": true}', "sources=[]"]
)
def test_what_cannot_be_is_refused_at_the_trigger(client: Client, serve: Callable[..., None], wrong: str) -> None:
    if not client.ask("/deployments/filter"):
        serve(*YEARLY)
    runs = client.ask("/flow_runs/count")
    refused = client.run("prefect", "deployment", "run", "refresh/ad-hoc", "-p", wrong)
    assert refused.returncode != 0
    assert wrong.partition("=")[0] in refused.stdout + refused.stderr
    assert client.ask("/flow_runs/count") == runs


def test_runs_that_somebody_has_to_look_at_end_in_states_of_their_own(
    client: Client, serve: Callable[..., None]
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


def test_a_cancelled_run_ends_quietly_and_the_next_one_runs(client: Client, serve: Callable[..., None]) -> None:
    serve("--engine", "fast", *YEARLY)
    before = (client.folder / "out" / "CURRENT.json").read_bytes()
    many = client.folder / "articles" / "viele"
    many.mkdir()
    for number in range(3000):
        text = f"Meldung {number}: Der Stadtrat von Lindau tagte am Montag, dem {number % 28 + 1}. Mai. " * 20
        (many / f"{number:04}.txt").write_text(text, encoding="utf-8")
    run_id = client.trigger("ad-hoc", "-p", "batch_size=100")
    wait_for("the first texts", lambda: bool(list((client.folder / "out").glob("work/*/batches/*/texts.parquet"))))
    done = client.run("prefect", "flow-run", "cancel", run_id)
    assert done.returncode == 0, done.stdout + done.stderr
    cancelled = client.ended(run_id)
    assert (cancelled["state_type"], cancelled["state_name"]) == ("CANCELLED", "Cancelled")
    assert (client.folder / "out" / "CURRENT.json").read_bytes() == before
    assert "Traceback" not in client.log(run_id)
    assert "Traceback" not in (client.folder / "serve.log").read_text(errors="replace")

    for file in many.iterdir():
        file.unlink()
    many.rmdir()
    after = client.ended(client.trigger("ad-hoc"))
    assert after["state_type"] == "COMPLETED", after["state"]
    assert not list((client.folder / "out").glob("work/*"))


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


def test_prefect_yaml_describes_the_deployments_that_serve_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.cli import build_parser
    from flows.refresh import refresh
    from flows.serve import make_deployments, to_parameters
    from flows.settings import Settings

    monkeypatch.chdir(ROOT)
    defaults = build_parser().parse_args(["serve"])
    parameters = to_parameters(["data/samples"], "data/tables", Settings())
    served = make_deployments(parameters, defaults.cron, defaults.timezone)
    described = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert len(described) == len(served) == 2
    for told, made in zip(described, served, strict=True):
        refresh.validate_parameters(told["parameters"])
        module, _, flow_name = told["entrypoint"].partition(":")
        assert (ROOT / module).is_file()
        assert flow_name == refresh.fn.__name__
        assert told["name"] == made.name
        assert told["description"] == made.description
        absolute = {"sources": [str(ROOT / s) for s in told["parameters"]["sources"]]}
        absolute["tables"] = str(ROOT / told["parameters"]["tables"])
        assert told["parameters"] | absolute == made.parameters
        schedules = [(one.schedule.cron, one.schedule.timezone) for one in made.schedules or ()]
        assert [(one["cron"], one["timezone"]) for one in told.get("schedules", ())] == schedules
        assert told.get("concurrency_limit") is made.concurrency_limit is None
