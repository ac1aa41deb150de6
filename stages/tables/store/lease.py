"""Lease: the right to write below a URL, as an object that its holder renews.

An object store has no lock that the system frees. A holder that has not renewed its lease for a minute, as others see
it, is taken for dead; should it live on, it finds its lease gone, and the conditional write of CURRENT.json refuses it.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

from stages.errors import LockedError, printable
from stages.tables.store.objects import Conflict, Objects

OWNER = ".writer.json"
_RENEWED_EVERY, _DEAD_AFTER = 10.0, 60.0
_BETWEEN_LOOKS = 1.0

_log = logging.getLogger(__name__)


class Lease:
    """A lease that is held; ``lost`` once somebody else has taken it."""

    def __init__(self, objects: Objects, run_id: str, tag: str) -> None:
        self.lost, self._done = False, threading.Event()
        self._objects, self._run_id, self._tag = objects, run_id, tag
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def _renew(self) -> None:
        for n in count(1):
            if self._done.wait(_RENEWED_EVERY):
                return
            try:
                self._tag = self._objects.write(OWNER, _note(self._run_id, n), instead_of=self._tag)
            except Conflict:
                self.lost = True
                return
            except OSError as error:
                # The store does not answer now; the next turn may find it again, or that the lease is gone.
                _log.warning("the lease on %s could not be renewed: %s", self._objects.url, error)

    def is_held(self) -> bool:
        """Ask the store: who stood still for a minute wakes before the next renewal."""
        found = None if self.lost else self._objects.read(OWNER)
        return found is not None and _said_by(found[0]).get("run_id") == self._run_id

    def end(self) -> None:
        """Give the lease back; what cannot be removed is taken for dead after a minute."""
        self._done.set()
        self._thread.join()
        if not self.lost:
            with suppress(OSError, Conflict):
                self._objects.remove([OWNER])


@contextmanager
def leased(objects: Objects, run_id: str, wait: float) -> Iterator[tuple[Lease, bool]]:
    """Hold the lease, waiting up to ``wait`` seconds for it; also gives whether the last holder died.

    Raises LockedError with the name of the run that still holds it.
    """
    tag, died = _acquire(objects, run_id, wait)
    lease = Lease(objects, run_id, tag)
    try:
        yield lease, died
    finally:
        lease.end()


def _acquire(objects: Objects, run_id: str, wait: float) -> tuple[str, bool]:
    began = since = time.monotonic()
    seen, told = None, False
    while True:
        with suppress(Conflict):
            return objects.write(OWNER, _note(run_id, 0), instead_of=None), False
        if (held := objects.read(OWNER)) is None:
            continue  # given back between the two questions
        text, tag = held
        if tag != seen:
            seen, since = tag, time.monotonic()
        if _has_died(text) or time.monotonic() - since > _DEAD_AFTER:
            with suppress(Conflict):
                return objects.write(OWNER, _note(run_id, 0), instead_of=tag), True
            continue
        if time.monotonic() - began >= wait:
            raise LockedError(
                f"{objects.url} is being written by {_name(text)}; waited {wait:g} seconds for it. Run again when it "
                "has ended, or wait longer (--wait SECONDS, in a deployment wait_seconds): one that died is replaced "
                f"after {_DEAD_AFTER:g}"
            )
        if not told:
            _log.warning("%s is being written by %s; waiting up to %g seconds for it", objects.url, _name(text), wait)
            told = True
        time.sleep(min(_BETWEEN_LOOKS, wait))


def _note(run_id: str, n: int) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    who = {"run_id": run_id, "pid": os.getpid(), "host": socket.gethostname(), "renewed": n, "at": now}
    return json.dumps(who).encode()


def _said_by(text: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        if isinstance(said := json.loads(text), dict):
            return said
    return {}


def _name(text: bytes) -> str:
    who = _said_by(text)
    return printable(f"run {who.get('run_id')} (process {who.get('pid')} on {who.get('host')})")


def _has_died(text: bytes) -> bool:
    """Tell whether the holder was a process of this machine that is no more; of others nobody can tell at once."""
    who = _said_by(text)
    if os.name == "nt" or who.get("host") != socket.gethostname() or not isinstance(who.get("pid"), int):
        return False
    try:
        os.kill(who["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
