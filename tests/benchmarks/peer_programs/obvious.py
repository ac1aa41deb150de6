"""What one writes in an hour: pathlib, langdetect, regular expressions, pandas: ``python obvious.py SOURCE OUT``."""

import sys
from pathlib import Path

import pandas as pd
from langdetect import DetectorFactory, detect
from plain_rules import SENTENCE, mentions, reflow

DetectorFactory.seed = 0
source, out = map(Path, sys.argv[1:])
documents, sentences, found = [], [], []
for file in sorted(source.rglob("*.txt")):
    text = reflow(file.read_text(encoding="utf-8"))
    documents.append({"source": str(file), "text": text, "language": detect(text)})
    for number, sentence in enumerate(SENTENCE.split(text)):
        sentences.append({"source": str(file), "sentence": number, "text": sentence})
        for label, start, surface in mentions(sentence):
            found.append({"source": str(file), "sentence": number, "label": label, "start": start, "text": surface})
for name, rows in (("documents", documents), ("sentences", sentences), ("mentions", found)):
    pd.DataFrame(rows).to_parquet(out / f"{name}.parquet")
