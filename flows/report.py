"""What a run tells people: on the terminal, and in Prefect as name, log, artifact and state."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stages.discover.selection import EXCLUDED, OTHER_SUFFIX, TABLES_FOLDER
from stages.errors import FliesstextError, printable

_MOST_LISTED = 25
_MOST_LOGGED = 10
_MOST_NAMED = 5
_OUTCOMES = ("written", "unchanged", "duplicate", "quarantined")
_WORDS = {
    "process": "again",
    "move": "renamed",
    "keep": "unchanged",
    "duplicate": "duplicate",
    "quarantine": "unreadable",
    "delete": "deleted",
}
_NEWS = ("new", "again", "renamed", "deleted")


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did; ``quarantined`` and ``duplicates`` list the sources of this run as they stand now.

    ``withheld``: documents that are missing but stand, by source. ``passed_over``: paths by source and reason.
    ``empty``: sources in which nothing was found to read, with their folders. ``without_effect``: those of the
    ``n_corrections`` rows of the file of corrections that meet nothing, each in words.
    ``again``: how many documents whose files
    are as they were a run was asked to make anew, as `stages.discover.again.choose_again` counts them.
    ``drift``: the rows of the table that are unusual or failed.
    """

    run_id: str
    tables: str
    snapshot: str | None
    published: bool
    counts: dict[str, int]
    rows: dict[str, int]
    languages: list[tuple[str, int]]
    n_expectations: int
    warnings: list[str]
    quarantined: list[tuple[str, str, str]]
    duplicates: list[tuple[str, str]]
    seconds: dict[str, float]
    withheld: dict[str, int] = field(default_factory=dict)
    passed_over: dict[str, dict[str, int]] = field(default_factory=dict)
    empty: dict[str, str] = field(default_factory=dict)
    n_corrections: int = 0
    without_effect: list[str] = field(default_factory=list)
    again: dict[str, int] = field(default_factory=dict)
    drift: list[dict[str, Any]] = field(default_factory=list)


class AttentionError(FliesstextError):
    """A run did what it could and published, but somebody has to look at it; carries the ``report``.

    ``state`` is the name of the state it ends in, ``exit_code`` that of the command line.
    """

    def __init__(self, report: RunReport, state: str, exit_code: int, message: str) -> None:
        self.report, self.state, self.exit_code, self.message = report, state, exit_code, message
        super().__init__(report, state, exit_code, message)

    def __str__(self) -> str:
        return self.message


def attention(report: RunReport, strict: bool) -> AttentionError | None:
    """Say why somebody has to look: withheld deletions, drift, or with ``strict`` a source in quarantine; else None."""
    if report.withheld:
        missing = ", ".join(f"{n} of {name}" for name, n in report.withheld.items())
        message = (
            f"deletions withheld ({missing}); if they are meant, run again with {as_parameter('confirm_deletions')}"
        )
        return AttentionError(report, "DeletionsWithheld", 5, message)
    if failed := [row for row in report.drift if row["verdict"] == "failed"]:
        return AttentionError(report, "Drifted", 6, "; ".join(map(_about_drift, failed)))
    if strict and report.quarantined:
        (uri, code, why), n = report.quarantined[0], len(report.quarantined)
        there = "one source is in quarantine" if n == 1 else f"{n} sources are in quarantine, the first"
        message = f"{there}: {uri}: {code}: {why}"
        return AttentionError(report, "InQuarantine", 3, message)
    return None


def count_found(names: Iterable[str], decided: pl.DataFrame, known: pl.Series) -> dict[str, dict[str, int]]:
    """Count for every source of a run how its files stand before any is processed.

    ``decided`` comes from `stages.discover.decide`, ``known`` are the source_uris that the last run left. A file is
    new, again (changed, or to be read with other settings), renamed, unchanged, duplicate, unreadable or deleted.
    """
    action = pl.col("action").replace_strict(_WORDS)
    is_new = (pl.col("action") == "process") & ~pl.col("source_uri").is_in(known.implode())
    rows = decided.filter("in_scope", pl.col("action") != "open").select(
        source=pl.col("source_uri").str.split("/").list.first(),
        word=pl.when(is_new).then(pl.lit("new")).otherwise(action),
    )
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    for source, word, n in rows.group_by("source", "word").len().sort("source", "word").iter_rows():
        found[source][word] = n
    return found


def name_run(found: Mapping[str, Mapping[str, int]]) -> str:
    """Say in a few words what a run is about.

    >>> name_run({"press": {"new": 200, "unchanged": 7}, "web": {"deleted": 1, "new": 14}})
    'press, web: 214 new, 1 deleted'
    >>> name_run({"press": {"unchanged": 7}})
    'press: nothing new'
    """
    total = sum((Counter(words) for words in found.values()), Counter[str]())
    names = [*found][:_MOST_NAMED] + ([f"{len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else [])
    return f"{', '.join(names)}: " + (_listed({word: total[word] for word in _NEWS if total[word]}) or "nothing new")


def tell_found(found: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Say for every source how many files it has and how they stand.

    >>> tell_found({"press": {"new": 200, "unchanged": 7}, "web": {}})
    ['press: 207 files (200 new, 7 unchanged)', 'web: no files']
    """
    return [
        f"{name}: {sum(words.values()) - words.get('deleted', 0)} files ({_listed(words)})"
        if words
        else f"{name}: no files"
        for name, words in found.items()
    ]


def _listed(words: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {word}" for word, n in words.items())


def story(report: RunReport) -> Iterator[tuple[int, str]]:
    """Tell what a run did, for its log: lines with their level, at most ten of them on the quarantine."""
    yield logging.INFO, headline(report)
    for name, reasons in report.passed_over.items():
        if reasons:
            yield logging.INFO, f"{name}: {passed_over(reasons)}"
    for uri, code, why in report.quarantined[:_MOST_LOGGED]:
        yield logging.WARNING, f"in quarantine: {uri}: {code}: {why}"
    if len(report.quarantined) > _MOST_LOGGED:
        more = len(report.quarantined) - _MOST_LOGGED
        yield logging.WARNING, f"and {more} more in quarantine; see the tables sources and quarantine"
    for note in notes(report, as_parameter):
        yield logging.WARNING, note
    yield logging.INFO, "rows: " + ", ".join(f"{name} {rows}" for name, rows in report.rows.items())
    yield logging.INFO, "seconds: " + ", ".join(f"{stage} {spent:.1f}" for stage, spent in report.seconds.items())
    yield logging.INFO, outcome(report)


def headline(report: RunReport) -> str:
    """Say in one sentence how the sources ended; the numbers add up."""
    counts = report.counts
    sum_of = " + ".join(f"{counts[f'n_{name}']} {name}" for name in _OUTCOMES)
    gone = f"; {counts['n_deleted']} deleted since the last run" if counts["n_deleted"] else ""
    return f"{counts['n_sources']} sources = {sum_of}{gone}"


def outcome(report: RunReport) -> str:
    """Say in one sentence whether something was published and where it is."""
    if report.published:
        return f"Published {report.snapshot} in {report.tables} (CURRENT.json points at it)."
    if report.snapshot is None:
        return f"Nothing to publish; {report.tables} holds no tables yet."
    return f"Nothing to do; {report.snapshot} in {report.tables} stands."


Option = Callable[[str], str]
"""Names a setting as the reader of a report has to write it."""


def as_flag(setting: str) -> str:
    """Name a setting for the command line."""
    return "--" + setting.replace("_", "-")


def as_parameter(setting: str) -> str:
    """Name a setting for somebody who triggers a deployment in Prefect."""
    return f"the parameter `{setting}`"


def notes(report: RunReport, option: Option = as_flag) -> list[str]:
    """List what a person should know beside the figures; ``option`` names settings as they are written there."""
    found = [f"warning: {line}" for line in report.warnings]
    if report.withheld:
        missing = ", ".join(f"{n} of {name}" for name, n in report.withheld.items())
        found.append(
            f"Deletions withheld: documents are gone or cannot be read ({missing}). They still stand in the tables. "
            "Look whether a disk is missing or a folder was emptied; if the deletion is meant, run again with "
            f"{option('confirm_deletions')}."
        )
    found += [f"Drift: {_about_drift(row)}." for row in report.drift]
    if report.again:
        found.append(_about_again(report.again))
    found += [
        _about_empty(name, folder, report.passed_over.get(name, {}), option) for name, folder in report.empty.items()
    ]
    if report.without_effect:
        found.append(_about_corrections(report))
    return found


def _about_corrections(report: RunReport) -> str:
    """Say which corrections meet nothing, and what to do."""
    listed = "; ".join(printable(line) for line in report.without_effect[:_MOST_NAMED])
    more = len(report.without_effect) - _MOST_NAMED
    return (
        f"{len(report.without_effect)} of {report.n_corrections} corrections meet nothing: {listed}"
        f"{f'; and {more} more' if more > 0 else ''}. "
        "Texts or names have changed: correct these lines, or take them out."
    )


def _about_drift(row: Mapping[str, Any]) -> str:
    """Say what is unusual.

    >>> _about_drift({"source": "press", "measure": "words", "observed": 1200.0, "median": 90.5, "n_runs": 7})
    'words of press is 1200, where the median of 7 runs before is 90.5'
    """
    was = f"where the median of {row['n_runs']} runs before is {row['median']:.4g}"
    return f"{row['measure']} of {row['source']} is {row['observed']:.4g}, {was}"


def _about_again(again: Mapping[str, int]) -> str:
    told = f"{again['chosen']} documents to be made again: {again['made']} were, {again['left']} wait for the next run."
    stand = again["outdated"] - again["left"]
    return told + (f" {stand} more stand as other stages or models made them." if stand > 0 else "")


def passed_over(reasons: Mapping[str, int]) -> str:
    """Say how many paths were passed over and why.

    >>> passed_over({"excluded": 3, "hidden": 9})
    'passed over: 12 (9 hidden, 3 excluded)'
    """
    listed = ", ".join(f"{n} {reason}" for reason, n in Counter(reasons).most_common())
    return f"passed over: {sum(reasons.values())} ({listed})"


def _about_empty(name: str, folder: str, reasons: Mapping[str, int], option: Option) -> str:
    """Say that nothing was found in a source, what was passed over, and what to do."""
    told = f"Nothing to read in {printable(folder)} (source {name})"
    if not reasons:
        return f"{told}: it holds no file of those that were named. Check the path, and whether its disk is there."
    settings = {EXCLUDED: "exclude", OTHER_SUFFIX: "suffixes", TABLES_FOLDER: ""}
    wanted = sorted({settings.get(reason, "include") for reason in reasons} - {""})
    advice = f"change {' or '.join(map(option, wanted))}, or name" if wanted else "name"
    return f"{told}; {passed_over(reasons)}. To read something else, {advice} another folder."


def print_report(report: RunReport, console: Console) -> None:
    """Print the report to a terminal or a log."""
    console.print(Text(headline(report), style="bold"), soft_wrap=True)
    figures = Table.grid(padding=(0, 3))
    figures.add_row(
        _two_columns("table", "rows", report.rows),
        _two_columns("language", "documents", report.languages),
        _two_columns("stage", "seconds", {k: f"{v:.1f}" for k, v in report.seconds.items()}),
    )
    console.print(figures)
    if report.n_expectations:
        state = "with warnings" if report.warnings else "passed"
        console.print(f"Validation {state}: {report.n_expectations} expectations.")
    if total := _total(report):
        console.print(Text(passed_over(total).capitalize() + "."), soft_wrap=True)
    _list(console, "Quarantined", [(uri, f"{code}: {why}") for uri, code, why in report.quarantined])
    _list(console, "Duplicates", [(uri, f"same bytes as {first}") for uri, first in report.duplicates])
    for note in notes(report):
        console.print(Text(note, style="yellow"), soft_wrap=True)
    console.print(Text(outcome(report)), soft_wrap=True)


def _total(report: RunReport) -> Counter[str]:
    """How many paths were passed over in all sources together, by reason."""
    return sum(map(Counter, report.passed_over.values()), Counter())


def _two_columns(left: str, right: str, rows: Mapping[str, object] | Sequence[tuple[str, int]]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column(left)
    table.add_column(right, justify="right")
    for name, value in rows.items() if isinstance(rows, Mapping) else rows:
        table.add_row(name, str(value))
    return table


def _list(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    if not rows:
        return
    console.print(Text(f"{title} ({len(rows)})", style="bold"))
    for source, why in rows[:_MOST_LISTED]:
        console.print(Text(f"  {source}\n    {why}"), soft_wrap=True)
    if len(rows) > _MOST_LISTED:
        console.print(f"  and {len(rows) - _MOST_LISTED} more; see the tables sources and quarantine")


def as_markdown(report: RunReport) -> str:
    """Give the report as Markdown, names from the file system fenced so that they stay text.

    One page with how the sources ended, what is in quarantine, what the gate found and what has drifted; it names the
    snapshot and the page in it that tells more.
    """
    page = [f"A page that tells more: `{report.tables}/{report.snapshot}/report.html`", ""] if report.published else []
    outcomes = {name: report.counts[f"n_{name}"] for name in (*_OUTCOMES, "deleted")}
    lines = [f"# {headline(report)}", "", outcome(report), "", *page]
    lines += [*_as_rows("sources", "end", outcomes), *_as_rows("table", "rows", report.rows)]
    lines += _as_rows("stage", "seconds", {stage: f"{spent:.1f}" for stage, spent in report.seconds.items()})
    if total := _total(report):
        lines += [f"{passed_over(total).capitalize()}.", ""]
    lines += ["## Validation", "", _about_validation(report), "", *_about_quarantine(report)]
    found = notes(report, as_parameter)
    return "\n".join([*lines, *(["## To look at", "", *(f"- {note}" for note in found), ""] if found else [])])


def _as_rows(left: str, right: str, rows: Mapping[str, object]) -> list[str]:
    """A table of two columns."""
    return [f"| {left} | {right} |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows.items()), ""]


def _about_validation(report: RunReport) -> str:
    if not report.published:
        return "Nothing was published, so there was nothing to judge."
    state = "passed, with warnings" if report.warnings else "passed"
    drifted = f"{len(report.drift)} measures are unusual" if report.drift else "no measure is unusual"
    return (
        f"{report.n_expectations} expectations {state}; all results: `{report.snapshot}/validation.json`. "
        f"Drift: {drifted}; all measures: table `drift`."
    )


def _about_quarantine(report: RunReport) -> list[str]:
    """How many sources are in quarantine, by reason, and the first of them."""
    if not report.quarantined:
        return ["## Quarantine", "", "Nothing.", ""]
    by_code = Counter(code for _, code, _ in report.quarantined)
    shown = [f"    {uri}  {code}: {reason}" for uri, code, reason in report.quarantined[:_MOST_LISTED]]
    return ["## Quarantine", "", *_as_rows("reason", "sources", dict(by_code.most_common())), *shown, ""]
