"""Evidence: boolean columns for what a rule cannot see in one column of one table.

The checks against the text and the raw text are made here, on every row of every run.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl

Frames = dict[str, pl.DataFrame]


def with_evidence(
    frames: Mapping[str, pl.DataFrame], raw_texts: Mapping[str, str], unread: Collection[str] = ()
) -> Frames:
    """Add the boolean columns that `expectations.rules.RULES` name to the frames of a batch.

    ``frames`` holds documents, blocks, sentences, mentions, clusters, repairs and raw_texts; ``raw_texts`` the raw
    text by doc_id. Of documents that are ``unread`` there is none at hand: what is said of it stays open (null).
    """
    documents, blocks = frames["documents"], frames["blocks"]
    texts = dict(documents.select("doc_id", pl.col("text").fill_null("")).iter_rows())
    sliced = {name: frames[name].with_columns(_slices_back(frames[name], texts)) for name in ("sentences", "mentions")}
    return {
        "documents": documents.hstack(_document_evidence(frames)),
        "blocks": blocks.with_columns(
            _slices_back(blocks, texts),
            raw_agrees=_open(unread, blocks, _spans_agree(blocks, texts, raw_texts)),
            has_document=pl.col("doc_id").is_in(documents["doc_id"].implode()),
        ),
        "sentences": _inside(sliced["sentences"], blocks, ["doc_id", "block_no"]),
        "mentions": _inside(sliced["mentions"], frames["sentences"], ["doc_id", "block_no", "sentence_no"]),
        "clusters": frames["clusters"].with_columns(has_document=pl.col("doc_id").is_in(documents["doc_id"].implode())),
        "repairs": frames["repairs"].with_columns(
            raw_agrees=_open(unread, frames["repairs"], _before_agrees(frames["repairs"], raw_texts)),
            has_document=pl.col("doc_id").is_in(documents["doc_id"].implode()),
        ),
        "raw_texts": frames["raw_texts"].with_columns(
            raw_agrees=_open(unread, frames["raw_texts"], _are_read(frames["raw_texts"], raw_texts)),
            has_document=pl.col("doc_id").is_in(documents["doc_id"].implode()),
        ),
    }


def _open(unread: Collection[str], rows: pl.DataFrame, agrees: pl.Series) -> pl.Series:
    return agrees.set(rows["doc_id"].is_in(list(unread)).fill_null(False), None) if unread else agrees


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
        counts_agree=pl.all_horizontal(agree),
        text_is_blocks=(pl.col("text") == pl.col("joined")).fill_null(False),
        has_pages=~pl.col("doc_id").is_in(_off_page(frames).implode()),
    )


def _off_page(frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    """Documents with a block on a page that is not among theirs; books and subtitles have no boxes and need none."""
    known = frames["documents"].select("doc_id", "pages").drop_nulls().explode("pages").unnest("pages")
    has_pages = pl.col("doc_id").is_in(known["doc_id"].unique().implode())
    placed = frames["blocks"].filter(pl.col("page").is_not_null(), has_pages | pl.col("box").is_not_null())
    return placed.join(known, on=["doc_id", "page"], how="anti")["doc_id"].unique()


def _zipped(rows: pl.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
    # Some columns as lists are several times faster than row after row.
    return zip(*(rows[name].to_list() for name in names), strict=True)


def _slices_back(rows: pl.DataFrame, texts: Mapping[str, str]) -> pl.Series:
    columns = _zipped(rows, "doc_id", "start", "end", "text")
    # Plain slices: an expression would walk each document from its start for every row.
    agree = [texts.get(doc_id, "")[start:end] == text for doc_id, start, end, text in columns]
    return pl.Series("slices_back", agree, dtype=pl.Boolean)


def _spans_agree(blocks: pl.DataFrame, texts: Mapping[str, str], raw_texts: Mapping[str, str]) -> pl.Series:
    """True for a block with spans that follow each other inside its bounds and say the same in text and raw text."""
    bounds = {"low": "start", "high": "end", "raw_low": "raw_start", "raw_high": "raw_end"}
    spans = (
        blocks.select("doc_id", "spans", **{name: pl.col(column).fill_null(-1) for name, column in bounds.items()})
        .with_row_index("row")
        .explode("spans", empty_as_null=False)
        .unnest("spans")
        .select("row", "doc_id", *bounds, pl.col("start", "raw_start", "length").fill_null(-1))
    )
    agree = [False] * blocks.height
    done = raw_done = 0
    at, text, raw = -1, "", ""
    for row, doc_id, low, high, raw_low, raw_high, start, raw_start, n in _zipped(spans, *spans.columns):
        if row != at:
            text, raw = texts.get(doc_id, ""), raw_texts.get(doc_id, "")
            at, done, raw_done = row, low, raw_low
            agree[row] = low >= 0 and raw_low >= 0 and high <= len(text) and raw_high <= len(raw)
        follows = done <= start and raw_done <= raw_start and n >= 0
        done, raw_done = start + n, raw_start + n
        inside = done <= high and raw_done <= raw_high
        agree[row] &= follows and inside and text[start:done] == raw[raw_start:raw_done]
    return pl.Series("raw_agrees", agree, dtype=pl.Boolean)


def _before_agrees(repairs: pl.DataFrame, raw_texts: Mapping[str, str]) -> pl.Series:
    columns = _zipped(repairs, "doc_id", "raw_start", "raw_end", "before")
    agree = [raw_texts.get(doc_id, "")[start:end] == before for doc_id, start, end, before in columns]
    return pl.Series("raw_agrees", agree, dtype=pl.Boolean)


def _are_read(kept: pl.DataFrame, raw_texts: Mapping[str, str]) -> pl.Series:
    columns = kept.select("doc_id", "text").iter_rows()
    return pl.Series("raw_agrees", [raw_texts.get(doc_id) == text for doc_id, text in columns], dtype=pl.Boolean)


def _inside(rows: pl.DataFrame, parents: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    edges = {"first": "start", "last": "end", "raw_first": "raw_start", "raw_last": "raw_end"}
    inside = (
        (pl.col("start") >= pl.col("first"))
        & (pl.col("end") <= pl.col("last"))
        & (pl.col("raw_start") >= pl.col("raw_first"))
        & (pl.col("raw_end") <= pl.col("raw_last"))
    )
    return (
        rows.join(parents.select(*on, **edges).unique(on), on=on, how="left", maintain_order="left")
        .with_columns(in_parent=inside.fill_null(False))
        .drop(edges)
    )
