import subprocess
import sys

import pytest

from expectations import gate_process
from expectations.evidence import with_evidence
from expectations.gate import check as check_here
from expectations.rules import RULES, Rule
from flows.run import refresh_tables
from flows.settings import Settings
from stages.errors import GateError

MENTIONS = [rule for rule in RULES if rule.table == "mentions"]


@pytest.fixture(scope="module")
def good(batch, raw_texts):
    return {"mentions": with_evidence(batch, raw_texts)["mentions"]}


def test_it_finds_what_the_gate_finds_and_says_why_a_rule_makes_no_sense(good, change):
    frames = {"mentions": change(good["mentions"], 1, label="CITY", score=1.5)}
    there, here = gate_process.check([frames], MENTIONS), check_here(frames, MENTIONS)
    assert there.critical == here.critical != ()
    assert (there.n_expectations, there.warnings) == (here.n_expectations, here.warnings)
    with pytest.raises(ValueError, match="do not fit a rule of kind between"):
        gate_process.check([frames], [Rule("mentions", "between", ("score",), "no bounds")])


def test_what_is_shown_in_pieces_is_judged_as_one(good, change):
    pieces = ({"mentions": change(row, 0, score=1.5)} for row in good["mentions"].iter_slices(1))
    (line,) = gate_process.check(pieces, [rule for rule in MENTIONS if rule.columns == ("score",)]).critical
    assert f"{good['mentions'].height} of {good['mentions'].height} rows do not" in line


def test_a_process_that_is_killed_publishes_nothing_and_the_next_question_has_a_new_one(good):
    gate_process.check([good], MENTIONS)
    gate_process._process().kill()
    with pytest.raises(GateError, match=r"ended with -?[0-9]+ before it had judged; nothing was published"):
        gate_process.check([good], MENTIONS)
    assert gate_process.check([good], MENTIONS).critical == ()


def test_the_answer_to_a_question_that_was_broken_off_is_given_to_no_other(good, change, monkeypatch):
    def stops(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(gate_process, "_get", stops)
        with pytest.raises(KeyboardInterrupt):
            gate_process.check([{"mentions": change(good["mentions"], 1, label="CITY")}], MENTIONS)
    assert gate_process.check([good], MENTIONS).critical == ()


def test_it_loads_while_the_batches_are_worked_on(tmp_path, monkeypatch):
    begun = []

    def meanwhile(*_, **__):
        begun.append(gate_process._process.cache_info().currsize)
        raise RuntimeError("far enough")

    gate_process._process.cache_clear()
    monkeypatch.setattr("flows.run.process", meanwhile)
    (tmp_path / "press").mkdir()
    (tmp_path / "press" / "one.txt").write_text("Der Rat der Stadt tagt am Montag.", encoding="utf-8")
    with pytest.raises(RuntimeError, match="far enough"):
        refresh_tables([str(tmp_path / "press")], tmp_path / "tables", Settings(workers=0, engine="none"))
    assert begun == [1]
    gate_process._end_now(gate_process._process())
    gate_process._process.cache_clear()


def test_a_run_does_not_hold_great_expectations_in_its_memory(tmp_path):
    source = tmp_path / "press"
    source.mkdir()
    (source / "one.txt").write_text("Der Rat der Stadt tagt am Montag und beschließt den Haushalt.", encoding="utf-8")
    program = (
        "import sys; from flows.run import refresh_tables; from flows.settings import Settings;"
        "done = refresh_tables([sys.argv[1]], sys.argv[2], Settings(workers=0, engine='none'));"
        "print(done.n_expectations > 100, 'great_expectations' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(source), str(tmp_path / "tables")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split() == ["True", "False"]


def test_spark_beside_it_does_not_end_it(good, tmp_path, monkeypatch):
    """What the real one does in a process that was begun with -c, where gRPC is not installed."""
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").write_text("import sys\nsys.exit(0)\n")
    gate_process._process.cache_clear()
    monkeypatch.syspath_prepend(tmp_path)
    assert gate_process.check([good], MENTIONS).critical == ()
    gate_process._process.cache_clear()


def test_it_loads_nothing_that_no_rule_needs():
    program = (
        "import sys; from expectations.gate_process import _load_little; _load_little();"
        "print([name for name in ('altair.vegalite', 'botocore', 'sqlalchemy') if name in sys.modules]);"
        "import sqlalchemy; print(sqlalchemy.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split("\n")[:2] == ["[]", "sqlalchemy"]
