"""The two networks as torch modules, their training, and their weights as `stages.reflow.network` reads them."""

# the random numbers draw layouts, not secrets

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.models.reflow.labels import KINDS, Arrays, Labelled
from stages.models.reflow.pages import Page
from stages.models.reflow.real import SOURCES
from stages.reflow.features import FIRST_WORD, Sheet, measure_lines, word_coder
from stages.reflow.furniture import furniture_candidates
from stages.reflow.lines import FORM_FEED, Line, drop_lines
from stages.reflow.network import CONTEXT, WINDOW
from stages.reflow.pages import without_numbers

Documents = list[tuple[Page, Labelled]]
HIDDEN, EMBEDDED, LAYERS, BATCH = 64, 8, 4, 32
DROP = 0.1
FURNITURE_HIDDEN = (32, 16)
# Naming the kind of the block as well makes the shared layers tell headings from text.
KIND_SHARE = 0.2
# Windows as at run time, and slices of real documents, so that short texts are learned too.
FEWEST, SLICES, SLICE = 4, 2, (20, 110)
REAL_STYLES = tuple(name for names in SOURCES.values() for name in names)
# Further epochs: dropped units, learning rate, and the arrays that are learned.
LATE_DROP, LATE_RATE = 0.15, 1.2e-3
WEIGHTED = ("pool", "page", "mid", "out", *(f"conv{layer}" for layer in range(LAYERS)))
LEARNED = ("in", "in_bias", "last", "first", *WEIGHTED, *(f"{name}_bias" for name in WEIGHTED))
# A word is hidden this often, so that the network does not lean on it.
WORD_DROP = 0.05


class Sheets(NamedTuple):
    """What features are computed with: glyph widths, word codes."""

    widths: npt.NDArray[np.float32]
    words: dict[str, int]


class Sample(NamedTuple):
    """The features of a document without its furniture, where blocks begin, whether that is known, and their kinds."""

    sheet: Sheet
    begins: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.int64]


class BlockNetwork(nn.Module):
    """Lines in, log odds of a block beginning (and of kinds) out: dense layer, pooled page, convolutions."""

    def __init__(self, n_features: int, n_words: int) -> None:
        super().__init__()
        self.last, self.first = nn.Embedding(n_words, EMBEDDED), nn.Embedding(n_words, EMBEDDED)
        self.numbers, self.words = nn.Linear(n_features, HIDDEN), nn.Linear(2 * EMBEDDED, HIDDEN, bias=False)
        self.pool, self.page = nn.Linear(2 * HIDDEN, HIDDEN), nn.Linear(2 * HIDDEN, HIDDEN)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(HIDDEN, HIDDEN, 3, padding=2**layer, dilation=2**layer) for layer in range(LAYERS)
        )
        self.mid, self.out = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, 1 + len(KINDS))
        self.drop = nn.Dropout(DROP)

    def forward(self, numbers: Tensor, last: Tensor, first: Tensor, mask: Tensor) -> Tensor:
        """Scores for each line: begins a block, then one for each kind."""
        words = torch.cat([self.last(last), self.first(first)], 2)
        hidden = functional.relu(self.numbers(numbers) + self.words(words))
        hidden = functional.relu(hidden + self.pool(_pooled(hidden, mask))[:, None])
        hidden = self.drop(hidden) * mask
        for convolution in self.convolutions:
            hidden = (hidden + functional.relu(convolution(hidden.transpose(1, 2)).transpose(1, 2))) * mask
        page = self.page(_pooled(hidden, mask))[:, None]
        scores: Tensor = self.out(functional.relu(self.mid(self.drop(hidden)) + page))
        return scores


def train_blocks(documents: Documents, sheets: Sheets, epochs: int) -> Arrays:
    """Train the network that finds where blocks begin."""
    samples = [sample for page, labels in documents for sample in _samples(page.style, labels, sheets)]
    stacked = np.concatenate([sample.sheet.numbers for sample in samples])
    mean, std = stacked.mean(0), stacked.std(0) + 1e-3
    network = BlockNetwork(stacked.shape[1], len(sheets.words) + FIRST_WORD)
    steps = epochs * (len(samples) // BATCH + 1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for epoch in range(epochs):
        losses = []
        for batch in _batches(samples, mean, std):
            loss = _loss(network, batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"blocks, epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    return _block_arrays(network, mean, std)


class FoldedNetwork(nn.Module):
    """The line network in the arrays that are written, to go on training it; it no longer names kinds."""

    def __init__(self, arrays: Arrays, mean: npt.NDArray[np.float32], std: npt.NDArray[np.float32]) -> None:
        super().__init__()
        known = {name: np.asarray(arrays[name], np.float32) for name in LEARNED}
        known |= {"in": known["in"] * std[:, None], "in_bias": known["in_bias"] + mean @ known["in"]}
        self.learned = nn.ParameterDict({name: nn.Parameter(torch.from_numpy(own)) for name, own in known.items()})
        self.drop = nn.Dropout(LATE_DROP)

    def forward(self, numbers: Tensor, last: Tensor, first: Tensor, mask: Tensor) -> Tensor:
        """The score of each line that a block begins with it."""
        own = self.learned
        hidden = functional.relu(numbers @ own["in"] + own["in_bias"] + own["last"][last] + own["first"][first])
        hidden = functional.relu(hidden + (_pooled(hidden, mask) @ own["pool"] + own["pool_bias"])[:, None])
        hidden = self.drop(hidden) * mask
        count = hidden.shape[1]
        for layer in range(LAYERS):
            far = functional.pad(hidden, (0, 0, 2**layer, 2**layer))
            window = torch.cat((far[:, :count], hidden, far[:, 2 * 2**layer : 2 * 2**layer + count]), 2)
            hidden = (hidden + functional.relu(window @ own[f"conv{layer}"] + own[f"conv{layer}_bias"])) * mask
        page = (_pooled(hidden, mask) @ own["page"] + own["page_bias"])[:, None]
        middle = functional.relu(self.drop(hidden) @ own["mid"] + own["mid_bias"] + page)
        return torch.as_tensor(middle @ own["out"] + own["out_bias"])


def go_on(documents: Documents, sheets: Sheets, arrays: Arrays, epochs: int) -> Arrays:
    """Train the line network further from written weights, its words hidden more often."""
    samples = [sample for page, labels in documents for sample in _samples(page.style, labels, sheets)]
    stacked = np.concatenate([sample.sheet.numbers for sample in samples])
    mean, std = stacked.mean(0), stacked.std(0) + 1e-3
    network = FoldedNetwork(arrays, mean, std)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LATE_RATE, weight_decay=1e-2)
    steps = epochs * (len(samples) // BATCH + 2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LATE_RATE, total_steps=steps, pct_start=0.15)
    for epoch in range(epochs):
        losses = []
        for numbers, last, first, begins, known, _, mask in _batches(samples, mean, std):
            scores = network(numbers, _hidden(last, 0.15), _hidden(first, 0.1), mask)[..., 0]
            inner = mask[..., 0] * known
            inner[:, 0] = 0
            each = functional.binary_cross_entropy_with_logits(scores, begins, reduction="none")
            loss = (each * inner).sum() / inner.sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"blocks, further epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    learned = {name: own.detach().numpy() for name, own in network.learned.items()}
    first_layer = learned["in"] / std[:, None]
    learned |= {"in": first_layer, "in_bias": learned["in_bias"] - mean @ first_layer}
    return {name: own.astype(np.float32) for name, own in learned.items()}


def _hidden(words: Tensor, share: float) -> Tensor:
    return torch.where(torch.rand(words.shape) < share, torch.full_like(words, FIRST_WORD - 4), words)


def train_furniture(documents: Documents, epochs: int = 30) -> Arrays:
    """Train the network that tells page furniture from text."""
    features: list[list[float]] = []
    truth: list[bool] = []
    for page, labels in documents:
        keys = [key.lower() for key in without_numbers(line.text for line in labels.lines)]
        candidates = furniture_candidates(labels.lines, keys, FORM_FEED in page.raw[labels.lines[-1].raw_end :])
        features += candidates.features
        truth += [labels.furniture[at] for at in candidates.places]
    inputs, targets = torch.tensor(features), torch.tensor(truth, dtype=torch.float32)
    one, two = FURNITURE_HIDDEN
    network = nn.Sequential(
        nn.Linear(inputs.shape[1], one), nn.ReLU(), nn.Linear(one, two), nn.ReLU(), nn.Linear(two, 1)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _ in range(epochs):
        for chosen in torch.randperm(len(inputs)).split(512):
            loss = functional.binary_cross_entropy_with_logits(network(inputs[chosen])[:, 0], targets[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    names = ("f1", "f1_bias", "f2", "f2_bias", "f3", "f3_bias")
    return {name: weight.detach().numpy().T for name, weight in zip(names, network.parameters(), strict=True)}


def _samples(style: str, labels: Labelled, sheets: Sheets) -> list[Sample]:
    """A document in windows as long as they are read at run time; a real one in a few shorter slices too."""
    kept = [at for at, furniture in enumerate(labels.furniture) if not furniture]
    if len(kept) < FEWEST:
        return []
    lines = drop_lines(labels.lines, {at for at, furniture in enumerate(labels.furniture) if furniture})
    cuts = [(start, start + WINDOW) for start in range(0, max(len(lines) - CONTEXT, 1), WINDOW)]
    if style in REAL_STYLES:
        rng = random.Random(f"{style}/{len(lines)}/{lines[0].text}")
        for _ in range(SLICES):
            size = rng.randint(*SLICE)
            start = rng.randrange(max(len(lines) - size, 1))
            cuts.append((start, start + size))
    return [_sample(labels, lines[start:end], kept[start:end], sheets) for start, end in cuts]


def _sample(labels: Labelled, lines: list[Line], kept: list[int], sheets: Sheets) -> Sample:
    begins = np.array([labels.begins[at] for at in kept], np.float32)
    inside = [labels.asides[at] and labels.asides[last] for last, at in zip([kept[0], *kept], kept, strict=False)]
    kinds = np.array([labels.kinds[at] for at in kept], np.int64)
    sheet = measure_lines([lines], sheets.widths.astype(np.float64), word_coder(sheets.words))
    return Sample(sheet, begins, 1 - np.array(inside, np.float32), kinds)


def _batches(
    samples: list[Sample], mean: npt.NDArray[np.float32], std: npt.NDArray[np.float32]
) -> Iterator[tuple[Tensor, ...]]:
    order = sorted(range(len(samples)), key=lambda at: len(samples[at].begins) + random.random() * 20)
    groups = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    random.shuffle(groups)
    for group in groups:
        chosen = [samples[at] for at in group]
        longest = max(len(sample.begins) for sample in chosen)
        columns = [
            ((sample.sheet.numbers - mean) / std, sample.sheet.last_words, sample.sheet.first_words, sample.begins,
             sample.known, sample.kinds,
             np.ones((len(sample.begins), 1), np.float32))
            for sample in chosen
        ]  # fmt: skip
        yield tuple(
            torch.from_numpy(np.stack([_pad(row, longest) for row in rows])) for rows in zip(*columns, strict=True)
        )


def _pad(rows: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    return np.pad(rows, [(0, length - len(rows))] + [(0, 0)] * (rows.ndim - 1))


def _loss(network: BlockNetwork, batch: tuple[Tensor, ...]) -> Tensor:
    numbers, last, first, begins, known, kinds, mask = batch
    scores = network(numbers, _hidden(last, WORD_DROP), first, mask)
    inner = mask[..., 0] * known
    inner[:, 0] = 0
    begin = functional.binary_cross_entropy_with_logits(scores[..., 0], begins, reduction="none")
    kind = functional.cross_entropy(scores[..., 1:].transpose(1, 2), kinds, reduction="none")
    return (begin * inner).sum() / inner.sum() + KIND_SHARE * (kind * mask[..., 0]).sum() / mask.sum()


def _pooled(hidden: Tensor, mask: Tensor) -> Tensor:
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return torch.cat([mean, (hidden * mask - (1 - mask) * 1e3).max(1).values], 1)


def _block_arrays(network: BlockNetwork, mean: npt.NDArray[np.float32], std: npt.NDArray[np.float32]) -> Arrays:
    """Weights in the order they are multiplied; scaling and word vectors folded into the first layer."""
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    first = state["numbers.weight"].T / std[:, None]
    words = state["words.weight"].T
    arrays: Arrays = {
        "in": first, "in_bias": state["numbers.bias"] - mean @ first,
        "last": state["last.weight"] @ words[:EMBEDDED], "first": state["first.weight"] @ words[EMBEDDED:],
        "layers": np.array(LAYERS), "out": state["out.weight"].T[:, :1], "out_bias": state["out.bias"][:1],
    }  # fmt: skip
    for name in ("pool", "page", "mid"):
        arrays |= {name: state[f"{name}.weight"].T, f"{name}_bias": state[f"{name}.bias"]}
    for layer in range(LAYERS):
        kernel = state[f"convolutions.{layer}.weight"]
        arrays |= {
            f"conv{layer}": np.concatenate([kernel[:, :, at].T for at in range(3)]),
            f"conv{layer}_bias": state[f"convolutions.{layer}.bias"],
        }
    return {name: array.astype(np.float32) for name, array in arrays.items()}
