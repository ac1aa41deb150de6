"""Train the hyphen model on words broken at syllables (the hyphen goes) and at their own hyphens (it stays)."""

# the random numbers draw layouts, not secrets

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

from stages.models.reflow.labels import Arrays
from stages.models.reflow.pages import Article
from stages.models.reflow.word_lists import (
    HYPHENATED,
    LETTERS,
    adjectives,
    common_words,
    hyphenated_words,
    loan_words,
    made_up_compounds,
    plain_words,
    productive_parts,
    running_words,
)
from stages.reflow.hyphens import BUCKETS, WORD_FEATURES, Break, Join, hyphen_features
from stages.reflow.words import SUSPENDED

PATTERNS = {"de": "de_DE", "en": "en_GB", "fr": "fr_FR", "nl": "nl_NL"}
SEED = 5
PLAIN, PAIRED_WORDS = 60_000, 15_000
PAIRS = {"de": 40_000, "en": 70_000, "fr": 25_000, "nl": 25_000}
MADE_UP = {"de": 80_000, "nl": 50_000}
ADJECTIVE_PAIRS, ADJECTIVE_ENDINGS = 40_000, ("e", "en", "er", "es", "em", "")
# Of running text, so many plain words are broken.
RUNNING_SHARE = 0.3
# Words that stand first or last in made-up hyphenated words: English participles follow anything.
ADJECTIVE = {
    "de": (re.compile("(?:isch|lich|al|iv|ell|ig)$"), re.compile("(?:isch|lich|al|iv|ell|ig|iert|end)e[nrsm]?$")),
    "en": (re.compile("[a-z]"), re.compile("(?:ed|ing|en|ly|able)$")),
    "fr": (re.compile("o$"), re.compile("(?:ais|ain|ien|ique|al|aux)e?s?$")),
    "nl": (re.compile("(?:isch|lijk|aal|ief|a|e|i|o|u)$"), re.compile("(?:^[aeiou]|isch|ische|lijke)")),
}
HIDE_WORDS, HIDE_ANY = 0.3, 0.1
DECAY = 2e-7
BREAKERS = {lang: pyphen.Pyphen(lang=pattern, left=2, right=2) for lang, pattern in PATTERNS.items()}
# French verbs and the pronouns that follow them.
INVERTED = (
    (re.compile("(?:t|d|nt)$"), ("il", "elle", "on", "ils", "elles", "ce")),
    (re.compile("ez$"), ("vous", "moi", "nous", "le", "la", "les", "lui", "leur", "en", "y")),
    (re.compile("ons$"), ("nous", "le", "la", "les", "y", "en")),
    (re.compile("(?:a|e)$"), ("t-il", "t-elle", "t-on")),
)
INVERSIONS = 12_000
LOANS = 4_000
# Dutch parts compounds with a hyphen where two vowels would be read as one.
CLASHES = {"aa", "ae", "ai", "au", "ee", "ei", "eu", "ie", "ij", "oe", "oi", "oo", "ou", "ui", "uu"}


class Case(NamedTuple):
    """A word broken at a line end: language, what stands before the hyphen and after it, and the right join."""

    lang: str
    head: str
    tail: str
    join: Join


def train_hyphens(
    articles: list[Article], devsets: Path, without: frozenset[str] = frozenset(), epochs: int = 4
) -> Arrays:
    """Train the log-linear hyphen model; returns its weight table, one row per feature bucket.

    ``without`` names words, hyphens included, that training must not meet: what a benchmark wants to ask.
    """
    torch.manual_seed(SEED)
    cases = hyphen_cases(articles, devsets, without)
    inputs, targets = _tensors(cases)
    table = nn.EmbeddingBag(BUCKETS + 1, 3, mode="sum", padding_idx=BUCKETS)
    nn.init.zeros_(table.weight)
    optimizer = torch.optim.Adagrad(table.parameters(), lr=0.15)
    for epoch in range(epochs):
        losses = []
        for chosen in torch.randperm(len(inputs)).split(1024):
            shown = _hidden(inputs[chosen])
            loss = functional.cross_entropy(table(shown), targets[chosen]) + DECAY * table.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
        print(f"hyphens, {len(cases)} cases, epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    return {"hyphens": table.weight.detach().numpy()[:BUCKETS].astype(np.float16)}


def _hidden(rows: torch.Tensor) -> torch.Tensor:
    """The features with some left out, the words themselves more often: a new pair is known by the rest alone."""
    hidden = torch.rand(rows.shape) < HIDE_ANY
    hidden[:, :WORD_FEATURES] |= torch.rand(len(rows), 1) < HIDE_WORDS
    return rows.masked_fill(hidden, BUCKETS)


def hyphen_cases(articles: list[Article], devsets: Path, without: frozenset[str] = frozenset()) -> list[Case]:
    """All broken words that the model learns from, in a drawn order."""
    rng = random.Random(SEED)
    cases = [*_broken_words(rng), *_kept_words(rng), *_made_up_words(rng), *_inverted_verbs(rng), *_suspended(rng)]
    cases += [*_loans(rng), *_running_words(devsets, rng), *_article_words(articles, rng)]
    if without:
        cases = [case for case in cases if not _names_one(case, without)]
    rng.shuffle(cases)
    return cases


def _tensors(cases: list[Case]) -> tuple[torch.Tensor, torch.Tensor]:
    order: list[Case] = []
    rows = []
    for lang in PATTERNS:
        own = [case for case in cases if case.lang == lang]
        rows.append(hyphen_features([Break(f"{case.head}-", case.tail) for case in own], [lang] * len(own)))
        order += own
    return torch.from_numpy(np.concatenate(rows)), torch.tensor([int(case.join) - 1 for case in order])


def _names_one(case: Case, words: frozenset[str]) -> bool:
    return f"{case.head}-{case.tail}".lower() in words or f"{case.head}{case.tail}".lower() in words


def _broken_words(rng: random.Random) -> Iterator[Case]:
    for lang in PATTERNS:
        for word in plain_words(lang, PLAIN):
            for at in BREAKERS[lang].positions(word):
                yield _cased(Case(lang, word[:at], word[at:], Join.REMOVE), rng)


def _kept_words(rng: random.Random) -> Iterator[Case]:
    for lang in PATTERNS:
        words = list(hyphenated_words(lang).items())
        words += [(word, 1) for word in _pairs(lang, rng)]
        if lang == "de":
            words += [(word, 1) for word in _adjective_pairs(rng)]
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


def _pairs(lang: str, rng: random.Random) -> Iterator[str]:
    """First parts that make new words before any word, last parts after any word, and both together."""
    left, right = productive_parts(lang)
    common = [word for word in wordfreq.top_n_list(lang, PAIRED_WORDS) if LETTERS.fullmatch(word)]
    heads = [word for word in common if ADJECTIVE[lang][0].search(word)]
    tails = [word for word in common if ADJECTIVE[lang][1].search(word)]
    for _ in range(PAIRS[lang]):
        draw = rng.random()
        a = rng.choice(left) if draw < 0.5 else rng.choice(heads)
        b = rng.choice(right) if 0.3 < draw < 0.8 else rng.choice(tails) if rng.random() < 0.7 else rng.choice(common)
        if wordfreq.zipf_frequency(a + b, lang) < 2:
            yield f"{a}-{b}"


def _loans(rng: random.Random) -> Iterator[Case]:
    """English words with a hyphen inside the other languages."""
    words = loan_words()
    for lang in ("de", "fr", "nl"):
        for _ in range(LOANS):
            breaks = _breaks_of(rng.choice(words), lang, rng)
            yield from (_cased(case, rng) for case in breaks if case.join == Join.KEEP)


def _adjective_pairs(rng: random.Random) -> Iterator[str]:
    """German adjectives side by side, the last one inflected: "ernst-heiterer"."""
    words = adjectives()
    for _ in range(ADJECTIVE_PAIRS):
        yield f"{rng.choice(words)}-{rng.choice(words)}{rng.choice(ADJECTIVE_ENDINGS)}"


def _made_up_words(rng: random.Random) -> Iterator[Case]:
    """Closed compounds broken between their parts; rare in any list, but what most unknown words of a text are."""
    for lang, count in MADE_UP.items():
        for modifier, head in made_up_compounds(lang, count, rng):
            clash = lang == "nl" and modifier[-1] + head[0] in CLASHES
            yield _cased(Case(lang, modifier, head, Join.KEEP if clash else Join.REMOVE), rng)


def _inverted_verbs(rng: random.Random) -> Iterator[Case]:
    """French verbs before their pronoun: "demanderait-elle", "pense-t-on"."""
    words = common_words("fr")[:30_000]
    for ending, pronouns in INVERTED:
        verbs = [word for word in words if ending.search(word) and len(word) > 2]
        for _ in range(INVERSIONS // len(INVERTED)):
            yield from _breaks_of(f"{rng.choice(verbs)}-{rng.choice(pronouns)}", "fr", rng)


def _suspended(rng: random.Random) -> Iterator[Case]:
    """First parts of compounds before the conjunctions of their language."""
    for lang, conjunctions in SUSPENDED.items():
        words = [word for word in wordfreq.top_n_list(lang, PLAIN) if len(word) > 7 and LETTERS.fullmatch(word)]
        for _ in range(5000):
            word = rng.choice(words)
            places = BREAKERS[lang].positions(word)
            whole = rng.random() < 0.5 or not places
            head = rng.choice(words)[: rng.randint(4, 9)] if whole else word[: rng.choice(places)]
            yield _cased(Case(lang, head, rng.choice(conjunctions), Join.KEEP_SPACE), rng)


def _running_words(devsets: Path, rng: random.Random) -> Iterator[Case]:
    for lang in PATTERNS:
        for word in running_words(lang, devsets):
            yield from _breaks_in_text(word, lang, rng)


def _article_words(articles: Iterable[Article], rng: random.Random) -> Iterator[Case]:
    """The hyphenated words of the training articles, and their long words broken."""
    for article in articles:
        for block in article["blocks"]:
            for word in block["text"].split():
                yield from _breaks_in_text(word, article["lang"], rng)


def _breaks_in_text(text: str, lang: str, rng: random.Random) -> Iterator[Case]:
    for word in HYPHENATED.findall(text):
        yield from _breaks_of(word, lang, rng)
    for word in LETTERS.findall(text) if rng.random() < RUNNING_SHARE else ():
        places = BREAKERS[lang].positions(word)
        if places:
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
