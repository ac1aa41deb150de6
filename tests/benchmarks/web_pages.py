"""How web pages are read: against the gold of a journal's articles, beside trafilatura alone.

    python tests/benchmarks/web_pages.py DEVSETS

DEVSETS holds ``formats/paired/*.html`` and the gold of the same articles in ``reflow-real/libreas_*``.
"""

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import mean

from stages.read.html import read_html


def gold_of(devsets, name):
    for folder in ("libreas_layout", "libreas_fn"):
        path = devsets / "reflow-real" / folder / name / "gold.json"
        if path.exists():
            return [block["text"] for block in json.loads(path.read_text(encoding="utf-8"))["blocks"]]
    return None


def shown(document):
    """The blocks of the text: each piece as it reads."""
    found = {}
    for start, end, text, breaks, block, role in document.pieces.select(
        "start", "end", "text", "breaks", "block", "role"
    ).iter_rows():
        if role not in ("boilerplate", "footnote"):
            found[block] = found.get(block, "") + " " * breaks + (document.text[start:end] if text is None else text)
    return list(found.values())


def aligned(document):
    """The share of the letters of the text that stand in the page source as they read."""
    rows = document.pieces.select("start", "end", "text").iter_rows()
    written, read_otherwise = 0, 0
    for start, end, text in rows:
        if text is None:
            written += letters(document.text[start:end])
        else:
            read_otherwise += letters(text)
    return written / (written + read_otherwise)


def letters(text):
    return sum(map(str.isalpha, text))


def overlap(found, gold):
    found, gold = Counter(found), Counter(gold)
    same = sum((found & gold).values())
    return same / max(1, sum(found.values())), same / max(1, sum(gold.values())), same


def score(devsets):
    rows, exact, total, n_bytes, seconds = [], 0, 0, 0, 0.0
    for path in sorted((devsets / "formats" / "paired").glob("*.html")):
        gold = gold_of(devsets, path.stem)
        if gold is None:
            continue
        data = path.read_bytes()
        begin = time.process_time()
        document = read_html(data, path.name, 10_000_000)
        seconds, n_bytes = seconds + time.process_time() - begin, n_bytes + len(data)
        blocks = shown(document)
        precision, recall, _ = overlap(words(blocks), words(gold))
        rows.append((precision, recall, aligned(document)))
        exact += overlap(map(without_space, blocks), map(without_space, gold))[2]
        total += len(gold)
    precision, recall, share = (mean(row[i] for row in rows) for i in range(3))
    return {
        "pages": len(rows),
        "words, precision": precision,
        "words, recall": recall,
        "blocks exact": exact / total,
        "aligned": share,
        "MB a CPU second": n_bytes / seconds / 1e6,
    }


def words(blocks):
    return re.findall(r"\w+", " ".join(blocks))


def without_space(text):
    return re.sub(r"\s", "", text)


if __name__ == "__main__":
    for name, figure in score(Path(sys.argv[1])).items():
        print(f"{name:20} {figure:.4g}")
