"""What the names that formats and programs give to regions mean."""

import re

# Names as PAGE, ALTO tags, SegmOnto zones and hOCR classes have them; the first that fits holds.
NAMES = (
    ("furniture", "(?:page|folio)[-_ ]?(?:number|num)|numbering|running ?(?:title|head)|^header|^footer|^page ?header"
                  "|^page ?footer|signature[-_ ]?mark|quire|catch[-_ ]?word|stamp"),
    ("footnote", "foot ?note|end ?note|marginal|margin ?(?:text|zone)|^note"),
    ("caption", "caption"),
    ("credit", "credit"),
    ("title", "^title|main ?title"),
    ("heading", "head(?:ing|line)|sub ?title|chapter ?title|title"),
    ("table", "table"),
    ("list_item", "list|toc[-_ ]?entry"),
)  # fmt: skip
PATTERNS = [(role, re.compile(pattern, re.IGNORECASE)) for role, pattern in NAMES]


def role_of(name: str) -> str | None:
    """The role of a region of this name; None for running text and for names without a meaning here.

    >>> role_of("page-number"), role_of("RunningTitleZone"), role_of("marginalia"), role_of("paragraph")
    ('furniture', 'furniture', 'footnote', None)
    """
    name = name.partition(":")[0].strip()
    return next((role for role, pattern in PATTERNS if name and pattern.search(name)), None)
