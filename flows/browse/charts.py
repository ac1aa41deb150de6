"""Charts as SVG that needs no script and no style of its own: they print, scale, and take the colours of the page."""

from collections.abc import Mapping, Sequence
from math import cos, pi, sin
from typing import Any

from markupsafe import Markup

Counted = Sequence[tuple[str, int]]
_WIDTH, _HEIGHT = 720, 150
_MOST_BARS = 120


def months_between(rows: Counted) -> list[tuple[str, int]]:
    """Fill the months in which nothing was counted; of very many months years are made.

    >>> months_between([("2024-11", 3), ("2025-01", 1)])
    [('2024-11', 3), ('2024-12', 0), ('2025-01', 1)]
    """
    known = [(month, n) for month, n in rows if len(month) == 7 and month[5:].isdigit()]
    if not known:
        return []
    first, last = _number(known[0][0]), _number(known[-1][0])
    if last - first < _MOST_BARS:
        counted = dict(known)
        return [(name, counted.get(name, 0)) for name in map(_month, range(first, last + 1))]
    years: dict[str, int] = {}
    for month, n in known:
        years[month[:4]] = years.get(month[:4], 0) + n
    span = range(max(int(known[0][0][:4]), int(known[-1][0][:4]) - _MOST_BARS), int(known[-1][0][:4]) + 1)
    return [(str(year), years.get(str(year), 0)) for year in span]


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _month(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"


_BARS = Markup(
    '<svg class="bars" viewBox="0 0 {} {}" role="group" aria-label="{}">'
    '<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>{}</svg>'
)
_BAR = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5"><title>{}: {}</title></rect>')


def bars(rows: Counted, links: Mapping[str, str], told: str) -> Markup:
    """Draw one bar for each row, in order; each may be a link."""
    if not rows:
        return Markup("")
    most = max(n for _, n in rows) or 1
    step = _WIDTH / max(len(rows), 12)
    drawn = [
        _bar(at * step, step, n * (_HEIGHT - 14) / most, (name, n, links.get(name)))
        for at, (name, n) in enumerate(rows)
    ]
    return _BARS.format(_WIDTH, _HEIGHT, told, _WIDTH, _HEIGHT - 0.5, _HEIGHT - 0.5, Markup("").join(drawn))


def _bar(x: float, step: float, height: float, row: tuple[str, int, str | None]) -> Markup:
    name, n, link = row
    high = max(height, 1.5 if n else 0)
    shown = _BAR.format(x + step * 0.1, _HEIGHT - high - 1, step * 0.8, high, name, n)
    return Markup('<a href="{}" tabindex="-1">{}</a>').format(link, shown) if link and n else shown


_LINE_OF = Markup('<svg class="spark" viewBox="0 0 80 20" aria-hidden="true"><polyline points="{}"/></svg>')


def spark(rows: Counted) -> Markup:
    """Draw a small line of counts by month; nothing where there are fewer than two months."""
    filled = months_between(rows)
    if len(filled) < 2:
        return Markup("")
    most = max(n for _, n in filled)
    step = 78 / (len(filled) - 1)
    points = " ".join(f"{at * step + 1:.1f},{19 - n * 17 / most:.1f}" for at, (_, n) in enumerate(filled))
    return _LINE_OF.format(points)


def line(values: Sequence[float]) -> Markup:
    """Draw a small line of values in order; nothing where there are fewer than two."""
    if len(values) < 2:
        return Markup("")
    low, most = min(values), max(values)
    step, height = 78 / (len(values) - 1), 17 / ((most - low) or 1)
    points = " ".join(f"{at * step + 1:.1f},{19 - (value - low) * height:.1f}" for at, value in enumerate(values))
    return _LINE_OF.format(points)


def share(n: int, most: int) -> Markup:
    """Draw how much of the most a number is."""
    width = 100 * n / most if most else 0
    return Markup(
        '<svg class="share" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="all" width="100" height="6"/><rect width="{:.2f}" height="6"/></svg>'
    ).format(max(width, 0.8 if n else 0))


_COMPANY = Markup(
    '<svg class="company" viewBox="0 0 460 330" role="group" aria-label="{}">'
    '<g>{}</g><circle class="own" cx="230" cy="165" r="8"/>{}</svg>'
)
_LINE = Markup('<line x1="230" y1="165" x2="{:.0f}" y2="{:.0f}" stroke-width="{:.1f}"/>')
_NAME = Markup(
    '<a href="/entities/{}"><circle class="m-{}" cx="{:.0f}" cy="{:.0f}" r="5"/>'
    '<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text></a>'
)


def company(rows: Sequence[Mapping[str, Any]], told: str) -> Markup:
    """Draw the names around one that stand in the same documents; the nearer and thicker, the more often."""
    most = max((row["n"] for row in rows), default=1)
    lines, names = [], []
    for at, row in enumerate(rows):
        angle = 2 * pi * at / len(rows) - pi / 2
        far = 1 - 0.28 * row["n"] / most
        x, y = 230 + 125 * far * cos(angle), 165 + 138 * far * sin(angle)
        lines.append(_LINE.format(x, y, 0.8 + 3 * row["n"] / most))
        anchor, right, down = _beside(angle)
        shown = _short(row["name"])
        names.append(_NAME.format(row["entity_id"], row["label"], x, y, x + right, y + down, anchor, shown))
    return _COMPANY.format(told, Markup("").join(lines), Markup("").join(names)) if rows else Markup("")


def _beside(angle: float) -> tuple[str, int, int]:
    """Where a name is written beside its point: how it is anchored, and how far to the right and down."""
    if abs(cos(angle)) < 0.25:
        return "middle", 0, -11 if sin(angle) < 0 else 20
    return ("start", 9, 4) if cos(angle) > 0 else ("end", -9, 4)


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
