"""Which East Asian encoding a text is written in: the one in which it reads most like the language it is made for.

The same two bytes are a character in several of these encodings, kana even the same ones in EUC-JP and GB 18030. So
every encoding that can decode the bytes is judged by its own language: how much of the text are characters that
language uses most (`lookups/east_asian.json`), how much rarer ones, and how much what it hardly has at all.
"""

import json
import math
import re
from collections import Counter
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path

from stages.read.code_pages import Guess

LOOKUP = Path(__file__).parent / "lookups" / "east_asian.json"
# Log prior of each encoding, in nats. They stand behind the code pages of single bytes: of a few umlauts they can
# make characters too. A superset stands behind its base, so that the base is named where it does.
_PRIORS = {
    "shift_jis": ("japanese", -8.0),
    "cp932": ("japanese", -9.0),
    "euc_jp": ("japanese", -8.0),
    "gb18030": ("chinese", -8.0),
    "big5": ("chinese", -8.0),
    "big5hkscs": ("chinese", -9.0),
    "euc_kr": ("korean", -8.0),
    "cp949": ("korean", -9.0),
}
# Seven-bit encodings, by the escape sequence that each of their texts has.
_ESCAPES = (
    (re.compile(rb"\x1b\$\)C"), ("iso2022_kr",)),
    (re.compile(rb"\x1b\$(?:[@AB]|\([CDOPQ])"), ("iso2022_jp", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_ext")),
)
_SIGNS = "、。，．・：；？！「」『』（）“”‘’《》〈〉【】〔〕…—～ー々　％０１２３４５６７８９·"
_KANA = re.compile("[\u3041-\u309f\u30a0-\u30ff]")
_HANZI = re.compile("[\u4e00-\u9fff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
# What share of a text the listed characters have (by Zipf's law among themselves), and the logarithm of how likely one
# other character is: of the scripts of the language, and of anything else.
_SHARES = {
    "japanese": {"kana": 0.55, "kanji": 0.25},
    "simplified": {"simplified": 0.75},
    "traditional": {"traditional": 0.75},
    "korean": {"hangul": 0.85},
}
_OTHERS = {
    "japanese": ((_KANA, math.log(0.05 / 90)), (_HANZI, math.log(0.08 / 3_000))),
    "simplified": ((_HANZI, math.log(0.12 / 4_000)),),
    "traditional": ((_HANZI, math.log(0.12 / 4_000)),),
    "korean": ((_HANGUL, math.log(0.08 / 2_000)), (_HANZI, math.log(0.005 / 3_000))),
}
_SIGN, _UNKNOWN = math.log(0.12 / len(_SIGNS)), math.log(1e-6)
_BESIDE_LETTER = -4.0  # for each ASCII letter beside one: rare in texts, the rule where umlauts are misread
_FLOOR = -9.0
_MOST = 20_000
"""So many characters are judged; more change nothing."""
_HIGH = re.compile(r"[^\x00-\x7f]")
_BESIDE = re.compile(r"[A-Za-z](?=[^\x00-\x7f])|(?<=[^\x00-\x7f])[A-Za-z]")


def decode_escaped(data: bytes) -> tuple[str, str] | None:
    """Text and encoding of a seven-bit encoding that is told by its escape sequences; None for all else.

    >>> decode_escaped("市長".encode("iso2022_jp"))
    ('市長', 'iso2022_jp')
    """
    for escape, encodings in _ESCAPES:
        if not data.isascii() or not escape.search(data):
            continue
        for encoding in encodings:
            with suppress(UnicodeDecodeError):  # one of its successors has more characters
                return data.decode(encoding), encoding
    return None


def guess_east_asian(data: bytes) -> list[Guess]:
    """How likely every East Asian encoding is that can decode all of ``data``, which holds bytes above ASCII.

    >>> [guess.encoding for guess in guess_east_asian("橋は月曜日に開きました。".encode("euc_jp")) if guess.plausible]
    ['euc_jp']
    """
    found = []
    for encoding, (script, prior) in _PRIORS.items():
        with suppress(UnicodeDecodeError):  # then it is not this one
            found.append(_judge(data.decode(encoding), encoding, script, prior))
    return found


def _judge(text: str, encoding: str, script: str, prior: float) -> Guess:
    high = len(text) - len(text.encode("ascii", errors="ignore"))
    head = text[: next((match.end() for match in islice(_HIGH.finditer(text), _MOST, None)), len(text))]
    seen = Counter(_HIGH.findall(head))
    beside = sum(1 for _ in _BESIDE.finditer(head)) * _BESIDE_LETTER
    score = (_log_probability(seen, script) + beside) / max(1, seen.total())
    return Guess(encoding, score * high + prior, score > _FLOOR)


def _log_probability(seen: Counter[str], script: str) -> float:
    """The log probability of characters in the language of an encoding that fits them best."""
    languages = ("simplified", "traditional") if script == "chinese" else (script,)
    return max(sum(n * _weight(char, language) for char, n in seen.items()) for language in languages)


def _weight(char: str, language: str) -> float:
    if (listed := _listed(language).get(char)) is not None:
        return listed
    return next((weight for script, weight in _OTHERS[language] if script.match(char)), _UNKNOWN)


@cache
def _listed(language: str) -> dict[str, float]:
    """The log probability of the listed characters of a language and of the signs that all of them have."""
    lists = json.loads(LOOKUP.read_text(encoding="utf-8"))
    weights = dict.fromkeys(_SIGNS, _SIGN)
    for name, share in _SHARES[language].items():
        total = sum(1 / rank for rank in range(1, len(lists[name]) + 1))
        weights |= {char: math.log(share / (rank * total)) for rank, char in enumerate(lists[name], 1)}
    return weights
