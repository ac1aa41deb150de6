"""Read what stands before the text of a line: signs of quoted mail, comment signs, Markdown.

The signs go, each on record; where the depth of a quotation changes a block begins, and headings, rows of a table and
lines of code stand for themselves.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile

from stages.reflow.characters import Mapped, strip_text
from stages.reflow.code import are_code
from stages.reflow.lines import Line, drop_lines
from stages.reflow.records import Repair

# What the signs begin with; most texts have none of them.
SIGNS = frozenset("#>;/%|`~-=*")
QUOTE = re.compile(r"(?:> ?)+")
COMMENT = re.compile(r"(#+|//+|;+|%+|\||--)(?: |$)")
# A comment of several lines, as C has them: its first line, its last, and the sign before each line between.
BLOCK_COMMENT = re.compile(r"/\*+(?: |$)|\*+/$|\*(?: |$)")
# So many lines in a row are quoted mail; of all lines, at least so many and this share are comments.
QUOTED_RUN, COMMENTS, COMMENTED = 2, 4, 0.9
HEADING = re.compile(r"#{1,6} +(?=\S)")
FENCE = re.compile(r"(?:```|~~~)[\w+-]*")
UNDERLINE = re.compile(r"={3,}|-{3,}")
# A rule is so much longer or shorter than its heading at most.
LONGER_RULE = 2
TABLE_ROW = re.compile(r"\|.*\|")
# Fields of a mail's head; two of them make one.
MAIL_FIELD = re.compile(
    "(?:From|Von|To|An|Cc|Kopie|Bcc|Date|Datum|Sent|Gesendet|Subject|Betreff|Reply-To|Message-ID|In-Reply-To): +\\S"
)
# Their names with the colon are so long at most.
LONGEST_FIELD = 14
# Inside a text so many, the mail that it answers, with the rule above them.
FEWEST_FIELDS, FEWEST_INSIDE = 2, 3
FORWARDED = re.compile("-{2,}(?: ?[^\\W\\d_][^-]{5,40}-{2,})?")
# What parts a mail from its signature, which has so many lines at most, each so long at most.
SIGNATURE, LONGEST_SIGNATURE, LONGEST_SIGNED = "--", 10, 110
FRONT_MARK = "---"
FRONT_FIELD = re.compile(r"[\w-]+:(?: |$)|[- ] ?\S")
LONGEST_FRONT = 40


def read_marks(raw: str, lines: list[Line]) -> tuple[list[Line], list[Repair]]:
    """The lines without such signs, and a repair for each sign; a text that has none comes back as it is."""
    lines = _signature(_mail_head(lines))
    if not any(line.text[0] in SIGNS for line in lines):
        return lines, []
    lines, repairs = _unquoted(raw, lines)
    for read in (_uncommented, _unmarked):
        lines, made = read(raw, lines)
        repairs = repairs + made
    return lines, repairs


def stands_alone(lines: Sequence[Line]) -> list[bool]:
    """For each line, whether a block begins there by the signs around it: a line of its own, or another depth."""
    pairs = pairwise(lines)
    return [True] * bool(lines) + [a.alone or b.alone or a.level != b.level for a, b in pairs]


def _mail_head(lines: list[Line]) -> list[Line]:
    """Each field of a mail's head stands alone, and of the heads of those that it answers; what goes on is set in."""
    fields = [at for at, line in enumerate(lines) if ": " in line.text[:LONGEST_FIELD] and MAIL_FIELD.match(line.text)]
    if len(fields) < FEWEST_FIELDS:
        return lines
    # In those that the text begins with each stands at its own place among them.
    opening = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], enumerate(fields[:LONGEST_FRONT])))
    alone = set(range(opening)) if opening >= FEWEST_FIELDS else set()
    for start, end in find_mail_heads(fields):
        alone.update(range(start, end))
        if start and FORWARDED.fullmatch(lines[start - 1].text):
            alone.add(start - 1)
    return [line._replace(alone=True) if at in alone else line for at, line in enumerate(lines)]


def find_mail_heads(fields: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of so many fields of a mail's head that they are one wherever they stand."""
    starts = [at for place, at in enumerate(fields) if not place or fields[place - 1] < at - 1]
    ends = [at + 1 for place, at in enumerate(fields, start=1) if place == len(fields) or fields[place] > at + 1]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= FEWEST_INSIDE]


def _signature(lines: list[Line]) -> list[Line]:
    """Each line below the sign that parts a mail from its signature stands alone, to the end of the text."""
    last = lines[-1 - LONGEST_SIGNATURE :]
    at = next((len(lines) - len(last) + at for at, line in enumerate(last) if line.text == SIGNATURE), len(lines))
    if any(len(line.text) > LONGEST_SIGNED or line.breaks > 1 for line in lines[at + 1 :]):
        return lines
    return lines[:at] + [line._replace(alone=True) for line in lines[at:]]


def _unquoted(raw: str, lines: list[Line]) -> tuple[list[Line], list[Repair]]:
    signs = [QUOTE.match(line.text) for line in lines]
    starts = [at for at, sign in enumerate(signs) if sign]
    alone = {at for at in starts if not (at and signs[at - 1]) and not (at + 1 < len(lines) and signs[at + 1])}
    if len(starts) - len(alone) < QUOTED_RUN:
        return lines, []
    return _without(raw, lines, lambda at: 0 if at in alone or not (sign := signs[at]) else sign.end(), ">")


def _uncommented(raw: str, lines: list[Line]) -> tuple[list[Line], list[Repair]]:
    block = bool(lines) and lines[0].text.startswith("/*") and lines[-1].text.endswith("*/")
    signs = [(BLOCK_COMMENT if block else COMMENT).match(line.text) for line in lines]
    found = [sign[1] if sign.lastindex else "*" for sign in signs if sign]
    if len(found) < COMMENTS or len(found) < COMMENTED * len(lines) or len(set(found)) > 1:
        return lines, []
    return _without(raw, lines, lambda at: sign.end() if (sign := signs[at]) else 0, "")


def _without(raw: str, lines: list[Line], length: Callable[[int], int], depth: str) -> tuple[list[Line], list[Repair]]:
    """The lines without so many characters at their start; ``depth`` is the sign that counts the level."""
    repairs: list[Repair] = []
    empty: set[int] = set()
    bare: list[Line] = []
    for at, line in enumerate(lines):
        size = length(at)
        sign = line.text[:size]
        cut = _cut(line, size)
        if size:
            end = cut.raw_start if cut.text else line.raw_end
            repairs.append(Repair("line_sign", line.raw_start, end, raw[line.raw_start : end], ""))
        if not cut.text:
            empty.add(at)
        bare.append(cut._replace(level=sign.count(depth) if depth else 0))
    return drop_lines(bare, empty), repairs


def _cut(line: Line, size: int) -> Line:
    """The line without its first characters and the white space behind them."""
    if not size:
        return line
    size += len(line.text) - size - len(line.text[size:].lstrip())
    if line.mapped is None:
        return line._replace(text=line.text[size:], raw_start=line.raw_start + size)
    mapped = strip_text(Mapped(line.text[size:], line.mapped.offsets[size:]))
    start = next((offset for offset in mapped.offsets if offset >= 0), line.raw_end)
    return line._replace(text=mapped.text, raw_start=start, mapped=mapped)


def _unmarked(raw: str, lines: list[Line]) -> tuple[list[Line], list[Repair]]:
    """Markdown: the signs of headings go, fences and front matter too; what they mark stands alone."""
    fences = [at for at, line in enumerate(lines) if FENCE.fullmatch(line.text)]
    headings = {at for at, line in enumerate(lines) if HEADING.match(line.text)}
    front = _front_matter(lines)
    if not (len(fences) > 1 or front or _are_headings(lines, headings)):
        return _ununderlined(raw, lines)
    code = {at for start, end in zip(fences[::2], fences[1::2], strict=False) for at in range(start, end)}
    underlined = {at for at in range(front + 1, len(lines)) if _is_underline(lines[at]) and at not in code}
    dropped = {*range(front), *fences[: len(fences) // 2 * 2], *underlined}
    signs = {at: match.end() for at in headings - code - dropped if (match := HEADING.match(lines[at].text))}
    marked = [_cut(line, signs.get(at, 0)) for at, line in enumerate(lines)]
    alone = code | signs.keys() | {at - 1 for at in underlined}
    alone |= {at for at, line in enumerate(lines) if TABLE_ROW.fullmatch(line.text)}
    spans = [(lines[at].raw_start, marked[at].raw_start if at in signs else lines[at].raw_end)
             for at in sorted(dropped | signs.keys())]  # fmt: skip
    marked = [line._replace(alone=at in alone) for at, line in enumerate(marked)]
    return drop_lines(marked, dropped), [Repair("line_sign", start, end, raw[start:end], "") for start, end in spans]


def _ununderlined(raw: str, lines: list[Line]) -> tuple[list[Line], list[Repair]]:
    """Headings that stand alone over a rule of their own length stand for themselves, and the rules go."""
    rules = [at for at in range(1, len(lines)) if _is_ruled(lines, at)]
    if not rules:
        return lines, []
    marked = [line._replace(alone=at + 1 in rules) for at, line in enumerate(lines)]
    spans = [(lines[at].raw_start, lines[at].raw_end) for at in rules]
    return drop_lines(marked, set(rules)), [Repair("line_sign", *span, raw[slice(*span)], "") for span in spans]


def _is_ruled(lines: Sequence[Line], at: int) -> bool:
    """Whether a line is the rule under a heading: the heading is alone above it, and about as long."""
    apart = (at == 1 or lines[at - 1].breaks > 1) and at + 1 < len(lines) and lines[at + 1].breaks > 1
    return apart and _is_underline(lines[at]) and abs(len(lines[at].text) - len(lines[at - 1].text)) <= LONGER_RULE


def _is_underline(line: Line) -> bool:
    return line.breaks == 1 and UNDERLINE.fullmatch(line.text) is not None


def _are_headings(lines: Sequence[Line], headings: set[int]) -> bool:
    """Whether lines with signs of headings are some: the first line, or an empty line on either side.

    Without empty lines, the first line is one of the first level and others are deeper; comments have one sign.
    """
    if 2 * len(headings) >= len(lines):
        return False
    apart = any(
        (at == 0 or lines[at].breaks > 1) and (at + 1 == len(lines) or lines[at + 1].breaks > 1) for at in headings
    )
    texts = [line.text for line in lines]
    return apart or (0 in headings and texts[0].startswith("# ") and any(
        texts[at].startswith("##") and not are_code(texts[at + 1 : at + 3]) for at in headings
    ))  # fmt: skip


def _front_matter(lines: Sequence[Line]) -> int:
    """How many lines the front matter has: fields between two lines of hyphens at the very start."""
    if not lines or lines[0].text != FRONT_MARK or lines[0].indent:
        return 0
    for at, line in enumerate(lines[1:LONGEST_FRONT], start=1):
        if line.text == FRONT_MARK:
            return at + 1 if at > 1 else 0
        if not FRONT_FIELD.match(line.text):
            return 0
    return 0
