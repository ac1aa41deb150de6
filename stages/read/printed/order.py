"""The reading order of a page: which runs form columns, and in what order the columns are read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from stages.read.printed.lines import Column, Run, join_runs, rows_of
from stages.read.printed.set_wide import with_initials, without_wide_gaps

# A gutter between columns is at least so wide, in sizes of the type, and has so many lines on either side.
GUTTER, FEWEST_ROWS = 0.85, 3
# Lines of a column have so many characters in the middle, and fill it to this share.
FEWEST_CHARACTERS, FILLED = 14, 0.5
# Of the lines of a narrower column fewer than this share stand on the base line of one in the column beside it.
ALIGNED = 0.5
DEEPEST = 12
# Type is that of a headline from this much above the middle size on; of an advertisement's, which few lines follow.
HEADLINE, LOUD = 1.12, 1.3
# In two columns headings may stand side by side by chance, in more they do not.
FEWEST_HEADLINES = 3
# Of so many rows without a gutter several are passed over at once, so that long pages take no longer for each row.
STEPS = 100
# Ends of lines this close, in sizes, are one edge, which so many lines of a justified column reach.
EDGE, COMMON_EDGE = 0.15, 0.25

HEADINGS = ("heading", "title")
Interval = tuple[float, float]


def read_columns(runs: Sequence[Run]) -> list[Column]:
    """The columns of a page in reading order.

    What stands over several columns parts those above it from those below. Lines side by side without such a gutter,
    and cells of a table, are read row by row.
    """
    columns = [Column(lines, 0.0, 0.0) for group in read_order(runs) if (lines := join_runs(with_initials(group)))]
    return [without_wide_gaps(_with_edges(column, columns)) for column in columns]


def read_order(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs of each column, the columns in reading order."""
    return _ordered(list(runs), 0)


def column_of(lines: list[Run]) -> Column:
    """Lines as one column, in the order given."""
    return Column(lines, min(line.x0 for line in lines), _right_edge(lines))


def _ordered(runs: list[Run], depth: int) -> list[list[Run]]:
    if len(runs) < 2 * FEWEST_ROWS or depth > DEEPEST:
        return [runs] if runs else []
    bands = _bands(runs)
    done: list[list[Run]] = []
    plain: list[Run] = []
    for band, gutter in bands:
        if gutter is None:
            plain += band
            continue
        if plain:
            done.append(plain)
            plain = []
        for level in _levels(band):
            if len(level) < len(band):
                done += _ordered(level, depth + 1)
                continue
            middle = sum(gutter) / 2
            for side in ([r for r in band if r.x1 <= middle], [r for r in band if r.x1 > middle]):
                done += _ordered(side, depth + 1)
    return [*done, plain] if plain else done


def _levels(band: list[Run]) -> list[list[Run]]:
    """Columns cut across where all of them begin with headlines: there no text goes on from above to below.

    So an article in several columns is read whole, before those that stand below it.
    """
    runs = sorted(band, key=lambda r: r.y0)
    size = median(run.size for run in runs)
    levels: list[list[Run]] = [[]]
    bottom = runs[0].y1
    for at, run in enumerate(runs):
        if levels[-1] and run.y0 > bottom and _opens_with_headlines(runs[at : at + STEPS], HEADLINE * size):
            levels.append([])
        levels[-1].append(run)
        bottom = max(bottom, run.y1)
    return levels


def _opens_with_headlines(runs: Sequence[Run], least: float) -> bool:
    """Whether of runs, from the highest down, all that have none above them are headlines, and enough of them."""
    tops: list[Run] = []
    for run in runs:
        if any(run.x0 < top.x1 and run.x1 > top.x0 for top in tops):
            continue
        if run.size < least and run.role not in HEADINGS:
            return False
        tops.append(run)
    return len(tops) >= FEWEST_HEADLINES


def _bands(runs: list[Run]) -> list[tuple[list[Run], Interval | None]]:
    """The page cut across: each part with the widest gutter between two columns that goes through it, or None."""
    size = median(run.size for run in runs)
    edges = (min(run.x0 for run in runs), max(run.x1 for run in runs))
    bands: list[tuple[list[Run], Interval | None]] = []
    rows = rows_of(runs)
    at = 0
    while at < len(rows):
        end, gutter = _longest_band(rows, at, edges, GUTTER * size)
        band = [run for row in rows[at:end] for run in row]
        bands.append((band, gutter))
        at = end
    return bands


def _longest_band(rows: list[list[Run]], start: int, edges: Interval, least: float) -> tuple[int, Interval | None]:
    """How far rows from ``start`` leave a gutter free, and the gutter; one row without one is a band of its own."""
    free = [edges]
    end = start
    while end < len(rows):
        left = _still_free(free, rows[end], least)
        if not left:
            break
        free = left
        end += 1
    gutter = _best_gutter(free, [run for row in rows[start:end] for run in row])
    return (end, gutter) if gutter else (start + max(1, (end - start) // STEPS), None)


def _still_free(free: Iterable[Interval], row: Sequence[Run], least: float) -> list[Interval]:
    for run in row:
        cut: list[Interval] = []
        for low, high in free:
            if run.x1 <= low or run.x0 >= high:
                cut.append((low, high))
                continue
            cut += [(a, b) for a, b in ((low, run.x0), (run.x1, high)) if b - a >= least]
        free = cut
    return list(free)


def _best_gutter(free: Iterable[Interval], runs: Sequence[Run]) -> Interval | None:
    good = []
    for low, high in free:
        left, right = [r for r in runs if r.x1 <= low + 0.01], [r for r in runs if r.x0 >= high - 0.01]
        if _are_columns(left, right):
            good.append((low, high))
    return max(good, key=lambda gutter: gutter[1] - gutter[0], default=None)


def _are_columns(left: Sequence[Run], right: Sequence[Run]) -> bool:
    sides = [rows_of(side) for side in (left, right)]
    if min(map(len, sides)) < FEWEST_ROWS:
        return all(map(_is_notice, sides))
    if all(map(_is_text, sides)):
        return True
    narrow, other = sorted(sides, key=len)
    if not any(map(_is_text, sides)):
        return False
    bases = [row[0].base for row in other]
    aligned = sum(min(abs(row[0].base - base) for base in bases) < 0.1 * row[0].size for row in narrow)
    return aligned < ALIGNED * len(narrow)


def _is_notice(rows: Sequence[Sequence[Run]]) -> bool:
    """Whether rows are a headline and what it says, as of an advertisement."""
    return len(rows) > 1 and rows[0][0].size > LOUD * max(run.size for row in rows[1:] for run in row)


def _is_text(rows: Sequence[Sequence[Run]]) -> bool:
    lengths = [sum(len(run.text) for run in row) for row in rows]
    width = max(row[-1].x1 for row in rows) - min(row[0].x0 for row in rows)
    filled = [sum(run.x1 - run.x0 for run in row) / max(width, 1e-6) for row in rows]
    return median(lengths) >= FEWEST_CHARACTERS and median(filled) >= FILLED


def _with_edges(column: Column, columns: Sequence[Column]) -> Column:
    """The edges that the lines of the column reach; of few lines, those of columns set at the same left edge."""
    left = min(line.x0 for line in column.lines)
    right = _right_edge(column.lines)
    if len(column.lines) < 2 * FEWEST_ROWS:
        size = column.lines[0].size
        beside = [o for o in columns if o is not column and abs(min(r.x0 for r in o.lines) - left) < 0.5 * size]
        right = max([right, *(_right_edge(other.lines) for other in beside)])
    return column._replace(left=left, right=right)


def _right_edge(lines: Sequence[Run]) -> float:
    """Where most full lines end; the end of the longest where no end is common, as in ragged text."""
    step = EDGE * lines[0].size
    ends = Counter(round(line.x1 / step) for line in lines)
    edge, count = max(ends.items(), key=lambda item: (item[1] + ends[item[0] - 1] + ends[item[0] + 1], item[0]))
    if count >= max(FEWEST_ROWS, COMMON_EDGE * len(lines)):
        return max(line.x1 for line in lines if abs(round(line.x1 / step) - edge) <= 1)
    return max(line.x1 for line in lines)
