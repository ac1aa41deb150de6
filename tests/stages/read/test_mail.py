import io
from email.message import EmailMessage

import pytest

from stages.discover.containers import members_of
from stages.errors import SourceError
from stages.read.mail import looks_like_mail, read_mail
from stages.read.reader import reader_of
from stages.read.row import read_row


def mail(body="Der Rat tagt.\n", **headers):
    message = EmailMessage()
    message["From"], message["To"] = "Eva Müster <eva@see.example>", "rat@see.example"
    message["Subject"], message["Date"] = "Rat und Stadtgeschehen im März", "Tue, 05 Mar 2024 23:30:00 +0100"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message


def blocks(document):
    found = {}
    for start, end, text, breaks, block, role in document.pieces.select(
        "start", "end", "text", "breaks", "block", "role"
    ).iter_rows():
        held = found.setdefault(block, [role, ""])
        held[1] += ("\n" if breaks and held[1] else "") + (document.text[start:end] if text is None else text)
    return [(role, text) for role, text in found.values()]


def read(message):
    data = message if isinstance(message, bytes) else message.as_bytes()
    assert reader_of(data[:8192], "x.txt") is read_mail
    return read_mail(data, "x.eml", 100_000)


def test_headers_are_facts_and_the_subject_is_the_title():
    document = read(mail(Message_ID="<1@see.example>", List_Id="Neues vom See <neues.see.example>"))
    assert blocks(document)[0] == ("title", "Rat und Stadtgeschehen im März")
    assert {name: fact.value for name, fact in document.facts.items()} == {
        "title": "Rat und Stadtgeschehen im März",
        "author": "Eva Müster",
        "published_at": "2024-03-05",
        "publisher": "Neues vom See",
        "message_id": "1@see.example",
    }
    assert document.facts["published_at"].found_in == "header Date"


def test_quoted_parts_and_the_signature_are_marked():
    quoted = "> Kommt der Rat\n> zusammen?\n>> Ich frage.\n"
    body = f"Danke!\n\nAm 4. März schrieb Udo:\n{quoted}Ja.\n-- \nEva Müster\nSeeblick\n"
    assert blocks(read(mail(body)))[1:] == [
        ("paragraph", "Danke!"),
        ("paragraph", "Am 4. März schrieb Udo:"),
        ("quote", "Kommt der Rat\nzusammen?"),
        ("quote", "Ich frage."),
        ("paragraph", "Ja."),
        ("boilerplate", "--\nEva Müster\nSeeblick"),
    ]


def test_the_plain_part_goes_before_html_and_attachments_are_named():
    message = mail("Der Rat tagt.\n")
    message.add_alternative("<p>Der Rat <b>tagt</b>.</p>", subtype="html")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan.pdf")
    document = read(message)
    assert blocks(document)[1] == ("paragraph", "Der Rat tagt.")
    assert document.facts["attachments"].value == "plan.pdf"


def test_a_mail_of_html_alone_has_the_kinds_of_its_markup():
    message = mail()
    message.set_content("<html><body><h2>Haushalt</h2><p>Der Rat tagt &amp; berät.</p></body></html>", subtype="html")
    document = read(message)
    assert blocks(document) == [
        ("title", "Rat und Stadtgeschehen im März"),
        ("heading", "Haushalt"),
        ("paragraph", "Der Rat tagt & berät."),
    ]


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "cp1252"])
@pytest.mark.parametrize("cte", ["quoted-printable", "base64", "8bit"])
def test_encodings(charset, cte):
    message = mail()
    message.set_content("Größe für Bürger\n", charset=charset, cte=cte)
    assert blocks(read(message))[1] == ("paragraph", "Größe für Bürger")


@pytest.mark.parametrize("charset", [b"quatsch", b"qu\0atsch", b"undefined", b"idna", b"utf-16"])
def test_a_charset_that_is_wrong_or_unknown_is_found(charset):
    data = (
        mail("x\n")
        .as_bytes()
        .replace(b'charset="utf-8"', b'charset="' + charset + b'"')
        .replace(b"\nx\n", "\nGrößé für\n".encode("cp1252"))
    )
    assert blocks(read(data))[1] == ("paragraph", "Größé für")


@pytest.mark.parametrize(
    "header", ["From: a:b;c@@<;", "Date: =?x?q?", "Message-ID: <", "From: =?utf-8?q?=ED=A0=80?= <a@b.c>"]
)
def test_a_damaged_header_costs_no_mail(header):
    name = header.partition(":")[0]
    lines = [line for line in mail().as_bytes().split(b"\n") if not line.startswith(name.encode())]
    document = read_mail(header.encode() + b"\n" + b"\n".join(lines), "x.eml", 100_000)
    assert ("paragraph", "Der Rat tagt.") in blocks(document)
    assert all(fact.value.encode() for fact in document.facts.values())


def encrypted():
    message = mail()
    message.replace_header("Content-Type", "multipart/encrypted; boundary=x")
    return message.as_bytes()


def attached():
    message = EmailMessage()
    for name, value in mail().items():
        if name in ("From", "To", "Subject", "Date"):
            message[name] = value
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan.pdf")
    return message.as_bytes()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encrypted(), "encrypted"), (attached(), "empty"), (mail("\n").as_bytes(), "empty"),
        (mail("x" * 200_000).as_bytes(), "too_large"),
    ],
)  # fmt: skip
def test_bad_mails_each_with_a_reason(data, code):
    with pytest.raises(SourceError) as error:
        read_mail(data, "x.eml", 100_000)
    assert error.value.code == code


@pytest.mark.parametrize(
    "head", [b"Der Rat: er tagt.\n\nMehr.", b"From: Berlin\nTo: Rom\n\nDer Zug", b"Betreff: x\nDatum: y\nVon: z\n", b""]
)
def test_a_text_with_colons_is_no_mail(head):
    assert not looks_like_mail(head)


ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>Seeblick</title>
<entry><id>urn:x:1</id><title>Rat</title><link href="https://see.example/1"/><updated>2024-03-06T01:00:00Z</updated>
<published>2024-03-05T01:00:00Z</published><author><name>Eva Muster</name></author><category term="Lokales"/>
<content type="html">&lt;p&gt;Der Rat tagt.&lt;/p&gt;&lt;p&gt;Mehr.&lt;/p&gt;</content></entry></feed>"""
RSS = """<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Seeblick</title><language>de-AT</language><item><title>Rat</title><link>https://see.example/1</link>
<pubDate>Tue, 05 Mar 2024 23:30:00 +0100</pubDate><dc:creator>Eva Muster</dc:creator><category>Lokales</category>
<description>Kurz.</description>
<content:encoded><![CDATA[<p>Der Rat tagt.</p><p>Mehr.</p>]]></content:encoded></item></channel></rss>"""


@pytest.mark.parametrize("feed", [ATOM, RSS])
def test_items_of_feeds(feed):
    (item,) = members_of(io.BytesIO(feed.encode()), "x.xml")
    document = reader_of(item.data, item.name)(item.data, item.name, 10_000)
    assert blocks(document) == [("title", "Rat"), ("paragraph", "Der Rat tagt."), ("paragraph", "Mehr.")]
    assert {name: fact.value for name, fact in document.facts.items()} == {
        "title": "Rat",
        "author": "Eva Muster",
        "published_at": "2024-03-05",
        "url": "https://see.example/1",
        "section": "Lokales",
        "publisher": "Seeblick",
        "language": "de",
    }


def rows(data, name="x.jsonl"):
    for item in members_of(io.BytesIO(data), name):
        assert reader_of(item.data, item.name) is read_row
        yield read_row(item.data, item.name, 10_000)


def test_a_row_has_its_text_and_its_columns_as_facts():
    (document,) = rows(b'{"id": 7, "Titel": "Rat", "datum": "5.3.2024", "body": "Der Rat\\ntagt.", "woerter": 3}\n')
    assert (document.text, document.pieces) == ("Der Rat\ntagt.", None)
    told = {name: (fact.value, fact.found_in) for name, fact in document.facts.items()}
    assert told == {
        "title": ("Rat", "column Titel"),
        "published_at": ("2024-03-05", "column datum"),
        "id": ("7", "column id"),
        "woerter": ("3", "column woerter"),
    }


def test_a_row_of_html_has_the_kinds_of_its_markup():
    (document,) = rows(b'{"html": "<h2>Rat</h2><p>Er tagt.</p>"}\n')
    assert blocks(document) == [("heading", "Rat"), ("paragraph", "Er tagt.")]


def test_rows_without_text_each_with_a_reason():
    for line, code in ((b'{"text": "", "a": 1}', "empty"), (b'{"text": 7}', "damaged"), (b'{"text": null}', "empty")):
        with pytest.raises(SourceError) as error:
            list(rows(line + b"\n"))
        assert error.value.code == code
