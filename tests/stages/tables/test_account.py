import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.tables import account
from stages.tables.account import OUTCOMES, changed, count, next_quarantine
from stages.tables.ids import to_doc_id
from stages.tables.schemas import TABLES, empty

DECIDED = pl.Schema(
    {
        "source_uri": pl.String(),
        "action": pl.String(),
        "content_sha256": pl.String(),
        "duplicate_of": pl.String(),
        "reason_code": pl.String(),
        "reason": pl.String(),
        "in_scope": pl.Boolean(),
        "opened": pl.Boolean(),
        "size_bytes": pl.Int64(),
        "modified_at": pl.Datetime("us", "UTC"),
        "copy_stages": pl.String(),
        "copy_of": pl.String(),
        "sidecar_sha256": pl.String(),
        "told_sha256": pl.String(),
    }
)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
BAD_ROWS = pl.DataFrame(schema=dict.fromkeys(("doc_id", "table", "stage", "rule", "reason", "row"), pl.String))


def decisions(*rows):
    """(name, action, further columns): what discover decides."""
    plain = {"content_sha256": "h", "in_scope": True, "opened": False, "size_bytes": 1, "modified_at": NOON}
    found = [plain | {"source_uri": f"s/{name}", "action": action, **more} for name, action, more in rows]
    frame = pl.DataFrame(found, schema=DECIDED)
    return frame.with_columns(doc_id=pl.col("source_uri").map_elements(to_doc_id, return_dtype=pl.String))


def outcomes(**ended):
    """name=None was written, name=code was quarantined by the stage read."""
    rows = [
        (f"s/{name}", "written", "utf-8", "utf-8", 12, None, None, None, None)
        if code is None
        else (f"s/{name}", "quarantined", None, None, None, None, "read", code, f"{code}: do something")
        for name, code in ended.items()
    ]
    return pl.DataFrame(rows, schema=OUTCOMES, orient="row")


def next_sources(decided, ended, prior, run_id, stages):
    first = pl.col("source_uri").is_in(decided["duplicate_of"].implode())
    firsts = account.quarantined_firsts(decided.filter(first), ended, prior, stages)
    return account.next_sources(decided, ended, prior, run_id, stages, firsts)


def first_run():
    """a written, b a copy of it, c quarantined by discover, d by read, e a copy of d."""
    decided = decisions(
        ("a", "process", {}),
        ("b", "duplicate", {"duplicate_of": "s/a"}),
        ("c", "quarantine", {"content_sha256": None, "reason_code": "unreadable", "reason": "why"}),
        ("d", "process", {"content_sha256": "d"}),
        ("e", "duplicate", {"content_sha256": "d", "duplicate_of": "s/d"}),
    )
    ended = outcomes(a=None, d="empty")
    return decided, ended, next_sources(decided, ended, empty("sources"), "run-1", "v1")


def column(frame, name):
    return dict(frame.select("source_uri", name).iter_rows())


def test_every_source_gets_its_row():
    decided, _, sources = first_run()
    assert sources.schema == TABLES["sources"].schema
    assert column(sources, "status") == {
        "s/a": "written",
        "s/b": "duplicate",
        "s/c": "quarantined",
        "s/d": "quarantined",
        "s/e": "quarantined",
    }
    assert column(sources, "reason_code") == {
        "s/a": None,
        "s/b": None,
        "s/c": "unreadable",
        "s/d": "empty",
        "s/e": "empty",
    }
    assert column(sources, "duplicate_of") == {"s/a": None, "s/b": "s/a", "s/c": None, "s/d": None, "s/e": None}
    assert column(sources, "encoding")["s/a"] == "utf-8"
    assert column(sources, "n_raw_chars")["s/a"] == 12
    assert set(column(sources, "first_seen_run").values()) == {"run-1"}
    assert count(decided, sources) == {
        "n_sources": 5,
        "n_written": 1,
        "n_unchanged": 0,
        "n_duplicate": 1,
        "n_quarantined": 3,
        "n_deleted": 0,
    }


def test_quiet_run_changes_no_row():
    _, _, prior = first_run()
    decided = decisions(
        ("a", "keep", {"modified_at": datetime(2024, 6, 1, tzinfo=UTC)}),
        ("b", "duplicate", {"duplicate_of": "s/a"}),
        ("c", "quarantine", {"content_sha256": None, "reason_code": "unreadable", "reason": "why"}),
        ("d", "keep", {"content_sha256": "d"}),
        ("e", "duplicate", {"content_sha256": "d", "duplicate_of": "s/d"}),
    )
    sources = next_sources(decided, outcomes(), prior, "run-2", "v1")
    assert not changed(sources, "run-2")
    assert set(column(sources, "last_changed_run").values()) == {"run-1"}
    assert column(sources, "modified_at")["s/a"] == datetime(2024, 6, 1, tzinfo=UTC)
    assert count(decided, sources)["n_unchanged"] == 1
    kept = ("status", "reason_code", "reason", "encoding", "n_raw_chars", "duplicate_of", "stages_sha256")
    assert sources.select(kept).equals(prior.select(kept))


def test_changed_content_changes_the_row_and_keeps_the_first_run():
    _, _, prior = first_run()
    decided = decisions(("a", "process", {"content_sha256": "new"}), ("b", "keep", {}))
    sources = next_sources(decided, outcomes(a=None), prior, "run-2", "v1")
    assert changed(sources, "run-2")
    assert column(sources, "last_changed_run")["s/a"] == "run-2"
    assert column(sources, "first_seen_run")["s/a"] == "run-1"


def test_copies_follow_the_first_into_quarantine_and_out_of_it():
    _, _, prior = first_run()
    decided = decisions(
        ("a", "process", {}), ("b", "duplicate", {"duplicate_of": "s/a"}),
        ("d", "process", {"content_sha256": "d"}), ("e", "duplicate", {"content_sha256": "d", "duplicate_of": "s/d"}),
    )  # fmt: skip
    sources = next_sources(decided, outcomes(a="stage_failed", d=None), prior, "run-2", "v2")
    status = column(sources, "status")
    assert (status["s/a"], status["s/b"]) == ("quarantined", "quarantined")
    assert (status["s/d"], status["s/e"]) == ("written", "duplicate")
    assert column(sources, "reason")["s/b"] == "stage_failed: do something"
    assert column(sources, "reason")["s/e"] is None


def test_paths_the_run_does_not_speak_for_keep_their_rows():
    _, _, prior = first_run()
    sources = next_sources(decisions(("a", "keep", {})), outcomes(), prior, "run-2", "v2")
    others = pl.col("source_uri") != "s/a"
    assert sources.filter(others).equals(prior.filter(others))


def test_deleted_file_keeps_its_identity_and_nothing_else():
    _, _, prior = first_run()
    decided = decisions(("a", "delete", {"content_sha256": "h"}), ("d", "delete", {"content_sha256": "d"}))
    sources = next_sources(decided, outcomes(), prior, "run-2", "v1")
    row = sources.row(0, named=True)
    assert (row["source_uri"], row["status"], row["first_seen_run"]) == ("s/a", "deleted", "run-1")
    assert (row["content_sha256"], row["size_bytes"], row["modified_at"]) == (None, None, None)
    assert count(decided, sources) | {"n_deleted": 2, "n_sources": 0} == count(decided, sources)


def test_missing_outcome_does_not_pass_for_an_outcome():
    decided = decisions(("a", "process", {}))
    counts = count(decided, next_sources(decided, outcomes(), empty("sources"), "run-1", "v1"))
    assert counts["n_sources"] == 1
    assert sum(counts[f"n_{n}"] for n in ("written", "unchanged", "duplicate", "quarantined")) == 0


# Quarantine


def quarantine(sources, ended, decided, bad=BAD_ROWS, prior=None, run="run-1"):
    return next_quarantine(sources, ended, bad, empty("quarantine") if prior is None else prior, run, decided)


def bad_row(name, table="mentions", rule="mentions.label.in_set", row='{"n":1}'):
    rows = [(to_doc_id(f"s/{name}"), table, "extract_entities", rule, "broken rule", row)]
    return pl.DataFrame(rows, schema=BAD_ROWS.schema, orient="row")


def test_whole_files_and_single_rows():
    decided, ended, sources = first_run()
    rows = quarantine(sources, ended, decided, bad_row("a"))
    assert rows.schema == TABLES["quarantine"].schema
    assert rows.select("source_uri", "table", "stage", "rule", "row").rows() == [
        ("s/a", "mentions", "extract_entities", "mentions.label.in_set", '{"n":1}'),
        ("s/c", "sources", "discover", "unreadable", "{}"),
        ("s/d", "sources", "read", "empty", "{}"),
        ("s/e", "sources", "discover", "empty", "{}"),
    ]


def test_what_stands_stays_with_the_run_that_put_it_there():
    decided, ended, sources = first_run()
    prior = quarantine(sources, ended, decided, bad_row("a"))
    decided = decisions(("a", "keep", {}), ("d", "keep", {"content_sha256": "d"}))
    later = next_sources(decided, outcomes(), sources, "run-2", "v1")
    assert quarantine(later, outcomes(), decided, prior=prior, run="run-2").equals(prior)


@pytest.mark.parametrize("how", ["processed again", "deleted"])
def test_rows_of_a_document_that_was_replaced_or_removed_go(how):
    decided, ended, sources = first_run()
    prior = quarantine(sources, ended, decided, bad_row("a"))
    again = how == "processed again"
    decided = decisions(("a", "process" if again else "delete", {}))
    now = outcomes(a=None) if again else outcomes()
    rows = quarantine(next_sources(decided, now, sources, "run-2", "v2"), now, decided, prior=prior, run="run-2")
    assert rows["source_uri"].to_list() == ["s/c", "s/d", "s/e"]


def test_rows_of_a_document_that_moved_go_with_it():
    decided, ended, sources = first_run()
    old, new = to_doc_id("s/a"), to_doc_id("s/moved")
    told = json.dumps({"doc_id": old, "text": f'"doc_id":"{old}"'}, separators=(",", ":"))
    prior = quarantine(sources, ended, decided, bad_row("a", row=told))
    decided = decisions(
        ("a", "delete", {}), ("moved", "move", {"copy_of": old}), ("d", "keep", {"content_sha256": "d"})
    )  # fmt: skip
    now = outcomes(moved=None)
    later = next_sources(decided, now, sources, "run-2", "v1")
    rows = quarantine(later, now, decided, prior=prior, run="run-2").filter(pl.col("table") == "mentions")
    assert rows.select("source_uri", "doc_id", "run_id", "row").rows() == [
        ("s/moved", new, "run-2", told.replace(old, new, 1))
    ]
    assert rows.select("stage", "rule", "reason").equals(
        prior.filter(pl.col("table") == "mentions").select("stage", "rule", "reason")
    )


def test_same_bad_row_twice_is_listed_once():
    decided, ended, sources = first_run()
    assert quarantine(sources, ended, decided, pl.concat([bad_row("a"), bad_row("a")])).height == 4


# The sum

ACTIONS = st.sampled_from(["process", "process bad", "keep", "keep bad", "quarantine", "delete", "move", "outside"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ACTIONS, st.integers(0, 2)), max_size=12))
def test_sources_present_are_the_sum_of_their_outcomes(mixture):
    """Every mixture of actions, each first file with up to two copies that follow it."""
    rows, ended, prior, expected = [], {}, [], {"written": 0, "unchanged": 0, "duplicate": 0, "quarantined": 0}
    for n, (kind, copies) in enumerate(mixture):
        name, action = f"{n:02}", kind.removesuffix(" bad")
        bad = kind.endswith("bad") or kind == "quarantine"
        here = kind != "outside"
        more = {"content_sha256": f"h{n}", "in_scope": here, "opened": False}
        if kind == "quarantine":
            more |= {"reason_code": "unreadable", "reason": "why"}
        rows.append((name, action if here else "keep", more))
        if action in ("process", "move"):
            ended[name] = "empty" if bad else None
        if action in ("keep", "outside", "delete"):
            prior.append((f"s/{name}", "quarantined" if bad else "written", f"h{n}", "empty" if bad else None))
        if not here or action == "delete":
            continue
        expected["quarantined" if bad else "unchanged" if action == "keep" else "written"] += 1
        for copy in range(copies if kind != "quarantine" else 0):
            rows.append((f"{name}-{copy}", "duplicate", {"content_sha256": f"h{n}", "duplicate_of": f"s/{name}"}))
            expected["quarantined" if bad else "duplicate"] += 1
    before = pl.DataFrame(
        prior, schema=["source_uri", "status", "content_sha256", "reason_code"], orient="row"
    ).cast(pl.String) if prior else empty("sources")  # fmt: skip
    before = pl.concat([empty("sources"), before], how="diagonal")
    decided = decisions(*rows)
    sources = next_sources(decided, outcomes(**ended), before, "run-2", "v1")
    counts = count(decided, sources)
    n_deleted = sum(kind == "delete" for kind, _ in mixture)
    assert counts == {"n_sources": sum(expected.values()), "n_deleted": n_deleted} | {
        f"n_{outcome}": n for outcome, n in expected.items()
    }
    assert sources.height == len(rows)
    assert sources["source_uri"].is_sorted()


def test_the_reason_of_a_copy_names_the_copy():
    first, copy = {"content_sha256": "h"}, {"content_sha256": "h", "duplicate_of": "s/a/eins.docx"}
    decided = decisions(("a/eins.docx", "process", first), ("b/zwei.odt", "duplicate", copy))
    ended = outcomes(**{"a/eins.docx": "damaged"}).with_columns(reason=pl.lit("eins.docx is damaged; fetch it again"))
    after = next_sources(decided, ended, empty("sources"), "run-1", "v1")
    assert after["reason"].to_list() == ["eins.docx is damaged; fetch it again", "zwei.odt is damaged; fetch it again"]
    assert after["status"].to_list() == ["quarantined", "quarantined"]
