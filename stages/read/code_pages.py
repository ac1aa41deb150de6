"""Which 8-bit code page a text is written in: the one in which its bytes above ASCII read most like a language.

Every such byte is read in every code page and judged with its two neighbours: how frequent the letter is in a
language, whether the sign is one that texts have, and whether a capital, a sign or another script stands inside a
word. The code page and language with the highest log probability win, a prior for each code page added. The
letters of each language stand in order of their frequency, weighted by Zipf's law.
"""

import math
import re
from collections import Counter
from functools import cache
from itertools import islice
from typing import NamedTuple

# Log prior of each code page, in nats: it decides where only a few characters speak.
_PRIORS = {
    "cp1252": 0.0, "iso8859-15": -3.0, "latin-1": -3.0, "cp850": -4.0, "mac-roman": -4.0, "cp437": -5.0,
    "cp1250": -5.0, "iso8859-2": -5.0, "cp1251": -5.0, "koi8-r": -6.0, "cp1253": -6.0, "iso8859-7": -6.0,
    "cp1254": -6.0, "iso8859-9": -6.0, "cp1257": -6.0, "iso8859-13": -6.0, "cp852": -6.0, "mac-latin2": -8.0,
    "koi8-u": -6.5, "cp866": -6.0, "iso8859-5": -6.5, "mac-cyrillic": -7.0, "cp1255": -7.0, "cp1256": -7.0,
}  # fmt: skip
_ALPHABETS = {
    "German": "üäößéèáàçñôêëïíóúøåčš",
    "English": "éèïçöñüôêâáíóúäëåøàû",
    "French": "éèàêçôûîùâïëœüöæÿñäß",
    "Spanish": "óíáéñúüçèàö",
    "Portuguese": "ãáéçíõóêâúàôüèñ",
    "Italian": "èàùòéìîóíç",
    "Dutch": "ëéèïóüöêáàçûâíä",
    "Scandinavian": "åäøöæéüèêáàþðíóúý",
    "Polish": "łąężśćóńźéüöä",
    "Czech and Slovak": "íáěéřýčžšůúťďňóľôĺŕäüö",
    "Hungarian": "áéöóőüíúűäčš",
    "Romanian": "ăîțâșşţéö",
    "South Slavic": "čšžćđéáöü",
    "Baltic": "āėšžīčūēļųņęģįķąļöäüõ",
    "Turkish": "ıüşğöçîâû",
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "Ukrainian": "оаинвіртескулмдпязьбгчйхжцюєїшщфґ",
    "South Slavic Cyrillic": "аоеинртсвкдлупјзмбгчцхшжъњћфљщђџяюьй",
    "Greek": "αοιετσνηυρπκμλςωγδάίόέήύώφβχθζξψϊΐϋ",
    "Hebrew": "יוהלאתרבשמנחדקעפסגטזכםצןךףץ",
    "Arabic": "اليمنوتربهعدفسقكحجأشةصطخزىضذثغئإظءؤآ",
}
_QUOTES, _DASHES = "’“”„‘‚«»‹›", "–—"
_SIGNS = _QUOTES + _DASHES + "…€£§°·•²³½¼©®™¡¿ªºµ´†‰×±№¢¥¦¬¶÷\xa0\xad"
_FRAMES = "─│┌┐└┘├┤┬┴┼═║╔╗╚╝╠╣╦╩╬█▄▀■░▒▓"
# Signs that stand inside words: apostrophe, dashes, middle dot, soft hyphen, no-break space.
_JOINING = frozenset("’‘´–—·\xa0\xad")
# Signs that no word begins with: "¬чера" is a "Вчера" that was read as mac-cyrillic.
_NEVER_FIRST = frozenset("¬¦÷×±")
_UNKNOWN, _SIGN, _FRAME, _OTHER_LETTER = math.log(1e-4), math.log(0.02), math.log(0.003), math.log(5e-4)
_APOSTROPHE, _SIGN_IN_PLACE = math.log(0.5), math.log(0.1)
_LAST_LATIN = "\u02af"
_RARE_CAPITAL, _RARE_ALONE = math.log(0.3), math.log(0.05)
_FLOOR = -5.0
_HIGH = re.compile(rb"[\x80-\xff]")
_ABOVE_ASCII = bytes(range(128, 256))
_MOST = 20_000
"""So many bytes above ASCII are judged; more change nothing."""


class Guess(NamedTuple):
    """An encoding that decodes the whole text, the log probability of all characters above ASCII in it, and whether
    the result reads like text in one of the known languages.
    """

    encoding: str
    likelihood: float
    plausible: bool


def guess_code_page(data: bytes) -> Guess:
    """The code page of ``data``, which holds bytes above ASCII and is no UTF-8.

    Only code pages that can decode all of ``data`` are considered, so that there is always an answer; whether it
    is to be trusted ``plausible`` says.

    >>> [guess_code_page("Grüße aus Köln".encode(name)).encoding for name in ("cp1252", "cp850", "mac-roman")]
    ['cp1252', 'cp850', 'mac-roman']
    """
    padded = b" " + data + b" "
    spots = (match.start() for match in islice(_HIGH.finditer(padded), _MOST))
    seen = Counter(padded[at - 1 : at + 2] for at in spots)
    present = frozenset(data)
    scores = {name: _score(seen, table) for name, table in _tables().items() if present <= table.keys()}
    # The judged bytes and the prior decide between code pages; all bytes count against an encoding of another kind.
    name = max(scores, key=lambda name: scores[name] * seen.total() + _PRIORS[name])
    high = len(data) - len(data.translate(None, _ABOVE_ASCII))
    return Guess(name, scores[name] * high + _PRIORS[name], scores[name] > _FLOOR)


@cache
def _tables() -> dict[str, dict[int, str]]:
    """The character of every byte that a code page defines."""
    tables = {}
    for name in _PRIORS:
        decoded = {byte: bytes([byte]).decode(name, errors="ignore") for byte in range(256)}
        tables[name] = {byte: char for byte, char in decoded.items() if char}
    return tables


@cache
def _languages() -> tuple[dict[str, float], ...]:
    """For every language the log probability of its letters beyond ASCII."""
    found = []
    for letters in _ALPHABETS.values():
        total = sum(1 / rank for rank in range(1, len(letters) + 1))
        weights: dict[str, float] = {}
        for rank, letter in enumerate(letters, 1):
            weights.setdefault(letter, math.log(1 / (rank * total)))
        found.append(weights)
    return tuple(found)


def _score(seen: Counter[bytes], table: dict[int, str]) -> float:
    """The mean log probability in the language that fits best."""
    letters: Counter[str] = Counter()
    fixed = 0.0
    for around, n in seen.items():
        before, char, after = (table[byte] for byte in around)
        if char.isalpha() and char not in _SIGNS:
            letters[char.lower()] += n
            fixed += n * _weigh_neighbours(before, char, after)
        else:
            fixed += n * _weigh_sign(before, char, after)
    best = max(sum(n * words.get(c, _OTHER_LETTER) for c, n in letters.items()) for words in _languages())
    return (fixed + best) / seen.total()


def _weigh_sign(before: str, char: str, after: str) -> float:
    """A sign counts most where texts have it: an apostrophe inside a word, a quotation mark at its edge."""
    inside = before.isalpha() and after.isalpha()
    if char in _FRAMES:
        return 0.0 if char == before else _FRAME  # drawn in runs of one character
    if char not in _SIGNS or (char in _NEVER_FIRST and after.isalpha() and not before.isalpha()):
        return _UNKNOWN
    if inside:
        return _APOSTROPHE if char == "’" else _SIGN if char in _JOINING or after.isupper() else _UNKNOWN
    at_edge = before.isspace() != after.isspace() if char in _QUOTES else before.isspace() and after.isspace()
    return _SIGN_IN_PLACE if at_edge and char in _QUOTES + _DASHES else _SIGN


def _weigh_neighbours(before: str, char: str, after: str) -> float:
    """What speaks against a letter: another script beside it, a capital inside a word, standing alone."""
    if char > _LAST_LATIN:
        if _is_ascii_letter(before) or _is_ascii_letter(after):
            return _UNKNOWN
    elif char not in "àÀ" and not before.isalpha() and not after.isalpha():
        return _RARE_ALONE
    if char.isupper():
        among_capitals = before.isupper() or after.isupper()
        return _UNKNOWN if before.islower() else 0.0 if among_capitals else _RARE_CAPITAL
    return _UNKNOWN if char.islower() and after.isupper() else 0.0


def _is_ascii_letter(char: str) -> bool:
    return char.isascii() and char.isalpha()
