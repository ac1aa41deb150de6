"""Tell what each block is, from the texts alone, so that reflowed text keeps its kinds when it is read again."""

import re

from stages.lookups.signs import closed_by
from stages.reflow.marks import FEWEST_FIELDS, MAIL_FIELD
from stages.reflow.notes import CAPTION, MARK, NOTE

# Quotation marks: quotation mark, guillemets, single and double curly and low ones, single guillemets.
QUOTES = '"\u00ab\u00bb\u2018-\u201f\u2039\u203a'
# A credit at the end of a caption: "Foto: ..." and the like, a copyright sign, or agencies in capitals between slashes.
CREDIT_WORD = (
    "(?:\\(?(?:Fotos?|Bild(?:quelle|nachweis)?|Photos?|Picture|Image|Credit|Cr\u00e9dit|Cr\u00e9dits|Grafik|Illustration|Symbolfoto|Symbolbild)"
    "(?: by)?:? ?[:/|\u00a9] ?|\u00a9 ?|\\(c\\) )"
)
AGENCY = "[A-Z\u00c0-\u00de][A-Z\u00c0-\u00de0-9.&' -]*(?:/[A-Z\u00c0-\u00de][A-Z\u00c0-\u00de0-9.&' -]*)+"
CREDIT = re.compile(f"(?:{CREDIT_WORD}[^\\n]{{2,80}}|(?i:Fotos?|Photos?): ?[^\\n]{{2,80}}|{AGENCY})\\)?")
# Where a credit may be parted from its caption: after a closing quotation mark, bracket or full stop.
# A word for picture with a colon needs no mark before it, in capitals or not.
NAMED_CREDIT = "(?i:Fotos?|Photos?|Bild|Grafik|Illustration)(?: by)?: ?\\w[^.!?]{1,58}\\.?"
CREDIT_TAIL = re.compile(
    f"(?:(?<=[.!?)\u00bb\u00ab{QUOTES}]) ?({AGENCY}|{CREDIT_WORD}[^.!?]{{2,60}}\\.?)|(?<=\\S) ({NAMED_CREDIT}))$"
)
LONGEST_CAPTION = 400
BOILERPLATE = re.compile(
    "(?:Haftungsausschluss|Disclaimer|Impressum|Copyright|Urheberrecht|Nutzungsbedingungen"
    "|Datenschutz(?:hinweis|erkl\u00e4rung)?"
    "|Avis de non-responsabilit\u00e9|Clause de non-responsabilit\u00e9"
    "|Mentions l\u00e9gales|Legal notice)\\b ?(?::|\u2013|-|$)"
    "|(?:Alle Rechte vorbehalten|All rights reserved|Tous droits r\u00e9serv\u00e9s|Alle rechten voorbehouden)"
    "|\u00a9 ?(?:\\d{4}|Copyright)"
    "|(?:Dieser|Dieses) (?:Artikel|Beitrag|Text) (?:erschien|ist) zuerst (?:auf|bei|in)"
    "|(?:Melden Sie sich|Abonnieren Sie|Jetzt abonnieren|Subscribe to|Sign up for|Inscrivez-vous)\\b"
    "[^.]{0,80}\\bNewsletter",
    re.IGNORECASE,
)
LIST_MARK = re.compile(
    "(?:[\u2022\u2023\u25aa\u25cf\u25e6\u2043*] ?|[-\u2013\u2014] |\\(?\\d{1,2}[.)] |\\(?[a-z]\\) )(?=\\S)"
)
# Names under a title or at the end, and the like; full names only, as "Von" opens headings too.
BYLINE = re.compile(
    "(?:Written by|Posted (?:on|by)|Courtesy of|Mitarbeit|Redaktion|Autor(?:in)?|Author|Text)\\b.{0,60}"
    "|(?:By|Von|Par|Door)(?: [A-Z\u00c0-\u00de][\\w.'\u2019-]*){2,5}"
)
STATEMENT_END = closed_by(".!\u2026:,;")
QUESTION = closed_by("?")
INNER_END = re.compile(r"[^\W\d]{3}[.!?] +[^\W\d]")
# An exclamation this short is a heading.
# Ends in a word, in more than one full stop, or in a mark that is none.
NO_STATEMENT = re.compile("(?:[^.:,;]|\\.\\.)$")
# A row of a Markdown table.
TABLE_ROW = re.compile(r"\|.*\|")
# A footnote stands at most so many blocks behind its mark: the paragraph it hangs on, and the notes before it.
REACH = 12
LONGEST_HEADING, LONGEST_CALL, LONGEST_TITLE = 110, 70, 130


def part_credit(text: str) -> int:
    """Where the credit at the end of a caption begins in ``text``, or 0.

    >>> part_credit("Minister Lawrow: (Archiv). AFP/JANE DOE")
    27
    """
    if len(text) > LONGEST_CAPTION:
        return 0
    match = CREDIT_TAIL.search(text)
    return match.start(match.lastindex or 0) if match else 0


def name_kinds(texts: list[str]) -> list[str]:
    """One of `stages.tables.schemas.BLOCK_KINDS` for each block."""
    kinds = [_plain_kind(text) for text in texts]
    for at in [*_mail_head(texts), *_notes(texts)]:
        kinds[at] = "boilerplate" if MAIL_FIELD.match(texts[at]) else "footnote"
    for at, text in enumerate(texts):
        if (
            kinds[at] in ("paragraph", "heading")
            and at + 1 < len(texts)
            and kinds[at + 1] == "credit"
            and len(text) <= LONGEST_CAPTION
        ):
            kinds[at] = "caption"
    if len(kinds) > 1 and (kinds[0] == "heading" or (kinds[0] == "paragraph" and _is_title(texts[0]))):
        kinds[0] = "title"
    at = 1 if kinds and kinds[0] == "title" else 0
    if _is_teaser(texts, kinds, at):
        kinds[at] = "teaser"
    return kinds


def _mail_head(texts: list[str]) -> list[int]:
    """The fields of a mail's head, two at least."""
    end = next((at for at, text in enumerate(texts) if not MAIL_FIELD.match(text)), len(texts))
    return list(range(end)) if end >= FEWEST_FIELDS else []


def _notes(texts: list[str]) -> list[int]:
    """Blocks that begin with a number which hangs on a word in one of the blocks before them."""
    numbers = {at: match[1] for at, text in enumerate(texts) if text[0].isdigit() and (match := NOTE.match(text))}
    return [
        at for at, number in numbers.items() if any(_hangs(number, text) for text in texts[max(at - REACH, 0) : at])
    ]


def _hangs(number: str, text: str) -> bool:
    """Whether the number hangs on a word of the text."""
    at = text.find(number)
    while at >= 0:
        mark = MARK.match(text, at)
        if mark and mark[1] == number:
            return True
        at = text.find(number, at + 1)
    return False


def _plain_kind(text: str) -> str:
    if BOILERPLATE.match(text):
        return "boilerplate"
    if len(text) <= 120 and CREDIT.fullmatch(text):
        return "credit"
    if TABLE_ROW.fullmatch(text):
        return "table"
    if len(text) <= LONGEST_CAPTION and CAPTION.match(text):
        return "caption"
    if LIST_MARK.match(text):
        return "list_item"
    return "heading" if _is_heading(text) else "paragraph"


def _is_heading(text: str) -> bool:
    if len(text) > LONGEST_HEADING or INNER_END.search(text) or BYLINE.fullmatch(text):
        return False
    if STATEMENT_END.search(text) and not (text[-1] == "!" and len(text) <= LONGEST_CALL):
        return False
    return text[0].isupper() or text[0].isdigit() or not text[0].isalnum()


def _is_title(text: str) -> bool:
    """The first block may hold more than one sentence, so long as it is short and not a plain statement."""
    return len(text) <= LONGEST_TITLE and NO_STATEMENT.search(text) is not None and not BYLINE.fullmatch(text)


def _is_teaser(texts: list[str], kinds: list[str], at: int) -> bool:
    """A summary before the text: no quotation, shorter than what follows; after a title it must end in a question."""
    if len(texts) < at + 3 or kinds[at] != "paragraph" or kinds[at + 1] != "paragraph":
        return False
    text, body = texts[at], texts[at + 1]
    if re.search(f"[{QUOTES}]", text) or not 120 <= len(text) <= 600 or len(text) >= len(body) * 1.2:
        return False
    return QUESTION.search(text) is not None if at else INNER_END.search(text) is not None
