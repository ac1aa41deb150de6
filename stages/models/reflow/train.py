"""Train the weights of `stages.reflow` and write them to ``weights.npz``, its table of words to ``vocabulary.npz``.

    python stages/models/reflow/train.py --devsets DIR --pages DIR [--rounds 3] [--epochs 7]
    python stages/models/reflow/train.py --devsets DIR --pages DIR --lines [--leave-out SOURCE --out FILE]
    python stages/models/reflow/train.py --devsets DIR --hyphens

``--devsets`` holds ``reflow/articles.json``, ``reflow/make_docs.py``, ``reflow-real`` and ``ner/germeval_train.tsv``;
``--pages`` keeps the rendered pages, so that a second training need not lay them out again. ``--lines`` trains the line
network alone, ``--hyphens`` the hyphen model alone; each leaves the rest as it is. ``--leave-out`` names a source of
real documents (`stages.models.reflow.real`) that the line network must not see, to measure on it.
``--without`` keeps the words of benchmarks from it, to measure what it makes of
words it never met; ``--articles`` takes so many articles only, to try the script out. What has to be installed stands
in the README beside this file. One thread, seeded.
"""

# the random numbers draw layouts, not secrets

import argparse
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from stages.models.reflow.glyphs import glyph_widths
from stages.models.reflow.hyphens import train_hyphens
from stages.models.reflow.labels import Arrays, Labelled, label_lines, label_real
from stages.models.reflow.networks import Sheets, go_on, train_blocks, train_furniture
from stages.models.reflow.pages import (
    PAGE_STYLES,
    Article,
    Page,
    load_generator,
    load_pages,
    render_pages,
    split_articles,
    text_pages,
    unmarked_page,
)  # fmt: skip
from stages.models.reflow.real import SOURCES, WITH_ASIDES, real_articles, real_pages, rendered_pages
from stages.models.reflow.vocabulary import write_vocabulary
from stages.reflow.features import FIRST_WORD, WORD_EDGES
from stages.reflow.network import WEIGHTS

SEED = 20261121
# Every so-many-th page is learned without its form feeds too.
UNMARKED = 3
# Our articles come so many times a round in layouts of every mixture, and so often in each plain style.
VARIED, TEXT_ROUNDS = 2, 2
WORD = re.compile(r"[^\W_][\w'\u2019-]*[^\W_]")


def main() -> None:
    """Render, label, train, write."""
    options = _options()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random.seed(SEED)
    articles = split_articles(options.devsets)[0][: options.articles]
    arrays: Arrays = {}
    if options.hyphens or options.lines:
        with np.load(WEIGHTS, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    if not options.hyphens:
        arrays |= _networks(options, articles)
    if not options.lines:
        write_vocabulary(options.devsets)
        arrays |= train_hyphens(articles, options.devsets, _words_of(options.without))
    # Not compressed, which would make them a tenth smaller and loading them four times as long.
    np.savez(options.out, **arrays)  # type: ignore[arg-type]
    print(f"wrote {options.out}, {options.out.stat().st_size} bytes")


def _words_of(files: list[Path]) -> frozenset[str]:
    return frozenset(word for path in files for word in WORD.findall(path.read_text(encoding="utf-8").lower()))


def _networks(options: argparse.Namespace, articles: list[Article]) -> Arrays:
    generated = [(page, label_lines(page.raw, page.blocks)) for page in _pages(options, articles)]
    labelled = [*generated, *_real(options, articles)]
    print(f"{len(labelled)} pages, {sum(len(labels.lines) for _, labels in labelled)} lines", flush=True)
    words = _common_words(labels for _, labels in labelled)
    sheets = Sheets(glyph_widths(), {word: FIRST_WORD + at for at, word in enumerate(words)})
    arrays = train_blocks(labelled, sheets, options.epochs)
    if options.further:
        arrays |= go_on(labelled, sheets, arrays, options.further)
    if not options.lines:
        arrays |= train_furniture(generated)
    return arrays | {
        "widths": sheets.widths.astype(np.float16),
        "words": np.array(words),
        "first_word": np.array(FIRST_WORD),
    }


def _real(options: argparse.Namespace, articles: list[Article]) -> Iterator[tuple[Page, Labelled]]:
    """Real documents, and these and the articles in layouts of every mixture."""
    make, widths = load_generator(options.devsets), glyph_widths()
    for page in real_pages(options.devsets, options.leave_out):
        yield page, label_real(page.raw, page.blocks, asides=True)
        if page.style in WITH_ASIDES:
            yield page, label_real(page.raw, page.blocks, asides=False)
    texts = real_articles(options.devsets, options.leave_out)
    for page in rendered_pages(make, texts, widths, options.rounds):
        yield page, label_lines(page.raw, page.blocks)
    for page in rendered_pages(make, articles, widths, VARIED * options.rounds):
        yield page, label_lines(page.raw, page.blocks)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the weights of the reflow stage.")
    parser.add_argument("--devsets", type=Path, required=True)
    parser.add_argument("--pages", type=Path, default=Path("data/benchmark/reflow-train"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--further", type=int, default=3, help="epochs after these, at a lower rate")
    parser.add_argument("--rendered", action="store_true", help="take the pages as they are")
    parser.add_argument("--articles", type=int, help="so many articles only")
    parser.add_argument("--without", type=Path, nargs="+", default=[], help="files of words it may not meet")
    parser.add_argument("--lines", action="store_true", help="train the line network alone")
    parser.add_argument("--leave-out", choices=list(SOURCES), help="a source of real documents to leave out")
    parser.add_argument("--hyphens", action="store_true", help="train the hyphen model alone")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    return parser.parse_args()


def _pages(options: argparse.Namespace, articles: list[Article]) -> Iterable[Page]:
    make = load_generator(options.devsets)
    options.pages.mkdir(parents=True, exist_ok=True)
    if not options.rendered:
        render_pages(make, articles, options.pages, options.rounds, PAGE_STYLES)
    for number, page in enumerate(load_pages(options.pages)):
        yield page
        if "\f" in page.raw[:-2] and number % UNMARKED == 0:
            yield unmarked_page(page, random.Random(f"unmarked/{number}"))
    yield from text_pages(make, articles, TEXT_ROUNDS)


def _common_words(documents: Iterable[Labelled], most: int = 700, least: int = 40) -> list[str]:
    """The commonest words at line edges; a rarer word would tell the article and not the language."""
    counts: dict[str, int] = {}
    for labels in documents:
        for line in labels.lines:
            for word in (line.text[-40:].rpartition(" ")[2], line.text[:40].partition(" ")[0]):
                bare = word.strip(WORD_EDGES)
                counts[bare] = counts.get(bare, 0) + 1
    ranked = sorted(((-count, word) for word, count in counts.items() if count >= least and 0 < len(word) < 12))
    return [word for _, word in ranked[:most]]


if __name__ == "__main__":
    main()
