import datetime as dt

import pytest

from stages.discover.path_pattern import path_regex
from stages.discover.sidecars import sidecar_names
from stages.discover.told import file_of
from stages.errors import SourceError
from stages.read.facts import (
    dateline_facts,
    in_order,
    iso_date,
    named_facts,
    path_facts,
    precision,
    read_sidecar,
    row_facts,
    split_front_matter,
)
from stages.read.raw_document import Fact


def values(facts):
    return {name: fact.value for name, fact in facts.items()}


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2024-03-05", "2024-03-05"),
        ("2024-03-05 22:00", "2024-03-05"),
        ("2024-03-05T23:30:00+01:00", "2024-03-05"),
        ("2024/3/5", "2024-03-05"),
        ("20240305", "2024-03-05"),
        ("2024-03", "2024-03"),
        ("1887", "1887"),
        ("5.3.2024", "2024-03-05"),
        ("05.03.2024, 12:30 Uhr", "2024-03-05"),
        ("5. März 2024", "2024-03-05"),
        ("Dienstag, den 5. März 2024", "2024-03-05"),
        ("5 mars 2024", "2024-03-05"),
        ("1er juillet 2024", "2024-07-01"),
        ("12 juin 2024", "2024-06-12"),
        ("March 5, 2024", "2024-03-05"),
        ("Tuesday, March 5th, 2024", "2024-03-05"),
        ("5 March 2024", "2024-03-05"),
        ("März 2024", "2024-03"),
        ("Tue, 05 Mar 2024 23:30:00 +0100", "2024-03-05"),
        (dt.datetime(2024, 3, 5, 12), "2024-03-05"),
        (dt.date(2024, 3, 5), "2024-03-05"),
        ("5/3/2024", None),
        ("31.2.2024", None),
        ("gestern", None),
        ("", None),
        ("0000", None),
        ("12. Marzipan 2024", "2024-03-12"),  # a month is known by its first three letters
    ],
)
def test_dates_become_iso_of_the_precision_they_have(written, date):
    assert iso_date(written) == date


def test_precision():
    assert [precision(date) for date in ("2024", "2024-03", "2024-03-05")] == ["year", "month", "day"]


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: Der Rat\ndatum: 2024-03-05\nautor: [Eva Muster, Udo Beispiel]\nnr: 7\nentwurf: no\n---\n",
        '+++\ntitle = "Der Rat"\ndatum=2024-03-05\nautor=["Eva Muster", "Udo Beispiel"]\nnr=7\nentwurf=false\n+++\n',
        "---\r\ntitle: Der Rat\r\ndatum: 5.3.2024\r\nautor: Eva Muster, Udo Beispiel\r\n"
        "nr: 7\r\nentwurf: no\r\n---\r\n",
    ],
)
def test_front_matter(front):
    found, end = split_front_matter(f"{front}Text.")
    assert end == len(front)
    assert values(named_facts(found, "front matter")) == {
        "title": "Der Rat",
        "published_at": "2024-03-05",
        "author": "Eva Muster, Udo Beispiel",
        "nr": "7",
        "entwurf": "false",
    }
    assert named_facts(found, "front matter")["author"].found_in == "front matter autor"


@pytest.mark.parametrize(
    "text",
    [
        "---\nDer Rat tagt.\n---\nDie Stadt baut.",
        "---\ntitle: ohne Ende\n",
        "---\ntitle: [kaputt\n---\nText",
        "+++\nkaputt\n+++\nText",
        "Der Rat\n---\ntagt.",
        "---\na: &a [1]\nb: [*a, *a]\n---\nText",
        "---\n" + "[" * 5000 + "\n---\nText",
        "---\n---\nText",
    ],
)
def test_what_is_no_front_matter_stays_text(text):
    assert split_front_matter(text) == ({}, 0)


def test_a_date_that_tells_nothing_stays_beside_the_column():
    assert values(named_facts({"date": "demnächst", "Titel": "Rat"}, "x")) == {"date": "demnächst", "title": "Rat"}


def test_sidecars():
    assert values(read_sidecar(b'{"headline": "Rat", "publisher": {"name": "Seeblick"}}', "a.meta.json")) == {
        "title": "Rat",
        "publisher": "Seeblick",
    }
    assert sidecar_names("v1.2/rat") == ("v1.2/rat.meta.json", "v1.2/rat.meta.json")
    for data in (b"{", b"[1]", b"\xff"):
        with pytest.raises(SourceError, match=r"a\.meta\.json is no JSON") as error:
            read_sidecar(data, "a.meta.json")
        assert error.value.code == "damaged"


def test_a_row_of_a_table_of_metadata():
    row = {"Datei": "a.txt", "datum": "2024-03", "ressort": "Lokales"}
    assert file_of(row) == "a.txt"
    assert values(row_facts(row)) == {"published_at": "2024-03", "section": "Lokales"}
    assert file_of({"datum": "2024"}) is None
    assert file_of({"file": " "}) is None


@pytest.mark.parametrize(
    ("pattern", "path", "facts"),
    [
        (
            "{publisher}/{published:%Y/%m/%d}/*",
            "seeblick/2024/03/05/rat.txt",
            {"publisher": "seeblick", "published_at": "2024-03-05"},
        ),
        ("{published:%Y-%m}_{section}.txt", "2024-03_lokal.txt", {"section": "lokal", "published_at": "2024-03"}),
        ("**/{published:%d.%m.%Y}-*.txt", "a/b/5.3.2024-rat.txt", {"published_at": "2024-03-05"}),
        ("**/{published:%Y}/*", "1887/rat.txt", {"published_at": "1887"}),
        ("{published:%d. %B %Y}.txt", "5. März 2024.txt", {"published_at": "2024-03-05"}),
        ("{published:%y%m}/*", "9703/a", {"published_at": "1997-03"}),
        ("{published}/*", "2024-03/a", {"published_at": "2024-03"}),
        ("{publisher}/{published:%Y/%m/%d}/*", "seeblick/2024/13/05/rat.txt", {"publisher": "seeblick"}),
        ("{publisher}/{published:%Y}/*", "seeblick/rat.txt", {}),
        ("a+b/{x}/*", "a+b/c/d", {"x": "c"}),
    ],
)
def test_paths_tell_what_a_pattern_names(pattern, path, facts):
    assert values(path_facts(path_regex(pattern), path)) == facts


@pytest.mark.parametrize("pattern", ["{published:%Q}", "{published:x}", "{a}/{a}"])
def test_a_pattern_that_cannot_be_read_says_why(pattern):
    with pytest.raises(ValueError, match=r"codes|once"):
        path_regex(pattern)


@pytest.mark.parametrize(
    ("text", "date", "place"),
    [
        ("Berlin, 3. März 2024 (dpa) - Der Bundestag", "2024-03-03", "Berlin"),
        ("Rat tagt\n\nFrankfurt am Main, 12. Mai 1999. Der Rat", "1999-05-12", "Frankfurt am Main"),
        ("Lindau (3. März 2024) – Der Rat", "2024-03-03", "Lindau"),
        ("Wien, am 5. 3. 2024: Der Rat", "2024-03-05", "Wien"),
        ("LONDON, March 3, 2024 (Reuters) - The council", "2024-03-03", "LONDON"),
        ("Paris, 3 March 2024 — The council", "2024-03-03", "Paris"),
    ],
)
def test_datelines(text, date, place):
    assert (values(dateline_facts(text))["published_at"], values(dateline_facts(text))["place"]) == (date, place)


@pytest.mark.parametrize(
    "text",
    [
        "Der Rat tagte in Berlin, 3. März 2024 war das.",
        "Sie wurde in Lindau geboren, am 3. März 1970.",
        "Goethe, 28. August 1749 in Frankfurt geboren, schrieb",
        "x" * 500 + "\nBerlin, 3. März 2024 (dpa) - Der Bundestag",
    ],
)
def test_what_is_no_dateline(text):
    assert dateline_facts(text) == {}


def test_the_first_source_holds_unless_a_later_one_agrees_and_is_finer():
    path, page = {"published_at": Fact("2024", "path")}, {"published_at": Fact("2024-03-05", "meta")}
    assert in_order(path, page)["published_at"].found_in == "meta"
    assert in_order(path, {"published_at": Fact("2023-03-05", "meta")})["published_at"].found_in == "path"
    assert in_order({"title": Fact("A", "sidecar")}, {"title": Fact("Aber", "meta")})["title"].value == "A"
