"""Train the small network: ``python -m stages.models.names_small.train DEVSETS/ner WORK``.

Reads ``WORK/words.npz``, ``WORK/forms.npz`` and ``WORK/silver.npz``, in which order they are made says the card. Learns
the GermEval training text and what the accurate engine makes of other text (its probabilities, not only its choice:
Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015); meanwhile the form vectors are held to
what they learned of single words.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from stages.extract_entities.names.forms import FormArrays, form_arrays
from stages.extract_entities.names.labels import TAGS, tag_runs
from stages.extract_entities.names.pieces import PIECES, read_pieces, shipped_tokenizer
from stages.models.corpora import check_inputs
from stages.models.lessons import Lesson, gold_lessons, silver_lessons
from stages.models.names_encoder.examples import GERMEVAL, read_germeval, read_other
from stages.models.names_encoder.network import DEVICE
from stages.models.names_encoder.train import DEVELOPMENT, INPUTS, decode, descend, name_lists, one_epoch, save
from stages.models.names_small.network import HIDDEN, SmallNetwork
from stages.models.names_small.words import DIRECTIONS
from stages.models.silver import load

BATCH_WORDS = 2500
RECALL_WORDS, RECALL_WEIGHT = 512, 0.1


class FormTable:
    """Numbers and arrays of all forms met so far."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.number: dict[str, int] = {"-": 0}
        self.arrays = form_arrays(["-"], tokenizer)

    def add(self, words: Sequence[str]) -> None:
        """Look at the forms not met before."""
        fresh = [word for word in dict.fromkeys(words) if word not in self.number]
        if fresh:
            self.number |= {word: len(self.number) + i for i, word in enumerate(fresh)}
            found = form_arrays(fresh, self.tokenizer)
            self.arrays = FormArrays(*(np.concatenate(pair) for pair in zip(self.arrays, found, strict=True)))  # type: ignore[arg-type]


class Recall:
    """Single words and the encoder's state of each, drawn at random."""

    def __init__(self, work: Path, tokenizer: Tokenizer) -> None:
        with np.load(work / "words.npz", allow_pickle=False) as arrays:
            forms = form_arrays(arrays["words"].tolist(), tokenizer)
            self.forms = [torch.from_numpy(array).to(DEVICE) for array in forms]
            self.states = torch.from_numpy(arrays["states"]).to(DEVICE)
        self.read = nn.Linear(HIDDEN, DIRECTIONS).to(DEVICE)

    def loss(self, network: SmallNetwork) -> Tensor:
        """Squared error over a draw of words."""
        rows = torch.randint(len(self.states), (RECALL_WORDS,), device=DEVICE)
        with torch.autocast(DEVICE.type, dtype=torch.bfloat16):
            found = self.read(network.forms(*(array[rows] for array in self.forms)))
        return F.mse_loss(found.float(), self.states[rows].float())


def run(network: SmallNetwork, table: FormTable, sentences: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
    """Run a group of sentences; returns the logits of their words in order."""
    numbers = np.array([table.number[word] for words in sentences for word in words])
    unique, rows = np.unique(numbers, return_inverse=True)
    forms = (torch.from_numpy(array[unique]).to(DEVICE) for array in table.arrays)
    of_sentence = np.repeat(np.arange(len(sentences)), [len(words) for words in sentences])
    places = (torch.from_numpy(array).to(DEVICE) for array in (rows, of_sentence))
    with torch.autocast(DEVICE.type, dtype=torch.bfloat16):
        outer, inner = network(network.forms(*forms), *places)
    return outer, inner


def grouped(lessons: list[Lesson], chance: random.Random) -> Iterator[list[Lesson]]:
    """Shuffle and group sentences to BATCH_WORDS words."""
    chance.shuffle(lessons)
    group: list[Lesson] = []
    for lesson in lessons:
        group.append(lesson)
        if sum(len(one.words) for one in group) > BATCH_WORDS:
            yield group
            group = []


def loss_of(network: SmallNetwork, table: FormTable, group: list[Lesson]) -> Tensor:
    """Cross entropy with the wanted probabilities, both levels."""
    logits = run(network, table, [lesson.words for lesson in group])
    wanted = (np.concatenate([lesson.outer for lesson in group]), np.concatenate([lesson.inner for lesson in group]))
    return torch.stack(
        [F.cross_entropy(x, torch.from_numpy(p).to(DEVICE).float()) for x, p in zip(logits, wanted, strict=True)]
    ).sum()


def evaluate(network: SmallNetwork, table: FormTable, folder: Path) -> dict[str, float]:
    """F1 of names, and of parts and derivations, on our own tokens."""
    network.eval()
    scores = {}
    for name in DEVELOPMENT:
        examples = read_germeval(folder / name) if "12" in name else read_other(folder / name, 1.0)
        table.add([word for e in examples for word in e.words])
        gold: list[set[tuple[int, int, int, str]]] = [set(), set()]
        found: list[set[tuple[int, int, int, str]]] = [set(), set()]
        found_tags: list[str] = []
        for first in range(0, len(examples), 100):
            with torch.no_grad():
                logits = run(network, table, [example.words for example in examples[first : first + 100]])[0]
            found_tags += decode(logits.cpu().numpy())
        starts = [0, *accumulate(len(example.words) for example in examples)]
        for number, example in enumerate(examples):
            row = found_tags[starts[number] : starts[number + 1]]
            tags = [TAGS[r] if r < len(TAGS) else "B-LOC" if r == len(TAGS) + 2 else "O" for r in example.outer]
            for target, tagged in ((gold, tags), (found, row)):
                for a, b, label in tag_runs(tagged):
                    target[label.endswith(("deriv", "part"))].add((number, a, b, label))
        for i, part in enumerate(("", " parts")):
            scores[name + part] = round(200 * len(gold[i] & found[i]) / max(1, len(gold[i]) + len(found[i])), 2)
    network.train()
    return scores


def start(work: Path) -> SmallNetwork:
    """Make a network whose form part is the one that learned single words."""
    network = SmallNetwork(len(read_pieces(PIECES)), len(TAGS))
    with np.load(work / "forms.npz", allow_pickle=False) as arrays:
        state = {n.removeprefix("forms."): torch.from_numpy(arrays[n]) for n in arrays.files if n.startswith("forms.")}
    network.forms.load_state_dict(state)
    return network


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--silver", type=float, default=0.8, help="share of the tagged sentences that an epoch sees")
    o = parser.parse_args()
    check_inputs(o.folder, json.loads(INPUTS.read_text(encoding="utf-8")))
    torch.manual_seed(20)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    chance, lists = random.Random(20), name_lists()
    gold, silver = read_germeval(o.folder / GERMEVAL), silver_lessons(load(o.work / "silver.npz"))
    table, recall = FormTable(shipped_tokenizer()), Recall(o.work, shipped_tokenizer())
    network = start(o.work).to(DEVICE)
    table.add([word for lesson in silver for word in lesson.words])
    parameters = [*network.parameters(), *recall.read.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=o.rate, weight_decay=0.01, fused=True)
    began, step, steps = time.time(), 0, 0
    for epoch in range(1, o.epochs + 1):
        lessons = gold_lessons(one_epoch([(gold, 1.0)], lists, chance))
        table.add([word for lesson in lessons for word in lesson.words])
        groups = list(grouped([*lessons, *(one for one in silver if chance.random() < o.silver)], chance))
        steps, losses = steps or len(groups) * o.epochs, []
        for group in groups:
            for part in optimiser.param_groups:
                part["lr"] = o.rate * min((step + 1) / 200, max(0.0, 1 - step / steps))
            loss = loss_of(network, table, group) + RECALL_WEIGHT * recall.loss(network)
            descend(network, optimiser, loss)
            losses.append(loss.detach())
            step += 1
        mean = torch.stack(losses).mean().item()
        print(epoch, f"{mean:.4f} {time.time() - began:.0f} s cpu {time.process_time():.0f}", flush=True)
    save(network, o.work / "weights.npz")
    print(json.dumps(evaluate(network, table, o.folder)), flush=True)


if __name__ == "__main__":
    main()
