"""Evidence: boolean columns for what a rule cannot see in one column of one table.

The checks against the text and the raw text are made here, on every row of every run.
"""

from collections.abc import Mapping

import polars as pl

Frames = dict[str, pl.DataFrame]


def gather_evidence(frames: Mapping[str, pl.DataFrame], raw_texts: Mapping[str, str]) -> Frames:
    """Add the boolean columns that `expectations.rules.RULES` name to the frames of a batch.

    ``frames`` holds documents, blocks, sentences, mentions and repairs; ``raw_texts`` the raw text by doc_id.
    """
    documents, blocks = frames["documents"], frames["blocks"]
    texts = dict(documents.select("doc_id", "text").iter_rows())
    sliced = {name: frames[name].with_columns(_slices_back(frames[name], texts)) for name in ("sentences", "mentions")}
    return {
        "documents": documents.hstack(_document_evidence(frames)),
        "blocks": blocks.with_columns(
            _slices_back(blocks, texts),
            _spans_agree(blocks, texts, raw_texts),
            has_document=pl.col("doc_id").is_in(documents["doc_id"].implode()),
        ),
        "sentences": _inside(sliced["sentences"], blocks, ["doc_id", "block_no"]),
        "mentions": _inside(sliced["mentions"], frames["sentences"], ["doc_id", "block_no", "sentence_no"]),
        "repairs": frames["repairs"].with_columns(
            _before_agrees(frames["repairs"], raw_texts),
            has_document=pl.col("doc_id").is_in(documents["doc_id"].implode()),
        ),
    }


def _document_evidence(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    documents = frames["documents"]
    joined = frames["blocks"].sort("doc_id", "block_no").group_by("doc_id").agg(joined=pl.col("text").str.join("\n\n"))
    rows = documents.join(joined, on="doc_id", how="left", maintain_order="left")
    agree = [pl.col("n_chars") == pl.col("text").str.len_chars()]
    for name in ("blocks", "sentences", "mentions"):
        counted = frames[name].group_by("doc_id").len(name=f"counted_{name}")
        rows = rows.join(counted, on="doc_id", how="left", maintain_order="left")
        agree.append(pl.col(f"n_{name}") == pl.col(f"counted_{name}").fill_null(0))
    return rows.select(
        counts_agree=pl.all_horizontal(agree), text_is_blocks=(pl.col("text") == pl.col("joined")).fill_null(False)
    )


def _slices_back(rows: pl.DataFrame, texts: Mapping[str, str]) -> pl.Series:
    columns = rows.select("doc_id", "start", "end", "text").iter_rows()
    # Plain slices: an expression would walk each document from its start for every row.
    agree = [texts.get(doc_id, "")[start:end] == text for doc_id, start, end, text in columns]
    return pl.Series("slices_back", agree, dtype=pl.Boolean)


def _spans_agree(blocks: pl.DataFrame, texts: Mapping[str, str], raw_texts: Mapping[str, str]) -> pl.Series:
    spans = blocks.select("doc_id", "spans").with_row_index("row").explode("spans", empty_as_null=False).unnest("spans")
    wrong = {
        row
        for row, doc_id, start, raw_start, n in spans.iter_rows()
        if texts.get(doc_id, "")[start : start + n] != raw_texts.get(doc_id, "")[raw_start : raw_start + n]
    }
    return pl.Series("raw_agrees", [row not in wrong for row in range(blocks.height)], dtype=pl.Boolean)


def _before_agrees(repairs: pl.DataFrame, raw_texts: Mapping[str, str]) -> pl.Series:
    columns = repairs.select("doc_id", "raw_start", "raw_end", "before").iter_rows()
    agree = [raw_texts.get(doc_id, "")[start:end] == before for doc_id, start, end, before in columns]
    return pl.Series("raw_agrees", agree, dtype=pl.Boolean)


def _inside(rows: pl.DataFrame, parents: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    bounds = parents.select(*on, parent_start="start", parent_end="end").unique(on)
    inside = (pl.col("start") >= pl.col("parent_start")) & (pl.col("end") <= pl.col("parent_end"))
    return (
        rows.join(bounds, on=on, how="left", maintain_order="left")
        .with_columns(in_parent=inside.fill_null(False))
        .drop("parent_start", "parent_end")
    )
