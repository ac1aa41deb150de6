"""Draw a page of a PDF or of a scan as a picture: in a process of its own, which a bad file may end without the others.

`draw_page` starts it (`python -m stages.read.pictures`); the file goes in as bytes, a JPEG comes out.
"""

import io
import subprocess
import sys
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SECONDS = 30
_HEAD = 1024
_MOST_MEMORY = 2 << 30
_MOST_DOTS = 12_000_000
_QUALITY = 82
# What Pillow may take a scan for; its other formats start programs, or are none that a scanner writes.
_SCANS = ("JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "PPM", "JPEG2000")
# A picture beside a file is that of its page where its sides are to each other as those of the page are.
_SAME_SHAPE = 0.02


class Wanted(NamedTuple):
    """A page from 1, its size and turn as `documents.pages` has them, and how many dots wide its picture is to be."""

    page: int
    width: float
    height: float
    turned: int
    dots: int


def can_be_drawn(data: bytes) -> bool:
    """Tell by its first bytes whether a file is a PDF or a picture.

    >>> can_be_drawn(b"%PDF-1.7"), can_be_drawn(b"<alto>")
    (True, False)
    """
    from stages.read.ocr import looks_like_picture  # brings all of Polars, which the process that draws does not need

    return _is_pdf(data) or looks_like_picture(data[:_HEAD])


def _is_pdf(data: bytes) -> bool:
    return b"%PDF-" in data[:_HEAD]


def draw_page(data: bytes, wanted: Wanted) -> bytes | None:
    """Give the picture of a page as JPEG; None where the file cannot be drawn, or its page has another shape."""
    command = [sys.executable, "-m", "stages.read.pictures", *map(str, wanted)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 and done.stdout else None


def _draw(data: bytes, wanted: Wanted) -> bytes:
    picture = _of_pdf(data, wanted) if _is_pdf(data) else _of_scan(data, wanted)
    if abs(picture.width * wanted.height / (picture.height * wanted.width) - 1) > _SAME_SHAPE:
        raise ValueError("the picture is not of this page")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _of_pdf(data: bytes, wanted: Wanted) -> "Picture":
    import pypdfium2

    page = pypdfium2.PdfDocument(data)[wanted.page - 1]
    scale = _dots(wanted) / wanted.width
    picture: Picture = page.render(scale=scale, rotation=wanted.turned, rev_byteorder=True).to_pil()
    return picture


def _of_scan(data: bytes, wanted: Wanted) -> "Picture":
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = 150_000_000
    picture = Image.open(io.BytesIO(data), formats=_SCANS)
    picture.seek(wanted.page - 1)
    dots = _dots(wanted)
    picture.draft("RGB", (dots, ceil(dots * wanted.height / wanted.width)))
    scan = picture.convert("RGB")
    scan.thumbnail((dots, ceil(dots * scan.height / scan.width)))
    return scan


def _dots(wanted: Wanted) -> int:
    """The width of the picture: as wide as is wanted, unless a long page had too many dots then."""
    return max(1, min(wanted.dots, int((_MOST_DOTS * wanted.width / wanted.height) ** 0.5)))


def _hold_back() -> None:
    """Take no more memory and time than a page needs; where the system knows no such limits, time alone ends it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(arguments: list[str]) -> None:
    """Draw the page that the arguments name, from standard input to standard output."""
    _hold_back()
    page, width, height, turned, dots = arguments
    wanted = Wanted(int(page), float(width), float(height), int(turned), int(dots))
    sys.stdout.buffer.write(_draw(sys.stdin.buffer.read(), wanted))


if __name__ == "__main__":
    main(sys.argv[1:])
