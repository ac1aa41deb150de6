"""Quotes with speakers: what stands between quotation marks, and the person whose name stands beside it.

python examples/quotes.py data/tables

A quote is given to the last person named outside of it in its sentence, else in the sentence before; without one it
is left out. A first approach: it knows no "he said", and nobody who speaks over several paragraphs. Needs the
tables alone.
"""

import json
import re
import sys
from pathlib import Path

import polars as pl

# The marks of German, French and English print, and the straight ones; a quote of fewer than three words is a phrase.
QUOTE = re.compile(r"„([^“”]+)[“”]|“([^”]+)”|»([^«]+)«|«\s?([^»]+?)\s?»|\"([^\"]+)\"")

tables = Path(sys.argv[1])
snapshot = tables / json.loads((tables / "CURRENT.json").read_text(encoding="utf-8"))["snapshot"]
documents, sentences, mentions, entities = (
    pl.read_parquet(snapshot / name) for name in ("documents", "sentences", "mentions", "entities")
)
people = mentions.filter(pl.col("label") == "PER").join(entities.select("entity_id", "name"), on="entity_id")
named: dict[tuple[str, int], list[tuple[int, int, str]]] = {}
for doc_id, number, start, end, name in people.select("doc_id", "sentence_no", "start", "end", "name").rows():
    named.setdefault((doc_id, number), []).append((start, end, name))
uris = dict(documents.select("doc_id", "source_uri").iter_rows())
for doc_id, number, text, begin in (
    sentences.sort("doc_id", "sentence_no").select("doc_id", "sentence_no", "text", "start").iter_rows()
):
    for found in QUOTE.finditer(text):
        quote = next(filter(None, found.groups()))
        if len(quote.split()) < 3:
            continue
        low, high = begin + found.start(), begin + found.end()
        outside = [name for start, end, name in named.get((doc_id, number), []) if end <= low or start >= high]
        before = [name for _, _, name in named.get((doc_id, number - 1), [])]
        if outside or before:
            print(f"{(outside or before)[-1]}: {quote}  ({uris[doc_id]})")
