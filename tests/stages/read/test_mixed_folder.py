"""A folder of every kind that is read here: each document has its text, and what is bad costs no other."""

import io
import zipfile

import pytest

from stages.discover.containers import Member, Refused, members_of
from stages.errors import SourceError
from stages.read.reader import reader_of
from tests.benchmarks.formats import formats, paragraphs, score, zipped


@pytest.fixture(scope="module")
def files():
    return formats(paragraphs(4))


def test_every_format_gives_back_all_words_and_hardly_another():
    figures = score(40)
    assert {name: recall for name, (_, recall, _) in figures.items() if recall < 1} == {}
    # The numbers of cues, list marks and the keys of rows are no words; headers of mails that stand in the text are.
    assert {name: precision for name, (precision, _, _) in figures.items() if precision < 0.98} == {}


def test_all_of_them_in_one_archive_with_bad_ones_between(files):
    packed = zipped({**files, "kaputt.zip": files["x.zip"][:100], "leer.docx": b"PK\x03\x04word/", "../x": b"x"})
    items = list(members_of(io.BytesIO(packed), "alles.zip"))
    refused = {item.name: item.error.code for item in items if isinstance(item, Refused)}
    assert refused == {"kaputt.zip": "broken_archive", "../x": "unsafe_path"}
    names = [item.name for item in items if isinstance(item, Member)]
    assert len(set(names)) == len(names)
    for inner in ("x.mbox", "x.rss", "x.jsonl", "x.csv", "x.parquet", "x.zip", "x.tar.gz"):
        assert sum(name.startswith(f"{inner}!/") for name in names) == 4, inner
    with pytest.raises(SourceError, match=r"leer\.docx is damaged"):
        reader_of(files["x.docx"][:8192], "")(b"PK\x03\x04word/", "leer.docx", 1000)
    for whole in ("x.html", "x.docx", "x.odt", "x.epub", "x.rtf", "x.eml", "x.srt", "x.md"):
        assert whole in names


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.mbox", "x.rss", "x.zip"])
def test_another_member_before_the_others_renames_none(name):
    before = {item.name: item.data for item in members_of(io.BytesIO(formats(paragraphs(4))[name]), name)}
    text = ["Ein Text, der vor den anderen steht.", *paragraphs(4)]
    after = {item.name: item.data for item in members_of(io.BytesIO(formats(text)[name]), name)}
    if name in ("x.zip", "x.rss"):  # named in the script by their place
        assert len(after) == 5
    else:
        assert before.items() <= after.items()


@pytest.mark.parametrize("suffix", [".txt", "", ".pdf", ".TXT"])
def test_the_bytes_say_what_a_file_is_whatever_its_name(files, suffix):
    for name in ("x.html", "x.docx", "x.odt", "x.epub", "x.rtf", "x.eml", "x.srt"):
        expected = reader_of(files[name][:8192], name)
        assert expected is not None
        assert reader_of(files[name][:8192], f"x{suffix}") is expected, name


def test_a_text_is_nothing_else(project):
    for path in sorted((project / "data" / "samples").rglob("*.txt")):
        data = path.read_bytes()
        assert reader_of(data[:8192], path.name) is None, path
        assert members_of(io.BytesIO(data), path.name) is None, path


def test_an_archive_of_an_archive_reads_to_its_texts(files):
    data = zipped({"innen/x.zip": files["x.zip"]})
    with zipfile.ZipFile(io.BytesIO(files["x.zip"])) as archive:
        wanted = {f"innen/x.zip!/{name}": archive.read(name) for name in archive.namelist()}
    assert {item.name: item.data for item in members_of(io.BytesIO(data), "x.zip")} == wanted
