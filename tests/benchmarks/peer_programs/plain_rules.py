"""Line breaks, sentences, names and values by regular expressions, as the peers have them."""

import re
from collections.abc import Iterator

SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ])")
PATTERNS = {
    "NAME": re.compile(r"\b[A-ZÄÖÜ]\w+(?: [A-ZÄÖÜ]\w+)+"),
    "DATE": re.compile(r"\b\d{1,2}\. ?(?:\d{1,2}\.|[A-ZÄÖÜ]\w+)(?: ?\d{4})?"),
    "MONEY": re.compile(r"\b\d[\d.,]*(?: (?:Millionen|Milliarden|Mio\.|Mrd\.))? (?:Euro|Dollar)|\d[\d.,]* ?[€$]"),
    "PERCENT": re.compile(r"\b\d[\d.,]* ?(?:%|Prozent)"),
}


def reflow(raw: str) -> str:
    """Words torn by a line end joined, lines of a paragraph joined."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", re.sub(r"(\w)-\n([a-zäöüß])", r"\1\2", raw))


def mentions(text: str) -> Iterator[tuple[str, int, str]]:
    """Label, start and text of all that the patterns find."""
    for label, pattern in PATTERNS.items():
        for found in pattern.finditer(text):
            yield label, found.start(), found[0]
