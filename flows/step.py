"""Steps: plain functions that are tasks where a flow runs them, so that Prefect shows, times and retries them.

Where no flow runs (no server is named, so that nobody could look at the run later) a step is a call like any other,
tried again as often as its task would be, and Prefect is not even imported.
"""

import logging
import sys
import time
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from stages.errors import StoppedError

if TYPE_CHECKING:
    from flows.assets import Assets

_LOG = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def step(makes: Callable[..., "Assets"] | None = None, **options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a step of a function; ``options`` are those of a Prefect task (name, retries, task_run_name).

    ``makes``: says of the arguments of a call which assets it makes; asked where a flow runs, nowhere else.
    Nothing is cached by Prefect: the tables themselves remember what was done. A step that raises StoppedError ends as
    cancelled, not as failed.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        as_task = cache(lambda: _task(function, options, makes))
        as_call = _tried_again(function, options.get("retries", 0), options.get("retry_delay_seconds", 0))

        @wraps(function)
        def call(*args: P.args, **given: P.kwargs) -> R:
            made: R = (as_task() if _in_flow() else as_call)(*args, **given)
            return made

        return call

    return decorate


def _tried_again(function: Callable[P, R], retries: int, seconds: float) -> Callable[P, R]:
    """Try a function that fails again, up to ``retries`` times, each after a pause, as a task does."""

    @wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> R:
        for _ in range(retries):
            try:
                return function(*args, **given)
            except StoppedError:
                raise
            except Exception as error:
                _LOG.warning("%s failed and is tried again in %g s: %s", function.__name__, seconds, error)
                time.sleep(seconds)
        return function(*args, **given)

    return call


def _in_flow() -> bool:
    if "prefect" not in sys.modules:
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


def _task(
    function: Callable[..., Any], options: dict[str, Any], makes: Callable[..., "Assets"] | None
) -> Callable[..., Any]:
    from prefect import State, task
    from prefect.cache_policies import NO_CACHE
    from prefect.states import Cancelled

    @wraps(function)
    def run(*args: Any, **given: Any) -> Any:
        try:
            return function(*args, **given)
        except StoppedError as error:
            return Cancelled(message=str(error))

    options = {"cache_policy": NO_CACHE, **options}
    plain: Callable[..., Any] = task(**options)(run)

    def task_for(*args: Any, **given: Any) -> Callable[..., Any]:
        if makes is None:
            return plain
        from flows.assets import materializing  # here, as a run without Prefect needs none of it

        return materializing(run, makes(*args, **given), options)

    @wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        result = task_for(*args, **given)(*args, **given)
        # Prefect gives the state of a cancelled task instead of a result; the next step must not take it for one.
        if isinstance(result, State):
            raise StoppedError(str(result.message))
        return result

    return call
