"""What the pretrained encoder knows of single words: the first thing the small network learns.

``python -m stages.models.names_small.words WORK`` writes ``WORK/words.npz``: word forms and, for each, the mean state
of multilingual-e5-small (all twelve layers) over the word standing alone, centred and turned to its main directions.
Some twenty CPU minutes on one thread. Words: wordfreq's German list (CC BY-SA, used in training alone), in lower case
and with a capital, and the lists of `names_lists`.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stages.extract_entities.names.features import lexicon
from stages.extract_entities.names.pieces import END, PAD, PIECES, START, piece_ids, read_pieces, shipped_tokenizer
from stages.models.names_encoder.base import read_base
from stages.models.names_encoder.network import DEVICE, from_base

DIRECTIONS = 128
LOWER, CAPITAL = 150_000, 250_000  # how many of the commonest words in either case
BATCH = 512
Floats = NDArray[np.float32]


def vocabulary() -> list[str]:
    """Common words in lower case and with a capital, listed names with a capital."""
    import wordfreq

    common = [word for word in wordfreq.top_n_list("de", CAPITAL) if not word.isdigit()]
    names = ["-".join(part[:1].upper() + part[1:] for part in word.split("-")) for word in lexicon()]
    return list(dict.fromkeys([*common[:LOWER], *(word[:1].upper() + word[1:] for word in common), *names]))


def states(words: list[str]) -> Floats:
    """Mean state of each word over its pieces, [word, 384]."""
    base = read_base()
    number = {piece: i for i, (piece, _) in enumerate(base.pieces)}
    kept = [number[piece] for piece, _ in read_pieces(PIECES)]
    network = from_base(base, kept, list(range(12)), 1).eval().to(DEVICE)
    pieces = piece_ids(words, shipped_tokenizer(), {})
    order = sorted(range(len(words)), key=lambda i: len(pieces[i]))
    found = np.zeros((len(words), 384), np.float32)
    began = time.time()
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        lengths = torch.tensor([len(pieces[i]) + 2 for i in rows])
        ids = torch.full((len(rows), int(lengths.max())), PAD)
        for row, i in enumerate(rows):
            ids[row, : len(pieces[i]) + 2] = torch.tensor([START, *pieces[i], END])
        with torch.no_grad(), torch.autocast(DEVICE.type, dtype=torch.bfloat16):
            seen = network.states(ids.to(DEVICE), lengths.to(DEVICE)).float().cpu()
        place = torch.arange(ids.shape[1])
        inside = ((place > 0) & (place < lengths[:, None] - 1)).float()[..., None]
        found[rows] = ((seen * inside).sum(1) / inside.sum(1)).numpy()
        if start % (100 * BATCH) == 0:
            print(start, len(order), f"{time.time() - began:.0f} s", flush=True)
    return found


def main() -> None:
    """Read the option and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    work.mkdir(parents=True, exist_ok=True)
    words = vocabulary()
    found = states(words)
    found -= found.mean(axis=0)
    _, directions = np.linalg.eigh(found.T @ found / len(found))
    found = found @ directions[:, -DIRECTIONS:]
    np.savez(work / "words.npz", words=np.array(words), states=(found / found.std(axis=0)).astype(np.float16))


if __name__ == "__main__":
    main()
