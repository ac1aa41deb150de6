"""Model the pages of a text: the heads and feet that come again from page to page, as runs of lines at the page's edge.

A line at the edge is furniture for what other pages show at the same edge: the same line but for a page number that
counts with the pages, or a near-identical one. A line whose numbers change in another way (a dated entry, a numbered
heading) is text, and so is everything that comes once.
"""

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from stages.reflow.lines import Line

LOOKUP = Path(__file__).parents[1] / "lookups" / "reflow" / "kinds.json"
DIGITS = re.compile(r"\d+")
# As bytes: digits as noughts, several of these, and what characters of scripts with digits of their own begin with.
ZEROS, NOUGHTS = bytes.maketrans(b"123456789", b"000000000"), re.compile(b"00+")
OTHER_SCRIPTS = b"\xd9\xdb\xdf\xe0\xe1\xea\xef\xf0"
# A number that stands for itself at either end of a line.
OUTER_NUMBER = re.compile("^[-\u2013\u2014|\\[(]? ?\\d{1,5}(?: |$)|(?:^| )\\d{1,5} ?[-\u2013\u2014|\\])]?$")
# The number of a page before the head's words, and behind them.
LEFT_NUMBER, RIGHT_NUMBER = re.compile(r"0 [^\W\d_]"), re.compile(r"[^\W\d_]\S* 0$")
PAGE_NUMBER = re.compile("[-\u2013\u2014|\\[(]? ?\\d{1,4} ?[-\u2013\u2014|\\])]?")
YEAR = re.compile(r"1[4-9]\d\d|20\d\d")
LETTER = re.compile(r"[^\W\d_]")
# Greetings, openings and running text end so; heads and feet do not.
TEXT_END = re.compile("[!,;:?][\"'\u2018-\u201f\u00bb\u00ab\u203a\u2039)\\]]*$")
# Heads and feet have at most so many lines, each at most so long.
DEEPEST, LONGEST = 5, 160
# Their letters stand among the first so many characters.
LETTERS_WITHIN = 60
# Two readings of one line share this many of their letter pairs.
NEAR = 0.8
# In texts of more pages than these a line has to come on two other pages at least.
FEW_PAGES = 4
# Without form feeds, running lines stand at least so far apart.
NEAREST_PAGE = 12
# Page numbers that count with the pages, on so many pages at least and on this share of them.
FEWEST_COUNTED, COUNTED = 3, 0.5
# A line that stands so often inside pages is text: items of a list, questions of a form.
INNER, LONGEST_INNER = 2, 80
# A note at the foot of a page: a number and running text.
NOTE = re.compile("\\d{1,3} .{30}")


# So many lines of the same text on either side are compared.
REACH = 12
# Running text has lines at least so long.
RUNNING = 45
# So many lines of a head may stand outside the one that other pages show too.
MOST_OUTSIDE = 2


class Edge(NamedTuple):
    """A line at the edge of a page: its index, page, depth from the edge, and its text with all numbers made 0."""

    at: int
    page: int
    depth: int
    key: str
    numbers: tuple[int, ...]


def without_numbers(texts: Iterable[str]) -> list[str]:
    """Each text with all its numbers made 0; all at once and byte by byte, at a fraction of what each would cost."""
    joined = "\n".join(texts).encode("utf-8", "surrogatepass").translate(ZEROS)
    zeroed = NOUGHTS.sub(b"0", joined).decode("utf-8", "surrogatepass")
    if len(joined.translate(None, OTHER_SCRIPTS)) < len(joined):
        zeroed = DIGITS.sub("0", zeroed)
    return zeroed.split("\n") if zeroed else []


def running_lines(lines: Sequence[Line], keys: Sequence[str]) -> set[int]:
    """Indexes of the lines that are heads and feet by what other pages show; empty where pages cannot be told.

    ``keys`` are the lines `without_numbers`, in small letters.
    """
    pages = _cut(lines)
    if len(pages) < 2:
        return _counted_lines(lines, keys)
    tops = [_zone(lines, page, range(start, end)) for page, start, end in pages]
    feet = [_zone(lines, page, range(end - 1, start - 1, -1)) for page, start, end in pages]
    found: set[int] = set()
    counted = [_counters(zones) for zones in (tops, feet)]
    inner = _inner_lines(lines, tops + feet)
    wanted = 1 if len(pages) <= FEW_PAGES else 2
    wanted = wanted if any(counted) or _numbered(tops + feet) else max(wanted, 2)
    for zones, own in zip((tops, feet), counted, strict=True):
        shown = own | _repeated(zones, wanted, inner)
        for number, zone in enumerate(zones):
            run = _run(lines, zone, shown)
            if zones is not tops or number or not _is_title(lines, run, found, zones, shown):
                found.update(run)
    found -= {at for _, start, end in pages for at in _crowded(lines, start, end, found)}
    return found | _lone_numbers(lines, pages)


def _crowded(lines: Sequence[Line], start: int, end: int, found: set[int]) -> list[int]:
    """Of a page that would lose all its lines, those behind the first gap from either edge."""
    own = [at for at in range(start, end) if at in found]
    if len(own) < end - start or len(own) < DEEPEST:
        return []
    gaps = [at for at in own[1:] if lines[at].breaks > 1]
    return [at for at in own if gaps[0] <= at < gaps[-1]] if gaps else own


def _lone_numbers(lines: Sequence[Line], pages: Sequence[tuple[int, int, int]]) -> set[int]:
    """Page numbers that stand alone beside a form feed, and one that counts with them at an end of the text."""
    edges = [(page, at) for page, start, end in pages for at in (start, end - 1)]
    numbers = [(int(DIGITS.findall(lines[at].text)[0]) - page, at) for page, at in edges if _is_lone(lines[at].text)]
    inner = {(distance, at) for distance, at in numbers if 0 < at < len(lines) - 1}
    distances = {distance for distance, _ in inner}
    return {at for _, at in inner} | {at for distance, at in numbers if distance in distances}


def _is_lone(text: str) -> bool:
    return PAGE_NUMBER.fullmatch(text) is not None and not YEAR.search(text)


def _cut(lines: Sequence[Line]) -> list[tuple[int, int, int]]:
    """The pages that form feeds make: number, first line, end."""
    starts = [(0, 0)]
    page = 0
    for at, line in enumerate(lines):
        if line.form_feeds and at:
            page += line.form_feeds
            starts.append((page, at))
    ends = [*(at for _, at in starts[1:]), len(lines)]
    return [(page, at, end) for (page, at), end in zip(starts, ends, strict=True)]


def _zone(lines: Sequence[Line], page: int, order: range) -> list[Edge]:
    """The lines nearest to one edge of a page, the outermost first; at most half of the page."""
    size = min(DEEPEST, (len(order) + 1) // 2)
    return [_edge(lines[at].text, at, page, depth) for depth, at in enumerate(order[:size])]


def _edge(text: str, at: int, page: int, depth: int) -> Edge:
    numbers = DIGITS.findall(text)
    low = text.lower() if len(text) <= LONGEST else ""
    key = DIGITS.sub("0", low) if numbers else low
    return Edge(at, page, depth, key, tuple(int(number[:9]) for number in numbers))


def _inner_lines(lines: Sequence[Line], zones: list[list[Edge]]) -> Counter[str]:
    """How often each line stands inside pages, in letters without its numbers."""
    edges = {edge.at for zone in zones for edge in zone}
    inner = [line.text for at, line in enumerate(lines) if len(line.text) <= LONGEST_INNER and at not in edges]
    return Counter(without_numbers(text.lower() for text in inner))


def _repeated(zones: list[list[Edge]], wanted: int, inner: Counter[str]) -> set[int]:
    """The lines of these zones that so many other pages show too, but for those that come again inside pages."""
    by_key: dict[str, list[Edge]] = {}
    for zone in zones:
        for edge in zone:
            by_key.setdefault(edge.key, []).append(edge)
    shown = set()
    for number, zone in enumerate(zones):
        near = [edge for other in zones[max(number - 2, 0) : number + 3] for edge in other]
        # Only pages near by are compared: a long text of one repeated line must not cost its square.
        shown |= {
            edge.at for edge in zone
            if inner[edge.key] < INNER and _comes_again(edge, _around(by_key[edge.key], edge), near, wanted)
        }  # fmt: skip
    return shown


def _numbered(zones: list[list[Edge]]) -> bool:
    """Whether two pages have lines alike but for a number that counts the pages between them."""
    by_key: dict[str, list[Edge]] = {}
    for zone in zones:
        for edge in zone[:3]:
            if edge.numbers:
                by_key.setdefault(edge.key, []).append(edge)
    return any(
        a.page < b.page and _count_on(a, b) and a.numbers != b.numbers
        for edges in by_key.values()
        for a, b in pairwise(edges)
    )  # fmt: skip


def _around(edges: list[Edge], edge: Edge) -> list[Edge]:
    place = bisect_left(edges, edge.at, key=_index)
    return edges[max(place - REACH, 0) : place + REACH + 1]


def _index(edge: Edge) -> int:
    return edge.at


def _comes_again(edge: Edge, same: list[Edge], near: list[Edge], wanted: int) -> bool:
    if not edge.key or TEXT_END.search(edge.key[-6:]) or not _has_letters(edge.key):
        return False
    heading = len(edge.numbers) == 1 and _numbered_heading().fullmatch(edge.key) is not None
    pages = {other.page for other in same if other.page != edge.page and abs(other.depth - edge.depth) < 2
             and (other.numbers == edge.numbers if heading else _count_on(edge, other))}  # fmt: skip
    if len(pages) >= wanted:
        return True
    if heading or NOTE.match(edge.key) or _is_running(edge.key):
        return False
    pages |= {other.page for other in near if other.page != edge.page and abs(other.depth - edge.depth) < 2
              and _count_on(edge, other) and _alike(edge.key, other.key) > NEAR}  # fmt: skip
    return len(pages) >= wanted


def _has_letters(key: str) -> bool:
    """Whether there are three letters at least."""
    return sum(map(str.isalpha, key[:LETTERS_WITHIN])) > 2


def _count_on(edge: Edge, other: Edge) -> bool:
    """Whether each number is the same on both pages, or counts the pages between them."""
    apart = other.page - edge.page
    pairs = zip(edge.numbers, other.numbers, strict=False)
    return len(edge.numbers) == len(other.numbers) and all(b - a in (0, apart) for a, b in pairs)


def _counters(zones: list[list[Edge]]) -> set[int]:
    """Lines whose first or last number counts the pages: the same distance to the page on most of them."""
    found: list[tuple[int, int]] = []
    for zone in zones:
        for edge in zone:
            counts = edge.numbers and OUTER_NUMBER.search(edge.key) and not _numbered_heading().fullmatch(edge.key)
            outer = {edge.numbers[0], edge.numbers[-1]} if counts else set()
            found += [(number - edge.page, edge.at) for number in outer if edge.depth < 3]
    if not found:
        return set()
    offset, times = Counter(distance for distance, _ in set(found)).most_common(1)[0]
    if times < FEWEST_COUNTED or times < COUNTED * len(zones):
        return _mirrored(zones)
    return {at for distance, at in found if distance == offset}


@cache
def _numbered_heading() -> re.Pattern[str]:
    """A heading that is nothing but a word and its number, each on a page of its own."""
    words = json.loads(LOOKUP.read_text(encoding="utf-8"))["numbered_headings"]
    return re.compile(rf"(?:{'|'.join(re.escape(word.lower()) for word in words)}) 0\.?|0\. ?[^\W\d_]+")


def _mirrored(zones: list[list[Edge]]) -> set[int]:
    """Outermost lines of two pages in a row, the page's number at the left of one and at the right of the other."""
    found: set[int] = set()
    for edge, other in pairwise(zone[0] for zone in zones):
        left, right = sorted((edge, other), key=_ends_in_number)
        if not (edge.numbers and other.numbers) or _ends_in_number(left) or not _ends_in_number(right):
            continue
        counted = left.numbers[0] - left.page == right.numbers[-1] - right.page
        counted = counted and not _numbered_heading().fullmatch(right.key)
        if counted and LEFT_NUMBER.match(left.key) and max(len(left.key), len(right.key)) < RUNNING:
            found |= {edge.at, other.at}
    return found


def _ends_in_number(edge: Edge) -> bool:
    return RIGHT_NUMBER.search(edge.key) is not None


def _run(lines: Sequence[Line], zone: list[Edge], shown: set[int]) -> list[int]:
    """The lines from the edge inwards, as far as each is shown; a bare number goes with what stands beside it.

    Full lines behind a gap are text, and so is a full line that the text follows without one.
    """
    run: list[int] = []
    numbers: list[int] = []
    top = len(zone) > 1 and zone[1].at > zone[0].at
    outer = _outside(lines, zone, shown, top)
    for edge in zone:
        if run and _is_running(lines[edge.at].text) and lines[edge.at + (not top)].breaks > 1:
            break
        if edge.at in shown or edge.at in outer:
            run += [*numbers, edge.at]
            numbers = []
        elif PAGE_NUMBER.fullmatch(lines[edge.at].text) and not numbers:
            numbers.append(edge.at)
        else:
            break
    run = run + numbers if run else run
    while run and _is_joined(lines, run[-1], top):
        run.pop()
    return run


def _outside(lines: Sequence[Line], zone: list[Edge], shown: set[int], top: bool) -> set[int]:
    """The short lines between the edge and a shown line that a gap parts from the page: a head goes as a whole."""
    depth = next((edge.depth for edge in zone[: MOST_OUTSIDE + 1] if edge.at in shown), 0)
    if not depth or not OUTER_NUMBER.search(zone[depth].key):
        return set()
    inner = zone[depth].at + 1 if top else zone[depth].at
    between = [lines[edge.at if top else edge.at + 1].breaks for edge in zone[int(top) : depth + int(top)]]
    short = all(len(edge.key) < RUNNING and not TEXT_END.search(edge.key) for edge in zone[:depth])
    apart = inner < len(lines) and lines[inner].breaks > 1
    return {edge.at for edge in zone[:depth]} if short and apart and set(between) <= {1} else set()


def _is_joined(lines: Sequence[Line], at: int, top: bool) -> bool:
    """Whether a line is full of words and runs on into the page without a gap: then it is text, however alike."""
    inner = at + 1 if top else at
    return _is_running(lines[at].text) and 0 < inner < len(lines) and lines[inner].breaks == 1


def _is_running(text: str) -> bool:
    """Whether a line is as long as those of running text, and has no number at either end."""
    return len(text) >= RUNNING and not OUTER_NUMBER.search(text)


def _is_title(lines: Sequence[Line], run: list[int], found: set[int], zones: list[list[Edge]], shown: set[int]) -> bool:
    """Whether the first page opens with the title that later pages repeat as their head.

    There it stands without what stands beside it on the other pages, or alone and otherwise set: another gap below it,
    another indent.
    """
    if not run:
        return False
    others = [other for zone in zones[1:] if (other := _run(lines, zone, shown))]
    usual = Counter(len(other) for other in others).most_common(1)
    if usual and usual[0][0] > len(run):
        return True
    texts = {line.text for at, line in enumerate(lines) if at not in found and at not in run}
    if DIGITS.search(lines[run[0]].text) or any(lines[at].text in texts for at in run):
        return False
    settings = {_setting(lines, other) for other in others}
    return bool(settings) and _setting(lines, run) not in settings


def _setting(lines: Sequence[Line], run: list[int]) -> tuple[int, int]:
    """The indent of a head, and the gap below it."""
    after = run[-1] + 1
    return lines[run[0]].indent, lines[after].breaks if after < len(lines) else 0


def _counted_lines(lines: Sequence[Line], keys: Sequence[str]) -> set[int]:
    """Without form feeds: lines that come again far apart, with a number that goes up by one or two each time."""
    if len(lines) <= (FEWEST_COUNTED - 1) * NEAREST_PAGE:
        return set()
    often = {key for key, times in Counter(keys).items() if times >= FEWEST_COUNTED and "0" in key}
    if not often:
        return set()
    same: dict[str, list[Edge]] = {}
    for at, (line, key) in enumerate(zip(lines, keys, strict=True)):
        if key in often and len(line.text) <= LONGEST:
            edge = _edge(line.text, at, 0, 0)
            same.setdefault(edge.key, []).append(edge)
    found: set[int] = set()
    for edges in same.values():
        if (
            len(edges) >= FEWEST_COUNTED
            and _has_letters(edges[0].key)
            and all(_next_page(a, b) for a, b in pairwise(edges))
        ):
            found.update(edge.at for edge in edges)
    return found | _beside(lines, found) if found else found


def _next_page(edge: Edge, other: Edge) -> bool:
    steps = [b - a for a, b in zip(edge.numbers, other.numbers, strict=True)]
    return other.at - edge.at >= NEAREST_PAGE and sorted(set(steps) | {0}) in ([0, 1], [0, 2])


def _beside(lines: Sequence[Line], found: set[int]) -> set[int]:
    """Lines that stand beside running lines each time they come, and come as often as pages do."""
    near = [{at + step for step in range(-DEEPEST, DEEPEST + 1) if 0 <= at + step < len(lines)} for at in sorted(found)]
    reach = set().union(*near)
    times: Counter[str] = Counter(line.text for line in lines)
    inside = Counter(lines[at].text for at in reach)
    return {
        at for at in reach
        if times[lines[at].text] == inside[lines[at].text] >= FEWEST_COUNTED
        and LETTER.search(lines[at].text) and not TEXT_END.search(lines[at].text[-6:])
    }  # fmt: skip


def _alike(key: str, other: str) -> float:
    if 2 * min(len(key), len(other)) < NEAR * (len(key) + len(other)):
        return 0.0
    pairs, others = _letter_pairs(key), _letter_pairs(other)
    return 2 * len(pairs & others) / max(len(pairs) + len(others), 1)


@lru_cache(maxsize=1024)
def _letter_pairs(key: str) -> frozenset[tuple[str, str]]:
    return frozenset(pairwise(key))
