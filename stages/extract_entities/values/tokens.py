"""Sentences become tokens: numbers, dates and times in digits, words and signs, each with its kind."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from stages.extract_entities.values.kinds import KINDS, LETTERS
from stages.extract_entities.values.lexicon import SIGNS, Lexicon, lexicon
from stages.lookups.code_points import Codes, Ints, join_codes, tell_kinds

# Digits are those of ASCII; others count as any sign. Grouped by U+0020, U+00A0, U+202F, U+2019, full stop, comma or
# apostrophe, with a decimal part or without.
GROUPED = r"[0-9]{1,3}(?:[.,'\u2019\u00a0\u202f ][0-9]{3})+(?![0-9])(?:[.,][0-9]{1,2}(?![0-9]))?"
DASHES = r"(?:--?|[\u2013\u2014])(?![\w-])"  # for no cents: "12,-", "12,--"
TOKEN = re.compile(
    r"(?P<code>https?://\S+|www\.\S+|(?![\u00bc-\u00be])[^\W\d_]+[0-9]\w*)"
    r"|(?P<full_date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}(?![0-9])"
    r"|[0-9]{1,2}\.[ ]?[0-9]{1,2}\.[ ]?(?:[0-9]{4}(?![0-9]|\.[0-9])|[0-9]{2}(?![0-9]|\.[0-9])))"
    r"|(?P<day_month>(?<![$\u20ac\u00a3\u00a5])[0-9]{1,2}\.[ ]?(?:0?[1-9]|1[0-2])\.(?![0-9]))"
    r"|(?P<hour_minute>[0-9]{1,2}h[0-9]{2}(?!\w))"
    r"|(?P<clock_time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]{1,3})?(?![0-9:]))"
    r"|(?P<decade>(?:[0-9]{2})?[0-9]0(?:er[nsz]?|s)(?!\w))"
    rf"|(?P<digits>{GROUPED}(?:[.,]{DASHES})?|[0-9]+(?:[.,]{DASHES}|[.,][0-9]+)?)"
    r"|(?P<special>US\$|[ACH]K?\$|(?:US|D)-(?:Dollars?|Mark)"
    r"|[kK]m ?/ ?h(?!\w)|m/s(?!\w)|(?:[\u00b5\u03bcm]?g/(?:m\u00b3|dl|l|km)|kg/m\u00b2|(?:l|kWh)/100 ?km)(?!\w)"
    r"|[kKMG]?[Bb]i?ts?/s(?!\w)|\u00b0[ ]?[CF](?!\w)|[ap]\.m\.?|o['\u2019]clock"
    r"|[Aa]ujourd['\u2019]hui|avant-hier|apr\u00e8s-(?:demain|midi))"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<sign>\S)"
)
# Each of these is a token of its own beside a word.
MARKS = frozenset('.,;:!?()"\u201e\u201c\u00bb\u00ab')
DIGITS = frozenset("0123456789")
_LETTER, _MARK, _DIGIT, _GAP = 1, 2, 3, 4
# By kind of character: together nothing where all are letters, their number where all are digits.
_WEIGHTS = np.array([1 << 24, 0, 1 << 24, 1, 1 << 24])
LONGEST_KNOWN = 40  # characters of a token whose kind is remembered; longer ones are addresses and debris
# Digits, per cent, euro, dollar, pound, yen, per mille, a quarter, a half, three quarters.
SIGN = "[0-9%\u20ac$\u00a3\u00a5\u2030\u00bc\u00bd\u00be]"
PART_CODE = re.compile("Q[1-4]|H[12]")
COUNTING = frozenset({"numeral", "fraction", "one", "half"})
STEMS = ("ägig", "ündig", "ährig", "inütig", "onatig", "öchig", "ekündig")


class Tokens(NamedTuple):
    """A sentence in tokens: in ``letters`` one letter for the kind of each, in ``starts`` its place in the sentence."""

    letters: str
    texts: list[str]
    starts: list[int]
    words: Lexicon
    sentence: str

    def touch(self, first: int, last: int) -> bool:
        """Tell whether tokens stand side by side without a space, somewhere in the sentence."""
        return "".join(self.texts[first : last + 1]) in self.sentence

    def kind(self, index: int) -> str:
        """The kind of a token, one of `kinds`."""
        return KINDS[self.letters[index]]

    def payload(self, index: int) -> Any:
        """What the word stands for: a month's number, a currency's code, a unit's symbol."""
        return self.words.payloads.get(self.texts[index])

    def end(self, index: int) -> int:
        """Where a token ends in the sentence."""
        return self.starts[index] + len(self.texts[index])

    def before(self, index: int) -> str:
        """The word before a token, in small letters; empty at the beginning, and before that."""
        return self.texts[index - 1].lower() if index > 0 else ""

    def after(self, index: int) -> str:
        """The word at a token, empty behind the end: given the end of a match, the word after it."""
        return self.texts[index] if index < len(self.texts) else ""


def may_hold_values(sentences: pl.Series, words: Lexicon) -> pl.Series:
    """Whether each sentence has a digit, a sign or a word that a value cannot do without."""
    return sentences.str.contains(_hint(words.language))


@cache
def _hint(language: str) -> str:
    """A pattern of what a value cannot do without: one look at all sentences costs less than a call for each."""
    words = lexicon(language)
    assert words is not None  # or there would be no values in this language
    whole = "|".join(map(re.escape, sorted(words.triggers - {""})))
    stems = f"|{'|'.join(STEMS)}" if words.adjective else ""
    return rf"{SIGN}{stems}|(?:^|\PL)(?:{whole})(?:\PL|$)"


def tokenise(sentences: Sequence[str], words: Lexicon) -> list[Tokens]:
    """The tokens of each sentence."""
    codes, begins = join_codes(sentences)
    text = "\n".join([*sentences, ""])
    starts, ends = _find_tokens(text, codes)
    texts = [text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    letters = "".join(map(_letters(words.language).__getitem__, texts))
    edges = np.searchsorted(starts, np.append(begins, len(codes)))
    places = (starts - np.repeat(begins, np.diff(edges))).tolist()
    bounds = pairwise(edges.tolist())
    return [
        Tokens(letters[first:last], texts[first:last], places[first:last], words, sentence)
        for sentence, (first, last) in zip(sentences, bounds, strict=True)
    ]


def _find_tokens(text: str, codes: Codes) -> tuple[Ints, Ints]:
    """Where tokens begin and end in a text and its code points.

    Most of what stands between blanks is a word, a number or a sign, perhaps with a mark before or behind it; one look
    at all code points tells these. The pattern reads what is left.
    """
    kinds = tell_kinds(codes, _kind_of_character)
    gaps = np.flatnonzero(kinds == _GAP)
    cuts = gaps[(codes[gaps] == ord("\n")) | ~_inside_tokens(codes[gaps - 1], codes[gaps + 1 - len(codes)])]
    starts = np.append(0, cuts[:-1] + 1)
    starts, ends = starts[starts < cuts], cuts[starts < cuts]
    alone = ends - starts == 1
    head, tail = (kinds[starts] == _MARK) & ~alone, (kinds[ends - 1] == _MARK) & ~alone
    size = ends - starts - head - tail
    sums = np.append(0, np.cumsum(_WEIGHTS[kinds]))
    others = sums[ends] - sums[starts] - _WEIGHTS[_MARK] * (head.astype(np.int64) + tail)
    plain = alone | (((others == 0) | (others == size)) & (size > 0))
    rest = zip(starts[~plain].tolist(), ends[~plain].tolist(), strict=True)
    spans = [match.span() for start, end in rest for match in TOKEN.finditer(text, start, end)]
    read = np.array(spans, np.int64).reshape(-1, 2)
    opened, closed = starts[plain & head], ends[plain & tail]
    starts = np.concatenate(((starts + head)[plain], opened, closed - 1, read[:, 0]))
    ends = np.concatenate(((ends - tail)[plain], opened + 1, closed, read[:, 1]))
    order = np.argsort(starts, kind="stable")
    return starts[order], ends[order]


def _kind_of_character(character: str) -> int:
    if character.isalpha():
        return _LETTER
    return _MARK if character in MARKS else _DIGIT if character in DIGITS else _GAP if character in " \n" else 0


def _inside_tokens(before: Codes, after: Codes) -> npt.NDArray[np.bool_]:
    """Which blanks between two characters may be in a token: "10 000", "15. 8.", "km / h", "\u00b0 C", "l/100 km"."""
    digits = [(side >= ord("0")) & (side <= ord("9")) for side in (before, after)]
    inside = (digits[0] | (before == ord("."))) & digits[1]
    for left, right in ("m/", "/h", "\u00b0C", "\u00b0F", "0k"):
        inside |= (before == ord(left)) & (after == ord(right))
    return np.asarray(inside)


class _Letters(dict[str, str]):
    """Token -> the letter of its kind, which the token alone tells. Emptied when it grows too large."""

    LIMIT = 50_000

    def __init__(self, words: Lexicon) -> None:
        self._words = words

    def __missing__(self, text: str) -> str:
        letter = LETTERS[_kind(text, "word" if text.isalpha() else _group(text), self._words)]
        if len(self) >= self.LIMIT:
            self.clear()
        if len(text) < LONGEST_KNOWN:
            self[text] = letter
        return letter


@cache
def _letters(language: str) -> _Letters:
    words = lexicon(language)
    assert words is not None  # or there would be no tokens in this language
    return _Letters(words)


def _group(text: str) -> str:
    match = TOKEN.fullmatch(text)
    return (match and match.lastgroup) or "sign"


def _kind(text: str, group: str, words: Lexicon) -> str:
    if group in {"word", "special", "sign"}:
        return words.kinds.get(text) or SIGNS.get(text) or _adjective(text, words)
    if group == "digits":
        return _number_kind(text)
    if group == "code":
        return "part_code" if PART_CODE.fullmatch(text) else "other"  # else addresses, road numbers
    return group


def _number_kind(text: str) -> str:
    """One or two digits could be a day or an hour, four a year; all else is any other number."""
    if len(text) <= 2:
        return "day"
    return "year" if len(text) == 4 and text.isdigit() and "1000" <= text < "2200" else "number"


def _adjective(word: str, words: Lexicon) -> str:
    """Whether a word is a number and a time in one adjective ("dreitägige"), or any other word."""
    if words.adjective is None or "ig" not in word:
        return "other"
    match = words.adjective.fullmatch(word.lower())
    return "counted_adjective" if match and words.kinds.get(match[1]) in COUNTING else "other"
