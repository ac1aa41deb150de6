"""Judge: the gate over all that a run is about to publish, once it is assembled, and the verdict on the whole."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import NamedTuple

import polars as pl

from expectations import candidate as shown
from expectations.candidate import Candidate
from expectations.digests import row_digests
from expectations.final_evidence import drift_with_evidence, runs_with_evidence
from expectations.gate import Verdict
from expectations.gate_process import check
from expectations.rules import DRIFT_RULES, LINKED_RULES, RULES, RUN_RULES, RUNS_RULES, WHOLE_RULES, Rule
from stages.errors import GateError
from stages.tables.pieces import ahead
from stages.tables.store import Snapshot, Store

_SHOWN_ROWS = 800_000
"""Rows, bare of their texts, that Great Expectations is shown at once: so many that its own cost is forgotten."""
_CHANGED_RULES = (*RULES, *LINKED_RULES)


class _Piece(NamedTuple):
    """Rows with their evidence, and the rules on them; those with the same ``number`` are judged at once."""

    number: int
    rules: tuple[Rule, ...]
    frames: Mapping[str, pl.DataFrame]


def judge(candidate: Candidate, counts: Mapping[str, int], n_ahead: int = 0) -> Verdict:
    """Judge all rows that changed, as they lie in the assembled snapshot, and the run as a whole.

    ``counts``: how the sources of the run ended, as in `runs`. ``n_ahead``: pieces of the rows that are gathered while
    others are judged; they are held in memory meanwhile. Raises GateError when anything critical failed; the full
    results are kept then.
    """
    pieces = ahead(_pieces(candidate, counts), n_ahead)
    asked = groupby(pieces, lambda piece: (piece.number, piece.rules))
    parts = [check((piece.frames for piece in together), rules) for (_, rules), together in asked]
    return _settle(candidate.store, candidate.run_id, parts)


def _pieces(candidate: Candidate, counts: Mapping[str, int]) -> Iterator[_Piece]:
    """Gather what is judged: the rows of changed documents, then the tables that are given whole, then the run."""
    made, named, n_rows = Counter[str](), [shown.named_before(candidate)], 0
    for changed in shown.changed(candidate, _CHANGED_RULES):
        named.append(changed.named)
        made.update(changed.made)
        yield _Piece(n_rows // _SHOWN_ROWS, _CHANGED_RULES, changed.frames)
        n_rows += sum(frame.height for frame in changed.frames.values())
    yield _Piece(0, WHOLE_RULES, shown.whole_rows(candidate, pl.concat(named).unique(), WHOLE_RULES))
    yield _Piece(0, RUN_RULES, {"run": shown.sum_up_run(candidate, counts, made)})


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
