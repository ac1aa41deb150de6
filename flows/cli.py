"""The command line. Heavy imports wait until a command needs them, so that --help answers at once."""

import argparse
import io
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from flows.cli_operate import COMMANDS, add_operating
from flows.named_server import server_named, tell_of_unnamed

_MOST_PROBLEMS = 100
_EXIT_FAILED, _EXIT_USAGE, _EXIT_LOCKED = 1, 2, 4

_EPILOG = """\
examples:
  fliesstext run                              the shipped samples, into data/tables
  fliesstext run articles/ --tables out/      everything below articles/
  fliesstext run press=/mnt/a web=/mnt/b      two named sources, one set of tables
  fliesstext run 'archive/**/*.txt'           a glob (quote it)
  fliesstext run articles/ --exclude entwurf/ without the folders of that name
  fliesstext run /mnt/a --tables /mnt/t --dask tcp://scheduler:8786   on many machines
  fliesstext show articles/one.txt            the mended text of one file
  fliesstext check --tables out/ articles/    are the published tables still whole and right
  fliesstext browse articles/ --tables out/   look at what came out, in a browser
  fliesstext export --to sqlite --out texts.db the tables as a database, with views
  fliesstext views --tables out/ > views.sql  the tables as views, for: duckdb -init views.sql
"""
_RUN = """\
Process what is new, changed or deleted below the sources and publish all tables at once.

A SOURCE is a folder, a file or a glob. Its name (the folder's, or NAME in NAME=PATH) becomes the first part of
source_uri, so give a name that will last: the folder may then move or be mounted elsewhere. Running one source
never deletes documents of another.

Passed over are hidden files and folders, lock and temporary files, and folders of published tables. --exclude passes
over more, with --include only what matches is read, with --suffixes only those endings. A file that is named itself is
always read. Documents of earlier runs stand when their files are passed over.

A source that is gone or empty, or has lost more than --max-deleted of its documents (and not fewer than --min-deleted),
keeps them in the tables until --confirm-deletions. The folder of a source that the tables know may be missing; the
other sources are processed.
"""
_CHECK = """\
Verify everything that is published: file hashes, schema, keys, references, offsets, accounting. With SOURCEs, the
offsets are also compared with the raw files that are still as they were read. Nothing is written.
Exit code 0: all is right; 1: something is wrong, and every finding is printed.
"""
_VIEWS = """\
Print the SQL that gives DuckDB a view of each published table, with text_start and text_end for the columns start and
end, table_name for table and rejected_row for row, so that no name has to be quoted. Nothing is written.
"""
_BROWSE = """\
Serve pages over the published tables on this machine, until Ctrl-C or SIGTERM, which end it with exit code 0:
overview, search, every document mended beside raw, names, quarantine. With SOURCEs, named as for run, the raw text is
shown beside the mended one. Only the index is written, beside the snapshot. Nothing is loaded from elsewhere.
"""
_EXPORT = """\
Write the published tables in another form. Nothing in the tables is changed.

  sqlite, duckdb  one file with all tables and views: people, mentions_in_context, named_in, named_together,
                  names_by_month, near_copies, documents_once, changes; no name has to be quoted
  csv             a folder with a file a table; lists are JSON
  jsonl           a line a block, with offsets and names: for search and embeddings
  conllu          sentences as words, with names and values in the last column
  tei             a folder with a TEI P5 file a document
  annotations     a folder with the text of each document and its W3C Web Annotations (JSON-LD)
"""
_Options = argparse._ActionsContainer  # a group of options; argparse has no public name for it
_EXPORTS = ("sqlite", "duckdb", "csv", "jsonl", "conllu", "tei", "annotations")
_EXITS = """\
exit codes:
  0  every source is accounted for and the tables are published (or there was nothing to do, or nothing to read)
  1  the run failed; the published tables are as they were
  2  wrong usage; nothing was read
  3  with --strict: published, but a source is in quarantine
  4  another run was writing to the same tables for longer than --wait; nothing was done
  5  everything else is published, but deletions were withheld (this goes before 3)
  6  published, but a measure is further than --drift-fail from the last runs (after 5, before 3)
"""
_SERVE = """\
Register the deployments with the Prefect server that PREFECT_API_URL names, and run them from this process, without a
worker, until it ends: refresh/nightly by --cron in --timezone, and whenever somebody triggers them refresh/ad-hoc,
reprocess/slice, check/published and prune/snapshots. The options are their parameters; a trigger may change any of
them for its run:

  prefect deployment run refresh/ad-hoc -p verify=true
"""


def build_parser() -> argparse.ArgumentParser:
    """Describe the commands and their options; defaults of `run` are those of `flows.settings.Settings`."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "fliesstext",
        description="Raw, broken text files become trustworthy, analysable Parquet tables in one step.",
        epilog=_EPILOG,
        formatter_class=form,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="sources to tables", description=_RUN, epilog=_EXITS, formatter_class=form)
    add_run(run)
    add_json(run)
    add_operating(commands, add_run, add_json, add_schedule)
    _add_show(commands.add_parser("show", help="the mended text of one file, nothing written"))
    check = commands.add_parser("check", help="verify published tables again", description=_CHECK, formatter_class=form)
    check.add_argument("sources", nargs="*", metavar="SOURCE", help="sources to compare with, named as for run")
    check.add_argument("--tables", metavar="DIR", help="folder of the published tables (default: data/tables)")
    views = commands.add_parser("views", help="the tables as views in SQL", description=_VIEWS, formatter_class=form)
    views.add_argument("--tables", metavar="DIR", help="folder of the published tables (default: data/tables)")
    _add_browse(
        commands.add_parser(
            "browse", help="look at the published tables in a browser", description=_BROWSE, formatter_class=form
        )
    )
    export = commands.add_parser("export", help="the tables for other tools", description=_EXPORT, formatter_class=form)
    export.add_argument("--tables", metavar="DIR", help="folder of the published tables (default: data/tables)")
    export.add_argument("--to", required=True, choices=_EXPORTS)
    export.add_argument(
        "--out", required=True, type=Path, metavar="PATH", help="file or folder to write; not there yet"
    )
    serve = commands.add_parser(
        "serve",
        help="serve the nightly and the ad-hoc deployments from this process",
        description=_SERVE,
        formatter_class=form,
    )
    add_run(serve)
    add_schedule(serve)
    return parser


def add_schedule(command: argparse.ArgumentParser) -> None:
    """Add when the nightly deployment runs."""
    command.add_argument("--cron", default="0 2 * * *", help="when the nightly run starts (default: %(default)s)")
    command.add_argument(
        "--timezone", default="Europe/Berlin", metavar="ZONE", help="the time zone of --cron (default: %(default)s)"
    )


def _add_show(show: argparse.ArgumentParser) -> None:
    show.add_argument("file", type=Path, help="a file of any kind that is read, or a member (a.zip!/b.txt)")
    how = show.add_mutually_exclusive_group()
    how.add_argument("--html", type=Path, metavar="OUT", help="write a page with the mended text beside the raw one")
    how.add_argument("--diff", action="store_true", help="print raw lines and what came of them")
    _add_shared(show)


def _add_browse(browse: argparse.ArgumentParser) -> None:
    browse.add_argument("sources", nargs="*", metavar="SOURCE", help="sources of the raw texts, named as for run")
    browse.add_argument(
        "--tables", metavar="DIR", help="folder of the published tables, or s3:// URL (default: data/tables)"
    )
    browse.add_argument("--port", type=_port, default=8765, metavar="N", help="port, 0 for any (default: %(default)s)")
    browse.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address (default: this machine alone)")
    browse.add_argument(
        "--token", help="word that a browser has to bring (default: none on this machine, a new one elsewhere)"
    )
    browse.add_argument("--no-open", action="store_true", help="do not open a browser")
    browse.add_argument("--edit", action="store_true", help="allow corrections")
    browse.add_argument(
        "--corrections", metavar="FILE", help="file of corrections (default: corrections.csv in the tables)"
    )
    browse.add_argument(
        "--index", type=Path, metavar="DIR",
        help="folder of the index (default: beside the snapshot; of tables on an object store a temporary one)",
    )  # fmt: skip


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number up to 65535, or 0 for any")
    return int(text)


def add_run(run: argparse.ArgumentParser) -> None:
    """Add what a run takes, which is also what its deployments take, in groups for those who read the help."""
    run.add_argument("sources", nargs="*", metavar="SOURCE", help="folder, file, glob or NAME=PATH (default: samples)")
    run.add_argument(
        "--tables", metavar="DIR", help="folder of the published tables, or s3:// URL (default: data/tables)"
    )
    _add_shared(run)
    _add_selection(run.add_argument_group("which files"))
    _add_facts(run.add_argument_group("what is known of the files"))
    _add_work(run.add_argument_group("the work"))
    _add_guards(run.add_argument_group("what vanishes, and what older versions made"))
    _add_store(run.add_argument_group("the tables"))
    _add_drift(run.add_argument_group("what people should look at"))


def _add_selection(files: _Options) -> None:
    files.add_argument(
        "--include", action="append", metavar="PATTERN", help="read only what matches, be it hidden; may be repeated"
    )
    files.add_argument("--exclude", action="append", metavar="PATTERN", help="pass over what matches; may be repeated")
    files.add_argument("--suffixes", metavar="LIST", help="read only these endings, pass over others (.txt,.md)")
    files.add_argument(
        "--later", action="append", metavar="URI", help="leave a source_uri for another run, as it stands"
    )
    files.add_argument(
        "--verify", action="store_true", help="read every file, not only those whose size or time changed"
    )


def _add_facts(facts: _Options) -> None:
    facts.add_argument(
        "--metadata", metavar="FILE", help="table of what is known of the files: CSV, JSON lines, Parquet; column file"
    )
    facts.add_argument(
        "--path-pattern", metavar="PATTERN", help="what paths tell, as '{publisher}/{published:%%Y/%%m/%%d}/*'"
    )
    facts.add_argument("--text-column", metavar="NAME", help="column of tables with the texts (default: found)")
    facts.add_argument("--key-column", metavar="NAME", help="column of tables that names a row (default: id, url ...)")
    facts.add_argument("--mets", choices=("articles", "pages", "whole"), help="what of a METS is a document")
    facts.add_argument("--authority", metavar="FILE", help="Parquet table of known entities: id, label, name, aliases")
    facts.add_argument(
        "--corrections", metavar="FILE", help="file of corrections (default: corrections.csv in the tables folder)"
    )


def _add_work(work: _Options) -> None:
    work.add_argument("--batch-size", type=int, metavar="N", help="documents handed on together (default: 250)")
    work.add_argument("--workers", type=int, metavar="N", help="worker processes, 0 for none (default: what pays off)")
    work.add_argument(
        "--dask", metavar="ADDRESS", help="work on a Dask cluster: its scheduler, as tcp://scheduler:8786"
    )
    work.add_argument(
        "--max-seconds", type=float, metavar="S", help="after so long a batch counts as hung (default: 300)"
    )
    work.add_argument(
        "--wait",
        "--wait-seconds",
        dest="wait_seconds",
        type=float,
        metavar="SECONDS",
        help="wait so long for another run that is writing to the same tables (default: 300)",
    )


def _add_guards(guards: _Options) -> None:
    guards.add_argument(
        "--max-deleted", type=float, metavar="SHARE", help="documents of a source that may vanish (default: 0.1)"
    )
    guards.add_argument(
        "--min-deleted", type=int, metavar="N", help="fewer than N may vanish, whatever their share (default: 10)"
    )
    guards.add_argument("--confirm-deletions", action="store_true", help="publish deletions beyond, or of a source")
    guards.add_argument(
        "--max-outdated", type=int, metavar="N", help="make again so many of what older stages made (default: all)"
    )


def _add_store(tables: _Options) -> None:
    tables.add_argument(
        "--format",
        dest="table_format",
        choices=("parquet", "delta"),
        help="of new tables (default: parquet; on an object store delta)",
    )
    tables.add_argument("--keep-snapshots", type=int, metavar="N", help="published snapshots to keep (default: 5)")
    tables.add_argument(
        "--keep-days", type=float, metavar="D", help="keep a snapshot D days after the next one at least (default: 0)"
    )


def _add_drift(attention: _Options) -> None:
    attention.add_argument(
        "--strict", action="store_true", help="end as failed (exit with 3) when a source is in quarantine"
    )
    for name, default, what in (
        ("warn", "0.5", "a measure that far from the last runs is told, 0 to 1"),
        ("volume", "0.9", "the same for numbers of documents and words"),
        ("fail", "1", "a measure further off ends the run as failed, with 6; 1: never"),
    ):
        told = f"{what} (default: {default})"
        attention.add_argument(f"--drift-{name}", type=float, metavar="D", help=told)
    attention.add_argument("--drift-runs", type=int, metavar="N", help="earlier runs to compare with (default: 10)")
    attention.add_argument(
        "--drift-documents", type=int, metavar="N", help="fewer new ones are not judged (default: 20)"
    )


def add_json(command: argparse.ArgumentParser) -> None:
    """Add the option that makes of the report one JSON object."""
    command.add_argument("--json", action="store_true", help="print the report as one JSON object on stdout")


def _add_shared(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--languages", metavar="CODES", help="languages to expect, most frequent first (default: de,en,fr)"
    )
    command.add_argument(
        "--engine",
        metavar="NAME",
        help="what finds names: accurate (default), fast, a model of yours (spacy:DIR, gliner:DIR, transformers:DIR), "
        "or none: no names",
    )
    command.add_argument("--max-chars", type=int, metavar="N", help="longest text of one file (default: 10 million)")
    command.add_argument("--ocr", action="store_true", help="recognise the text of page images and image-only PDFs")


_server_gone = threading.Event()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    chosen = build_parser().parse_args(arguments)
    # None of ours is a plug-in of Pydantic, which would look for one among all that is installed here.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from polars.exceptions import PolarsError

    from stages.errors import FliesstextError, LockedError, UsageError

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)
    in_json = getattr(chosen, "json", False)
    try:
        if getattr(chosen, "tables", None) == "":  # of a variable that is not set; the default is not what was meant
            raise UsageError("--tables: '' names no folder; name one, or leave the option away")
        return _COMMANDS[chosen.command](chosen)
    except UsageError as error:
        return _complain(error, _EXIT_USAGE, in_json)
    except LockedError as error:
        return _complain(error, _EXIT_LOCKED, in_json)
    except FliesstextError as error:
        return _complain(error, _EXIT_FAILED, in_json)
    except (OSError, PolarsError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return _EXIT_FAILED
        # Polars reports a disk that fails as an error of its own, and does not always say that it is full.
        full = "" if isinstance(error, OSError) else " (is there room left on it?)"
        told = f"the disk or the system failed{full}: {error}; the published tables are as they were"
        return _complain(told, _EXIT_FAILED, in_json)
    except KeyboardInterrupt:
        anew = ", the next run starts anew" if chosen.command in ("run", "reprocess") else ""
        return _complain(f"stopped; the published tables are as they were{anew}", _EXIT_FAILED, in_json)


def _nobody_reads() -> bool:
    """Tell whether who read stdout has gone (``| head``); what is still to be printed then goes nowhere."""
    if sys.stdout is None:  # closed before the program began (>&-)
        return False
    gone = False
    try:
        sys.stdout.flush()
    except OSError:  # a pipe that nobody reads, or a file on a disk that is full
        gone = True
    if not gone and hasattr(select, "poll"):  # without a buffer nothing is left to flush; Windows cannot be asked
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        gone = bool(poll.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return gone


def _stop(*_: object) -> None:
    """End like Ctrl-C, so that the workers end too."""
    raise KeyboardInterrupt


def _complain(message: object, code: int, in_json: bool = False) -> int:
    from stages.errors import printable

    if in_json:
        from flows.report_json import error_as_json

        print_for_programs(error_as_json(str(message), code) + "\n")

    # A message may name files; only its own line ends are line ends.
    lines = [printable(line) for line in str(message).split("\n")]
    print("fliesstext: " + "\n".join(lines), file=sys.stderr)
    return code


def _given(chosen: argparse.Namespace) -> dict[str, object]:
    """The options that were given, by the names of `flows.settings.Settings`."""
    from flows.settings import Settings

    known = Settings.model_fields
    given = {k: v for k, v in vars(chosen).items() if k in known and v is not None and v is not False}
    for name in {"languages", "suffixes"} & given.keys():
        given[name] = tuple(part.strip() for part in str(given[name]).split(","))
    return given


def _in_words(wrong: Any) -> str:
    """What Pydantic found wrong with a value, as a sentence for those who typed it."""
    if wrong["type"] == "literal_error":
        return f"{wrong['input']!r} is none of {wrong['ctx']['expected']}"
    if wrong["loc"] == ("engine",):
        from stages.extract_entities.names import WAYS

        return f"{wrong['input']!r} is none of {WAYS}"
    return str(wrong["msg"]).removeprefix("Value error, ")


def settings_of(chosen: argparse.Namespace):  # type: ignore[no-untyped-def]  # the type would be a heavy import
    """Give the settings that the options are; raises UsageError that names the options that are wrong."""
    from pydantic import ValidationError

    from flows.settings import Settings
    from stages.errors import UsageError
    from stages.extract_entities.names import check_engine

    try:
        settings = Settings.model_validate(_given(chosen))
    except ValidationError as error:
        problems: dict[str, str] = {}
        for wrong in error.errors():
            # Of several about one option the first says what is wrong; "too few" only follows from it.
            problems.setdefault(f"--{str(wrong['loc'][0]).replace('_', '-')}", _in_words(wrong))
        raise UsageError("; ".join(f"{option}: {said}" for option, said in problems.items())) from error
    check_engine(settings.engine)  # complains at once, not once all is loaded
    return settings


def _quiet_prefect() -> None:
    """Keep the terminal for the progress bar and the report; whoever set these variables keeps their choice."""
    if "PREFECT_LOGGING_LEVEL" not in os.environ:
        # The console alone: the log of the run in Prefect tells its story. What fails is told by the last line here.
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    # Each time doubles the pause: a quarter of a minute for each of some four calls to a server that went away.
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "3")


def say(line: str) -> None:
    """Say something beside the report: on stderr."""
    print(f"fliesstext: {line}", file=sys.stderr, flush=True)


def print_for_programs(text: str) -> None:
    """Print what programs read (JSON, SQL, metrics): in UTF-8, whatever the terminal is set to."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    print(text, end="")


def _run(chosen: argparse.Namespace) -> int:
    return run_and_report(chosen)


def run_and_report(chosen: argparse.Namespace, again: Any = None) -> int:
    """Run, with ``again`` (`stages.discover.again.Again`) as `flows.reprocess` does, and print the report."""
    from flows.settings import SAMPLES, TABLES
    from stages.discover.sources import parse_sources
    from stages.discover.told import read_metadata
    from stages.link_entities.authority import open_authority
    from stages.tables.store.choose import open_store

    settings = settings_of(chosen)
    sources = chosen.sources or [SAMPLES]
    # These complain at once, not once all is loaded.
    named = parse_sources(sources, lambda: _known(chosen.tables or TABLES))
    open_store(chosen.tables or TABLES, settings.table_format).require_ours(source.root for source in named)
    if settings.authority:
        open_authority(settings.authority)
    read_metadata(settings.metadata)
    from flows.execute.memory import loading

    with loading():
        from flows.report import AttentionError, attention
        from flows.run import report_if_unchanged

    looks = again is None and not server_named()
    report = report_if_unchanged(sources, chosen.tables or TABLES, settings) if looks else None
    if report is None:
        try:
            report = _refresh(sources, chosen.tables or TABLES, settings, again)
        except AttentionError as error:
            report = error.report
    wanted = attention(report, settings.strict)
    _print(report, wanted, in_json=chosen.json)
    return wanted.exit_code if wanted else 0


def print_report_of(report: Any, settings: Any, *, in_json: bool) -> None:
    """Print a report, with why somebody has to look at it."""
    from flows.report import attention

    _print(report, attention(report, settings.strict), in_json=in_json)
    sys.stdout.flush()


def _print(report: Any, wanted: Any, *, in_json: bool) -> None:
    # The run is done, and the exit code says how, whether its report can be printed or not.
    try:
        with suppress(BrokenPipeError, SystemExit):  # who read may have gone; rich would end the program then
            _print_in_form(report, wanted, in_json=in_json)
    except OSError as error:  # the disk of a log that is full says nothing of the tables
        from flows.report import outcome

        say(f"the report could not be printed ({error.strerror or error}); {outcome(report)}")
        _nobody_reads()


def _print_in_form(report: Any, wanted: Any, *, in_json: bool) -> None:
    if in_json:
        from flows.report_json import as_json

        print_for_programs(as_json(report, wanted) + "\n")
    else:
        from rich.console import Console

        from flows.report import print_report

        print_report(report, Console())
    sys.stdout.flush()


def _refresh(sources: list[str], tables: str, settings: Any, again: Any) -> Any:
    """Run as a flow of the Prefect server that is named; without one the same steps, of which nobody keeps books."""
    # What a stage says while it waits, whatever Prefect makes of its own log.
    logging.getLogger("stages").addHandler(logging.StreamHandler())
    if server_named():
        from flows.execute.memory import loading

        _quiet_prefect()
        with loading():
            from httpx import HTTPError

            from flows.refresh import how_it_ended, refresh
            from flows.reprocess import reprocess
            from flows.server import is_named, wait_for_server
        if is_named():
            wait_for_server(say)
            given = settings.model_dump(exclude_unset=True)
            try:
                if again is None:
                    return refresh(sources, tables, **given)
                return reprocess(sources, tables, **again._asdict(), **given)
            except HTTPError as error:
                _server_gone.set()
                report = how_it_ended(error)
                say(f"the Prefect server failed ({error}) and does not know how this run ended; the tables do")
                return report
    tell_of_unnamed(say)
    from flows.run import refresh_tables

    return refresh_tables(sources, tables, settings, again=again)


def _known(tables: str) -> frozenset[str]:
    from stages.tables.account import known_uris
    from stages.tables.store.choose import open_store

    return known_uris(open_store(tables))


def _show(chosen: argparse.Namespace) -> int:
    from flows.execute.memory import loading, seldom_look_for_cycles

    with loading():
        from flows.show import show_file, show_page

    seldom_look_for_cycles()
    if chosen.html:
        show_page(chosen.file, settings_of(chosen), chosen.html)
    else:
        show_file(chosen.file, settings_of(chosen), diff=chosen.diff)
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from flows.check import check_tables
    from flows.settings import TABLES

    done = check_tables(chosen.tables or TABLES, chosen.sources)
    for problem in done.problems[:_MOST_PROBLEMS]:
        print(problem)
    if len(done.problems) > _MOST_PROBLEMS:
        print(f"and {len(done.problems) - _MOST_PROBLEMS:,} more")
    print(done.sentence())
    return _EXIT_FAILED if done.problems else 0


def _views(chosen: argparse.Namespace) -> int:
    import stages
    from flows.settings import TABLES
    from stages.errors import UsageError
    from stages.tables.store.choose import require_parquet
    from stages.tables.store.snapshots import CURRENT
    from stages.tables.store.verify import read_pointer

    tables = require_parquet(chosen.tables or TABLES, "views").absolute()
    if not (tables / CURRENT).exists():
        raise UsageError(f"{tables}: nothing was published there; name the folder of the tables with --tables")
    read_pointer(tables)  # complains where it is damaged
    quoted = str(tables).replace("'", "''")
    views = Path(stages.__file__).with_name("views.sql").read_text(encoding="utf-8")
    print_for_programs(f"SET VARIABLE tables = '{quoted}';\n\n{views}")
    return 0


def _serve(chosen: argparse.Namespace) -> int:
    parameters = parameters_of(chosen)
    from flows.serve import serve_deployments

    serve_deployments(parameters, chosen.cron, chosen.timezone, say)
    return 0


def parameters_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """Give the parameters of the deployments that the options are; raises UsageError where one is wrong."""
    from flows.settings import SAMPLES, TABLES
    from stages.discover.sources import parse_sources

    settings = settings_of(chosen)
    sources = chosen.sources or [SAMPLES]
    parse_sources(sources)
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    from flows.serve import to_parameters

    return to_parameters(sources, chosen.tables or TABLES, settings)


def _browse(chosen: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from flows.browse.serve import Place, Shown, serve_pages
    from flows.settings import TABLES
    from stages.errors import printable

    place = Place(chosen.host, chosen.port, chosen.token, not chosen.no_open)
    with Progress(transient=True, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("index", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        def tell_line(line: str) -> None:
            bar.stop()
            say(printable(line))

        shown = Shown(chosen.tables or TABLES, chosen.sources, chosen.edit, chosen.corrections, chosen.index)
        try:
            serve_pages(shown, place, tell_line, tell)
        except KeyboardInterrupt:
            tell_line("stopped")
    return 0


def _export(chosen: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from flows.export import export_tables
    from flows.settings import TABLES

    tables = chosen.tables or TABLES
    with Progress(transient=True, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(str(chosen.to), total=None)
        done = export_tables(tables, chosen.to, chosen.out, lambda n, of: bar.update(task, completed=n, total=of))
    print(f"{done:,} documents in {chosen.out}")
    return 0


_COMMANDS = {
    "run": _run,
    "show": _show,
    "check": _check,
    "views": _views,
    "browse": _browse,
    "export": _export,
    "serve": _serve,
    **COMMANDS,
}


def _ready_streams() -> None:
    """Let whatever is said be printable, and let a stream that was closed (``2>&-``) lead nowhere.

    The number of a closed stream would go to the next file that is opened, be it a table, and what a library prints
    to that stream would land in it. Characters that the terminal's encoding does not have are escaped: a run must not
    fail of a name that it reports.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # 0, 1 and 2, as far as they are free
        os.set_inheritable(opened, True)
    os.close(opened)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w" if number else "r", encoding="utf-8")  # noqa: SIM115 - for good
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def program() -> NoReturn:
    """Run the command line as the program ``fliesstext``: end the process with the exit code of its command."""
    _ready_streams()
    code = main()
    _nobody_reads()  # of what is printed the last may go out only now
    if sys.argv[1:2] == ["show"] or _server_gone.is_set():
        # Nothing is left to do, and taking libraries and models apart again takes longer than printing the file; a
        # server that went away is asked for minutes to take what it was to be told.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    program()
