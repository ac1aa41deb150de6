"""Words for training the hyphen model: plain ones, hyphenated ones, running text, and compounds made up of known parts.

Sources, all used at training time alone: wordfreq (CC BY-SA 4.0), the Hunspell dictionaries of English, French and
Dutch, the German-English dictionary Ding (GPL), WordNet, ``compounds.json`` of this folder, and GermEval 2014
(CC BY 4.0) of the development set.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import wordfreq

HUNSPELL = Path("/usr/share/hunspell")
DICTIONARIES = {"en": "en_GB.dic", "fr": "fr.dic", "nl": "nl.dic"}
DING = Path("/usr/share/trans/de-en")
WORDNET = Path("/usr/share/wordnet")
MYTHES = Path("/usr/share/mythes/thes_fr.dat")
COMPOUNDS = json.loads((Path(__file__).parent / "compounds.json").read_text(encoding="utf-8"))
LETTERS = re.compile(r"[^\W\d_]{5,}")
HYPHENATED = re.compile(r"[^\W_][\w'\u2019.]*(?:-[\w'\u2019]+)+")
TOKEN = re.compile(r"(?<![\w-])[^\W\d_][\w'\u2019-]*[^\W\d_](?![\w-])")
NOTES = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\([^)]*\)")
ADJECTIVES = re.compile(r"(?:^|[|;]) *([a-z\u00e4\u00f6\u00fc\u00df]{3,}) \{adj\}")
INFLECTED = re.compile("e[mnrs]?$")
# So many words of each language; German and Dutch write compounds in one word.
SIZES = {"de": 160_000, "en": 80_000, "fr": 80_000, "nl": 100_000}
SCOWL, SCOWL_SIZE = Path("/usr/share/dict/scowl"), 70
# Frequencies and lengths that tell two words written as one.
RUN_TOGETHER, APART, SHORTEST = 3.0, 4.3, 3

# Rarer than the common words, so that training meets words it does not know.
RARE = 60_000
# Parts of compounds: modifier and head are both words of their own, no shorter than this.
SHORTEST_PART, COMMON_PART = 3, 3.0
# Parts of hyphenated words that make new ones: in so many words at least, and none counts for more than so many.
PRODUCTIVE, MOST_COUNTED = 3, 15
COMMON_LOAN = 4.2
WRITTEN_WEIGHT = 3
LINKS = {"de": ("", "s", "es", "en", "n"), "nl": ("", "s", "en", "e"), "en": ("",)}


@cache
def common_words(lang: str) -> tuple[str, ...]:
    """The commonest words of a language."""
    words = wordfreq.top_n_list(lang, 3 * SIZES[lang])
    kept = (word for word in words if word.replace("'", "").replace("\u2019", "").isalpha())
    return tuple(islice((word for word in kept if not is_run_together(word, lang)), SIZES[lang]))


def is_run_together(word: str, lang: str) -> bool:
    """Whether a rare English word is two common ones that somebody wrote as one: "redhot" is no word."""
    if lang != "en" or wordfreq.zipf_frequency(word, lang) > RUN_TOGETHER or word in _dictionary():
        return False
    halves = ((word[:at], word[at:]) for at in range(SHORTEST, len(word) - SHORTEST + 1))
    return any(min(wordfreq.zipf_frequency(half, lang) for half in pair) > APART for pair in halves)


@cache
def _dictionary() -> frozenset[str]:
    """The words and names of SCOWL, but for its rarest."""
    paths = [path for path in SCOWL.iterdir() if int(path.suffix[1:]) <= SCOWL_SIZE]
    return frozenset(word.lower() for path in paths for word in path.read_text("latin-1").split())


def plain_words(lang: str, most: int) -> list[str]:
    """Common words, and rare ones."""
    known = set(common_words(lang))
    words = [word for word in wordfreq.top_n_list(lang, 4 * SIZES[lang]) if LETTERS.fullmatch(word)]
    words = [word for word in words if word in known or not is_run_together(word, lang)]
    rare = [word for word in words if word not in known]
    if lang == "de":
        rare += sorted(w for w in set(_ding_words(0)) if LETTERS.fullmatch(w) and w.lower() not in known)
    return words[:most] + random.Random(lang).sample(rare, min(RARE, len(rare)))


@cache
def hyphenated_words(lang: str) -> dict[str, int]:
    """Words with a hyphen out of dictionaries, with a weight; those written for this project weigh most."""
    listed = set(_listed(lang))
    weights = {word: 1 for word in sorted(listed) if HYPHENATED.fullmatch(word)}
    return weights | dict.fromkeys(COMPOUNDS[lang]["words"].split(), WRITTEN_WEIGHT)


def _listed(lang: str) -> Iterator[str]:
    if lang in DICTIONARIES:
        yield from (line.partition("/")[0] for line in _lines(HUNSPELL / DICTIONARIES[lang]))
    if lang in ("de", "en"):
        yield from _ding_words(lang == "en")
    if lang == "fr":
        yield from (word for line in _lines(MYTHES) for word in line.split("|"))
    if lang == "en":
        entries = (line.split(" ", 1)[0] for path in sorted(WORDNET.glob("index.*")) for line in _lines(path))
        yield from (word for word in entries if "_" not in word)


def running_words(lang: str, devsets: Path) -> Iterator[str]:
    """The words of running text, as often as they occur."""
    if lang == "de":
        for line in _lines(devsets / "ner" / "germeval_train.tsv"):
            yield line.partition("\t")[0]
    if lang == "en":
        for path in sorted(WORDNET.glob("data.*")):
            for line in _lines(path):
                yield from TOKEN.findall(line.partition(" | ")[2])


def loan_words() -> list[str]:
    """English words with a hyphen whose parts everybody knows, as other languages borrow them."""
    return sorted(
        word
        for word in hyphenated_words("en")
        if word.islower() and all(wordfreq.zipf_frequency(part, "en") > COMMON_LOAN for part in word.split("-"))
    )


def productive_parts(lang: str) -> tuple[list[str], list[str]]:
    """First and last parts that several hyphenated words share, each as often as it occurs."""
    words = [word for word in hyphenated_words(lang) if word.islower()]
    first, last = Counter(word.split("-")[0] for word in words), Counter(word.split("-")[-1] for word in words)
    left, right = COMPOUNDS[lang]["left"].split(), COMPOUNDS[lang]["right"].split()
    return (
        left + [part for part, count in first.items() if count >= PRODUCTIVE for _ in range(min(count, MOST_COUNTED))],
        right + [part for part, count in last.items() if count >= PRODUCTIVE for _ in range(min(count, MOST_COUNTED))],
    )


def adjectives() -> list[str]:
    """German adjectives in their base form."""
    found = {word for line in _lines(DING) for word in ADJECTIVES.findall(line.partition("::")[0])}
    return sorted(word for word in found if wordfreq.zipf_frequency(word, "de") > 2)


def made_up_compounds(lang: str, count: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Closed compounds nobody may have written yet, as their two parts: known modifiers before known heads."""
    modifiers, heads = _compound_parts(lang)
    plain = set(adjectives()) if lang == "de" else set()
    for _ in range(count):
        modifier, head = rng.choice(modifiers), rng.choice(heads)
        # Two adjectives may be written either way.
        if modifier not in plain or (head not in plain and INFLECTED.sub("", head) not in plain):
            yield modifier, head


def _compound_parts(lang: str) -> tuple[list[str], list[str]]:
    """First and last parts of the compounds among the common words, as often as they occur there."""
    words = [word for word in common_words(lang) if LETTERS.fullmatch(word)]
    known = {word for word in common_words(lang) if wordfreq.zipf_frequency(word, lang) > COMMON_PART}
    modifiers, heads = [], []
    for word in words:
        for at in range(SHORTEST_PART, len(word) - SHORTEST_PART):
            head = word[at:]
            if head in known and len(head) > SHORTEST_PART and _is_modifier(word[:at], known, lang):
                modifiers.append(word[:at])
                heads.append(head)
    return modifiers, heads


def _is_modifier(part: str, known: set[str], lang: str) -> bool:
    return any(part.endswith(link) and part[: len(part) - len(link)] in known for link in LINKS[lang])


def _ding_words(side: int) -> Iterator[str]:
    """The words of the German (0) or English (1) side of the dictionary, its notes left out."""
    for line in _lines(DING):
        if not line.startswith("#"):
            yield from TOKEN.findall(NOTES.sub(" ", line.partition("::")[2 * side]))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
