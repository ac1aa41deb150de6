"""Real documents whose gold was made by others: as they are, without form feeds, and laid out anew.

Only sets that may be trained on are read. Lines that the gold does not hold and that are no page furniture, such as
captions and notes, stay in the text; what follows them is learned, what they are is not.
"""

# the random numbers draw parts, not secrets

import json
import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.models.reflow.pages import Article, Page
from stages.models.reflow.varied import varied_page

# Sets by the source they come from, so that one source can be left out whole. The others are for measuring alone.
SOURCES = {
    "libreas": ("libreas_layout", "libreas_default", "libreas_fn"),
    "legalkraus": ("legalkraus",),
    "pollaczek": ("pollaczek",),
    "hanslick": ("hanslick_indent", "hanslick_plain"),
    "dhd": ("dhd",),
}
# Sets with much text that the gold leaves out.
WITH_ASIDES = SOURCES["libreas"]
MOST_BLOCKS = 40


def real_pages(devsets: Path, without: str | None) -> Iterator[Page]:
    """The documents as they are, and once more without form feeds; ``without`` names a source to leave out."""
    for name, raw, gold in _documents(devsets, without):
        yield Page(name, gold["lang"], raw, gold["blocks"])
        if "\f" in raw:
            yield Page(name, gold["lang"], raw.replace("\f", ""), gold["blocks"])


def real_articles(devsets: Path, without: str | None) -> list[Article]:
    """Runs of blocks of the gold texts, to be laid out anew; the same articles in two layouts count once."""
    articles: list[Article] = []
    seen: set[str] = set()
    for _, _, gold in _documents(devsets, without):
        if gold["id"] in seen:
            continue
        seen.add(gold["id"])
        blocks = [_plain(block) for block in gold["blocks"]]
        articles += [
            {"lang": gold["lang"], "title": None, "src": gold["id"], "blocks": blocks[start : start + MOST_BLOCKS]}
            for start in range(0, len(blocks), MOST_BLOCKS)
        ]
    return articles


def rendered_pages(
    make: ModuleType, articles: list[Article], widths: npt.NDArray[np.float32], rounds: int
) -> Iterator[Page]:
    """Every article ``rounds`` times in a drawn layout."""
    for turn in range(rounds):
        for number, article in enumerate(articles):
            rng = random.Random(f"{article['src']}/{turn}/{number}")
            yield Page("varied", article["lang"], *varied_page(make, article, widths, rng))


def _plain(block: dict[str, Any]) -> dict[str, Any]:
    kind = {"li": "item"}.get(block["kind"], block["kind"])
    return {
        "kind": kind if kind in ("title", "heading", "item") else "paragraph",
        "text": " ".join(block["text"].split()),
    }


def _documents(devsets: Path, without: str | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for source, names in SOURCES.items():
        if source == without:
            continue
        for name in names:
            for path in sorted((devsets / "reflow-real" / name).glob("*/gold.json")):
                raw = (path.parent / "raw.txt").read_bytes().decode("utf-8")
                yield name, raw, json.loads(path.read_text(encoding="utf-8"))
