"""Tell headings from other short lines by what stands around them: turns of a talk, addresses, numbered items."""

import re
from collections import Counter
from collections.abc import Sequence

from stages.lookups.signs import closed_by
from stages.reflow.bylines import opens_as_byline
from stages.reflow.lists import MAIL, PLACE

# A heading with its number, one of a section within, and nothing else than a number. "C." or "L." are initials too.
NUMBERED = re.compile(r"(\d{1,2})\. (?=\S)")
SECTION = re.compile(r"\d{1,2}\.(?:\d{1,2}\.?)* ")
ONLY_NUMBER = re.compile(r"(?:[IVX]{1,6}|[IVXLC]{2,6}|\d{1,3})\.")
# So many numbered headings are in a text at least.
FEWEST_NUMBERED = 2
# What closes a numbered item and no heading, and an end of a sentence inside.
CLOSED = re.compile("[.!:,;\u2026]$")
INNER_END = re.compile(r"[^\W\d]{3}[.!?] +\(?[^\W\d]")
STATEMENT_END = closed_by(".!\u2026:,;\u3002\uff0e\uff61\uff01")
# Who and when, under a title: a date behind a bullet, middle dot or bar.
DATED_LINE = re.compile(r".*[\u2022\u00b7|] ?\d{1,2}\.\d{1,2}\.\d{4}")
# An exclamation this short is a heading.
LONGEST_HEADING, LONGEST_CALL = 110, 70
# Who speaks, and with a colon what: "Reuss: Warum?", "Zeuge Albrecht (leise): Ja."
LABEL = re.compile(r"([^\W\d_][^:.!?,;()]{0,38})(?: \([^()]{1,30}\))?: +\S")
FEWEST_TURNS, FEWEST_QUESTIONS = 2, 3
# Of so many headings in a row those behind the first head nothing: an address, names, ingredients.
FEWEST_IN_A_ROW = 4
# A street and its number; numbers and addresses of a person or firm.
STREET = re.compile(r"[^\W\d_].* \d{1,4} ?[a-z]?")
CONTACT = re.compile(
    r"(?i:tel|telefon|phone|fax|telefax|mobil|handy|e-?mail|internet)(?:\.|:|\b).*(?:\d{2}|@|www).*|www\.\S+|https?:\S+"
)


def is_heading(text: str) -> bool:
    """Whether a block looks like a heading by itself.

    >>> is_heading("Die Brücke bleibt zu"), is_heading("Die Brücke bleibt zu."), is_heading("II.")
    (True, False, True)
    """
    if ONLY_NUMBER.fullmatch(text):
        return True
    if len(text) > LONGEST_HEADING or DATED_LINE.fullmatch(text):
        return False
    # A line all in capitals is one, however many sentences it has.
    if INNER_END.search(text) and not text.isupper():
        return False
    # Marks alone part the text.
    if not any(map(str.isalnum, text)):
        return False
    if opens_as_byline(text):
        return False
    if STATEMENT_END.search(text) and not (text[-1] == "!" and len(text) <= LONGEST_CALL):
        return False
    return text[0].isupper() or text[0].isdigit() or not text[0].isalnum()


def find_numbered(texts: Sequence[str], kinds: Sequence[str]) -> list[int]:
    """Numbered lines that are headings of chapters and no items of a list: text stands behind each, and no item.

    >>> find_numbered(["1. Anlass", "Es brannte.", "2. Folgen", "Es war kalt."], ["list_item", "paragraph"] * 2)
    [0, 2]
    """
    found = [at for at, kind in enumerate(kinds) if kind == "list_item" and _heads_text(texts, kinds, at)]
    return found if len(found) >= FEWEST_NUMBERED else []


def _heads_text(texts: Sequence[str], kinds: Sequence[str], at: int) -> bool:
    text = texts[at]
    number = NUMBERED.match(text) if len(text) <= LONGEST_HEADING else None
    if number is None or CLOSED.search(text) or INNER_END.search(text, number.end()):
        return False
    behind = at + 1 < len(kinds) and kinds[at + 1] in ("paragraph", "heading")
    return behind and not (at and kinds[at - 1] == "list_item" and NUMBERED.match(texts[at - 1]))


def find_unheaded(texts: Sequence[str], kinds: Sequence[str]) -> set[int]:
    """Headings that head nothing: turns of a talk, addresses, what stands in brackets, many short lines in a row."""
    headings = [at for at, kind in enumerate(kinds) if kind == "heading"]
    found = {at for at in headings if _is_alone(texts[at])}
    for at in headings:
        if PLACE.fullmatch(texts[at]):
            found.add(at)
            found.update(before for before in (at - 1,) if before >= 0 and STREET.fullmatch(texts[before]))
    return found | _in_a_row(texts, kinds, headings) | _turns(texts, kinds, headings)


def _is_alone(text: str) -> bool:
    bracketed = text[0] == "(" and text[-1] == ")"
    return bracketed or CONTACT.fullmatch(text) is not None or MAIL.fullmatch(text) is not None


def _in_a_row(texts: Sequence[str], kinds: Sequence[str], headings: Sequence[int]) -> set[int]:
    """Runs of headings without the first, which may head them, the last before running text, and numbered ones.

    Behind a colon the first heads nothing either. The first block of a text is its title and in no run.
    """
    inner = [at for at in headings if at]
    starts = [place for place, at in enumerate(inner) if at - 1 != inner[place - 1] or SECTION.match(texts[at])]
    found: set[int] = set()
    for first, end in zip(starts, [*starts[1:], len(inner)], strict=False):
        if end - first >= FEWEST_IN_A_ROW:
            colon = texts[inner[first] - 1][-1] == ":"
            found.update(at for at in inner[first + (not colon) : end] if not _heads(texts, kinds, at))
    return found


def _heads(texts: Sequence[str], kinds: Sequence[str], at: int) -> bool:
    """Whether running text or a list stands behind a heading."""
    behind = at + 1
    return behind < len(kinds) and (kinds[behind] == "list_item" or len(texts[behind]) > LONGEST_HEADING)


def _turns(texts: Sequence[str], kinds: Sequence[str], headings: Sequence[int]) -> set[int]:
    """What somebody says whose name with a colon opens several blocks, and short questions that one such answers."""
    if not any(":" in texts[at] or texts[at][-1] == "?" for at in headings):
        return set()
    labels = [match[1] if (match := LABEL.match(text)) else "" for text in texts]
    times = Counter(labels)
    told = {label for label, kind in zip(labels, kinds, strict=True) if kind != "heading"}
    asked = Counter(labels[at] for at in headings if texts[at][-1] == "?")
    speakers = {label for label in told if times[label] >= FEWEST_TURNS}
    speakers = (speakers | {label for label, count in asked.items() if count >= FEWEST_QUESTIONS}) - {""}
    spoken = [label in speakers for label in labels] + [False, False]
    return {
        at for at in headings if spoken[at] or (texts[at][-1] == "?" and spoken[at + 1] and not spoken[at + 2])
    }  # fmt: skip
