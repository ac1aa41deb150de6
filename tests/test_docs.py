"""The documentation says what the code says."""

import json
import re
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

import stages
from expectations.rules import DRIFT_RULES, LINKED_RULES, RULES, RUN_RULES, RUNS_RULES, WHOLE_RULES
from stages.tables.schemas import (
    BLOCK_KINDS,
    DRIFT_VERDICTS,
    LABELS,
    MENTION_KINDS,
    REASONS,
    REPAIR_RULES,
    SCHEMA_VERSION,
    STATUSES,
    TABLES,
)
from stages.tables.store.publish import arrow_schema
from stages.tables.store.snapshots import Part, Snapshot

NO_STAGES = {"__init__", "__main__"}


@pytest.fixture(scope="module")
def dictionary(project):
    return (project / "data" / "README.md").read_text(encoding="utf-8")


def section(text, title):
    """What stands below a heading, up to the next one of the same or a higher level."""
    level = title.partition(" ")[0]
    below = re.split(rf"^{re.escape(title)}$", text, maxsplit=1, flags=re.MULTILINE)
    assert len(below) == 2, f"no heading {title!r}"
    return re.split(rf"^#{{1,{len(level)}}} ", below[1], maxsplit=1, flags=re.MULTILINE)[0]


def type_name(dtype):
    """The type as it stands in the Parquet file."""
    names = {
        pl.String(): "string",
        pl.Int64(): "int64",
        pl.Float64(): "double",
        pl.Date(): "date",
        pl.Boolean(): "bool",
    }
    if isinstance(dtype, pl.List):
        return f"list of {type_name(dtype.inner)}"
    if isinstance(dtype, pl.Struct):
        return "{" + ", ".join(f"{field.name}: {type_name(field.dtype)}" for field in dtype.fields) + "}"
    return names.get(dtype, "timestamp (µs, UTC)")


def arrow_name(kind):
    """The same from the file's side."""
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name}: {field.type}" for field in kind) + "}"
    if pa.types.is_list(kind):
        return f"list of {arrow_name(kind.value_type)}"
    return {pa.timestamp("us", "UTC"): "timestamp (µs, UTC)", pa.date32(): "date"}.get(kind, str(kind))


def column_table(name):
    """The part of the dictionary that is made from the schema."""
    lines = ["| column | type | null | meaning |", "|---|---|---|---|"]
    for column, about in TABLES[name].columns.items():
        dtype = TABLES[name].schema[column]
        lines.append(f"| `{column}` | {type_name(dtype)} | {'yes' if about.nullable else ''} | {about.meaning} |")
    return "\n".join(lines)


def listing(meanings, head):
    return "\n".join(
        [f"| {head} | meaning |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in meanings.items())]
    )


@pytest.mark.parametrize("name", TABLES)
def test_every_table_with_every_column(dictionary, name):
    own = section(dictionary, f"### `{name}`")
    key = ", ".join(f"`{column}`" for column in TABLES[name].key)
    assert f"One row is {TABLES[name].meaning}. Key: {key}." in " ".join(own.split())
    assert column_table(name) in own


def test_no_table_that_is_not_there(dictionary):
    assert re.findall(r"^### `(\w+)`$", dictionary, flags=re.MULTILINE) == list(TABLES)


def test_lists_of_codes(dictionary):
    assert listing(REASONS, "reason code") in dictionary
    assert listing(REPAIR_RULES, "rule") in dictionary


@pytest.mark.parametrize("words", [BLOCK_KINDS, LABELS, MENTION_KINDS, STATUSES, DRIFT_VERDICTS])
def test_closed_sets_are_named(dictionary, words):
    assert ", ".join(f"`{word}`" for word in words) in " ".join(dictionary.split())


def test_schema_version(dictionary):
    assert f"schema version `{SCHEMA_VERSION}`" in dictionary


def test_every_field_of_the_pointer_is_explained(dictionary):
    text = section(dictionary, "## CURRENT.json")
    part = Part("blocks/part.parquet", 1, 2, "0")
    plain = json.loads(Snapshot("s", "r", "p", {"blocks": (part,)}, 0, {"success": True}).to_json())
    table = plain["tables"]["blocks"]
    fields = [*plain, *plain["validation"], *table, *table["files"][0]]
    assert len(fields) == 15
    assert [field for field in fields if f"`{field}`" not in text] == []


def test_worked_example_of_the_offsets_is_true(dictionary):
    """The example shows raw text, clean text and spans; they are run here."""
    text = section(dictionary, "## Offsets")
    values = dict(re.findall(r"^(raw|text|spans) = (.+)$", text, flags=re.MULTILINE))
    raw, clean = (values[name].strip('"').replace("\\n", "\n") for name in ("raw", "text"))
    spans = [tuple(map(int, found)) for found in re.findall(r"\((\d+), (\d+), (\d+)\)", values["spans"])]
    assert len(spans) > 1
    for start, raw_start, length in spans:
        assert clean[start : start + length] == raw[raw_start : raw_start + length]
    slices = re.findall(r'^(raw|text)\[(\d+):(\d+)\] == "(.+)"$', text, flags=re.MULTILINE)
    assert len(slices) >= 4
    for name, start, end, expected in slices:
        assert {"raw": raw, "text": clean}[name][int(start) : int(end)] == expected.replace("\\n", "\n")


def test_types_in_the_dictionary_are_those_of_the_files():
    for table in TABLES:
        for field in arrow_schema(table):
            dtype = TABLES[table].schema[field.name]
            assert type_name(dtype) == arrow_name(field.type), field


def test_every_stage_is_in_the_list_of_stages(project):
    listed = re.findall(r"^\d+\. `(\w+)`: ", stages.__doc__, flags=re.MULTILINE)
    there = {
        path.stem for path in (project / "stages").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(listed) <= there
    assert listed.index("discover") < listed.index("read") < listed.index("reflow") < listed.index("annotate")
    beside = set(re.findall(r"`(\w+)`", stages.__doc__)) - set(listed)
    assert there - NO_STAGES == set(listed) | beside


def test_every_rule_has_a_sentence():
    rules = (*RULES, *LINKED_RULES, *WHOLE_RULES, *RUNS_RULES, *DRIFT_RULES, *RUN_RULES)
    assert [rule.name for rule in rules if not rule.meaning or rule.meaning[-1] == "."] == []


def write_dictionary(file):
    """Bring the tables of the dictionary that are made from the schema up to date; `python -m tests.test_docs`."""
    text = file.read_text(encoding="utf-8")
    for name in TABLES:
        own = section(text, f"### `{name}`")
        if table := re.search(r"^\| column \|.*?(?=\n\n|\Z)", own, flags=re.MULTILINE | re.DOTALL):
            text = text.replace(own, own.replace(table[0], column_table(name)))
    for meanings, head in ((REASONS, "reason code"), (REPAIR_RULES, "rule")):
        old = re.search(rf"^\| {head} \| meaning \|.*?(?=\n\n|\Z)", text, flags=re.MULTILINE | re.DOTALL)
        text = text.replace(old[0], listing(meanings, head))
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_dictionary(Path(__file__).parent.parent / "data" / "README.md")
