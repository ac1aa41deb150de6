"""Inbox: which files below the sources have settled since a run last took them, by listing them again and again.

Listings and a clock, no notices of the system: those are not given for network drives and object stores, and that a
file is whole has to be told by its size and time standing still in any case.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from stages.discover.files import Listing
from stages.discover.remote import Remote
from stages.discover.sources import DISK_FAILED, to_path

Mark = tuple[object, ...]


class Settled(NamedTuple):
    """The source_uris that came, changed or went and have settled since, and those that somebody is still writing."""

    uris: list[str]
    waiting: list[str]


class Inbox:
    """What was seen below the sources; a path is due from its first sight or change until a run takes it.

    ``settle``: seconds that a path stands still before it counts as whole; ``gather``: seconds that those wait at the
    most for others that do not stand still yet. Times are given by the caller, from one clock that is never set back.
    """

    def __init__(self, settle: float, gather: float) -> None:
        self._settle, self._gather = settle, gather
        self._marks: Mapping[str, Mark] = {}
        self._due: dict[str, float] = {}
        self._first: float | None = None

    def look(self, marks: Mapping[str, Mark], now: float) -> None:
        """Compare a listing (`marks_of`) with the last one; what differs is due, and has to settle anew."""
        for uri in marks.keys() | self._marks.keys():
            if marks.get(uri) != self._marks.get(uri):
                self._due[uri] = now
        self._marks = marks

    def take(self, now: float) -> Settled | None:
        """Give what is to be handed to a run now, and forget it; None where nothing has settled, or more is coming."""
        settled = sorted(uri for uri, since in self._due.items() if now - since >= self._settle)
        if not settled:
            return None
        self._first = now if self._first is None else self._first
        if len(settled) < len(self._due) and now - self._first < self._gather:
            return None
        self._first = None
        for uri in settled:
            del self._due[uri]
        return Settled(settled, sorted(self._due.keys() & self._marks.keys()))

    def put_back(self, settled: Settled, now: float) -> None:
        """Make due again what a run could not take."""
        self._due |= dict.fromkeys(settled.uris, now - self._settle)


def marks_of(found: Listing, roots: Mapping[str, Path | Remote]) -> dict[str, Mark] | None:
    """Give what tells that a file or its sidecar has changed; None where a disk or store did not answer."""
    if DISK_FAILED in found.files["reason_code"]:
        return None
    listed = found.files.select("source_uri", "size_bytes", "modified_at", "reason_code")
    return {uri: (*told, *_beside(found, uri, roots)) for uri, *told in listed.iter_rows()}


def _beside(found: Listing, uri: str, roots: Mapping[str, Path | Remote]) -> Iterator[object]:
    if (sidecar := found.sidecars.get(uri)) is None:
        return
    yield sidecar
    yield found.tags.get(sidecar)
    if isinstance(path := to_path(sidecar, roots), Path):
        try:
            status = path.stat()
        except OSError:
            return  # just going; the next look sees it gone
        yield from (status.st_size, status.st_mtime_ns)
