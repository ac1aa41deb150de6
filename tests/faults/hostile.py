"""Hostile and broken files, each with the way it has to end: written, or quarantined with a reason code."""

import codecs
import gzip
import os
import random
import socket
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.faults.harness import article

WRITTEN = "written"
GERMAN = (
    "Die Brücke über den Fluss wurde größer gebaut. Über hundert Gäste prüften das schöne Geländer.\n\n"
    "Der Bürgermeister erklärte am Montag, die Straße bleibe für Fußgänger geöffnet. Außerdem könne man\n"
    "künftig früher über die Brücke gehen, sagte er den Zuhörern im Rathaus.\n"
)
FRENCH = "Le marché couvert a été rénové après l'été. Les élèves ont reçu très tôt leurs clés à l'école.\n" * 3
OTHER_SCRIPTS = {
    "russian": ("Мост через реку был построен заново. Мэр города открыл его в понедельник утром.\n" * 4,
                ("cp1251", "koi8-r", "iso8859-5", "cp866", "mac_cyrillic", "utf-8", "utf-16")),
    "ukrainian": ("Міст через річку збудували знову. Мер міста відкрив його в понеділок вранці.\n" * 4,
                  ("cp1251", "koi8-u", "utf-8")),
    "greek": ("Η γέφυρα του ποταμού χτίστηκε ξανά. Ο δήμαρχος την άνοιξε τη Δευτέρα.\n" * 4,
              ("cp1253", "iso8859-7", "utf-8")),
    "turkish": ("Köprü yeniden yapıldı. Belediye başkanı pazartesi günü açılışı gerçekleştirdi.\n" * 4,
                ("cp1254", "iso8859-9", "utf-8")),
    "polish": ("Most na rzece został zbudowany na nowo. Burmistrz otworzył go w poniedziałek, mówiąc dużo.\n" * 4,
               ("cp1250", "iso8859-2", "utf-8")),
    "czech": ("Most přes řeku byl znovu postaven. Starosta ho otevřel v pondělí, říkal příjemně.\n" * 4,
              ("cp1250", "iso8859-2", "utf-8")),
    "hebrew": ("הגשר מעל הנהר נבנה מחדש. ראש העיר פתח אותו ביום שני בבוקר.\n" * 4, ("cp1255", "iso8859-8", "utf-8")),
    "arabic": ("تم بناء الجسر فوق النهر من جديد. افتتحه رئيس البلدية يوم الاثنين.\n" * 4, ("cp1256", "iso8859-6",
    "utf-8")),
    "baltic": ("Tiltas per upę buvo pastatytas iš naujo. Meras jį atidarė pirmadienį, žmonės džiaugėsi.\n" * 4,
               ("cp1257", "iso8859-13", "utf-8")),
    "thai": ("สะพานข้ามแม่น้ำถูกสร้างขึ้นใหม่ นายกเทศมนตรีเปิดเมื่อวันจันทร์\n" * 4, ("tis-620", "utf-8")),
    "japanese": ("川に架かる橋が再建されました。市長は月曜日にそれを開きました。\n" * 4,
                 ("shift_jis", "cp932", "euc_jp", "iso2022_jp", "utf-8", "utf-16")),
    "korean": ("강 위의 다리가 다시 지어졌습니다. 시장은 월요일에 다리를 열었습니다.\n" * 4,
               ("euc_kr", "cp949", "iso2022_kr", "utf-8")),
    "chinese": ("河上的桥重建了。市长星期一为它揭幕，很多人来参加。\n" * 4, ("gb18030", "gbk", "utf-8")),
    "taiwanese": ("河上的橋重建了。市長星期一為它揭幕，很多人來參加。\n" * 4, ("big5", "utf-8")),
}  # fmt: skip
EAST_ASIAN = ("shift_jis", "cp932", "euc_jp", "iso2022_jp", "euc_kr", "cp949", "iso2022_kr", "gb18030", "gbk", "big5")


class Case(NamedTuple):
    """A file to make below the source, and how it ends; ``text`` where the raw text is known."""

    name: str
    content: bytes | Callable[[Path], None]
    ends: str
    text: str | None = None


def _german_encodings() -> Iterator[Case]:
    known = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1", "iso8859-15",
             "cp850", "cp437", "mac_roman", "cp858")  # fmt: skip
    for encoding in known:
        text = f"{GERMAN}{encoding}\n"
        yield Case(f"de-{encoding}.txt", text.encode(encoding), WRITTEN, text)
    for encoding in ("utf-8", "utf-16", "cp1252", "latin-1"):
        text = f"{FRENCH}{encoding}\n"
        yield Case(f"fr-{encoding}.txt", text.encode(encoding), WRITTEN, text)
        yield Case(f"fr-{encoding}.txt.gz", gzip.compress(text.encode(encoding)), WRITTEN, text)
    for mark, name in (
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ):
        text = "Eigen: " + name + "\n" + GERMAN
        yield Case(f"marked-{name}.txt", mark + text.encode(name), WRITTEN, text)
    yield Case("ascii.txt", b"Nur einfache Zeichen stehen in diesem Text.\n", WRITTEN)


def _other_scripts() -> Iterator[Case]:
    for language, (text, encodings) in OTHER_SCRIPTS.items():
        for encoding in encodings:
            known = f"{text}{language} {encoding}\n"
            exact = known if encoding in ("utf-8", "utf-16", *EAST_ASIAN) else None
            ends = "undecodable" if encoding == "tis-620" else WRITTEN
            yield Case(f"{language}-{encoding}.txt", known.encode(encoding, "replace"), ends, exact)


def _wrong_encodings() -> Iterator[Case]:
    utf8 = GERMAN.encode()
    yield Case("mixed-utf8-cp1252.txt", utf8 + GERMAN.encode("cp1252"), "undecodable")
    yield Case("mixed-one-bad-byte.txt", utf8 + b"Und hier \xff steht ein falsches Byte.\n", WRITTEN)
    yield Case("mixed-truncated-utf8.txt", utf8.rstrip() + "ü".encode()[:1], WRITTEN)
    for n in (1, 2, 3):
        bad = utf8 + b"Am Ende steht " + "\U0001f600".encode()[:n]
        yield Case(f"cut-emoji-{n}.txt", bad, WRITTEN)
    yield Case("mojibake-once.txt", utf8.decode("cp1252", "replace").encode(), WRITTEN)
    yield Case("mojibake-twice.txt", utf8.decode("latin-1").encode().decode("latin-1").encode(), WRITTEN)
    yield Case("question-marks.txt", GERMAN.encode("ascii", "replace"), WRITTEN)
    yield Case("replacement-characters.txt", (GERMAN.replace("ü", "\ufffd") + "U+FFFD").encode(), WRITTEN)
    yield Case("html-entities.txt", b"Die Br&uuml;cke &amp; die Stra&szlig;e &#8222;sind&#8220; gebaut.\n" * 3, WRITTEN)
    yield Case("utf7.txt", GERMAN.encode("utf-7"), WRITTEN)
    for size in (0xD800, 0xDBFF, 0xDC00, 0xDFFF):
        surrogate = chr(size).encode("utf-8", "surrogatepass")
        yield Case(f"surrogate-utf8-{size:x}.txt", utf8 + surrogate + b" danach\n", WRITTEN)
        wide = codecs.BOM_UTF16_LE + (GERMAN + chr(size) + "x").encode("utf-16-le", "surrogatepass")
        yield Case(f"surrogate-utf16-{size:x}.txt", wide, "undecodable")
    pair = "\ud83d\ude00".encode("utf-8", "surrogatepass")
    yield Case("cesu8.txt", utf8 + pair + b" als CESU-8\n", WRITTEN)
    for name, overlong in {
        "slash": b"\xc0\xaf", "nul": b"\xc0\x80", "three": b"\xe0\x80\xaf", "four": b"\xf0\x80\x80\xaf",
        "five": b"\xf8\x80\x80\x80\xaf", "six": b"\xfc\x80\x80\x80\x80\xaf", "beyond": b"\xf4\x90\x80\x80",
    }.items():  # fmt: skip
        yield Case(f"overlong-{name}.txt", utf8 + overlong + b" danach\n", WRITTEN)
    yield Case("utf16-odd.txt", GERMAN.encode("utf-16") + b"x", "undecodable")
    yield Case("utf16-no-mark-odd.txt", GERMAN.encode("utf-16-le") + b"x", "binary")
    yield Case("utf32-broken.txt", codecs.BOM_UTF32_LE + b"\xff\xff\xff\xff" * 8, "undecodable")
    yield Case("utf32-no-mark.txt", GERMAN.encode("utf-32-le"), "binary")
    yield Case("utf8-mark-then-cp1252.txt", codecs.BOM_UTF8 + GERMAN.encode("cp1252"), "undecodable")
    yield Case("ebcdic.txt", GERMAN.encode("cp500"), "undecodable")


def _characters() -> Iterator[Case]:
    def inside(what: str) -> bytes:
        return (f"Kennung {what[:1]!a}.\n" + GERMAN[:60] + what + GERMAN[60:]).encode("utf-8", "surrogatepass")

    single = {
        "bom": 0xFEFF, "zero-width-space": 0x200B, "non-joiner": 0x200C, "joiner": 0x200D, "lrm": 0x200E, "rlm": 0x200F,
        "lre": 0x202A, "rle": 0x202B, "pdf": 0x202C, "lro": 0x202D, "rlo": 0x202E, "word-joiner": 0x2060,
        "lri": 0x2066, "rli": 0x2067, "fsi": 0x2068, "pdi": 0x2069, "soft-hyphen": 0xAD, "line-separator": 0x2028,
        "paragraph-separator": 0x2029, "next-line": 0x85, "vertical-tab": 0x0B, "form-feed": 0x0C, "escape": 0x1B,
        "bell": 0x07, "backspace": 0x08, "delete": 0x7F, "nul": 0x00, "sub": 0x1A, "nbsp": 0xA0, "thin-nbsp": 0x202F,
        "ideographic-space": 0x3000, "braille-blank": 0x2800, "hangul-filler": 0x3164, "mongolian": 0x180E,
        "noncharacter": 0xFFFF, "noncharacter-fdd0": 0xFDD0, "private": 0xE000, "last": 0x10FFFF, "tag": 0xE0041,
        "variation": 0xFE0F, "invisible-times": 0x2062, "interlinear": 0xFFF9, "object": 0xFFFC, "keycap": 0x20E3,
        "dotless": 0x131, "kelvin": 0x212A, "ligature-ffi": 0xFB03, "long-s": 0x17F, "sharp-s": 0x1E9E,
        "emoji": 0x1F600,
    }  # fmt: skip
    for name, code in single.items():
        yield Case(f"char-{name}.txt", inside(chr(code)), WRITTEN)
    yield Case("combining-10000.txt", inside("a" + "\u0301" * 10_000), WRITTEN)
    yield Case("combining-alone.txt", ("\u0301\u0327" * 500).encode(), WRITTEN)
    yield Case("joined-emoji.txt", inside("\U0001f468\u200d\U0001f469\u200d\U0001f467" * 2_000), WRITTEN)
    yield Case("nested-embeddings.txt", inside("\u202e" * 5_000 + "\u202c" * 5_000), WRITTEN)
    yield Case("zalgo.txt", inside("".join(c + "\u0334\u0347\u0489" * 20 for c in "Brücke" * 20)), WRITTEN)
    yield Case("terminal-escape.txt", inside("\x1b[2J\x1b]0;Titel\x07\x1b[31mrot"), WRITTEN)
    yield Case("only-bom.txt", codecs.BOM_UTF8, "empty")
    yield Case("only-utf16-bom.txt", codecs.BOM_UTF16_LE, "empty")
    yield Case("only-spaces.txt", b" \t\r\n" * 400, "empty")
    yield Case("only-zero-width.txt", "\u200b\u200d\ufeff\u2060\u00ad".encode() * 50, "empty")
    yield Case("only-controls.txt", b"\x1b\x1a\x0c\x0b" * 60, "empty")
    yield Case("only-nul.txt", b"\0" * 4_000, "binary")
    yield Case("no-bytes.txt", b"", "empty")
    yield Case("nul-share.txt", (b"\0\0\0abc" * 400), "binary")
    padded = GERMAN + "NUL\n" + "\0" * 4_000
    yield Case("nul-padded.txt", padded.encode(), WRITTEN, padded.replace("\0", ""))
    stray = (GERMAN * 3).replace("Brücke", "Brü\0cke").replace("Montag", "\0Montag")
    yield Case("nul-stray.txt", stray.encode("cp1252"), WRITTEN, stray.replace("\0", ""))
    yield Case("nul-nearly-full.txt", b"MZ" + b"\0" * 4_000, "binary")
    for name, code in {"file": 0x1C, "group": 0x1D, "record": 0x1E, "unit": 0x1F}.items():
        text = f"Trenner {name} " + GERMAN
        yield Case(f"separator-{name}.txt", text.replace(" ", chr(code)).encode(), WRITTEN, text)


def _shapes() -> Iterator[Case]:
    chance = random.Random(3)
    for number, letter in enumerate("xü€5.„I河\u0301"):
        yield Case(f"one-letter-{number}.txt", letter.encode(), WRITTEN, letter)
    yield Case("one-byte-ff.txt", b"\xff", "undecodable")
    yield Case("million-empty-lines.txt", b"\n" * 1_000_000, "empty")
    yield Case("million-empty-lines-crlf.txt", b"\r\n" * 400_000 + b"Ende.\n", WRITTEN)
    yield Case("text-in-empty-lines.txt", b"\n" * 200_000 + GERMAN.encode() + b"\n" * 200_001, WRITTEN)
    yield Case("one-long-line.txt", (article(900).replace("\n", " ") * 2_000).encode(), WRITTEN)
    yield Case("one-long-word.txt", b"Donaudampfschiff" * 40_000, WRITTEN)
    yield Case("one-letter-lines.txt", b"a\n" * 30_000, WRITTEN)
    yield Case("hyphen-lines.txt", b"Wort-\n" * 30_000, WRITTEN)
    yield Case("only-hyphens.txt", b"-" * 100_000, WRITTEN)
    yield Case("only-dots.txt", b". " * 60_000, WRITTEN)
    yield Case("only-digits.txt", b"1234567890 " * 10_000, WRITTEN)
    yield Case("open-brackets.txt", b"(" * 50_000 + b"Ende.", WRITTEN)
    yield Case("open-quotes.txt", "„".encode() * 50_000 + b"Ende.", WRITTEN)
    yield Case("form-feeds.txt", (GERMAN + "\f").encode() * 300, WRITTEN)
    yield Case("same-line.txt", b"Der gleiche Satz steht hier.\n" * 10_000, WRITTEN)
    yield Case("crlf.txt", GERMAN.replace("\n", "\r\n").encode(), WRITTEN)
    yield Case("cr.txt", GERMAN.replace("\n", "\r").encode(), WRITTEN)
    yield Case("mixed-line-ends.txt", GERMAN.replace("\n", "\r\n", 2).replace("Der", "\rDer").encode(), WRITTEN)
    yield Case("lfcr.txt", GERMAN.replace("\n", "\n\r").encode(), WRITTEN)
    yield Case("tabs.txt", GERMAN.replace(" ", "\t").encode(), WRITTEN)
    yield Case("no-line-end.txt", GERMAN.rstrip().encode() + b" Ende", WRITTEN)
    yield Case("sql.txt", b"Robert'); DROP TABLE documents; -- wurde am Montag in Berlin gesehen.\n", WRITTEN)
    yield Case("html.txt", b"<script>alert(1)</script><b>Der Rat</b> tagte in <i>Bonn</i>.\n" * 5, WRITTEN)
    yield Case("markdown.md", b"# Titel\n\n- [x](javascript:alert(1))\n- `code`\n\n| a | b |\n|---|---|\n", WRITTEN)
    yield Case("format-string.txt", b"%s %n %x {0} {self.__class__} ${HOME} $(reboot) `reboot`\n" * 3, WRITTEN)
    yield Case("too-long.txt", b"Zu lang. " * 150_000, "too_large")
    yield Case("random-bytes.txt", chance.randbytes(50_000), "binary")
    yield Case("random-high-bytes.txt", bytes(chance.randrange(128, 256) for _ in range(3_000)), "undecodable")
    yield Case("base64.txt", (b"QWxsZSBNZW5zY2hlbiBzaW5kIGZyZWkgdW5kIGdsZWljaC4" * 2 + b"\n") * 300, WRITTEN)


def _formats() -> Iterator[Case]:
    magic = {
        "pdf": b"%PDF-1.7\n", "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff\xe0", "gif": b"GIF89a",
        "zip": b"PK\x03\x04",
        "doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "rtf": b"{\\rtf1\\ansi", "gz": b"\x1f\x8b\x08", "bz2": b"BZh91AY",
        "xz": b"\xfd7zXZ\0", "7z": b"7z\xbc\xaf\x27\x1c",
    }  # fmt: skip
    # What is read by its first bytes, but is damaged; RTF without its last brace can still be read.
    ends = {
        "pdf": "damaged",
        "zip": "broken_archive",
        "rtf": WRITTEN,
        **dict.fromkeys(("png", "jpg", "gif"), "needs_ocr"),
    }
    # Under a name of its own packed data is tried; under that of a text it is only told.
    by_name = ends | dict.fromkeys(("bz2", "xz"), "broken_archive")
    for kind, first in magic.items():
        yield Case(f"named-txt-is-{kind}.txt", first + GERMAN.encode(), ends.get(kind, "unsupported_format"))
        if kind != "gz":
            yield Case(f"picture.{kind}", first + b" bytes", by_name.get(kind, "unsupported_format"))
    yield Case("other.html", f"html {GERMAN}".encode(), WRITTEN)
    for suffix in ("xml", "docx", "odt", "epub", "json", "py", "exe", "txt~", "txt.bak", "TXT.zip"):
        yield Case(f"other.{suffix}", f"{suffix} {GERMAN}".encode(), "unsupported_format")
    yield Case("UPPER.TXT", b"Gross geschrieben ist der Name dieser Datei.\n", WRITTEN)
    yield Case("no_suffix", b"Ohne Endung liegt dieser Text da.\n", WRITTEN)
    yield Case("elf.txt", b"\x7fELF\x02\x01\x01" + b"\0" * 900, "unsupported_format")


def _archives() -> Iterator[Case]:
    whole = gzip.compress(GERMAN.encode() + b"gepackt", mtime=0)
    yield Case("two-members.txt.gz", gzip.compress(b"Erster Teil hier.\n") + gzip.compress(b"Zweiter Teil.\n"), WRITTEN)
    for at in (3, 9, 12, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        yield Case(f"truncated-{at}.txt.gz", whole[:at], "broken_archive")
    yield Case("bad-checksum.txt.gz", whole[:-8] + b"\0\0\0\0" + whole[-4:], "broken_archive")
    yield Case("bad-size.txt.gz", whole[:-4] + b"\1\2\3\4", "broken_archive")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    yield Case("flipped.txt.gz", bytes(flipped), "broken_archive")
    yield Case("garbage-after.txt.gz", whole + b"garbage", "broken_archive")
    yield Case("zeros-after.txt.gz", gzip.compress(b"Nullen folgen nach diesem Text.\n") + b"\0" * 512, WRITTEN)
    yield Case("second-truncated.txt.gz", whole + whole[:20], "broken_archive")
    yield Case("not-gzip.txt.gz", b"Das ist gar kein Archiv.\n", "broken_archive")
    yield Case("zlib-not-gzip.txt.gz", zlib.compress(GERMAN.encode()), "broken_archive")
    yield Case("empty-archive.txt.gz", gzip.compress(b""), "empty")
    yield Case("no-bytes.txt.gz", b"", "empty")
    yield Case("bomb.txt.gz", gzip.compress(b"\0" * 100_000_000, 9), "too_large")
    yield Case("bomb-of-letters.txt.gz", gzip.compress(b"Bombe. " * 10_000_000, 1), "too_large")
    yield Case("bomb-of-members.txt.gz", gzip.compress(b"x" * 1_000_000) * 60, "too_large")
    yield Case("gzip-in-gzip.txt.gz", gzip.compress(whole), "unsupported_format")
    yield Case("binary-inside.txt.gz", gzip.compress(bytes(range(256)) * 40), "binary")
    yield Case("picture.png.gz", gzip.compress(b"\x89PNG"), "unsupported_format")
    named = gzip.compress(b"")[:3] + b"\x08" + b"\0" * 6 + b"../../../etc/passwd\0"
    yield Case("name-inside.txt.gz", named + zlib.compress(b"Der Name im Archiv zaehlt nicht.")[2:-4], "broken_archive")


def _names() -> Iterator[Case]:
    odd = {
        "newline": b"a\nb.txt", "return": b"a\rb.txt", "escape": b"\x1b[31mrot\x1b[0m.txt", "bell": b"\x07.txt",
        "not-utf8": b"gr\xfc\xdfe.txt", "truncated-utf8": b"\xc3.txt", "surrogate": b"\xed\xa0\x80.txt",
        "percent": b"100%25 %0a.txt", "quote": b"'\" ; DROP TABLE x; --.txt",
        "bidi": "\u202etxt.exe".encode() + b".txt",
        "zero-width": "\u200b.txt".encode(), "space": b" .txt", "dash": b"--tables.txt", "star": b"*[a]?.txt",
        "dollar": b"$(reboot).txt", "pipe": b"| reboot.txt", "markdown": b"](x)`|**fett**.txt",
        "equals": b"name=path.txt",
        "nfc": "é.txt".encode(), "nfd": "e\u0301.txt".encode(), "dots": b"...txt", "hidden": b".hidden",
        "tilde": b"~root.txt",
        "longest": b"l" * 251 + b".txt", "longest-wide": "ü".encode() * 125 + b".txt", "rich": b"[red]x[bold].txt",
        "tag": b"<img src=x onerror=alert(1)>.txt", "backslash": b"..\\..\\x.txt", "nonbreaking": "\u00a0.txt".encode(),
        "emoji": "😀.txt".encode(),
    }  # fmt: skip
    for number, (label, name) in enumerate(odd.items()):
        yield Case(os.fsdecode(name), f"Der Name der Datei ist seltsam: {label}, Nummer {number}.\n".encode(), WRITTEN)
    yield Case(os.fsdecode(b"x.\xff\x1b[31m"), b"Was hinter dem Punkt steht, ist keine Endung.", WRITTEN)
    yield Case(os.fsdecode(b"x.txt\n"), b"Eine Endung hat kein Zeilenende.", WRITTEN)
    yield Case(os.fsdecode(b"x.pdf\n"), b"%PDF-1.7\n", "damaged")
    yield Case("Bericht Dr. Müller", b"Der Name hat einen Punkt und keine Endung.", WRITTEN)
    yield Case("Stand 12.5.", b"Der Name endet in einem Punkt.", WRITTEN)
    yield Case("v1.2", b"Eine Nummer ist keine Endung.", WRITTEN)
    yield Case("archiv.tar.gz", gzip.compress(b"gepackt"), "unsupported_format")


def _special(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def _device(path: Path) -> None:
    try:
        os.mknod(path, 0o20644, os.makedev(1, 5))  # reads zeros without end
    except OSError:
        os.mkfifo(path)  # where devices are not ours to make


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "inside.txt").write_text("In diesem Ordner liegt ein Text.\n", encoding="utf-8")


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _at_time(seconds: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_text(f"Die Uhr zeigt {seconds} Sekunden.\n", encoding="utf-8")
        os.utime(path, (seconds, seconds))

    return make


def _sparse(path: Path) -> None:
    with path.open("wb") as out:
        out.truncate(300 << 20)


def _deep(path: Path) -> None:
    folder = path
    for _ in range(200):
        folder = folder / "tief"
    folder.mkdir(parents=True)
    (folder / "unten.txt").write_text("Ganz unten liegt dieser Text.\n", encoding="utf-8")


def _specials() -> Iterator[Case]:
    yield Case("pipe.txt", lambda path: os.mkfifo(path), "not_regular")
    yield Case("socket.txt", _socket, "not_regular")
    yield Case("device.txt", _device, "not_regular")
    yield Case("folder.txt", _folder, "")
    yield Case("loop.txt", _link_to("loop.txt"), "link_not_followed")
    yield Case("dangling.txt", _link_to("nowhere"), "link_not_followed")
    yield Case("out.txt", _link_to("/etc/hostname"), "link_not_followed")
    yield Case("out-relative.txt", _link_to("../../../../../../../../etc/hostname"), "link_not_followed")
    yield Case("to-device.txt", _link_to("/dev/zero"), "link_not_followed")
    yield Case("to-terminal.txt", _link_to("/dev/stdin"), "link_not_followed")
    yield Case("to-folder", _link_to("folder.txt"), "link_not_followed")
    yield Case("to-parent", _link_to(".."), "link_not_followed")
    yield Case("to-root", _link_to("/"), "link_not_followed")
    yield Case("to-pipe.txt", _link_to("pipe.txt"), "not_regular")
    yield Case("inside-link.txt", _link_to("ascii.txt"), "duplicate")
    yield Case("hard-link.txt", lambda path: path.hardlink_to(path.parent / "ascii.txt"), "duplicate")
    yield Case("sparse.txt", _sparse, "too_large")
    yield Case("deep", _deep, "")
    for seconds in (0, -(2**31), 2**31, 2**32, 2**33, 2**40, -1):
        yield Case(f"time-{seconds}.txt", _at_time(seconds), WRITTEN)


def cases() -> list[Case]:
    """All cases; the healthy ones among them show that the rest of a run is unharmed."""
    kinds = (
        _german_encodings(), _other_scripts(), _wrong_encodings(), _characters(), _shapes(), _formats(), _archives(),
        _names(), _specials(),
    )  # fmt: skip
    return [case for kind in kinds for case in kind]


def make(case: Case, folder: Path) -> None:
    path = folder / case.name
    if callable(case.content):
        case.content(path)
    else:
        path.write_bytes(case.content)
