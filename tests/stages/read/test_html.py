import builtins
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.errors import SourceError
from stages.read.html import looks_like_html, read_html
from stages.read.raw_document import PIECES

PAGE = (Path(__file__).parent / "page.html").read_bytes()


def read(page):
    return read_html(page.encode() if isinstance(page, str) else page, "a.html", 10_000_000)


def blocks(document):
    found = {}
    for start, end, text, breaks, block, role in document.pieces.select(
        "start", "end", "text", "breaks", "block", "role"
    ).iter_rows():
        shown = document.text[start:end] if text is None else text
        held = found.setdefault(block, [role, ""])
        held[1] += ("\n" if breaks and held[1] else "") + shown
    return [(role, text) for role, text in found.values()]


def body(html, lang="de"):
    return f"<!DOCTYPE html><html lang={lang}><body>{html}</body></html>"


def test_the_kinds_of_blocks_come_from_the_markup():
    kinds = [(role, text.partition(" ")[0]) for role, text in blocks(read(PAGE))]
    assert [kind for kind in kinds if kind[0] != "boilerplate"] == [
        ("title", "Rat"),
        ("byline", "Von"),
        ("teaser", "Nach"),
        ("paragraph", "Der"),
        ("caption", "Der"),
        ("heading", "Was"),
        ("list_item", "–"),
        ("list_item", "–"),
        ("table", "Jahr"),
        ("quote", "Das"),
        ("paragraph", "Im"),
    ]


def test_each_line_of_preformatted_text_is_a_block_but_for_prose():
    code = "<pre>for jahr in range(1890, 1900):\n    mehl = rechnung[jahr]\n\n    print(jahr, mehl)</pre>"
    prose = (
        "Der Gemeinderat hat am Dienstagabend nach langer Debatte\nbeschlossen, die alte Mühle am Bach nicht "
        "abzureißen und\nzu einem Museum zu machen."
    )
    assert blocks(read(body(f"<p>Das Programm rechnet so:</p>{code}<pre>{prose}</pre><p>Der Rat tagt.</p>"))) == [
        ("paragraph", "Das Programm rechnet so:"),
        ("code", "for jahr in range(1890, 1900):"),
        ("code", "mehl = rechnung[jahr]"),
        ("code", "print(jahr, mehl)"),
        ("paragraph", prose),
        ("paragraph", "Der Rat tagt."),
    ]


def test_what_is_around_the_text_is_marked_and_not_lost():
    around = " ".join(text for role, text in blocks(read(PAGE)) if role == "boilerplate")
    for word in ("Cookies", "Sport", "Lesen Sie auch", "Mehr zum Thema", "Impressum"):
        assert word in around
    assert "Radweg" not in around
    assert "color:red" not in around


def test_facts_with_where_they_were_found():
    facts = read(PAGE).facts
    assert {name: fact.value for name, fact in facts.items()} == {
        "title": "Rat beschließt den Haushalt",
        "author": "Eva Muster",
        "published_at": "2024-03-05",
        "language": "de",
        "publisher": "Seeblick",
        "url": "https://see.example/rat",
    }
    assert facts["published_at"].found_in == "json-ld datePublished"
    assert facts["url"].found_in == "link[rel=canonical]"


@pytest.mark.parametrize(
    ("head", "name", "value", "found_in"),
    [
        ('<meta name="author" content="Eva Muster">', "author", "Eva Muster", "meta[name=author]"),
        (
            '<meta property="article:published_time" content="2024-03-05T23:00:00Z">',
            *("published_at", "2024-03-05", "meta[property=article:published_time]"),
        ),
        ('<meta name="DC.date" content="2024-03">', "published_at", "2024-03", "meta[name=dc.date]"),
        ("<title>Der Rat – Seeblick</title>", "title", "Der Rat", "title"),
        ('<script type="application/ld+json">{kaputt</script><title>Rat</title>', "title", "Rat", "title"),
        (
            '<script type="application/ld+json">{"@graph":[{"@type":"WebPage","name":"x"},'
            '{"@type":["NewsArticle"],"headline":"Rat &amp; Tat"}]}</script>',
            *("title", "Rat & Tat", "json-ld headline"),
        ),
    ],
)
def test_each_fact_has_its_place(head, name, value, found_in):
    facts = read(f"<html><head>{head}</head><body><p>Der Rat tagt.</p></body></html>").facts
    assert (facts[name].value, facts[name].found_in) == (value, found_in)


def test_pieces_slice_the_page_source():
    document = read(PAGE)
    assert document.text.encode() == PAGE
    assert document.pieces.schema == PIECES
    rows = document.pieces.filter(document.pieces["text"].is_null())
    assert all("<" not in document.text[start:end] for start, end in rows.select("start", "end").iter_rows())
    written = document.pieces.filter(document.pieces["text"] == "ü")
    assert {document.text[s:e] for s, e in written.select("start", "end").iter_rows()} == {"&uuml;", "&#252;"}
    ends = document.pieces.sort("start")
    assert (ends["start"][1:] >= ends["end"][:-1]).all()


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>eins<p>zwei", ["eins", "zwei"]),
        ("<p>a <b>b</b>\n   c</p>", ["a b c"]),
        ("<p>eins<br>zwei<br/>drei</p>", ["eins\nzwei\ndrei"]),
        ("<div>vor<p>in</p>nach</div>", ["vor", "in", "nach"]),
        ("<pre>eins\n  zwei</pre>", ["eins", "zwei"]),
        ("<p>sagte <q>ja, <q>nein</q></q>.</p>", ["sagte „ja, ‚nein‘“."]),
        ("<ol start=3><li>drei<li>vier</ol><ol><li><p>eins</p></li></ol>", ["3. drei", "4. vier", "1. eins"]),
        ("<p>AT&T &amp; R&D &unbekannt; 3 < 4</p>", ["AT&T & R&D &unbekannt; 3 < 4"]),
        ("<p>Tele&shy;fon</p><!-- <p>weg</p> --><p hidden>weg</p>", ["Telefon"]),
        ("<p>da<script>weg('</p>')</script>bei</p>", ["dabei"]),
        ("<table><tr><td><p>a</p><p>b</p></td></tr></table>", ["a", "b"]),
        ("<table><tr><td>a<td>b<tr><td>c</table>", ["a | b\nc"]),
        ("<p>offen <a href='x>y'>Link</a> <i>kursiv</p><p>weiter</i></p>", ["offen Link kursiv", "weiter"]),
        ("<p>Ende ohne <!-- Ende", ["Ende ohne"]),
    ],
)
def test_markup_reads_as_browsers_show_it(html, shown):
    assert [text for _, text in blocks(read(body(html)))] == shown


@pytest.mark.parametrize(
    ("data", "encoding", "how"),
    [
        ("<meta charset=iso-8859-1><p>„Größe“ €</p>".encode("cp1252"), "cp1252", "declared"),
        (
            '<?xml version="1.0" encoding="iso-8859-2"?><html><p>Łódź</p></html>'.encode("iso-8859-2"),
            "iso-8859-2",
            "declared",
        ),
        ("<meta charset=utf-8><p>Größe für alle</p>".encode("cp1252"), "cp1252", "cp1252"),
        ("<meta charset=iso-8859-1><p>Größe</p>".encode("utf-8-sig"), "utf-8-sig", "bom"),
        ("<meta charset=quatsch><p>Größe</p>".encode(), "utf-8", "utf-8"),
        ("<meta charset=undefined><p>Größe</p>".encode(), "utf-8", "utf-8"),
    ],
)
def test_the_encoding_that_a_page_names_holds_where_it_fits(data, encoding, how):
    document = read(data)
    assert (document.encoding, document.encoding_how) == (encoding, how)
    assert data.decode(encoding) == document.text


def test_front_matter_stands_in_the_text_where_the_page_does_not_repeat_it():
    front = 'title: "Rat & Tat"\nauthor:\n- "Eva Muster"\n- "Udo Beispiel"\ndate: 2024-03-05 22:00\n'
    page = f"---\n{front}---\n<p>Der Rat tagt.</p>"
    document = read(page)
    assert blocks(document) == [
        ("title", "Rat & Tat"),
        ("byline", "Eva Muster, Udo Beispiel"),
        ("paragraph", "Der Rat tagt."),
    ]
    assert document.facts["published_at"].value == "2024-03-05"
    assert document.facts["author"].found_in == "front matter author"


@pytest.mark.parametrize(
    ("head", "is_page"),
    [
        (b"<!doctype html><title>x</title>", True),
        (b"\xef\xbb\xbf\n <?xml version='1.0'?><!DOCTYPE html PUBLIC 'x'><html>", True),
        (b"<p>Der Rat tagt.</p>\n<p>Mehr.</p>", True),
        (b"---\ntitle: x\n---\n<p>Der Rat tagt.</p>", True),
        (b"<p><em>Fragen</em> von Eva Muster</p>\n<p>Mehr.</p>", True),
        (
            b"---\n\ntitle: x\n\n---\n<nav id='TOC'>\n<ul>\n<li><a href='#a'>Rat</a></li>\n</ul></nav><p>Der Rat.</p>",
            True,
        ),
        (b"<figure>\n<img src='a.png' />\n</figure>\n<p>Der Rat tagt.</p>", True),
        (b"<p> ist das Zeichen eines Absatzes, und mehr sagen wir nicht.", False),
        (b"<ul><li> beginnt eine Liste, mehr sagen wir nicht.", False),
        (b"Der Rat <b>tagt</b>.", False),
        (b"<rss version='2.0'></rss>", False),
        (b"---\ntitle: x\n---\n# Der Rat tagt\n", False),
    ],
)
def test_a_page_is_known_by_its_beginning(head, is_page):
    assert looks_like_html(head) is is_page


@pytest.mark.parametrize(
    ("data", "limit", "code"),
    [
        (b"<html><body><script>x()</script><div id=app></div></body></html>", 1000, "empty"),
        (b"<html><p>" + b"x" * 100, 50, "too_large"),
        (b"<html><p>\x00\x01\x02\x03\x04\x05\x06", 1000, "binary"),
    ],
)
def test_bad_pages_each_with_a_reason(data, limit, code):
    with pytest.raises(SourceError) as error:
        read_html(data, "a.html", limit)
    assert error.value.code == code


def test_without_the_package_the_message_names_the_extra(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest, **named):
        if name == "trafilatura":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(SourceError, match=r"fliesstext\[html\]") as error:
        read(PAGE)
    assert error.value.code == "needs_extra"


@given(st.text(alphabet="<>/!-&;\"'= abpqdivlitableh1\n", max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_markup_gives_pieces_in_bounds_or_is_empty(html):
    source = body(f"<p>Rat</p>{html}")
    document = read(source)
    assert document.pieces["start"].min() >= 0
    assert document.pieces["end"].max() <= len(source)
    assert (document.pieces["start"] < document.pieces["end"]).all()


@pytest.mark.parametrize(
    "part",
    ["<a ", '<a "', "<a '", "<div>", "<li>", "<q>", "<!--", "&amp;", "<td>", "<p>x", "<p><b><i>x", "</p>", "<![CDATA["],
)
def test_time_is_linear(part):
    def seconds(n):
        from stages.read.markup import parse_markup

        begin = time.process_time()
        parse_markup(part * n)
        return time.process_time() - begin

    def least(n):
        return min(seconds(n) for _ in range(3))

    # Quadratic would be a hundred times; a full garbage collection among the tests makes it more than ten.
    assert least(100_000) < 40 * least(10_000) + 0.5


@pytest.mark.skipif("FLIESSTEXT_DEVSETS" not in os.environ, reason="the development sets are not here")
def test_journal_pages_read_as_their_gold():
    from tests.benchmarks.web_pages import score

    figures = score(Path(os.environ["FLIESSTEXT_DEVSETS"]))
    assert figures["words, precision"] >= 0.995
    assert figures["words, recall"] >= 0.998
    assert figures["blocks exact"] >= 0.985
    assert figures["aligned"] >= 0.995
