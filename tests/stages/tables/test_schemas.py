import polars as pl
import pytest

from stages.tables.schemas import LABELS, NAME_LABELS, TABLES, VALUE_LABELS, cast


@pytest.mark.parametrize("name", TABLES)
def test_key_is_made_of_columns_that_are_never_null(name):
    table = TABLES[name]
    assert [column for column in table.key if table.columns[column].nullable] == []


@pytest.mark.parametrize("name", TABLES)
def test_meanings_are_one_line_each(name):
    for text in (TABLES[name].meaning, *(column.meaning for column in TABLES[name].columns.values())):
        assert 5 < len(text) < 160
        assert "\n" not in text
        assert "|" not in text  # would break the tables of the data dictionary


def test_column_of_one_name_has_one_type():
    types = {}
    for table in TABLES.values():
        for name, column in table.columns.items():
            types.setdefault(name, set()).add(column.dtype)
    assert [name for name, found in types.items() if len(found) > 1] == []


def test_labels_do_not_overlap():
    assert len(set(LABELS)) == len(NAME_LABELS) + len(VALUE_LABELS)


def test_cast_orders_types_and_leaves_others_out():
    frame = pl.DataFrame({"more": [1], "after": ["b"], "before": ["a"], "raw_end": pl.Series([2], dtype=pl.Int8)})
    frame = frame.with_columns(raw_start=0, rule=pl.lit("character"), repair_no=0, doc_id=pl.lit("d"))
    assert cast(frame, "repairs").schema == TABLES["repairs"].schema
    assert cast(frame, "repairs").row(0) == ("d", 0, "character", 0, 2, "a", "b")


def test_frame_that_does_not_fit_is_a_bug():
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        cast(pl.DataFrame({"doc_id": ["d"]}), "repairs")
    row = {"doc_id": "d", "repair_no": 0, "rule": "r", "raw_start": "x", "raw_end": 2, "before": "", "after": ""}
    with pytest.raises(pl.exceptions.InvalidOperationError):
        cast(pl.DataFrame([row]), "repairs")
