"""Text tagged by the accurate engine, for the fast one to learn from (distillation).

``python -m stages.models.silver DEVSETS/ner WORK --articles ARTICLES.json --editions DEVSETS/reflow-real`` writes
``WORK/silver.npz``. The German corpora, their own tags aside, the German articles and the editions are tagged once as
they are; then they and the GermEval training text are tagged again with other words in them, drawn from
`names_small.words`: a name or noun for a capitalised word, a word of the same ending for one in lower case. So the
small network meets many more words than the corpora hold, and hears what the encoder makes of them in their place.
After the data augmentation of Jiao et al., "TinyBERT" (2020). Some fifteen CPU minutes on one thread.
"""

import argparse
import json
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.extract_entities.names.encoder import tag_probabilities
from stages.extract_entities.names.features import lexicon
from stages.extract_entities.names.tokenise import tokenise
from stages.models.corpora import read_sentences

MODERN = ("mobie_train.tsv",)
HISTORIC = (
    "europeana_lft.tsv",
    "europeana_onb.tsv",
    "europeana_sbb.tsv",
    "newseye_dev2.tsv",
    "sonar_dev.tsv",
    "sonar_test.tsv",
    "sturm_train.tsv",
)
# All CC BY; the journal once, though it is there in three layouts.
EDITIONS = tuple(f"{name}/*/gold.json" for name in ("libreas_default", "dhd", "hanslick_indent", "hanslick_plain"))
GERMEVAL = "germeval_train.tsv"
LONGEST = 140
ROUNDS, HISTORIC_SHARE = 3, 0.3
SWAP_CAPITAL, SWAP_LOWER = 0.25, 0.08
SHORTEST = 4  # letters of a lower-case word that may be exchanged: shorter ones hold the sentence together
# A full stop, a space, and a capital or an opening quotation mark (U+201E).
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\u00c4\u00d6\u00dc\u201e\"])")


class Silver(NamedTuple):
    """Sentences end to end: words, words of each sentence, probabilities [word, tag] of both levels."""

    words: list[str]
    lengths: list[int]
    outer: NDArray[np.float16]
    inner: NDArray[np.float16]


class Exchange:
    """Words to put in the place of others."""

    def __init__(self, words: Sequence[str], chance: random.Random) -> None:
        self.chance = chance
        listed = lexicon()
        self.capital = [word for word in words if word[0].isupper()]
        self.names = [word for word in self.capital if word.lower() in listed]
        self.lower: dict[str, list[str]] = defaultdict(list)
        for word in words:
            if word.islower() and len(word) >= SHORTEST:
                self.lower[word[-2:]].append(word)

    def mix(self, words: Sequence[str]) -> list[str]:
        """Exchange some words of a sentence."""
        return [self._other(word) if word[:1].isalpha() and "." not in word else word for word in words]

    def _other(self, word: str) -> str:
        draw = self.chance.random()
        if word[0].isupper():
            return (
                self.chance.choice(self.names if draw < SWAP_CAPITAL / 2 else self.capital)
                if draw < SWAP_CAPITAL
                else word
            )
        alike = self.lower.get(word[-2:]) if len(word) >= SHORTEST and draw < SWAP_LOWER else None
        return self.chance.choice(alike) if alike else word


def read_words(folder: Path, names: Sequence[str]) -> list[list[str]]:
    """Sentences of corpora, cut by our tokeniser."""
    return cut([sentence.text for name in names for sentence in read_sentences(folder / name)])


def read_articles(path: Path) -> list[list[str]]:
    """Sentences of the German articles."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    blocks = [block["text"] for row in rows if row["lang"] == "de" for block in row["blocks"]]
    return cut([part for block in blocks for part in SENTENCE_END.split(block)])


def read_editions(folder: Path) -> list[list[str]]:
    """Sentences of the German documents that others published with their blocks (`EDITIONS`)."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for name in EDITIONS for path in sorted(folder.glob(name))]
    blocks = [block["text"] for row in rows if row["lang"] == "de" for block in row["blocks"]]
    return cut([part for block in blocks for part in SENTENCE_END.split(block)])


def cut(texts: Sequence[str]) -> list[list[str]]:
    """Cut texts into words."""
    rows = ([text[start:end] for start, end in tokenise(text)][:LONGEST] for text in texts)
    return [row for row in rows if row]


def tag(sentences: list[list[str]]) -> Silver:
    """Tag in parts, so that the single precision of all is never held at once."""
    outer, inner = [], []
    for start in range(0, len(sentences), 2000):
        for found in tag_probabilities(sentences[start : start + 2000]):
            outer.append(found[0].astype(np.float16))
            inner.append(found[1].astype(np.float16))
        print(start, len(sentences), flush=True)
    words = [word for sentence in sentences for word in sentence]
    return Silver(words, [len(sentence) for sentence in sentences], np.concatenate(outer), np.concatenate(inner))


def load(path: Path) -> Silver:
    """Read what `main` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        words = bytes(arrays["words"]).decode("utf-8", "surrogatepass").split("\n")
        return Silver(words, arrays["lengths"].tolist(), arrays["outer"], arrays["inner"])


def main() -> None:
    """Read the options, tag and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path, help="folder with words.npz")
    parser.add_argument("--articles", type=Path, required=True)
    parser.add_argument("--editions", type=Path, required=True, help="folder of the editions")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    o = parser.parse_args()
    chance = random.Random(22)
    with np.load(o.work / "words.npz", allow_pickle=False) as arrays:
        exchange = Exchange(arrays["words"].tolist(), chance)
    articles, historic = read_articles(o.articles), read_words(o.folder, HISTORIC)
    modern = [*read_words(o.folder, MODERN), *articles, *read_editions(o.editions)]
    sentences = [*modern, *historic]
    for _ in range(o.rounds):
        some = [row for row in historic if chance.random() < HISTORIC_SHARE]
        sentences += [exchange.mix(row) for row in [*read_words(o.folder, [GERMEVAL]), *modern, *some]]
    found = tag(sentences)
    text = np.frombuffer("\n".join(found.words).encode("utf-8", "surrogatepass"), np.uint8)
    np.savez(o.work / "silver.npz", words=text, lengths=found.lengths, outer=found.outer, inner=found.inner)


if __name__ == "__main__":
    main()
