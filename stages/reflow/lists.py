"""List items, table rows and verse inside wrapped text: layout that says by itself where a block begins."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise

from stages.lookups.signs import ENDS, closed_by
from stages.reflow.bylines import LOOKUP
from stages.reflow.code import are_code
from stages.reflow.hyphens import ends_in_hyphen
from stages.reflow.lines import Line
from stages.reflow.ordinals import begins_with_date, goes_on
from stages.reflow.verse import flows_as_verse, is_verse

# A mark and what follows: bullets (bullet, triangular and square ones, black and white circle, hyphen bullet),
# asterisk, hyphen-minus, en and em dash.
ITEM = re.compile("([\u2022\u2023\u25aa\u25cf\u25e6\u2043*\u2013\u2014-])[ \u00a0]+(\\S)")
DASHES = "-\u2013\u2014"
MARKS = frozenset("\u2022\u2023\u25aa\u25cf\u25e6\u2043*" + DASHES)
NUMBERED = re.compile(r"\(?(\d{1,2}|[a-z])([.)]) +\S")
# A word or sign and the number that it counts: "TOP 1", "Schritt 2:", "\u00a7 3". So many count on at least.
COUNTED = re.compile(r"([A-Z\u00c0-\u00de][^\W\d_]{1,14}\.?|\u00a7) (\d{1,2})(?=[.:)]? +\S)")
FEWEST_COUNTED = 3
CLOSED = closed_by(ENDS + ":;,")
# Items of one list stand at most so many lines apart.
REACH = 8
COLUMN_GAP = re.compile(r"\S {3,}(?=\S)")
FEWEST_ROWS = 3
# A postal code and its place; the greeting of a letter, alone on its line. An address has so few lines, each so short
# as a share of the column.
PLACE = re.compile(r"(?:[A-Z]{1,2}-)?\d{4,5} [A-Z\u00c4\u00d6\u00dc][^\W\d]+(?: [^\W\d]+)*")
GREETING = re.compile(
    "(?:Sehr (?:geehrt|verehrt)e[rs]?|Hochverehrte[rs]?|Liebe[rs]?|Hallo|Guten (?:Tag|Morgen|Abend)|Dear|Hello|"
    "Bonjour|Ch\u00e8re?s?|Cher|Geachte|Beste)"
    " [^.:;]{2,60}[,!]"
)
LONGEST_ADDRESS, SHORT_LINE = 7, 0.7
# Hanging groups have so many lines; those that go on are so full, as a share of the widest.
FEWEST_HANGING, FULL = 4, 0.85
# A text of verse alone has so many lines at least; other verse is at most so wide, as a share of the column.
FEWEST_LINES = 8
NARROW = 0.75
# So much narrower still, it is verse however even its lines are.
VERY_NARROW = 0.7
# Dots or a rule that lead to the number at the end of the line: a table of contents, a list of prices.
LEADER = re.compile(
    r"(?:\.{4,}|(?: \.){3,}|\u2026(?: ?\u2026)+|_{4,}) ?(?:[\u20ac$\u00a3] ?)?"
    r"(?:\d[\d.,\u2013-]{0,11}|[ivxlcIVXLC]{1,7})(?: ?[^\W\d_]{1,4}\.?| ?[\u20ac$\u00a3%])?$"
)
# What such lines hold at least, and how many there are; the dots are looked for so near to the end of a line.
LEADERS, FEWEST_LED, LED_WITHIN = ("....", ". . .", "\u2026\u2026", "\u2026 \u2026", "____"), 2, 40
# An address of mail, alone on its line.
MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def mark_lists(lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin at every item of a list, and let none begin at a line that is indented under its item.

    One mark alone is no list: a dash may stand at the start of any line. So an item counts only with another one of
    the same mark and indent near it, and after a line that is closed or followed by a capital or a digit.
    """
    items = [at for at, line in enumerate(lines) if line.text[0] in MARKS and _may_be_item(lines, at, line)]
    listed = {at for pair in pairwise(items) if _belong_together(lines, *pair) for at in pair}
    marks = {at: match for at, line in enumerate(lines) if (match := NUMBERED.match(line.text))}
    listed |= _numbered(lines, marks) | _dated(lines, marks) | _counted(lines)
    if not listed:
        return list(begins)
    marked = list(begins)
    inside: Line | None = None
    for at, line in enumerate(lines):
        if at in listed:
            marked[at], inside = True, line
        elif inside is not None and line.breaks == 1 and line.indent > inside.indent:
            marked[at] = False
        else:
            inside = None
    return marked


def _may_be_item(lines: Sequence[Line], at: int, line: Line) -> bool:
    match = ITEM.match(line.text)
    if match is None:
        return False
    opens = at == 0 or line.breaks > 1 or CLOSED.search(lines[at - 1].text[-8:]) is not None
    return opens or match[1] not in DASHES or not match[2].islower()


def _numbered(lines: Sequence[Line], marks: Mapping[int, re.Match[str]]) -> set[int]:
    """Lines that count on from 1 or a, one after the other."""
    found: set[int] = set()
    run: list[int] = []
    for at, match in marks.items():
        if at and lines[at].breaks == 1 and goes_on(lines[at - 1].text, lines[at].text):
            continue
        value = int(match[1]) if match[1].isdigit() else ord(match[1]) - ord("a") + 1
        run = [*run, at] if value == len(run) + 1 and (not run or at - run[-1] <= REACH) else [at] if value == 1 else []
        if len(run) > 1:
            found.update(run)
    return found


def _counted(lines: Sequence[Line]) -> set[int]:
    """Lines that begin with the same word and a number that counts on from 1."""
    found: set[int] = set()
    run: list[int] = []
    word = ""
    for at, line in enumerate(lines):
        match = COUNTED.match(line.text)
        if match is None:
            continue
        if run and match[1] == word and int(match[2]) == len(run) + 1 and at - run[-1] <= REACH:
            run.append(at)
        else:
            run, word = [at] * (match[2] == "1"), match[1]
        if len(run) >= FEWEST_COUNTED:
            found.update(run)
    return found


def _dated(lines: Sequence[Line], marks: Iterable[int]) -> set[int]:
    """Lines of a calendar: so many in a row begin with a day and its month."""
    dated = {at for at in marks if begins_with_date(lines[at].text)}
    runs = [range(at, at + FEWEST_ROWS) for at in dated]
    return {at for run in runs if dated.issuperset(run) for at in run}


def _belong_together(lines: Sequence[Line], first: int, second: int) -> bool:
    a, b = lines[first], lines[second]
    return a.text[0] == b.text[0] and a.indent == b.indent and second - first <= REACH


def mark_letters(lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin at every line of a postal address between empty lines, and before and after a greeting.

    So do addresses of mail that stand alone behind a short line, closing words that do, and the name below these.
    """
    texts = [line.text for line in lines]
    widths = sorted(map(len, texts))
    short = SHORT_LINE * widths[len(widths) * 9 // 10] if widths else 0
    marked = [*begins, True]
    for start, end in _groups(lines):
        if 1 < end - start <= LONGEST_ADDRESS and _is_address(texts[start:end], short):
            marked[start : end + 1] = [True] * (end + 1 - start)
        if len(texts[start]) <= short and GREETING.fullmatch(texts[start]):
            marked[start] = marked[start + 1] = True
    for at in [at for at, text in enumerate(texts) if "@" in text and MAIL.fullmatch(text)]:
        if at and lines[at].breaks <= 1 and len(texts[at - 1]) <= short:
            marked[at] = marked[at + 1] = True
    for at in [at for at, text in enumerate(texts) if len(text) <= short and is_closing(text)]:
        marked[at] = marked[at + 1] = True
    return marked[:-1]


def is_closing(text: str) -> bool:
    """Whether a text is the closing words of a letter and nothing else.

    >>> is_closing("Viele Gr\u00fc\u00dfe,"), is_closing("Viele Gr\u00fc\u00dfe an Anna")
    (True, False)
    """
    return (text[:-1] if text[-1] in ",.!" else text) in _closings()


@cache
def _closings() -> frozenset[str]:
    return frozenset(json.loads(LOOKUP.read_text(encoding="utf-8"))["closings"])


def _groups(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """The first and the end of the lines of each group between empty lines."""
    starts = [at for at, line in enumerate(lines) if line.breaks > 1 or not at]
    return list(zip(starts, [*starts[1:], len(lines)], strict=True))


def _is_address(texts: list[str], short: float) -> bool:
    return len(texts[0]) <= short and max(map(len, texts)) <= short and any(map(PLACE.fullmatch, texts[1:]))


def mark_outdents(lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin at each line of a hanging group that is not set in, and none at its other lines.

    A group between empty lines hangs when two indents are all it has, every line set in follows a full one, and every
    line that two flush ones make a block of its own is short: where indents open paragraphs it is the other way round.
    """
    starts = [at for at, line in enumerate(lines) if at == 0 or line.breaks > 1 or line.form_feeds]
    marked = list(begins)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        if _hangs(lines[start:end]):
            marked[start:end] = [line.indent == lines[start].indent for line in lines[start:end]]
    return marked


def _hangs(group: Sequence[Line]) -> bool:
    margin = group[0].indent
    if len(group) < FEWEST_HANGING or len({line.indent for line in group}) != 2:
        return False
    flush = [line.indent == margin for line in group]
    if any(line.indent < margin for line in group) or sum(flush) < 2 or any(map(_has_mark, group)):
        return False
    ends = [line.indent + len(line.text) for line in group]
    full = [end >= FULL * max(ends) for end in ends]
    pairs = zip(full, flush, flush[1:], strict=False)
    return all(not filled if a and b else filled or b for filled, a, b in pairs)


def _has_mark(line: Line) -> bool:
    return ITEM.match(line.text) is not None or NUMBERED.match(line.text) is not None


def mark_verse(lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin at every line of verse or code and after it.

    Verse is a group of lines between empty lines whose lines all rhyme, or one set in together and much narrower than
    the column, of which half end though the next line's first word had fitted. So is one that is narrow without being
    set in, or a text of such stanzas alone, when sentences run on over its lines. Code is a group all of whose lines
    are.
    """
    texts = [line.text for line in lines]
    widths = sorted(map(len, texts))
    narrow = NARROW * widths[len(widths) * 9 // 10] if widths else 0
    margin = min((line.indent for line in lines), default=0)
    marked, groups = list(begins), _groups(lines)
    if len(groups) > 1 and len(lines) >= FEWEST_LINES and flows_as_verse(texts):
        return [True] * len(lines)
    for start, end in groups:
        group, own = lines[start:end], texts[start:end]
        if len(group) < 2:
            continue
        inset = group[0].indent > margin and all(line.indent == group[0].indent for line in group)
        ragged = inset and len(group) >= FEWEST_ROWS and _is_ragged(group, narrow)
        if ragged or is_verse(own) or are_code(own) or (max(map(len, own)) <= narrow and flows_as_verse(own)):
            marked[start : end + 1] = [True] * len(marked[start : end + 1])
    return marked


def _is_ragged(group: Sequence[Line], narrow: float) -> bool:
    widest = max(len(line.text) for line in group)
    fits = [len(a.text) + 1 + len(b.text.partition(" ")[0]) <= widest for a, b in pairwise(group)]
    ragged = 2 * sum(fits) >= len(fits) or widest <= narrow * VERY_NARROW
    return widest <= narrow and ragged and not any(ends_in_hyphen(line.text) for line in group)


def mark_tables(raw: str, lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin at every row of a table and after it: lines in a row that wide gaps cut into three cells."""
    # Lines whose characters stand as they are have no gaps.
    rows = [line.mapped is not None and _is_row(raw, line) for line in lines]
    marked = list(begins)
    start = 0
    for at in range(1, len(lines) + 1):
        if at < len(lines) and rows[at] and rows[at - 1] and lines[at].breaks == 1:
            continue
        if rows[start] and at - start >= FEWEST_ROWS and not _breaks_words(lines[start : at + 1]):
            marked[start : at + 1] = [True] * len(marked[start : at + 1])
        start = at
    return marked


def mark_leaders(raw: str, lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin behind every line of a table of contents, whose dots lead to a number at its end."""
    if not any(leader in raw for leader in LEADERS):
        return list(begins)
    led = [at for at, line in enumerate(lines) if is_led(line.text)]
    marked = [*begins, True]
    if len(led) >= FEWEST_LED:
        for at in led:
            marked[at + 1] = True
            marked[at] = marked[at] or lines[at].breaks > 1
    return marked[:-1]


def is_led(text: str) -> bool:
    """Whether dots or a rule lead to the number that a text ends in.

    >>> is_led("2.1 Der Fluss ........ 14"), is_led("Er kam ... 14 Tage")
    (True, False)
    """
    tail = text[-LED_WITHIN:]
    return any(leader in tail for leader in LEADERS) and LEADER.search(tail) is not None


def _breaks_words(group: Sequence[Line]) -> bool:
    """Whether a word goes on in the next line: justified prose has wide gaps too."""
    return any(ends_in_hyphen(a.text) and b.text[0].islower() for a, b in pairwise(group))


def _is_row(raw: str, line: Line) -> bool:
    start, end = line.raw_start, line.raw_end
    return raw.find("   ", start, end) >= 0 and len(COLUMN_GAP.findall(raw, start, end)) > 1
