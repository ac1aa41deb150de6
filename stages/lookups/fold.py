"""Names become keys: two spellings that differ in case, dots, accents or inflection alone get the same key."""

import re
import unicodedata
from functools import lru_cache

GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "ł": "l", "đ": "d", "ı": "i"})
# Quotation marks, apostrophes at the edges, full stops, commas and ellipses go; hyphens of every kind part words.
DROPPED = re.compile('[.,\u2026"\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u201a\u2018]')
HYPHENS = re.compile("[-\u2010\u2011\u2012\u2013/_]")
# What keys are put together with ("anna|mueller|", "@2761369", "=mueller"): no text may look like a key. Looked for
# after normalisation, which makes them of U+FF5C, U+FF20 and U+FF1D as well.
KEY_SIGNS = re.compile("[|@=]")
APOSTROPHE_S = re.compile("['\u2019\u00b4`](?:s\\b|$|(?=\\s))")
SLAVIC = re.compile(r"(?:skyj|skij|skyy|skiy|skyi|skyj|skoj|sky|skii|ski)$")  # one transliteration of the ending -ski
# Letters of Russian and Ukrainian as German newspapers write them.
CYRILLIC = str.maketrans(
    dict(zip("абвгґдезийіїклмнопрстуфыьъэ", [*"abwggdesijiiklmnoprstufy", "", "", "e"], strict=True))
    | {
        "ё": "jo",
        "є": "je",
        "ж": "sch",
        "х": "ch",
        "ц": "z",
        "ч": "tsch",
        "ш": "sch",
        "щ": "schtsch",
        "ю": "ju",
        "я": "ja",
    }
)
SLAVIC_LETTERS = str.maketrans({"z": "s", "w": "v", "y": "i"})
ENDING = re.compile(r"(?<=\w{3})(?:e[nrms]?)$")
ENDINGS = ("e", "en", "er", "em", "es")
TWICE = re.compile(r"(.)\1")
REMEMBERED = 10_000
"""Names or words of which a process remembers one thing: what news repeat, in two or three megabytes a thing."""


@lru_cache(REMEMBERED)
def plain(text: str) -> str:
    """Small letters without accents and dots, one space between words.

    >>> plain("J.D.  Vance"), plain("Müller-Lüdenscheidt"), plain("São Paulo"), plain("U.S.A.")
    ('jd vance', 'mueller luedenscheidt', 'sao paulo', 'usa')
    """
    key = _german(text.lower())
    if key.isascii() and key.replace(" ", "").isalnum():  # no sign that goes or parts, as in nine names of ten
        return " ".join(key.split())
    key = HYPHENS.sub(" ", _german(DROPPED.sub("", APOSTROPHE_S.sub("", text.strip())).lower()))
    if not key.isascii():
        key = unicodedata.normalize("NFKD", key.translate(CYRILLIC))
    key = KEY_SIGNS.sub(" ", key)
    return " ".join((key if key.isascii() else "".join(ch for ch in key if not unicodedata.combining(ch))).split())


def _german(text: str) -> str:
    return text if text.isascii() else text.translate(GERMAN)


def uninflected(key: str) -> str:
    """The words before the last without their adjective endings: "weißen haus" and "weißes haus" are one.

    >>> uninflected("vereinigten staaten"), uninflected("vereinigte staaten")
    ('vereinigt staaten', 'vereinigt staaten')
    """
    if key.isalnum():
        return key
    *first, last = key.split() or [""]
    return " ".join([*map(without_ending, first), last])


def without_ending(word: str) -> str:
    """A word without the ending of an adjective.

    >>> without_ending("weisses"), without_ending("wien")
    ('weiss', 'wien')
    """
    return ENDING.sub("", word) if word.endswith(ENDINGS) else word


def genitives(key: str) -> list[str]:
    """What a key would be without the -s of a genitive; whether it has one, only other mentions can tell.

    >>> genitives("donald trumps"), genitives("roten kreuzes"), genitives("wien")
    (['donald trump'], ['roten kreuze', 'roten kreuz'], [])
    """
    if len(key) < 4 or not key.endswith("s") or key.endswith("ss"):
        return []
    return [key[:-1], key[:-2]] if key.endswith("es") and len(key) > 5 else [key[:-1]]


def surname_key(word: str) -> str:
    """One key for the transliterations of a Slavic surname ("Selenskyj", "Selenski", "Zelensky").

    >>> surname_key("selenskyj"), surname_key("zelensky"), surname_key(plain("Зеленський")), surname_key("zander")
    ('selenski', 'selenski', 'selenski', 'zander')
    """
    if "sk" not in word:
        return word
    stem = SLAVIC.sub("ski", word)
    return stem.translate(SLAVIC_LETTERS) if stem.endswith("ski") else stem


@lru_cache(REMEMBERED)
def given_key(word: str) -> str:
    """A given name without spelling variants that are no other name: Stephan, Katharina, Wladimir.

    >>> given_key("stephan") == given_key("stefan"), given_key("vladimir") == given_key("wladimir")
    (True, True)
    """
    word = word.replace("ph", "f").replace("th", "t").replace("w", "v").replace("c", "k").replace("y", "i")
    return TWICE.sub(r"\1", word.replace("kk", "k"))
