import bz2
import errno
import gzip
import io
import json
import lzma
import os
import random
import re
import tarfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.discover.file_kinds import KINDS
from stages.discover.forms import TEXT_SUFFIXES, file_form
from stages.errors import SourceError
from stages.read.sources import REJECTED, TEXTS, ReadOptions, read_source, read_sources
from stages.read.text import decode
from stages.reflow import reflow
from stages.tables.schemas import REASONS

CASES = json.loads((Path(__file__).parents[2] / "cases" / "code_pages.json").read_text(encoding="utf-8"))
TEXT = "Die Straße „Am Bühl“ bleibt gesperrt.\r\nGrüße\tvon der Gemeinde\n"


def code_of(function, *arguments):
    with pytest.raises(SourceError) as caught:
        function(*arguments)
    assert caught.value.code in REASONS
    assert len(caught.value.reason) > 20
    return caught.value.code


@pytest.mark.parametrize(
    ("codec", "mark", "encoding", "how"),
    [
        ("utf-8", b"", "utf-8", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig", "bom"),
        ("utf-16-le", b"\xff\xfe", "utf-16", "bom"),
        ("utf-16-be", b"\xfe\xff", "utf-16", "bom"),
        ("utf-16-le", b"", "utf-16-le", "utf-16"),
        ("utf-16-be", b"", "utf-16-be", "utf-16"),
        ("utf-32-le", b"\xff\xfe\0\0", "utf-32", "bom"),
        ("utf-32-be", b"\0\0\xfe\xff", "utf-32", "bom"),
        ("cp1252", b"", "cp1252", "cp1252"),
    ],
)
def test_unicode_with_and_without_a_mark(codec, mark, encoding, how):
    data = mark + TEXT.encode(codec)
    assert decode(data) == (TEXT, encoding, how)
    assert data.decode(encoding) == TEXT


@pytest.mark.parametrize(
    ("text", "code_page"),
    [pytest.param(c["text"], page, id=f"{c['label']} {page}") for c in CASES for page in c["code_pages"]],
)
@pytest.mark.parametrize("times", [1, 30])
def test_older_code_pages(text, code_page, times):
    text = f"{text}\n" * times
    data = text.encode(code_page)
    raw = decode(data)
    assert raw.text == text
    assert data.decode(raw.encoding) == text
    assert raw.encoding_how == ("cp1252" if raw.encoding == "cp1252" else "detected")


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=60).map(str.encode),
        st.text(max_size=60).map(lambda s: s.encode("utf-16")),
    )
)
def test_recorded_encoding_gives_the_raw_text_back(data):
    try:
        raw = decode(data)
    except SourceError:
        assert code_of(decode, data) in ("unsupported_format", "binary", "undecodable", "empty")
    else:
        assert data.decode(raw.encoding) == raw.text
        assert raw.text.encode()


def test_letters_beyond_the_sample_are_seen():
    text = "Plain words in a long report without any accent. " * 10_000 + "Überführung der Straße nach Köln"
    assert decode(text.encode("cp850")).text == text


@pytest.mark.parametrize(
    "data",
    [
        ("Über die Straße läuft größeres Getümmel. " * 3).encode() + b"\xfc",
        ("Über die Straße läuft größeres Getümmel").encode()[:-2] + b"\xc3",
        b"\xfc " + ("Über die Straße läuft größeres Getümmel. " * 3000).encode(),
    ],
    ids=["stray byte", "cut inside a letter", "stray byte in a long text"],
)
def test_damaged_utf8_keeps_every_byte(data):
    raw = decode(data)
    assert raw.encoding_how == "broken utf-8"
    assert data.decode(raw.encoding) == raw.text
    assert "StraÃŸe" in raw.text  # what reflow mends to "Straße"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \r\n\t\x0c\x1a", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        ("\ufeff\u200b\u00ad \u00a0".encode(), "empty"),
        (b"\xff\xfe", "empty"),
        (b"%PDF-1.7\n%", "unsupported_format"),
        (b"\x89PNG\r\n\x1a\n", "unsupported_format"),
        (b"PK\x03\x04word/document.xml", "unsupported_format"),
        (gzip.compress(b"text", mtime=0), "unsupported_format"),
        (b"{\\rtf1\\ansi Text}", "unsupported_format"),
        (b"\x7fELF\x02\x01\x01" + b"\0" * 50, "unsupported_format"),
        (b"\x01\x02\x03" + b"\0" * 50, "binary"),
        (b"\0" * 4000, "binary"),
        (b"MZ" + b"\0" * 4000, "binary"),
        (b"\0\0\0abc" * 400, "binary"),
        (TEXT.encode("utf-16-le") + b"x", "binary"),
        (TEXT.encode("utf-32-le"), "binary"),
        (random.Random(1).randbytes(4000), "binary"),
        (b"\xff\xfe" + b"a\0" * 20 + b"\x00\xd8a\0", "undecodable"),  # half a surrogate pair
        (b"\xef\xbb\xbfGr\xfc\xdfe", "undecodable"),
        (bytes(random.Random(1).choices(range(128, 256), k=3000)), "undecodable"),
    ],
)
def test_bytes_that_are_no_document(data, code):
    assert code_of(decode, data) == code


def test_tabs_form_feeds_and_a_dos_end_of_file_are_text():
    assert decode(b"Seite 1\n\x0cSeite 2\n\x1a").text == "Seite 1\n\x0cSeite 2\n\x1a"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode() + b"\0" * 420,
        b"\0" * 512 + TEXT.encode(),
        TEXT.encode().replace(b"bleibt", b"ble\0ibt"),
        b"\0".join([TEXT.encode()] * 9),
        (TEXT * 3).encode("cp1252") + b"\0" * 4,
        "".join(f"{line:\0<80}" for line in TEXT.splitlines()).encode(),
        b"\xff\xfe" + (TEXT + "\0" * 30).encode("utf-16-le"),
        "市議会は昨日、来年度の予算を承認した。\0学校の改修に最も多くの資金が使われる。".encode("euc_jp"),
        b"x" + b"\0" * 63,
    ],
    ids=["padded", "padded before", "one in a word", "between records", "code page", "fixed lines", "wide", "EUC", "x"],
)
def test_nuls_in_a_text_stay_until_its_characters_are_mended(data):
    raw = decode(data)
    assert "\0" in raw.text
    assert data.decode(raw.encoding) == raw.text
    mended = reflow(raw.text)
    clean = "".join("".join(block.text.split()) for block in mended.blocks)
    assert clean == "".join(raw.text.replace("\0", "").split())
    dropped = [repair for repair in mended.repairs if "\0" in repair.before]
    assert sum(repair.before.count("\0") for repair in dropped) == raw.text.count("\0")
    assert all(raw.text[repair.raw_start : repair.raw_end] == repair.before for repair in dropped)


@pytest.mark.parametrize("separator", ["\x1c", "\x1d", "\x1e", "\x1f"])
def test_separators_of_files_groups_records_and_units_are_white_space(separator):
    text = separator.join(["Die", "Stadt", "baut", "eine", "neue", "Brücke", "über", "den", "Fluss."])
    raw = decode(text.encode()).text
    assert raw == text  # so many controls are no sign of a binary file
    assert " ".join(block.text for block in reflow(raw).blocks).split() == text.split()


def write(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


NAMED_AS_TEXTS = [
    *(
        "a.txt",
        "a.TXT",
        "a.text",
        "a.md",
        "README",
        ".hidden",
        "...txt",
        "Bericht Dr. Müller",
        "Dr.Müller",
        "Stand 12.5.",
    ),
    *("v1.2", "Fassung 2.10", "a.b c", "Nr. 5", "z. B.", "a.", "Protokoll vom 3. Mai", "Liste.überlang", "x.abcdefghi"),
]


@pytest.mark.parametrize("name", NAMED_AS_TEXTS)
def test_names_that_are_read(tmp_path, name):
    assert read_source(write(tmp_path, name, b"text"))[0].text == "text"
    assert read_source(write(tmp_path, f"{name}.gz", gzip.compress(b"text")))[0].text == "text"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.pdf", "ps2pdf"),
        ("a.pdf.gz", "ps2pdf"),
        ("a.JPG", "OCR"),
        ("Foto Dr. Müller.jpeg", "OCR"),
        ("a.docx", "soffice"),
        ("a.tex", "pandoc"),
        ("a.epub", "Calibre"),
        ("a.zip", "unpack it"),
        ("a.txt.zip", "unpack it"),
        ("a.tar.gz", "unpack it"),
        ("a.7z", "unpack it"),
        ("a.txt.bz2", "unpack it"),
        ("a.csv", "exclude it"),
        ("a.json", "exclude it"),
        ("a.py", "exclude it"),
        ("a.exe", "exclude it"),
        ("a.mp3", "transcribe it"),
        ("a.msg", "save it as .eml"),
        ("a.txt.bak", "remove it"),
        ("a.txt~", "remove it"),
        ("a.xyz", "name it .txt"),
    ],
)
def test_names_that_are_not_read_and_what_to_do(tmp_path, name, advice):
    path = write(tmp_path, name, b"text")
    assert code_of(read_source, path) == "unsupported_format"
    with pytest.raises(SourceError, match=re.escape(advice)):
        read_source(path)


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "application/epub+zip" if name == "mimetype" else "text")
    return out.getvalue()


def tarred():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (b"\x89PNG\r\n\x1a\n", "OCR"),
        (b"\xff\xd8\xff\xe0", "OCR"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "OCR"),
        (b"%!PS-Adobe-3.0\n", "ps2pdf"),
        (zipped("[Content_Types].xml", "word/document.xml"), "soffice"),
        (b"{\\rtf1\\ansi Text}", "soffice"),
        (zipped("mimetype", "a.xhtml"), "Calibre"),
        (zipped("a.txt"), "unpack it"),
        (tarred(), "unpack it"),
        (gzip.compress(b"text", mtime=0), "name it .txt.gz"),
        (bz2.compress(b"text"), "unpack it"),
        (lzma.compress(b"text"), "unpack it"),
        (b"ID3\x04\0\0", "transcribe it"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "transcribe it"),
        (b"SQLite format 3\0", "exclude it"),
        (b"\x7fELF\x02\x01\x01", "exclude it"),
    ],
)
def test_bytes_that_are_no_text_and_what_to_do(data, advice):
    with pytest.raises(SourceError, match=re.escape(advice)) as caught:
        decode(data)
    assert caught.value.code == "unsupported_format"


@pytest.mark.parametrize(
    "word", ["ID3", "MM", "II*", "OTTO", "BM", "BZh", "MZ", "RIFF", "GIF8", "PAR1", "Rar!", "{rtf", "PK"]
)
def test_a_text_may_begin_with_any_word(word):
    assert decode(f"{word} heißt die neue Reihe.".encode()).text == f"{word} heißt die neue Reihe."


def test_every_kind_of_file_has_suffixes_of_its_own():
    suffixes = [suffix for kind in KINDS for suffix in kind.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert not set(suffixes) & set(TEXT_SUFFIXES)
    assert all(file_form(f"a{suffix}")[1] == suffix for suffix in suffixes)
    assert all(len(kind.advice) > 15 for kind in KINDS)


def test_hash_is_that_of_the_file_not_of_the_text(tmp_path):
    # printf 'text' | sha256sum
    expected = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
    assert read_source(write(tmp_path, "a.txt", b"text"))[1] == expected
    assert read_source(write(tmp_path, "a.txt.gz", gzip.compress(b"text")))[1] != expected


def test_several_members_of_one_gzip_file(tmp_path):
    path = write(tmp_path, "a.txt.gz", gzip.compress(b"one ") + gzip.compress(b"two"))
    assert read_source(path)[0].text == "one two"


PACKED = gzip.compress(TEXT.encode() * 50)


@pytest.mark.parametrize(
    "data",
    [PACKED[:-9], PACKED[: len(PACKED) // 2], PACKED[:5], b"text", PACKED[:-8] + b"\0" * 8, PACKED + b"rubbish"],
    ids=["no end", "cut off", "header only", "not packed", "wrong checksum", "rubbish behind"],
)
def test_broken_archives(tmp_path, data):
    assert code_of(read_source, write(tmp_path, "a.txt.gz", data)) == "broken_archive"


def test_empty_archives(tmp_path):
    assert code_of(read_source, write(tmp_path, "a.txt.gz", gzip.compress(b""))) == "empty"
    assert code_of(read_source, write(tmp_path, "b.txt.gz", b"")) == "empty"


@pytest.mark.parametrize(
    ("text", "fits"), [("x" * 100, True), ("x" * 101, False), ("ü€" * 50, True), ("🙂" * 101, False)]
)
@pytest.mark.parametrize("packed", [False, True])
def test_limit_counts_characters(tmp_path, text, fits, packed):
    data = gzip.compress(text.encode()) if packed else text.encode()
    path = write(tmp_path, "a.txt.gz" if packed else "a.txt", data)
    if fits:
        assert read_source(path, ReadOptions(max_chars=100))[0].text == text
    else:
        assert code_of(read_source, path, ReadOptions(max_chars=100)) == "too_large"


def test_archive_that_is_larger_than_the_limit_itself(tmp_path):
    path = write(tmp_path, "a.txt.gz", gzip.compress(random.Random(1).randbytes(2000)))
    assert code_of(read_source, path, ReadOptions(max_chars=100)) == "too_large"


def test_gzip_bomb_fills_no_memory(tmp_path):
    # 2 GiB of spaces in 2 MB: 64 members of 32 MiB.
    path = write(tmp_path, "a.txt.gz", gzip.compress(b" " * (32 << 20), 9) * 64)
    tracemalloc.start()
    since = time.process_time()
    assert code_of(read_source, path, ReadOptions(max_chars=1_000_000)) == "too_large"
    assert time.process_time() - since < 2
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


def test_utf8_is_read_fast():
    data = (TEXT * 20_000).encode()
    since = time.process_time()
    decode(data)
    assert time.process_time() - since < 0.2  # 1.4 MB; measured 0.01


def batch_of(*uris, sha256="0" * 64):
    return pl.DataFrame({"source_uri": uris, "doc_id": [u[-5:] for u in uris], "content_sha256": [sha256] * len(uris)})


def test_batch_parts_texts_from_rejected_files(tmp_path):
    write(tmp_path, "a.txt", b"text")
    write(tmp_path, "b.txt", b"")
    (tmp_path / "d.txt").mkdir()
    batch = batch_of("s/a.txt", "s/b.txt", "s/c.txt", "s/d.txt", sha256=read_source(tmp_path / "a.txt")[1])
    texts, rejected = read_sources(batch, {"s": tmp_path})
    assert texts.columns == list(TEXTS)
    expected = ("s/a.txt", "a.txt", batch["content_sha256"][0], "text", "utf-8", "utf-8", None, [], True, None, None)
    assert texts.rows() == [expected]
    assert rejected.columns == list(REJECTED)
    assert rejected.select("source_uri", "stage", "code").rows() == [
        ("s/b.txt", "read", "empty"),
        ("s/c.txt", "read", "unreadable"),
        ("s/d.txt", "read", "not_regular"),
    ]


def test_file_that_changed_since_it_was_discovered(tmp_path):
    write(tmp_path, "a.txt", b"text")
    texts, rejected = read_sources(batch_of("s/a.txt"), {"s": tmp_path})
    assert texts.is_empty()
    assert rejected["code"].to_list() == ["changed_while_reading"]


def test_empty_batch():
    texts, rejected = read_sources(batch_of().cast(pl.String), {})
    assert texts.is_empty()
    assert rejected.is_empty()


def failing(error):
    def fail(*_):
        raise error

    return fail


def test_a_file_that_there_is_no_memory_for_is_tried_another_day(tmp_path, monkeypatch):
    monkeypatch.setattr("stages.read.sources.read_source", failing(MemoryError()))
    _, rejected = read_sources(batch_of("s/a.txt"), {"s": tmp_path})
    assert rejected["code"].to_list() == ["system_failed"]


@pytest.mark.parametrize(("number", "code"), [(errno.EIO, "disk_failed"), (errno.EACCES, "unreadable")])
def test_a_disk_that_fails_is_told_from_one_that_refuses(tmp_path, monkeypatch, number, code):
    path = write(tmp_path, "a.txt", b"text")
    monkeypatch.setattr("stages.read.sources.chunks", failing(OSError(number, os.strerror(number))))
    assert code_of(read_source, path) == code


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.doc", "a.tar.bz2", "a.png", "a.xyz", "a.txt.gz", "a"])
def test_a_file_of_no_bytes_is_empty_whatever_its_name(tmp_path, name):
    assert code_of(read_source, write(tmp_path, name, b"")) == "empty"


@pytest.mark.parametrize(
    ("name", "pack"), [("a.tar.gz", gzip.compress), ("a.tar.bz2", bz2.compress), ("a.tar.xz", lzma.compress)]
)
def test_a_packed_archive_that_is_cut_off_in_its_head_is_damaged(tmp_path, name, pack):
    packed = pack(random.Random(2).randbytes(100_000))
    assert code_of(read_source, write(tmp_path, name, packed[:80])) == "broken_archive"
    assert code_of(read_source, write(tmp_path, name, packed)) == "unsupported_format"
