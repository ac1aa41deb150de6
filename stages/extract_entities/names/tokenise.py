"""Sentence text -> words with offsets, cut the way the German name corpora cut them."""

import re
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

import numpy as np

# A word character: letter or digit, combining marks U+0300-U+036F (decomposed umlauts), soft hyphen U+00AD.
_W = r"(?:[^\W_]|[\u0300-\u036f\u00ad])"
# Inside a word: hyphen-minus, U+2010 hyphen, U+2011 non-breaking hyphen, ampersand, apostrophes
# (U+0027, U+2019, U+00B4, U+0060), and a dot before a lower-case letter or digit ("faz.net", "Sat.1").
_INNER = r"(?:[-\u2010\u2011&'\u2019\u00b4`]|\.(?=[a-z\d\u00df-\u00ff]))"
_BODY = (
    r"(?:https?://|www\.)[^\s<>\"\u201e\u201c\u201d\u00bb\u00ab()\[\]]*[\w/]"  # an address without its full stop
    r"|(?:[^\W\d_]\.){2,}"  # z.B., J.D., e.V.
    r"|[A-Z\u00c4\u00d6\u00dc]\.(?=\s*\S)"  # the initial in "George W. Bush"
    r"|(?:Co|Inc|Ltd|Corp|Bros|Nr|Hrsg|Mrs?|Ms|bzw|ca|usw|etc)\.(?!\w)"
    r"|[IVX]{2,}\.(?=\s)"  # Friedrich II. von ...
    r"|\d{1,2}\.(?=\s+[^\W\d_])"  # 5. Juni
    rf"|\d+(?:[.,:/\u2013-]\d+)*{_W}*(?:-{_W}+)*-?"  # 1,5  10.000  2007/2008  30-jährige  9/11-
    rf"|-?{_W}+(?:{_INNER}{_W}+)*"
)
_END_HYPHEN = r"(?:-(?=[\s,]|$))?"  # Nord- und Südkorea
_REST = r"|\.{2,}|''|--|\S"
# Most tokens are letters before a blank or a comma, or one mark; nothing in the pattern cuts these in another way.
_PLAIN = '[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]+(?![^ ,])|[,;:!?()"\u201e\u201c\u00bb\u00ab]|\\.(?!\\.)|'
# No token begins with a blank: told at once, or every other place would be held against all that a token may be.
_BEGIN = "(?! )"
# The genitive apostrophe belongs to the name (Hans' Haus), unless single quotation marks open in this sentence.
TOKEN = re.compile(rf"{_BEGIN}(?:{_PLAIN}(?:{_BODY}(?:(?<=[sxz\u00df])['\u2019](?=[\s.,;]|$))?{_END_HYPHEN}){_REST})")
TOKEN_QUOTED = re.compile(rf"{_BEGIN}(?:{_PLAIN}(?:{_BODY}{_END_HYPHEN}){_REST})")
# What French leaves of a word before a vowel is a word: "l' Italie". Before a capital some letters are part of a name
# ("N'Golo", "M'Bappé").
_ELIDED = (
    r"(?:[DdLl]|(?:[Jj]us|[Ll]ors|[Pp]uis|[Qq]uoi)?[Qq]u)['\u2019](?=[^\W\d_])"
    r"|[CcJjMmNnSsTt]['\u2019](?=[a-z\u00df-\u00ff])"
)
TOKEN_FRENCH = re.compile(rf"{_BEGIN}(?:{_ELIDED}|{_PLAIN}(?:{_BODY}{_END_HYPHEN}){_REST})")
SINGLE_QUOTE = re.compile(r"['\u201a\u2018](?<!\S['\u201a\u2018])")
_SOLID = np.array([not chr(code).isspace() for code in range(0x3002)])  # U+3000 is the last white space


class Words(NamedTuple):
    """The words of some sentences, end to end; those of sentence ``i`` are ``bounds[i]:bounds[i + 1]``.

    ``starts`` are code points in the own sentence.
    """

    forms: list[str]
    starts: list[int]
    bounds: list[int]


def tokenise(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) of every word and mark of one sentence, in code points.

    Hyphenated compounds, initials, ordinals and genitive apostrophes stay whole; quotation marks, brackets and
    slashes stand alone. White space is in no token, every other character is in exactly one. Linear in the text.

    >>> [text[s:e] for text in ["Hans' US-Reise (1. Mai)."] for s, e in tokenise(text)]
    ["Hans'", 'US-Reise', '(', '1.', 'Mai', ')', '.']
    """
    words = tokenise_all([text])
    return [(start, start + len(form)) for start, form in zip(words.starts, words.forms, strict=True)]


def tokenise_all(texts: Sequence[str], languages: Sequence[str] = ()) -> Words:
    """Cut each of some sentences as `tokenise` does, French ones also after an elided word: "l' Italie"."""
    rows = [
        (TOKEN_FRENCH if language == "fr" else TOKEN_QUOTED if SINGLE_QUOTE.search(text) else TOKEN).findall(text)
        for text, language in zip_longest(texts, languages)
    ]
    forms = list(chain.from_iterable(rows))
    bounds = np.cumsum([0, *map(len, rows)])
    lengths = np.fromiter(map(len, forms), np.intp, len(forms))
    # Every character that is not white space is in exactly one word, so the lengths of the words tell their places.
    letters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    solid = np.flatnonzero(np.take(_SOLID, letters, mode="clip"))
    before = np.cumsum([0, *map(len, texts)])[:-1]
    starts = solid[np.cumsum(lengths) - lengths] - np.repeat(before, np.diff(bounds))
    return Words(forms, starts.tolist(), bounds.tolist())
