"""Text tagged by the accurate engine, for the fast one to learn from (distillation)."""

import json
import re
from pathlib import Path

from stages.models.corpora import read_sentences
from stages.names.decode import Tagged
from stages.names.encoder import tag_encoder
from stages.names.tokenise import tokenise

CORPORA = (
    "mobie_train.tsv",
    "europeana_lft.tsv",
    "europeana_onb.tsv",
    "europeana_sbb.tsv",
    "newseye_dev2.tsv",
    "sonar_dev.tsv",
    "sonar_test.tsv",
    "sturm_train.tsv",
)
LONGEST = 140
# A full stop, a space, and a capital or an opening quotation mark (U+201E).
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\u00c4\u00d6\u00dc\u201e\"])")


def silver_sentences(folder: Path, articles: Path | None) -> list[tuple[list[str], Tagged]]:
    """Tag the German corpora, their own tags aside, and the German articles of an ``articles.json``."""
    texts = [sentence.text for name in CORPORA for sentence in read_sentences(folder / name)]
    if articles is not None:
        rows = json.loads(articles.read_text(encoding="utf-8"))
        blocks = [block["text"] for row in rows if row["lang"] == "de" for block in row["blocks"]]
        texts += [part for block in blocks for part in SENTENCE_END.split(block)]
    sentences = [[text[start:end] for start, end in tokenise(text)][:LONGEST] for text in texts]
    return list(zip(sentences, tag_encoder(sentences), strict=True))
