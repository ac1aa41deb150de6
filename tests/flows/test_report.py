"""What a run tells people: its name, the story in its log, and whether somebody has to look."""

import logging
import pickle
from dataclasses import replace

import polars as pl
import pytest

from flows.report import RunReport, as_markdown, attention, count_found, name_run, story, tell_found

COUNTS = {"n_sources": 14, "n_written": 2, "n_unchanged": 0, "n_duplicate": 0, "n_quarantined": 12, "n_deleted": 0}
REPORT = RunReport(
    run_id="20240501T120000Z-abc123",
    tables="/srv/tables",
    snapshot="snapshots/20240501T120000Z-abc123",
    published=True,
    counts=COUNTS,
    rows={"documents": 2, "blocks": 9},
    languages=[("de", 2)],
    n_expectations=175,
    warnings=["few names"],
    quarantined=[(f"press/{number:02}.txt", "empty", "holds no text") for number in range(12)],
    duplicates=[],
    seconds={"discover": 0.04, "read": 1.25},
    withheld={},
    passed_over={"press": {"hidden": 3}},
)


def decided(*rows: tuple[str, str, bool]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={"source_uri": pl.String, "action": pl.String, "in_scope": pl.Boolean}, orient="row"
    )


def test_every_file_is_counted_for_its_source() -> None:
    rows = decided(
        ("press/a.txt", "process", True),
        ("press/b.txt", "process", True),
        ("press/c.txt", "keep", True),
        ("press/d.txt", "delete", True),
        ("press/e.txt", "quarantine", True),
        ("web/f.txt", "duplicate", True),
        ("web/g.txt", "move", True),
        ("other/h.txt", "keep", False),  # a source that this run does not name
    )
    found = count_found(["press", "web", "empty"], rows, pl.Series(["press/b.txt", "press/c.txt", "press/d.txt"]))
    assert found == {
        "press": {"again": 1, "deleted": 1, "new": 1, "unchanged": 1, "unreadable": 1},
        "web": {"duplicate": 1, "renamed": 1},
        "empty": {},
    }
    assert name_run(found) == "press, web, empty: 1 new, 1 again, 1 renamed, 1 deleted"
    assert tell_found(found)[0] == "press: 4 files (1 again, 1 deleted, 1 new, 1 unchanged, 1 unreadable)"


def test_a_run_of_many_sources_has_a_short_name() -> None:
    assert name_run({f"s{number}": {"new": 1} for number in range(9)}) == "s0, s1, s2, s3, s4, 4 more: 9 new"


def test_the_story_is_told_in_order_and_names_ten_of_the_quarantine() -> None:
    lines = list(story(REPORT))
    told = [line for _, line in lines]
    assert told[0] == "14 sources = 2 written + 0 unchanged + 0 duplicate + 12 quarantined"
    assert told[1] == "press: passed over: 3 (3 hidden)"
    kept_out = [line for line in told if line.startswith("in quarantine: ")]
    assert kept_out[0] == "in quarantine: press/00.txt: empty: holds no text"
    assert len(kept_out) == 10
    assert "and 2 more in quarantine; see the tables sources and quarantine" in told
    assert "warning: few names" in told
    assert told[-3:] == [
        "rows: documents 2, blocks 9",
        "seconds: discover 0.0, read 1.2",
        "Published snapshots/20240501T120000Z-abc123 in /srv/tables (CURRENT.json points at it).",
    ]
    assert {line for level, line in lines if level == logging.WARNING} >= {*kept_out, "warning: few names"}


def test_one_page_has_outcomes_validation_quarantine_and_drift() -> None:
    measure = {
        "source": "press",
        "measure": "words",
        "observed": 9.0,
        "median": 90.0,
        "n_runs": 7,
        "verdict": "unusual",
    }
    page = as_markdown(replace(REPORT, drift=[measure]))
    for line in (
        "| written | 2 |",
        "| documents | 2 |",
        "175 expectations passed, with warnings; all results: `snapshots/20240501T120000Z-abc123/validation.json`. "
        "Drift: 1 measures are unusual; all measures: table `drift`.",
        "| empty | 12 |",
        "    press/00.txt  empty: holds no text",
        "- warning: few names",
        "- Drift: words of press is 9, where the median of 7 runs before is 90.",
        "A page that tells more: `/srv/tables/snapshots/20240501T120000Z-abc123/report.html`",
    ):
        assert line in page.splitlines(), line
    nothing = as_markdown(replace(REPORT, published=False, quarantined=[], warnings=[]))
    assert "Nothing was published, so there was nothing to judge." in nothing.splitlines()


@pytest.mark.parametrize(
    ("withheld", "strict", "state", "exit_code"),
    [
        ({}, True, "InQuarantine", 3),
        ({"press": 7}, True, "DeletionsWithheld", 5),
        ({"press": 7}, False, "DeletionsWithheld", 5),
    ],
)
def test_somebody_has_to_look(withheld: dict[str, int], strict: bool, state: str, exit_code: int) -> None:
    wanted = attention(replace(REPORT, withheld=withheld), strict)
    assert wanted is not None
    assert (wanted.state, wanted.exit_code) == (state, exit_code)
    assert ("7 of press" if withheld else "12 sources are in quarantine, the first: press/00.txt") in str(wanted)
    # Prefect keeps results as pickles where somebody asks for it.
    kept = pickle.loads(pickle.dumps(wanted))
    assert (str(kept), kept.report) == (str(wanted), wanted.report)


def test_nobody_has_to_look() -> None:
    assert attention(REPORT, strict=False) is None
    assert attention(replace(REPORT, quarantined=[]), strict=True) is None
