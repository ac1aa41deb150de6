"""One row of a table: its text column is the raw text, its other columns are facts."""

import json
from typing import Any

from stages.errors import SourceError
from stages.read.facts import named_facts
from stages.read.raw_document import RawDocument
from stages.read.with_title import document_of


def read_row(data: bytes, name: str, max_chars: int) -> RawDocument:
    """Read a row as `stages.discover.containers.rows` gives it.

    Raises SourceError: ``empty`` where its text column is empty, ``damaged`` where that holds no text, ``too_large``.
    """
    row = json.loads(data)
    values: dict[str, Any] = row["values"]
    text = values.get(row["text_column"])
    if text is None or text == "":
        raise SourceError("empty", f"the column {row['text_column']!r} is empty in the row {name}; fill or remove it")
    if not isinstance(text, str):
        raise SourceError("damaged", f"the column {row['text_column']!r} of the row {name} holds no text; name another")
    facts = named_facts({k: v for k, v in values.items() if k != row["text_column"]}, "column")
    return document_of("", text, facts, name, max_chars)
