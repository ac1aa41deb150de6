"""Judge: the gate over all that a run is about to publish, once it is assembled, and the verdict on the whole."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import polars as pl

from expectations import candidate as shown
from expectations.candidate import Candidate, Shown
from expectations.digests import row_digests
from expectations.final_evidence import drift_with_evidence, runs_with_evidence
from expectations.gate import Verdict
from expectations.gate_process import check
from expectations.rules import DRIFT_RULES, LINKED_RULES, RULES, RUN_RULES, RUNS_RULES, WHOLE_RULES
from stages.errors import GateError
from stages.tables.store import Snapshot, Store


def judge(candidate: Candidate, counts: Mapping[str, int], n_ahead: int = 0) -> Verdict:
    """Judge all rows that changed, as they lie in the assembled snapshot, and the run as a whole.

    ``counts``: how the sources of the run ended, as in `runs`. ``n_ahead``: pieces of the changed rows that are
    gathered while others are judged; they are held in memory meanwhile. Raises GateError when anything critical failed;
    the full results are kept then.
    """
    rules = (*RULES, *LINKED_RULES)
    made, named = Counter[str](), [shown.named_before(candidate)]

    def frames_of(changed: Shown) -> Mapping[str, pl.DataFrame]:
        named.append(changed.named)
        made.update(changed.made)
        return changed.frames

    parts = [check(map(frames_of, portion), rules) for portion in shown.changed(candidate, rules, n_ahead)]
    parts.append(check([shown.whole_rows(candidate, pl.concat(named).unique(), WHOLE_RULES)], WHOLE_RULES))
    parts.append(check([{"run": shown.sum_up_run(candidate, counts, made)}], RUN_RULES))
    return _settle(candidate.store, candidate.run_id, parts)


def judge_runs(store: Store, snapshot: Snapshot, runs: pl.DataFrame, drift: pl.DataFrame, verdict: Verdict) -> Verdict:
    """Judge `runs` and `drift`, the last tables to be written; brings that together with the ``verdict`` on the others.

    ``runs`` and ``drift``: the rows as they were made. Raises GateError as `judge` does.
    """
    written = runs_with_evidence(store.scan(snapshot, "runs").collect(), row_digests(runs, "runs"))
    measured = drift_with_evidence(store.scan(snapshot, "drift").collect(), row_digests(drift, "drift"))
    found = check([{"runs": written, "drift": measured}], (*RUNS_RULES, *DRIFT_RULES))
    return _settle(store, snapshot.run_id, [verdict, found])


def _settle(store: Store, run_id: str, parts: Sequence[Verdict]) -> Verdict:
    """Bring verdicts together. Raises GateError when anything critical failed, and keeps what was found."""
    verdict = Verdict(
        sum(part.n_expectations for part in parts),
        tuple(line for part in parts for line in part.critical),
        tuple(line for part in parts for line in part.warnings),
        tuple(result for part in parts for result in part.results),
    )
    if verdict.critical:
        raise refusal(store, run_id, verdict)
    return verdict


def refusal(store: Store, run_id: str, verdict: Verdict) -> GateError:
    """Keep what the gate found, and give the error that says so."""
    kept = store.keep_failed(run_id, json.dumps(asdict(verdict), ensure_ascii=False, indent=1))
    lines = "\n  ".join(verdict.critical)
    return GateError(f"the gate refused to publish; details are in {kept}\n  {lines}")
