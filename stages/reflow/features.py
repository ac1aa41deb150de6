"""What the network sees of each line: its width against the column, the gap before it, how it ends and begins.

Widths are taken in glyph units of several typefaces, so that justified text set in a proportional face has a right edge
here too. Everything is computed for all lines at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.reflow.lines import Line

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Classes of a character at a line's edge.
LOWER, UPPER, DIGIT, STOP, COLON, COMMA, HYPHEN, DASH, OPENER, CLOSER, QUOTE, OTHER, BULLET, NONE = range(14)
CLASSES = 14
CLASS_LIMIT = 0x3000
# Typefaces: fixed width first, then the proportional ones of the width table.
SPACE = 32
# Codes below this stand for shapes of words that have no code of their own.
FIRST_WORD = 12
# A full line keeps within this share of the widest full line: justified type is stretched by that much.
BAND = 0.88
# A page of fewer lines has no margin of its own; a wider indent than this is centred or set right.
FULL_PAGE, WIDEST_INDENT, WIDEST_PAGE = 8, 12, 400
# What a column of indent stands for in a proportional face, in units of the type size.
COLUMN = 0.45
# A line is short when the next word had fitted in with this share of the column to spare.
SHORT = 0.05
# Where `_room` says so, in fixed width and in the best face.
LAST_FITS = [7, 23]
WORD_EDGES = "\"'\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a()[].,;:!?\u2026-\u2013\u2014"


class Sheet(NamedTuple):
    """The lines of one document as the network reads them: numbers, and the codes of last and first words."""

    numbers: Floats
    last_words: Ints
    first_words: Ints


def measure_lines(lines: Sequence[Line], widths: Floats, words: dict[str, int]) -> Sheet:
    """Features of each line: ``widths`` are glyph widths by typeface and code point, ``words`` the codes of words."""
    texts = [line.text for line in lines]
    body = np.frombuffer("\n".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.concatenate(([0], np.cumsum(lengths + 1)[:-1]))
    ends = starts + lengths
    codes = np.minimum(body, CLASS_LIMIT - 1).astype(np.int64)
    breaks = np.fromiter((line.breaks for line in lines), np.int64, len(lines))
    feeds = np.fromiter((line.form_feeds for line in lines), np.int64, len(lines))
    indents = np.fromiter((line.indent for line in lines), np.float32, len(lines))
    edges = _edges(codes, starts, ends)
    inset = indents - page_margins(indents, feeds)
    room = _room(codes, starts, ends, widths, inset)
    cues = _cues(TABLE[codes], starts, ends, breaks, inset, room)
    numbers = np.concatenate(
        [edges, room, _gaps(breaks, feeds, indents), _insets(inset, breaks), cues, _content(codes, starts, ends),
         _stacked(texts)], axis=1
    )  # fmt: skip
    last, first = _word_codes(texts, words)
    return Sheet(np.ascontiguousarray(numbers, dtype=np.float32), last, first)


def _class_table() -> Ints:
    table = np.full(CLASS_LIMIT, OTHER, np.int64)
    for code in range(CLASS_LIMIT):
        char = chr(code)
        if char.islower() or (char.isalpha() and not char.isupper()):
            table[code] = LOWER
        elif char.isupper():
            table[code] = UPPER
        elif char.isdigit():
            table[code] = DIGIT
    marks = {
        STOP: ".!?\u2026", COLON: ":", COMMA: ",;", HYPHEN: "-\u00ad\u00ac\u2010\u2011\u2e17", DASH: "\u2013\u2014",
        OPENER: "([\u201e\u201a\u00ab\u2039", CLOSER: ")]\u201d\u00bb\u203a",
        QUOTE: "\"'\u201c\u2018\u2019\u201b\u201f",
        BULLET: "\u2022\u2023\u25aa\u25cf\u25e6\u2043*",
    }  # fmt: skip
    for kind, chars in marks.items():
        for char in chars:
            table[ord(char)] = kind
    table[ord("\n")] = table[SPACE] = NONE
    return table


TABLE = _class_table()
OPENS = np.isin(np.arange(CLASSES), (UPPER, DIGIT, OPENER, QUOTE))
ONE_HOT = np.eye(CLASSES, dtype=np.float32)


def _edges(codes: Ints, starts: Ints, ends: Ints) -> Floats:
    """Classes of the last two and first two characters."""
    kinds = TABLE[codes]
    padded = np.append(kinds, NONE)
    second = np.where(ends - starts > 1, padded[ends - 2], NONE)
    return np.concatenate(
        [ONE_HOT[padded[ends - 1]], ONE_HOT[second], ONE_HOT[padded[starts]], ONE_HOT[padded[starts + 1]]], axis=1
    )


def page_margins(indents: Floats, feeds: Ints) -> Floats:
    """For each line the left margin of its page: the commonest indent there, or in the text for pages of few lines."""
    common = _commonest(indents)
    margins = np.full(len(indents), common, np.float32)
    starts = np.flatnonzero(feeds)
    for start, end in zip(starts, [*starts[1:], len(indents)], strict=False):
        if end - start >= FULL_PAGE:
            margins[start:end] = _commonest(indents[start:end])
    if len(starts) and starts[0] >= FULL_PAGE:
        margins[: starts[0]] = _commonest(indents[: starts[0]])
    return margins


def _commonest(values: Floats) -> np.float32:
    return np.float32(np.bincount(np.minimum(values, WIDEST_PAGE).astype(np.int64)).argmax())


def _room(codes: Ints, starts: Ints, ends: Ints, widths: Floats, inset: Floats) -> Floats:
    """How far each line fills its column, and whether the next line's first word had fitted; two typefaces.

    A small indent counts as filled.
    """
    known = np.minimum(codes, widths.shape[1] - 1)
    spaces = np.flatnonzero((codes == SPACE) | (codes == 10))
    following = np.searchsorted(spaces, starts)
    first_end = np.minimum(np.append(spaces, len(codes))[following], ends)
    glyphs = widths.take(known, axis=1)
    # Sums up to each line's end and up to each first word's; a break has no width of its own to tell.
    cuts = np.stack((starts, first_end, ends), axis=1).ravel()
    sums = np.concatenate((np.zeros((len(widths), 1)), np.cumsum(glyphs, axis=1, dtype=np.float64)), axis=1)[:, cuts]
    filled, words = sums[:, 2::3] - sums[:, ::3], sums[:, 1::3] - sums[:, ::3]
    units = np.where(np.arange(len(widths)) == 0, 1.0, COLUMN)
    filled = filled + np.where(inset <= WIDEST_INDENT, np.maximum(inset, 0), 0) * units[:, None]
    columns = _columns(filled)
    best = 1 + int(np.argmin([spread for _, spread in columns[1:]]))
    parts = [(filled[0] / 80)[:, None], np.full((len(starts), 1), columns[0][0] / 80)]
    for face in (0, best):
        word = np.append(words[face, 1:], 0.0) + widths[face, SPACE]
        parts.append(_fullness(filled[face], word, *columns[face]))
    return np.concatenate([parts[2], parts[0], parts[1], parts[3]], axis=1)


def _columns(filled: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """For each typeface the column's width, as the right edge of the band that holds the most lines, and the spread.

    The spread is that of the widths inside the band, as a share of the column.
    """
    ordered = np.sort(filled, axis=1)
    count = ordered.shape[1]
    inside = np.arange(1, count + 1) - np.stack([np.searchsorted(row, row * BAND) for row in ordered])
    # A wider column wins a near tie: lines cut short crowd a little below it.
    tops = np.argmax(inside + 1e-3 * ordered / ordered[:, -1:], axis=1)
    columns = []
    for row, top, size in zip(ordered, tops, inside[np.arange(len(tops)), tops], strict=True):
        column = max(float(row[top]), 1e-6)
        band = row[top + 1 - size : top + 1]
        columns.append((column, float(_spread(band) / column) if size > 2 else 0.5))
    return columns


def _spread(values: npt.NDArray[np.float64]) -> np.float64:
    """The standard deviation, without the checks that cost more than the sum."""
    apart = values - values.sum() / len(values)
    return np.float64(np.sqrt((apart * apart).sum() / len(values)))


def _fullness(width: npt.NDArray[np.float64], word: npt.NDArray[np.float64], column: float, spread: float) -> Floats:
    """Filled share, room left to the next multiple of the column (for glued lines), whether the next word fits."""
    filled = width / column
    columns = np.maximum(np.ceil(filled - 0.03), 1)
    room = columns - filled
    fits = room - word / column
    last_room = np.concatenate(([0.0], room[:-1]))
    last_fits = np.concatenate(([0.0], fits[:-1]))
    share = np.mean(np.abs(fits - 0.04) < 0.12)
    parts = [
        np.minimum(filled, 3), columns > 1, room, np.clip(fits, -0.3, 0.7), fits > 0, fits > 0.04, fits > 0.12,
        np.clip(last_fits, -0.3, 0.7), last_fits > 0, last_fits > 0.04, last_fits > 0.12, last_room,
        np.full(len(width), spread * 10), np.full(len(width), share),
    ]  # fmt: skip
    return np.stack(parts, axis=1).astype(np.float32)


def _gaps(breaks: Ints, feeds: Ints, indents: Floats) -> Floats:
    """The gap before each line and after it, and its indent against the lines around it and the most common one."""
    common = _commonest(indents)
    before = np.concatenate(([common], indents[:-1]))
    after = np.concatenate((indents[1:], [common]))
    blank = (breaks > 1).astype(np.float32)
    blank[0] = 0
    inner = max(len(breaks) - 1, 1)
    parts = [
        breaks > 1, breaks > 2, breaks > 3, feeds > 0, np.minimum(breaks, 6) / 3,
        np.clip(indents, 0, 40) / 10, np.clip(indents - common, -10, 20) / 5, np.clip(indents - before, -10, 10) / 5,
        np.clip(indents - after, -10, 10) / 5, indents > common, indents > before, indents > after,
        np.full(len(breaks), blank.sum() / inner), np.full(len(breaks), np.mean(indents > common)),
        np.full(len(breaks), np.mean(breaks > 2)), np.full(len(breaks), np.log1p(len(breaks)) / 5),
        np.full(len(breaks), np.minimum(feeds.sum(), 5) / 5), np.arange(len(breaks)) < 1, np.arange(len(breaks)) < 3,
    ]  # fmt: skip
    return np.stack(parts, axis=1).astype(np.float32)


def _insets(inset: Floats, breaks: Ints) -> Floats:
    """Each line's place against the left margin of its page, and against the lines before and after it."""
    before = np.concatenate(([0.0], inset[:-1]))
    after = np.concatenate((inset[1:], [0.0]))
    parts = [
        np.clip(inset, -10, 20) / 5, inset > 0, inset < 0, inset > WIDEST_INDENT, (inset > 0) & (before <= 0),
        (inset > 0) & (after <= 0), (inset <= 0) & (before > 0), (inset == before) & (breaks == 1),
        (inset == after), np.full(len(inset), np.mean(inset > 0)), np.full(len(inset), np.mean(inset < 0)),
    ]  # fmt: skip
    return np.stack(parts, axis=1).astype(np.float32)


def _cues(kinds: Ints, starts: Ints, ends: Ints, breaks: Ints, inset: Floats, room: Floats) -> Floats:
    """What parts paragraphs in this text: how well each signal goes together with sentences that end and begin.

    The signals: an empty line, an indent, an outdent, a short line before. For each its share of the lines, the share
    of ends of sentences where it stands, and its share where sentences end; then the same where none stands.
    """
    count = len(starts)
    padded = np.append(kinds, NONE)
    last, second = padded[ends - 1], np.where(ends - starts > 1, padded[ends - 2], NONE)
    stopped = (last == STOP) | (((last == QUOTE) | (last == CLOSER)) & (second == STOP))
    opened = OPENS[padded[starts]]
    closed: Mask = np.concatenate(([False], stopped[:-1])) & opened
    before = np.concatenate(([0.0], inset[:-1]))
    blank, indented = breaks > 1, (inset > 0) & (before <= 0) & (inset <= WIDEST_INDENT)
    outdented, short = (inset <= 0) & (before > 0), np.min(room[:, LAST_FITS], axis=1) > SHORT
    bare: Mask = ~(blank | indented | short)
    values: list[float] = []
    ends_of_sentences = np.count_nonzero(closed)
    for signal in (blank, indented, outdented, short, bare):
        both, total = np.count_nonzero(signal & closed), np.count_nonzero(signal)
        values += [total / count, both / (total + 1), both / (ends_of_sentences + 1)]
    values += [
        _share(short, blank), _share(short, indented), _share(indented, blank), _share(blank, indented),
        _share(closed, short & ~blank & ~indented), ends_of_sentences / count,
    ]  # fmt: skip
    own = np.stack([closed, stopped, blank & closed, indented & closed, short & closed, short & opened], axis=1)
    return np.concatenate([np.tile(np.array(values, np.float32), (count, 1)), own.astype(np.float32)], axis=1)


def _share(part: Mask, whole: Mask) -> float:
    return np.count_nonzero(part & whole) / (np.count_nonzero(whole) + 1)


def _content(codes: Ints, starts: Ints, ends: Ints) -> Floats:
    """Shares of capitals, digits and words with a capital; how many words; ends of sentences inside."""
    kinds = TABLE[codes]
    before = np.concatenate(([NONE], kinds[:-1]))
    length = np.maximum(ends - starts, 1).astype(np.float32)
    words = _counts((codes == SPACE), starts, ends) + 1
    capitals = _counts((kinds == UPPER) & (before != UPPER) & (before != LOWER), starts, ends)
    stops = _counts((before == STOP) & (codes == SPACE), starts, ends)
    opened = _counts((codes == 0x201E) | (codes == 0xAB), starts, ends)
    closed = _counts((codes == 0x201C) | (codes == 0x201D) | (codes == 0xBB), starts, ends)
    parts = [
        _counts(kinds == UPPER, starts, ends) / length, _counts(kinds == DIGIT, starts, ends) / length,
        _counts(kinds == LOWER, starts, ends) / length, capitals / words, np.minimum(words, 20) / 10,
        np.minimum(stops, 3), np.minimum(length, 200) / 100, words < 4, np.clip(opened - closed, -2, 2),
    ]  # fmt: skip
    return np.stack(parts, axis=1).astype(np.float32)


def _counts(mask: npt.NDArray[np.bool_], starts: Ints, ends: Ints) -> Floats:
    total = np.concatenate(([0], np.cumsum(mask)))
    return (total[ends] - total[starts]).astype(np.float32)


def _stacked(texts: list[str]) -> Floats:
    """Whether a line looks like a list item, and whether its first word is hyphenated or a number."""
    marks = [
        (
            text[:2] in ("- ", "* ", "\u2022 ", "\u2013 "),
            text[:1].isdigit() and text[:4].find(".") > 0,
            " " not in text,
            text.isupper(),
        )
        for text in texts
    ]
    return np.array(marks, dtype=np.float32)


def _word_codes(texts: list[str], words: dict[str, int]) -> tuple[Ints, Ints]:
    """Codes of each line's last and first word; rare words fall into classes by their shape."""
    last = [text[-40:].rpartition(" ")[2] for text in texts]
    first = [text[:40].partition(" ")[0] for text in texts]
    codes = {word: words[word] if word in words else _code(word, words) for word in {*last, *first}}
    return np.array([codes[word] for word in last], np.int64), np.array([codes[word] for word in first], np.int64)


def _code(word: str, words: dict[str, int]) -> int:
    code = words.get(word)
    if code is not None:
        return code
    bare = word.strip(WORD_EDGES)
    code = words.get(bare)
    if code is not None:
        return code
    if not bare:
        return 0
    if bare[0].isdigit():
        return 1
    if bare.isupper():
        return 2 if len(bare) > 1 else 3
    if bare[0].isupper():
        return 4 if len(bare) < 8 else 5
    return 6 + min(len(bare), 15) // 4
