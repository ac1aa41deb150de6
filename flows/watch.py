"""Watch: files that settle below the sources start a run within seconds, as long as this process lives."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from polars.exceptions import PolarsError

from flows.report import RunReport
from flows.settings import Settings
from stages.discover.files import find_files
from stages.discover.inbox import Inbox, Mark, Settled, marks_of
from stages.discover.sources import Source, parse_sources
from stages.errors import FliesstextError
from stages.tables import account
from stages.tables.store.choose import open_store

_SHARE = 20
"""A pause is at least so many times as long as the listing before it: 20,000 files are listed in 0.05 s."""
_SHORTEST, _LONGEST = 5.0, 3_600.0
"""Seconds until what failed is tried again; each time twice as long."""


class Pace(NamedTuple):
    """Seconds: ``every`` look; ``settle`` and ``gather`` as in `stages.discover.inbox.Inbox`."""

    every: float = 1.0
    settle: float = 3.0
    gather: float = 30.0


def watch(
    sources: Sequence[str],
    tables: str,
    settings: Settings,
    pace: Pace,
    hand_over: Callable[[Settled], object],
    say: Callable[[str], object],
) -> None:
    """Call ``hand_over`` with what has settled below the sources, for ever; at first with all that lies there.

    What it could not take is tried again, later each time. Ends by KeyboardInterrupt alone. Raises UsageError at once
    where a source or the tables cannot be right.
    """
    store = open_store(tables, settings.table_format)
    named = parse_sources(sources, partial(account.known_uris, store))
    store.require_ours(source.root for source in named)
    say(f"watching {', '.join(str(source.root) for source in named)} (Ctrl-C ends it)")
    inbox, pause, rests_until = Inbox(pace.settle, pace.gather), _SHORTEST, 0.0
    while True:
        since = time.monotonic()
        if (marks := _list(named, settings)) is not None:
            inbox.look(marks, time.monotonic())
        took = time.monotonic() - since
        if time.monotonic() >= rests_until and (settled := inbox.take(time.monotonic())):
            try:
                hand_over(settled)
                pause = _SHORTEST
            except (FliesstextError, OSError, PolarsError) as error:
                say(f"{error}; tried again in {pause:.0f} s")
                inbox.put_back(settled, time.monotonic())
                rests_until, pause = time.monotonic() + pause, min(2 * pause, _LONGEST)
        time.sleep(max(pace.every, took * _SHARE))


def _list(named: Sequence[Source], settings: Settings) -> Mapping[str, Mark] | None:
    roots = {source.name: source.root for source in named}
    return marks_of(find_files(named, settings.selection()), roots)


def run_with(
    sources: Sequence[str], tables: str, settings: Settings, tell: Callable[[RunReport], object]
) -> Callable[[Settled], object]:
    """Give what starts a run in this process, without Prefect, and leaves what has not settled for the next one."""
    from flows.run import refresh_tables

    def hand_over(settled: Settled) -> object:
        return tell(refresh_tables(sources, tables, settings.model_copy(update={"later": tuple(settled.waiting)})))

    return hand_over


def send_with(tables: str, say: Callable[[str], object]) -> Callable[[Settled], object]:
    """Give what tells the Prefect server, whose automation then starts the deployment."""
    from flows.events import SETTLED, about_files, send
    from flows.server import wait_for_server

    def hand_over(settled: Settled) -> None:
        # An event to a server that is away is lost without a word.
        wait_for_server(say)
        send(SETTLED, tables, about_files(settled))
        say(f"{len(settled.uris):,} files have settled; told the Prefect server")

    return hand_over
