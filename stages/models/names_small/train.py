"""Train the small network: ``python -m stages.models.names_small.train DEVSETS/ner WORK ENCODER_WEIGHTS.npz``.

Piece vectors start from the main directions of the encoder's; see the card for the two steps.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from torch import Tensor

from stages.models.corpora import check_inputs
from stages.models.names_encoder.examples import (
    ANY,
    GERMEVAL,
    Example,
    allowed_table,
    read_germeval,
    read_other,
)
from stages.models.names_encoder.train import DEVELOPMENT, INPUTS, decode, name_lists, one_epoch, save
from stages.models.names_small.network import PIECE_WIDTH, SmallNetwork
from stages.models.silver import silver_sentences
from stages.names.forms import Forms, form_arrays
from stages.names.labels import TAGS, tag_runs
from stages.names.pieces import UNKNOWN, read_pieces

BATCH_WORDS = 1500
SURE = 0.6


class FormTable:
    """Numbers and arrays of all forms met so far."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.cache: dict[str, list[int]] = {}
        self.number: dict[str, int] = {}
        self.arrays: Forms | None = None

    def add(self, words: Sequence[str]) -> None:
        """Look at the forms not met before."""
        fresh = [word for word in dict.fromkeys(words) if word not in self.number]
        if fresh:
            self.number |= {word: len(self.number) + i for i, word in enumerate(fresh)}
            found = form_arrays(fresh, self.tokenizer, self.cache)
            old = self.arrays
            self.arrays = (
                found if old is None else Forms(*(np.concatenate(pair) for pair in zip(old, found, strict=True)))  # type: ignore[arg-type]
            )


def run(network: SmallNetwork, table: FormTable, group: list[Example]) -> tuple[Tensor, Tensor]:
    """Run a group of sentences; returns the logits of their words in order."""
    places = [table.number[word] for example in group for word in (*example.words, "")]
    real = [len(word) > 0 for example in group for word in (*example.words, "")]
    unique, rows = np.unique(places, return_inverse=True)
    assert table.arrays is not None
    forms = (torch.from_numpy(array[unique]) for array in table.arrays)
    mask = torch.tensor(real)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        vectors = network.forms(*forms)
        outer, inner = network(vectors, torch.from_numpy(rows), mask[:, None].to(vectors.dtype))
    return outer[mask], inner[mask]


def grouped(examples: list[Example], chance: random.Random) -> list[list[Example]]:
    """Shuffle and group sentences to BATCH_WORDS words."""
    chance.shuffle(examples)
    groups: list[list[Example]] = [[]]
    for example in examples:
        if sum(len(e.words) for e in groups[-1]) > BATCH_WORDS:
            groups.append([])
        groups[-1].append(example)
    return groups


def loss_of(network: SmallNetwork, table: FormTable, group: list[Example], allowed: Tensor) -> Tensor:
    """Minus log likelihood of the allowed tags, both levels."""
    weights = torch.tensor([example.weight for example in group for _ in example.words])
    total = torch.zeros(())
    rows = ([r for e in group for r in e.outer], [r for e in group for r in e.inner])
    for logits, allowed_rows in zip(run(network, table, group), rows, strict=True):
        log_p = logits.log_softmax(-1).masked_fill(~allowed[torch.tensor(allowed_rows)], -1e9)
        total = total - (log_p.logsumexp(-1) * weights).sum() / weights.sum()
    return total


def evaluate(network: SmallNetwork, table: FormTable, folder: Path) -> dict[str, float]:
    """F1 of names, and of parts and derivations, on our own tokens."""
    network.eval()
    scores = {}
    for name in DEVELOPMENT:
        examples = read_germeval(folder / name) if "12" in name else read_other(folder / name, 1.0)
        table.add([word for e in examples for word in e.words])
        gold: list[set[tuple[int, int, int, str]]] = [set(), set()]
        found: list[set[tuple[int, int, int, str]]] = [set(), set()]
        for number, example in enumerate(examples):
            with torch.no_grad():
                logits = run(network, table, [example])[0].numpy()
            tags = [TAGS[r] if r < len(TAGS) else "B-LOC" if r == len(TAGS) + 2 else "O" for r in example.outer]
            for target, row in ((gold, tags), (found, decode(logits))):
                for a, b, label in tag_runs(row):
                    target[label.endswith(("deriv", "part"))].add((number, a, b, label))
        for i, part in enumerate(("", " parts")):
            scores[name + part] = round(200 * len(gold[i] & found[i]) / max(1, len(gold[i]) + len(found[i])), 2)
    network.train()
    return scores


def start(encoder: Path) -> SmallNetwork:
    """Make a network whose piece vectors are the main directions of the encoder's."""
    with np.load(encoder, allow_pickle=False) as arrays:
        words = arrays["words.weight"]
    centred = words - words.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    reduced = centred @ directions[:, -PIECE_WIDTH:]
    network = SmallNetwork(len(words), len(TAGS))
    with torch.no_grad():
        network.forms.pieces.weight.copy_(torch.from_numpy(reduced / reduced.std()))
        network.forms.triples.weight.mul_(0.3)
    return network


def silver(folder: Path, articles: Path | None) -> list[Example]:
    """Take over what the accurate engine says of German text; words it is not sure of teach nothing."""
    examples = []
    for words, tagged in silver_sentences(folder, articles):
        sure = [score >= SURE for score in tagged.scores]
        outer = [TAGS.index(tag) if is_sure else ANY for tag, is_sure in zip(tagged.tags, sure, strict=True)]
        inner = [TAGS.index(tag) if is_sure else ANY for tag, is_sure in zip(tagged.inner, sure, strict=True)]
        examples.append(Example(words, outer, inner, 0.7))
    return examples


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--silver", type=float, default=0.7, help="share of the sentences tagged by the teacher")
    parser.add_argument("--articles", type=Path, default=None, help="articles.json: more text for the teacher")
    o = parser.parse_args()
    check_inputs(o.folder, json.loads(INPUTS.read_text(encoding="utf-8")))
    torch.manual_seed(20)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    o.work.mkdir(parents=True, exist_ok=True)
    chance, lists, allowed = random.Random(20), name_lists(), torch.tensor(allowed_table())
    corpora = [(read_germeval(o.folder / GERMEVAL), 1.0)]
    if o.silver:
        corpora.append((silver(o.folder, o.articles), o.silver))
    print([len(rows) for rows, _ in corpora], f"cpu {time.process_time():.0f}", flush=True)
    table = FormTable(Tokenizer(Unigram(read_pieces(o.encoder.with_name("pieces.tsv")), UNKNOWN)))
    table.add([""])
    network = start(o.encoder)
    optimiser = torch.optim.AdamW(network.parameters(), lr=o.rate, weight_decay=0.01, fused=True)
    began, step, steps = time.time(), 0, 0
    for epoch in range(1, o.epochs + 1):
        examples = one_epoch(corpora, lists, chance)
        table.add([word for e in examples for word in e.words])
        groups, losses = grouped(examples, chance), []
        steps = steps or len(groups) * o.epochs
        for group in groups:
            for part in optimiser.param_groups:
                part["lr"] = o.rate * min((step + 1) / 200, max(0.0, 1 - step / steps))
            loss = loss_of(network, table, group, allowed)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            losses.append(loss.item())
            step += 1
        save(network, o.work / "weights.npz")
        print(epoch, f"{np.mean(losses):.4f} {time.time() - began:.0f} s cpu {time.process_time():.0f}", end=" ")
        print(json.dumps(evaluate(network, table, o.folder)) if epoch in (2, 5, o.epochs) else "", flush=True)


if __name__ == "__main__":
    main()
