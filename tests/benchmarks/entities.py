"""Score the engines for names on annotated corpora and hold them against pinned floors.

``python tests/benchmarks/entities.py --devsets DIR [--engine E] [FILE.tsv ...]`` with ``DIR`` the folder of
``ner/*.tsv`` (default: the environment variable FLIESSTEXT_DEVSETS). Any file of ``token<TAB>tag[<TAB>tag]`` lines will
do. Corpus tokens are set as running text, the engine reads the text, and a name counts when its characters and its
type are exactly those of the corpus: errors of our tokeniser are errors of the score. Speed is CPU time of the whole
way from text to names on one thread, the loading of the model left out. ``--scaling`` measures instead how much sooner
two processes are done with the sentences of the files than one, by the clock: on a machine with nothing else to do.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.extract_entities import complete
from stages.extract_entities.names import ENGINES, Name, extract_names
from stages.extract_entities.names.decode import CURRENCY
from stages.extract_entities.settle import settle
from stages.models.corpora import Sentence, Span, read_sentences, spans_of, tags_of

FLOORS = Path(__file__).with_name("entities_floors.json")
DEFAULT_FILES = ("germeval_dev_12.tsv", "smartdata_v3_test.tsv", "mobie_dev.tsv", "newseye_dev.tsv")
BATCH = 200  # sentences handed to a process at once when two are measured against one
TYPES = ("PER", "LOC", "ORG", "MISC")
# A pinned floor stands so far below what was measured: rounding differs between processors. To be pinned on one with
# VNNI, where `accurate` comes out lower.
SLACK = 0.15


class Counts(NamedTuple):
    """Mentions found and right, found, and in the corpus."""

    right: int
    found: int
    gold: int

    def f1(self) -> float:
        return 200 * self.right / max(1, self.found + self.gold)


def gold_spans(sentence: Sentence, level: int = 0) -> list[Span]:
    """The corpus' own mentions of one level; OTH is our MISC."""
    return spans_of([row[level].replace("OTH", "MISC") for row in sentence.columns], sentence.tokens)


def found_spans(sentence: Sentence, names: Iterable[Name]) -> list[Span]:
    """Names as corpus labels, within the corpus' tokens.

    A part is widened to the corpus token that holds it, since corpora mark tokens. Any other name is widened by marks
    alone, where the corpus left them glued to the word ("Wien,"): a letter too many or too few stays an error.
    """
    spans = []
    for name in names:
        inside = [place for place in sentence.tokens if place[0] < name.end and place[1] > name.start]
        start, end = inside[0][0], inside[-1][1]
        if name.kind != "name":
            spans.append(Span(start, end, name.label + name.kind))
            continue
        extra = sentence.text[start : name.start] + sentence.text[name.end : end]
        glued = not any(map(str.isalnum, extra))
        spans.append(Span(start, end, name.label) if glued else Span(name.start, name.end, name.label))
    return spans


def counts_currencies(sentences: Sequence[Sentence]) -> bool:
    """Tell whether a corpus marks currency words as names, so that each is scored by its own rules."""
    marked = Counter(
        row[0] == "B-OTH" or row[0] == "B-MISC"
        for sentence in sentences
        for (start, end), row in zip(sentence.tokens, sentence.columns, strict=True)
        if CURRENCY.fullmatch(sentence.text, start, end)
    )
    return marked[True] > marked[False]


def compare(gold: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]], labels: Sequence[str]) -> Counts:
    """Count exact matches of the given labels."""
    right = total = here = 0
    for gold_row, found_row in zip(gold, found, strict=True):
        of_gold = {span for span in gold_row if span.label in labels}
        of_found = {span for span in found_row if span.label in labels}
        right, total, here = right + len(of_gold & of_found), total + len(of_found), here + len(of_gold)
    return Counts(right, total, here)


Scored = tuple[dict[str, float], list[Sentence], list[list[Span]]]
"""Figures by name, the sentences of a corpus and the spans found in each."""


def score(path: Path, engine: str, whole: bool = False) -> Scored:
    """Run one engine over one corpus; returns figures by name, the sentences and the spans found.

    ``whole``: with all that the tables and the document add and correct, as a run publishes names.
    """
    sentences = read_sentences(path)
    language = path.name[:2] if path.name[:3] in ("en_", "fr_") else "de"
    documents = [[(sentence.text, language, "paragraph")] for sentence in sentences]
    currencies = counts_currencies(sentences)
    extract_names(documents[:5], engine, currencies=currencies)
    began = time.process_time()
    names = extract_names(documents, engine, currencies=currencies)
    seconds = time.process_time() - began
    if whole:
        names = [_published(*one, engine) for one in zip(documents, names, strict=True)]
    gold = [gold_spans(sentence) for sentence in sentences]
    found = [found_spans(sentence, rows[0]) for sentence, rows in zip(sentences, names, strict=True)]
    figures = {"names": compare(gold, found, TYPES).f1(), "PER LOC ORG": compare(gold, found, TYPES[:3]).f1()}
    figures |= {label: compare(gold, found, [label]).f1() for label in TYPES}
    parts = [label + kind for label in TYPES for kind in ("part", "deriv")]
    if compare(gold, found, parts).gold:
        figures["parts and derivations"] = compare(gold, found, parts).f1()
    figures["words per CPU second"] = sum(len(sentence.tokens) for sentence in sentences) / seconds
    return {name: round(value, 2) for name, value in figures.items()}, sentences, found


def _published(document: list[tuple[str, str, str]], names: list[list[Name]], engine: str) -> list[list[Name]]:
    """The names of the sentences of a document as a run publishes them."""
    inside = complete(document, names, engine)
    return [list(settle(text, found)) for (text, *_), found in zip(document, inside, strict=True)]


def write_columns(path: Path, sentences: Sequence[Sentence], found: Sequence[Sequence[Span]]) -> None:
    """Write token, gold tag and predicted tag; names alone, a blank line between sentences."""
    with path.open("w", encoding="utf-8") as out:
        for sentence, spans in zip(sentences, found, strict=True):
            rows = [
                tags_of([s for s in group if s.label in TYPES], sentence.tokens)
                for group in (gold_spans(sentence), spans)
            ]
            for (start, end), gold, predicted in zip(sentence.tokens, *rows, strict=True):
                out.write(f"{sentence.text[start:end]}\t{gold}\t{predicted}\n")
            out.write("\n")


def check_floors(engine: str, name: str, figures: dict[str, float]) -> list[str]:
    """Return a sentence for every figure below its floor."""
    floors = json.loads(FLOORS.read_text()) if FLOORS.is_file() else {}
    return [
        f"{engine} on {name}: {figure} is {figures[figure]}, the floor is {floor}"
        for figure, floor in floors.get(engine, {}).get(name, {}).items()
        if figures[figure] < floor
    ]


def pin_floors(engine: str, name: str, figures: dict[str, float], lower: bool) -> None:
    """Raise the floors of quality to what was measured; lowering one needs ``lower``."""
    floors = json.loads(FLOORS.read_text()) if FLOORS.is_file() else {}
    pinned = floors.setdefault(engine, {}).setdefault(name, {})
    for figure in ("names", "PER LOC ORG", "parts and derivations"):
        if figure in figures:
            measured = round(figures[figure] - SLACK, 1)
            pinned[figure] = measured if lower else max(measured, pinned.get(figure, 0.0))
    FLOORS.write_text(json.dumps(floors, indent=1, sort_keys=True) + "\n")


def scaling(paths: Sequence[Path], engine: str) -> float:
    """How many times sooner two processes are done than one, each at its best of three; models are loaded before."""
    texts = [sentence.text for path in paths for sentence in read_sentences(path)]
    one, two = (min(_seconds(texts, engine, count) for _ in range(3)) for count in (1, 2))
    return one / two


def _seconds(texts: Sequence[str], engine: str, count: int) -> float:
    context = get_context("spawn")
    barrier, taken = context.Barrier(count + 1), context.Value("i", 0)
    workers = [context.Process(target=_work, args=(texts, engine, barrier, taken)) for _ in range(count)]
    for worker in workers:
        worker.start()
    barrier.wait()
    began = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return seconds


def _work(texts: Sequence[str], engine: str, barrier: Barrier, taken: "Synchronized[int]") -> None:
    """Take batch after batch until none is left, as the workers of a run do."""
    extract_names([[(text, "de", "paragraph")] for text in texts[:50]], engine)
    barrier.wait()
    while True:
        with taken.get_lock():
            start = taken.value
            taken.value += BATCH
        if start >= len(texts):
            break
        extract_names([[(text, "de", "paragraph")] for text in texts[start : start + BATCH]], engine)
    barrier.wait()


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--devsets", type=Path, default=os.environ.get("FLIESSTEXT_DEVSETS"))
    parser.add_argument("--engine", action="append", help="an engine; may be given again (default: all of ours)")
    parser.add_argument("--write", type=Path, help="write token, gold tag, predicted tag of the last file scored")
    parser.add_argument("--scaling", action="store_true", help="measure two processes against one, nothing else")
    parser.add_argument("--pin", action="store_true", help="raise the pinned floors to what is measured now")
    parser.add_argument("--lower", action="store_true", help="with --pin: lower them too")
    chosen = parser.parse_args()
    if not chosen.files and chosen.devsets is None:
        parser.error("pass --devsets DIR, set FLIESSTEXT_DEVSETS, or name files")
    chosen.files = chosen.files or [Path(chosen.devsets) / "ner" / name for name in DEFAULT_FILES]
    return chosen


def main() -> int:
    """Print the figures; exit 1 when one is below its floor."""
    chosen, below = options(), []
    for engine in chosen.engine or ENGINES:
        if chosen.scaling:
            print(f"{engine}: two processes are done {scaling(chosen.files, engine):.2f} times as soon as one")
            continue
        for path in chosen.files:
            figures, sentences, found = score(path, engine)
            print(
                f"{engine} {path.name}: " + ", ".join(f"{name} {value:g}" for name, value in figures.items()),
                flush=True,
            )
            below += check_floors(engine, path.name, figures)
            if chosen.pin:
                pin_floors(engine, path.name, figures, chosen.lower)
            if chosen.write:
                write_columns(chosen.write, sentences, found)
    print("\n".join(below))
    return bool(below)


if __name__ == "__main__":
    sys.exit(main())
