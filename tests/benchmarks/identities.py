"""Score identities in a large corpus on judged names: merges that are right, and shown names in their base form.

    python tests/benchmarks/identities.py [--unjudged] [--wrong] [--old]

Reads the annotated sentences below `$FLIESSTEXT_DEVSETS` as some thirty thousand short texts (a sentence each where
the data set shuffles them, articles whole), finds names with the fast engine, links them, and looks at

- every pair of a shown name and another spelling of its entity that is more than an inflection (those that
  `entities.evidence` explains), and
- every shown name of an entity in three or more documents.

`identities_judged.json` keeps what a person said of samples of both: `right` or `wrong`. A figure is the share of
right ones among those judged that linking gives today; `--unjudged` prints what nobody has judged yet. With less than
the floors the command ends with 1. With `--old` it reads newspapers of 1850 to 1940 as recognised from print instead,
eight sentences a text: registers, advertisements, broken words. Rules for registers, broken words and adjectives of
towns were made while reading them.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.extract_entities import complete
from stages.extract_entities.names import Name, extract_names
from stages.extract_entities.settle import settle
from stages.link_entities import build_entities, find_clusters
from stages.split_sentences import split_sentences
from tests.benchmarks.values import join_tokens, read_sentences
from tests.linking import link_frames

JUDGED = Path(__file__).with_name("identities_judged.json")
FLOORS = {"merges": 0.97, "names": 0.98, "old merges": 0.9, "old names": 0.93}
FEWEST_JUDGED = 0.5  # of what linking gives today; else the sample says too little
FEWEST_DOCUMENTS = 3
BATCH = 500
SETS = ("germeval_train", "germeval_dev", "mobie_train", "mobie_dev", "mobie_test", "smartdata_v3_dev",
        "smartdata_v3_test")  # fmt: skip
OLD_SETS = ("sonar_dev", "sonar_test", "europeana_lft", "europeana_sbb", "newseye_dev", "newseye_dev2")
SENTENCES_A_TEXT = 8  # of the old newspapers
FRAME = ["doc_id", "mention_no", "text", "label", "kind", "block_no", "start", "end"]

Document = tuple[str, list[list[str]]]


def read_texts(folder: Path) -> Iterator[Document]:
    """Name and blocks of sentences of every text."""
    for name in SETS:
        for number, (tokens, _) in enumerate(read_sentences(folder / "ner" / f"{name}.tsv")):
            yield f"{name}/{number:05}", [[join_tokens(tokens)[0]]]
    for number, article in enumerate(json.loads((folder / "reflow" / "articles.json").read_text(encoding="utf-8"))):
        if article["lang"] == "de":
            texts = [block["text"] for block in article["blocks"]]
            blocks = [[text[start:end] for start, end in split_sentences(text, "de")] for text in texts]
            yield f"article/{number:03}", blocks


def read_old_texts(folder: Path) -> Iterator[Document]:
    """Name and blocks of sentences of old newspapers, some sentences that follow each other a text."""
    for name in OLD_SETS:
        sentences = [[join_tokens(tokens)[0]] for tokens, _ in read_sentences(folder / "ner" / f"{name}.tsv")]
        for first in range(0, len(sentences), SENTENCES_A_TEXT):
            yield f"{name}/{first:05}", sentences[first : first + SENTENCES_A_TEXT]


def entities_of(texts: list[Document]) -> pl.DataFrame:
    """The entities of all texts, with names as the fast engine finds them."""
    rows: list[tuple[object, ...]] = []
    documents: list[tuple[str, str, str]] = []
    for first in range(0, len(texts), BATCH):
        batch = texts[first : first + BATCH]
        asked = [[(sentence, "de", "paragraph") for block in blocks for sentence in block] for _, blocks in batch]
        texts_of = [sentence for document in asked for sentence, *_ in document]
        answers = zip(asked, extract_names(asked, "fast"), strict=True)
        named = (names for document, answer in answers for names in complete(document, answer, "fast"))
        found = iter([list(settle(*one)) for one in zip(texts_of, named, strict=True)])
        for doc_id, blocks in batch:
            text, mentions = _laid_out(blocks, found)
            documents.append((doc_id, doc_id, text))
            rows += [(doc_id, number, *mention) for number, mention in enumerate(mentions)]
    frame = pl.DataFrame(documents, schema=["doc_id", "source_uri", "text"], orient="row")
    clusters, _ = find_clusters(pl.DataFrame(rows, schema=FRAME, orient="row"), frame)
    return build_entities([link_frames(clusters.clear(), clusters).clusters], frame)


def _laid_out(blocks: list[list[str]], found: Iterator[list[Name]]) -> tuple[str, list[tuple[object, ...]]]:
    """The text of a document, and its mentions without doc_id and number."""
    text, mentions = "", []
    for block_no, sentences in enumerate(blocks):
        text += "\n\n" if block_no else ""
        for number, sentence in enumerate(sentences):
            text += " " if number else ""
            for name in next(found):
                span = (len(text) + name.start, len(text) + name.end)
                mentions.append((sentence[name.start : name.end], name.label, name.kind, block_no, *span))
            text += sentence
    return text, mentions


def pairs_of(entities: pl.DataFrame) -> set[str]:
    """Label, shown name and another spelling that is more than an inflection, parted by bars."""
    rows = entities.select("label", "name", "evidence").iter_rows()
    return {f"{label}|{name}|{one['alias']}" for label, name, evidence in rows for one in json.loads(evidence)}


def names_of(entities: pl.DataFrame) -> set[str]:
    """Label and shown name of what several documents name, parted by a bar."""
    often = entities.filter(pl.col("n_documents") >= FEWEST_DOCUMENTS)
    return {f"{label}|{name}" for label, name in often.select("label", "name").iter_rows()}


def share_right(given: set[str], judged: dict[str, str]) -> float:
    """The share of right ones among those given today that a person judged."""
    known = given & judged.keys()
    return sum(judged[one] == "right" for one in known) / max(1, len(known))


def score(what: str, given: set[str], judged: dict[str, str]) -> bool:
    """Print one figure; false where it is below its floor, or where too little of what is given was judged."""
    known = sorted(given & judged.keys())
    right = [one for one in known if judged[one] == "right"]
    share, seen = share_right(given, judged), len(known) / max(1, len(given))
    print(f"{what:10} {share:6.1%} right ({len(right)} of {len(known)} judged; {len(given)} given, {seen:.0%} judged)")
    return share >= FLOORS[what] and (seen >= FEWEST_JUDGED or len(known) >= 300)


def main() -> None:
    """Print both figures and end with 1 where one is below its floor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unjudged", action="store_true", help="print what nobody has judged")
    parser.add_argument("--wrong", action="store_true", help="print what was judged wrong and is still given")
    parser.add_argument("--old", action="store_true", help="newspapers of 1850 to 1940")
    options = parser.parse_args()
    if "FLIESSTEXT_DEVSETS" not in os.environ:
        raise SystemExit("skipped: name the folder of the development sets in FLIESSTEXT_DEVSETS")
    read, old = (read_old_texts, "old ") if options.old else (read_texts, "")
    entities = entities_of(list(read(Path(os.environ["FLIESSTEXT_DEVSETS"]))))
    judged = json.loads(JUDGED.read_text(encoding="utf-8"))
    given = {f"{old}merges": pairs_of(entities), f"{old}names": names_of(entities)}
    passed = [score(what, found, judged[what]) for what, found in given.items()]
    for what, found in given.items():
        if options.unjudged:
            print("\n".join(sorted(found - judged[what].keys())))
        if options.wrong:
            print("\n".join(one for one in sorted(found) if judged[what].get(one) == "wrong"))
    raise SystemExit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
