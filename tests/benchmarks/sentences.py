"""Score sentence boundaries on annotated sentences, joined ten by ten, and measure the speed.

    python tests/benchmarks/sentences.py de FILE.tsv [FILE.tsv ...]

A file has one token a line (the first column), sentences parted by blank lines. Only sentences that end in a
full stop, question or exclamation mark and begin with a capital count: the rest have no boundary to find.
"""

import argparse
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sentencex

from stages.split_sentences import split_sentences

GLUED_LEFT = re.compile(r" ([.,;:!?)\]\u201c\u00ab]|\.\.\.)(?= |$)")  # marks that follow their word
GLUED_RIGHT = re.compile(r"(?<![^ ])([(\[\u201e\u00bb]) ")  # marks that stand before their word
WHOLE = re.compile(r"[\u201e\u00bb\"(]?[A-ZÄÖÜÀÉ].*[.!?][\u201c\u00ab\")]?")

Splitter = Callable[[str, str], list[tuple[int, int]]]


def read_sentences(path: Path) -> Iterator[str]:
    """The whole sentences of a token-per-line file, with the spaces a newspaper would print."""
    for chunk in path.read_text(encoding="utf-8").split("\n\n"):
        joined = " ".join(line.split("\t")[0] for line in chunk.splitlines())
        sentence = GLUED_RIGHT.sub(r"\1", GLUED_LEFT.sub(r"\1", joined))
        if WHOLE.fullmatch(sentence):
            yield sentence


def score(sentences: list[str], language: str, split: Splitter) -> tuple[float, float, float]:
    """Precision, recall and F1 of the inner boundaries."""
    found = right = expected = 0
    for first in range(0, len(sentences), 10):
        group = sentences[first : first + 10]
        ends = {len(" ".join(group[:count])) for count in range(1, len(group))}
        answer = {end for _, end in split(" ".join(group), language)[:-1]}
        found, right, expected = found + len(answer), right + len(answer & ends), expected + len(ends)
    precision, recall = right / max(1, found), right / max(1, expected)
    return precision, recall, 2 * right / max(1, found + expected)


def library_alone(text: str, language: str) -> list[tuple[int, int]]:
    """What sentencex gives without our mending."""
    bounds = sentencex.get_sentence_boundaries(language, text)
    return [(b["start_index"], b["start_index"] + len(b["text"].rstrip())) for b in bounds]


def main() -> None:
    """Print one line a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    for path in options.files:
        sentences = list(read_sentences(path))
        start = time.process_time()
        precision, recall, f1 = score(sentences, options.language, split_sentences)
        words = sum(len(sentence.split()) for sentence in sentences)
        speed = words / (time.process_time() - start)
        alone = score(sentences, options.language, library_alone)[2]
        print(
            f"{path.name}: {len(sentences)} sentences, P {precision:.1%} R {recall:.1%} F1 {f1:.1%} "
            f"(library alone {alone:.1%}), {speed:,.0f} words/CPU-s"
        )


if __name__ == "__main__":
    main()
