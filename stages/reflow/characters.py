"""Repair single characters of a line: ligatures, soft hyphens, zero-width and control characters, mojibake.

The repaired text travels with one raw offset per character (-1 where the character is not in the raw text),
so that every later step can map back.
"""

import re
from functools import cache
from typing import Any, NamedTuple

from stages.reflow.records import Repair, Span

SOFT_HYPHEN = "\u00ad"
# C0 and C1 controls without the ones that break lines and the unit separator, which parts words as a tab does; soft
# hyphen; zero-width space, bidi marks and embeddings, word joiner and invisible operators, byte-order mark; lone
# surrogates, which no file format can hold.
DROPPED = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    "\ufeff\ud800-\udfff"
)
# Zero-width joiners hold emoji and some scripts together; between Latin characters they are debris.
JOINERS = "(?<![^\x00-\u024f])[\u200c\u200d]+(?![^\x00-\u024f])"
LIGATURES = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
}
# A lead byte of UTF-8 read as Latin-1 or cp1252 (A tilde, A circumflex, a circumflex, Eth, Ntilde ...), then what a
# continuation byte looks like in either.
LEAD, CONTINUATION = (
    "[\u00c2-\u00c5\u00ce-\u00d1\u00e2\u00f0]",
    (
        "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
        "\u2013\u2014\u2018-\u201a\u201c-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]"
    ),
)
MOJIBAKE = LEAD + CONTINUATION
# Chinese and Japanese are written without spaces: their marks, kana, ideographs and full-width forms.
FIRST_UNSPACED = "\u3001"
UNSPACED = re.compile("[\u3001-\u3003\u3005-\u3011\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f]")
# What makes a text worth a closer look; two plain patterns and a search for blanks are several times faster than one.
ODD = re.compile(f"[{DROPPED}\ufb00-\ufb06\u200c\u200d\t\x1f]")
DECODABLE = re.compile(MOJIBAKE)
DROP = re.compile(f"[{DROPPED}]+|{JOINERS}")
LIGATURE = re.compile("[\ufb00-\ufb06]")
BLANKS = re.compile("[ \t\x1f]*[\t\x1f][ \t\x1f]*|  +")
# Longer "words" are binary debris; leaving them out also keeps the pattern linear.
SUSPECT = re.compile(f"(?<![^ \t])[^ \t]{{0,100}}?{MOJIBAKE}[^ \t]{{0,100}}(?![^ \t])")


class Mapped(NamedTuple):
    """A text with the raw offset of each of its characters, -1 where the raw text has another."""

    text: str
    offsets: list[int]


def is_odd(text: str) -> bool:
    """Whether `mend_characters` may find something to do."""
    if text.isascii() and text.isprintable():
        return "  " in text
    return "  " in text or ODD.search(text) is not None or DECODABLE.search(text) is not None


def map_text(raw: str, start: int, end: int) -> Mapped:
    """The raw characters ``start:end`` with their own offsets."""
    return Mapped(raw[start:end], list(range(start, end)))


def spans_of(offsets: list[int]) -> list[Span]:
    """Runs of consecutive raw offsets as (start, raw_start, length)."""
    spans: list[Span] = []
    begin = 0
    for at in range(1, len(offsets) + 1):
        if at < len(offsets) and offsets[at] == offsets[at - 1] + 1 and offsets[at - 1] >= 0:
            continue
        if offsets[begin] >= 0:
            spans.append((begin, offsets[begin], at - begin))
        begin = at
    return spans


def mend_characters(line: Mapped) -> tuple[Mapped, list[Repair]]:
    """Repair what is broken for certain and collapse runs of blanks; no-break spaces and quotation marks stay.

    Mojibake is decoded by ftfy, word by word, only where a word holds a lead byte with its continuation. A soft
    hyphen at the very end stays: it is the line's hyphen, and the join decides on it. Stable: a second call
    changes nothing.
    """
    repairs: list[Repair] = []
    line = _replace(line, SUSPECT, _decoded, repairs)
    line = _replace(line, LIGATURE, LIGATURES.__getitem__, repairs)
    kept = len(line.text.rstrip()) if line.text.rstrip().endswith(SOFT_HYPHEN) else 0
    if kept:
        body = _replace(Mapped(line.text[: kept - 1], line.offsets[: kept - 1]), DROP, _nothing, repairs)
        line = Mapped(body.text + SOFT_HYPHEN, body.offsets + line.offsets[kept - 1 : kept])
    else:
        line = _replace(line, DROP, _nothing, repairs)
    return strip_text(_replace(line, BLANKS, _one_blank, None)), repairs


def drop_soft_hyphen(line: Mapped) -> tuple[Mapped, list[Repair]]:
    """Drop a soft hyphen that ends a block, where there is nothing to join it with."""
    repairs: list[Repair] = []
    return strip_text(_replace(line, DROP, _nothing, repairs)), repairs


def strip_text(line: Mapped) -> Mapped:
    """The same without white space at either end."""
    body = line.text.strip()
    if len(body) == len(line.text):
        return line
    begin = len(line.text) - len(line.text.lstrip())
    return Mapped(body, line.offsets[begin : begin + len(body)])


def _replace(line: Mapped, pattern: re.Pattern[str], change: Any, repairs: list[Repair] | None) -> Mapped:
    text, offsets = line
    parts: list[str] = []
    mapped: list[int] = []
    done = 0
    for match in pattern.finditer(text):
        start, end = match.span()
        before, after = match.group(), change(match.group())
        if before == after:
            continue
        parts += text[done:start], after
        mapped += offsets[done:start]
        mapped += _kept_offsets(before, after, offsets[start:end])
        done = end
        inside = [offset for offset in offsets[start:end] if offset >= 0]
        if repairs is not None and inside:
            repairs.append(Repair("character", inside[0], inside[-1] + 1, before, after))
    if not done:
        return line
    return Mapped("".join(parts) + text[done:], mapped + offsets[done:])


def _kept_offsets(before: str, after: str, offsets: list[int]) -> list[int]:
    """Offsets for the replacement: characters shared at both ends keep theirs."""
    if after == " ":
        return [next((o for c, o in zip(before, offsets, strict=True) if c == " "), -1)]
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    middle = [-1] * (len(after) - head - tail)
    return offsets[:head] + middle + offsets[len(offsets) - tail :]


def _nothing(_: str) -> str:
    return ""


def _one_blank(_: str) -> str:
    return " "


def _decoded(word: str) -> str:
    fixed = _ftfy()(word)
    return word if not fixed or re.search(r"\s", fixed.replace("\u00a0", "")) else fixed


@cache
def _ftfy() -> Any:
    # Imported late: most documents need no decoding, and the import costs more than reflowing a page.
    from ftfy import TextFixerConfig, fix_text

    config = TextFixerConfig(
        unescape_html=False, remove_terminal_escapes=False, fix_latin_ligatures=False, fix_character_width=False,
        uncurl_quotes=False, fix_line_breaks=False, fix_surrogates=False, remove_control_chars=False,
        normalization=None,
    )  # fmt: skip
    return lambda word: fix_text(word, config)
