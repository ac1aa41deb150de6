"""Score the value rules on annotated sentences, by type, and measure their speed.

    python tests/benchmarks/values.py de FILE.tsv [FILE.tsv ...] [--errors 20]
    python tests/benchmarks/values.py                        # the judged sentences of tests/cases/values_judged.txt

A file has a token and its BIO tag a line, sentences parted by blank lines. Tokens are joined with the spaces a
newspaper would print; a span counts as found when it covers exactly the tokens of the annotation and has its type.
Types that the rules do not know are left out.
"""

import argparse
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stages.extract_entities.values import extract_values
from stages.tables.schemas import VALUE_LABELS

Span = tuple[int, int, str]
Judged = tuple[int, int, str, str | None]
JUDGED = Path(__file__).parents[1] / "cases" / "values_judged.txt"
MARK = re.compile(r"\[([^|\]]*)\|([A-Z]+)(?: ([^\]]*))?\]")
FLOORS = {"DATE": 0.92, "TIME": 0.93, "DURATION": 0.95, "MONEY": 0.96, "PERCENT": 0.95, "QUANTITY": 0.94}


def read_judged(path: Path = JUDGED) -> Iterator[tuple[bool, str, str, list[Judged]]]:
    """Whether it is read right today, language, sentence and values of every judged sentence."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            *fails, language, marked = line.split("\t")
            yield not fails, language, *unmark(marked)


def unmark(marked: str) -> tuple[str, list[Judged]]:
    """A sentence without its marks, and the values that they marked."""
    text, values, at = "", [], 0
    for mark in MARK.finditer(marked):
        text += marked[at : mark.start()]
        start = len(text) + len(mark[1]) - len(mark[1].lstrip())
        values.append((start, start + len(mark[1].strip()), mark[2], mark[3]))
        text, at = text + mark[1], mark.end()
    return text + marked[at:], values


def judged_counts() -> tuple[Counter[str], Counter[str], Counter[str]]:
    """What is right in span, label and value together, what is answered, and what is expected, by type."""
    right, answered, expected = Counter[str](), Counter[str](), Counter[str]()
    for _, language, sentence, values in read_judged():
        ours = {(v.start, v.end, v.label, v.value) for v in extract_values(sentence, language)}
        for counter, found in ((right, ours & set(values)), (answered, ours), (expected, set(values))):
            counter.update(value[2] for value in found)
    return right, answered, expected


def score_judged() -> bool:
    """Print the figures of the judged sentences by type; false where one type is below its floor."""
    right, answered, expected = judged_counts()
    print(f"{JUDGED.name}: span, label and value")
    for label in VALUE_LABELS:
        print_score(label, right[label], answered[label], expected[label])
    return all(2 * right[label] >= floor * (answered[label] + expected[label]) for label, floor in FLOORS.items())


def read_sentences(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Tokens and tags of every sentence."""
    for chunk in path.read_text(encoding="utf-8").split("\n\n"):
        rows = [line.split("\t") for line in chunk.splitlines() if line]
        if rows:
            yield [row[0] for row in rows], [row[1] for row in rows]


def annotated(tags: list[str]) -> set[Span]:
    """First token, token after the last, and type of each annotation."""
    spans, start = set(), None
    for index, tag in enumerate([*tags, "O"]):
        if start is not None and not tag.startswith("I-"):
            spans.add((start, index, tags[start][2:]))
            start = None
        if tag.startswith("B-"):
            start = index
    return {span for span in spans if span[2] in VALUE_LABELS}


def join_tokens(tokens: list[str]) -> tuple[str, list[int]]:
    """The printed sentence, and the token to which each of its characters belongs (-1 for a space)."""
    text, owners = "", []
    for index, token in enumerate(tokens):
        if text and not _glued(tokens, index):
            text += " "
            owners.append(-1)
        text += token
        owners += [index] * len(token)
    return text, owners


def _glued(tokens: list[str], index: int) -> bool:
    """Whether a token follows the one before without a space: signs, and the hyphen of a compound."""
    before, token = tokens[index - 1], tokens[index]
    if token[0] in ".,;:!?)\u201c" or before in {"(", "\u201e"}:
        return True
    first = index if token == "-" else index - 1
    compound = 0 < first < len(tokens) - 1 and tokens[first] == "-" and tokens[first + 1][0].isalpha()
    return compound and tokens[first - 1][-1].isalnum()


def found(tokens: list[str], language: str) -> set[Span]:
    """What the rules find, in tokens."""
    text, owners = join_tokens(tokens)
    spans = set()
    for value in extract_values(text, language):
        covered = {owner for owner in owners[value.start : value.end] if owner >= 0}
        spans.add((min(covered), max(covered) + 1, value.label))
    return spans


def print_score(label: str, right: int, answered: int, expected: int) -> None:
    """One line: precision, recall, F1 and the counts they come from."""
    precision, recall = right / max(1, answered), right / max(1, expected)
    f1 = 2 * right / max(1, answered + expected)
    counts = f"({right} of {answered} found, {expected} annotated)"
    print(f"  {label:9} P {precision:6.1%}  R {recall:6.1%}  F1 {f1:6.1%}  {counts}")


def main() -> None:
    """Print scores by type for each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", nargs="?")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--errors", type=int, default=0, help="print so many differences a file")
    options = parser.parse_args()
    if not options.files:
        raise SystemExit(0 if score_judged() else 1)
    for path in options.files:
        score_file(path, options.language, options.errors)


def score_file(path: Path, language: str, errors: int) -> None:
    """Compare, count by type, and time the rules alone on the joined sentences."""
    right, answered, expected = Counter[str](), Counter[str](), Counter[str]()
    sentences = list(read_sentences(path))
    for tokens, tags in sentences:
        gold, ours = annotated(tags), found(tokens, language)
        expected.update(span[2] for span in gold)
        answered.update(span[2] for span in ours)
        right.update(span[2] for span in gold & ours)
        for kind, differing in (("missed", gold - ours), ("wrong", ours - gold)):
            for start, end, label in sorted(differing):
                if errors > 0:
                    errors -= 1
                    print(f"  {kind} {label}: [{' '.join(tokens[start:end])}] in {' '.join(tokens)[:160]}")
    texts = [join_tokens(tokens)[0] for tokens, _ in sentences]
    began = time.process_time()
    for text in texts:
        extract_values(text, language)
    speed = sum(len(text.split()) for text in texts) / (time.process_time() - began)
    print(f"{path.name}: {len(sentences)} sentences, {speed:,.0f} words/CPU-s")
    for label in VALUE_LABELS:
        if expected[label] or answered[label]:
            print_score(label, right[label], answered[label], expected[label])
    print_score("all", right.total(), answered.total(), expected.total())


if __name__ == "__main__":
    main()
