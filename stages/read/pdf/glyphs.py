"""The characters of a page of a PDF with their places and type, put together to runs."""

import ctypes
import re
from collections.abc import Iterator
from math import atan2, cos, hypot, pi, sin
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from stages.read.printed.lines import Run
from stages.read.printed.set_wide import LARGER, is_initial

# A gap wider than this, in sizes, ends a run; one wider than the second is a space that nobody set.
RUN_GAP, SPACE_GAP = 1.0, 0.22
# A run goes on where the base line moves less than this, raised and lowered characters apart.
BASE_STEP, RAISED = 0.2, 0.65
BOLD = re.compile("bold|black|heavy|demi|cmbx|sfbx|ebx|-bd|lmbx", re.IGNORECASE)
HEAVY = 650
# An ellipsis that is set as three full stops with space between them; more of them lead to a page number.
ELLIPSIS = re.compile(r"(?<![.\u2026] )(?<!\.)\. \. \.(?! ?\.)(?: (?=[)\]]))?")
# What the library gives for a hyphen that it takes for one of a line end.
LINE_HYPHENS = (0x02, 0xFFFE)
NO_CHARACTER = (0x00, 0xFFFD, 0xFFFF)
LAST_CODE = 0x10FFFF


class Type(NamedTuple):
    """How characters are set: size in units of the page, whether bold, and the turn of their base line (radians)."""

    size: float
    bold: bool
    turn: float


class Glyph(NamedTuple):
    """One character: text, from where to where along its base line, the base line, and its type."""

    text: str
    x0: float
    x1: float
    base: float
    type: Type


def glyphs_of(text_page: Any, box: tuple[float, float, float, float]) -> Iterator[Glyph]:
    """The characters of a page in the order of the file; those without meaning are left out, as are plain line ends.

    ``box``: left, bottom, right and top of the page. Turned text is turned back around the page's origin.
    """
    x, y, frame = ctypes.c_double(), ctypes.c_double(), pdfium.FS_RECTF()
    to_x, to_y, to_frame = ctypes.byref(x), ctypes.byref(y), ctypes.byref(frame)
    types: dict[int, Type] = {}
    left, _, _, top = box
    last = Type(0.0, False, 0.0)
    for at in range(pdfium.FPDFText_CountChars(text_page)):
        code = pdfium.FPDFText_GetUnicode(text_page, at)
        if code in (0x0D, 0x0A):
            continue
        pdfium.FPDFText_GetCharOrigin(text_page, at, to_x, to_y)
        pdfium.FPDFText_GetLooseCharBox(text_page, at, to_frame)
        handle = ctypes.cast(pdfium.FPDFText_GetTextObject(text_page, at), ctypes.c_void_p).value
        if handle is not None:
            if handle not in types:
                types[handle] = _type_of(text_page, at, pdfium.FPDFText_GetTextObject(text_page, at))
            last = types[handle]
        text = _text_of(code)
        if text and last.size > 0:
            if last.turn == 0:
                yield Glyph(text, frame.left - left, frame.right - left, top - y.value, last)
            else:
                yield _turned(text, x.value - left, top - y.value, frame, last)


def _turned(text: str, x: float, y: float, frame: Any, type_: Type) -> Glyph:
    along = x * cos(type_.turn) - y * sin(type_.turn)
    length = max(frame.right - frame.left, frame.top - frame.bottom) * 0.5
    return Glyph(text, along, along + length, x * sin(type_.turn) + y * cos(type_.turn), type_)


def _text_of(code: int) -> str:
    if code in LINE_HYPHENS:
        return "-"
    if code in NO_CHARACTER or code > LAST_CODE or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if code == 0xAD:
        return "-"  # printed, so it is a hyphen that stands there
    text = chr(code)
    return " " if text.isspace() else text if text.isprintable() or code >= 0xE000 else ""


def _type_of(text_page: Any, at: int, text_object: Any) -> Type:
    matrix, size = pdfium.FS_MATRIX(), ctypes.c_float()
    pdfium.FPDFText_GetMatrix(text_page, at, matrix)
    pdfium.FPDFTextObj_GetFontSize(text_object, size)
    turn = atan2(matrix.b, matrix.a)
    turn = 0.0 if abs(turn) < 0.02 else round(turn / (pi / 180)) * pi / 180
    return Type(round(abs(size.value) * hypot(matrix.c, matrix.d), 2), _is_bold(text_object), turn)


def _is_bold(text_object: Any) -> bool:
    font = pdfium.FPDFTextObj_GetFont(text_object)
    if not font:
        return False
    name = ctypes.create_string_buffer(200)
    pdfium.FPDFFont_GetBaseFontName(font, name, len(name))
    return BOLD.search(name.value.decode("latin-1")) is not None or pdfium.FPDFFont_GetWeight(font) >= HEAVY


def runs_of(glyphs: Iterator[Glyph]) -> Iterator[tuple[float, Run]]:
    """The runs of a page in the order of the file, each with the turn of its base line."""
    run: list[Glyph] = []
    for glyph in glyphs:
        if run and not _goes_on(run, glyph):
            yield from _run_of(run)
            run = []
        if run or glyph.text != " ":
            run.append(glyph)
    yield from _run_of(run)


def _goes_on(run: list[Glyph], glyph: Glyph) -> bool:
    last = run[-1] if run[-1].text != " " else next((g for g in reversed(run) if g.text != " "), run[-1])
    size = max(last.type.size, glyph.type.size)
    if last.type.turn != glyph.type.turn:
        return False
    step = abs(glyph.base - last.base)
    if step > BASE_STEP * size and (step > RAISED * size or 0.9 * size < min(last.type.size, glyph.type.size)):
        return False
    if step > BASE_STEP * size and glyph.text.isalpha() and _is_initial(run, glyph):
        return False
    same = glyph.x0 == last.x0 and glyph.x1 == last.x1  # the letters of one ligature
    return same or -0.6 * size < glyph.x0 - last.x1 < RUN_GAP * size


def _is_initial(run: list[Glyph], glyph: Glyph) -> bool:
    """Whether a run is a large initial of the lines beside it, and ``glyph`` no raised or lowered part of a word."""
    return run[-1].type.size >= LARGER * glyph.type.size and is_initial("".join(g.text for g in run))


def _run_of(run: list[Glyph]) -> Iterator[tuple[float, Run]]:
    while run and run[-1].text == " ":
        run.pop()
    if not run:
        return
    parts: list[str] = []
    last = run[0].x0
    sizes: dict[Type, int] = {}
    low, high = run[0].x0, run[0].x1
    for glyph in run:
        if glyph.text == " ":
            if parts[-1] != " ":
                parts.append(" ")
            continue
        if parts and parts[-1] != " " and glyph.x0 - last > SPACE_GAP * glyph.type.size:
            parts.append(" ")
        parts.append(glyph.text)
        last, low, high = glyph.x1, min(low, glyph.x0), max(high, glyph.x1)
        sizes[glyph.type] = sizes.get(glyph.type, 0) + 1
    main = max(sizes, key=lambda type_: sizes[type_])
    base = next(glyph.base for glyph in run if glyph.type == main)
    bold = sum(count for type_, count in sizes.items() if type_.bold) / sum(sizes.values())
    first = run[0]
    marked = first.base < base - 0.15 * main.size and first.type.size < main.size
    text = ELLIPSIS.sub("\u2026", "".join(parts))
    yield main.turn, Run(text, low, base - 0.8 * main.size, high, base + 0.22 * main.size, base, main.size,
                         bold, marked)  # fmt: skip
