"""A document as it is shown: the mended text and the raw text cut into the same numbered words, both escaped.

A word of the mended text has the number of the raw characters it was made from, so a page can show the one for the
other. Names and values lie around the words as links and spans, repairs around the raw characters.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

Row = Mapping[str, Any]
_WORD = re.compile(r"\S+")
_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)} | {0x7F: "\u2421"}
_STEERING = {
    code: f"⟨U+{code:04X}⟩" for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""Signs that turn the direction of what follows, by which a text could make another look like something else."""


def visible(text: str) -> Markup:
    """Escape a text for a page; control characters and signs that turn the direction are shown instead of obeyed.

    >>> visible("a\\x00<b>")
    Markup('a␀&lt;b&gt;')
    """
    return escape(text.replace("\r\n", "\n").translate(_CONTROLS | _STEERING))


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the mended text: where it stands there and in the raw text, and what is to be said of it."""

    number: int
    start: int
    end: int
    raw_start: int
    raw_end: int
    repair: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown of a document: its blocks, and what lies in them; ``hits`` and ``at`` are places in the text."""

    blocks: Sequence[Row]
    mentions: Sequence[Row]
    repairs: Sequence[Row]
    hits: Sequence[tuple[int, int]] = ()
    at: int | None = None
    words: list[list[Word]] = field(default_factory=list)


def prepare(
    blocks: Sequence[Row],
    mentions: Sequence[Row],
    repairs: Sequence[Row],
    hits: Sequence[tuple[int, int]],
    at: int | None,
) -> Page:
    """Find the words of some blocks of a document."""
    page = Page(blocks, mentions, sorted(repairs, key=lambda row: (row["raw_start"], row["raw_end"])), hits, at)
    starts = [row["raw_start"] for row in page.repairs]
    number = 0
    for block in blocks:
        found = []
        for place in _WORD.finditer(block["text"]):
            start, end = place.start() + block["start"], place.end() + block["start"]
            raw_start, raw_end = to_raw(block["spans"], start, end)
            repair = _repair_at(page.repairs, starts, raw_start, raw_end)
            found.append(Word(number, start, end, raw_start, raw_end, repair))
            number += 1
        page.words.append(found)
    return page


def to_raw(spans: Sequence[Mapping[str, int]], start: int, end: int) -> tuple[int, int]:
    """Give the raw range that a range of the mended text was made from; where it has none, that of its neighbour.

    >>> spans = [{"start": 0, "raw_start": 0, "length": 9}, {"start": 9, "raw_start": 11, "length": 10}]
    >>> to_raw(spans, 4, 13)
    (4, 15)
    """
    starts = [span["start"] for span in spans]
    first, last = max(0, bisect_right(starts, start) - 1), max(0, bisect_right(starts, end - 1) - 1)
    ends = [_raw_at(spans[n], at) for n, at in ((first, start), (last, end))]
    raw_starts = [spans[n]["raw_start"] for n in range(first + 1, last + 1)]
    return min(ends[0], *raw_starts, ends[1]), max(ends)


def _raw_at(span: Mapping[str, int], at: int) -> int:
    return span["raw_start"] + max(0, min(at - span["start"], span["length"]))


def _repair_at(repairs: Sequence[Row], starts: Sequence[int], start: int, end: int) -> int | None:
    """The repair that touched some raw characters; of several the last that begins before their end."""
    at = bisect_right(starts, max(start, end - 1)) - 1
    return repairs[at]["repair_no"] if at >= 0 and repairs[at]["raw_end"] > start else None


def mended(page: Page, block_at: int) -> Markup:
    """Mark up one block of the mended text: names and values around numbered words."""
    block = page.blocks[block_at]
    inside = [m for m in page.mentions if block["start"] <= m["start"] and m["end"] <= block["end"]]
    inside.sort(key=lambda m: (m["start"], -m["end"], m["mention_no"]))
    return _marked(page, block_at, block["start"], block["end"], inside, linked=False)


def _marked(page: Page, block_at: int, start: int, end: int, inside: Sequence[Row], *, linked: bool) -> Markup:
    """The text between two places with its mentions, the inner ones within the outer; one that crosses is left out."""
    pieces, at = [], start
    for number, mention in enumerate(inside):
        if mention["start"] < at or mention["end"] > end:
            continue
        within = [m for m in inside[number + 1 :] if m["end"] <= mention["end"]]
        pieces.append(_words(page, block_at, at, mention["start"]))
        is_link = bool(mention["entity_id"]) and not linked
        content = _marked(page, block_at, mention["start"], mention["end"], within, linked=linked or is_link)
        pieces.append(_mention(mention, content, is_link=is_link))
        at = mention["end"]
    pieces.append(_words(page, block_at, at, end))
    return Markup("").join(pieces)


_LINK = Markup('<a href="/entities/{}" class="m m-{}" data-m="{}" data-label="{}" data-told="{}">{}</a>')
_SPAN = Markup('<span class="m m-{}" data-m="{}" data-label="{}" data-told="{}">{}</span>')


def _mention(mention: Row, content: Markup, *, is_link: bool) -> Markup:
    told = visible(" · ".join(filter(None, (mention["role"], mention["value"]))))
    label, number = mention["label"], mention["mention_no"]
    if is_link:
        return _LINK.format(quote(mention["entity_id"]), label, number, label, told, content)
    return _SPAN.format(label, number, label, told, content)


def _words(page: Page, block_at: int, start: int, end: int) -> Markup:
    """The words between two places of a block, and what stands between them."""
    text, base = page.blocks[block_at]["text"], page.blocks[block_at]["start"]
    pieces, at = [], start
    words = page.words[block_at]
    first = max(0, bisect_right(words, start, key=lambda word: word.start) - 1)
    for word in words[first:]:
        if word.start >= end:
            break
        if word.end <= start:
            continue
        begin, stop = max(word.start, start), min(word.end, end)
        pieces.append(visible(text[at - base : begin - base]))
        is_target = page.at is not None and begin <= page.at < stop
        pieces.append(_word(page, word, visible(text[begin - base : stop - base]), is_target=is_target))
        at = stop
    pieces.append(visible(text[at - base : end - base]))
    return Markup("").join(pieces)


def _word(page: Page, word: Word, shown: Markup, *, is_target: bool) -> Markup:
    is_hit = any(start < word.end and word.start < end for start, end in page.hits)
    classes = "w" + " hit" * is_hit + " r" * (word.repair is not None)
    target = Markup(' id="at"') if is_target else ""
    return Markup('<i class="{}" data-w="{}" data-o="{}–{}"{}>{}</i>').format(
        classes, word.number, word.raw_start, word.raw_end, target, shown
    )


def raw(page: Page, text: str, *, whole: tuple[bool, bool] = (True, True)) -> Markup:
    """Mark up the raw text of a page: the same words, and the repairs around what they changed or took away.

    ``whole``: whether the page holds the beginning and the end of the document.
    """
    words = sorted((w for block in page.words for w in block), key=lambda w: (w.raw_start, w.raw_end))
    low = 0 if whole[0] or not words else min(block["raw_start"] for block in page.blocks)
    high = len(text) if whole[1] or not words else max(block["raw_end"] for block in page.blocks)
    repairs = [(r["raw_start"], r["raw_end"], r["repair_no"]) for r in page.repairs if low <= r["raw_start"] < high]
    cuts = {low, high} | {at for w in words for at in (w.raw_start, w.raw_end)}
    cuts |= {at for start, end, _ in repairs for at in (start, end)}
    marks = sorted(at for at in cuts if low <= at <= high)
    owners = _covering(marks, [(w.raw_start, w.raw_end, w.number) for w in words])
    mended_by = _covering(marks, repairs)
    rules = {r["repair_no"]: r["rule"] for r in page.repairs}
    pairs = zip(marks, marks[1:], owners, mended_by, strict=False)
    return Markup("").join(_raw_piece(text[a:b], word, repair, rules) for a, b, word, repair in pairs)


def _covering(marks: Sequence[int], ranges: Iterable[tuple[int, int, int]]) -> list[int | None]:
    """For each piece between two marks the number of the range that holds it; of several the one begun last."""
    at = {mark: n for n, mark in enumerate(marks)}
    found: list[int | None] = [None] * len(marks)
    for start, end, number in ranges:
        for n in range(at.get(start, 0), at.get(end, 0)):
            found[n] = number
    return found


def _raw_piece(text: str, word: int | None, repair: int | None, rules: Mapping[int, str]) -> Markup:
    piece = visible(text)
    if word is not None:
        piece = Markup('<i class="w" data-w="{}">{}</i>').format(word, piece)
    if repair is not None:
        piece = Markup('<span class="rep rep-{}" data-r="{}">{}</span>').format(rules[repair], repair, piece)
    return piece
