"""Plain text: bytes become raw text, with the encoding and how it was found.

The raw text is a copy of what the file holds: its bytes (decompressed, for .gz) decoded, the byte-order mark
dropped, nothing else changed. Every repair belongs to the next stage.
"""

import codecs
import re
from itertools import islice
from typing import NamedTuple

from stages.discover.file_kinds import kind_of_bytes
from stages.errors import SourceError
from stages.read.code_pages import guess_code_page
from stages.read.east_asian import decode_escaped, guess_east_asian

# The longer mark first: UTF-32 LE begins like UTF-16 LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# C0 controls that no text file needs: not tab, line feed, vertical tab, form feed, carriage return, DOS end of file
# (1A), escape (1B) and the separators of files, groups, records and units (1C to 1F), which are white space. NUL is
# judged by itself.
_CONTROL = bytes(b for b in range(1, 32) if b not in b"\t\n\v\f\r\x1a\x1b\x1c\x1d\x1e\x1f") + b"\x7f"
_NULS = re.compile(rb"\0+")
_MAX_NUL_RUNS_SHARE = 0.05
_MIN_BARE_SHARE = 0.01
_MAX_CONTROL_SHARE = 0.01
_SAMPLE = 1 << 16
_AT_ONCE = 1 << 20
_MOST_CHARS = 1 << 25
_NOT_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_REPLACEMENT = "\ufffd"
_MIN_SOUND = 3  # sound UTF-8 characters for each broken place, for a text to pass as damaged UTF-8
_NOTHING = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff\u00ad]*")


class RawText(NamedTuple):
    """Raw text, the Python codec that gives it back from the bytes, and how that codec was found."""

    text: str
    encoding: str
    encoding_how: str


def decode(data: bytes) -> RawText:
    """Decode the bytes of a text file.

    In this order: byte-order mark, UTF-16 without a mark (by its NUL bytes), ISO 2022 (by its escape sequences), strict
    UTF-8, damaged UTF-8 (read as cp1252, to be mended by reflow), else the 8-bit code page or East Asian encoding in
    which the text reads best. NUL bytes in a text stay in it; reflow drops them. Raises SourceError with code
    ``unsupported_format`` (known by its first bytes), ``binary``, ``undecodable`` or ``empty``.

    >>> decode("Grüße".encode("cp1252"))
    RawText(text='Grüße', encoding='cp1252', encoding_how='cp1252')
    """
    if kind := kind_of_bytes(data):
        raise SourceError("unsupported_format", f"its bytes are those of {kind.what}; {kind.advice}")
    raw = _decode_marked(data) or _decode_unmarked(data)
    if _NOTHING.fullmatch(raw.text):
        raise SourceError("empty", "the file holds no text; remove it or fetch it again")
    return raw


def _decode_marked(data: bytes) -> RawText | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return RawText(data.decode(encoding), encoding, "bom")
            except UnicodeDecodeError as error:
                raise SourceError(
                    "undecodable",
                    f"begins like {encoding} but byte {error.start} breaks it; save the file again as UTF-8",
                ) from error
    return None


def _decode_unmarked(data: bytes) -> RawText:
    if wide := _utf16_by_nuls(data):
        try:
            return RawText(data.decode(wide), wide, "utf-16")
        except UnicodeDecodeError:
            pass  # NUL bytes in even rhythm, yet no UTF-16: judged as bytes below
    if escaped := decode_escaped(data):
        return RawText(*escaped, "detected")
    _refuse_binary(data)
    try:
        return RawText(data.decode("utf-8"), "utf-8", "utf-8")
    except UnicodeDecodeError as error:
        return _decode_older(data, error.start)


def _refuse_binary(data: bytes) -> None:
    """Refuse what holds too many controls. NULs that pad a text, or stand in it here and there, are no harm:

    they count by their runs and not by their number, unless there is hardly anything else.
    """
    bare = data.replace(b"\0", b"") if b"\0" in data else data
    controls = len(bare) - len(bare.translate(None, _CONTROL))
    most_runs = int(max(2, _MAX_NUL_RUNS_SHARE * len(bare)))
    runs = 0 if bare is data else sum(1 for _ in islice(_NULS.finditer(data), most_runs + 1))
    full_of_nuls = runs > most_runs or len(bare) < _MIN_BARE_SHARE * len(data)
    if full_of_nuls or controls > max(1, _MAX_CONTROL_SHARE * len(bare)):
        nuls = len(data) - len(bare)
        raise SourceError(
            "binary", f"{controls + nuls:,} of {len(data):,} bytes are no text ({nuls:,} NUL); only texts belong here"
        )


def _utf16_by_nuls(data: bytes) -> str | None:
    """UTF-16 text in a Latin script has its NUL bytes at every other place."""
    sample = data[:_SAMPLE]
    if len(data) % 2 or not sample:
        return None
    half = len(sample) / 2
    even, odd = sample[::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.5 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.5 and odd < 0.1 else None


def _decode_older(data: bytes, broken_at: int) -> RawText:
    """Decode what is neither marked nor UTF-8: damaged UTF-8, else the code page that reads best."""
    if _nearly_utf8(data[max(0, broken_at - _SAMPLE) : broken_at + _SAMPLE]):
        # No codec gives all bytes of it; read as a code page every letter survives as two, and reflow mends those.
        encoding = "cp1252" if data.translate(None, _NOT_IN_CP1252) == data else "latin-1"
        return RawText(data.decode(encoding), encoding, "broken utf-8")
    plausible = [guess for guess in (guess_code_page(data), *guess_east_asian(data)) if guess.plausible]
    if not plausible:
        raise SourceError("undecodable", "no known encoding fits the bytes; save the file again as UTF-8")
    encoding = max(plausible, key=lambda guess: guess.likelihood).encoding
    return RawText(data.decode(encoding), encoding, "cp1252" if encoding == "cp1252" else "detected")


def _nearly_utf8(sample: bytes) -> bool:
    """UTF-8 with a few broken places: cut off inside a character, or with a stray byte of another encoding."""
    decoded = sample.decode("utf-8", errors="replace")
    broken = decoded.count(_REPLACEMENT)
    return _count_high(decoded) - broken >= _MIN_SOUND * broken


def _count_high(text: str) -> int:
    return len(text) - len(text.encode("ascii", errors="ignore"))
