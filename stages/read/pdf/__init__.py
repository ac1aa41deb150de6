"""Read PDFs that have a text layer: characters with places and type become lines in reading order, with roles.

The library is PDFium (through pypdfium2, BSD and Apache licences): of those that a free project may use it was the
fastest, nine times faster than docling-parse on the same pages.
"""

import re
from collections.abc import Iterator, Sequence
from math import degrees
from typing import Any

from stages.discover.decide import IN_PART
from stages.errors import SourceError
from stages.read.printed import Page, Run, lay_out
from stages.read.raw_document import Fact, PageSize, RawDocument
from stages.read.versions import reader_version

# Pages are 14,400 units at most; anything else is no page.
LARGEST_PAGE = 1e5
# With fewer characters a page, and a picture, the text is in the pictures.
FEWEST_A_PAGE = 4
# Of the characters so many must have a meaning.
FEWEST_KNOWN = 0.5
# A picture of a page covers so much of it.
COVERS = 0.3
TEXT_LAYER = "text layer"
REPAIR = "fetch it again, or repair it, for example with qpdf or mutool clean"
PASSWORD, SECURITY = 4, 5
FACTS = {"title": "Title", "author": "Author"}
NO_TITLE = re.compile(
    r"(?:untitled|unbenannt|microsoft word|powerpoint|(?:do[ck]ument|layout) ?\d+$|[\W\d_]*$"
    r"|.*\.(?:docx?|odt|indd|tex|dvi|qxd|pdf|rtf|pages|ps|html?|xhtml|txt|md|xlsx?|pptx?|eps|tiff?|jpe?g|png)$)",
    re.IGNORECASE,
)


def read_pdf(data: bytes, max_chars: int) -> RawDocument:
    """Read the text layer of a PDF.

    The raw text is that of the pages in reading order, one printed line a piece; the file does not hold it so, and it
    has to be kept. Facts are title and author as the file's properties have them; its dates are those of the file and
    not of the text, and are left out. Pages that are pictures among others with text are named as a fact. Raises
    SourceError with code ``encrypted``, ``damaged``, ``needs_ocr``, ``empty`` or ``too_large``.
    """
    document = open_pdf(data)
    try:
        if len(document) == 0:
            raise SourceError("empty", "the PDF has no pages; fetch it again")
        pages = list(read_pages(document, max_chars))
        _refuse_without_text(pages, document)
        text, pieces = lay_out(pages)
        facts, how = pdf_facts(document), TEXT_LAYER
        if pictures := pictures_among(document, pages):
            how = IN_PART
            facts["pages_without_text"] = Fact(", ".join(str(at + 1) for at in pictures), "pages of the PDF")
        read_by, sizes = reader_version("pypdfium2"), tuple(map(size_of, pages))
        return RawDocument(text, "pdf", how, pieces, facts, in_file=False, read_by=read_by, pages=sizes)
    finally:
        document.close()


def open_pdf(data: bytes) -> Any:
    """Open a PDF; raises SourceError with code ``encrypted`` or ``damaged``."""
    import pypdfium2  # here, for most runs read no PDF

    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (PASSWORD, SECURITY):
            reason = "the PDF is locked with a password; save a copy without one, for example with qpdf --decrypt"
            raise SourceError("encrypted", reason) from error
        reason = (
            f"the PDF cannot be opened ({error}); fetch it again, or repair it, for example with qpdf or mutool clean"
        )
        raise SourceError("damaged", reason) from error


def pictures_among(document: Any, pages: Sequence[Page]) -> list[int]:
    """Say which of the ``pages`` of a PDF have no text but a picture that may hold some, counted from 0."""
    bare = [at for at, page in enumerate(pages) if sum(len(run.text) for run in page.runs) < FEWEST_A_PAGE]
    return [at for at in bare if _is_picture(document[at])]


def _is_picture(page: Any) -> bool:
    """Tell whether pictures cover much of a page; those within forms of the page count too."""
    import pypdfium2

    width, height = page.get_size()
    covered = 0.0
    for item in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        left, bottom, right, top = item.get_bounds()
        covered += max(min(right, width) - max(left, 0.0), 0.0) * max(min(top, height) - max(bottom, 0.0), 0.0)
    page.close()
    return bool(covered >= COVERS * width * height)


def _is_blank(page: Any) -> bool:
    """Tell whether nothing is drawn on a page; letters that are drawn as lines are something."""
    blank = next(page.get_objects(max_depth=1), None) is None
    page.close()
    return blank


def read_pages(document: Any, max_chars: int) -> Iterator[Page]:
    """Give the characters of the pages of a PDF; raises SourceError ``damaged`` or ``too_large``."""
    n_chars = 0
    for number in range(len(document)):
        page = _page(document, number)
        n_chars += sum(len(run.text) for run in page.runs)
        if n_chars > max_chars:
            raise SourceError(
                "too_large", f"longer than {max_chars:,} characters; split the file or raise the limit (--max-chars)"
            )
        yield page


def _page(document: Any, number: int) -> Page:
    import pypdfium2

    from stages.read.pdf.glyphs import glyphs_of, runs_of

    try:
        page = document[number]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError as error:
        reason = (
            f"page {number + 1} of the PDF is damaged ({error}); fetch it again, or repair it, for example with qpdf"
        )
        raise SourceError("damaged", reason) from error
    try:
        box = page.get_bbox()
        turned: dict[float, list[Run]] = {}
        for turn, run in runs_of(glyphs_of(text_page.raw, box)):
            if abs(run.x0) < LARGEST_PAGE and abs(run.base) < LARGEST_PAGE:
                turned.setdefault(turn, []).append(run)
        return _upright(turned, abs(box[2] - box[0]), abs(box[3] - box[1]), page.get_rotation())
    finally:
        text_page.close()
        page.close()


def _upright(turned: dict[float, list[Run]], width: float, height: float, rotation: int) -> Page:
    """The page as most of its text is read; what is turned otherwise is left out.

    ``rotation``: degrees clockwise by which a viewer turns the page.
    """
    main = max(turned, key=lambda turn: sum(len(run.text) for run in turned[turn])) if turned else 0.0
    turn = round(degrees(main)) % 360
    runs = turned.get(main, [])
    if turn % 90:
        left, top = min(run.x0 for run in runs), min(run.y0 for run in runs)
        runs = [_moved(run, -left, -top) for run in runs]
        return Page(runs, width, max(run.y1 for run in runs), None)
    # Where the corner of the page lies that is at the top left once it is turned.
    x, y = {0: (0.0, 0.0), 90: (height, 0.0), 180: (width, height), 270: (0.0, width)}[turn]
    runs = [_moved(run, x, y) for run in runs]
    if turn % 180:
        width, height = height, width
    runs = [run for run in runs if -run.size < run.base < height + run.size and run.x1 > 0 and run.x0 < width]
    return Page(runs, width, height, (turn - rotation) % 360)


def size_of(page: Page) -> PageSize:
    """The size of a page, to hundredths of its unit; none where its text stands at no right angle."""
    if page.turned is None:
        return PageSize(turned=None)
    return PageSize(round(page.width, 2), round(page.height, 2), page.turned)


def _moved(run: Run, x: float, y: float) -> Run:
    return run._replace(x0=run.x0 + x, x1=run.x1 + x, y0=run.y0 + y, y1=run.y1 + y, base=run.base + y)


def _refuse_without_text(pages: list[Page], document: Any) -> None:
    texts = [run.text for page in pages for run in page.runs]
    n_chars = sum(map(len, texts))
    if n_chars == 0 and all(_is_blank(page) for page in document):
        raise SourceError("empty", "nothing stands on the pages of the PDF, neither text nor picture; fetch it again")
    if n_chars < FEWEST_A_PAGE * len(pages):
        reason = (
            "its pages are pictures without a text layer; have the text recognised with --ocr, or before, for example "
            "with ocrmypdf"
        )
        raise SourceError("needs_ocr", reason)
    unknown = sum(text.count("\ufffd") for text in texts)
    if unknown > (1 - FEWEST_KNOWN) * n_chars:
        reason = (
            f"{unknown:,} of its {n_chars:,} characters have no meaning in the file; have the text recognised from the "
            "pages with --ocr, or before, for example with ocrmypdf --force-ocr"
        )
        raise SourceError("needs_ocr", reason)


def pdf_facts(document: Any) -> dict[str, Fact]:
    """Title and author as the properties of a PDF have them."""
    facts = {}
    for name, key in FACTS.items():
        value = " ".join(document.get_metadata_value(key).split())
        if value and not NO_TITLE.match(value):
            facts[name] = Fact(value, f"PDF property {key}")
    return facts
