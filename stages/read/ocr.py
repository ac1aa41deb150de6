"""Recognise the text of pictures with the program tesseract, where a run asks for it: page images and image-only PDFs.

Tesseract writes ALTO, which the reader of ALTO reads. It runs on one thread, so that the same picture gives the same
text, and as many pictures at once are recognised as there are worker processes.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from math import sqrt
from typing import Any

from stages.discover.decide import RECOGNISED
from stages.errors import SourceError
from stages.read.ocr_xml.alto import alto_pages
from stages.read.ocr_xml.elements import Budget, as_document
from stages.read.ocr_xml.elements import size_of as region_size
from stages.read.pdf import open_pdf, pdf_facts, pictures_among, read_pages, size_of
from stages.read.printed import Region, RegionPage, Run, lay_out_mixed
from stages.read.raw_document import RawDocument
from stages.read.versions import TESSERACT, reader_version

# What tesseract (through leptonica) reads; a BMP has four bytes of nothing behind its size.
_PICTURE = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|II\*\0|MM\0\*|RIFF....WEBP|BM.{4}\0{4}|P[456]\s\d|\0\0\0\x0cjP  ", re.DOTALL
)
# Dots an inch, as tesseract likes them; fewer where a page is so large that its picture would have more dots than that.
_DPI, _MOST_DOTS = 300, 60_000_000
_POINTS = 72
_SECONDS_A_PAGE = 300
# Its own names of languages, and the one that it has where none of ours is installed.
_LANGUAGES = {"de": "deu", "en": "eng", "fr": "fra", "it": "ita", "es": "spa", "nl": "nld", "pl": "pol", "pt": "por"}
_INSTALL = "install it (Debian: apt-get install tesseract-ocr tesseract-ocr-deu), the next run tries again"


def looks_like_picture(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a picture of which text can be recognised.

    >>> looks_like_picture(b"\\x89PNG\\r\\n\\x1a\\n"), looks_like_picture(b"BMW und Audi")
    (True, False)
    """
    return _PICTURE.match(head) is not None


def read_picture(_data: bytes, _name: str, _max_chars: int) -> RawDocument:
    """Refuse a picture (``needs_ocr``), as long as nobody has asked for its text to be recognised."""
    raise SourceError(
        "needs_ocr",
        "a picture; if it is of a page, have its text recognised with --ocr, else exclude it from the source",
    )


def recognise(data: bytes, languages: Sequence[str], max_chars: int) -> RawDocument:
    """Recognise the text of a picture, or of the pages of a PDF.

    ``languages``: codes as in `documents.language`, the most likely first; those count that tesseract has. Boxes of a
    PDF are in its own units, those of a picture in its dots. Raises SourceError: ``needs_extra`` where there is no
    tesseract, or not in any of these languages, ``damaged`` where it cannot read the picture, ``timed_out``, ``empty``
    where it finds no text, ``too_large``.
    """
    spoken = _spoken(tuple(languages))
    budget = Budget(max_chars)
    pages = [page for picture, scale in _pictures(data) for page in _recognise(picture, scale, spoken, budget)]
    if not any(page.regions for page in pages):
        raise SourceError("empty", "no text was recognised on it; exclude it, or scan it again, larger and clearer")
    return as_document(pages, TESSERACT, {}, "ocr", _read_by(data))


def recognise_rest(data: bytes, languages: Sequence[str], max_chars: int) -> RawDocument:
    """Read a PDF of which some pages are pictures: these are recognised, all others read by their text layer.

    Raises SourceError as `recognise` and `stages.read.pdf.read_pdf` do; a picture without text is none.
    """
    spoken, budget = _spoken(tuple(languages)), Budget(max_chars)
    document = open_pdf(data)
    try:
        pages = list(read_pages(document, max_chars))
        found: dict[int, RegionPage] = {}
        for number in pictures_among(document, pages):
            for recognised in _recognise(*_drawn(document, number), spoken, budget):
                found[number] = recognised
        text, pieces = lay_out_mixed(pages, found)
        facts, read_by = pdf_facts(document), _read_by(data)
        sizes = tuple(region_size(found[at]) if at in found else size_of(page) for at, page in enumerate(pages))
        return RawDocument(text, "pdf", RECOGNISED, pieces, facts, in_file=False, read_by=read_by, pages=sizes)
    finally:
        document.close()


def _read_by(data: bytes) -> str:
    names = (TESSERACT,) if looks_like_picture(data) else ("pypdfium2", TESSERACT)
    return ", ".join(map(reader_version, names))


def _pictures(data: bytes) -> Iterator[tuple[bytes, float]]:
    """The pictures of the pages, one after the other, and how long a dot is in units of the page."""
    if looks_like_picture(data):
        yield data, 1.0
        return
    document = open_pdf(data)
    try:
        for number in range(len(document)):
            yield _drawn(document, number)
    finally:
        document.close()


def _drawn(document: Any, number: int) -> tuple[bytes, float]:
    """The picture of a page of a PDF, and how long a dot is in units of the page."""
    page = document[number]
    width, height = page.get_size()
    scale = min(_DPI / _POINTS, sqrt(_MOST_DOTS / max(width * height, 1.0)))
    bitmap = page.render(scale=scale, grayscale=True)
    picture = _as_pgm(bitmap)
    bitmap.close()
    page.close()
    return picture, 1 / scale


def _as_pgm(bitmap: Any) -> bytes:
    dots = bitmap.to_numpy()
    height, width = dots.shape[:2]
    return b"P5 %d %d 255\n" % (width, height) + bytes(dots.reshape(height, width).tobytes())


def _recognise(picture: bytes, scale: float, spoken: str, budget: Budget) -> Iterator[RegionPage]:
    command = [_program(), "stdin", "stdout", "-l", spoken, "--dpi", str(round(_POINTS / scale)), "alto"]
    if scale == 1.0:  # a picture knows its own
        command[5:7] = []
    try:
        done = subprocess.run(
            command, input=picture, capture_output=True, check=False, timeout=_SECONDS_A_PAGE,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        reason = f"tesseract took more than {_SECONDS_A_PAGE} seconds for one page; scan it smaller, or exclude it"
        raise SourceError("timed_out", reason) from error
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise SourceError("damaged", f"tesseract cannot read this picture ({why[0][:200]}); fetch it again")
    return (_scaled(page, scale) for page in alto_pages(done.stdout, budget))


def _scaled(page: RegionPage, scale: float) -> RegionPage:
    regions = [Region([_scaled_run(run, scale) for run in region.lines], region.role) for region in page.regions]
    return page._replace(regions=regions, width=page.width * scale, height=page.height * scale)


def _scaled_run(run: Run, scale: float) -> Run:
    places = {name: getattr(run, name) * scale for name in ("x0", "y0", "x1", "y1", "base", "size")}
    return run._replace(**places)


def _program() -> str:
    found = shutil.which(TESSERACT)
    if found is None:
        raise SourceError("needs_extra", f"--ocr needs the program tesseract, which is not here; {_INSTALL}")
    return found


def _spoken(languages: tuple[str, ...]) -> str:
    """The languages as tesseract is asked for them: those that it has, the most likely first."""
    has = _installed(_program())
    wanted = [_LANGUAGES.get(code, code) for code in languages]
    spoken = [name for name in wanted if name in has]
    if not spoken:
        reason = f"tesseract has none of the languages {', '.join(wanted)}; {_INSTALL}"
        raise SourceError("needs_extra", reason)
    return "+".join(spoken)


@cache
def _installed(program: str) -> frozenset[str]:
    done = subprocess.run([program, "--list-langs"], capture_output=True, text=True, check=False, timeout=60)
    return frozenset(line.strip() for line in done.stdout.splitlines()[1:])
