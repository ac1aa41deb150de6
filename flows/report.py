"""The report after a run, for people: on the terminal, and as an artifact in Prefect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

_MOST_LISTED = 25
_OUTCOMES = ("written", "unchanged", "duplicate", "quarantined")


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did; ``quarantined`` and ``duplicates`` list the sources of this run as they stand now."""

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
    withheld: int


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


def notes(report: RunReport) -> list[str]:
    """List what a person should know beside the figures."""
    found = [f"warning: {line}" for line in report.warnings]
    if report.withheld:
        found.append(
            f"{report.withheld} documents are gone from their source or unreadable, more than the guard lets pass; "
            "they still stand in the tables. If the deletion is meant, run again with --confirm-deletions."
        )
    return found


def print_report(report: RunReport, console: Console) -> None:
    """Print the report to a terminal or a log."""
    console.print(Text(headline(report), style="bold"))
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
    _list(console, "Quarantined", [(uri, f"{code}: {why}") for uri, code, why in report.quarantined])
    _list(console, "Duplicates", [(uri, f"same bytes as {first}") for uri, first in report.duplicates])
    for note in notes(report):
        console.print(Text(note, style="yellow"), soft_wrap=True)
    console.print(Text(outcome(report)), soft_wrap=True)


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
    """Give the report as Markdown, names from the file system fenced so that they stay text."""
    lines = [f"# {headline(report)}", "", outcome(report), "", "| table | rows |", "|---|---:|"]
    lines += [f"| {name} | {rows} |" for name, rows in report.rows.items()]
    lines += ["", "| stage | seconds |", "|---|---:|", *(f"| {k} | {v:.1f} |" for k, v in report.seconds.items()), ""]
    lines += [f"- {note}" for note in notes(report)]
    if report.quarantined:
        shown = [f"{uri}  {code}: {reason}" for uri, code, reason in report.quarantined[:_MOST_LISTED]]
        lines += ["", f"{len(report.quarantined)} in quarantine:", "", *(f"    {line}" for line in shown)]
    return "\n".join(lines)
