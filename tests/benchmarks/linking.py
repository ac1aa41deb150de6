"""Score entity linking on annotated articles: B3 and pairs of mentions, over all articles together.

    python tests/benchmarks/linking.py tests/golden/linking [--errors] [--growth] [--engine fast]

With the annotated mentions as input, so that only linking is measured. Two simpler ways stand beside it: one entity
for each spelling, and one for each spelling folded to its key. For the markup see the README beside the articles.
``--engine`` links the mentions which that engine of ours finds instead, end to end: what is not found in the same
place with the same label counts as wrong. ``--growth`` measures what it costs to add ten documents to cluster
tables of growing size.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.extract_entities import complete
from stages.extract_entities.names import extract_names
from stages.extract_entities.settle import settle
from stages.link_entities import CLUSTERS, fill_mentions, find_clusters
from stages.link_entities.resolve import Signature, blocks_of
from stages.lookups.fold import plain
from stages.split_sentences import split_sentences
from tests.linking import link_frames

MARKUP = re.compile(r"\[([^\]]+)\]\(([POLM])(?:\.(part|deriv))?:(\w+)\)")
LABELS = {"P": "PER", "O": "ORG", "L": "LOC", "M": "MISC"}


class Gold(NamedTuple):
    """Articles as the frames that linking takes, and the annotated entity of each mention."""

    documents: pl.DataFrame
    mentions: pl.DataFrame
    entities: list[str]


def read_articles(folder: Path) -> Gold:
    """Read every article below a folder."""
    documents: list[tuple[str, str, str]] = []
    rows: list[tuple[object, ...]] = []
    entities: list[str] = []
    for path in sorted(folder.glob("*.txt")):
        for chunk in path.read_text(encoding="utf-8").split("=== ")[1:]:
            name, _, marked = chunk.partition("\n")
            text = ""
            last = 0
            for number, match in enumerate(MARKUP.finditer(marked)):
                text += marked[last : match.start()]
                block = text.count("\n\n")
                span = (len(text), len(text) + len(match[1]))
                rows.append((name, number, match[1], LABELS[match[2]], match[3] or "name", block, *span))
                entities.append(f"{match[2]}:{match[4]}")
                text += match[1]
                last = match.end()
            documents.append((name, f"golden/{name}", text + marked[last:]))
    columns = ["doc_id", "mention_no", "text", "label", "kind", "block_no", "start", "end"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return Gold(pl.DataFrame(documents, schema=["doc_id", "source_uri", "text"], orient="row"), frame, entities)


def linked_ids(gold: Gold) -> list[str]:
    """The entity_id that linking gives each annotated mention."""
    clusters, members = find_clusters(gold.mentions, gold.documents)
    linked = link_frames(clusters.clear(), clusters)
    return fill_mentions(gold.mentions, members, linked.clusters)["entity_id"].to_list()


def b_cubed(expected: list[str], answered: list[Hashable]) -> tuple[float, float, float]:
    """Precision, recall and F1 averaged over mentions (Bagga and Baldwin 1998)."""
    both = Counter(zip(expected, answered, strict=True))
    gold, ours = Counter(expected), Counter(answered)
    pairs = list(zip(expected, answered, strict=True))
    precision = sum(both[pair] / ours[pair[1]] for pair in pairs) / len(pairs)
    recall = sum(both[pair] / gold[pair[0]] for pair in pairs) / len(pairs)
    return precision, recall, 2 * precision * recall / (precision + recall)


def pairwise_score(expected: list[str], answered: list[Hashable]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the pairs of mentions said to be one entity."""

    def pairs(counts: Counter[Hashable]) -> int:
        return sum(number * (number - 1) // 2 for number in counts.values())

    right = pairs(Counter(zip(expected, answered, strict=True)))
    found, wanted = pairs(Counter(answered)), pairs(Counter(expected))
    precision, recall = right / max(1, found), right / max(1, wanted)
    return precision, recall, 2 * right / max(1, found + wanted)


def found_mentions(gold: Gold, engine: str) -> pl.DataFrame:
    """The mentions that an engine of ours finds in the articles, settled by the tables as in a run."""
    rows: list[tuple[object, ...]] = []
    for doc_id, _, text in gold.documents.iter_rows():
        spans = split_sentences(text, "de")
        sentences = [(text[start:end], "de", "paragraph") for start, end in spans]
        found = complete(sentences, extract_names([sentences], engine)[0], engine)
        settled = [settle(sentence, names) for (sentence, *_), names in zip(sentences, found, strict=True)]
        names = [(start, name) for (start, _), inside in zip(spans, settled, strict=True) for name in inside]
        for number, (start, name) in enumerate(names):
            span = (start + name.start, start + name.end)
            block = text[: span[0]].count("\n\n")
            rows.append((doc_id, number, text[span[0] : span[1]], name.label, name.kind, block, *span))
    return pl.DataFrame(rows, schema=gold.mentions.schema, orient="row")


def end_to_end(gold: Gold, engine: str) -> tuple[float, float, float]:
    """B3 with mentions of our own; a mention that only one side has scores nothing on its side."""
    ours = gold._replace(mentions=found_mentions(gold, engine))
    where = ("doc_id", "start", "end", "label")
    expected = dict(zip(gold.mentions.select(where).iter_rows(), gold.entities, strict=True))
    answered = dict(zip(ours.mentions.select(where).iter_rows(), linked_ids(ours), strict=True))
    both = Counter((expected[key], answered[key]) for key in expected.keys() & answered.keys())
    wanted, got = Counter(expected.values()), Counter(answered.values())
    recall = sum(count * count / wanted[pair[0]] for pair, count in both.items()) / len(expected)
    precision = sum(count * count / got[pair[1]] for pair, count in both.items()) / len(answered)
    return precision, recall, 2 * precision * recall / (precision + recall)


def simple_ways(gold: Gold) -> Iterator[tuple[str, list[Hashable]]]:
    """What linking is compared with."""
    rows = list(gold.mentions.select("label", "text").iter_rows())
    yield "spelling", [(label, text) for label, text in rows]
    yield "folded spelling", [(label, plain(text)) for label, text in rows]


def print_errors(gold: Gold, answered: list[str]) -> None:
    """Entities that were split or mixed, with their mentions."""
    by_entity: defaultdict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    meant: defaultdict[str, set[str]] = defaultdict(set)
    for (doc_id, text), entity, answer in zip(
        gold.mentions.select("doc_id", "text").iter_rows(), gold.entities, answered, strict=True
    ):
        by_entity[entity][answer[:6], text, doc_id[:2]] += 1
        meant[answer[:6]].add(entity)
    for entity, answers in sorted(by_entity.items()):
        groups = sorted({answer for answer, _, _ in answers})
        mixed = {other for group in groups for other in meant[group]} - {entity}
        if len(groups) > 1 or mixed:
            print(f"{entity}: {' / '.join(_spelled(group, answers) for group in groups)}  mixed with {sorted(mixed)}")


def _spelled(group: str, answers: Counter[tuple[str, str, str]]) -> str:
    return ", ".join(f"{text} ({doc})" for answer, text, doc in sorted(answers) if answer == group)


def print_growth() -> None:
    """Seconds of CPU to link ten new documents into tables of made-up names, 15 clusters a document."""
    for documents in (1_000, 10_000, 100_000):
        known = _made_up(documents, "old")
        first = link_frames(known.clear(), known).clusters
        new = _made_up(10, "new")
        start = time.process_time()
        linked = link_frames(first, new)
        spent = time.process_time() - start
        print(
            f"{documents:7,} documents, {first.height:9,} clusters: {spent:.2f} s for ten more, "
            f"{len(linked.changed_documents)} old documents changed"
        )


def _made_up(documents: int, prefix: str) -> pl.DataFrame:
    """Clusters whose names follow Zipf's law, as names do: few are everywhere, most are rare."""
    chance = random.Random(len(prefix) + documents)
    rows = []
    for document in range(documents):
        for number in range(15):
            rank = int(chance.paretovariate(0.6))
            label = ("PER", "LOC", "ORG")[rank % 3]
            weak = label == "PER" and chance.random() < 0.2
            key = f"surname{rank}" if weak else f"given{rank}|surname{rank}|" if label == "PER" else f"name{rank}"
            signature = Signature(label, () if weak else (key,), (key,) if weak else (), ())
            blocks, forms = sorted(blocks_of(signature)), json.dumps({key: 1})
            rows.append((f"{prefix}{document}", number, label, json.dumps(signature), blocks, forms, 1, None))
    return pl.DataFrame(rows, schema=CLUSTERS, orient="row")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--engine")
    options = parser.parse_args()
    gold = read_articles(options.folder)
    answered = linked_ids(gold)
    print(f"{gold.documents.height} articles, {len(gold.entities)} mentions, {len(set(gold.entities))} entities")
    ways: list[tuple[str, list[Hashable]]] = [*simple_ways(gold), ("linked", list(answered))]
    figures: tuple[tuple[str, Callable[[list[str], list[Hashable]], tuple[float, float, float]]], ...]
    figures = (("B3", b_cubed), ("pairs", pairwise_score))
    for way, ids in ways:
        for figure, measure in figures:
            precision, recall, f1 = measure(gold.entities, ids)
            print(f"{way:16} {figure:6} P {precision:6.1%}  R {recall:6.1%}  F1 {f1:6.1%}")
    if options.engine:
        precision, recall, f1 = end_to_end(gold, options.engine)
        print(f"{'with ' + options.engine:16} B3     P {precision:6.1%}  R {recall:6.1%}  F1 {f1:6.1%}")
    if options.errors:
        print_errors(gold, answered)
    if options.growth:
        print_growth()


if __name__ == "__main__":
    main()
