"""Told: what is said of files beside them, so that a change of it makes their documents anew, and no others.

Three may speak of a file: a row of the metadata table that the user names, a sidecar (`stages.discover.sidecars`), and
its path by a pattern. What they say is read with the document (`stages.read.sources`); here it is known by its hash.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import polars as pl

from stages.discover.containers import Limits, Refused
from stages.discover.containers.rows import Row, read_rows
from stages.discover.path_pattern import path_regex
from stages.discover.remote import Remote
from stages.discover.sidecars import MOST_SIDECAR
from stages.discover.sources import NEST, Source, open_source, refused, to_path, to_uri
from stages.errors import SourceError, UsageError
from stages.tables.store.objects import is_url, object_at

METADATA_FILE = "metadata file"
"""Why the metadata table is passed over where it lies below a source."""
_MOST_NAMED = 3
_FILE_COLUMNS = ("file", "path", "source_uri", "datei")


class Metadata(NamedTuple):
    """A metadata table: its rows, as JSON, by the file they speak of."""

    file: str = ""
    rows: Mapping[str, str] = {}

    def row_of(self, uri: str) -> str | None:
        """Give the row of a source; of a member that has none, that of its container."""
        return next((self.rows[name] for name in names_of(uri) if name in self.rows), None)

    def strangers(self, uris: pl.Series) -> str:
        """Say which rows speak of none of these sources, in a sentence; nothing where all rows speak of one."""
        lost = self.rows.keys() - {name for uri in uris for name in names_of(uri)} if self.rows else None
        if not lost:
            return ""
        shown = ", ".join(sorted(lost)[:_MOST_NAMED])
        return f"{self.file}: {len(lost):,} of {len(self.rows):,} rows speak of no file of this run, as {shown}"


def names_of(uri: str) -> Iterator[str]:
    """Give the names by which a metadata table may call a source, the most exact first.

    >>> list(names_of("press/2024.zip!/a.txt"))
    ['press/2024.zip!/a.txt', '2024.zip!/a.txt', 'press/2024.zip', '2024.zip']
    >>> list(names_of("press/100%25.txt"))
    ['press/100%25.txt', 'press/100%.txt', '100%25.txt', '100%.txt']
    """
    for whole in (uri, uri.partition(NEST)[0]) if NEST in uri else (uri,):
        for name in (whole, whole.partition("/")[2]):
            yield _normal(name)
            if "%" in name:
                yield _normal(unquote(name))


def _normal(name: str) -> str:
    # A Mac parts letters and accents in the names of files, tables seldom do.
    return unicodedata.normalize("NFC", name)


def read_metadata(file: str | None) -> Metadata:
    """Read the metadata table that the user names, a file or an object: CSV, JSON lines or Parquet; column ``file``.

    That column (or ``path``, ``source_uri``, ``datei``) has a source_uri or the path below the source, of a member of a
    container with ``!/`` and its name. Raises UsageError, with the file and the row, where it cannot be read, a row
    names no file, or two rows that differ name the same.
    """
    if file is None:
        return Metadata()
    rows: dict[str, str] = {}
    numbers: dict[str, int] = {}
    n = 0
    path = _place_of(file)
    try:
        with open_source(path) as opened:
            for n, row in enumerate(read_rows(opened, path.name, Limits()), 1):
                name, told = _checked(row)
                if rows.setdefault(name, told) != told:
                    first = numbers[name]
                    raise SourceError("damaged", f"{name} stands in row {first} too, and otherwise; take one out")
                numbers.setdefault(name, n)
    except (SourceError, OSError) as error:
        reason = error.reason if isinstance(error, SourceError) else refused(error).reason
        raise UsageError(f"{file}{f', row {n}' if n else ''}: {reason}; nothing was changed") from error
    return Metadata(file, rows)


def _place_of(file: str) -> Path | Remote:
    if not is_url(file):
        return Path(file)
    objects, name = object_at(file)
    return Remote(objects.url, name)


def _checked(row: Row | Refused) -> tuple[str, str]:
    """The file that a row speaks of, and the row as JSON that is the same for the same values."""
    if isinstance(row, Refused):
        raise row.error
    name = file_of(row)
    if name is None:
        raise SourceError("damaged", f"it names no file; a column file is expected, there are {', '.join(row)}")
    return _normal(name.replace("\\", "/").removeprefix("./")), json.dumps(row, sort_keys=True, default=str)


def file_of(row: Mapping[str, Any]) -> str | None:
    """Give the file that a row of a metadata table speaks of, in its column ``file`` (or ``path``, ``source_uri``).

    >>> file_of({"Datei": "a.txt", "Ressort": "Lokales"}), file_of({"Ressort": "Lokales"})
    ('a.txt', None)
    """
    key = file_column(row)
    return None if key is None or row[key] is None else str(row[key]).strip() or None


def file_column(row: Mapping[str, Any]) -> str | None:
    """Give the column of a row of a metadata table that names the file it speaks of."""
    return next((name for name in row if name.strip().lower() in _FILE_COLUMNS), None)


def metadata_uri(file: str | None, source: Source) -> str | None:
    """Give the source_uri that the metadata table would have, where it lies below a source; else None."""
    if file is None or is_url(file) != isinstance(source.root, Remote):
        return None
    path = file if is_url(file) else Path(file).resolve().as_posix()
    root = f"{source.root}/" if is_url(file) else f"{Path(str(source.root)).as_posix().rstrip('/')}/"
    return to_uri(source.name, path.removeprefix(root)) if path.startswith(root) else None


def with_told(
    rows: pl.DataFrame,
    sidecars: Mapping[str, str],
    metadata: Metadata,
    pattern: str | None,
    roots: Mapping[str, Path | Remote],
) -> pl.DataFrame:
    """Add what is told of files and members (`stages.discover.members.HASHED`), by its hash, and where it stands.

    ``sidecars``: the source_uri of the sidecar of a file, by that of the file. Fills sidecar_sha256 of files, adds
    sidecar (its source_uri) and told_sha256, the hash of what metadata table and path say, each null where there is
    none. A file whose sidecar cannot be read gets the reason.
    """
    regex = path_regex(pattern) if pattern else None
    told: list[tuple[str | None, ...]] = []
    asked = ("source_uri", "sidecar_sha256", "reason_code", "reason", "opened")
    spoken_of = pl.lit(True) if regex or metadata.rows else pl.col("source_uri").is_in(list(sidecars))
    for uri, known, code, reason, opened in rows.filter(spoken_of).select(asked).iter_rows():
        beside = None if code or opened else sidecars.get(uri)
        hashed, why = (known, None) if beside is None else _hash_sidecar(beside, roots)
        row = None if opened else metadata.row_of(uri) if metadata.rows else None
        fits = regex.fullmatch(uri.partition("/")[2]) if regex and not opened else None
        by_path = fits.groupdict() if fits else {}
        said = json.dumps([row, by_path], sort_keys=True)
        told_sha256 = sha256(said.encode()).hexdigest() if row or by_path else None
        problem = (why.code, why.reason) if why else (code, reason)
        told.append((uri, beside, hashed, told_sha256, *problem))
    names = ("source_uri", "sidecar", "sidecar_sha256", "told_sha256", "reason_code", "reason")
    found = pl.DataFrame(told, schema=dict.fromkeys(names, pl.String), orient="row").with_columns(found=True)
    changed = ("sidecar_sha256", "reason_code", "reason")
    return (
        rows.join(found, on="source_uri", how="left", maintain_order="left", suffix="_told")
        .with_columns(pl.when("found").then(f"{name}_told").otherwise(name).alias(name) for name in changed)
        .drop("found", *(f"{name}_told" for name in changed))
    )


def _hash_sidecar(uri: str, roots: Mapping[str, Path | Remote]) -> tuple[str | None, SourceError | None]:
    try:
        return sha256(read_beside(to_path(uri, roots), roots[uri.partition("/")[0]])).hexdigest(), None
    except SourceError as error:
        return None, SourceError(error.code, f"its sidecar {uri}: {error.reason}")


def read_beside(path: Path | Remote, root: Path | Remote) -> bytes:
    """Read a sidecar; raises SourceError where that fails, it is too large, or a link that leaves the source."""
    try:
        if isinstance(path, Path) and path.is_symlink() and not path.resolve().is_relative_to(str(root)):
            raise SourceError("link_not_followed", "a link out of the source folder; put the file itself there")
        with open_source(path) as file:
            return file.read(MOST_SIDECAR + 1)
    except OSError as error:
        raise refused(error) from error


def with_rows(decided: pl.DataFrame, metadata: Metadata) -> pl.DataFrame:
    """Add ``told``, the row of the metadata table, as JSON, of each document that is to be read."""
    told = [
        metadata.row_of(uri) if action == "process" and told_sha256 else None
        for uri, action, told_sha256 in decided.select("source_uri", "action", "told_sha256").iter_rows()
    ]
    return decided.with_columns(pl.Series("told", told, dtype=pl.String))
