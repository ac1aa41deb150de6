"""Sentences become tokens: numbers, dates and times in digits, words and signs, each with its kind."""

import re
from functools import cache
from typing import Any, NamedTuple

import polars as pl

from stages.extract_entities.values.kinds import KINDS, LETTERS
from stages.extract_entities.values.lexicon import SIGNS, Lexicon, lexicon

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
    r"|[kK]m ?/ ?h(?!\w)|m/s(?!\w)|(?:[\u00b5\u03bcm]?g/(?:m\u00b3|dl|l|km)|kg/m\u00b2|l/100 ?km)(?!\w)"
    r"|[kKMG]?[Bb]i?ts?/s(?!\w)|\u00b0[ ]?[CF](?!\w)|[ap]\.m\.?|o['\u2019]clock"
    r"|aujourd['\u2019]hui|avant-hier|apr\u00e8s-(?:demain|midi))"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<sign>\S)"
)
# Most tokens are letters before a blank or a comma, or one mark; nothing in the pattern cuts these in another way.
_PLAIN = '[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]{2,}(?![^ ,]| /)|[.,;:!?()"\u201e\u201c\u00bb\u00ab]|'
TOKENS = re.compile(_PLAIN + re.sub(r"\?P<\w+>", "?:", TOKEN.pattern))
LONGEST_KNOWN = 40  # characters of a token whose kind is remembered; longer ones are addresses and debris
# Digits, per cent, euro, dollar, pound, yen, per mille, a quarter, a half, three quarters.
SIGN = "[0-9%\u20ac$\u00a3\u00a5\u2030\u00bc\u00bd\u00be]"
PART_CODE = re.compile("Q[1-4]|H[12]")
COUNTING = frozenset({"numeral", "fraction", "one", "half"})
STEMS = ("ägig", "ündig", "ährig", "inütig", "onatig", "öchig", "ekündig")


class Tokens(NamedTuple):
    """A sentence in tokens: in ``letters`` one letter for the kind of each."""

    letters: str
    texts: list[str]
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


def tokenise(sentence: str, words: Lexicon) -> Tokens:
    """The tokens of a sentence."""
    texts: list[str] = TOKENS.findall(sentence)
    return Tokens("".join(map(_letters(words.language).__getitem__, texts)), texts, words, sentence)


def places(tokens: Tokens) -> list[tuple[int, int]]:
    """Start and end of each token in its sentence."""
    found, end = [], 0
    for text in tokens.texts:
        start = tokens.sentence.index(text, end)  # between two tokens is white space alone
        end = start + len(text)
        found.append((start, end))
    return found


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
