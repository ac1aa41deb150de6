"""Signs that several stages read: what closes a sentence."""

import re

CLOSERS = "[\"'\u2018-\u201f\u00bb\u00ab\u203a\u2039)\\]]*"
"""Quotation marks and brackets that may stand behind the sign that ends something."""
ENDS = ".!?\u2026"
"""Signs that end a sentence."""


def closed_by(signs: str, note: bool = False) -> re.Pattern[str]:
    """Give the pattern of an end in one of some signs, with what closes behind it; ``note``: or the mark of a note.

    >>> bool(closed_by(ENDS).search("sagte sie.\u201c")), bool(closed_by(ENDS).search("sagte sie,"))
    (True, False)
    """
    return re.compile(f"[{signs}]{CLOSERS}{'(?:[0-9]{1,3})?' if note else ''}$")
