"""Tables of rows: JSON lines, CSV and Parquet, where one row is one source."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from statistics import median
from typing import Any, BinaryIO

from stages.discover.containers.gather import BY_ARTICLES
from stages.discover.containers.members import (
    Item,
    Limits,
    Member,
    Refused,
    content_key,
    member_too_large,
    safe_key,
    uniquely_named,
)
from stages.errors import SourceError

TEXT_COLUMNS = (
    "text", "body", "fulltext", "full_text", "content", "article", "article_text", "raw_text", "plain_text", "volltext",
    "inhalt", "artikel", "artikeltext", "texte", "contenu", "html", "body_html", "content_html", "story", "transcript",
)  # fmt: skip
KEY_COLUMNS = ("id", "doc_id", "docid", "document_id", "article_id", "uuid", "guid", "key", "url", "link")
CSV_NAMES = (".csv", ".tsv", ".tab")
MARK = '{"fliesstext_row": '
"""How the bytes of a row begin, so that they are known for what they are."""
_SAMPLE = 100
_MIN_RUNNING = 100  # characters of the median value of a column that is a text by its length alone
_DELIMITERS = ",;\t|"
_BATCH = 128
_CHUNK = 1 << 20

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowOptions:
    """``text_column``: the column that holds the texts; ``key_column``: the one that names a row.

    Where null, the text column is the first there is of `TEXT_COLUMNS`, else the only one whose values are long; the
    key column the first of `KEY_COLUMNS`, and a row without a key is named by what it holds. ``mets``: what of a METS
    is a document (`stages.discover.containers.gather.BY_ARTICLES` and the others).
    """

    text_column: str | None = None
    key_column: str | None = None
    mets: str = BY_ARTICLES


def open_json_lines(file: BinaryIO, limits: Limits, options: RowOptions | None = None) -> Iterator[Item]:
    """Give the rows of a JSON-lines file, read forward in flat memory; a line that is no JSON object is `Refused`.

    Raises SourceError (``no_text_column``) where no column, or more than one, may be the text.
    """
    return _members(_json_rows(file, limits), limits, options or RowOptions())


def open_csv(file: BinaryIO, limits: Limits, options: RowOptions | None = None) -> Iterator[Item]:
    """Give the rows of a CSV or TSV file with a head line; its delimiter and its encoding are found.

    UTF-8 with or without a mark, UTF-16 with one, else cp1252; a cell that breaks UTF-8 is read as cp1252. A row with
    more or fewer cells than the head is `Refused`. Raises SourceError as `open_json_lines` does.
    """
    return _members(_csv_rows(file, limits), limits, options or RowOptions())


def open_parquet(file: BinaryIO, limits: Limits, options: RowOptions | None = None) -> Iterator[Item]:
    """Give the rows of a Parquet file, a few at a time; binary columns are left out. ``file`` must be seekable.

    Raises SourceError: ``damaged``, ``bomb`` (a row group larger than a member may be, beyond what packing explains),
    or as `open_json_lines` does.
    """
    return _members(_parquet_rows(file, limits), limits, options or RowOptions())


def read_rows(file: BinaryIO, name: str, limits: Limits) -> Iterator[Row | Refused]:
    """Give the rows of a table as they are: CSV or TSV by its name, JSON lines and Parquet by what they hold.

    Raises SourceError: ``unsupported_format`` for anything else, ``damaged``. ``file`` must be seekable.
    """
    head = file.read(_CHUNK).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    if head.startswith(b"PAR1"):
        return _parquet_rows(file, limits)
    if name.lower().endswith(CSV_NAMES):
        return _csv_rows(file, limits)
    if head.startswith(b"{"):
        return _json_rows(file, limits)
    raise SourceError("unsupported_format", "neither CSV (.csv, .tsv), JSON lines nor Parquet; save it as one of them")


def is_row(data: bytes) -> bool:
    """Tell whether bytes are a row of a table, as the functions above give it."""
    return data.startswith(MARK.encode())


def _members(rows: Iterable[Row | Refused], limits: Limits, options: RowOptions) -> Iterator[Item]:
    """The rows as members. Nothing is raised before the first is asked for: a table is one whatever its columns are."""
    iterator = iter(rows)
    sample = list(islice(iterator, _SAMPLE))
    found = [row for row in sample if not isinstance(row, Refused)]
    if not found:
        yield from uniquely_named(row for row in sample if isinstance(row, Refused))
        return
    text_column = options.text_column or _find_text_column(found)
    key_column = options.key_column or _first_of(KEY_COLUMNS, found)
    _require(text_column, found)
    if options.key_column:
        _require(options.key_column, found)
    yield from uniquely_named(_member(row, text_column, key_column, limits) for row in chain(sample, iterator))


def _member(row: Row | Refused, text_column: str, key_column: str | None, limits: Limits) -> Item:
    if isinstance(row, Refused):
        return row
    told = json.dumps({"text_column": text_column, "values": row}, ensure_ascii=False, default=str)
    data = (MARK + "1, " + told[1:]).encode("utf-8", "surrogatepass")
    key = row.get(key_column) if key_column else None
    name = safe_key(str(key)) if key not in (None, "") else content_key(data)
    return Member(name, data) if len(data) <= limits.max_member_bytes else Refused(name, member_too_large(limits))


def _columns(rows: Sequence[Row]) -> Counter[str]:
    return Counter(name for row in rows for name in row)


def _first_of(wanted: Sequence[str], rows: Sequence[Row]) -> str | None:
    by_name = {name.strip().lower(): name for name in reversed(list(_columns(rows)))}
    return next((by_name[name] for name in wanted if name in by_name), None)


def _require(column: str, rows: Sequence[Row]) -> None:
    if column not in _columns(rows):
        raise SourceError("no_text_column", f"no column {column!r}; there are {', '.join(_columns(rows))}")


def _find_text_column(rows: Sequence[Row]) -> str:
    if named := _first_of(TEXT_COLUMNS, rows):
        return named
    lengths = {name: [len(v) for row in rows if isinstance(v := row.get(name), str)] for name in _columns(rows)}
    long = [name for name, found in lengths.items() if found and median(found) >= _MIN_RUNNING]
    if len(long) == 1:
        return long[0]
    which = (
        f"the columns {', '.join(long)} all may be" if long else f"none of the columns {', '.join(lengths)} looks like"
    )
    raise SourceError("no_text_column", f"{which} the text; name it (--text-column)")


def _json_rows(file: BinaryIO, limits: Limits) -> Iterator[Row | Refused]:
    first = True
    while line := file.readline(limits.max_member_bytes + 1):
        if first:
            line, first = line.removeprefix(b"\xef\xbb\xbf"), False
        if len(line) > limits.max_member_bytes:
            _pass_line(file, line)
            yield Refused(content_key(line), member_too_large(limits))
        elif line.strip():
            yield _json_row(line)


def _pass_line(file: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(_CHUNK)


def _json_row(line: bytes) -> Row | Refused:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Refused(content_key(line), SourceError("damaged", f"the line is no JSON ({error}); correct it"))
    if not isinstance(row, dict):
        return Refused(content_key(line), SourceError("damaged", "the line is no JSON object; make it one"))
    return row


def _csv_rows(file: BinaryIO, limits: Limits) -> Iterator[Row | Refused]:
    head = file.read(_CHUNK)
    encoding = _csv_encoding(head)
    text = io.TextIOWrapper(_Joined(head, file), encoding, errors="surrogateescape", newline="")  # type: ignore[type-var]
    csv.field_size_limit(min(limits.max_member_bytes, (1 << 31) - 1))
    try:
        yield from _csv_dicts(text, _delimiter(head.decode(encoding, "surrogateescape")))
    except csv.Error as error:
        raise SourceError("damaged", f"it cannot be read as CSV ({error}); save it again") from error


def _csv_dicts(lines: Iterable[str], delimiter: str) -> Iterator[Row | Refused]:
    names: list[str] | None = None
    taken: list[str] = []
    for cells in csv.reader(_noted(lines, taken), delimiter=delimiter):
        closed = _is_closed(taken, delimiter)
        taken.clear()
        if not any(cells):
            continue
        if names is None:
            names = [_plain(name).strip() for name in cells]
        elif len(cells) != len(names):
            yield _bad_row(
                cells, f"{len(cells)} cells where the head has {len(names)}; a quotation mark or delimiter is missing"
            )
        elif not closed:
            yield _bad_row(
                cells,
                "a cell in quotation marks has no end, or one within it is not doubled, so that the rows below may be "
                "taken for its text; correct it",
            )
        else:
            yield {name: _plain(cell) for name, cell in zip(names, cells, strict=True)}


def _bad_row(cells: list[str], reason: str) -> Refused:
    return Refused(content_key("\0".join(cells).encode("utf-8", "replace")), SourceError("damaged", reason))


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    """The lines, each put down in ``taken`` before it is given."""
    for line in lines:
        taken.append(line)
        yield line


def _is_closed(lines: list[str], delimiter: str) -> bool:
    """Whether the lines of one row are a row to the letter; a line with all its quotation marks takes none below it."""
    if len(lines) == 1 and not lines[0].count('"') % 2:
        return True
    try:
        return sum(1 for _ in csv.reader(lines, delimiter=delimiter, strict=True)) == 1
    except csv.Error:
        return False


def _plain(cell: str) -> str:
    """A cell with bytes that are no UTF-8, read as cp1252."""
    if cell.isascii() or not re.search("[\udc80-\udcff]", cell):
        return cell
    return cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def _csv_encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    damaged = sum(1 for c in head.decode("utf-8", "surrogateescape")[:-4] if "\udc80" <= c <= "\udcff")
    high = len(head) - len(head.decode("ascii", "ignore"))
    return "utf-8-sig" if damaged * 4 <= high else "latin-1" if b"\x81" in head or b"\x8d" in head else "cp1252"


def _delimiter(head: str) -> str:
    """The sign that parts the most lines of the beginning into as many cells as the first."""

    def fit(sign: str) -> tuple[int, int]:
        rows = list(islice(csv.reader(io.StringIO(head, newline=""), delimiter=sign), 20))
        width = len(rows[0]) if rows else 0
        return (sum(1 for row in rows if len(row) == width) if width > 1 else 0, width)

    return max(_DELIMITERS, key=fit)


class _Joined(io.BufferedIOBase):
    """What was read ahead of a file, and then the file."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head, self._file = head, file

    def readable(self) -> bool:
        return True

    def read1(self, n: int = -1) -> bytes:
        if self._head:
            data, self._head = self._head[:n] if n > 0 else self._head, self._head[n:] if n > 0 else b""
            return data
        return self._file.read(n if n > 0 else _CHUNK)

    read = read1  # type: ignore[assignment]


def _parquet_rows(file: BinaryIO, limits: Limits) -> Iterator[Row | Refused]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        names = [field.name for field in table.schema_arrow if not _is_binary(field.type)]
        largest = max((table.metadata.row_group(i).total_byte_size for i in range(table.num_row_groups)), default=0)
        if largest > 4 * limits.max_member_bytes:
            raise SourceError("bomb", f"a row group of {largest:,} bytes; write it again in smaller ones")
        for batch in table.iter_batches(_BATCH, columns=names):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise SourceError("damaged", f"its Parquet is damaged ({error}); write it again") from error


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))
