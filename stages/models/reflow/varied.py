"""Plain-text layouts of every mixture: what parts paragraphs is drawn for each document, and kept to most of the time.

Lines are filled by the widths of glyphs or by characters, with letter-spaced names, loose fitting and misread
characters; titles come as centred groups, with bylines, lists with hanging indents, captions inside torn paragraphs,
quotations set in, letters with their date, greeting and signature.
"""

# the random numbers draw layouts, not secrets

import random
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stages.models.reflow.styles import CLAUSE, standing_lines
from stages.reflow.features import COLUMN, SPACE

Block = dict[str, Any]
FIRST_NAMES = ("Anna", "Karl", "Marie", "Georg", "Lena", "Otto", "Claire", "John", "Emma", "Paul", "Ruth", "Hugo")
LAST_NAMES = ("Weber", "Huber", "Moreau", "Smith", "Lindner", "Vogt", "Ahrens", "Krüger", "Taylor", "Roth", "Bauer")
PLACES = ("Wien", "Lindau", "Berlin", "Paris", "Leeds", "Köln", "Graz", "Aussee", "Zürich", "Bern")
MONTHS = ("Januar", "März", "April", "Juni", "August", "Oktober", "November", "Dezember")
CAPTION_WORDS = {"de": ("Abb.", "Abbildung", "Tabelle", "Bild"), "en": ("Fig.", "Figure", "Table"), "fr": ("Fig.",)}
GREETINGS = ("Lieber {}!", "Liebe {},", "Sehr geehrter Herr {}!", "Dear {},", "Hochverehrter Freund!")
CLOSINGS = ("Viele Grüße", "Mit vorzüglicher Hochachtung", "Dein", "Yours sincerely,", "Herzlichst")
# A letter-spaced line holds this much of a full one.
SPACED = (0.55, 0.92)
# Documents of long paragraphs, and how many of an article's make one there.
LONG, MERGED = 0.35, (2, 5)
MISREADINGS = ("", "", ".", "'", "i", "l", "c", "e", "ſ", "f", "rn", "B", "n", ",")
FULL_WIDTH = 0.5
# Extractors and typists drop the white space before lines this often; first lines then are short by their indent.
STRIPPED = 0.15


class Layout(NamedTuple):
    """One drawn layout; widths are in units of the face, ``missed`` and ``false`` shares of wrong signals.

    ``fit`` is how unevenly lines are filled, ``spaced`` the share of lines that hold less, as letter-spaced ones do;
    ``stripped`` lines lose the white space before them.
    """

    face: int
    width: float
    blank: int
    indent: int
    outdent: int
    headed: int
    centred: bool
    margin: int
    fit: float
    spaced: float
    missed: float
    false: float
    noise: float
    hyphen: str
    stripped: bool


class Press(NamedTuple):
    """What a text is set with: the generator's syllables, the layout, the widths of its face, the language."""

    make: ModuleType
    layout: Layout
    row: npt.NDArray[np.float32]
    lang: str
    rng: random.Random


def varied_page(
    make: ModuleType, article: dict[str, Any], widths: npt.NDArray[np.float32], rng: random.Random
) -> tuple[str, list[Block]]:
    """A text in one drawn layout, and its blocks in the order of the text."""
    layout = _draw_layout(rng)
    lang = article["lang"] if article["lang"] in make.PY else "de"
    press = Press(make, layout, widths[layout.face], lang, rng)
    lines: list[str] = []
    emitted: list[Block] = []
    blocks = make.doc_blocks(article)
    for block in _dress(_merged(blocks, rng) if rng.random() < LONG else blocks, rng):
        parts = _torn(block, press) if block["kind"] == "paragraph" else [block]
        for part in parts:
            gap = _gap(part, press, len(parts) > 1) if lines and lines[-1] else 0
            lines += [""] * gap + _set(part, press)
            emitted.append({"kind": part["kind"], "text": part["text"]})
            if part["kind"] in ("title", "heading"):
                lines += [""] * layout.headed
    return _paged(lines, press), emitted


def _draw_layout(rng: random.Random) -> Layout:
    mark = rng.choice(["blank", "blank", "indent", "indent", "indent", "none", "none", "both", "outdent"])
    characters = rng.choice([rng.randint(26, 45), rng.randint(38, 60), rng.randint(55, 80), rng.randint(70, 100)])
    face = rng.choice([0, 0, 1, 2, 3, 4])
    noisy = rng.random() < 0.25
    return Layout(
        face,
        float(characters) if face == 0 else characters * FULL_WIDTH,
        rng.choice([1, 1, 1, 1, 2, 3]) if mark in ("blank", "both") else 0,
        rng.choice([1, 2, 2, 3, 4, 4, 5, 6, 8]) if mark in ("indent", "both") else 0,
        rng.choice([2, 3, 4]) if mark == "outdent" else 0,
        rng.choice([0, 0, 1, 1, 2]),
        rng.random() < 0.4,
        rng.choice([0, 0, 0, 1, 3, 8]),
        rng.choice([0.0, 0.0, 0.02, 0.04, 0.08, 0.12]),
        rng.choice([0.0, 0.0, 0.0, 0.02, 0.05, 0.1]),
        rng.choice([0.0, 0.0, 0.0, 0.0, 0.02, 0.05]) if mark != "none" else 0.0,
        rng.choice([0.0, 0.0, 0.0, 0.004, 0.015]),
        rng.uniform(0.01, 0.08) if noisy else 0.0,
        rng.choice(["-", "-", "-", "-", "\u00ac", ""]),
        rng.random() < STRIPPED,
    )


def _dress(blocks: list[Block], rng: random.Random) -> list[Block]:
    """The blocks with what stands around real texts: bylines, list items, verse and tables, letters' lines."""
    dressed: list[Block] = []
    letter = rng.random() < 0.12
    if letter:
        day = f"{rng.randint(1, 28)}. {rng.choice(MONTHS)} {rng.randint(1890, 2024)}"
        dressed += [_line(f"{rng.choice(PLACES)}, {day}"), _line(rng.choice(GREETINGS).format(rng.choice(LAST_NAMES)))]
        blocks = [block for block in blocks if block["kind"] == "paragraph"] or blocks
    for block in blocks:
        dressed.append(block)
        if block["kind"] == "title" and rng.random() < 0.5:
            dressed += _names(rng)
        if block["kind"] == "paragraph" and rng.random() < 0.06:
            dressed += _items(block["text"], rng)
        if block["kind"] == "paragraph" and rng.random() < 0.015:
            dressed += _standing(blocks, rng)
    return [*dressed, _line(rng.choice(CLOSINGS)), _line(_name(rng))] if letter else dressed


def _merged(blocks: list[Block], rng: random.Random) -> list[Block]:
    """Runs of paragraphs as one long paragraph each."""
    merged: list[Block] = []
    left = 0
    for block in blocks:
        if left and block["kind"] == merged[-1]["kind"] == "paragraph":
            merged[-1] = {**merged[-1], "text": f"{merged[-1]['text']} {block['text']}"}
            left -= 1
        else:
            merged.append(block)
            left = rng.randint(*MERGED) - 1
    return merged


def _standing(blocks: list[Block], rng: random.Random) -> list[Block]:
    """Verse, rows of a table, source code: set in as a whole, an empty line before it."""
    inset = rng.choice([0, 2, 4, 4, 8])
    found = [{**block, "inset": inset} for block in standing_lines(blocks, rng)]
    return [{**block, "opens": at == 0} for at, block in enumerate(found)]


def _names(rng: random.Random) -> list[Block]:
    """A byline or a group of authors, each with an address and an institution."""
    if rng.random() < 0.6:
        return [_line(rng.choice(["", "", "Von ", "By "]) + _name(rng))]
    found: list[Block] = []
    for _ in range(rng.randint(1, 4)):
        name = _name(rng)
        found.append(_line(", ".join(reversed(name.split())) if rng.random() < 0.5 else name))
        if rng.random() < 0.6:
            found.append(_line(f"{name.lower().replace(' ', '.')}@{rng.choice(PLACES).lower()}.example"))
        found.append(_line(f"Universität {rng.choice(PLACES)}, {rng.choice(['Deutschland', 'Austria', 'Schweiz'])}"))
    return found


def _name(rng: random.Random) -> str:
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def _line(text: str) -> Block:
    return {"kind": "line", "text": text}


def _items(text: str, rng: random.Random) -> list[Block]:
    clauses = [part.strip() for part in CLAUSE.split(text) if 12 < len(part) < 160][:6]
    style = rng.choice(["- ", "\u2022 ", "* ", "\u2013 ", "o ", "1. ", "1) ", "a) ", "(1) "])
    marks = [style.replace("1", str(at + 1)).replace("a", chr(97 + at)) for at in range(len(clauses))]
    return [{"kind": "item", "text": mark + clause} for mark, clause in zip(marks, clauses, strict=True)]


def _torn(block: Block, press: Press) -> list[Block]:
    """Now and then a caption stands in a paragraph, which goes on behind it."""
    rng, words = press.rng, block["text"].split()
    if len(words) < 40 or rng.random() > 0.03:
        return [block]
    at = rng.randint(15, len(words) - 10)
    mark = f"{rng.choice(CAPTION_WORDS[press.lang])} {rng.randint(1, 9)}: "
    start = rng.randrange(len(words) - 8)
    caption = {"kind": "caption", "text": mark + " ".join(words[start : start + rng.randint(4, 8)])}
    first, second = " ".join(words[:at]), " ".join(words[at:])
    return [{**block, "text": first}, caption, {**block, "text": second, "goes_on": True}]


def _gap(block: Block, press: Press, torn: bool) -> int:
    """Empty lines before a block."""
    layout, rng = press.layout, press.rng
    if torn and (block["kind"] == "caption" or block.get("goes_on")):
        return rng.choice([1, 2, 3])
    if block["kind"] in ("title", "heading"):
        return layout.headed + (layout.blank if rng.random() < 0.8 else 0)
    if block["kind"] in ("line", "item"):
        return layout.blank if rng.random() < 0.4 else 0
    if block.get("stands"):
        return rng.choice([0, 1, 1]) if block["opens"] else 0
    return 0 if rng.random() < layout.missed else layout.blank


def _set(block: Block, press: Press) -> list[str]:
    """The lines of one block, with its indents."""
    layout, rng, kind = press.layout, press.rng, block["kind"]
    if block.get("stands"):
        return [" " * (layout.margin + block["inset"]) + block["text"]]
    if kind in ("title", "heading"):
        lines = _fill(block["text"], press, layout.width * rng.choice([0.6, 0.8, 1.0]), 0)
        across = int(layout.width * (1 if layout.face == 0 else 2)) if layout.centred else 0
        return [" " * (layout.margin + max(0, (across - len(line)) // 2)) + line for line in lines]
    quoted = kind == "paragraph" and rng.random() < 0.03
    inner = 4 if quoted else 0
    plain = block.get("goes_on") or kind != "paragraph" or quoted or rng.random() < layout.missed
    begin = 0 if plain else layout.indent
    lines = _fill(block["text"], press, layout.width - inner * _unit(layout), begin)
    hang = 2 if kind == "item" and rng.random() < 0.7 else layout.outdent if kind == "paragraph" and not quoted else 0
    heads = [begin + inner] + [hang + inner] * (len(lines) - 1)
    return [" " * (layout.margin + head) + line for head, line in zip(heads, lines, strict=True)]


def _unit(layout: Layout) -> float:
    """How wide a column of indent is."""
    return 1.0 if layout.face == 0 else COLUMN


def _fill(text: str, press: Press, room: float, begin: int) -> list[str]:
    """Words into lines of so much room, broken at syllables where the layout breaks words."""
    row, layout = press.row, press.layout
    lines: list[str] = []
    line, filled, limit = "", begin * _unit(layout), _limit(room, press)
    words = text.split()[::-1]
    while words:
        word = words.pop()
        need = _width(word, row) + (float(row[SPACE]) if line else 0.0)
        if filled + need <= limit:
            line, filled = f"{line} {word}".lstrip(), filled + need
            continue
        head, rest = _head(word, press, limit - filled - float(row[SPACE]))
        if not head and not line:
            head, rest = word, ""
        lines.append(f"{line} {head}".strip())
        words += [rest] if rest else []
        line, filled, limit = "", 0.0, _limit(room, press)
    return [*lines, line] if line else lines


def _limit(room: float, press: Press) -> float:
    """How much one line holds."""
    loose = press.rng.uniform(*SPACED) if press.rng.random() < press.layout.spaced else 1.0
    return room * loose * (1 + press.rng.gauss(0, press.layout.fit))


def _head(word: str, press: Press, room: float) -> tuple[str, str]:
    """What of a word fits into the room, with its hyphen, and the rest."""
    best = "", word
    if not press.layout.hyphen:
        return best
    for at, needs in press.make.break_points(word, press.lang, True):
        head = word[:at] + (press.layout.hyphen if needs else "")
        if _width(head, press.row) <= room:
            best = head, word[at:]
    return best


def _width(text: str, row: npt.NDArray[np.float32]) -> float:
    return float(sum(row[min(ord(char), len(row) - 1)] for char in text))


def _paged(lines: list[str], press: Press) -> str:
    """The lines on pages or columns, with false signals and misread characters."""
    layout, rng = press.layout, press.rng
    marred: list[str] = []
    for line in lines if not layout.stripped else [line.lstrip() for line in lines]:
        if line and rng.random() < layout.false:
            marred += [""] if layout.blank else []
            line = " " * (0 if layout.stripped else layout.indent or 2) + line
        marred.append(_misread(line, layout.noise, rng) if layout.noise else line)
    style = rng.choice(["none", "feed", "feed", "gap", "column"])
    if style == "none":
        return "\n".join(marred) + "\n"
    apart = {"feed": rng.choice(["\n\f", "\n\n\f\n", "\n\n\n\f"]), "gap": "\n\n\n\n", "column": "\n\n"}[style]
    return str(press.make.paginate(marred, rng.choice([30, 45, 60]), rng, "", "", apart, False)) + "\n"


def _misread(line: str, share: float, rng: random.Random) -> str:
    return "".join(rng.choice(MISREADINGS) if char != " " and rng.random() < share else char for char in line)
