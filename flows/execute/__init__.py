"""Executors: "run this function on this batch there", in processes of this machine or on workers of a Dask cluster.

Another kind of place is one more module here with a class that keeps `Executor`.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TypeVar

from stages.errors import FliesstextError

T = TypeVar("T")


class TimeUpError(FliesstextError):
    """A call took longer than it may and was ended."""


class WorkerDiedError(FliesstextError):
    """The process that made a call died of it: killed for want of memory, or by a crash in native code."""


class ClusterError(FliesstextError):
    """The cluster cannot do the work: no scheduler, no worker, or one that does not see what the run works on."""


class Executor(Protocol):
    """Makes calls somewhere else; one that dies or hangs costs no other call anything.

    ``n``: how many calls it makes at once; ``sees_folders``: whether they see the folders of this machine, so that a
    batch can be handed on as a path, or only what is in their arguments (`flows.travel`). Used in a ``with``; leaving
    it with an error ends all that is under way, and ``stopped`` is true from then on.
    """

    n: int
    sees_folders: bool
    stopped: bool

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def run(self, seconds: float, function: Callable[..., T], *args: object) -> T:
        """Make a call and wait for its result; from any thread.

        Raises what the function raises, TimeUpError after ``seconds``, WorkerDiedError, or StoppedError when the
        run was stopped meanwhile.
        """
        ...
