"""The commands of those who operate runs for years: reprocess, prune, deploy, watch, metrics. Heavy imports wait."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_REPROCESS = """\
Make documents again although their files are as they were. In all else it is a run: what is new, changed or deleted is
taken along. --limit cuts slices that fit a night; the next slice begins with what was processed longest ago. With
--outdated or --before the slices come to an end: when nothing is left, there is nothing to do.
"""
_PRUNE = """\
Remove earlier snapshots now, instead of with the next run that publishes, and what the gate kept of failed runs. The
published snapshot stays. Readers of a snapshot that goes lose it. Waits for a run that is writing.
"""
_DEPLOY = """\
Register the deployments that `serve` offers (refresh/nightly, refresh/ad-hoc, reprocess/slice, check/published,
prune/snapshots) with the Prefect server that PREFECT_API_URL names, for the workers of a process work pool, which is
made where it is missing. Nothing is run. Register again after changing an option. The worker, in an environment where
fliesstext is installed:

  prefect worker start --pool fliesstext
"""
_WATCH = """\
Look at the sources again and again; files that came, changed or went, and stand still since --settle seconds, start a
run. What comes together is gathered, for --gather seconds at the most; what is still being written then waits for the
next run. Begins with a run over what lies there. Folders, network drives and object stores are watched alike.

Where PREFECT_API_URL names a Prefect server, no run is started here: the server is sent the event
fliesstext.files.settled, which starts refresh/ad-hoc where `serve` or `deploy` has registered it for these tables.

Ends with exit code 0 by Ctrl-C or SIGTERM; a run that is at work then leaves the published tables as they were.
"""
_METRICS = """\
Print what the last run that published did, and what stands, in the text form that Prometheus reads. Nothing is written.
"""
_Parsers = Any  # argparse._SubParsersAction[argparse.ArgumentParser], which is private
_Add = Callable[[argparse.ArgumentParser], None]


def add_operating(commands: _Parsers, add_run: _Add, add_json: _Add, add_schedule: _Add) -> None:
    """Add these commands; ``add_run``, ``add_json`` and ``add_schedule`` add what they share with `run` and `serve`."""
    form = argparse.RawDescriptionHelpFormatter
    again = commands.add_parser(
        "reprocess", help="make documents again, in slices", description=_REPROCESS, formatter_class=form
    )
    _add_choice(again)
    add_run(again)
    add_json(again)
    deploy = commands.add_parser(
        "deploy", help="register all deployments for a work pool", description=_DEPLOY, formatter_class=form
    )
    add_run(deploy)
    add_schedule(deploy)
    deploy.add_argument("--pool", default="fliesstext", metavar="NAME", help="process work pool (default: %(default)s)")
    watch = commands.add_parser(
        "watch", help="start a run when files have arrived", description=_WATCH, formatter_class=form
    )
    add_run(watch)
    add_json(watch)
    for name, default, what in (
        ("every", 1.0, "look so often; less often where listing takes long"),
        ("settle", 3.0, "so long a file stands still before it counts as whole"),
        ("gather", 30.0, "so long whole files wait for others at the most"),
    ):
        told = f"{what} (default: %(default)g)"
        watch.add_argument(f"--{name}", type=_seconds, default=default, metavar="SECONDS", help=told)
    metrics = commands.add_parser("metrics", help="the last run in Prometheus' text form", description=_METRICS)
    metrics.add_argument("--tables", metavar="DIR", help="folder of the published tables (default: data/tables)")
    _add_prune(
        commands.add_parser("prune", help="remove earlier snapshots now", description=_PRUNE, formatter_class=form)
    )


def _add_prune(prune: argparse.ArgumentParser) -> None:
    prune.add_argument("--tables", metavar="DIR", help="folder of the published tables (default: data/tables)")
    prune.add_argument(
        "--keep-snapshots", type=int, default=5, metavar="N", help="snapshots to keep (default: %(default)s)"
    )
    prune.add_argument(
        "--keep-days", type=float, default=0.0, metavar="D", help="and all that were current in these days (default: 0)"
    )
    prune.add_argument(
        "--keep-failed", type=int, default=10, metavar="N", help="reports of failed runs to keep (default: %(default)s)"
    )
    prune.add_argument("--wait", dest="wait_seconds", type=float, default=300.0, metavar="SECONDS", help="as for run")


def _add_choice(command: argparse.ArgumentParser) -> None:
    command.add_argument("--id", action="append", default=[], metavar="DOC_ID", help="a document; may be repeated")
    command.add_argument(
        "--match", action="append", default=[], metavar="GLOB", help="source_uris like this; * goes over slashes too"
    )
    command.add_argument(
        "--code", action="append", default=[], metavar="CODE", help="what is in quarantine for this; may be repeated"
    )
    command.add_argument("--outdated", action="store_true", help="whatever other stages, models or options made")
    command.add_argument(
        "--before", type=_moment, metavar="TIME", help="only what was processed before then (2026-11-28, UTC)"
    )
    command.add_argument("--limit", type=_positive, metavar="N", help="at most so many in this run")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write a day, or 2026-11-28T18:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to 86400")
    return number


def _reprocess(chosen: argparse.Namespace) -> int:
    from flows.choice import require_choice
    from flows.cli import run_and_report
    from stages.discover.again import Again

    named = (tuple(chosen.id), tuple(chosen.match), tuple(chosen.code))
    again = Again(*named, outdated=chosen.outdated, before=chosen.before, limit=chosen.limit)
    require_choice(again)
    return run_and_report(chosen, again)


def _prune(chosen: argparse.Namespace) -> int:
    from flows.prune import prune_tables
    from flows.settings import TABLES

    done = prune_tables(
        chosen.tables or TABLES, chosen.keep_snapshots, chosen.keep_days, chosen.keep_failed, chosen.wait_seconds
    )
    print(done.sentence())
    return 0


def _deploy(chosen: argparse.Namespace) -> int:
    from flows.cli import parameters_of, say

    parameters = parameters_of(chosen)
    from flows.serve import deploy_all

    for name in deploy_all(parameters, chosen.cron, chosen.timezone, chosen.pool, say):
        print(f"{name} is registered for the work pool {chosen.pool}")
    return 0


def _watch(chosen: argparse.Namespace) -> int:
    from flows.cli import print_report_of, say, settings_of
    from flows.named_server import server_named
    from flows.settings import SAMPLES, TABLES
    from flows.watch import Pace, run_with, send_with, watch

    settings, sources, tables = settings_of(chosen), chosen.sources or [SAMPLES], chosen.tables or TABLES
    hand_over = (
        send_with(tables, say)
        if server_named()
        else run_with(sources, tables, settings, lambda report: print_report_of(report, settings, in_json=chosen.json))
    )
    pace = Pace(chosen.every, chosen.settle, chosen.gather)
    try:
        watch(sources, tables, settings, pace, hand_over, say)
    except KeyboardInterrupt:
        say("stopped; the published tables stand")
    return 0


def _metrics(chosen: argparse.Namespace) -> int:
    from flows.cli import print_for_programs
    from flows.metrics import metrics_of
    from flows.settings import TABLES

    print_for_programs(metrics_of(chosen.tables or TABLES))
    return 0


COMMANDS = {"reprocess": _reprocess, "prune": _prune, "deploy": _deploy, "watch": _watch, "metrics": _metrics}
