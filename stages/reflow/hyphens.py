"""Decide what becomes of a hyphen at the end of a line.

A log-linear model over the two halves of the word, and over how common they and the joined word are, gives odds for
removing the hyphen, keeping it, and keeping it with a space; the words of the document and how the document breaks its
lines move these odds.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Container, Sequence
from enum import IntEnum
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from unicodedata import combining, normalize

import numpy as np
import numpy.typing as npt

from stages.lookups.code_points import Ints, find_runs, join_codes, tell_kinds
from stages.reflow.characters import SOFT_HYPHEN
from stages.reflow.features import Floats
from stages.reflow.network import load_model
from stages.reflow.vocabulary import checksums, word_levels
from stages.reflow.words import COMMON, SUSPENDED

NOT_SIGN, HYPHEN, NO_BREAK_HYPHEN, DOUBLE_OBLIQUE = "\u00ac", "\u2010", "\u2011", "\u2e17"
# Printed for a break alone; a word's own hyphen is never one of them.
BREAK_ONLY = {SOFT_HYPHEN, NOT_SIGN, DOUBLE_OBLIQUE}
LINE_HYPHENS = {"-", HYPHEN, NO_BREAK_HYPHEN, *BREAK_ONLY}
ALL_SUSPENDED = frozenset(word for words in SUSPENDED.values() for word in words)
FIRST_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
LAST_PART = re.compile(r"[^\W_]+\.?$")
TOKEN = re.compile(r"[^\W_]++(?:[-\u2010\u2011][^\W_]++)*+")
# U+2010 inside a line: then the document writes all its hyphens so.
HYPHEN_INSIDE = re.compile("\u2010[^\\W_]")
# Brackets and quotation marks that open: a hyphen before one is suspended.
OPENERS = ("(", "\u201e", '"', "\u00ab", "\u201c")
# An address that a line end cuts; a word this common was misread where a capital stands inside it.
# Of an address that began on a line above, several hyphens or a slash before a hyphen are left to see.
ADDRESS = re.compile(
    r"(?:https?:|www\.|doi\.|@)\S*$|(?<!\S)[a-z0-9]+(?:-[a-z0-9]+){2,}-$|(?<!\S)[^\s/()]+/[^\s/()]*[a-z0-9]-[a-z0-9]+-$"
)
HOST = re.compile(r"(?:://|www\.|@)[^/\s]*$")
MISREAD_LEVEL = 2
# A word of this step that is commoner than either half was misread too: "Regie-Rung".
COMMON_LEVEL = 6
HOST_END = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b")
LOOKUP = Path(__file__).parents[1] / "lookups" / "reflow" / "hyphens.json"
# Letters of old prints: long s, and the small e above a vowel that is an umlaut now.
LONG_S, SMALL_E, DIAERESIS = "\u017f", "\u0364", "\u0308"
# Shorter ends of a name in an address are no words of it.
SHORT = 2
BUCKETS = 1 << 18
# Endings of inflection, so that a rare form counts as its common word.
ENDINGS = {
    "de": re.compile("(?:e[mnrs]?|n|s)$"), "en": re.compile("(?:['\u2019]s|e?s|e?d|ing|ly)$"),
    "fr": re.compile("(?:e?s|e)$"), "nl": re.compile("(?:en?|s)$"),
}  # fmt: skip
# The first features name the words themselves; training hides them now and then.
WORD_FEATURES = 10
# Log odds that a word seen whole in the document adds, and the sight of a capital or digit.
SEEN, SHAPED, IMPOSSIBLE = 6.0, 8.0, -30.0
# Share of kept hyphens expected before any is seen, counted as this many hyphens; the model knows most broken words for
# certain, so that it decides about unknown ones only. Higher where the document marks its breaks by another sign.
PRIOR_KEPT, PRIOR_MARKED, PRIOR_UNBROKEN = (0.85, 1.0), (0.95, 1.0), (0.97, 3.0)
# Of so many lines, this share ends in a hyphen where words are not broken; where they are, one in five to ten does.
MANY_LINES, FEW_BREAKS = 40, 0.04
# The share of kept hyphens among the cases that the model learned from.
TRAINED_KEPT = 0.19
ROUNDS = 3
# A k between a vowel and a hyphen; the first and the last word of a compound are no shorter than this, and all of it no
# longer.
BEFORE_K, SHORTEST_WORD, LONGEST_COMPOUND = re.compile("[aeiouy\u00e4\u00f6\u00fc]k[^k]$"), 4, 24
# More words than these are not looked for one by one in a text: to cut it into its words takes less time by then.
LOOKED_FOR = 100
# Letters of a common word at most.
LONGEST_COMMON = 5
# So many words are looked up at once: a text of broken words alone must not fill the memory.
AT_ONCE = 4096
LONGEST_PART = 40


class Join(IntEnum):
    """How two lines of one block are put together; ``REMOVE_CK``: the hyphen goes, and the k before it becomes a c."""

    SPACE = 0
    REMOVE = 1
    KEEP = 2
    KEEP_SPACE = 3
    NOTHING = 4
    REMOVE_CK = 5


class Break(NamedTuple):
    """A line end with a hyphen: the word before it (hyphen included) and the one that follows."""

    head: str
    tail: str


class _Case(NamedTuple):
    """The line ends with a hyphen of a document that have to be decided, and its text."""

    breaks: Sequence[Break]
    text: str


class Parted(NamedTuple):
    """A broken word: its halves in lower case, their shapes, the part before an earlier hyphen, a hyphen after."""

    left: str
    right: str
    shape: str
    earlier: str | None
    hyphen_after: bool


def ends_in_hyphen(text: str) -> bool:
    """Whether a line ends in a hyphen that hangs on a letter or digit."""
    return len(text) > 1 and text[-1] in LINE_HYPHENS and (text[-2].isalnum() or _hangs(text[-2]))


def _hangs(mark: str) -> bool:
    """Whether a hyphen may stand behind the mark: a full stop or apostrophe, or what sits above a letter."""
    return mark in ".'\u2019" or combining(mark) > 0


def decide_hyphens(breaks: Sequence[Break], text: str) -> list[Join]:
    """What to do at each line end with a hyphen; ``text`` is the whole document, whose words and habits count."""
    return decide_all([breaks], [text])[0]


def decide_all(documents: Sequence[Sequence[Break]], texts: Sequence[str]) -> list[list[Join]]:
    """What `decide_hyphens` says of the line ends of each document; many at once cost less."""
    signs = [BREAK_ONLY if HYPHEN_INSIDE.search(text) else BREAK_ONLY | {HYPHEN} for text in texts]
    plain = [[at for at, item in enumerate(breaks) if item.head[-1] not in marks]
             for breaks, marks in zip(documents, signs, strict=True)]  # fmt: skip
    asked = [at for at, own in enumerate(plain) if own]
    cases = [_modernised([documents[at][own] for own in plain[at]], texts[at]) for at in asked]
    priors = [_prior(len(documents[at]), len(plain[at]), texts[at].count("\n") + 1) for at in asked]
    decided = [[Join.REMOVE] * len(breaks) for breaks in documents]
    if asked:
        chosen = iter(_shifted(_scores(cases), [len(case.breaks) for case in cases], priors).argmax(1).tolist())
        for at in asked:
            for own in plain[at]:
                decided[at][own] = Join(next(chosen) + 1)
    return [_with_ck(*own) for own in zip(documents, decided, texts, strict=True)]


def _with_ck(breaks: Sequence[Break], joins: list[Join], text: str) -> list[Join]:
    """The joins of a document, with the k before a hyphen a c again: until 1996 German broke "Zucker" as "Zuk-ker"."""
    doubtful = {at for at, item in enumerate(breaks) if joins[at] is Join.REMOVE and _may_be_ck(item)}
    if not doubtful or guess_languages([text]) != ["de"]:
        return joins
    return [Join.REMOVE_CK if at in doubtful and _is_ck(breaks[at]) else join for at, join in enumerate(joins)]


def _may_be_ck(item: Break) -> bool:
    return item.tail[:1] == "k" and BEFORE_K.search(item.head[-LONGEST_PART:]) is not None


@lru_cache(maxsize=1024)
def _is_ck(item: Break) -> bool:
    """Whether a word is known with ck, whole or as a compound of known words, and not as it stands ("Mokka")."""
    part = _part_break(item)
    left, right = part.left, part.right
    own, other, plain, bare = word_levels([f"de:{word}" for word in (left, right, left + right, _bare(left + right))])
    return not ((own and other) or plain or bare) and _is_compound(left[:-1] + "c" + right, len(left))


def _is_compound(word: str, place: int) -> bool:
    """Whether a German word is known, or made of up to three known ones of which one goes across the place."""
    parted = len(word) <= LONGEST_COMPOUND
    starts = [0, *range(SHORTEST_WORD, place - 1)] if parted else [0]
    ends = [*range(place + 1, len(word) - SHORTEST_WORD + 1), len(word)] if parted else [len(word)]
    parts = [(word[:start], word[start:end], word[end:]) for start in starts for end in ends]
    asked = {"", *(form for first, middle, last in parts for form in (first, middle, _bare(middle), last))}
    levels = word_levels([f"de:{form}" for form in asked])
    known = {form for form, level in zip(asked, levels, strict=True) if level or not form}
    return any({first, last} <= known and known & {middle, _bare(middle)} for first, middle, last in parts)


def _bare(word: str) -> str:
    return ENDINGS["de"].sub("", word)


def _modernised(breaks: Sequence[Break], text: str) -> _Case:
    if any(sign in text for sign in (LONG_S, SMALL_E, DIAERESIS)):
        text, breaks = _modern(text), [Break(_modern(item.head), _modern(item.tail)) for item in breaks]
    return _Case(breaks, text)


def _modern(text: str) -> str:
    """Old letters as they are written now, for looking words up."""
    return normalize("NFC", text.replace(LONG_S, "s").replace(SMALL_E, DIAERESIS))


def _prior(breaks: int, plain: int, lines: int) -> tuple[float, float]:
    """The share of kept hyphens to expect, and as how many hyphens that counts.

    Higher where the document marks its breaks by another sign, and where so few of many lines end in a hyphen that it
    hardly breaks words.
    """
    if lines >= MANY_LINES and breaks <= FEW_BREAKS * lines:
        return PRIOR_UNBROKEN
    return PRIOR_MARKED if plain < breaks else PRIOR_KEPT


def _scores(cases: Sequence[_Case]) -> Floats:
    """Log odds of the three joins, one row a hyphen: what the model knows of the words, and what the document shows."""
    langs = guess_languages([case.text for case in cases])
    items = [(item, lang) for case, lang in zip(cases, langs, strict=True) for item in case.breaks]
    table = load_model().weights["hyphens"]
    parts = [items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE)]
    known = [table[hyphen_features(*zip(*part, strict=True))].sum(1) for part in parts]
    shown = [_shown(case, lang) for case, lang in zip(cases, langs, strict=True)]
    return np.asarray(np.concatenate(known) + np.concatenate(shown))


def _shown(case: _Case, lang: str) -> Floats:
    """Log odds of the three joins that a document shows."""
    breaks, text = case
    parts = [_part_break(item) for item in breaks]
    found = _words_in(text, {word for part in parts for word in (part.left + part.right, f"{part.left}-{part.right}")})
    evidence = np.array([_evidence(item, found) for item in breaks], np.float32)
    open_cases = [at for at, item in enumerate(breaks) if item.tail[:1].isupper() or _in_address(item)]
    # Finding all words once more costs more than asking first whether any will be needed.
    needed = any(parts[at].left + parts[at].right in found for at in open_cases)
    written = frozenset(TOKEN.findall(text)) if needed else frozenset()
    for at in open_cases:
        evidence[at, 0] += _joins_whole(breaks[at], lang, written)
    return evidence


def _in_address(item: Break) -> bool:
    return ADDRESS.search(item.head) is not None or ("." in item.tail and _lookup()[1].search(item.head) is not None)


def _joins_whole(item: Break, lang: str, written: Container[str]) -> float:
    """Log odds for removing the hyphen where the case of letters, or an address, says nothing about the word.

    Inside an address a hyphen between words is its own where the address has others, unless it cuts a known word.
    Before a capital it goes when the document writes the whole word so elsewhere ("GitHub"), or when text recognition
    misread a small letter: the first half is no word and the whole is one.
    """
    part = _part_break(item)
    if not part.left or not part.right:
        return 0.0
    if _lookup()[1].search(item.head) and HOST_END.match(item.tail):
        return -2 * SHAPED
    address = ADDRESS.search(item.head)
    if not address:
        return 3 * SHAPED if _is_whole(item, part, lang, written) else 0.0
    words = (part.left, part.right, part.left + part.right)
    levels = word_levels([f"{one}:{word}" for one in (lang, "en") for word in words])
    left, right, whole = (max(own, english) for own, english in zip(levels[:3], levels[3:], strict=True))
    before, after = "-" in address.group()[:-1].rpartition("/")[2], part.hyphen_after
    slug = (before and after) or (left and (before or after))
    named = HOST.search(item.head) is not None and len(part.right) > SHORT
    return SHAPED if whole else -SHAPED if right and (named or slug) else 0.0


def _is_whole(item: Break, part: Parted, lang: str, written: Container[str]) -> bool:
    """Whether a word broken before a capital is one word: written so elsewhere, or its capital misread."""
    left = item.head[-1 - len(part.left) : -1]
    tail = item.tail[: len(part.right)]
    if left + tail in _lookup()[0] or (len(left) > 2 and left + tail in written):
        return True
    words = (f"{lang}:{part.left}", f"en:{part.left}", f"{lang}:{part.right}", f"{lang}:{part.left}{part.right}")
    own, english, right, whole = word_levels(words)
    misread = whole >= MISREAD_LEVEL and not own + english
    commoner = whole >= COMMON_LEVEL and whole > max(own, english, right)
    return (misread or commoner) and tail[1:].islower() and left[-1].islower()


@cache
def _lookup() -> tuple[frozenset[str], re.Pattern[str]]:
    """Names with a capital inside, and how a host name ends before a hyphen of its own."""
    data = json.loads(LOOKUP.read_text(encoding="utf-8"))
    return frozenset(data["inner_capitals"]), re.compile(rf"[./@](?:{'|'.join(data['host_parts'])})-$")


def hyphen_features(breaks: Sequence[Break], langs: Sequence[str]) -> Ints:
    """Buckets of what the model knows of each broken word in its language, one row a word.

    Both halves, their edges, their case, the hyphens around them, and how common the halves and the joined word are.
    """
    parts = [_part_break(item) for item in breaks]
    asked = [key for part, lang in zip(parts, langs, strict=True) for key in _asked(part, lang)]
    levels = word_levels(asked)
    size = len(asked) // max(len(parts), 1)
    names = [
        name
        for at, (part, lang) in enumerate(zip(parts, langs, strict=True))
        for name in _names(part, lang, levels[at * size : (at + 1) * size])
    ]
    return (checksums(names).astype(np.int64) % BUCKETS).reshape(len(parts), -1)


def _part_break(item: Break) -> Parted:
    head, tail = item.head[:-1], item.tail
    found = LAST_PART.search(head[-LONGEST_PART:])
    left = found.group() if found else ""
    first = FIRST_WORD.match(tail[:LONGEST_PART])
    right = first.group() if first else ""
    earlier = head[: len(head) - len(left)].rpartition("-")[0].rpartition("-")[2] if "-" in head else None
    shape = f"{_shape(left or head[-1:])}{_shape(right)}{int(earlier is not None)}"
    return Parted(left.lower(), right.lower(), shape, earlier, tail[len(right) :][:1] == "-")


def _asked(part: Parted, lang: str) -> list[str]:
    """The words whose frequency counts: halves and joined word, without their endings too, and as English ones."""
    left, right, joined = part.left, part.right, part.left + part.right
    ending = ENDINGS[lang]
    return [
        f"{lang}:{left}", f"{lang}:{right}", f"{lang}:{joined}",
        f"{lang}:{left.removesuffix('s')}", f"{lang}:{ending.sub('', right)}", f"{lang}:{ending.sub('', joined)}",
        f"en:{left}", f"en:{right}", f"en:{joined}",
    ]  # fmt: skip


def _names(part: Parted, lang: str, levels: list[int]) -> list[str]:
    """The features by name: the words themselves, then their edges and shapes, then how common they are."""
    left, right, shape, earlier, hyphen_after = part
    known_left, known_right, known_joined, bare_left, bare_right, bare_joined, *english = levels
    joined, stem, case = max(known_joined, bare_joined), max(known_right, bare_right), shape[0]
    inner = earlier is not None
    foreign = f"{english[0] > known_left}{english[1] > known_right}{english[0] > 4}{english[1] > 4}"
    return [
        f"l={left}", f"r={right}", f"j={left}{right}", f"{lang}l={left}", f"{lang}r={right}",
        f"x={inner}{right}", f"m={shape[1]}{left}",
        f"{lang}y={inner}{left}{joined > 0}", f"{lang}Y={hyphen_after}{right}{joined > 0}", f"{lang}X={earlier}-{left}",

        f"c={left[-2:]}|{right[:2]}", f"c={left[-1:]}|{right[:1]}", f"c={left[-3:]}|{right[:3]}",
        f"p={right[:3]}", f"p={right[:4]}", f"e={left[-3:]}", f"e={left[-4:]}", f"q={left[:4]}", f"z={right[-3:]}",
        f"s={shape}", f"{lang}s={shape}", f"n={min(len(left), 9)}{min(len(right), 9)}{shape}",
        f"t={hyphen_after}{shape}",

        f"{lang}v={known_left}{known_right}{known_joined}", f"{lang}u={known_left}{known_right}{known_joined}{shape}",
        f"{lang}V={known_left}{stem}{joined}{case}", f"{lang}w={known_left}{joined}{case}", f"{lang}W={stem}{joined}",
        f"{lang}J={known_joined}{bare_joined}", f"{lang}b={bare_left}{known_left}{stem}{min(joined, 1)}{case}",
        f"{lang}N={min(len(left), 9)}{known_left}{joined > 0}{case}", f"{lang}A={left[-2:]}|{stem > 0}|{joined}",
        f"{lang}a={left[-3:]}|{right[-3:]}|{joined > 0}",
        f"{lang}k={left[-2:]}|{right[:2]}|{known_left > 0}{stem > 0}{joined > 0}",
        f"{lang}E={english}", f"{lang}F={foreign}{joined > 0}{case}",
    ]  # fmt: skip


def guess_languages(texts: Sequence[str]) -> list[str]:
    """The language whose commonest words each text uses most."""
    codes, starts = join_codes(texts)
    letters = tell_kinds(codes, _letter)
    begins, ends = find_runs(letters > 0)
    short = ends - begins <= LONGEST_COMMON
    words = _keys_of(letters, begins[short], ends[short])
    keys, shares = _common_words()
    at = np.searchsorted(keys, words)
    common = keys[at] == words
    of = np.searchsorted(starts, begins[short][common], "right") - 1
    places = of * len(keys) + at[common]
    counts = np.bincount(places, minlength=len(texts) * len(keys)).reshape(len(texts), len(keys))
    return [tuple(COMMON)[best] for best in (counts @ shares).argmax(1).tolist()]


def _letter(character: str) -> int:
    """The number of a letter or digit, small and capital alike: 254 for all that no common word has."""
    if not character.isalnum():
        return 0
    small = character.lower()
    return ord(small) if len(small) == 1 and ord(small) < 254 else 254


def _keys_of(letters: npt.NDArray[np.uint8], begins: Ints, ends: Ints) -> Ints:
    """Short words as numbers, a byte a letter."""
    keys = np.zeros(len(begins), np.int64)
    for place in range(LONGEST_COMMON):
        at = np.minimum(begins + place, ends - 1)
        keys = keys * 256 + np.where(begins + place < ends, letters[at], 0)
    return keys


@cache
def _common_words() -> tuple[Ints, Ints]:
    """The common words as numbers in order, with one beyond all of them, and which languages have each."""
    words = sorted({word for own in COMMON.values() for word in own})
    codes, starts = join_codes(words)
    keys = _keys_of(tell_kinds(codes, _letter), starts, starts + np.array([len(word) for word in words]))
    shares = np.array([[word in own for own in COMMON.values()] for word in words], np.int64)
    order = np.argsort(keys)
    return np.append(keys[order], 1 << 62), np.vstack((shares[order], np.zeros_like(shares[:1])))


def _words_in(text: str, wanted: Collection[str]) -> Collection[str]:
    """Which of these words, in small letters, a text has; most have none of them, and are not cut into words."""
    small = text.lower()
    may_have = len(wanted) > LOOKED_FOR or any(word in small for word in wanted)
    return _count_words(small).keys() & wanted if may_have else ()


def _evidence(item: Break, found: Collection[str]) -> tuple[float, float, float]:
    """Log odds of the three joins that the word's shape and the document's words add."""
    head, tail = item.head[:-1], item.tail
    first = FIRST_WORD.match(tail[:LONGEST_PART])
    if first is None:
        return (IMPOSSIBLE, 0.0, -IMPOSSIBLE) if tail[:1] in OPENERS else (IMPOSSIBLE, 0.0, IMPOSSIBLE)
    part = LAST_PART.search(head[-LONGEST_PART:])
    left, right = part.group() if part else "", first.group()
    remove = SEEN * ((left + right).lower() in found)
    keep = SHAPED * _shows_hyphen(left, right) + SEEN * (f"{left}-{right}".lower() in found)
    return remove, keep, 0.0 if tail.lower().partition("/")[0] in ALL_SUSPENDED else IMPOSSIBLE


def _shows_hyphen(left: str, right: str) -> bool:
    """A capital or digit after the hyphen, a digit or abbreviation before it; not in text all in capitals."""
    if left[-1:].isdigit() or right[0].isdigit():
        return True
    if right[0].isupper():
        return not (len(right) > 1 and right.isupper() and left.isupper() and len(left) > 1)
    return len(left) > 1 and left.isupper()


def _count_words(text: str) -> Counter[str]:
    """How often each word of a text in small letters occurs: hyphenated ones whole, pair by pair and part by part."""
    counts = Counter(TOKEN.findall(text))
    for token, count in [(token, count) for token, count in counts.items() if "-" in token]:
        parts = token.split("-")
        for word in (*parts, *map("-".join, pairwise(parts))):
            counts[word] += count
    return counts


def _shifted(scores: Floats, sizes: Sequence[int], priors: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
    """The odds, one row a hyphen, under the share of kept hyphens that each document itself suggests.

    In a text that never breaks words every hyphen at a line end is the word's own. ``sizes``: how many hyphens each
    document has; ``priors``: the share to expect in it, and as how many hyphens that counts.
    """
    scores = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    of = np.repeat(np.arange(len(sizes)), sizes)
    prior, weight = np.array(priors).T
    share, shift = prior, scores.astype(np.float64)
    for _ in range(ROUNDS):
        removed, kept = np.log((1 - share) / (1 - TRAINED_KEPT))[of], np.log(share / TRAINED_KEPT)[of]
        shift = scores + np.stack((removed, kept, kept), axis=1)
        odds = np.exp(shift - np.logaddexp.reduce(shift, axis=1, keepdims=True))
        share = (np.bincount(of, odds[:, 1:].sum(1)) + weight * prior) / (np.array(sizes) + weight)
    return shift


def _shape(word: str) -> str:
    if not word:
        return "-"
    if word[0].isdigit():
        return "0"
    if word.isupper():
        return "X" if len(word) > 1 else "A"
    return "A" if word[0].isupper() else "a"
