"""Build ``known.tsv``: names of one word in the GermEval training text, which end the name inside a compound.

``python -m stages.models.names_lists.build_known DEVSETS/ner``. Refuses another file than the one it was built from.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from stages.extract_entities.names.decode import KNOWN
from stages.extract_entities.names.tokenise import tokenise
from stages.models.corpora import check_inputs, read_sentences, spans_of, tags_of

INPUTS = {"germeval_train_12.tsv": "1b0ae332d1084e57197dc8c65713425e8a8a1a265485b11df2526a8de5d45ac6"}


def tagged_sentences(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yield words and 12-label tags of the outer level, cut by our tokeniser; OTH is our MISC."""
    for sentence in read_sentences(path):
        places = tokenise(sentence.text)
        spans = spans_of([row[0].replace("OTH", "MISC") for row in sentence.columns], sentence.tokens)
        yield [sentence.text[start:end] for start, end in places], tags_of(spans, places)


def write_known(path: Path) -> None:
    """Write the single-word names of the training text that keep one type in two cases of three."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    lower: Counter[str] = Counter()
    for words, tags in tagged_sentences(path):
        for word, tag, after in zip(words, tags, [*tags[1:], "O"], strict=True):
            if tag[:2] == "B-" and tag[2:] in ("PER", "ORG", "LOC", "MISC") and after[:2] != "I-":
                counts[word][tag[2:]] += 1
            else:
                lower[word] += 1
    known: dict[str, list[str]] = defaultdict(list)
    for word, found in sorted(counts.items()):
        label, most = found.most_common(1)[0]
        if word[0].isupper() and len(word) > 1 and 3 * most > 2 * (found.total() + lower[word]):
            known[label].append(word)
    KNOWN.write_text("".join(f"{k}\t{' '.join(v)}\n" for k, v in sorted(known.items())), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with germeval_train_12.tsv")
    folder = parser.parse_args().folder
    check_inputs(folder, INPUTS)
    write_known(folder / "germeval_train_12.tsv")
