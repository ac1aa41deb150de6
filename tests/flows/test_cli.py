import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flows.cli import build_parser, main
from flows.named_server import server_named
from flows.settings import Settings
from tests.faults.harness import fast_gate, run_here


def test_help_teaches_and_answers_fast() -> None:
    # The best of three: the machine may be busy, the imports are what is measured.
    seconds = []
    for _ in range(3):
        since = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "flows.cli", "--help"], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - since)
    assert min(seconds) < 0.5
    assert "fliesstext run articles/ --tables out/" in done.stdout


def test_show_ends_at_once_and_loses_nothing_of_what_it_prints(tmp_path: Path) -> None:
    paragraphs = [f"Absatz {number} kam am Montag in den Rat, und niemand sprach dagegen." for number in range(2_000)]
    (tmp_path / "long.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")

    def show(name: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "flows.cli", "show", str(tmp_path / name), "--engine", "none"]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)

    done = show("long.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line.startswith("Absatz")] == paragraphs
    missed = show("lang.txt")
    assert (missed.returncode, missed.stdout) == (2, "")
    assert "there is no such file; is it" in missed.stderr


def test_options_of_run_are_the_settings() -> None:
    run = vars(build_parser().parse_args(["run"]))
    assert set(run) - {"command", "sources", "tables", "json"} == set(Settings.model_fields)


@pytest.mark.parametrize(
    "name",
    [
        *("batch_size", "max_chars", "max_seconds", "max_deleted", "min_deleted", "keep_snapshots"),
        "keep_days",
        "wait_seconds",
    ],
)
def test_help_states_the_defaults(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    default = Settings.model_fields[name].default
    shown = "10 million" if name == "max_chars" else f"{default:g}"
    own = re.split(rf" --{name.replace('_', '-')} [A-Z]+ ", text)[-1].partition(" --")[0]
    assert f"(default: {shown})" in own


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "no/such/folder"], "no/such/folder: no such file or folder"),
        (["run", "--batch-size", "0"], "--batch-size: Input should be greater than or equal to 1"),
        (["run", "--engine", "best"], "--engine: "),
        (["run", "--exclude", "[z-a]"], "--exclude: '[z-a]' is no pattern"),
        (["run", "--include", "/"], "--include: '/' matches nothing"),
        (["run", "--dask", "here"], "--dask: String should match"),
        (["run", "--languages", "xx"], "--languages: 'xx' is none of 'af', "),
        (["show", "data/samples/broken/leer.txt", "--html", "no/such/a.html"], "no/such: no such folder; make it"),
        (["run", "--min-deleted", "0"], "--min-deleted: Input"),
        (["run", "--wait", "-1"], "--wait-seconds: Input"),
        (["run", "data/samples", "samples=data"], "two sources are called 'samples'"),
        (["show", "data/samples/broken/leer.txt"], "would be quarantined as empty"),
        (["show", "data/samples/broken/leer.txt", "--html", "data"], "data is a folder; name the file that the page"),
        (["run", "--tables", ""], "--tables: '' names no folder"),
        (["prune", "--tables", ""], "--tables: '' names no folder"),
        (["run", "data/samples", "--tables", "README.md"], "README.md is no folder, or lies below a file"),
        (["run", "--metadata", ""], "--metadata: String should have at least 1 character"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reprocess", "--outdated", "--before", "gestern"], "--before: 'gestern' is no time; write a day"),
        (["reprocess", "--outdated", "--limit", "0"], "--limit: '0' is no number from 1 up"),
        (["reprocess", "--outdated", "--limit", "viele"], "--limit: 'viele' is no number from 1 up"),
        (["watch", "--every", "-1"], "--every: '-1' is no number of seconds"),
        (["watch", "--every", "bald"], "--every: 'bald' is no number of seconds"),
        (["browse", "--port", "99999"], "--port: '99999' is no port; write a number up to 65535"),
    ],
)
def test_values_that_no_option_has_are_wrong_usage_in_words(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert said in capsys.readouterr().err


def test_of_several_faults_of_one_option_the_first_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--languages", "xx"]) == 2
    assert capsys.readouterr().err.count("--languages") == 1


def run_again(published: Path, *form: str, **how: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run the program, with ``--languages de`` where nothing is to do; ``how``: its streams and environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(published / "home")} | how.pop("env", {})
    command = [sys.executable, "-c", "from flows.cli import program; program()", "run", published / "press"]
    given = ["--tables", published / "tables", "--engine", "none", *form]
    return subprocess.run([*command, *given], env=environment, check=False, timeout=120, **how)


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """A folder with a source ``press`` and its tables; one of its files is in quarantine and has a name of its own."""
    (tmp_path / "press").mkdir()
    (tmp_path / "press" / "a.txt").write_text("Am Montag tagte der Rat in Lindau.", encoding="utf-8")
    (tmp_path / "press" / "\N{GRINNING FACE}.txt").touch()
    for file in (tmp_path / "press").iterdir():
        os.utime(file, (1, 1))  # long ago, so that its time is trusted
    with fast_gate():
        run_here([tmp_path / "press"], tmp_path / "tables", engine="none")
    return tmp_path


def test_who_stops_reading_changes_no_exit_code(ran: Path) -> None:
    def end_unread(*form: str) -> tuple[int, bytes]:
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as nobody:
            done = run_again(ran, "--languages", "de", *form, stdout=nobody, stderr=subprocess.PIPE)
        return done.returncode, done.stderr

    assert end_unread() == end_unread("--json") == (0, b"")


def test_names_that_the_terminal_cannot_show_fail_no_run(ran: Path) -> None:
    latin = {"PYTHONIOENCODING": "latin-1"}
    done = run_again(ran, "--languages", "de", env=latin, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"press/\\U0001f600.txt" in done.stdout
    done = run_again(ran, "--languages", "de", "--json", env=latin, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    told = json.loads(done.stdout.decode("utf-8"))
    assert [row["source_uri"] for row in told["quarantined"]] == ["press/\N{GRINNING FACE}.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    ("form", "outcome"), [((), "Published snapshots/"), (("--languages", "de", "--json"), "Nothing to do; snapshots/")]
)
def test_a_report_that_cannot_be_printed_is_no_run_that_failed(ran: Path, form: tuple[str, ...], outcome: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run_again(ran, *form, stdout=full, stderr=subprocess.PIPE)
    said = done.stderr.decode()
    assert said.startswith(f"fliesstext: the report could not be printed (No space left on device); {outcome}")
    assert (done.returncode, said.count("\n")) == (0, 1)


@pytest.mark.skipif(os.name != "posix", reason="the shell of Windows cannot close a stream")
@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)])
def test_streams_that_are_closed_are_taken_by_no_file(ran: Path, closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    before = json.loads((ran / "tables" / "CURRENT.json").read_text(encoding="utf-8"))
    pipes = {name: subprocess.PIPE for number, name in ((1, "stdout"), (2, "stderr")) if number not in closed}
    done = run_again(ran, preexec_fn=close, **pipes)
    after = json.loads((ran / "tables" / "CURRENT.json").read_text(encoding="utf-8"))
    assert (done.returncode, done.stderr or b"") == (0, b"")
    assert after["run_id"] != before["run_id"]
    assert main(["check", str(ran / "press"), "--tables", str(ran / "tables")]) == 0


def test_unknown_option_is_wrong_usage() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", "--no-such-option"])


def test_show_prints_the_mended_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "notiz.txt"
    file.write_text(
        "Der Stadtrat hat den Verkauf des alten Gas-\nwerks beschlossen. Bürgermeisterin Claudia\n"
        "Alfons sprach in Lindau von einem guten Tag.\n",
        encoding="utf-8",
    )
    assert main(["show", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "Verkauf des alten Gaswerks beschlossen. Bürgermeisterin Claudia Alfons" in shown
    assert "PER: Claudia Alfons" in shown
    assert re.search(r"\b1 repairs", shown)


def test_show_does_not_start_prefect() -> None:
    code = (
        "import sys; from flows.cli import main; code = main(['show', sys.argv[1]]); "
        "sys.exit(code or any(name.split('.')[0] in ('prefect', 'great_expectations') for name in sys.modules))"
    )
    sample = str(Path(__file__).parents[2] / "data" / "samples" / "lokal" / "nachtbus_windows1252.txt")
    subprocess.run([sys.executable, "-c", code, sample], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        (".env", "PREFECT_API_URL=http://127.0.0.1:4200/api\n", True),
        (".env", "HOME_PAGE=x\n", False),
        ("prefect.toml", '[api]\nurl = "http://127.0.0.1:4200/api"\n', True),
        ("pyproject.toml", '[tool.prefect.api]\nurl = "http://127.0.0.1:4200/api"\n', True),
        ("pyproject.toml", '[project]\nname = "prefect-texts"\n', False),
        ("home/profiles.toml", 'active = "a"\n[profiles.a]\nPREFECT_API_URL = "http://127.0.0.1:4200/api"\n', True),
        ("home/profiles.toml", 'active = "ephemeral"\n', False),
    ],
)
def test_a_server_may_be_named_wherever_prefect_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, named: bool
) -> None:
    """What Prefect itself says of the same files, in a process of its own."""
    (tmp_path / "home").mkdir()
    (tmp_path / file).write_text(text, encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert server_named() is named
    asked = "from prefect.settings import PREFECT_API_URL; print(bool(PREFECT_API_URL.value()))"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=120, check=True).stdout
    assert said.split()[-1] == str(named)


@pytest.mark.integration
@pytest.mark.parametrize("profile", ["", '[profiles.work]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'])
def test_a_run_that_no_server_keeps_does_without_one(tmp_path: Path, profile: str) -> None:
    """No profile at all, or one that names a server and is not in use."""
    (tmp_path / "press").mkdir()
    (tmp_path / "press" / "eins.txt").write_text("Der Rat der Stadt Lindau tagt am Montag.\n", encoding="utf-8")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "profiles.toml").write_text(profile, encoding="utf-8")
    code = (
        "import sys; from flows.cli import main; code = main(sys.argv[1:]);"
        "print([name for name in ('prefect', 'prefect.flow_engine') if name in sys.modules]); sys.exit(code)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PREFECT_HOME"] = str(tmp_path / "home")
    command = [sys.executable, "-c", code, "run", str(tmp_path / "press"), "--tables", str(tmp_path / "tables")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "1 sources = 1 written" in done.stdout
    assert profile or done.stdout.endswith("[]\n")
    assert not (tmp_path / "home" / "prefect.db").exists()


@pytest.mark.integration
def test_check_compares_compressed_sources_whatever_memory_there_is(published: Path) -> None:
    command = [Path(sys.executable).with_name("fliesstext"), "check", "data/samples", "--tables", published]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "24 documents, 24 of them compared with their raw file: all right." in done.stdout
