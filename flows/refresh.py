"""The main flow: new, changed and deleted files below the sources become validated, published tables.

Run it as ``fliesstext run``, as ``python flows/refresh.py``, or as a deployment of prefect.yaml. What happens in
which order stands in `flows.run`; here it meets Prefect.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows import steps
from flows.report import RunReport, as_markdown
from flows.run import Job, Steps, run
from flows.settings import SAMPLES, TABLES, Settings
from flows.workers import Workers

discover_sources = task(cache_policy=NO_CACHE)(steps.discover_sources)
# The one task that meets other people's disks, so the one that is retried.
read_batch = task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=1, task_run_name="read {folder.name}")(
    steps.read_batch
)
annotate_batch = task(cache_policy=NO_CACHE, task_run_name="annotate {folder.name}")(steps.annotate_batch)
validate_batch = task(cache_policy=NO_CACHE, task_run_name="validate {folder.name}")(steps.validate_batch)
move_batch = task(cache_policy=NO_CACHE, task_run_name="move {folder.name}")(steps.move_batch)
link = task(cache_policy=NO_CACHE)(steps.link)
judge = task(cache_policy=NO_CACHE)(steps.judge)
publish_snapshot = task(cache_policy=NO_CACHE)(steps.publish_snapshot)


def _through(folders: Sequence[Path], workers: Workers, job: Job) -> Iterator[Path]:
    """Send batches through read, annotate and validate side by side; gives each folder when it is done."""
    finished = {}
    for folder in folders:
        texts = read_batch.submit(folder, workers, job.roots, job.settings)
        annotated = annotate_batch.submit(texts, workers, job.settings, job.run_id, job.started)  # type: ignore[call-overload]
        finished[validate_batch.submit(annotated, workers, job.settings)] = (texts, annotated)
    for future in as_completed(list(finished)):
        for earlier in finished[future]:
            earlier.result()  # its error says what is wrong; of the last step it is only known that it never began
        yield future.result()


_TASKS = Steps(discover_sources, move_batch, _through, link, judge, publish_snapshot)


@flow(name="refresh", task_runner=ThreadPoolTaskRunner(max_workers=8), validate_parameters=True)  # type: ignore[arg-type]
def refresh(
    sources: Annotated[
        list[str], Field(min_length=1, description="folders, files or globs; NAME=PATH names a source")
    ] = [SAMPLES],  # noqa: B006 - never changed; Prefect shows the default to people
    tables: Annotated[str, Field(description="folder of the published tables")] = TABLES,
    settings: Annotated[Settings, Field(description="how to read, mend and publish")] = Settings(),  # noqa: B008
) -> RunReport:
    """Process what is new, changed or deleted below the sources, validate it, and publish all tables at once.

    Every file below the sources ends as written, unchanged, duplicate or quarantined. Raises UsageError,
    LockedError, GateError or TablesError, or OSError where the disk fails; in each case the published tables are
    as they were before.
    """
    report = run(sources, Path(tables), settings, _TASKS)
    try:
        create_markdown_artifact(as_markdown(report), key="refresh-report", description="what the run did")
    except Exception as error:
        # The tables are published; a server that cannot take the report must not call that a failure.
        get_run_logger().warning("the report could not be kept as an artifact: %s", error)
    return report


if __name__ == "__main__":
    refresh()
