"""The small network in torch, for training alone: form vectors, then a window of seventeen words."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.extract_entities.names.forms import TRIPLES, WIDTH
from stages.extract_entities.names.pieces import PAD
from stages.extract_entities.names.small import REACH

PIECE_WIDTH = 128
TRIPLE_WIDTH = 48
HIDDEN = 192


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


def neighbours(sentences: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """The places of the words ``reach`` before and after each; the place behind the last where a sentence has none."""
    there = torch.arange(len(sentences), device=sentences.device)
    before, after = there - reach, there + reach
    before[(before < 0) | (sentences[before.clamp(min=0)] != sentences)] = len(sentences)
    inside = after.clamp(max=len(sentences) - 1)
    after[(after != inside) | (sentences[inside] != sentences)] = len(sentences)
    return before, after


class SmallNetwork(nn.Module):
    """Sentences end to end -> tag logits, outer and inner."""

    def __init__(self, pieces: int, tags: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.forms = FormNet(pieces, dropout)
        self.blocks = nn.ModuleList(nn.Linear(3 * HIDDEN, HIDDEN) for _ in REACH)
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN) for _ in REACH)
        self.heads = nn.Linear(HIDDEN, 2 * tags)
        self.dropout = dropout

    def forward(self, vectors: Tensor, words: Tensor, sentences: Tensor) -> tuple[Tensor, Tensor]:
        """``words`` are rows of ``vectors``, ``sentences`` the number of the sentence of each."""
        x = vectors[words]
        for linear, norm, reach in zip(self.blocks, self.norms, REACH, strict=True):
            before, after = neighbours(sentences, reach)
            beyond = torch.cat([x, x.new_zeros(1, HIDDEN)])
            step = F.relu(linear(torch.cat([beyond[before], x, beyond[after]], 1)))
            x = norm(x + F.dropout(step, self.dropout, self.training))
        logits = self.heads(F.dropout(x, self.dropout, self.training)).float()
        outer, inner = logits.chunk(2, dim=1)
        return outer, inner
