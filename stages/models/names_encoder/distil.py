"""Train the encoder that is shipped on what deeper ones make of much text (distillation).

``python -m stages.models.names_encoder.distil DEVSETS/ner WORK --start WORK/TEACHER/weights.npz`` reads
``WORK/silver.npz``, the mean of several teachers' probabilities (`stages.models.silver`), starts from the first layers
of one of them and writes ``WORK/encoder/weights.npz``. Learns the GermEval training text as annotated and the rest as
the teachers see it, by their probabilities and not only their choice (Hinton, Vinyals, Dean, "Distilling the Knowledge
in a Neural Network", 2015). Six minutes on a graphics card that trains others beside it.
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
from torch.nn import functional as F

from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.pieces import UNKNOWN, read_pieces
from stages.models.corpora import check_inputs
from stages.models.lessons import Lesson, gold_lessons, silver_lessons
from stages.models.names_encoder.examples import GERMEVAL, read_germeval
from stages.models.names_encoder.network import DEVICE, Network
from stages.models.names_encoder.train import (
    BATCH_PIECES,
    INPUTS,
    batches,
    descend,
    evaluate,
    fitting_pieces,
    name_lists,
    one_epoch,
    optimiser_of,
    save,
    saved_weights,
    tensors,
)
from stages.models.silver import load

LAYERS = 8


def first_layers(path: Path, layers: int) -> Network:
    """Make a network of a teacher's embedding, its first layers and its heads."""
    saved = saved_weights(path)
    kept = {name: values for name, values in saved.items() if not _is_beyond(name, layers)}
    network = Network(len(kept["words.weight"]), layers, len(TAGS))
    network.load_state_dict({name: torch.from_numpy(values) for name, values in kept.items()})
    return network


def _is_beyond(name: str, layers: int) -> bool:
    return name.startswith("layers.") and int(name.split(".")[1]) >= layers


def loss_of(network: Network, group: Sequence[tuple[Lesson, list[list[int]]]]) -> Tensor:
    """Cross entropy with the wanted probabilities, both levels."""
    with torch.autocast(DEVICE.type, dtype=torch.bfloat16):
        outer, inner = network(*tensors(group))
    wanted = [
        torch.from_numpy(np.concatenate([getattr(lesson, level) for lesson, _ in group])).to(DEVICE).float()
        for level in ("outer", "inner")
    ]
    return F.cross_entropy(outer, wanted[0]) + F.cross_entropy(inner, wanted[1])


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path, help="folder with silver.npz")
    parser.add_argument("--start", type=Path, required=True, help="a teacher's weights.npz, pieces.tsv beside it")
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--silver", type=float, default=0.4, help="share of the tagged sentences that an epoch sees")
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--batch", type=int, default=2 * BATCH_PIECES)
    parser.add_argument("--seed", type=int, default=30)
    o = parser.parse_args()
    check_inputs(o.folder, json.loads(INPUTS.read_text(encoding="utf-8")))
    torch.manual_seed(o.seed)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    chance, lists = random.Random(o.seed), name_lists()
    cache: dict[str, list[int]] = {}
    tokenizer = Tokenizer(Unigram(read_pieces(o.start.with_name("pieces.tsv")), UNKNOWN))
    gold, silver = read_germeval(o.folder / GERMEVAL), silver_lessons(load(o.work / "silver.npz"))
    network = first_layers(o.start, o.layers).to(DEVICE)
    optimiser = optimiser_of(network, o.rate)
    began, step, steps = time.time(), 0, 0
    for epoch in range(1, o.epochs + 1):
        lessons = gold_lessons(one_epoch([(gold, 1.0)], lists, chance))
        lessons += [lesson for lesson in silver if chance.random() < o.silver]
        groups = list(batches([(one, fitting_pieces(one.words, tokenizer, cache)) for one in lessons], chance, o.batch))
        steps, losses = steps or len(groups) * o.epochs, []
        for group in groups:
            share = min((step + 1) / 100, max(0.0, 1 - step / steps))
            for part, rate in zip(optimiser.param_groups, (o.rate, 5 * o.rate), strict=True):
                part["lr"] = share * rate
            loss = loss_of(network, group)
            descend(network, optimiser, loss)
            losses.append(loss.detach())
            step += 1
        print(epoch, f"{torch.stack(losses).mean().item():.4f} {time.time() - began:.0f} s", flush=True)
    made = o.work / "encoder"
    made.mkdir(exist_ok=True)
    save(network, made / "weights.npz")
    (made / "pieces.tsv").write_bytes(o.start.with_name("pieces.tsv").read_bytes())
    print(json.dumps(evaluate(network, o.folder, tokenizer, cache)), flush=True)


if __name__ == "__main__":
    main()
