"""Blocks become sentences.

The boundaries are sentencex's (Wikimedia, MIT), which knows abbreviations, ordinals and initials of many
languages. Three things are mended around it, by the word lists in `lookups/sentences.json`:

- it takes a quotation or a bracket for one unit, however many sentences are in it, and needs quadratic time
  for many quotation marks: it is given the text without them, in windows, and with plain spaces alone;
- it cuts after some abbreviations and after ordinals ("im 19. Jahrhundert", "der 1. FC"): such cuts go;
- it never cuts after an abbreviation that may end a sentence ("usw. Danach"): such cuts are added where the
  next word is a function word with a capital.

A sentence left uncut costs less than one cut in two, so what stays in doubt stays uncut.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import sentencex

from stages.lookups.code_points import cut_codes, join_codes, tell_kinds
from stages.tables.offsets import with_raw_range

VERSION = "3"
WINDOW = 8_000  # characters handed to the library at once; a longer sentence is cut at a space
LOOKUP = Path(__file__).parent / "lookups" / "sentences.json"

# Quotation marks, straight, curly, low and angled, and brackets. U+2019 is left alone: it is the apostrophe as well.
# White space other than blanks and line ends too: sentencex 1.0.32 panics at "M\u00a0. Dupont" in French.
MASKED = re.compile(
    '["\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u201a\u2018()\\[\\]]|[\\x1c-\\x1f]|[^\\S\\x00-\\x7f]'
)
SPACE = np.uint32(ord(" "))
ELLIPSIS = "\u2026"  # ends a sentence before an opener as well
# What may close a quotation or bracket right after the last full stop; U+201E, U+201A and ( [ only open.
CLOSERS = re.compile("[\"\u201c\u201d\u201f\u00ab\u00bb\u2039\u203a\u2018\u2019')\\]]*")
FRENCH_CLOSERS = re.compile(CLOSERS.pattern + "(?:[ \u00a0\u202f]?[\u00bb\u203a]" + CLOSERS.pattern + ")?")
# Nothing a sentence begins with: closing marks, a small letter (ASCII, or U+00DF to U+00FF).
CONTINUATION = re.compile("\\s*[,;:.!?)\\]a-z\u00df-\u00ff]")
ENUMERATOR = re.compile(r"\s*(?:\d{1,3}|[a-zA-Z])[.)]\s*")
LONGEST_FINAL = 20  # characters of an abbreviation that may end a sentence
LONGEST_ENUMERATOR = 4  # characters, without white space
# Read from the cut towards the front: the last word or number, and the word before it.
LAST_WORDS = re.compile(r"\s*\.(\d{1,3}|[^\W\d_]+)(?:\s+([^\W\d_]+))?")
HYPHENATED_INITIALS = re.compile(r"\b[^\W\d_]\.-[^\W\d_]\.\s*$")  # "K.-H. Brandt"
NEXT_WORD = re.compile(r"\W*([^\W\d_]+)")
LOOK_AROUND = 40  # characters read on either side of a cut


class _Lists(NamedTuple):
    abbreviations: frozenset[str]
    openers: frozenset[str]
    leaders: frozenset[str]
    nouns: frozenset[str]
    stop_before_opener: re.Pattern[str]
    ellipsis_before_opener: re.Pattern[str]
    final: re.Pattern[str]


def split_sentences(text: str, language: str) -> list[tuple[int, int]]:
    """Start and end of every sentence of a text, as code points, in order.

    The spans hold every character that is not white space exactly once, begin and end with such a character,
    and there is at least one where there is such a character. ``language`` is a code as `identify_languages`
    gives it; one without word lists of ours gets the library's boundaries alone.

    >>> text = "Am 3. Oktober kam Dr. Weiß. „Gut. Sehr gut“, rief er."
    >>> [text[start:end] for start, end in split_sentences(text, "de")]
    ['Am 3. Oktober kam Dr. Weiß.', '„Gut.', 'Sehr gut“, rief er.']
    """
    return next(split_all([text], [language]))


def split_all(texts: Sequence[str], languages: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
    """The sentences of each text as `split_sentences` finds them; many at once cost less."""
    codes, starts = join_codes(texts)
    masked = cut_codes(np.where(tell_kinds(codes, _is_masked), SPACE, codes), starts)
    return map(_split, texts, masked, languages)


def _is_masked(character: str) -> bool:
    return MASKED.match(character) is not None


def _split(text: str, masked: str, language: str) -> list[tuple[int, int]]:
    lists = _lists(language)
    closers = FRENCH_CLOSERS if language == "fr" else CLOSERS
    library, forced = _library_cuts(masked, language)
    cuts = {_after_closers(text, masked, cut, closers) for cut in library}
    if lists:
        cuts = {cut for cut in cuts if not _is_false(text, cut, lists)}
        cuts |= {_after_closers(text, masked, cut, closers) for cut in _missed_cuts(masked, lists)}
    return _spans(text, sorted(cuts.union(forced)))


def _library_cuts(masked: str, language: str) -> tuple[list[int], list[int]]:
    """Where the library begins a new sentence, and where a sentence longer than a window is cut by force."""
    found: list[int] = []
    forced: list[int] = []
    start = 0
    while start < len(masked):
        stop = min(start + WINDOW, len(masked))
        # Of the boundaries themselves the library makes a dictionary each, which takes twice the time.
        lengths = map(len, sentencex.segment(language, masked[start:stop])[:-1])
        cuts = list(accumulate(lengths, initial=start))[1:]
        found += cuts
        if stop == len(masked):
            break
        if not cuts:
            forced.append(_last_space(masked, start, stop))
        # The last sentence of a window may go on behind it: the next window begins with it.
        start = cuts[-1] if cuts else forced[-1]
    return found, forced


def _missed_cuts(masked: str, lists: _Lists) -> Iterator[int]:
    """Where an abbreviation that may end a sentence, or an ellipsis, stands before a word that begins one."""
    for match in lists.stop_before_opener.finditer(masked):
        if lists.final.search(masked, max(0, match.start() - LONGEST_FINAL), match.end()):
            yield match.end()
    if ELLIPSIS in masked:
        yield from (match.end() for match in lists.ellipsis_before_opener.finditer(masked))


def _last_space(text: str, start: int, stop: int) -> int:
    space = text.rfind(" ", start + 1, stop)
    return space if space > 0 else stop


def _after_closers(text: str, masked: str, cut: int, closers: re.Pattern[str]) -> int:
    """The end of the sentence before a cut, with the quotation marks and brackets that close there."""
    start = max(0, cut - LOOK_AROUND)
    end = start + len(masked[start:cut].rstrip())
    match = closers.match(text, end)
    return match.end() if match else end


def _is_false(text: str, cut: int, lists: _Lists) -> bool:
    """Whether a cut stands after an abbreviation or an ordinal, or before what no sentence begins with."""
    before, after = text[max(0, cut - LOOK_AROUND) : cut], text[cut : cut + LOOK_AROUND]
    if CONTINUATION.match(after):
        return True
    last = LAST_WORDS.match(before[::-1])
    if not last:
        return False
    word, leader = last[1][::-1], (last[2] or "")[::-1]
    is_number = word.isdigit()
    # Looked for only where the hyphen is: most cuts stand behind plain words.
    initials = ".-" in before and HYPHENATED_INITIALS.search(before)
    if not (is_number or word in lists.abbreviations or initials):
        return False
    following = NEXT_WORD.match(after)
    if not following or following[1] in lists.openers:
        return False
    return not is_number or _is_ordinal(leader, following[1], lists)


def _is_ordinal(leader: str, noun: str, lists: _Lists) -> bool:
    """Whether "leader 3. noun" counts: by its noun, or after any word in small letters, a verb being rarer there."""
    return noun in lists.nouns or (bool(lists.leaders) and (leader.islower() or leader.lower() in lists.leaders))


def _spans(text: str, cuts: list[int]) -> list[tuple[int, int]]:
    """The stretches between cuts without the white space around them; one without a letter joins its neighbour."""
    spans: list[tuple[int, int]] = []
    pending: int | None = None
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = text[start:end]
        if not (bare := piece.strip()):
            continue
        left = start + piece.index(bare[0])
        right = left + len(bare)
        enumerator = len(bare) <= LONGEST_ENUMERATOR and ENUMERATOR.fullmatch(bare)
        if not enumerator and any(map(str.isalnum, bare)):
            spans.append((left if pending is None else pending, right))
            pending = None
        elif spans and pending is None and not enumerator:
            spans[-1] = (spans[-1][0], right)
        elif pending is None:
            pending = left
    if pending is not None:
        spans.append((pending, len(text.rstrip())))
    return spans


@cache
def _lists(language: str) -> _Lists | None:
    data = json.loads(LOOKUP.read_text(encoding="utf-8")).get(language)
    if data is None:
        return None
    openers = "|".join(sorted(data["openers"], key=len, reverse=True))
    before_opener = rf"(?=\s+(?:{openers})\b)"
    final = rf"\b(?:{'|'.join(data['final'])})\.\Z"
    return _Lists(
        frozenset(data["abbreviations"]),
        frozenset(data["openers"]),
        frozenset(data["ordinal_leaders"]),
        frozenset(data["ordinal_nouns"]),
        # Apart, as a pattern that begins with one certain character is searched for several times faster.
        re.compile(rf"\.{before_opener}"),
        re.compile(ELLIPSIS + before_opener),
        re.compile(final),
    )


def split_blocks(blocks: pl.DataFrame) -> pl.DataFrame:
    """Split the blocks of a batch into rows of the `sentences` table.

    ``blocks`` has the columns doc_id, block_no, text, start, language and spans, in reading order.
    """
    texts, starts = blocks["text"].to_list(), blocks["start"].to_numpy()
    found = list(split_all(texts, blocks["language"].to_list()))
    counts = [len(spans) for spans in found]
    edges = np.array([edge for spans in found for span in spans for edge in span], np.int64).reshape(-1, 2)
    edges += np.repeat(starts, counts)[:, None]
    sentences = blocks.select("doc_id", "block_no")[np.repeat(np.arange(len(texts)), counts)].with_columns(
        pl.Series("text", [text[a:b] for text, spans in zip(texts, found, strict=True) for a, b in spans], pl.String),
        pl.Series("start", edges[:, 0]),
        pl.Series("end", edges[:, 1]),
        sentence_no=pl.int_range(pl.len()).over("doc_id"),
    )
    return with_raw_range(sentences, blocks)
