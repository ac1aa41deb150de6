"""Sentences become tokens: numbers, dates and times in digits, words and signs, each with its letter."""

import re
from typing import Any, NamedTuple

from stages.extract_entities.values.lexicon import SIGNS, Lexicon

# Digits are those of ASCII; others count as any sign. Grouped by U+0020, U+00A0, U+202F, U+2019, full stop, comma or
# apostrophe, with a decimal part or without.
GROUPED = r"[0-9]{1,3}(?:[.,'\u2019\u00a0\u202f ][0-9]{3})+(?![0-9])(?:[.,][0-9]{1,2}(?![0-9]))?"
TOKEN = re.compile(
    r"(?P<code>https?://\S+|www\.\S+|[^\W\d_]+[0-9]\w*)"
    r"|(?P<f>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}(?![0-9])"
    r"|[0-9]{1,2}\.[ ]?[0-9]{1,2}\.[ ]?(?:[0-9]{4}|[0-9]{2})(?![0-9.]))"
    r"|(?P<o>[0-9]{1,2}\.[0-9]{1,2}\.(?![0-9]))"
    r"|(?P<K>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![0-9:]))"
    r"|(?P<Z>(?:[0-9]{2})?[0-9]0(?:er[nsz]?|s)(?!\w))"
    rf"|(?P<n>{GROUPED}|[0-9]+(?:[.,][0-9]+)?)"
    r"|(?P<special>US\$|[ACH]K?\$|(?:US|D)-(?:Dollars?|Mark)"
    r"|[kK]m ?/ ?h(?!\w)|m/s(?!\w)|\u00b0[ ]?[CF](?!\w)|[ap]\.m\.?|o['\u2019]clock"
    r"|aujourd['\u2019]hui|avant-hier|apr\u00e8s-(?:demain|midi))"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<x>\S)"
)
WORDS = re.compile(r"[^\W\d_]+")
SIGN = re.compile("[0-9%\u20ac$\u00a3\u00a5\u2030]")  # digits, per cent, euro, dollar, pound, yen, per mille
STEMS = ("ägig", "ündig", "ährig", "inütig", "onatig", "öchig", "ekündig")


class Tokens(NamedTuple):
    """A sentence in tokens: one letter each in ``letters``, and where they stand."""

    letters: str
    texts: list[str]
    starts: list[int]
    ends: list[int]
    words: Lexicon

    def payload(self, index: int) -> Any:
        """What the word stands for: a month's number, a currency's code, a unit's symbol."""
        return self.words.payloads.get(self.texts[index])

    def before(self, index: int) -> str:
        """The word before a token, in small letters; empty at the beginning."""
        return self.texts[index - 1].lower() if index else ""

    def after(self, index: int) -> str:
        """The word at a token, empty behind the end: given the end of a match, the word after it."""
        return self.texts[index] if index < len(self.texts) else ""


def may_hold_values(sentence: str, words: Lexicon) -> bool:
    """Whether a sentence has a digit, a sign or a word that a value cannot do without."""
    if SIGN.search(sentence) or not words.triggers.isdisjoint(WORDS.findall(sentence)):
        return True
    return words.adjective is not None and any(stem in sentence for stem in STEMS)


def tokenise(sentence: str, words: Lexicon) -> Tokens:
    """The tokens of a sentence."""
    letters: list[str] = []
    texts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    known = words.letters
    for match in TOKEN.finditer(sentence):
        text, kind = match[0], match.lastgroup or "x"
        if kind in {"word", "special", "x"}:
            kind = known.get(text) or SIGNS.get(text) or _adjective(text, words)
        elif kind == "n":
            kind = _number_kind(text)
        elif kind == "code":
            kind = "x"  # addresses, road numbers
        letters.append(kind)
        texts.append(text)
        starts.append(match.start())
        ends.append(match.end())
    return Tokens("".join(letters), texts, starts, ends, words)


def _number_kind(text: str) -> str:
    """ "d" could be a day or an hour, "y" a year, "n" is any other number."""
    if len(text) <= 2:
        return "d"
    return "y" if len(text) == 4 and text.isdigit() and "1000" <= text < "2200" else "n"


def _adjective(word: str, words: Lexicon) -> str:
    """ "M" for a number and a time in one adjective ("dreitägige"), "x" for any other word."""
    if words.adjective is None or "ig" not in word:
        return "x"
    match = words.adjective.fullmatch(word.lower())
    return "M" if match and words.letters.get(match[1]) in {"w", "e"} else "x"
