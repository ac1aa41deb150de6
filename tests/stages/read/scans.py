"""Scanned pages, drawn for the tests: a PDF is rendered, and its picture kept without its text."""

import io
import struct
import zlib

import pypdfium2


def as_pictures(pdf, dpi=150):
    """The pages of a PDF as grey pictures: (width, height, bytes) of each."""
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        dots = page.render(scale=dpi / 72, grayscale=True).to_numpy()
        height, width = dots.shape[:2]
        yield width, height, dots.reshape(height, width).tobytes()
    document.close()


def as_png(width, height, dots):
    """A grey picture as PNG."""
    rows = b"".join(b"\0" + dots[at * width : (at + 1) * width] for at in range(height))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, [*parts, (b"IEND", b"")]))


def _chunk(part):
    name, data = part
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def scanned(pdf, dpi=150, pages=None):
    """The PDF as a scanner makes it: a picture on each page, and no text; of ``pages`` (from 0) only, if named."""
    source, target = pypdfium2.PdfDocument(pdf), pypdfium2.PdfDocument.new()
    for at, page in enumerate(source):
        if pages is not None and at not in pages:
            target.import_pages(source, [at])
            continue
        width, height = page.get_size()
        image = pypdfium2.PdfImage.new(target)
        image.set_bitmap(page.render(scale=dpi / 72, grayscale=True))
        image.set_matrix(pypdfium2.PdfMatrix().scale(width, height))
        sheet = target.new_page(width, height)
        sheet.insert_obj(image)
        sheet.gen_content()
    file = io.BytesIO()
    target.save(file)
    return file.getvalue()
