import gzip
import io
import json
import tracemalloc

import polars as pl
import pytest

from stages.discover.containers import Limits, Member, RowOptions, members_of
from stages.errors import SourceError

ROWS = [
    {"id": 17, "title": "Rat", "text": "Der Rat tagt."},
    {"id": 18, "title": "Stadt", "text": "Die Stadt „baut“,\nsagt sie."},
]


def as_json_lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows, **options):
    return pl.DataFrame(rows).write_csv(**options).encode()


def as_parquet(rows):
    file = io.BytesIO()
    pl.DataFrame(rows).write_parquet(file)
    return file.getvalue()


def given(data, name, options=None, **limits):
    items = members_of(io.BytesIO(data), name, Limits(**limits), options)
    return {item.name: json.loads(item.data) if isinstance(item, Member) else item.error.code for item in items}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (as_json_lines(ROWS), "x.jsonl"),
        (as_json_lines(ROWS), "x.json"),
        (as_json_lines(ROWS), "x.txt"),
        (b"\xef\xbb\xbf" + as_json_lines(ROWS), "x"),
        (gzip.compress(as_json_lines(ROWS), mtime=0), "x.jsonl.gz"),
        (as_csv(ROWS), "x.csv"),
        (as_csv(ROWS, separator=";"), "X.CSV"),
        (as_csv(ROWS, separator="\t"), "x.tsv"),
        (as_csv(ROWS, include_bom=True), "x.csv"),
        (as_csv(ROWS).decode().encode("utf-16"), "x.csv"),
        (as_csv(ROWS).decode().encode("cp1252"), "x.csv"),
        (as_parquet(ROWS), "x.parquet"),
        (as_parquet(ROWS), "x"),
    ],
)
def test_one_row_is_one_member_named_by_its_key(data, name):
    found = given(data, name)
    assert list(found) == ["17", "18"]
    assert [row["values"]["text"] for row in found.values()] == [row["text"] for row in ROWS]
    assert {row["text_column"] for row in found.values()} == {"text"}
    assert found["17"]["values"]["title"] == "Rat"


def test_rows_without_a_key_keep_their_names_when_others_come_before_them():
    rows = [{"text": "Der Rat tagt."}, {"text": "Die Stadt baut."}, {"text": "Der Rat tagt."}]
    before, after = given(as_json_lines(rows), "x.jsonl"), given(as_json_lines([{"text": "Neu."}, *rows]), "x.jsonl")
    assert len(before) == 3
    assert before.items() < after.items()
    assert list(before)[2] == f"{next(iter(before))}#2"


def test_a_text_column_is_found_by_its_length_where_it_is_the_only_one():
    rows = [{"nr": "1", "Meldung": "Der Rat tagt. " * 20, "ort": "Lindau"}]
    (row,) = given(as_csv(rows), "x.csv").values()
    assert row["text_column"] == "Meldung"


@pytest.mark.parametrize("rows", [[{"a": "x", "b": "y"}], [{"a": "lang " * 50, "b": "auch lang " * 50}]])
def test_where_no_column_or_more_than_one_may_be_the_text_it_is_to_be_named(rows):
    with pytest.raises(SourceError, match="name it") as error:
        given(as_csv(rows), "x.csv")
    assert error.value.code == "no_text_column"
    (row,) = given(as_csv(rows), "x.csv", RowOptions("b", "a")).items()
    assert row[1]["text_column"] == "b"


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(SourceError, match="no column 'nix'; there are id, title, text"):
        given(as_csv(ROWS), "x.csv", RowOptions("nix"))


def test_bad_lines_cost_the_others_nothing():
    data = as_json_lines(ROWS[:1]) + b'{"id": 3, "text": "abgesch\n[1, 2]\n\n' + as_json_lines(ROWS[1:])
    assert sorted(str(v) if isinstance(v, str) else "row" for v in given(data, "x.jsonl").values()) == [
        "damaged", "damaged", "row", "row",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        'id,text\n1,"Der Rat\ntagt."\n2,"Die Stadt baut\n3,Der Markt ruht.\n4,Das Tor steht.\n',
        'id,text\n1,"Der Rat\ntagt."\n2,"Die Stadt baut\n3,"Der Markt ruht."\n4,"Das Tor steht."\n',
        'id,text\n1,"Der Rat\ntagt."\n2,"Die Stadt ba',
    ],
    ids=["to the end", "to the next mark", "cut off"],
)
def test_a_cell_without_an_end_is_no_text(data):
    found = given(data.encode(), "x.csv")
    assert found.pop("1")["values"]["text"] == "Der Rat\ntagt."
    assert list(found.values()).count("damaged") == 1
    assert "Der Markt" not in str(found)


def test_quotation_marks_that_take_no_line_along_are_read_as_they_are():
    found = given(b'id,text\n1,"Er sagte "ja" laut."\n2,Ein 5" Rohr.\n', "x.csv")
    assert [row["values"]["text"] for row in found.values()] == ['Er sagte ja" laut."', 'Ein 5" Rohr.']


def test_rows_of_too_few_cells_cost_the_others_nothing():
    found = given(b"id,text\n1,Der Rat tagt.\n2\n3,Die Stadt baut.\n", "x.csv")
    assert [key for key, value in found.items() if value != "damaged"] == ["1", "3"]
    assert list(found.values()).count("damaged") == 1


def test_a_cell_that_breaks_the_encoding_costs_no_other():
    data = b"id,text\n" + "1,Größe\n".encode() * 5 + "2,Größe\n".encode("cp1252")
    assert {row["values"]["text"] for row in given(data, "x.csv").values()} == {"Größe"}


def test_a_parquet_file_cut_off_or_broken_is_told():
    whole = as_parquet(ROWS)
    for data in (whole[: len(whole) // 2], whole[:4] + b"\xff" * 200 + whole[204:]):
        with pytest.raises(SourceError) as error:
            given(data, "x.parquet")
        assert error.value.code == "damaged"


def test_a_parquet_file_with_text_that_is_none_is_told():
    whole = as_parquet([{"text": "Der Rat tagt, und alle reden lange darüber."}])
    with pytest.raises(SourceError) as error:
        given(whole.replace(b"Der Rat", b"D\xa0\xff Rat"), "x.parquet")
    assert error.value.code == "damaged"


def test_dates_and_bytes_of_parquet():
    frame = pl.DataFrame({"text": ["Der Rat tagt."], "datum": ["2024-03-03"], "bild": [b"\xff\xd8"]})
    file = io.BytesIO()
    frame.with_columns(pl.col("datum").str.to_date()).write_parquet(file)
    (row,) = given(file.getvalue(), "x.parquet").values()
    assert row["values"] == {"text": "Der Rat tagt.", "datum": "2024-03-03"}


def test_a_sidecar_and_a_single_object_of_many_lines_are_no_tables():
    assert members_of(io.BytesIO(b'{"title": "Rat"}'), "a.meta.json") is None
    assert members_of(io.BytesIO(b'{\n  "title": "Rat"\n}'), "a.json") is None


def test_a_row_is_no_container_again():
    (item, _) = members_of(io.BytesIO(as_json_lines(ROWS)), "x.jsonl")
    assert members_of(io.BytesIO(item.data), item.name) is None


def test_a_long_first_line_is_known_without_a_suffix():
    rows = [{"text": "Der Rat tagt. " * 2000}, {"text": "kurz"}]
    assert len(given(as_json_lines(rows), "x.json")) == 2


def test_a_long_table_is_read_in_flat_memory():
    line = json.dumps({"text": "Der Rat tagt. " * 1000}).encode() + b"\n"
    for data, name in ((line * 4000, "x.jsonl"), (b"text\n" + (b"Der Rat tagt. " * 1000 + b"\n") * 4000, "x.csv")):
        file = io.BytesIO(data)
        tracemalloc.start()
        try:
            assert sum(1 for _ in members_of(file, name)) == 4000
            assert tracemalloc.get_traced_memory()[1] < 12 << 20
        finally:
            tracemalloc.stop()


def test_a_line_longer_than_a_member_may_be_is_refused_alone():
    data = as_json_lines([{"text": "x" * 500}, {"text": "kurz"}])
    found = list(given(data, "x.jsonl", max_member_bytes=200).values())
    assert [value == "too_large" for value in found] == [True, False]
