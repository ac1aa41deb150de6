"""Find running headers, footers and page numbers, on page evidence alone."""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from stages.lookups.signs import ENDS, closed_by
from stages.reflow.lines import PAGE_GAP, Line
from stages.reflow.network import furniture_scores
from stages.reflow.page_breaks import paged_feet
from stages.reflow.pages import TEXT_END, running_lines, without_numbers

DIGITS = re.compile(r"\d+")
# A page number: bare, between dashes or bars, or after the word for page, with or without the number of pages. The
# dashes are hyphen-minus, en dash and em dash. After the word, letters count that text recognition reads for digits.
OF = " ?(?:von|of|sur|de|van|/) ?"
PAGE_NUMBER = re.compile(
    "(?:[-\u2013\u2014|] ?)?"
    f"(?:(?:Seite|Page|page|Blatt|S\\.|p\\.|Blz\\.|Pagina) ?[\\dIilO|]{{1,4}}(?:{OF}[\\dIilO|]{{1,4}})?"
    f"|\\d{{1,4}}(?:{OF}\\d{{1,4}})?)"
    "(?: ?[-\u2013\u2014|])?"
)
DATED = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,2}\.\d{1,2}\.\d{2,4}\b|\b\d{1,2}\.? "
    r"(?:Januar|Februar|M\u00e4rz|April|Mai|Juni|Juli|August"
    r"|September|Oktober|November|Dezember|January|February|March|May|June|July|October|December|janvier|f\u00e9vrier|mars"
    r"|avril|mai|juin|juillet|ao\u00fbt|septembre|octobre|novembre|d\u00e9cembre)\b"
)
SENTENCE_END = closed_by(ENDS)
# Between the parts of a header: bar, middle dot, bullet.
SEPARATORS = ("|", "\u00b7", "\u2022")
# Without form feeds pages are told apart by this many line breaks (two empty lines).
# Running lines stand at most this deep in the page.
DEPTH = 3
LONGEST, LONGEST_NUMBER = 120, 24
# A text without form feeds and with fewer lines than a page has no page breaks inside.
FEWEST_LINES = 40
YEAR = re.compile(r"1[4-9]\d\d|20\d\d")
# OCR reads one header differently on each page; two readings this alike count as one.
ALIKE = 0.6


# Log odds above which a line is taken for furniture: losing a line is worse than keeping one.
SURE = 1.0
# Which feature says that a line is like one at the same edge of a neighbouring page.
LIKE = -11


Depth = tuple[int, int, int]
"""The page a line stands on, and how many of its lines are above and below."""


class Candidates(NamedTuple):
    """Lines that may be furniture, and what speaks for it."""

    places: list[int]
    features: list[list[float]]


class _Pages(NamedTuple):
    """Where each page begins and ends, whether form feeds say so, and per line its page and depth from either edge."""

    starts: list[int]
    ends: list[int]
    certain: bool


def find_furniture(lines: Sequence[Line], ends_page: bool) -> set[int]:
    """Indexes of the lines that are running headers, footers or page numbers.

    What pages repeat at their edges comes from the page model. Where it finds nothing a network judges the lines at the
    edges of pages; what it takes for furniture goes only where something beside the look of the line says so too.
    """
    unnumbered = without_numbers(line.text for line in lines)
    certain = any(line.form_feeds for line in lines)
    keys = list(map(str.lower, unnumbered))
    found = running_lines(lines, keys) | (paged_feet(lines) if certain else set())
    if found and certain:
        return found
    short = not certain and len(lines) < FEWEST_LINES
    if short and not any(len(line.text) <= LONGEST_NUMBER and _counts_pages(line.text) for line in lines):
        return found
    shows = _page_shower(lines, unnumbered)

    def may_go(at: int) -> bool:
        closed = at in found or TEXT_END.search(lines[at].text[-6:]) is not None
        return not closed and (certain or shows(at))

    candidates = furniture_candidates(lines, keys, ends_page, may_go)
    if not candidates.places:
        return found
    scores = furniture_scores(candidates.features).tolist()
    sure = [place for place, score in zip(zip(*candidates, strict=True), scores, strict=True) if score > SURE]
    # A line alike but for a number that does not count pages is a numbered heading.
    return found | {
        at for at, features in sure
        if not certain or _is_telling(lines[at].text) or (features[LIKE] > 0 and not DIGITS.search(lines[at].text))
    }  # fmt: skip


def _page_shower(lines: Sequence[Line], unnumbered: Sequence[str]) -> Callable[[int], bool]:
    """What tells whether anything but the look of a line says that it belongs to a page and not to the text.

    Form feeds do. Without them, as here, a long text may hold pages anywhere, a short one only at its ends and at wide
    gaps, and there a page number has to stand: a year as a heading, a short line that comes twice or a title must not
    be lost for what a classifier thinks of their length.
    """
    times, last = Counter(unnumbered), len(lines) - 1

    @cache
    def tells(at: int) -> bool:
        return _is_telling(lines[at].text)

    def around(at: int) -> list[int]:
        return [i for i in (at, 0, 1, at - 1, at + 1, last - 1, last) if 0 <= i <= last]

    def shows(at: int) -> bool:
        if len(lines) >= FEWEST_LINES:
            return times[unnumbered[at]] > 1 or any(map(tells, around(at)))
        wide = lines[at].breaks >= PAGE_GAP or (at < last and lines[at + 1].breaks >= PAGE_GAP)
        if not wide and at not in (0, 1, last - 1, last):
            return _counts_pages(lines[at].text) and _parts_a_sentence(lines, at)
        return any(_counts_pages(lines[i].text) for i in around(at))

    return shows


def _parts_a_sentence(lines: Sequence[Line], at: int) -> bool:
    """Whether a line between empty lines stands inside a sentence."""
    before, line, after = lines[at - 1 : at + 2]
    apart = line.breaks > 1 and after.breaks > 1
    return apart and after.text[0].islower() and SENTENCE_END.search(before.text[-8:]) is None


def _is_telling(text: str) -> bool:
    dated = DIGITS.search(text) is not None and DATED.search(text) is not None
    return dated or _is_page_number(text) or any(s in text for s in SEPARATORS)


def _counts_pages(text: str) -> bool:
    return _is_page_number(text) and YEAR.fullmatch(text) is None


def furniture_candidates(
    lines: Sequence[Line], keys: Sequence[str], ends_page: bool, may_go: Callable[[int], bool] = lambda _: True
) -> Candidates:
    """Short lines at the edges of pages, lines that repeat, and page numbers, each with its evidence.

    Only those that ``may_go``. ``keys`` are the lines `without_numbers`, in small letters; ``ends_page`` says that
    the raw text ends in a form feed. Where pages cannot be told apart the text counts as one.
    """
    pages = _cut_pages(lines)
    keys = [key if len(line.text) <= LONGEST else "" for line, key in zip(lines, keys, strict=True)]
    often = {key for key, times in Counter(keys).items() if times > 1}
    edges = {at for start, end in zip(pages.starts, pages.ends, strict=True) for at in _edge_lines(start, end)}
    places = [
        at
        for at, key in enumerate(keys)
        if key and (at in edges or key in often or (len(key) <= LONGEST_NUMBER and _is_page_number(lines[at].text)))
    ]
    chosen = [at for at in places if may_go(at)]
    if not chosen:
        return Candidates([], [])
    wanted = {keys[at] for at in chosen}
    repeats: dict[str, list[int]] = defaultdict(list)
    for at, key in enumerate(keys):
        if key in wanted:
            repeats[key].append(at)
    depths = _depths(pages, len(lines))
    known = _edge_keys(places, keys, depths)
    frame = (keys[0], keys[-1])
    spread = {key: _spread([depths[at] for at in repeats[key]]) for key in wanted}
    features = [
        _evidence(lines, at, depths[at], len(repeats[keys[at]]), pages, ends_page)
        + _likeness(keys[at], depths[at], known)
        + spread[keys[at]]
        + _surroundings(lines, keys, at, frame, repeats[keys[at]])
        for at in chosen
    ]
    return Candidates(chosen, features)


def _is_page_number(text: str) -> bool:
    return len(text) <= LONGEST_NUMBER and PAGE_NUMBER.fullmatch(text) is not None


def _cut_pages(lines: Sequence[Line]) -> _Pages:
    certain = any(line.form_feeds for line in lines)
    starts = [
        at for at, line in enumerate(lines) if at == 0 or (line.form_feeds if certain else line.breaks >= PAGE_GAP)
    ]
    return _Pages(starts, [*starts[1:], len(lines)], certain)


def _edge_lines(start: int, end: int) -> set[int]:
    """The lines of a page that stand near either of its edges."""
    return {*range(start, min(start + DEPTH, end)), *range(max(end - DEPTH, start), end)}


def _depths(pages: _Pages, count: int) -> list[Depth]:
    """For each line its page, and how many lines of the page stand above and below it."""
    depths = []
    for page, (start, end) in enumerate(zip(pages.starts, pages.ends, strict=False)):
        depths += [(page, at - start, end - 1 - at) for at in range(start, end)]
    return depths[:count]


def _edge_keys(places: list[int], keys: list[str], depths: list[Depth]) -> dict[tuple[int, int], str]:
    """The lines at page edges by page and signed depth (0, 1 from the top; -1, -2 from the bottom)."""
    edges = {}
    for at in places:
        page, above, below = depths[at]
        if above < 2:
            edges[page, above] = keys[at]
        if below < 2:
            edges[page, -1 - below] = keys[at]
    return edges


def _spread(depths: list[Depth]) -> list[float]:
    """How often a line stands inside a page, and on how many pages it stands."""
    inside = sum(min(depth[1:]) >= DEPTH for depth in depths)
    pages = len({page for page, _, _ in depths})
    return [min(inside, 3), pages > 1, min(pages, 4) / 4]


def _likeness(key: str, depth: Depth, edges: dict[tuple[int, int], str]) -> list[float]:
    """How much the line is like those at the same edge of the neighbouring pages."""
    page, above, below = depth
    side = above if above <= below else -1 - below
    best = 0.0
    if side in (0, 1, -1, -2) and len(key) > 1:
        slots = (0, 1) if side >= 0 else (-1, -2)
        others = [edges[other, slot] for other in (page - 1, page + 1) for slot in slots if (other, slot) in edges]
        best = max((_alike(key, other) for other in others), default=0.0)
    return [best, best > ALIKE, best == 1]


def _surroundings(
    lines: Sequence[Line], keys: list[str], at: int, frame: tuple[str, str], repeats: list[int]
) -> list[float]:
    """Likeness to the document's first and last line, how far away the line repeats, page numbers beside it.

    Text recognised page by page comes without form feeds; then this is all there is to tell a page's edge.
    """
    key, first, last = keys[at], *frame
    place = bisect_left(repeats, at)
    nearest = min((abs(at - other) for other in repeats[max(place - 1, 0) : place + 2] if other != at), default=0)
    before = at > 0 and _is_page_number(lines[at - 1].text)
    after = at + 1 < len(lines) and _is_page_number(lines[at + 1].text)
    return [
        _alike(key, first) if at else 0.0, _alike(key, last) if at + 1 < len(lines) else 0.0,
        min(nearest, 80) / 40, nearest > 20, before, after,
    ]  # fmt: skip


def _alike(key: str, other: str) -> float:
    """Share of the letter pairs that two lines have in common; 1 only for the same line."""
    if key == other:
        return 1.0
    pairs, others = _letter_pairs(key), _letter_pairs(other)
    return 0.99 * 2 * len(pairs & others) / max(len(pairs) + len(others), 1)


@lru_cache(maxsize=1024)
def _letter_pairs(key: str) -> frozenset[tuple[str, str]]:
    return frozenset(pairwise(key))


def _evidence(
    lines: Sequence[Line], at: int, depth: Depth, repeats: int, pages: _Pages, ends_page: bool
) -> list[float]:
    line, text = lines[at], lines[at].text
    page, above, below = depth
    last = lines[at - 1] if at else None
    following = lines[at + 1] if at + 1 < len(lines) else None
    number = DIGITS.search(text)
    counted = int(number.group()[:6]) if number else -1
    size = pages.ends[page] - pages.starts[page]
    opposite = lines[pages.ends[page] - 1] if above < below else lines[pages.starts[page]]
    open_before = last is not None and SENTENCE_END.search(last.text[-8:]) is None
    values = [
        _is_page_number(text), DATED.search(text) is not None, any(s in text for s in SEPARATORS),
        len(text) / 40, text.count(" ") / 5, SENTENCE_END.search(text[-8:]) is not None, text[0].islower(),
        text.isupper(),
        number is not None, counted == page + 1, text.isdigit(), text.endswith((",", "-", ";", ":")),
        above == 0, above == 1, above == 2, above > 2, below == 0, below == 1, below == 2, below > 2,
        at == 0, following is None, page == 0, page == len(pages.starts) - 1, pages.certain, ends_page,
        len(pages.starts) > 1, min(len(pages.starts), 6) / 6, min(size, 60) / 60,
        line.breaks > 1, line.breaks > 2, following is not None and following.breaks > 1,
        following is not None and following.breaks > 2, min(line.indent, 60) / 20,
        min(following.indent, 60) / 20 if following else 0, len(following.text) / 60 if following else 0,
        len(last.text) / 60 if last else 0, open_before, following is not None and following.text[0].islower(),
        open_before and following is not None and following.text[0].islower(),
        repeats > 1, min(repeats, 5) / 5, _is_page_number(opposite.text),
        DATED.search(opposite.text) is not None, opposite.breaks > 1,
    ]  # fmt: skip
    return [float(value) for value in values]
