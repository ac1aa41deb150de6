"""How near-duplicates are found among edited, shortened, re-wrapped and re-captioned copies of texts.

    python tests/benchmarks/duplicates.py DEVSETS

DEVSETS holds ``reflow-real/*/*/gold.json``; the copies are made of articles cut from these, with a fixed seed. Two
copies are the same at similarity 0.8: so many of their word triples, counted one by one, are in both. Then what a run
pays: for all texts at a quarter, a half and the whole, and for a night with a twentieth of them new. Ends with status 1
where precision or recall is below `FLOORS`.
"""

import json
import random
import re
import sys
import time
from pathlib import Path

import polars as pl

from stages.find_duplicates import compare, find_candidates, renew_candidates, sketch_texts

FLOORS = {"precision": 0.98, "recall": 0.95}


def edited(words, others, chance):
    """A copy with words replaced, its end or a part cut, and a disclaimer or caption before, behind or both."""
    copy = list(words)
    for _ in range(int(len(words) * chance.choice([0, 0.01, 0.02, 0.03, 0.05]))):
        copy[chance.randrange(len(copy))] = chance.choice(others)
    if chance.random() < 0.4:
        copy = copy[: int(len(copy) * chance.uniform(0.7, 1))]
    if chance.random() < 0.4:
        copy = chance.choices(others, k=chance.randint(5, 60)) + copy
    if chance.random() < 0.4:
        copy = copy + chance.choices(others, k=chance.randint(5, 60))
    if chance.random() < 0.1:
        at = chance.randrange(len(copy))
        del copy[at : at + chance.randint(5, 60)]
    breaks = chance.choice([" ", "\n", "  "])
    return breaks.join(copy)


def with_copies(articles, seed=3):
    """The articles and up to three copies of each, in one frame, with the number of the article."""
    chance = random.Random(seed)
    others = [word for words in articles[:50] for word in words]
    rows = []
    for number, words in enumerate(articles):
        rows.append((f"{len(rows):06}", number, " ".join(words)))
        for _ in range(chance.randint(0, 3)):
            rows.append((f"{len(rows):06}", number, edited(words, others, chance)))
    return pl.DataFrame(rows, schema=["doc_id", "number", "text"], orient="row")


def triples(text):
    words = re.findall(r"[^\W_]+", text.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def similarity(one, other):
    return len(one & other) / max(1, len(one | other))


def score(frame, at_least=0.8):
    """Precision of the pairs found, recall of those among copies of one article, and milliseconds a text."""
    begin = time.process_time()
    found = compare(find_candidates(sketch_texts(frame)), frame, at_least)
    seconds = time.process_time() - begin
    of = {doc_id: triples(text) for doc_id, text in frame.select("doc_id", "text").iter_rows()}
    copies = frame.join(frame, on="number").filter(pl.col("doc_id") < pl.col("doc_id_right"))
    pairs = copies.select("doc_id", "doc_id_right").iter_rows()
    wanted = {(one, other) for one, other in pairs if similarity(of[one], of[other]) >= at_least}
    given = set(found.select("doc_id", "other_id").iter_rows())
    right = sum(similarity(of[one], of[other]) >= at_least for one, other in given)
    return {
        "texts": frame.height,
        "pairs": len(wanted),
        "precision": right / max(1, len(given)),
        "recall": len(wanted & given) / max(1, len(wanted)),
        "ms a text": 1000 * seconds / frame.height,
    }


def articles_of(devsets):
    chance, articles = random.Random(3), []
    for path in sorted(Path(devsets, "reflow-real").glob("*/*/gold.json")):
        if path.parents[1].name not in ("libreas_default", "libreas_fn"):  # the same articles again
            now = []
            for block in json.loads(path.read_text(encoding="utf-8"))["blocks"]:
                now += block["text"].split()
                if len(now) > chance.randint(150, 700):
                    articles.append(now)
                    now = []
    chance.shuffle(articles)
    return articles[:1000]


def seconds_of(frame):
    begin = time.process_time()
    found = compare(find_candidates(sketch_texts(frame)), frame)
    return time.process_time() - begin, found


def night(frame):
    """CPU seconds to sketch and compare a twentieth of the texts that is new, and how many pairs were compared."""
    new = frame.gather_every(20)["doc_id"]
    sketches = sketch_texts(frame)
    standing = sketches.filter(~pl.col("doc_id").is_in(new.implode()))
    known = compare(find_candidates(standing), frame)
    begin = time.process_time()
    fresh = sketch_texts(frame.filter(pl.col("doc_id").is_in(new.implode())))
    todo, _ = renew_candidates(standing.lazy(), fresh, new, known)
    compare(todo, frame)
    return time.process_time() - begin, todo.height


def main(devsets):
    frame = with_copies(articles_of(devsets))
    figures = score(frame)
    for name, figure in figures.items():
        print(f"{name:10} {figure:.4g}")
    for part in (4, 2, 1):
        some = frame.head(frame.height // part)
        print(f"{some.height:6,} texts: {seconds_of(some)[0]:.2f} CPU s")
    spent, compared = night(frame)
    print(f"{frame.height // 20:6,} of them new: {spent:.2f} CPU s, {compared:,} pairs compared")
    below = [name for name, floor in FLOORS.items() if figures[name] < floor]
    print(f"below the floor: {', '.join(below)}" if below else "precision and recall hold their floors")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
