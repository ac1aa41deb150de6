"""Text tagged by several encoders, their probabilities averaged, for the shipped networks to learn from (distillation).

``python -m stages.models.silver DEVSETS/ner WORK --articles ARTICLES.json --editions DEVSETS/reflow-real --teachers
WEIGHTS.npz ...`` writes ``WORK/silver.npz``. The corpora, their own tags aside, the articles and the German editions
are tagged once as they are; then the German ones and the GermEval training text are tagged again with other words in
them, drawn from `names_small.words`: a name or noun for a capitalised word, a word of the same ending for one in lower
case. So the networks meet many more words than the corpora hold, and hear what the teachers make of them in their
place. After the data augmentation of Jiao et al., "TinyBERT" (2020). A minute on a graphics card.
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
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from stages.extract_entities.names.features import lexicon
from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.pieces import UNKNOWN, read_pieces
from stages.extract_entities.names.tokenise import tokenise
from stages.models.corpora import read_sentences
from stages.models.names_encoder.network import DEVICE, network_of
from stages.models.names_encoder.train import batches, fitting_pieces, saved_weights, tensors

PIECES_AT_ONCE = 8_000  # padded, run together
MODERN = ("mobie_train.tsv", "smartdata_v3_dev.tsv")
OTHER_LANGUAGES = ("en_wnut17_train.tsv", "fr_europeana_bnf.tsv", "fr_newseye_dev2.tsv")
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


def read_articles(path: Path, languages: Sequence[str] = ("de",)) -> list[list[str]]:
    """Sentences of the articles."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    blocks = [block["text"] for row in rows if row["lang"] in languages for block in row["blocks"]]
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


def tag(sentences: list[list[str]], teachers: Sequence[Path]) -> Silver:
    """Tag all sentences with every teacher; their probabilities are averaged."""
    cache: dict[str, list[int]] = {}
    tokenizer = Tokenizer(Unigram(read_pieces(teachers[0].with_name("pieces.tsv")), UNKNOWN))
    lengths = [len(words) for words in sentences]
    ends = np.cumsum(lengths)
    rows = [(number, fitting_pieces(words, tokenizer, cache)) for number, words in enumerate(sentences)]
    groups = []
    for group in batches(rows, random.Random(0), PIECES_AT_ONCE):
        places = np.concatenate([np.arange(ends[number] - lengths[number], ends[number]) for number, _ in group])
        groups.append((tensors(group), torch.from_numpy(places).to(DEVICE)))
    mean = [torch.zeros((int(ends[-1]), len(TAGS)), dtype=torch.float16, device=DEVICE) for _ in range(2)]
    for teacher in teachers:
        network = network_of(saved_weights(teacher)).eval().to(DEVICE)
        for inputs, places in groups:
            with torch.no_grad(), torch.autocast(DEVICE.type, dtype=torch.bfloat16):
                levels = network(*inputs)
            for total, logits in zip(mean, levels, strict=True):
                total[places] += (logits.softmax(-1) / len(teachers)).half()
        print(teacher, flush=True)
    return Silver([word for words in sentences for word in words], lengths, *(total.cpu().numpy() for total in mean))


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
    parser.add_argument("--teachers", type=Path, nargs="+", required=True, help="weights.npz, pieces.tsv beside them")
    o = parser.parse_args()
    chance = random.Random(22)
    with np.load(o.work / "words.npz", allow_pickle=False) as arrays:
        exchange = Exchange(arrays["words"].tolist(), chance)
    articles, historic = read_articles(o.articles), read_words(o.folder, HISTORIC)
    modern = [*read_words(o.folder, MODERN), *articles, *read_editions(o.editions)]
    sentences = [*modern, *historic, *read_words(o.folder, OTHER_LANGUAGES), *read_articles(o.articles, ("en", "fr"))]
    for _ in range(o.rounds):
        some = [row for row in historic if chance.random() < HISTORIC_SHARE]
        sentences += [exchange.mix(row) for row in [*read_words(o.folder, [GERMEVAL]), *modern, *some]]
    found = tag(sentences, o.teachers)
    text = np.frombuffer("\n".join(found.words).encode("utf-8", "surrogatepass"), np.uint8)
    np.savez(o.work / "silver.npz", words=text, lengths=found.lengths, outer=found.outer, inner=found.inner)


if __name__ == "__main__":
    main()
