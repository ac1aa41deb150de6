"""The flow that makes documents again although their files are as they were; the same run with other decisions.

Run it as ``fliesstext reprocess`` where a server is named, or as the deployment ``reprocess/slice``.
"""

from datetime import datetime
from typing import Annotated, Any

from prefect import State, flow, get_run_logger
from prefect.states import Failed
from pydantic import Field

from flows.choice import require_choice
from flows.refresh import run_as_flow, takes_settings
from flows.report import RunReport
from flows.settings import SAMPLES, TABLES, Settings
from stages.discover.again import Again
from stages.errors import UsageError


@flow(name="reprocess", validate_parameters=True)
@takes_settings
def reprocess(
    sources: Annotated[
        list[str], Field(min_length=1, description="folders, files or globs; NAME=PATH names a source")
    ] = [SAMPLES],  # noqa: B006 - never changed; Prefect shows the default to people
    tables: Annotated[str, Field(min_length=1, description="folder of the published tables")] = TABLES,
    doc_ids: Annotated[tuple[str, ...], Field(description="documents to make again, by doc_id")] = (),
    patterns: Annotated[
        tuple[str, ...], Field(description="globs of source_uri to make again; * goes over slashes too")
    ] = (),
    codes: Annotated[
        tuple[str, ...], Field(description="what is in quarantine for these codes or rules is tried again")
    ] = (),
    outdated: Annotated[bool, Field(description="make again whatever other stages, models or options made")] = False,
    before: Annotated[
        datetime | None, Field(description="only what was processed last before this moment (UTC where none is said)")
    ] = None,
    limit: Annotated[
        int | None, Field(ge=1, description="at most so many sources, those first that were processed longest ago")
    ] = None,
    **settings: Any,
) -> RunReport | State[Any]:
    """Make named documents again, or all that other stages and models made, in slices that fit a night.

    A run like `flows.refresh.refresh` in all else: what is new, changed or deleted is taken along; outdated documents
    that are not chosen stand. Run it again for the next slice; with ``before`` (or ``outdated``) it ends when all is
    done. Raises as that flow does, and UsageError where nothing is named or a code is none.
    """
    again = Again(doc_ids, patterns, codes, outdated, before, limit)
    try:
        require_choice(again)
    except UsageError as error:
        get_run_logger().error("%s", error)
        return Failed(message=str(error), data=error)
    return run_as_flow(sources, tables, Settings.model_validate(settings), again)
