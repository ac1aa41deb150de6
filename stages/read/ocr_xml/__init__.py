"""Read what text recognition writes: ALTO, PAGE and hOCR, streamed, with regions, order and confidence."""

from stages.read.ocr_xml.alto import read_alto
from stages.read.ocr_xml.hocr import read_hocr
from stages.read.ocr_xml.page import read_page

__all__ = ["read_alto", "read_hocr", "read_page"]
