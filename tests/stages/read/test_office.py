import io
import zipfile
from pathlib import Path

import pytest

from stages.errors import SourceError
from stages.read.office import read_office

FILES = Path(__file__).parent / "files"  # all written by LibreOffice
NS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="urn:mc"'


def read(data, name="a", max_chars=1_000_000):
    return read_office(data, name, max_chars)


def blocks(document):
    found = {}
    for start, end, text, breaks, block, role in document.pieces.select(
        "start", "end", "text", "breaks", "block", "role"
    ).iter_rows():
        held = found.setdefault(block, [role, ""])
        held[1] += ("\n" if breaks and held[1] else "") + (document.text[start:end] if text is None else text)
    return [(role, text) for role, text in found.values()]


def zipped(parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def docx(body, **parts):
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f"<w:document {NS}><w:body>{body}</w:body></w:document>",
            **parts,
        }
    )


def code_of(data, **options):
    with pytest.raises(SourceError) as error:
        read(data, **options)
    return error.value.code


@pytest.mark.parametrize("suffix", ["docx", "odt", "rtf"])
def test_documents_of_a_real_program(suffix):
    document = read((FILES / f"rat.{suffix}").read_bytes())
    found = [(role, text.replace("\u00a0", " ").removeprefix("• ")) for role, text in blocks(document)]
    assert found == [
        ("title", "Rat beschließt den Haushalt"),
        (
            "paragraph",
            "Der Stadtrat hat am Dienstag den Haushalt für das kommende Jahr beschlossen. Er umfasst 42 Millionen Euro "
            "– mehr als „je zuvor“.",
        ),
        ("heading", "Was gebaut wird"),
        ("list_item", "eine Schule am See"),
        ("list_item", "ein Radweg nach Bregenz"),
        ("paragraph", "Die Opposition stimmte dagegen.\nSie will sparen. 😀"),
        ("table", "Jahr | Schulden\n2023 | 17 Mio."),
        ("paragraph", "Im Mai berät der Rat erneut."),
    ]
    assert document.facts["title"].value == "Rat beschließt den Haushalt"
    assert document.facts["author"].value == "Eva Muster"
    assert "published_at" not in document.facts
    assert not document.in_file


def test_a_book_of_a_real_program():
    document = read((FILES / "rat.epub").read_bytes())
    assert "ein Radweg nach Bregenz" in [text for _, text in blocks(document)]
    assert set(document.pieces["page"]) == {1}
    assert document.facts["author"].value == "Eva Muster"


@pytest.mark.parametrize(("creator", "author"), [("Eva Muster", "Eva Muster"), ("Unknown Author", None)])
def test_where_a_book_names_nobody_nobody_wrote_it(creator, author):
    package = (
        f"<package><metadata><creator>{creator}</creator></metadata>"
        '<manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>'
    )
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>',
        "p.opf": package,
        "a.xhtml": "<html><body><p>Eine Seite.</p></body></html>",
    }
    fact = read(zipped(parts)).facts.get("author")
    assert (fact.value if fact else None) == author


def test_a_book_has_its_pages_in_the_order_of_its_spine():
    container = '<container><rootfiles><rootfile full-path="OPS/p.opf"/></rootfiles></container>'
    package = (
        "<package><metadata><title>Der See</title><creator>Eva Muster</creator><date>1887</date>"
        "<language>de-AT</language>"
        '</metadata><manifest><item id="a" href="a%20b.xhtml"/><item id="b" href="b.xhtml"/>'
        '<item id="n" href="n.xhtml" properties="nav"/></manifest>'
        '<spine><itemref idref="n"/><itemref idref="b"/><itemref idref="a"/></spine></package>'
    )
    document = read(
        zipped(
            {
                "mimetype": "application/epub+zip",
                "META-INF/container.xml": container,
                "OPS/p.opf": package,
                "OPS/a b.xhtml": "<html><body><p>zweite Seite</p></body></html>",
                "OPS/b.xhtml": "<html><body><h1>Erste</h1><p>erste Seite</p></body></html>",
                "OPS/n.xhtml": "<html><body><p>Inhalt</p></body></html>",
            }
        )
    )
    assert [text for _, text in blocks(document)] == ["Erste", "erste Seite", "zweite Seite"]
    assert document.pieces["page"].to_list() == [1, 1, 2]
    told = {name: fact.value for name, fact in document.facts.items()}
    assert told == {"title": "Der See", "author": "Eva Muster", "published_at": "1887", "language": "de"}


def test_pages_that_a_book_names_and_lacks_are_a_fact():
    package = (
        '<package><manifest><item id="a" href="a.xhtml"/><item id="b" href="b.xhtml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>',
        "p.opf": package,
        "b.xhtml": "<html><body><p>zweite Seite</p></body></html>",
    }
    document = read(zipped(parts))
    assert document.facts["pages_missing"].value == "a.xhtml"
    assert document.pieces["page"].to_list() == [2]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("<w:p><w:r><w:t>Der </w:t></w:r><w:r><w:t>Rat</w:t></w:r></w:p>", [("paragraph", "Der Rat")]),
        (
            "<w:p><w:ins><w:r><w:t>neu</w:t></w:r></w:ins><w:del><w:r><w:delText>alt</w:delText></w:r></w:del></w:p>",
            [("paragraph", "neu")],
        ),
        (
            "<w:p><w:r><w:t>a</w:t><w:br/><w:t>b</w:t><w:noBreakHyphen/><w:t>c</w:t></w:r></w:p>",
            [("paragraph", "a\nb-c")],
        ),
        ('<w:p><w:pPr><w:pStyle w:val="berschrift2"/></w:pPr><w:r><w:t>H</w:t></w:r></w:p>', [("title", "H")]),
        (
            "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>geheim</w:t></w:r><w:r><w:t>offen</w:t></w:r>"
            '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>bar</w:t></w:r></w:p>',
            [("paragraph", "offenbar")],
        ),
        ("<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Punkt</w:t></w:r></w:p>", [("list_item", "Punkt")]),
        (
            "<w:p><w:r><mc:AlternateContent><mc:Choice><w:t>einmal</w:t></mc:Choice><mc:Fallback><w:t>zweimal</w:t>"
            "</mc:Fallback></mc:AlternateContent></w:r></w:p>",
            [("paragraph", "einmal")],
        ),
        (
            "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>"
            "<w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>",
            [("table", "a | b")],
        ),
    ],
)  # fmt: skip
def test_what_word_writes(body, shown):
    styles = f'<w:styles {NS}><w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style></w:styles>'
    assert blocks(read(docx(body, **{"word/styles.xml": styles}))) == shown


def test_notes_stand_behind_the_text():
    notes = (
        f'<w:footnotes {NS}><w:footnote w:type="separator"><w:p><w:r><w:t>---</w:t></w:r></w:p></w:footnote>'
        "<w:footnote><w:p><w:r><w:t>Siehe oben.</w:t></w:r></w:p></w:footnote></w:footnotes>"
    )
    document = read(docx("<w:p><w:r><w:t>Text</w:t></w:r></w:p>", **{"word/footnotes.xml": notes}))
    assert blocks(document) == [("paragraph", "Text"), ("footnote", "Siehe oben.")]


@pytest.mark.parametrize(
    ("rtf", "shown"),
    [
        (rb"{\rtf1\ansi\ansicpg1252 Gr\'f6\'dfe\par zwei}", [("paragraph", "Größe"), ("paragraph", "zwei")]),
        (rb"{\rtf1\ansi\uc1 \u8222?Tag\u8220?\~und}", [("paragraph", "„Tag“\u00a0und")]),
        (rb"{\rtf1\ansi\uc0 \u-10179\u-8704 da}", [("paragraph", "😀da")]),
        (
            rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator x;}{\header Kopf}Text{\pict ffd8}}",
            [("paragraph", "Text")],
        ),
        (
            rb"{\rtf1\ansi Text{\footnote Siehe oben.} weiter}",
            [("paragraph", "Text weiter"), ("footnote", "Siehe oben.")],
        ),
        (rb"{\rtf1\ansi a\{b\}\\c}", [("paragraph", "a{b}\\c")]),
        (rb"{\rtf1\ansi\ansicpg1251 \'cc\'ee}", [("paragraph", "Мо")]),
        (rb"{\rtf1\ansi ohne Ende", [("paragraph", "ohne Ende")]),
    ],
)
def test_what_rtf_holds(rtf, shown):
    assert blocks(read(rtf)) == shown


def odt_zip(**parts):
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text", **parts})


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ((FILES / "rat.docx").read_bytes()[:3000], "damaged"),
        ((FILES / "rat.odt").read_bytes()[:3000], "damaged"),
        (docx("<w:p>"), "damaged"),
        (docx(""), "empty"),
        (zipped({"[Content_Types].xml": "", "xl/workbook.xml": "<x/>"}), "unsupported_format"),
        (odt_zip(**{"content.xml": "<x/>"}), "unsupported_format"),
        (odt_zip(**{"content.xml": "xx", "META-INF/manifest.xml": "<m><encryption-data/></m>"}), "encrypted"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 500, "unsupported_format"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (docx("<w:p><w:r><w:t>&b;</w:t></w:r></w:p>").replace(b"x", b"x"), "damaged"),
        (zipped({"[Content_Types].xml": "", "word/document.xml": '<!DOCTYPE d [<!ENTITY a "b">]><d>&a;</d>'}), "bomb"),
        (zipped({"[Content_Types].xml": "", "word/document.xml": "<d>" + " " * (60 << 20) + "</d>"}), "bomb"),
        (zipped({"META-INF/container.xml": "<c/>"}), "damaged"),
        (b"{\\rtf1" + b"{" * 5000, "damaged"),
        (b"{\\rtf1\\ansicpg99999 x}", "damaged"),
        (b"{\\rtf1 }", "empty"),
    ],
)
def test_bad_documents_each_with_a_reason(data, code):
    assert code_of(data) == code


def test_a_locked_book_says_so():
    encryption = '<e><CipherReference URI="a.xhtml"/></e>'
    container = '<c><rootfile full-path="p.opf"/></c>'
    package = '<p><item id="a" href="a.xhtml"/><itemref idref="a"/></p>'
    parts = {
        "META-INF/container.xml": container,
        "p.opf": package,
        "a.xhtml": "x",
        "META-INF/encryption.xml": encryption,
    }
    assert code_of(zipped(parts)) == "encrypted"


def test_a_document_longer_than_it_may_be():
    assert code_of(docx("<w:p><w:r><w:t>Der Rat tagt.</w:t></w:r></w:p>"), max_chars=5) == "too_large"
