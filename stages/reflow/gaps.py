"""Decide at which gaps between lines a new block begins."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile
from typing import Literal

import numpy as np

from stages.lookups.code_points import Ints
from stages.lookups.signs import ENDS, closed_by
from stages.reflow.characters import FIRST_UNSPACED, UNSPACED
from stages.reflow.features import SPACED, WIDEST_INDENT, Floats, Mask, page_margins
from stages.reflow.hyphens import ends_in_hyphen
from stages.reflow.lines import PAGE_GAP, Line
from stages.reflow.network import block_scores
from stages.reflow.ordinals import goes_on
from stages.reflow.words import OPEN_ENDED

Form = Literal["separate", "unwrapped", "wrapped"]

# Closes a sentence: full stop, question and exclamation mark, ellipsis, colon, with quotation marks or brackets
# after it.
# U+3002, U+FF0E, U+FF61 full stops, U+FF01, U+FF1F, and brackets or quotation marks that close behind them.
IDEOGRAPHIC_STOP = re.compile("[\u3002\uff0e\uff61\uff01\uff1f][\u300d\u300f\uff09\u201d\u2019]*$")
# The lowest character that it ends in.
FIRST_CLOSER = "\u2019"
CLOSED_LINES = 0.8
TERMINAL = closed_by(ENDS + ":")
LAST_WORD = re.compile(r"([^\W\d_]+)$")
# A file of which every other line runs longer than this was not wrapped to a column. Single lines do in wrapped text
# too: extractors glue those that a hyphen divided.
WIDEST_COLUMN = 200
# Lines that all stay shorter than this are a list or verse: nobody sets running text that narrow.
NARROWEST_COLUMN = 27
# Source code and markup show themselves by so many of these characters a line.
CODE_CHARACTERS, CODE_SHARE = "={}<>[];_\\", 1.0
# Texts of fewer lines have no layout to read; rules join them.
FEWEST = 7
# A full line of running text has at least so many characters.
SHORTEST_FULL = 40
# Where words are not parted by spaces a full line is up to so many characters short: marks hang together.
LOOSE = 4
# A signal parts a document when it stands at so many beginnings, at this share of them, and hardly elsewhere. Then a
# full line without it begins a block only where the network is as sure as this (log odds).
FEWEST_SHOWN, SHARE, MOSTLY, SURELY = 4, 0.4, 0.8, 3.0
# Where lines end short inside sentences, with so much of the column filled by them and the next word, as sure as this.
LEFT, MORE_SURELY = 0.7, 4.0
# A group is set in by so many columns; so many lines on either side are looked at.
INSET, AROUND = 4, 12
# So close to even the signal decides, and where none parts the document an empty line between sentences.
UNSURE = 1.0
# A full line, as a share of the column.
FULL = 0.75
# A line before an empty one is short where it fills less than this share of the column.
ENDED = 0.6
# One signal stands before so many of the blocks, or the text mixes them.
PARTED = 0.6
# Of double-spaced lines, so many run on: no end of sentence, and the next begins small.
RUNNING = 0.4
FEWEST_SPACED, MANY_SPACED = 4, 8
# Fewer lines than those have to run on one and all, and be no longer than this.
LONGEST_SPACED = 100
# The first word of a line; a letter-spaced one counts as a whole.
WORD = re.compile(rf"{SPACED.pattern}|[^ ]+")


def text_form(lines: Sequence[Line]) -> Form:
    """Whether the text comes in separate lines (an empty line in every gap), unwrapped, or wrapped to a column.

    Separate lines are what reflow itself writes; they are left as they are.
    """
    if len(lines) < 2 or all(line.breaks > 1 and not line.form_feeds for line in lines[1:]):
        return "separate"
    texts = [line.text for line in lines]
    widths = sorted(map(len, texts))
    wide = widths[len(texts) // 2] > WIDEST_COLUMN
    width = widths[len(texts) * 9 // 10] if len(texts) >= FEWEST else NARROWEST_COLUMN
    # Ideographs are twice as wide as letters.
    narrow = width < NARROWEST_COLUMN and not (2 * width >= NARROWEST_COLUMN and _is_unspaced(lines))
    # Wrapped Chinese or Japanese seldom ends a line where a sentence ends; a line for each paragraph nearly always.
    ends = [text for text in texts if text[-1] >= FIRST_CLOSER]
    closed = sum(IDEOGRAPHIC_STOP.search(text) is not None for text in ends) >= CLOSED_LINES * len(texts)
    return "unwrapped" if wide or narrow or closed or _is_code(texts) else "wrapped"


def column_width(texts: Sequence[str]) -> int:
    """The width in characters that nine lines in ten keep within."""
    widths = sorted(map(len, texts))
    return widths[(len(widths) * 9) // 10] if widths else 0


def begins_blocks(documents: Sequence[Sequence[Line]]) -> list[list[bool]]:
    """For each line of each document, whether a block begins with it; all are wrapped to a column.

    The network decides wrapped texts; a few lines are too little for it, and are joined by rules, as are languages
    written without spaces, which it never met.
    """
    ruled = [_by_rules(lines) for lines in documents]
    scored = [lines for lines, begins in zip(documents, ruled, strict=True) if begins is None]
    judged = iter(_judge(scored, block_scores(scored)))
    return [next(judged) if begins is None else begins for begins in ruled]


def _by_rules(lines: Sequence[Line]) -> list[bool] | None:
    """Where blocks begin, or None where the network has to say."""
    unspaced = _is_unspaced(lines)
    if len(lines) >= FEWEST and not unspaced:
        return None
    column = _units_wide(lines) if unspaced else column_width([line.text for line in lines])
    if not unspaced and not _looks_wrapped(lines, column):
        return [True] * len(lines)
    begins = [True] + [_begins(a, b, column, _units if unspaced else len) for a, b in pairwise(lines)]
    return [begin or (unspaced and at > 0 and _is_set_in(lines[at - 1], lines[at])) for at, begin in enumerate(begins)]


def _is_set_in(last: Line, line: Line) -> bool:
    """Whether a line behind an end of a sentence is set in, as paragraphs are without an empty line."""
    return line.indent > last.indent and IDEOGRAPHIC_STOP.search(last.text) is not None


def _units_wide(lines: Sequence[Line]) -> float:
    """The width in ideographs that nine lines in ten keep within."""
    widths = sorted(_units(line.text) for line in lines)
    return widths[(len(widths) * 9) // 10]


def _units(text: str) -> float:
    """How wide a text is in ideographs: Latin letters and digits among them are half as wide."""
    return len(text) - sum(character < FIRST_UNSPACED for character in text) / 2


def _judge(documents: Sequence[Sequence[Line]], scores: Sequence[Floats]) -> list[list[bool]]:
    """Where blocks begin in each document by the network's scores and the signal that parts it, words kept whole."""
    if not documents:
        return []
    begins = _under_signal(documents, np.concatenate(scores))
    ends = np.cumsum([len(lines) for lines in documents]).tolist()
    return [_kept_whole(lines, begins[end - len(lines) : end]) for lines, end in zip(documents, ends, strict=True)]


def _kept_whole(lines: Sequence[Line], begins: Mask) -> list[bool]:
    begins[0] = False
    margin = min(line.indent for line in lines)
    for at in np.flatnonzero(begins).tolist():
        begins[at] = not (_is_cut(lines[at - 1], lines[at]) or _is_inset(lines, at, margin))
    begins[0] = True
    found: list[bool] = begins.tolist()
    return found


def _is_inset(lines: Sequence[Line], at: int, margin: int) -> bool:
    """Whether a line goes on behind a full line of a group that is set in as a whole: a quotation, an abstract."""
    line, last = lines[at], lines[at - 1]
    if line.breaks > 1 or line.indent != last.indent or line.indent < margin + INSET or not last.text[-1].islower():
        return False
    before = takewhile(lambda pair: _is_level(*pair), pairwise(reversed(lines[max(at - AROUND, 0) : at + 1])))
    after = takewhile(lambda pair: _is_level(pair[1], pair[0]), pairwise(lines[at : at + AROUND]))
    others = [len(other.text) for _, other in (*before, *after)]
    widest = max([len(line.text), *others])
    return len(others) > 1 and widest >= SHORTEST_FULL and _overflows(last.text, line.text, widest)


def _is_level(line: Line, last: Line) -> bool:
    """Whether a line stands right below another, as far set in."""
    return line.breaks == 1 and line.indent == last.indent


def _under_signal(documents: Sequence[Sequence[Line]], scores: Floats) -> Mask:
    """Where blocks begin in documents one after the other, by the network's scores and the signal that parts each.

    Empty lines part it, or indents, when most beginnings have them and hardly one stands elsewhere. Then full lines
    without the signal begin a block only if the network is sure, and sentences behind the signal do unless it is sure
    that they do not. In any document they do behind an empty line where the network leaves it open.
    """
    lines = [line for document in documents for line in document]
    sizes = np.fromiter(map(len, documents), np.int64, len(documents))
    starts, of = np.cumsum(sizes) - sizes, np.repeat(np.arange(len(sizes)), sizes)
    blank = np.fromiter((line.breaks > 1 for line in lines), np.bool_, len(lines))
    indented = _indented(lines, starts)
    lengths = np.fromiter((len(line.text) for line in lines), np.int64, len(lines))
    columns = lengths[np.lexsort((lengths, of))][starts + sizes * 9 // 10]
    begins = scores > 0
    begins[starts] = False
    parting = [
        _parts(begins, signal, signals, starts) for signal, signals in ((blank, blank), (indented, indented | blank))
    ]
    by_blank, by_indent = parting[0], parting[1] & ~parting[0]
    signal = (blank & by_blank[of]) | (indented & by_indent[of])
    without = ~blank & ~(indented & by_indent[of]) & (by_blank | by_indent)[of]
    weak = begins & without & (scores < SURELY) & (lengths >= FULL * columns[of])
    weaker = begins & without & (scores < MORE_SURELY) & by_blank[of]
    for number in np.unique(of[weaker]).tolist():
        if _is_ragged(documents[number], columns[number]):
            weak |= weaker & (of == number)
    doubtful = signal & (scores > -SURELY)
    places = np.flatnonzero(doubtful & (scores <= -UNSURE)).tolist()
    doubtful[[at for at in places if not _between_sentences(lines, at)]] = False
    found = np.asarray(begins & ~weak | doubtful)
    before = np.concatenate(([0], lengths[:-1]))
    before[starts] = columns[of[starts]]
    places = np.flatnonzero(blank & ~found & (before < ENDED * columns[of])).tolist()
    found[[at for at in places if _is_ended(lines[at - 1], lines[at])]] = True
    places = np.flatnonzero(blank & ~found & (scores > -UNSURE)).tolist()
    found[[at for at in places if _is_near(lines[at]) and _between_sentences(lines, at)]] = True
    return found


def _is_near(line: Line) -> bool:
    """Whether no page break stands before a line."""
    return not line.form_feeds and line.breaks < PAGE_GAP


def _is_ended(last: Line, line: Line) -> bool:
    """Whether a short line before an empty one is the end of its block: no word, comma or hyphen asks for more."""
    return _is_near(line) and line.text[0].isupper() and not _runs_on(last.text, line.text)


def _indented(lines: Sequence[Line], starts: Ints) -> Mask:
    """Which lines are set in on their page behind one that is not; ``starts`` are the first lines of documents."""
    feeds = np.fromiter((line.form_feeds for line in lines), np.int64, len(lines))
    indents = np.fromiter((line.indent for line in lines), np.float32, len(lines))
    inset = indents - page_margins(indents, feeds, starts)
    before = np.concatenate(([0.0], inset[:-1]))
    before[starts] = 0
    return np.asarray((inset > 0) & (before <= 0) & (inset <= WIDEST_INDENT))


def _parts(begins: Mask, signal: Mask, signals: Mask, starts: Ints) -> Mask:
    """Whether a signal parts each document: it stands where blocks begin and hardly elsewhere, with others or alone."""
    later = signal.copy()
    later[starts] = False
    masks = np.array([begins, begins & signal, later, begins & signals], np.int64)
    total, shown, met, together = np.add.reduceat(masks, starts, axis=1)
    consistent = shown >= np.maximum(np.maximum(FEWEST_SHOWN, MOSTLY * met), SHARE * total)
    return np.asarray(consistent & (together >= PARTED * total))


def _is_ragged(lines: Sequence[Line], column: int) -> bool:
    """Whether lines end short in the middle of sentences here: a short line says nothing then."""
    inside = [(a.text, b.text.partition(" ")[0]) for a, b in pairwise(lines) if _is_inside(a, b)]
    return sum(len(text) + len(word) < LEFT * column for text, word in inside) >= FEWEST_SHOWN


def _is_inside(last: Line, line: Line) -> bool:
    """Whether a line goes on with a small letter behind a word or comma, where nothing parts the two."""
    on = line.breaks == 1 and line.text[0].islower() and line.indent == last.indent
    return on and (last.text[-1].isalpha() or last.text[-1] == ",")


def _between_sentences(lines: Sequence[Line], at: int) -> bool:
    """Whether a line begins with a capital, a digit or a mark, behind a line that closes a sentence."""
    return at > 0 and _terminal(lines[at - 1].text) and not lines[at].text[0].islower()


def parted_by(lines: Sequence[Line], begins: Sequence[bool]) -> str:
    """The signal that stands where blocks begin: `stages.tables.schemas.PARTED_BY`, mixed where none prevails."""
    places = [at for at in range(1, len(lines)) if begins[at]]
    if not places:
        return "none"
    column = column_width([line.text for line in lines])
    counts = Counter(_signal(lines[at - 1], lines[at], column) for at in places)
    signal, times = counts.most_common(1)[0]
    return signal if times >= PARTED * len(places) else "mixed"


def _signal(last: Line, line: Line, column: int) -> str:
    if line.breaks > 1:
        return "empty_line"
    if line.indent != last.indent:
        return "indent" if line.indent > last.indent else "outdent"
    return "none" if _overflows(last.text, line.text, column) else "short_line"


def _is_unspaced(lines: Sequence[Line]) -> bool:
    """Whether most lines begin with a character of a language that is written without spaces."""
    return 2 * sum(line.text[0] >= FIRST_UNSPACED and UNSPACED.match(line.text) is not None for line in lines) > len(
        lines
    )


def _is_cut(last: Line, line: Line) -> bool:
    """Whether a word goes on in the next line, whatever the layout says, or a date or ordinal where no gap parts it.

    So does a name or compound before a capital, where no gap or indent parts it.
    """
    if ends_in_hyphen(last.text):
        named = last.text[-2].isalpha() and line.text[0].isupper() and _is_level(line, last)
        if named or line.text[0].islower():
            return True
    return line.breaks == 1 and line.indent <= last.indent and goes_on(last.text, line.text)


def _looks_wrapped(lines: Sequence[Line], column: float) -> bool:
    """Whether a few lines are wrapped text and not short items, an address, or one line for each paragraph.

    A line runs on into the next, or all but the last are long, full, and not closed.
    """
    pairs = [(a.text, b.text) for a, b in pairwise(lines) if b.breaks == 1]
    if any((_runs_on(a, b) and not b.startswith("http")) or goes_on(a, b) for a, b in pairs):
        return True
    full = [len(a) >= SHORTEST_FULL and _overflows(a, b, column) and not _terminal(a) for a, b in pairs]
    return bool(full) and all(full)


def double_spaced(texts: list[str]) -> bool:
    """Whether these are the lines of one wrapped text with an empty line in every gap: most run on into the next.

    A few lines have to be full as well.
    """
    if len(texts) < 2 or max(map(len, texts)) > WIDEST_COLUMN:
        return False
    if len(texts) < FEWEST_SPACED:
        full = min(map(len, texts[:-1])) >= max(SHORTEST_FULL, FULL * max(map(len, texts)))
        on = all(b[0].islower() and a[-1].isalpha() for a, b in pairwise(texts))
        return full and on and max(map(len, texts)) <= LONGEST_SPACED
    running = sum(b[0].islower() and TERMINAL.search(a[-12:]) is None for a, b in pairwise(texts))
    if len(texts) < MANY_SPACED:
        full = min(map(len, texts[:-1])) >= max(SHORTEST_FULL, FULL * max(map(len, texts)))
        return full and running >= PARTED * (len(texts) - 1)
    return running > RUNNING * len(texts)


def begins_spaced(texts: list[str]) -> list[bool]:
    """For each line of a double-spaced text, whether a block begins with it; read from the texts alone."""
    column = column_width(texts)
    return [True] + [not _runs_on(a, b) and not _overflows(a, b, column) for a, b in pairwise(texts)]


def _is_code(texts: Sequence[str]) -> bool:
    text = "\n".join(texts)
    return sum(text.count(sign) for sign in CODE_CHARACTERS if sign in text) > CODE_SHARE * len(texts)


def _begins(last: Line, line: Line, column: float, length: Callable[[str], float] = len) -> bool:
    if _runs_on(last.text, line.text) or _is_cut(last, line):
        return False
    full = _overflows(last.text, line.text, column, length)
    if line.breaks > 1:
        return _terminal(last.text) or not full or line.breaks < PAGE_GAP
    return not full


def _runs_on(text: str, following: str) -> bool:
    if ends_in_hyphen(text):
        return True
    last = LAST_WORD.search(text[-40:])
    open_ended = text.endswith(",") or (last is not None and last.group(1) in OPEN_ENDED)
    return open_ended or (following[0].islower() and not _terminal(text))


def _terminal(text: str) -> bool:
    return TERMINAL.search(text[-12:]) is not None


def _overflows(text: str, following: str, column: float, length: Callable[[str], float] = len) -> bool:
    word = WORD.match(following)
    first = 0 if UNSPACED.match(following) or word is None else 1 + length(word.group())
    return length(text) + first > column - (0 if first else LOOSE)
