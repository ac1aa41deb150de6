"""Subtitles (SRT, WebVTT): the text of the cues in blocks of speech; each piece keeps the times of its cue."""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

import polars as pl

from stages.errors import SourceError
from stages.read.pieces import PieceRow, check_length, to_pieces
from stages.read.raw_document import RawDocument
from stages.read.text import decode

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"^[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}[^\n]*$", re.MULTILINE)
_HEAD = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:WEBVTT(?:[ \t\r\n]|\Z)|\s*\d+\s*\r?\n\s*\d{1,2}:\d{2}:\d{2}[,.]\d{1,3}\s*-->)"
)
_LINE = re.compile(r"[^\r\n]+")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>\n]{0,200}>|\{\\[^{}\n]{0,80}\}|(?P<entity>&(?:[a-z]{2,8}|#\d{1,7});)")
_SENTENCE_ENDS = re.compile(r"[.!?…:][\"'“”«»)\]]*\Z")
_SPEAKER = re.compile(r"\s*(?:[-–—]|<v[ .])")
_PAUSE = 1.5
_LONG = 600


class _Cue(NamedTuple):
    number: int
    begin: float
    end: float
    lines: list[tuple[int, int]]


def looks_like_subtitles(head: bytes) -> bool:
    """Tell by its first bytes whether a file holds subtitles."""
    return bool(_HEAD.match(head))


def read_subtitles(data: bytes, name: str, max_chars: int) -> RawDocument:
    """Read subtitles; the raw text is the file, decoded, with its times.

    Of each piece ``page`` is the number of its cue, ``y0`` and ``y1`` are the seconds at which that begins and ends. A
    block ends at the end of a sentence where somebody else speaks or nobody does for a while. A line that the next cue
    shows again (text that rolls) is taken once. Raises SourceError: ``damaged`` where there is no cue, ``empty``,
    ``too_large``.
    """
    raw = decode(data)
    check_length(len(raw.text), name, max_chars)
    cues = list(_cues(raw.text))
    if not cues:
        raise SourceError("damaged", f"{name} begins like subtitles but has no line of times; fetch it again")
    rows = list(_rows(raw.text, cues))
    if not rows:
        raise SourceError("empty", f"the subtitles {name} show no text; remove them or fetch them again")
    pieces = to_pieces(row for row, _ in rows)
    timed = pieces.with_columns(
        pl.Series("page", [cue.number for _, cue in rows], pl.Int64),
        pl.Series("y0", [cue.begin for _, cue in rows], pl.Float64),
        pl.Series("y1", [cue.end for _, cue in rows], pl.Float64),
    )
    return RawDocument(raw.text, raw.encoding, raw.encoding_how, timed)


def _cues(text: str) -> Iterator[_Cue]:
    matches = list(_TIMES.finditer(text))
    for n, match in enumerate(matches):
        until = matches[n + 1].start() if n + 1 < len(matches) else len(text)
        body = re.compile(r"\r?\n[ \t]*\r?\n").search(text, match.end(), until)
        end = body.start() if body else until
        lines = [(m.start(), m.end()) for m in _LINE.finditer(text, match.end(), end)]
        if not body and n + 1 < len(matches) and lines and text[slice(*lines[-1])].strip().isdigit():
            del lines[-1]  # the number of the next cue
        hours = [float(value or 0) for value in match.groups()]
        begin, stop = (3600 * h + 60 * m + s + t / 1000 for h, m, s, t in (hours[:4], hours[4:]))
        yield _Cue(n + 1, begin, stop, lines)


def _rows(text: str, cues: list[_Cue]) -> Iterator[tuple[PieceRow, _Cue]]:
    block, said, before, shown = 0, "", 0.0, set[str]()
    for cue in cues:
        now = set[str]()
        for start, end in cue.lines:
            line = _TAG.sub(lambda tag: tag["entity"] or "", text[start:end]).strip()
            now.add(line)
            if line in shown:
                continue
            parted = cue.begin - before > _PAUSE or _SPEAKER.match(text, start) or len(said) > _LONG
            if said and _SENTENCE_ENDS.search(said) and parted:
                block, said = block + 1, ""
            for row in _line_rows(text, start, end, block):
                yield row, cue
                said += text[row[0] : row[1]] if row[2] is None else row[2]
        before, shown = cue.end, now


def _line_rows(text: str, start: int, end: int, block: int) -> Iterator[PieceRow]:
    """The pieces of a line, without its tags and with its entities read."""
    breaks, position = True, start
    for match in (*_TAG.finditer(text, start, end), None):
        stop = match.start() if match else end
        first, last = position, stop
        if breaks:
            first += len(text[position:stop]) - len(text[position:stop].lstrip())
        if match is None:
            last -= len(text[first:stop]) - len(text[first:stop].rstrip())
        if first < last:
            yield first, last, None, breaks, block, "paragraph"
            breaks = False
        if match:
            position = match.end()
            if match["entity"]:
                yield match.start(), match.end(), unescape(match["entity"]), breaks, block, "paragraph"
                breaks = False
