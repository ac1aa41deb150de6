"""The small network in torch, for training alone: form vectors, then a window of nine words."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.extract_entities.names.forms import TRIPLES, WIDTH
from stages.extract_entities.names.pieces import PAD

PIECE_WIDTH = 128
TRIPLE_WIDTH = 48
HIDDEN = 256
BLOCKS = 4


class FormNet(nn.Module):
    """One vector a word form, from the first, last and mean piece, letter triples and flags."""

    def __init__(self, pieces: int, dropout: float) -> None:
        super().__init__()
        self.pieces = nn.Embedding(pieces, PIECE_WIDTH)
        self.triples = nn.Embedding(TRIPLES, TRIPLE_WIDTH, padding_idx=0)
        self.mix = nn.Linear(3 * PIECE_WIDTH + TRIPLE_WIDTH + WIDTH, HIDDEN)
        self.deep = nn.Linear(HIDDEN, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.dropout = dropout

    def forward(self, pieces: Tensor, triples: Tensor, flags: Tensor) -> Tensor:
        """Arrays of `stages.extract_entities.names.forms.FormArrays` -> vectors [form, HIDDEN]."""
        there = (pieces != PAD).float()
        count = there.sum(1, keepdim=True)
        vectors = self.pieces(pieces)
        last = vectors.gather(1, (count.long() - 1)[..., None].expand(-1, 1, PIECE_WIDTH))[:, 0]
        mean = (vectors * there[..., None]).sum(1) / count
        many = (triples != 0).float().sum(1, keepdim=True)
        letters = self.triples(triples).sum(1) / many
        seen = torch.cat([vectors[:, 0], last, mean, letters], 1)
        seen = F.dropout(seen, self.dropout, self.training)
        mixed = self.mix(torch.cat([seen, flags], 1))
        deep = self.deep(F.gelu(mixed))
        normal: Tensor = self.norm(mixed + F.dropout(deep, self.dropout, self.training))
        return normal


class SmallNetwork(nn.Module):
    """Sentences in one row with an empty place between them -> tag logits, outer and inner."""

    def __init__(self, pieces: int, tags: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.forms = FormNet(pieces, dropout)
        self.blocks = nn.ModuleList(nn.Linear(3 * HIDDEN, HIDDEN) for _ in range(BLOCKS))
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN) for _ in range(BLOCKS))
        self.heads = nn.Linear(HIDDEN, 2 * tags)
        self.dropout = dropout

    def forward(self, vectors: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """``words`` are rows of ``vectors``, ``mask`` is 0 at the empty places."""
        x = vectors[words] * mask
        for linear, norm in zip(self.blocks, self.norms, strict=True):
            around = torch.cat([F.pad(x[:-1], (0, 0, 1, 0)), x, F.pad(x[1:], (0, 0, 0, 1))], 1)
            step = F.gelu(linear(around))
            x = norm(x + F.dropout(step, self.dropout, self.training)) * mask
        logits = self.heads(F.dropout(x, self.dropout, self.training)).float()
        outer, inner = logits.chunk(2, dim=1)
        return outer, inner
