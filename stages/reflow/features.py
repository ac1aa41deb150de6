"""What the network sees of each line: its width against the column, the gap before it, how it ends and begins.

Widths are taken in glyph units of several typefaces, so that justified text set in a proportional face has a right edge
here too. Everything is computed for all lines at once.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stages.lookups.code_points import Ints, join_codes
from stages.reflow.lines import Line

Floats = npt.NDArray[np.float32]
Widths = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

# Classes of a character at a line's edge.
LOWER, UPPER, DIGIT, STOP, COLON, COMMA, HYPHEN, DASH, OPENER, CLOSER, QUOTE, OTHER, BULLET, NONE = range(14)
CLASSES = 14
CLASS_LIMIT = 0x3000
# Typefaces: fixed width first, then the proportional ones of the width table.
SPACE, NEWLINE = 32, 10
# Codes below this stand for shapes of words that have no code of their own.
FIRST_WORD = 12
# A full line keeps within this share of the widest full line: justified type is stretched by that much.
BAND = 0.88
# A page of fewer lines has no margin of its own; a wider indent than this is centred or set right.
FULL_PAGE, WIDEST_INDENT, WIDEST_PAGE = 8, 12, 400
# What a column of indent stands for in a proportional face, in units of the type size.
COLUMN = 0.45
# Longer lines count as this long; keys of documents are so far apart; widths and values are compared in such steps.
WIDEST_LINE, APART, EXACT = 2.0**19, 2.0**20, 2.0**16
FINE, REACH = 4096, 1 << 18
# A line is short when the next word had fitted in with this share of the column to spare.
SHORT = 0.05
# Where `_room` says so, in fixed width and in the best face.
LAST_FITS = [7, 23]
# There too: how full a line is, and how many columns on whether the next word fits.
FILLED, FITS = [0, 16], 3
# Lines so far around show how wide the column is here; rarer than this is not chance.
AROUND, RARE = 7, 0.05
# A number or letter that counts, at the start of a line; a short word with a full stop at its end; a speaker's name.
MARK = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z]|[IVX]{1,5})(?:\.\)|[.)]) ")
LONGEST_MARK = 8
# So many words have their codes remembered.
REMEMBERED = 1 << 15
# A sign of a list item: hyphen-minus, asterisk, bullet, en dash.
ITEM_MARKS = (0x2D, 0x2A, 0x2022, 0x2013)
ABBREVIATED = re.compile(r"(?:^|[ .])(?:[^\W\d_]{1,3}|\d{1,3})\.$")
LONGEST_NAME = 24
# A letter-spaced word at the start of a line.
SPACED = re.compile(r"(?:[^\W\d_] ){3,}[^\W\d_](?= |$)")
WORD_EDGES = "\"'\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a()[].,;:!?\u2026-\u2013\u2014"


class Sheet(NamedTuple):
    """The lines of one document as the network reads them: numbers, and the codes of last and first words."""

    numbers: Floats
    last_words: Ints
    first_words: Ints


class _Parts(NamedTuple):
    """Where documents begin among the lines of all of them, how many lines each has, and the document of each line."""

    starts: Ints
    sizes: Ints
    of: Ints

    def before(self, values: npt.NDArray[Any], first: object = 0) -> npt.NDArray[Any]:
        """The value of the line before; ``first`` at the start of a document."""
        moved = np.empty_like(values)
        moved[1:] = values[:-1]
        moved[self.starts] = first
        return moved

    def after(self, values: npt.NDArray[Any], last: object = 0) -> npt.NDArray[Any]:
        """The value of the line behind; ``last`` at the end of a document."""
        moved = np.empty_like(values)
        moved[:-1] = values[1:]
        moved[self.starts + self.sizes - 1] = last
        return moved

    def totals(self, masks: Sequence[Mask]) -> npt.NDArray[np.float64]:
        """How many lines of each document are in each mask: one row a mask."""
        return np.add.reduceat(np.array(masks, np.float64), self.starts, axis=1)


def measure_lines(documents: Sequence[Sequence[Line]], widths: Widths, code_of: Callable[[str], int]) -> Sheet:
    """Features of each line of some documents, one after the other; what stands beside a line is of its own document.

    ``widths`` are glyph widths by typeface and code point, ``code_of`` gives the codes of words (`word_coder`).
    """
    lines = [line for document in documents for line in document]
    sizes = np.fromiter(map(len, documents), np.int64, len(documents))
    parts = _Parts(np.cumsum(sizes) - sizes, sizes, np.repeat(np.arange(len(documents)), sizes))
    texts = [line.text for line in lines]
    body, starts = join_codes(texts)
    ends = np.append(starts[1:], len(body)) - 1
    codes = np.minimum(body, CLASS_LIMIT - 1).astype(np.int64)
    breaks = np.fromiter((line.breaks for line in lines), np.int64, len(lines))
    feeds = np.fromiter((line.form_feeds for line in lines), np.int64, len(lines))
    indents = np.fromiter((line.indent for line in lines), np.float32, len(lines))
    kinds = TABLE[codes]
    edge = _edges(kinds, starts, ends)
    inset = indents - page_margins(indents, feeds, parts.starts)
    room = _room(codes, starts, _first_words(codes, starts, texts), ends, widths, inset, parts)
    numbers = np.concatenate(
        [ONE_HOT[edge].reshape(len(lines), -1), room, _gaps(breaks, feeds, indents, parts),
         _insets(inset, breaks, parts), _cues(edge, breaks, inset, room, parts),
         _content(codes, kinds, starts, ends), _stacked(codes, starts, texts),
         _surprises(edge, breaks, inset, room, parts), _labels(codes, starts, ends, texts, parts)],
        axis=1, dtype=np.float32,
    )  # fmt: skip
    last = [text[-40:].rpartition(" ")[2] for text in texts]
    first = [text[:40].partition(" ")[0] for text in texts]
    codes_of = [np.fromiter(map(code_of, ends), np.int64, len(texts)) for ends in (last, first)]
    return Sheet(numbers, *codes_of)


def _class_table() -> Kinds:
    table = np.full(CLASS_LIMIT, OTHER, np.uint8)
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
ENDS = np.isin(np.arange(CLASSES), (STOP, CLOSER, QUOTE))
OPENS = np.isin(np.arange(CLASSES), (UPPER, DIGIT, OPENER, QUOTE))
ONE_HOT = np.eye(CLASSES, dtype=np.float32)


def _edges(kinds: Kinds, starts: Ints, ends: Ints) -> Kinds:
    """Classes of the last and last but one, of the first and second character."""
    padded = np.append(kinds, np.uint8(NONE))
    second = np.where(ends - starts > 1, padded[ends - 2], NONE)
    return np.stack((padded[ends - 1], second, padded[starts], padded[starts + 1]), axis=1)


def page_margins(indents: Floats, feeds: Ints, starts: Ints) -> Floats:
    """For each line the left margin of its page: the commonest indent there, or in the text for pages of few lines.

    ``starts`` are the first lines of the documents.
    """
    begins = feeds > 0
    begins[starts] = True
    pages = np.flatnonzero(begins)
    sizes = np.diff(pages, append=len(indents))
    common = _commonest(indents, starts)
    of = np.searchsorted(starts, pages, "right") - 1
    margins = np.where(sizes >= FULL_PAGE, _commonest(indents, pages), common[of])
    return np.repeat(margins, sizes).astype(np.float32)


def _commonest(values: Floats, starts: Ints) -> Floats:
    """The commonest value of each part, the smallest of several."""
    sizes = np.diff(starts, append=len(values))
    width = WIDEST_PAGE + 1
    keys = np.minimum(values, WIDEST_PAGE).astype(np.int64) + np.repeat(np.arange(len(starts)), sizes) * width
    counts = np.bincount(keys, minlength=len(starts) * width)
    return np.asarray(counts.reshape(-1, width).argmax(1), np.float32)


def _first_words(codes: Ints, starts: Ints, texts: list[str]) -> Ints:
    """Where the first word of each line ends; a letter-spaced one counts as a whole."""
    spaces = np.flatnonzero((codes == SPACE) | (codes == NEWLINE))
    found = spaces[np.searchsorted(spaces, starts)]
    for at in np.flatnonzero(found == starts + 1):
        if match := SPACED.match(texts[at]):
            found[at] = starts[at] + match.end()
    return np.asarray(found)


def _room(
    codes: Ints, starts: Ints, first_end: Ints, ends: Ints, widths: Widths, inset: Floats, parts: _Parts
) -> Floats:
    """How far each line fills its column, and whether the next line's first word had fitted; two typefaces.

    A small indent counts as filled.
    """
    # Sums up to the end of each line's first word and from there to the line's end; the break behind it has no width of
    # its own to tell. The widths have few binary digits, so that these sums are exact in any order.
    cuts = np.stack((starts, first_end, ends), axis=1).ravel()
    sums = np.add.reduceat(widths.take(codes, axis=1, mode="clip"), cuts, axis=1)
    words, rest = sums[:, ::3], np.where(first_end < ends, sums[:, 1::3], 0)
    filled = np.minimum(words + rest, WIDEST_LINE)
    units = np.where(np.arange(len(widths)) == 0, 1.0, COLUMN)
    filled = filled + np.where(inset <= WIDEST_INDENT, np.maximum(inset, 0), 0) * units[:, None]
    filled = np.floor(filled * EXACT) / EXACT
    columns, spreads = _columns(filled, parts)
    best = 1 + np.argmin(spreads[1:], axis=0)
    lines, documents = np.arange(len(starts)), np.arange(len(parts.starts))
    fixed = _fullness(filled[0], parts.after(words[0]) + widths[0, SPACE], columns[0], spreads[0], parts)
    face = best[parts.of]
    word = parts.after(words[face, lines]) + widths[face, SPACE]
    proportional = _fullness(filled[face, lines], word, columns[best, documents], spreads[best, documents], parts)
    return np.concatenate(
        [fixed, (filled[0] / 80)[:, None], (columns[0] / 80)[parts.of, None], proportional], axis=1, dtype=np.float32
    )


def _columns(filled: npt.NDArray[np.float64], parts: _Parts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each typeface and document the column's width, as the right edge of the band that holds the most lines.

    Then the spread of the widths inside the band, as a share of the column.
    """
    found = [_column(row, parts) for row in filled]
    return np.stack([columns for columns, _ in found]), np.stack([spreads for _, spreads in found])


def _column(widths: npt.NDArray[np.float64], parts: _Parts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    # One sorted run a document, kept apart by keys; in exact steps, so that no other document counts.
    apart = parts.of * APART
    ordered = np.sort(apart + widths) - apart
    lower = np.floor(ordered * (BAND * EXACT)) / EXACT
    inside = np.arange(1, len(ordered) + 1) - np.searchsorted(apart + ordered, apart + lower)
    # A wider column wins a near tie: lines cut short crowd a little below it.
    widest = ordered[parts.starts + parts.sizes - 1]
    votes = inside + 1e-3 * ordered / np.maximum(widest, 1e-6)[parts.of]
    best = np.flatnonzero(votes == np.maximum.reduceat(votes, parts.starts)[parts.of])
    tops = best[np.searchsorted(parts.of[best], np.arange(len(parts.starts)))]
    columns, sizes = np.maximum(ordered[tops], 1e-6), inside[tops]
    bounds = np.stack((tops + 1 - sizes, tops + 1), axis=1).ravel()
    means = np.add.reduceat(np.append(ordered, 0.0), bounds)[::2] / sizes
    away = ordered - means[parts.of]
    spreads = np.sqrt(np.add.reduceat(np.append(away * away, 0.0), bounds)[::2] / sizes)
    return columns, np.where(sizes > 2, spreads / columns, 0.5)


def _fullness(
    width: npt.NDArray[np.float64],
    word: npt.NDArray[np.float64],
    columns: npt.NDArray[np.float64],
    spreads: npt.NDArray[np.float64],
    parts: _Parts,
) -> Floats:
    """Filled share, room left to the next multiple of the column (for glued lines), whether the next word fits."""
    column = columns[parts.of]
    filled = width / column
    multiple = np.maximum(np.ceil(filled - 0.03), 1)
    room = multiple - filled
    fits = room - word / column
    last_room, last_fits = parts.before(room), parts.before(fits)
    share = parts.totals([np.abs(fits - 0.04) < 0.12])[0] / parts.sizes
    columns_of = [
        np.minimum(filled, 3), multiple > 1, room, np.clip(fits, -0.3, 0.7), fits > 0, fits > 0.04, fits > 0.12,
        np.clip(last_fits, -0.3, 0.7), last_fits > 0, last_fits > 0.04, last_fits > 0.12, last_room,
        (spreads * 10)[parts.of], share[parts.of],
    ]  # fmt: skip
    return np.array(columns_of, np.float32).T


def _gaps(breaks: Ints, feeds: Ints, indents: Floats, parts: _Parts) -> Floats:
    """The gap before each line and after it, and its indent against the lines around it and the most common one."""
    common = _commonest(indents, parts.starts)
    own = common[parts.of]
    before, after = parts.before(indents, common), parts.after(indents, common)
    blank = breaks > 1
    blank[parts.starts] = False
    blanks, deeper, wide = parts.totals([blank, indents > own, breaks > 2])
    place = np.arange(len(breaks)) - parts.starts[parts.of]
    of_documents = np.array([
        blanks / np.maximum(parts.sizes - 1, 1), deeper / parts.sizes, wide / parts.sizes, np.log1p(parts.sizes) / 5,
        np.minimum(np.add.reduceat(feeds, parts.starts), 5) / 5,
    ])  # fmt: skip
    own_rows = [
        breaks > 1, breaks > 2, breaks > 3, feeds > 0, np.minimum(breaks, 6) / 3,
        np.clip(indents, 0, 40) / 10, np.clip(indents - own, -10, 20) / 5, np.clip(indents - before, -10, 10) / 5,
        np.clip(indents - after, -10, 10) / 5, indents > own, indents > before, indents > after,
        *of_documents[:, parts.of], place < 1, place < 3,
    ]  # fmt: skip
    return np.array(own_rows, np.float32).T


def _insets(inset: Floats, breaks: Ints, parts: _Parts) -> Floats:
    """Each line's place against the left margin of its page, and against the lines before and after it."""
    before, after = parts.before(inset), parts.after(inset)
    shares = parts.totals([inset > 0, inset < 0]) / parts.sizes
    rows = [
        np.clip(inset, -10, 20) / 5, inset > 0, inset < 0, inset > WIDEST_INDENT, (inset > 0) & (before <= 0),
        (inset > 0) & (after <= 0), (inset <= 0) & (before > 0), (inset == before) & (breaks == 1),
        (inset == after), *shares[:, parts.of],
    ]  # fmt: skip
    return np.array(rows, np.float32).T


def _cues(edge: Kinds, breaks: Ints, inset: Floats, room: Floats, parts: _Parts) -> Floats:
    """What parts paragraphs in this text: how well each signal goes together with sentences that end and begin.

    The signals: an empty line, an indent, an outdent, a short line before. For each its share of the lines, the share
    of ends of sentences where it stands, and its share where sentences end; then the same where none stands.
    """
    last, second, first = edge[:, 0], edge[:, 1], edge[:, 2]
    stopped = (last == STOP) | (((last == QUOTE) | (last == CLOSER)) & (second == STOP))
    opened = OPENS[first]
    closed = parts.before(stopped, False) & opened
    before = parts.before(inset)
    blank, indented = breaks > 1, (inset > 0) & (before <= 0) & (inset <= WIDEST_INDENT)
    outdented, short = (inset <= 0) & (before > 0), np.min(room[:, LAST_FITS], axis=1) > SHORT
    signals = [blank, indented, outdented, short, ~(blank | indented | short)]
    totals = parts.totals([
        closed, *signals, *[signal & closed for signal in signals],
        short & blank, short & indented, indented & blank, short & ~blank & ~indented & closed,
    ])  # fmt: skip
    sentences, shown, both = totals[0], totals[1:6], totals[6:11]
    values = [row for signal, own in zip(shown, both, strict=True)
              for row in (signal / parts.sizes, own / (signal + 1), own / (sentences + 1))]  # fmt: skip
    bare = parts.totals([short & ~blank & ~indented])[0]
    values += [
        totals[11] / (shown[0] + 1), totals[12] / (shown[1] + 1), totals[13] / (shown[0] + 1),
        totals[13] / (shown[1] + 1), totals[14] / (bare + 1), sentences / parts.sizes,
    ]  # fmt: skip
    own_rows = [closed, stopped, blank & closed, indented & closed, short & closed, short & opened]
    return np.array([*np.array(values)[:, parts.of], *own_rows], np.float32).T


def _surprises(edge: Kinds, breaks: Ints, inset: Floats, room: Floats, parts: _Parts) -> Floats:
    """How rare each line's signals are among lines that surely go on: room left before it, indent, gap.

    A line that begins small behind one that closes no sentence goes on. How unevenly this text fills such lines says
    what a short line means here: nothing in a typescript, a paragraph's end in justified type.
    """
    last, first = edge[:, 0], edge[:, 2]
    goes_on = (first == LOWER) & parts.before((last < STOP) | (last == COMMA) | (last == HYPHEN), False)
    stopped = parts.before(ENDS[last], False) & OPENS[first]
    sure, sentences = parts.totals([goes_on, stopped])
    local = _local_fits(room, parts)
    values = np.array([*room[:, LAST_FITS].T, *local, inset - parts.before(inset), breaks])
    rare = [_rare(row, goes_on, sure, parts) for row in values]
    telling = parts.totals([stopped & (row < RARE) for row in rare]) / (1 + sentences)
    rows = [part for row, share in zip(rare, telling, strict=True) for part in (row, -np.log(row) / 3, share[parts.of])]
    rows += [*np.clip(local, -0.3, 0.7), goes_on, (np.log1p(sure) / 5)[parts.of]]
    return np.array(rows, np.float32).T


def _rare(
    values: npt.NDArray[np.float64], known: Mask, counts: npt.NDArray[np.float64], parts: _Parts
) -> npt.NDArray[np.float64]:
    """The share of the known lines of a document whose value is as high as this line's; this line counts as one."""
    keys = np.clip(np.rint(values * FINE), -REACH, REACH).astype(np.int64) + parts.of * (4 * REACH)
    ordered = np.sort(keys[known])
    ends = np.cumsum(counts).astype(np.int64)[parts.of]
    return np.asarray((1 + ends - np.searchsorted(ordered, keys)) / (1 + counts[parts.of]))


def _local_fits(room: Floats, parts: _Parts) -> npt.NDArray[np.float64]:
    """The room before each line's first word against the widest lines around, in two typefaces."""
    around_of = np.arange(len(room))[:, None] + np.arange(-AROUND, AROUND + 1)
    begins = parts.starts[parts.of, None]
    own = (around_of >= begins) & (around_of < begins + parts.sizes[parts.of, None])
    lines = np.where(own, around_of, 0)
    found = []
    for at in FILLED:
        filled = room[:, at]
        around = np.where(own, filled[lines], 0)
        widest = np.partition(around, -2, axis=1)[:, -2]
        found.append(parts.before(np.minimum(widest, 1.0) - filled + room[:, at + FITS] - room[:, at + 2]))
    return np.array(found)


def _content(codes: Ints, kinds: Kinds, starts: Ints, ends: Ints) -> Floats:
    """Shares of capitals, digits and words with a capital; how many words; ends of sentences inside."""
    upper, lower, space = kinds == UPPER, kinds == LOWER, codes == SPACE
    opens, stops = upper.copy(), space.copy()
    opens[1:] &= ~(upper | lower)[:-1]
    stops[1:] &= (kinds == STOP)[:-1]
    stops[:1] = False
    often = [np.add.reduceat(mask, starts, dtype=np.int64) for mask in (space, opens, upper, kinds == DIGIT, lower)]
    seldom = [stops, (codes == 0x201E) | (codes == 0xAB), (codes == 0x201C) | (codes == 0x201D) | (codes == 0xBB)]
    words, capitals, *kinds_of = often
    stops, opened, closed = (_counts(np.flatnonzero(mask), starts, len(codes)) for mask in seldom)
    length = np.maximum(ends - starts, 1)
    rows = [
        *[count / length for count in kinds_of], capitals / (words + 1), np.minimum(words + 1, 20) / 10,
        np.minimum(stops, 3), np.minimum(length, 200) / 100, words < 3, np.clip(opened - closed, -2, 2),
    ]  # fmt: skip
    return np.array(rows, np.float32).T


def _counts(places: Ints, starts: Ints, end: int) -> Ints:
    """How many of these places are in each line."""
    return np.diff(np.searchsorted(places, np.append(starts, end)))


def _stacked(codes: Ints, starts: Ints, texts: list[str]) -> Floats:
    """Whether a line looks like a list item, and whether its first word is hyphenated or a number."""
    item = np.isin(codes[starts], ITEM_MARKS) & (codes[starts + 1] == SPACE)
    counted = [text[0].isdigit() and text[:4].find(".") > 0 for text in texts]
    rows = [item, counted, [" " not in text for text in texts], list(map(str.isupper, texts))]
    return np.array(rows, np.float32).T


def _labels(codes: Ints, starts: Ints, ends: Ints, texts: list[str], parts: _Parts) -> Floats:
    """Whether a line begins with a counting mark, ends in an abbreviation, and begins with a name that speaks again."""
    colon, stop = codes == ord(":"), codes == ord(".")
    marks = np.flatnonzero((stop | (codes == ord(")")))[:-1] & (codes[1:] == SPACE))
    rows = np.zeros((4, len(texts)), np.float32)
    for at in np.flatnonzero(_stand_within(marks, starts, starts + LONGEST_MARK)).tolist():
        rows[0, at] = MARK.match(texts[at]) is not None
    for at in np.flatnonzero(stop[ends - 1]).tolist():
        rows[1, at] = ABBREVIATED.search(texts[at][-5:]) is not None
    named = np.flatnonzero(_stand_within(np.flatnonzero(colon), starts + 1, starts + LONGEST_NAME))
    names = [texts[at][: texts[at].find(":", 1, LONGEST_NAME) + 1] for at in named.tolist()]
    speeches = list(zip(parts.of[named].tolist(), names, strict=True))
    times = Counter(speeches)
    rows[2, named] = [name != "" for name in names]
    rows[3, named] = [name != "" and times[of, name] > 1 for of, name in speeches]
    return rows.T


def _stand_within(places: Ints, starts: Ints, ends: Ints) -> Mask:
    """Whether any of the places is in each of these ranges."""
    return np.asarray(np.searchsorted(places, starts) < np.searchsorted(places, ends))


def word_coder(words: dict[str, int]) -> Callable[[str], int]:
    """What gives the code of a word; rare words fall into classes by their shape. Those met last are remembered."""
    return lru_cache(REMEMBERED)(partial(_code, words=words))


def _code(word: str, words: dict[str, int]) -> int:
    code = words.get(word)
    if code is not None:
        return code
    bare = word.strip(WORD_EDGES)
    code = words.get(bare) if bare is not word else None
    if code is not None:
        return code
    if not bare:
        return 0
    if bare[0].islower():
        return 6 + min(len(bare), 15) // 4
    if bare[0].isdigit():
        return 1
    if bare.isupper():
        return 2 if len(bare) > 1 else 3
    if bare[0].isupper():
        return 4 if len(bare) < 8 else 5
    return 6 + min(len(bare), 15) // 4
