"""Assets: the published tables as Prefect keeps track of them: which run made them, of which sources, and their rows.

Each table is an asset below the place of all tables, each source one that they are made of.
"""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from expectations.candidate import Candidate
from stages.tables.schemas import TABLES
from stages.tables.store.objects import is_url

if TYPE_CHECKING:
    from flows.steps import Run

_REFUSED = str.maketrans(dict.fromkeys("\n\r\t\0 #?&%\"'<>[]{}|\\^`", "_"))
"""What Prefect takes in no key, percent signs too, so that nothing can be escaped."""
_LONGEST = 512
_DIGITS = 8


class Assets(NamedTuple):
    """What a step makes, by its key what is to be told of it, and the keys of what it is made of, with their names."""

    made: dict[str, dict[str, Any]]
    made_of: dict[str, str]


def key_of(place: object, *below: str) -> str:
    """Give the key of an asset: the address of a folder or prefix, and names below it.

    What Prefect takes in no key becomes an underscore, and then digits tell the key from others.

    >>> key_of("s3://texts/tables", "documents"), key_of(Path("/srv/texts/out"), "documents")
    ('s3://texts/tables/documents', 'file:///srv/texts/out/documents')
    >>> key_of("/srv/my texts")
    'file:///srv/my_texts-f7b1dafe'
    """
    where = str(place) if is_url(str(place)) else f"file://{Path(str(place)).absolute().as_posix()}"
    whole = "/".join((where, *below))
    key = whole.translate(_REFUSED)
    if key == whole and len(key) <= _LONGEST:
        return key
    digits = sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]
    return f"{key.encode('utf-8', 'replace').decode()[: _LONGEST - _DIGITS - 1]}-{digits}"


def tables_made(run: "Run", candidate: Candidate, runs: pl.DataFrame, drift: pl.DataFrame, *_: object) -> Assets:
    """Say which tables a run makes by publishing: those that differ from the ones before, with their rows."""
    snapshot = candidate.snapshot
    before = run.previous.tables if run.previous else {}
    rows = snapshot.n_rows() | {"runs": runs.height, "drift": drift.height}
    changed = [name for name in TABLES if name not in snapshot.tables or snapshot.tables[name] != before.get(name)]
    told = {"run_id": run.run_id, "snapshot": snapshot.snapshot}
    return Assets(
        {key_of(run.store.where, name): told | {"table": name, "rows": rows[name]} for name in changed},
        {key_of(root): name for name, root in run.roots.items()},
    )


def materializing(function: Callable[..., Any], assets: Assets, options: dict[str, Any]) -> Callable[..., Any]:
    """Make a Prefect task of a function that makes these assets; ``options`` are those of a task."""
    from prefect.assets import Asset, AssetProperties, add_asset_metadata, materialize

    @wraps(function)
    def run(*args: Any, **given: Any) -> Any:
        for key, told in assets.made.items():
            add_asset_metadata(key, told)
        return function(*args, **given)

    made = [
        Asset(key=key, properties=AssetProperties(name=told["table"], description=TABLES[told["table"]].meaning))
        for key, told in assets.made.items()
    ]
    made_of: list[Asset | str] = [
        Asset(key=key, properties=AssetProperties(name=name)) for key, name in assets.made_of.items()
    ]
    task: Callable[..., Any] = materialize(*made, by="fliesstext", asset_deps=made_of, **options)(run)
    return task
