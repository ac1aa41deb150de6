"""Words for training the hyphen model: broken at syllables (the hyphen goes) and at their own hyphens (it stays).

Sources, all used at training time alone: wordfreq's common words (CC BY-SA 4.0) broken by pyphen's patterns, the
hyphenated
entries of Debian's Hunspell dictionaries, ``compounds.json`` of this folder, and the training articles.
"""

# the random numbers draw layouts, not secrets

import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyphen
import torch
import wordfreq
from torch import nn
from torch.nn import functional

from stages.models.reflow.labels import Arrays, Labelled
from stages.models.reflow.pages import Page
from stages.reflow.hyphens import BUCKETS, Join, hyphen_features
from stages.reflow.words import SUSPENDED

HUNSPELL = Path("/usr/share/hunspell")
DICTIONARIES = {"en": "en_GB.dic", "fr": "fr.dic", "nl": "nl.dic"}
PATTERNS = {"de": "de_DE", "en": "en_GB", "fr": "fr_FR", "nl": "nl_NL"}
COMPOUNDS = Path(__file__).parent / "compounds.json"
COMMON_WORDS, PAIRED_WORDS = 60_000, 15_000
PAIRS = {"de": 40_000, "en": 70_000, "fr": 8_000, "nl": 12_000}
# Words that stand first or last in made-up compounds; German adjectives join each other, English participles follow
# anything.
ADJECTIVE = {
    "de": (re.compile("(?:isch|lich|al|iv|ell|ig)$"), re.compile("(?:isch|lich|al|iv|ell|ig|iert|end)e[nrsm]?$")),
    "en": (re.compile("[a-z]"), re.compile("(?:ed|ing|en|ly|able)$")),
    "fr": (re.compile("o$"), re.compile("(?:ais|ain|ien|ique|al|aux)e?s?$")),
    "nl": (re.compile("(?:isch|lijk|aal|ief|a|e|i|o|u)$"), re.compile("(?:^[aeiou]|isch|ische|lijke)")),
}
BREAKERS = {lang: pyphen.Pyphen(lang=pattern, left=2, right=2) for lang, pattern in PATTERNS.items()}
LETTERS = re.compile(r"[^\W\d_]{5,}")
HYPHENATED = re.compile(r"[^\W_][\w'\u2019.]*(?:-[\w'\u2019]+)+")


class Case(NamedTuple):
    """A word broken at a line end: language, what stands before the hyphen and after it, and the right join."""

    lang: str
    head: str
    tail: str
    join: Join


def train_hyphens(documents: list[tuple[Page, Labelled]], epochs: int = 6) -> Arrays:
    """Train the log-linear hyphen model; returns its weight table, one row per feature bucket."""
    rng = random.Random(5)
    cases = [*_broken_words(rng), *_kept_words(rng), *_suspended(rng), *_article_words(documents, rng)]
    rng.shuffle(cases)
    rows = [hyphen_features(case.head, case.tail, case.lang) for case in cases]
    width = max(map(len, rows))
    inputs = torch.tensor([row + [BUCKETS] * (width - len(row)) for row in rows])
    targets = torch.tensor([int(case.join) - 1 for case in cases])
    table = nn.EmbeddingBag(BUCKETS + 1, 3, mode="sum", padding_idx=BUCKETS)
    nn.init.zeros_(table.weight)
    optimizer = torch.optim.Adagrad(table.parameters(), lr=0.15)
    for epoch in range(epochs):
        losses = []
        for chosen in torch.randperm(len(inputs)).split(1024):
            loss = functional.cross_entropy(table(inputs[chosen]), targets[chosen]) + 2e-6 * table.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
        print(f"hyphens, {len(cases)} cases, epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    return {"hyphens": table.weight.detach().numpy()[:BUCKETS].astype(np.float16)}


def _broken_words(rng: random.Random) -> Iterator[Case]:
    for lang in PATTERNS:
        for word in wordfreq.top_n_list(lang, COMMON_WORDS):
            if not LETTERS.fullmatch(word):
                continue
            for at in BREAKERS[lang].positions(word):
                yield _cased(Case(lang, word[:at], word[at:], Join.REMOVE), rng)


def _kept_words(rng: random.Random) -> Iterator[Case]:
    compounds = json.loads(COMPOUNDS.read_text(encoding="utf-8"))
    for lang in PATTERNS:
        words = [(word, 3) for word in compounds[lang]["words"].split()]
        if lang in DICTIONARIES:
            lines = (HUNSPELL / DICTIONARIES[lang]).read_text(encoding="utf-8").splitlines()
            words += [(word, 1) for line in lines if HYPHENATED.fullmatch(word := line.partition("/")[0])]
        words += [
            (word, 1) for word in _pairs(lang, compounds[lang]["left"].split(), compounds[lang]["right"].split(), rng)
        ]
        for word, weight in words:
            for case in _breaks_of(word, lang, rng):
                yield from [_cased(case, rng) for _ in range(weight if case.join == Join.KEEP else 1)]


def _breaks_of(word: str, lang: str, rng: random.Random) -> Iterator[Case]:
    """A hyphenated word broken at each of its hyphens, and once at a syllable of one of its parts."""
    for match in re.finditer("-", word):
        yield Case(lang, word[: match.start()], word[match.end() :], Join.KEEP)
    part = rng.choice(list(re.finditer("[^-]+", word)))
    places = BREAKERS[lang].positions(part.group())
    if places:
        at = part.start() + rng.choice(places)
        yield Case(lang, word[:at], word[at:], Join.REMOVE)


def _pairs(lang: str, left: list[str], right: list[str], rng: random.Random) -> Iterator[str]:
    """Known first parts before any word, known last parts after any word, and both together."""
    common = [word for word in wordfreq.top_n_list(lang, PAIRED_WORDS) if LETTERS.fullmatch(word)]
    heads = [word for word in common if ADJECTIVE[lang][0].search(word)]
    tails = [word for word in common if ADJECTIVE[lang][1].search(word)]
    if lang == "de":
        known = set(common)
        plain = [word for word in common if {f"{word}e", f"{word}er", f"{word}es"} <= known]
        heads += plain * 3
        tails += [word + ending for word in plain for ending in ("e", "en", "er", "es", "em")]
    for _ in range(PAIRS[lang]):
        draw = rng.random()
        a = rng.choice(left) if draw < 0.3 else rng.choice(heads) if draw < 0.7 else rng.choice(common)
        b = rng.choice(right) if 0.15 < draw < 0.45 or draw > 0.85 else rng.choice(tails)
        if wordfreq.zipf_frequency(a + b, lang) < 2:
            yield f"{a}-{b}"


def _suspended(rng: random.Random) -> Iterator[Case]:
    """First parts of compounds before the conjunctions of their language."""
    for lang, conjunctions in SUSPENDED.items():
        words = [word for word in wordfreq.top_n_list(lang, COMMON_WORDS) if len(word) > 7 and LETTERS.fullmatch(word)]
        for _ in range(5000):
            word = rng.choice(words)
            places = BREAKERS[lang].positions(word)
            whole = rng.random() < 0.5 or not places
            head = rng.choice(words)[: rng.randint(4, 9)] if whole else word[: rng.choice(places)]
            yield _cased(Case(lang, head, rng.choice(conjunctions), Join.KEEP_SPACE), rng)


def _article_words(documents: Iterable[tuple[Page, Labelled]], rng: random.Random) -> Iterator[Case]:
    """The hyphenated words of the training articles, and their long words broken."""
    texts = {block["text"]: page.lang for page, _ in documents for block in page.blocks}
    for text, lang in texts.items():
        for word in HYPHENATED.findall(text):
            yield from _breaks_of(word, lang, rng)
        for word in LETTERS.findall(text):
            places = BREAKERS[lang].positions(word)
            if places and rng.random() < 0.5:
                at = rng.choice(places)
                yield Case(lang, word[:at], word[at:], Join.REMOVE)


def _cased(case: Case, rng: random.Random) -> Case:
    """Now and then as it stands at the head of a sentence, as a German noun, or in capitals."""
    draw = rng.random()
    if draw < (0.5 if case.lang == "de" else 0.1):
        return case._replace(head=case.head[:1].upper() + case.head[1:])
    if draw > 0.97:
        return case._replace(head=case.head.upper(), tail=case.tail.upper())
    return case
