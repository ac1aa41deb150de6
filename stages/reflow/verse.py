"""Tell verse from its words: lines that rhyme, lines in capitals of which many end in a comma, sentences that run on.

Prose and lists hardly ever do either: where a sentence runs on in prose the next word had not fitted in. Verse that
does none of this is not told from them.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from stages.lookups.signs import ENDS, closed_by

# So many lines at least, between empty lines at most, of so many characters and words on average; shorter ones are
# items of lists.
FEWEST, MOST, SHORTEST, LONGEST, WORDS = 4, 40, 12, 64, 3.5
# A line rhymes with one of the next so many.
REACH = 3
# So many of the lines have a rhyme, of two sounds at least.
RHYMED, SOUNDS = 0.75, 2
# Or so many begin with a capital, and so many of those before the last end in a comma or semicolon.
CAPITALS, OPEN = 0.9, 0.4
# Or sentences run on at so many ends of lines, none longer than this, and at so many of these the next word had
# fitted in.
RUNNING, FITTING, LONGEST_FLOWING = 0.4, 0.25, 48
# A sentence that ends inside a line; a line of verse has one seldom.
INNER_END = re.compile(r"[^\W\d_]{3}[.!?] +\(?[^\W\d_]")
LAST_WORD = re.compile(r"([^\W\d_]+)\W*$")
VOWELS = "aeiouyäöüàâéèêëîïôûùæœ"
# From the last vowels on; a weak last syllable or a common ending rhymes only together with the syllable before it.
SOUND = re.compile(
    f"[{VOWELS}]+(?:[^{VOWELS}]+(?:e[nrlmst]{{0,2}}|ung|ungen|heit|keit|schaft|lich|ig|isch|ion|ing|ed|es))?$"
    f"|[{VOWELS}]+[^{VOWELS}]*$"
)
# Sounds alike that are written otherwise.
ALIKE = str.maketrans({"ä": "e", "ö": "e", "ü": "i", "y": "i", "ß": "s", "v": "f", "h": None})
LAST_ALIKE = {"d": "t", "b": "p", "g": "k"}
# Marks behind the last word.
BEHIND = " .,;:!?\u2026-\u2013\u2014\"'\u2018\u2019\u201c\u201d\u00ab\u00bb)"
OPEN_END = re.compile("[,;]$")
SENTENCE_END = closed_by(ENDS)


def find_verse(texts: Sequence[str], may_be: Sequence[bool]) -> list[range]:
    """The runs of texts that are lines of verse, among those that ``may_be``."""
    found: list[range] = []
    start = 0
    for at in range(len(texts) + 1):
        if at < len(texts) and may_be[at] and SHORTEST <= len(texts[at]) <= LONGEST:
            continue
        if at - start >= FEWEST and (run := _verse(texts, start, at)):
            found.append(run)
        start = at + 1
    return found


def is_verse(texts: Sequence[str]) -> bool:
    """Whether these lines are verse by their rhymes, which all of them have."""
    if not FEWEST <= len(texts) <= MOST or max(map(len, texts)) > LONGEST or min(map(len, texts)) < SHORTEST:
        return False
    # Most texts are prose, and the last letters of a few lines tell: of lines that rhyme each stands twice.
    ends = [text.rstrip(BEHIND)[-1:] for text in texts[: 2 * REACH]]
    alike = {LAST_ALIKE.get(end, end) for end in ends}
    return 2 * len(alike) <= len(ends) and len(_rhymed(texts)) == len(texts) and _is_wordy(texts)


def flows_as_verse(texts: Sequence[str]) -> bool:
    """Whether sentences run over short lines that end before the line is full, none of them inside a line."""
    if len(texts) < FEWEST or max(map(len, texts)) > LONGEST_FLOWING or min(map(len, texts)) < SHORTEST:
        return False
    if any(text[-1] == "-" or INNER_END.search(text) or any(map(str.isdigit, text)) for text in texts):
        return False
    widest, gaps = max(map(len, texts)), list(pairwise(texts))
    running = [(a, b) for a, b in gaps if b[0].islower() and not SENTENCE_END.search(a[-8:])]
    fitting = sum(len(a) + 1 + len(b.partition(" ")[0]) <= widest for a, b in running)
    return len(running) >= RUNNING * len(gaps) and fitting >= FITTING * len(running) and _is_wordy(texts)


def _verse(texts: Sequence[str], start: int, end: int) -> range | None:
    """From the first to the last line with a rhyme, or the lines from a comma on."""
    run = texts[start:end]
    rhymed = sorted(_rhymed(run))
    if rhymed and _is_wordy(run) and len(rhymed) >= max(FEWEST, RHYMED * (rhymed[-1] + 1 - rhymed[0])):
        return range(start + _opening(run, rhymed[0]), start + rhymed[-1] + 1)
    if flows_as_verse(run):
        return range(start, end)
    first = next((at for at, text in enumerate(run) if OPEN_END.search(text)), len(run))
    last = next((at for at in range(len(run), first, -1) if SENTENCE_END.search(run[at - 1])), first)
    return range(start + first, start + last) if _is_open(run[first:last]) else None


def _opening(run: Sequence[str], first: int) -> int:
    """The line in which the sentence begins that runs on into the first line with a rhyme."""
    while first and run[first][0].islower() and not SENTENCE_END.search(run[first - 1][-8:]):
        first -= 1
    return first


def _is_open(run: Sequence[str]) -> bool:
    """Whether sentences run over lines that begin with capitals."""
    if len(run) < FEWEST or not _is_wordy(run) or any(any(map(str.isdigit, text)) for text in run):
        return False
    capitals = sum(text.lstrip("\u201e\u201c\"\u00bb\u00ab'\u2018\u201a(")[:1].isupper() for text in run)
    ends = sum(OPEN_END.search(text) is not None for text in run[:-1])
    return capitals >= CAPITALS * len(run) and ends >= OPEN * (len(run) - 1)


def _is_wordy(run: Sequence[str]) -> bool:
    return sum(text.count(" ") + 1 for text in run) >= WORDS * len(run)


def _rhymed(run: Sequence[str]) -> set[int]:
    """The lines that rhyme with another near them or come again; none where only one sound does."""
    words = [_last_word(text) for text in run]
    sounds = [_sound(word) for word in words]
    pairs = [
        (a, b) for a, sound in enumerate(sounds) for b in range(a + 1, min(a + 1 + REACH, len(run)))
        if sound and sound == sounds[b] and (words[a] != words[b] or run[a] == run[b])
    ]  # fmt: skip
    if len({sounds[a] for a, _ in pairs}) < SOUNDS:
        return set()
    return {at for pair in pairs for at in pair}


def _last_word(text: str) -> str:
    match = LAST_WORD.search(text[-30:])
    return match[1].lower() if match else ""


def _sound(word: str) -> str:
    match = SOUND.search(word)
    sound = match.group().translate(ALIKE) if match else ""
    return sound[:-1] + LAST_ALIKE.get(sound[-1:], sound[-1:])
