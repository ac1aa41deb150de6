import polars as pl
import pytest

from stages.extract_entities.relative_dates import resolve_date, resolve_dates
from stages.extract_entities.values import extract_values

TUESDAY = "2024-03-05"


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("vergangenen Freitag", "de", "2024-03-01"),
        ("letzten Dienstag", "de", "2024-02-27"),
        ("vorigen Montags", "de", "2024-03-04"),
        ("kommenden Sonnabend", "de", "2024-03-09"),
        ("nächsten Dienstag", "de", "2024-03-12"),
        ("gestern", "de", "2024-03-04"),
        ("heute Abend", "de", "2024-03-05"),
        ("übermorgen", "de", "2024-03-07"),
        ("3. Mai", "de", "2024-05-03"),
        ("24. Dezember", "de", "2023-12-24"),
        ("15.8.", "de", "2024-08-15"),
        ("Mai", "de", "2024-05"),
        ("vergangenen Mai", "de", "2023-05"),
        ("kommenden Februar", "de", "2025-02"),
        ("vergangenen Jahr", "de", "2023"),
        ("vergangenen Jahres", "de", "2023"),
        ("dieses Jahres", "de", "2024"),
        ("nächsten Monat", "de", "2024-04"),
        ("last Friday", "en", "2024-03-01"),
        ("yesterday", "en", "2024-03-04"),
        ("next year", "en", "2025"),
        ("May 3", "en", "2024-05-03"),
        ("vendredi dernier", "fr", "2024-03-01"),
        ("aujourd’hui", "fr", "2024-03-05"),
        ("29. Februar", "de", "2024-02-29"),
        ("Freitag", "de", None),
        ("25.", "de", None),
        ("31. Februar", "de", None),
        ("vergangenen drei Jahren", "de", None),
        ("vergangenen 3 Jahren", "de", None),
        ("Morgen", "it", None),
        ("vergangene Woche", "de", None),
        ("Mitte der achtziger Mai", "de", None),
    ],
)
def test_relative_dates(text, language, value):
    assert resolve_date(text, language, TUESDAY) == value


@pytest.mark.parametrize(
    ("published", "text", "value"),
    [
        ("2024-03", "vergangenen Monat", "2024-02"),
        ("2024-01", "vergangenen Monat", "2023-12"),
        ("2024-03", "gestern", None),
        ("2024", "vergangenes Jahr", "2023"),
        ("2024", "vergangenen Monat", None),
        ("2024-13", "gestern", None),
        ("neulich", "gestern", None),
    ],
)
def test_no_date_is_finer_than_that_of_publication(published, text, value):
    assert resolve_date(text, "de", published) == value


def test_the_dates_that_are_found_in_sentences_are_resolved():
    sentence = "Am vergangenen Freitag und gestern tagte der Rat, am 3. Mai 2023 nicht, im vergangenen Jahr oft."
    found = extract_values(sentence, "de")
    mentions = pl.DataFrame(
        [("d", v.label, sentence[v.start : v.end], v.value) for v in found],
        schema=["doc_id", "label", "text", "value"],
        orient="row",
    )
    documents = pl.DataFrame({"doc_id": ["d", "e"], "language": ["de", "de"], "published_at": [TUESDAY, None]})
    resolved = resolve_dates(mentions, documents)
    assert resolved.columns == [*mentions.columns, "value_derived"]
    values = dict(
        resolved.filter(pl.col("label") == "DATE").select("text", pl.struct("value", "value_derived")).iter_rows()
    )
    assert values["vergangenen Freitag"] == {"value": "2024-03-01", "value_derived": True}
    assert values["gestern"] == {"value": "2024-03-04", "value_derived": True}
    assert values["3. Mai 2023"] == {"value": "2023-05-03", "value_derived": False}


def test_without_a_publication_date_nothing_changes():
    mentions = pl.DataFrame(
        {"doc_id": ["e", "x"], "label": ["DATE"] * 2, "text": ["gestern"] * 2, "value": [None, None]},
        schema_overrides={"value": pl.String},
    )
    documents = pl.DataFrame({"doc_id": ["e"], "language": ["de"], "published_at": pl.Series([None], dtype=pl.String)})
    assert resolve_dates(mentions, documents).rows() == [
        ("e", "DATE", "gestern", None, False),
        ("x", "DATE", "gestern", None, False),
    ]
