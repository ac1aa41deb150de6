"""Reflow a frame of raw texts: the frame function beside the text function `stages.reflow.reflow`."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import polars as pl

from stages.read.raw_document import PIECES, RawDocument
from stages.read.sources import REJECTED
from stages.reflow import DEFAULT, Block, Reflowed, ReflowOptions, Repair, reflow_all
from stages.reflow.layout import reflow_pieces
from stages.tables.schemas import SPANS, TABLES

_GAP = "\n\n"
_BLOCKS = pl.Schema(
    {name: TABLES["blocks"].schema[name] for name in ("doc_id", "block_no", "kind", "text", "start", "end")}
    | {"raw_start": pl.Int64(), "raw_end": pl.Int64()}
)
_SPAN = pl.Schema({name: pl.Int64() for name in ("start", "raw_start", "length")})
_DOCUMENTS = pl.Schema(
    {name: TABLES["documents"].schema[name] for name in ("doc_id", "text", "title", "n_joins", "parted_by", "doubt")}
)
_EMPTY = "no text is left after page furniture was removed; look at the file"

Span = tuple[int, int, int]


def reflow_texts(
    texts: pl.DataFrame, options: ReflowOptions | None = None
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Mend the raw texts of a batch.

    ``texts``: `stages.read.sources.TEXTS`. Returns ``documents`` (doc_id, text, title, n_joins, parted_by, doubt),
    ``blocks`` (without languages), ``repairs``, and the rejected sources: those of which no block is left.
    """
    documents: list[tuple[object, ...]] = []
    blocks: list[tuple[object, ...]] = []
    spans: list[list[Span]] = []
    repairs: list[tuple[object, ...]] = []
    rejected: list[tuple[str, ...]] = []
    named = texts.select("doc_id", "source_uri").iter_rows()
    for (doc_id, uri), mended in zip(named, _mend(texts, options or DEFAULT), strict=True):
        if not mended.blocks:
            rejected.append((uri, doc_id, "reflow", "empty", _EMPTY))
            continue
        title = next((block.text for block in mended.blocks if block.kind == "title"), None)
        text = _GAP.join(block.text for block in mended.blocks)
        documents.append((doc_id, text, title, mended.n_joins, mended.parted_by, mended.doubt))
        anchored = _anchor_all(mended.blocks, mended.repairs)
        blocks.extend(_block_rows(doc_id, mended.blocks, anchored))
        spans.extend(anchored)
        repairs.extend((doc_id, number, *repair) for number, repair in enumerate(mended.repairs))
    return (
        _to_frame(documents, _DOCUMENTS),
        _with_spans(_to_frame(blocks, _BLOCKS), spans),
        _to_frame(repairs, TABLES["repairs"].schema),
        pl.DataFrame(rejected, schema=dict.fromkeys(REJECTED, pl.String), orient="row"),
    )


def _mend(texts: pl.DataFrame, options: ReflowOptions) -> Iterator[Reflowed]:
    """Mend texts in order: those without a layout together, the others by what their format knows."""
    plain = iter(reflow_all(texts.filter(pl.col("pieces").is_null())["raw"].to_list(), options))
    for raw, pieces in texts.select("raw", "pieces").iter_rows():
        if pieces is None:
            yield next(plain)
        else:
            yield reflow_pieces(RawDocument(raw, "", "", pl.DataFrame(pieces, schema=PIECES)), options)


def _to_frame(rows: Sequence[tuple[object, ...]], schema: pl.Schema) -> pl.DataFrame:
    # Of columns Polars makes a frame several times faster than of rows.
    return pl.DataFrame(dict(zip(schema, zip(*rows, strict=True), strict=True)) if rows else None, schema=schema)


def _with_spans(blocks: pl.DataFrame, spans: Sequence[Sequence[Span]]) -> pl.DataFrame:
    """The blocks with their spans, whose first places count from the start of the text as those of the block do."""
    counts = np.fromiter(map(len, spans), np.int64, len(spans))
    each = _to_frame(list(chain.from_iterable(spans)), _SPAN).with_columns(
        block=pl.Series(np.repeat(np.arange(len(spans)), counts), dtype=pl.Int64),
        start=pl.col("start") + pl.Series(np.repeat(blocks["start"].to_numpy(), counts), dtype=pl.Int64),
    )
    listed = each.group_by("block", maintain_order=True).agg(spans=pl.struct(_SPAN.names()))
    return blocks.with_columns(listed["spans"].cast(SPANS))


def _anchor_all(blocks: Sequence[Block], repairs: Sequence[Repair]) -> list[list[Span]]:
    """The spans of each block of a text, anchored; of each at least one."""
    anchored: list[list[Span]] = []
    raw_floor = 0
    for block in blocks:
        spans = _anchored(block, repairs, raw_floor)
        anchored.append(spans)
        raw_floor = spans[-1][1] + spans[-1][2]
    return anchored


def _block_rows(doc_id: str, blocks: Sequence[Block], anchored: Sequence[Sequence[Span]]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    start = 0
    for number, (block, spans) in enumerate(zip(blocks, anchored, strict=True)):
        end = start + len(block.text)
        raw_end = spans[-1][1] + spans[-1][2]
        rows.append((doc_id, number, block.kind, block.text, start, end, spans[0][1], raw_end))
        start = end + len(_GAP)
    return rows


def _anchored(block: Block, repairs: Sequence[Repair], raw_floor: int) -> list[Span]:
    """The spans of a block, with an empty one at either end where a repair put in the outermost character.

    Without these anchors the raw range of such a block would reach into its neighbours.
    """
    spans = list(block.spans)
    if not spans or spans[0][0] > 0:
        at = bisect_left(repairs, raw_floor, key=lambda repair: repair.raw_start)
        raw_start = repairs[at].raw_start if at < len(repairs) else raw_floor
        spans.insert(0, (0, min(raw_start, spans[0][1]) if spans else raw_start, 0))
    last, raw_last, length = spans[-1]
    if last + length < len(block.text):
        raw_end = raw_last + length
        at = bisect_left(repairs, raw_end, key=lambda repair: repair.raw_start)
        raw_end = repairs[at].raw_end if at < len(repairs) else raw_end
        spans.append((len(block.text), raw_end, 0))
    return spans
