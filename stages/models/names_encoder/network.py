"""The encoder in torch, for training alone: the first layers of multilingual-e5-small with two tagging heads."""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from stages.models.names_encoder.base import WIDTH, Base

HEADS = 12
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Layer(nn.Module):
    """One post-norm transformer layer with exact GELU."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = dropout

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = (part.view(batch, length, HEADS, -1).transpose(1, 2) for part in self.qkv(x).split(WIDTH, dim=-1))
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
        seen = seen.transpose(1, 2).reshape(batch, length, WIDTH)
        x = self.norm1(x + self.out(seen))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), self.dropout, self.training))


class Network(nn.Module):
    """Piece ids -> tag logits at the first piece of every word, outer and inner level."""

    def __init__(self, vocabulary: int, layers: int, tags: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.places = nn.Embedding(512, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(layers))
        self.outer = nn.Linear(WIDTH, tags)
        self.inner = nn.Linear(WIDTH, tags)
        self.dropout = dropout

    def states(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Run the layers over padded ids [sentence, piece]."""
        place = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.words(ids) + self.places(place))
        x = F.dropout(x, self.dropout, self.training)
        mask = torch.where(place[None] < lengths[:, None], 0.0, -1e4)[:, None, None, :].to(x.dtype)
        for layer in self.layers:
            x = layer(x, mask)
        return x  # type: ignore[no-any-return]

    def forward(self, ids: Tensor, lengths: Tensor, firsts: Tensor) -> tuple[Tensor, Tensor]:
        """Return outer and inner logits; ``firsts`` are places of first pieces in the flattened ids."""
        first = self.states(ids, lengths).reshape(-1, WIDTH)[firsts]
        first = F.dropout(first, self.dropout, self.training)
        return self.outer(first).float(), self.inner(first).float()


def network_of(weights: dict[str, NDArray[np.float32]]) -> Network:
    """Make the network whose weights these are."""
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    network = Network(len(weights["words.weight"]), layers, len(weights["outer.bias"]))
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return network


def from_base(base: Base, kept: list[int], layers: list[int], tags: int) -> Network:
    """Start a network from the pretrained tensors: the kept pieces, the named layers in order."""
    network = Network(len(kept), len(layers), tags)
    tensor = {name: torch.from_numpy(values) for name, values in base.tensors.items()}
    with torch.no_grad():
        network.words.weight.copy_(tensor["emb.word"].view(-1, WIDTH)[kept])
        network.places.weight.copy_(tensor["emb.pos"].view(-1, WIDTH) + tensor["emb.type"][:WIDTH])
        _norm(network.norm, tensor, "emb.ln")
        for layer, number in zip(network.layers, layers, strict=True):
            assert isinstance(layer, Layer)
            name = f"l{number}."
            layer.qkv.weight.copy_(torch.cat([tensor[name + p + ".w"].view(WIDTH, WIDTH) for p in "qkv"]))
            layer.qkv.bias.copy_(torch.cat([tensor[name + p + ".b"] for p in "qkv"]))
            for linear, part in ((layer.out, "ao"), (layer.up, "fi"), (layer.down, "fo")):
                linear.weight.copy_(tensor[f"{name}{part}.w"].view_as(linear.weight))
                linear.bias.copy_(tensor[f"{name}{part}.b"])
            _norm(layer.norm1, tensor, name + "aln")
            _norm(layer.norm2, tensor, name + "oln")
        for head in (network.outer, network.inner):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
    return network


def from_shipped(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the weights of a shipped graph back, each as near as its 8 bits and its scale say."""
    stored = {part.name: numpy_helper.to_array(part) for part in onnx.load(path).graph.initializer}
    weights = {"words.weight": stored["words.q"] * stored["words.scale"], "places.weight": stored["places"]}
    for name, values in stored.items():
        if name.endswith(".q") and name != "words.q":
            matrix = name.removesuffix(".q")
            weights[f"{matrix}.weight"] = (values * stored[f"{matrix}.scale"]).T
        elif name.endswith(".bias") or "norm" in name:
            weights[name] = values
        elif name in ("outer.weight", "inner.weight"):
            weights[name] = values.T
    return {name: np.array(values, np.float32, order="C") for name, values in weights.items()}


def _norm(norm: nn.LayerNorm, tensor: dict[str, Tensor], name: str) -> None:
    norm.weight.copy_(tensor[name + ".w"])
    norm.bias.copy_(tensor[name + ".b"])
