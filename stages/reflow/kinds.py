"""Tell what each block is, from the texts alone, so that reflowed text keeps its kinds when it is read again."""

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from stages.lookups.signs import closed_by
from stages.reflow.bylines import LOOKUP, find_bylines, opens_as_byline
from stages.reflow.code import find_code
from stages.reflow.headings import INNER_END, LONGEST_HEADING, find_numbered, find_unheaded, is_heading
from stages.reflow.lists import GREETING, is_closing, is_led
from stages.reflow.marks import (
    FEWEST_FIELDS,
    FORWARDED,
    LONGEST_SIGNATURE,
    LONGEST_SIGNED,
    MAIL_FIELD,
    SIGNATURE,
    find_mail_heads,
)
from stages.reflow.notes import CAPTION, MARK, NOTE
from stages.reflow.ordinals import begins_with_date
from stages.reflow.verse import find_verse

# Quotation marks: quotation mark, guillemets, single and double curly and low ones, single guillemets.
QUOTES = '"\u00ab\u00bb\u2018-\u201f\u2039\u203a'
# Where and when a letter was written.
DATELINE = re.compile(
    "[A-Z\u00c0-\u00de][^,.!?]{2,40}, (?:(?:den|am|le) )?\\d{1,2}\\.? ?(?:[^\\W\\d_]{3,10}\\.?|\\d{1,2}\\.) ?\\d{4}\\.?"
)
AGENCY = "[A-Z\u00c0-\u00de][A-Z\u00c0-\u00de0-9.&' -]*(?:/[A-Z\u00c0-\u00de][A-Z\u00c0-\u00de0-9.&' -]*)+"
# Initials before a name, whose full stops end no sentence.
INITIALS = "(?:[A-Z\u00c0-\u00de]\\.[ -]?){0,3}"
LONGEST_CAPTION, LONGEST_CREDIT = 400, 120
LIST_MARK = re.compile(
    "(?:[\u2022\u2023\u25aa\u25cf\u25e6\u2043*] ?|[-\u2013\u2014] |\\(?\\d{1,2}[.)] |\\(?[a-z]\\) )(?=\\S)"
)
# A dash inside speech that began with one; a rule of marks is so long at most.
DASHES, SPOKEN, LONGEST_RULE = "\u2013\u2014", re.compile("[,.!?\u2026] [\u2013\u2014] "), 40
QUESTION = closed_by("?")
# Ends in a word, in more than one full stop, or in a mark that is none.
NO_STATEMENT = re.compile("(?:[^.:,;\u3002\uff0e\uff61]|\\.\\.)$")
# Every credit has one of these.
CREDIT_MARK = re.compile("[:/|\u00a9]|\\(c\\)")
# Kinds that nothing in the text shows.
PLAIN = ("paragraph", "heading")
# A row of a Markdown table.
TABLE_ROW = re.compile(r"\|.*\|")
# A cell that is a number; so many stand in each of so many rows below each other.
NUMBER = re.compile(r"(?<!\S)[+\u2212-]?\d+(?:[.,:/]\d+)*%?(?!\S)")
FEWEST_NUMBERS, FEWEST_ROWS = 2, 3
# A footnote stands at most so many blocks behind its mark: the paragraph it hangs on, and the notes before it.
REACH = 16
LONGEST_TITLE = 130
# The name below a letter is so long at most.
LONGEST_NAME = 40


class Signs(NamedTuple):
    """Patterns made of the words that show a kind: whole credits and where they part from captions, and so on."""

    credit: re.Pattern[str]
    credit_tail: re.Pattern[str]
    credited: re.Pattern[str]
    boilerplate: re.Pattern[str]
    credit_words: tuple[str, ...]
    closed_titles: tuple[str, ...]


@cache
def load_signs() -> Signs:
    """The patterns, from the words that the lookup holds."""
    words = json.loads(LOOKUP.read_text(encoding="utf-8"))
    credit = f"(?:\\(?(?:{_any(words['credits'])})(?: by)?:? ?[:/|\u00a9] ?|\u00a9 ?|\\(c\\) )"
    # A word for picture with a colon needs no mark before it, in capitals or not.
    named = f"(?i:{_any(words['credits_with_colon'])})(?: by)?: ?{INITIALS}\\w[^.!?]{{1,58}}\\.?"
    return Signs(
        # "Foto: ..." and the like, a copyright sign, or agencies in capitals between slashes.
        re.compile(f"(?:{credit}[^\\n]{{2,80}}|(?i:Fotos?|Photos?): ?[^\\n]{{2,80}}|{AGENCY})\\)?"),
        # It parts after a closing quotation mark, bracket or full stop.
        re.compile(
            f"(?:(?<=[.!?)\u00bb\u00ab{QUOTES}]) ?({AGENCY}|{credit}{INITIALS}[^.!?]{{2,60}}\\.?)"
            f"|(?<=\\S)(?<! und)(?<! &) ({named}))$"
        ),
        # A credit in brackets at the end of a caption stays with it.
        re.compile(f"[^.!?]\\((?:{_any(words['credits'])})(?: by)?:? ?[:/|] ?[^()]{{2,60}}\\)$"),
        _boilerplate(words),
        tuple(sorted({word.lower() for word in words["credits"] + words["credits_with_colon"]})),
        tuple(f" {word}" for word in words["closed_titles"]),
    )


def _boilerplate(words: dict[str, list[str]]) -> re.Pattern[str]:
    return re.compile(
        f"(?:{_any(words['boilerplate_heads'])})\\b ?(?::|\u2013|-|$)|(?:{_any(words['boilerplate_openings'])})"
        "|\u00a9 ?(?:\\d{4}|Copyright)"
        "|(?:Dieser|Dieses) (?:Artikel|Beitrag|Text) (?:erschien|ist) zuerst (?:auf|bei|in)"
        f"|(?:{_any(words['newsletter_calls'])})\\b[^.]{{0,80}}\\bNewsletter",
        re.IGNORECASE,
    )


def _any(words: list[str]) -> str:
    """The words as alternatives, the longest first."""
    return "|".join(re.escape(word).replace("\\ ", " ") for word in sorted(words, key=len, reverse=True))


def part_credit(text: str) -> int:
    """Where the credit at the end of a caption begins in ``text``, or 0.

    >>> part_credit("Minister Lawrow: (Archiv). AFP/JANE DOE")
    27
    """
    if len(text) > LONGEST_CAPTION or not _may_hold_credit(text):
        return 0
    match = load_signs().credit_tail.search(text)
    return match.start(match.lastindex or 0) if match else 0


def ends_in_credit(text: str) -> bool:
    """Whether a text is a credit, or a caption with one at its end.

    >>> ends_in_credit("Der Steg bei Nacht. Foto: Ida Lang/dpa"), ends_in_credit("Das Foto zeigt den Steg bei Nacht.")
    (True, False)
    """
    if len(text) > LONGEST_CAPTION or not _may_hold_credit(text):
        return False
    signs = load_signs()
    return any(pattern.search(text) for pattern in (signs.credit_tail, signs.credited)) or _is_credit(text)


def _is_credit(text: str) -> bool:
    return len(text) <= LONGEST_CREDIT and load_signs().credit.fullmatch(text) is not None


def _may_hold_credit(text: str) -> bool:
    """Whether a text has a mark that every credit has: a copyright sign, one with a word, a slash before capitals."""
    if not CREDIT_MARK.search(text):
        return False
    _, slash, behind = text.rpartition("/")
    if "\u00a9" in text or "(c)" in text or (slash and behind == behind.upper()):
        return True
    small = text.lower()
    return any(word in small for word in load_signs().credit_words)


def name_kinds(texts: list[str]) -> list[str]:
    """One of `stages.tables.schemas.BLOCK_KINDS` for each block."""
    kinds = [_plain_kind(text) for text in texts]
    for kind, places in (("footnote", _notes(texts)), ("boilerplate", [*_mail_head(texts), *_signature(texts)])):
        for at in places:
            kinds[at] = kind
    for at in find_numbered(texts, kinds):
        kinds[at] = "heading"
    for at in _letter_lines(texts):
        kinds[at] = "paragraph"
    if len(items := [at for at, text in enumerate(texts) if text.startswith("o ")]) > 1:
        for at in items:
            kinds[at] = "list_item"
    for at in _number_rows(texts, kinds):
        kinds[at] = "table"
    for at in find_unheaded(texts, kinds):
        kinds[at] = "paragraph"
    for at, text in enumerate(texts):
        if (
            kinds[at] in ("paragraph", "heading")
            and at + 1 < len(texts)
            and kinds[at + 1] == "credit"
            and len(text) <= LONGEST_CAPTION
        ):
            kinds[at] = "caption"
    plain = [kind in PLAIN for kind in kinds]
    for kind, runs in (("verse", find_verse(texts, plain)), ("code", find_code(texts, plain))):
        for at in (at for run in runs for at in run):
            kinds[at] = kind
    if len(kinds) > 1 and (kinds[0] == "heading" or (kinds[0] == "paragraph" and _is_title(texts[0]))):
        kinds[0] = "title"
    for at in find_bylines(texts, kinds):
        kinds[at] = "byline"
    at = 1 if kinds and kinds[0] == "title" else 0
    if _is_teaser(texts, kinds, at):
        kinds[at] = "teaser"
    return kinds


def _number_rows(texts: Sequence[str], kinds: Sequence[str]) -> list[int]:
    """Lines that would be headings, several in a row with several numbers each: rows of a table."""
    rows = [
        kind == "heading" and len(NUMBER.findall(text)) >= FEWEST_NUMBERS
        for text, kind in zip(texts, kinds, strict=True)
    ]
    runs = [range(at, at + FEWEST_ROWS) for at in range(len(rows) - FEWEST_ROWS + 1)]
    return sorted({at for run in runs if all(rows[run.start : run.stop]) for at in run})


def _letter_lines(texts: list[str]) -> list[int]:
    """Place and date, greeting, closing words and the name below them: lines of a letter, and no headings."""
    closings = [at for at, text in enumerate(texts) if is_closing(text)]
    names = [at + 1 for at in closings if at + 1 < len(texts) and len(texts[at + 1]) <= LONGEST_NAME]
    return closings + names + [at for at, text in enumerate(texts) if _opens_letter(text)]


def _opens_letter(text: str) -> bool:
    short = len(text) <= LONGEST_HEADING
    return short and (DATELINE.fullmatch(text) is not None or GREETING.fullmatch(text) is not None)


def _mail_head(texts: list[str]) -> list[int]:
    """The fields of a mail's head, two at least, and those of the mails that it answers, with the rule above them."""
    rules = [at for at, text in enumerate(texts) if text[0] == "-" and FORWARDED.fullmatch(text)]
    fields = [at for at, text in enumerate(texts) if MAIL_FIELD.match(text)]
    known = set(fields)
    found = [at for start, end in find_mail_heads(fields) for at in range(start, end)]
    for start in (0, *(at + 1 for at in rules)):
        end = next((at for at in range(start, len(texts)) if at not in known), len(texts))
        if end - start >= FEWEST_FIELDS:
            found += range(max(start - 1, 0), end)
    return found


def _signature(texts: list[str]) -> Sequence[int]:
    """The lines below the sign that parts a mail from its signature, to the end of the text, and the sign."""
    at = next((at for at in range(len(texts) - 1, -1, -1) if texts[at] == SIGNATURE), len(texts))
    below = texts[at + 1 :]
    short = len(below) <= LONGEST_SIGNATURE and all(len(text) <= LONGEST_SIGNED for text in below)
    return range(at, len(texts)) if below and short else ()


def _notes(texts: list[str]) -> list[int]:
    """Blocks that begin with a number which hangs on a word in one of the blocks before them.

    So are those beside them whose numbers count on.
    """
    numbers = {at: match[1] for at, text in enumerate(texts) if text[0].isdigit() and (match := NOTE.match(text))}
    found = {
        at for at, number in numbers.items() if any(_hangs(number, text) for text in texts[max(at - REACH, 0) : at])
    }
    for step, order in ((1, sorted(numbers)), (-1, sorted(numbers, reverse=True))):
        for at in order:
            if at - step in found and int(numbers[at]) == int(numbers[at - step]) + step:
                found.add(at)
    return sorted(found)


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
    if load_signs().boilerplate.match(text):
        return "boilerplate"
    if _is_credit(text):
        return "credit"
    if TABLE_ROW.fullmatch(text) or (len(text) <= LONGEST_CAPTION and is_led(text)):
        return "table"
    if len(text) <= LONGEST_CAPTION and (
        CAPTION.match(text) or (text[-1] == ")" and load_signs().credited.search(text))
    ):
        return "caption"
    if LIST_MARK.match(text) and not begins_with_date(text) and not _is_spoken(text):
        return "list_item"
    return "heading" if is_heading(text) else "paragraph"


def _is_spoken(text: str) -> bool:
    """Whether the mark of an item is a dash before speech, which others part from who says it, or one mark of many."""
    if text[0] in DASHES and SPOKEN.search(text):
        return True
    return len(text) <= LONGEST_RULE and not any(map(str.isalnum, text))


def _is_title(text: str) -> bool:
    """The first block may hold more than one sentence, so long as it is short and not a plain statement."""
    return (
        len(text) <= LONGEST_TITLE
        and any(map(str.isalnum, text))
        and (NO_STATEMENT.search(text) is not None or text.endswith(load_signs().closed_titles))
        and not _opens_letter(text)
        and not opens_as_byline(text)
    )


def _is_teaser(texts: list[str], kinds: list[str], at: int) -> bool:
    """A summary before the text: no quotation, shorter than what follows; after a title it must end in a question."""
    if len(texts) < at + 3 or kinds[at] != "paragraph" or kinds[at + 1] != "paragraph":
        return False
    text, body = texts[at], texts[at + 1]
    if re.search(f"[{QUOTES}]", text) or not 120 <= len(text) <= 600 or len(text) >= len(body) * 1.2:
        return False
    return QUESTION.search(text) is not None if at else INNER_END.search(text) is not None
