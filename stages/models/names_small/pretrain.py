"""Teach the form vectors what the pretrained encoder knows of single words.

``python -m stages.models.names_small.pretrain WORK`` reads ``WORK/words.npz`` (see `words`) and writes
``WORK/forms.npz``: the weights of the form part, and a matrix that reads the encoder's directions out of its vectors.
Some five CPU minutes on one thread.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.extract_entities.names.forms import form_arrays
from stages.extract_entities.names.pieces import PIECES, read_pieces, shipped_tokenizer
from stages.models.names_encoder.base import WIDTH, read_base
from stages.models.names_encoder.network import DEVICE
from stages.models.names_encoder.train import save
from stages.models.names_small.network import HIDDEN, PIECE_WIDTH, FormNet
from stages.models.names_small.words import DIRECTIONS

BATCH, EPOCHS, RATE = 1024, 8, 2e-3
TRIED = 5_000  # words kept aside to see how well the vectors carry over


class Recall(nn.Module):
    """Form vectors, and what they say of the encoder's state."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.forms = FormNet(pieces, 0.1)
        self.read = nn.Linear(HIDDEN, DIRECTIONS)

    def forward(self, pieces: Tensor, triples: Tensor, flags: Tensor) -> Tensor:
        """Arrays of forms -> states [form, DIRECTIONS]."""
        states: Tensor = self.read(self.forms(pieces, triples, flags))
        return states


def start() -> Recall:
    """Piece vectors start from the main directions of the pretrained encoder's."""
    base = read_base()
    number = {piece: i for i, (piece, _) in enumerate(base.pieces)}
    table = base.tensors["emb.word"].reshape(-1, WIDTH)[[number[piece] for piece, _ in read_pieces(PIECES)]]
    centred = table - table.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    reduced = centred @ directions[:, -PIECE_WIDTH:]
    network = Recall(len(table))
    with torch.no_grad():
        network.forms.pieces.weight.copy_(torch.from_numpy(reduced / reduced.std()))
        network.forms.triples.weight.mul_(0.3)
    return network


def main() -> None:
    """Read the option and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    torch.manual_seed(19)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    with np.load(work / "words.npz", allow_pickle=False) as arrays:
        words, states = arrays["words"].tolist(), torch.from_numpy(arrays["states"].astype(np.float32)).to(DEVICE)
    forms = [torch.from_numpy(array).to(DEVICE) for array in form_arrays(words, shipped_tokenizer())]
    network, order = start().to(DEVICE), torch.randperm(len(words))
    tried, order = order[:TRIED], order[TRIED:]
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01, fused=True)
    steps, step, began = EPOCHS * (len(order) // BATCH), 0, time.time()
    for epoch in range(EPOCHS):
        order = order[torch.randperm(len(order))]
        losses = []
        for rows in order[: len(order) // BATCH * BATCH].split(BATCH):
            for part in optimiser.param_groups:
                part["lr"] = RATE * min((step + 1) / 200, 1 - step / steps)
            with torch.autocast(DEVICE.type, dtype=torch.bfloat16):
                found = network(*(array[rows] for array in forms))
            loss = F.mse_loss(found.float(), states[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
            step += 1
        network.eval()
        with torch.no_grad():
            aside = F.mse_loss(network(*(array[tried] for array in forms)), states[tried])
        network.train()
        mean = torch.stack(losses).mean().item()
        print(epoch, f"{mean:.4f}, kept aside {aside:.4f}, {time.time() - began:.0f} s", flush=True)
    save(network, work / "forms.npz")


if __name__ == "__main__":
    main()
