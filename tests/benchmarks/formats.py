"""How each format is read: the same text in each, written by this script, with the words given back and the speed.

    python tests/benchmarks/formats.py

The text is made of words of our own golden texts. A container counts with all its members.
"""

import io
import json
import random
import re
import sys
import tarfile
import time
import zipfile
from collections import Counter
from email.message import EmailMessage
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pyarrow as pa

from stages.discover.containers import Member, members_of
from stages.read.reader import reader_of

ROOT = Path(__file__).parents[2]
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OFFICE = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)


def paragraphs(n=40, seed=1):
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "golden").rglob("*.json"))]
    words = sorted({word for text in texts for word in re.findall(r"[A-Za-zäöüÄÖÜß]{2,}", text)})
    chance = random.Random(seed)
    return [" ".join(chance.choices(words, k=chance.randint(30, 120))) + "." for _ in range(n)]


def zipped(parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(parts, mode):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zstandard(data):
    return pa.compress(data, codec="zstd", asbytes=True)


def html(text):
    around = "<nav><ul><li><a href=/a>Politik</a></li></ul></nav>"
    body = "".join(f"<p>{p}</p>" for p in text)
    return f"<!DOCTYPE html><html lang=de><body>{around}<main>{body}</main></body></html>".encode()


def docx(text):
    body = "".join(f"<w:p><w:r><w:t>{p}</w:t></w:r></w:p>" for p in text)
    document = f"<w:document {WORD}><w:body>{body}</w:body></w:document>"
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": document})


def odt(text):
    body = "".join(f"<text:p>{p}</text:p>" for p in text)
    content = (
        f"<office:document-content {OFFICE}><office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>"
    )
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def epub(text):
    page = f"<html><body>{''.join(f'<p>{p}</p>' for p in text)}</body></html>"
    container, package = '<c><rootfile full-path="p"/></c>', '<p><item id="a" href="a"/><itemref idref="a"/></p>'
    return zipped({"mimetype": "application/epub+zip", "META-INF/container.xml": container, "p": package, "a": page})


def rtf(text):
    body = r"\par ".join("".join(c if c.isascii() else f"\\u{ord(c)}?" for c in p) for p in text)
    return f"{{\\rtf1\\ansi\\uc1 {body}}}".encode()


def eml(text):
    message = EmailMessage()
    message["From"], message["To"], message["Date"] = "a@b.example", "c@d.example", "Tue, 05 Mar 2024 10:00:00 +0100"
    message.set_content("\n\n".join(text) + "\n", cte="quoted-printable")
    return message.as_bytes()


def srt(text):
    cues = [" ".join(words) for p in text for words in (p.split()[i : i + 10] for i in range(0, len(p.split()), 10))]
    times = "{0:02}:{1:02}:{2:02},000"
    shown = [times.format(n * 3 // 3600, n * 3 // 60 % 60, n * 3 % 60) for n in range(len(cues) + 1)]
    return "".join(f"{n + 1}\n{shown[n]} --> {shown[n + 1]}\n{cue}\n\n" for n, cue in enumerate(cues)).encode()


def rss(text):
    items = "".join(
        f"<item><guid>{n}</guid><description>{escape(f'<p>{p}</p>')}</description></item>" for n, p in enumerate(text)
    )
    return f'<rss version="2.0"><channel><title></title>{items}</channel></rss>'.encode()


def atom(text):
    entries = "".join(f"<entry><id>{n}</id><content>{p}</content></entry>" for n, p in enumerate(text))
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title></title>{entries}</feed>'.encode()


def vtt(text):
    return b"WEBVTT\n\n" + re.sub(rb"(?m)^\d+\n", b"", srt(text)).replace(b",000", b".000")


def parquet(text):
    file = io.BytesIO()
    pl.DataFrame({"text": text}).write_parquet(file)
    return file.getvalue()


def formats(text):
    many = {f"{n}.txt": p.encode() for n, p in enumerate(text)}
    mails = b"".join(b"From a@b.example Tue Mar  5 10:00:00 2024\n" + eml([p]) + b"\n" for p in text)
    return {
        "x.html": html(text),
        "x.docx": docx(text),
        "x.odt": odt(text),
        "x.epub": epub(text),
        "x.rtf": rtf(text),
        "x.eml": eml(text),
        "x.mbox": mails,
        "x.rss": rss(text),
        "x.atom": atom(text),
        "x.srt": srt(text),
        "x.vtt": vtt(text),
        "x.md": "\n\n".join(re.sub(r"^(\w+)", r"**\1**", p) for p in text).encode(),
        "x.jsonl": "".join(json.dumps({"text": p}, ensure_ascii=False) + "\n" for p in text).encode(),
        "x.csv": ("text\n" + "".join(f'"{p}"\n' for p in text)).encode(),
        "x.tsv": ("text\tlang\n" + "".join(f"{p}\tde\n" for p in text)).encode(),
        "x.parquet": parquet(text),
        "x.zip": zipped(many),
        "x.tar.gz": tarred(many, "w:gz"),
        "x.tar.xz": tarred(many, "w:xz"),
        "x.tar.bz2": tarred(many, "w:bz2"),
        "x.tar.zst": zstandard(tarred(many, "w")),
    }


def read_whole(data, name):
    """All text of a file: of what is read, and of the members of what is a container."""
    members = members_of(io.BytesIO(data), name) or [Member(name, data)]
    return " ".join(text_of(member) for member in members)


def text_of(member):
    reader = reader_of(member.data[:8192], member.name)
    if reader is None:
        return member.data.decode()
    document = reader(member.data, member.name, 100_000_000)
    if document.pieces is None:
        return document.text
    rows = document.pieces.filter(pl.col("role") != "boilerplate").select("start", "end", "text", "breaks").iter_rows()
    return "".join(" " * b + (document.text[s:e] if t is None else t) for s, e, t, b in rows)


def score(n=40):
    text = paragraphs(n)
    wanted = Counter(re.findall(r"\w+", " ".join(text)))
    figures = {}
    for name, data in formats(text).items():
        begin = time.process_time()
        found = Counter(re.findall(r"\w+", read_whole(data, name)))
        seconds = time.process_time() - begin
        same = (found & wanted).total()
        n_bytes = len(" ".join(text).encode())
        figures[name] = (same / found.total(), same / wanted.total(), n_bytes / max(seconds, 1e-9) / 1e6)
    return figures


if __name__ == "__main__":
    score(5)  # what is loaded once
    for name, (precision, recall, speed) in score(int(sys.argv[1]) if sys.argv[1:] else 4000).items():
        print(f"{name:10} words: precision {precision:.4f}, recall {recall:.4f}; {speed:6.1f} MB of text a CPU second")
