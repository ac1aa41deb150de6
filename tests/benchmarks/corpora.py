"""Corpora to measure speed on: documents of about 3 KB put together from many sentences, always the same ones.

The German sentences of the annotated corpora (31,000 of them) where ``devsets`` holds these, else those of our own
goldens, which are few: words that come again and again are cheap, so say which were taken. A batch looks at a sentence
that comes twice only once; so where they are few, a number makes each its own.
"""

import json
import random
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from stages.models.corpora import read_sentences

ROOT = Path(__file__).parents[2]
ANNOTATED = (
    *("germeval_train.tsv", "germeval_dev.tsv", "mobie_train.tsv", "mobie_dev.tsv", "mobie_test.tsv"),
    *("smartdata_v3_dev.tsv", "smartdata_v3_test.tsv", "sonar_dev.tsv"),
)
CHARS = 3_000
FEW = 10_000  # sentences
WIDTH = 65
PER_FOLDER = 500
END = re.compile(r"(?<=[a-zß]{3}[.!?]) (?=[A-ZÄÖÜ])")


def gather_sentences(devsets: Path | None) -> tuple[list[str], str]:
    """The sentences to put documents together from, none twice, and where they are from."""
    files = [devsets / "ner" / name for name in ANNOTATED] if devsets else []
    if files and all(file.is_file() for file in files):
        return list(dict.fromkeys(one.text for file in files for one in read_sentences(file))), "development sets"
    paragraphs = [
        block["text"]
        for file in sorted((ROOT / "tests" / "golden").rglob("*.json"))
        for block in json.loads(file.read_text(encoding="utf-8")).get("blocks", [])
        if block["kind"] == "paragraph"
    ]
    return list(dict.fromkeys(one for text in paragraphs for one in END.split(text))), "our own goldens"


def documents(sentences: list[str], n: int) -> Iterator[str]:
    """``n`` documents, every other one hard-wrapped; no sentence comes again before all others came."""
    chooser, left = random.Random(0), list[str]()
    for number in range(n):
        paragraphs: list[list[str]] = [[]]
        while sum(map(len, (text for paragraph in paragraphs for text in paragraph))) < CHARS:
            if not left:
                left = chooser.sample(sentences, len(sentences))
            sentence = left.pop()
            number_in_it = f" ({chooser.randrange(10**5, 10**6)})" if len(sentences) < FEW else ""
            paragraphs[-1].append(sentence[:-1] + number_in_it + sentence[-1])
            if len(paragraphs[-1]) >= chooser.randint(3, 6):
                paragraphs.append([])
        texts = [" ".join(paragraph) for paragraph in paragraphs if paragraph]
        texts = [textwrap.fill(text, WIDTH) for text in texts] if number % 2 else texts
        yield f"Meldung Nummer {number}\n\n" + "\n\n".join(texts) + "\n"


def write_documents(folder: Path, sentences: list[str], n: int) -> float:
    """Write ``n`` files below ``folder``, `PER_FOLDER` to a sub folder; returns how often each sentence comes."""
    written = 0
    for number, text in enumerate(documents(sentences, n)):
        file = folder / f"{number // PER_FOLDER:03}" / f"{number:06}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        written += len(text)
    return written / sum(len(sentence) + 1 for sentence in sentences)
