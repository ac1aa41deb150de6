"""Blocks become sentences.

The boundaries are sentencex's (Wikimedia, MIT), which knows abbreviations, ordinals and initials of many
languages. Four things are mended around it, most of them by the word lists in `lookups/sentences.json`:

- it takes a quotation or a bracket for one unit, however many sentences are in it, and needs quadratic time
  for many quotation marks: it is given the text without them, in windows, and with plain spaces alone;
- it cuts after some abbreviations and ordinals ("im 19. Jahrhundert", "der 1. FC"), before small letters: such cuts go;
- in German, where a full stop makes an ordinal, it never cuts before a number ("am Institut. 2013 ging sie"): such cuts
  are added behind a known or a long word;
- it never cuts after an abbreviation that may end a sentence ("usw. Danach"): such cuts are added where the
  next word is a function word with a capital.

A sentence left uncut costs less than one cut in two, so what stays in doubt stays uncut.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import sentencex

from stages.lookups.code_points import Codes, Ints, Runs, cut_codes, join_codes, runs_of, tell_kinds
from stages.reflow.vocabulary import word_levels
from stages.tables.offsets import with_raw_range

VERSION = "4"
WINDOW = 8_000  # characters handed to the library at once; a longer sentence is cut at a space
LOOKUP = Path(__file__).parent / "lookups" / "sentences.json"

# Quotation marks, straight, curly, low and angled, and brackets. U+2019 is left alone: it is the apostrophe as well.
# White space other than blanks and line ends too: sentencex 1.0.32 panics at "M\u00a0. Dupont" in French.
MASKED = re.compile(
    '["\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u201a\u2018()\\[\\]]|[\\x1c-\\x1f]|[^\\S\\x00-\\x7f]'
)
SPACE = np.uint32(ord(" "))
ELLIPSIS = 0x2026  # ends a sentence before an opener as well
STOP, ZERO, NINE = ord("."), ord("0"), ord("9")
# What may close a quotation or bracket right after the last full stop; U+201E, U+201A and ( [ only open.
CLOSER = re.compile("[\"\u201c\u201d\u201f\u00ab\u00bb\u2039\u203a\u2018\u2019')\\]]")
# In French a space may stand before these: plain, no-break and narrow no-break.
FRENCH_SPACES, FRENCH_CLOSERS = [ord(" "), 0xA0, 0x202F], [0xBB, 0x203A]
# Nothing a sentence begins with: closing marks, and small letters of scripts that have capitals as well, which end
# below this character.
CONTINUATION, FIRST_CASELESS = re.compile("[,;:.!?)\\]]"), "\u0590"
LETTER = re.compile(r"[^\W\d_]")
ENUMERATOR = re.compile(r"\s*(?:\d{1,3}|[a-zA-Z])[.)]\s*")
LONGEST_FINAL = 20  # characters of an abbreviation that may end a sentence
LONGEST_SHORT = 8  # letters in a row before the last full stop of any abbreviation or Roman numeral below a hundred
LONGEST_ENUMERATOR = 4  # characters, without white space
# Read from the cut towards the front: the last number, and the word before it.
LAST_NUMBER = re.compile(r"\s*\.\d{1,3}(?:\s+([^\W\d_]+))?")
HYPHENATED_INITIALS = re.compile(r"\b[^\W\d_]\.-[^\W\d_]\.\s*$")  # "K.-H. Brandt"
OPENER = re.compile(r"\s+(\w+)")
NEXT_WORD = re.compile(r"\W*([^\W\d_]+)")
NEXT_NUMBER = re.compile(r"\s*\d")
# A number that begins a sentence. The word before it is longer than any abbreviation, or so long at least and known, or
# on a list; it is no address ("Kaufingerstr. 7").
OPENING_NUMBER = re.compile(r"\s+\d+(?:[.,]\d+)*(?: ?%|\s+[^\W\d_])")
KNOWN_FROM, LONG_WORD = 4, re.compile("[^\\W\\d_]{6,}[aeiou\u00e4\u00f6\u00fc][a-z\u00df]{0,2}")
ADDRESS = ("str", "pl")
LOOK_AROUND = 40  # characters read on either side of a cut
# What a character may mean.
_BLANK, _MASKED, _CLOSER, _CONTINUES, _LETTER, _ALNUM, _CAPITAL = 1, 2, 4, 8, 16, 32, 64
Mask = npt.NDArray[np.bool_]


class _Lists(NamedTuple):
    abbreviations: frozenset[str]
    openers: frozenset[str]
    leaders: frozenset[str]
    nouns: frozenset[str]
    final: re.Pattern[str]
    short: frozenset[str]


def split_sentences(text: str, language: str) -> list[tuple[int, int]]:
    """Start and end of every sentence of a text, as code points, in order.

    The spans hold every character that is not white space exactly once, begin and end with such a character,
    and there is at least one where there is such a character. ``language`` is a code as `identify_languages`
    gives it; one without word lists of ours gets the library's boundaries, but for those before small letters.

    >>> text = "Am 3. Oktober kam Dr. Weiß. „Gut. Sehr gut“, rief er."
    >>> [text[start:end] for start, end in split_sentences(text, "de")]
    ['Am 3. Oktober kam Dr. Weiß.', '„Gut.', 'Sehr gut“, rief er.']
    """
    _, starts, ends = split_all([text], [language])
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def split_all(texts: Sequence[str], languages: Sequence[str]) -> tuple[Ints, Ints, Ints]:
    """The sentences of all texts as `split_sentences` finds them in each: number of the text, start, end."""
    sheet = _read(texts)
    masked = cut_codes(np.where(sheet.masked, SPACE, sheet.codes), sheet.starts)
    listed = np.array([_lists(language) is not None for language in languages], np.bool_)
    french = np.array([language == "fr" for language in languages], np.bool_)
    library, forced = _library_cuts(masked, languages, sheet)
    cuts = _after_closers(library, french, sheet)
    cuts = cuts[~_are_false(cuts, texts, languages, listed, sheet)]
    missed = np.concatenate((_missed_cuts(masked, languages, listed, sheet), _number_cuts(masked, languages, sheet)))
    missed = _after_closers(missed, french, sheet)
    return _spans(texts, np.unique(np.concatenate((cuts, missed, forced))), sheet)


class _Sheet(NamedTuple):
    """Texts as code points, one behind the other, with a line feed behind each that counts as no white space.

    ``starts``, ``ends``: of each text. ``kinds``: what each character may mean; ``masked``: those the library must not
    see; then the runs of white space, of what is white space once these are masked, of closing marks, and of letters.
    """

    codes: Codes
    kinds: npt.NDArray[np.uint8]
    starts: Ints
    ends: Ints
    masked: Mask
    blanks: Runs
    masked_blanks: Runs
    closers: Runs
    letters: Runs

    def text_of(self, places: Ints) -> Ints:
        """Which text each place is in."""
        return np.asarray(np.searchsorted(self.starts, places, "right") - 1)


def _read(texts: Sequence[str]) -> _Sheet:
    codes, starts = join_codes(texts)
    ends = np.append(starts[1:], len(codes))[: len(starts)] - 1
    kinds = tell_kinds(codes, _kind)
    kinds[ends] = 0
    blank, masked = kinds & _BLANK > 0, kinds & _MASKED > 0
    runs = (blank, blank | masked, kinds & _CLOSER > 0, kinds & _LETTER > 0)
    return _Sheet(codes, kinds, starts, ends, masked, *map(runs_of, runs))


def _kind(character: str) -> int:
    small = character < FIRST_CASELESS and character.islower()
    kinds = (
        (_BLANK, character.isspace()), (_MASKED, MASKED.match(character)), (_CLOSER, CLOSER.match(character)),
        (_CONTINUES, small or CONTINUATION.match(character)), (_LETTER, LETTER.match(character)),
        (_ALNUM, character.isalnum()), (_CAPITAL, character.isupper()),
    )  # fmt: skip
    return sum(kind for kind, found in kinds if found)


def _library_cuts(masked: Sequence[str], languages: Sequence[str], sheet: _Sheet) -> tuple[Ints, Ints]:
    """Where the library begins a new sentence, and where a sentence longer than a window is cut by force."""
    found, forced = list[int](), list[int]()
    for text, language, start in zip(masked, languages, sheet.starts.tolist(), strict=True):
        cuts, more = _cuts_of(text, language, start)
        found += cuts
        forced += more
    return np.array(found, np.int64), np.array(forced, np.int64)


def _cuts_of(masked: str, language: str, at: int) -> tuple[list[int], list[int]]:
    """The same of one text that stands at a place."""
    found: list[int] = []
    forced: list[int] = []
    start = 0
    while start < len(masked):
        stop = min(start + WINDOW, len(masked))
        # Of the boundaries themselves the library makes a dictionary each, which takes twice the time.
        lengths = map(len, sentencex.segment(language, masked[start:stop])[:-1])
        cuts = list(accumulate(lengths, initial=at + start))[1:]
        found += cuts
        if stop == len(masked):
            break
        if not cuts:
            forced.append(at + _last_space(masked, start, stop))
        # The last sentence of a window may go on behind it: the next window begins with it.
        start = (cuts[-1] if cuts else forced[-1]) - at
    return found, forced


def _last_space(text: str, start: int, stop: int) -> int:
    space = text.rfind(" ", start + 1, stop)
    return space if space > 0 else stop


def _missed_cuts(masked: Sequence[str], languages: Sequence[str], listed: Mask, sheet: _Sheet) -> Ints:
    """Where an abbreviation that may end a sentence, or an ellipsis, stands before a word that begins one."""
    stops = np.flatnonzero((sheet.codes == STOP) | (sheet.codes == ELLIPSIS))
    following = sheet.masked_blanks.behind(stops + 1)
    before = stops - sheet.letters.before(stops)
    short = (sheet.codes[stops] == ELLIPSIS) | ((before > 0) & (before <= LONGEST_SHORT))
    opened = (following > stops + 1) & (sheet.kinds[following] & _CAPITAL > 0)
    stops = stops[short & opened]
    of = sheet.text_of(stops)
    stops, of = stops[listed[of]], of[listed[of]]
    own = (stops - sheet.starts[of]).tolist()
    missed = [_is_missed(masked[text], at, languages[text]) for text, at in zip(of.tolist(), own, strict=True)]
    return np.asarray(stops[np.array(missed, np.bool_)] + 1)


def _is_missed(masked: str, stop: int, language: str) -> bool:
    lists = _lists(language)
    following = OPENER.match(masked, stop + 1)
    if lists is None or not following or following[1] not in lists.openers:
        return False
    return masked[stop] != "." or lists.final.search(masked, max(0, stop - LONGEST_FINAL), stop + 1) is not None


def _number_cuts(masked: Sequence[str], languages: Sequence[str], sheet: _Sheet) -> Ints:
    """Where in German a sentence begins with a number: behind a word that is known, or is too long to be cut short."""
    german = np.array([language == "de" for language in languages], np.bool_)
    stops = np.flatnonzero(sheet.codes == STOP)
    following = sheet.masked_blanks.behind(stops + 1)
    words = sheet.letters.before(stops)
    digit = (sheet.codes[following] >= ZERO) & (sheet.codes[following] <= NINE)
    doubtful = (following > stops + 1) & digit & (words < stops - 1) & german[sheet.text_of(stops)]
    stops, words = stops[doubtful], words[doubtful]
    of = sheet.text_of(stops)
    own = zip(of.tolist(), (words - sheet.starts[of]).tolist(), (stops - sheet.starts[of]).tolist(), strict=True)
    opens = ((masked[text], word, stop, OPENING_NUMBER.match(masked[text], stop + 1)) for text, word, stop in own)
    before = [text[word:stop] if number else "" for text, word, stop, number in opens]
    levels = word_levels([f"de:{word.lower()}" for word in before])
    found = [_is_word(word, level) for word, level in zip(before, levels, strict=True)]
    return np.asarray(stops[np.array(found, np.bool_)] + 1)


def _is_word(word: str, level: int) -> bool:
    """Whether this is a German word and no abbreviation; ``level`` says how common it is."""
    lists = _lists("de")
    if lists is None or word.endswith(ADDRESS) or word in lists.abbreviations:
        return False
    known = level > 0 and len(word) >= KNOWN_FROM
    return known or word in lists.short or LONG_WORD.fullmatch(word) is not None


def _after_closers(cuts: Ints, french: Mask, sheet: _Sheet) -> Ints:
    """The end of the sentence before each cut, with the quotation marks and brackets that close there."""
    ends = np.maximum(sheet.masked_blanks.before(cuts), cuts - LOOK_AROUND)
    ends = sheet.closers.behind(ends)
    spaced = np.isin(sheet.codes[ends], FRENCH_SPACES) & french[sheet.text_of(ends)]
    spaced[spaced] = np.isin(sheet.codes[ends[spaced] + 1], FRENCH_CLOSERS)
    return np.where(spaced, sheet.closers.behind(ends + 1), ends)


def _are_false(cuts: Ints, texts: Sequence[str], languages: Sequence[str], listed: Mask, sheet: _Sheet) -> Mask:
    """Which cuts stand after an abbreviation or an ordinal, or before what no sentence begins with."""
    of = sheet.text_of(cuts)
    following = sheet.blanks.behind(cuts)
    false = (following - cuts < LOOK_AROUND) & (sheet.kinds[following] & _CONTINUES > 0)
    # Most stand behind plain words, which are longer than abbreviations.
    stops = sheet.blanks.before(cuts) - 1
    words = sheet.letters.before(stops)
    short = (stops - words <= LONGEST_SHORT) & (sheet.kinds[stops - 1] & _ALNUM > 0)
    doubtful = np.flatnonzero(listed[of] & ~false & (sheet.codes[stops] == STOP) & short)
    of = of[doubtful]
    own = (places[doubtful] - sheet.starts[of] for places in (words, stops, cuts))
    asked = zip(of.tolist(), *(places.tolist() for places in own), strict=True)
    false[doubtful] = [_goes_on(texts[at], word, stop, cut, languages[at]) for at, word, stop, cut in asked]
    return false


def _goes_on(text: str, word: int, stop: int, cut: int, language: str) -> bool:
    """Whether a sentence goes on at a cut behind a full stop, and a number or letters that begin at ``word``."""
    lists = _lists(language)
    if lists is None:
        return False
    before, after = text[max(0, cut - LOOK_AROUND) : cut], text[cut : cut + LOOK_AROUND]
    is_number, is_short = word == stop, text[word:stop] in lists.abbreviations
    if not (is_number or is_short or (stop - word == 1 and HYPHENATED_INITIALS.search(before))):
        return False
    following = NEXT_WORD.match(after)
    if not following:
        return is_short and NEXT_NUMBER.match(after) is not None
    if following[1] in lists.openers:
        return False
    number = LAST_NUMBER.match(before[::-1])
    return not is_number or (number is not None and _is_ordinal((number[1] or "")[::-1], following[1], lists))


def _is_ordinal(leader: str, noun: str, lists: _Lists) -> bool:
    """Whether "leader 3. noun" counts: by its noun, or after any word in small letters, a verb being rarer there."""
    return noun in lists.nouns or (bool(lists.leaders) and (leader.islower() or leader.lower() in lists.leaders))


def _spans(texts: Sequence[str], cuts: Ints, sheet: _Sheet) -> tuple[Ints, Ints, Ints]:
    """The stretches between cuts without the white space around them; one without a letter joins its neighbour.

    It joins the one before it; an enumerator, and all behind it, the next that has letters. Gives the number of the
    text, start and end there of each.
    """
    starts = sheet.blanks.behind(np.sort(np.concatenate((sheet.starts, cuts))))
    ends = sheet.blanks.before(np.sort(np.concatenate((sheet.ends, cuts))))
    held = starts < ends
    starts, ends = starts[held], ends[held]
    of = sheet.text_of(starts)
    first = np.diff(of, prepend=-1) > 0
    numbered, lettered = _are_enumerators(texts, of, starts, ends, sheet), _hold_letters(texts, of, starts, ends, sheet)
    places, plain = np.arange(len(of)), lettered & ~numbered
    last_plain, last_numbered, opens = (
        np.maximum.accumulate(np.where(mask, places, -1)) for mask in (plain, numbered, first)
    )
    waiting = ~plain & (numbered | (last_plain < opens) | (last_plain < last_numbered))
    after_waiting = np.concatenate(([False], waiting[:-1]))[: len(of)] & ~first
    begins = np.flatnonzero(first | ((plain | waiting) & ~after_waiting))
    until = np.append(begins[1:], len(of))[: len(begins)] - 1
    of = of[begins]
    return of, starts[begins] - sheet.starts[of], ends[until] - sheet.starts[of]


def _are_enumerators(texts: Sequence[str], of: Ints, starts: Ints, ends: Ints, sheet: _Sheet) -> Mask:
    found = ends - starts <= LONGEST_ENUMERATOR
    for at in np.flatnonzero(found).tolist():
        found[at] = ENUMERATOR.fullmatch(_piece(texts, int(of[at]), starts[at], ends[at], sheet)) is not None
    return found


def _hold_letters(texts: Sequence[str], of: Ints, starts: Ints, ends: Ints, sheet: _Sheet) -> Mask:
    """Whether a letter or digit is in each stretch; most begin with one."""
    found = sheet.kinds[starts] & _ALNUM > 0
    for at in np.flatnonzero(~found).tolist():
        found[at] = any(map(str.isalnum, _piece(texts, int(of[at]), starts[at], ends[at], sheet)))
    return found


def _piece(texts: Sequence[str], of: int, start: int, end: int, sheet: _Sheet) -> str:
    return texts[of][start - sheet.starts[of] : end - sheet.starts[of]]


@cache
def _lists(language: str) -> _Lists | None:
    data = json.loads(LOOKUP.read_text(encoding="utf-8")).get(language)
    if data is None:
        return None
    final = rf"\b(?:{'|'.join(data['final'])})\.\Z"
    return _Lists(
        frozenset(data["abbreviations"]),
        frozenset(data["openers"]),
        frozenset(data["ordinal_leaders"]),
        frozenset(data["ordinal_nouns"]),
        re.compile(final),
        frozenset(data.get("short", ())),
    )


def split_blocks(blocks: pl.DataFrame) -> pl.DataFrame:
    """Split the blocks of a batch into rows of the `sentences` table.

    ``blocks`` has the columns doc_id, block_no, text, start, language and spans, in reading order.
    """
    texts = blocks["text"].to_list()
    of, starts, ends = split_all(texts, blocks["language"].to_list())
    cut = zip(of.tolist(), starts.tolist(), ends.tolist(), strict=True)
    offsets = blocks["start"].to_numpy()[of]
    sentences = blocks.select("doc_id", "block_no")[of].with_columns(
        pl.Series("text", [texts[block][start:end] for block, start, end in cut], pl.String),
        pl.Series("start", starts + offsets),
        pl.Series("end", ends + offsets),
        sentence_no=pl.int_range(pl.len()).over("doc_id"),
    )
    return with_raw_range(sentences, blocks)
