"""Reflow a frame of raw texts: the frame function beside the text function `stages.reflow.reflow`."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import polars as pl

from stages.read.raw_document import PIECES, RawDocument
from stages.read.sources import REJECTED
from stages.reflow import DEFAULT, Block, Reflowed, ReflowOptions, Repair, reflow_all
from stages.reflow.layout import reflow_pieces
from stages.tables.schemas import SPANS, TABLES

_GAP = "\n\n"
_BLOCKS = pl.Schema(
    {name: TABLES["blocks"].schema[name] for name in ("doc_id", "block_no", "kind", "text", "start", "end")}
    | {"raw_start": pl.Int64(), "raw_end": pl.Int64(), "spans": SPANS}
)
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
    documents: list[tuple[str, str, str | None, int, str, str | None]] = []
    blocks: list[tuple[object, ...]] = []
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
        blocks.extend(_block_rows(doc_id, mended.blocks, mended.repairs))
        repairs.extend((doc_id, number, *repair) for number, repair in enumerate(mended.repairs))
    return (
        pl.DataFrame(
            documents,
            schema=_DOCUMENTS,
            orient="row",
        ),
        pl.DataFrame(blocks, schema=_BLOCKS, orient="row"),
        pl.DataFrame(repairs, schema=TABLES["repairs"].schema, orient="row"),
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


def _block_rows(doc_id: str, blocks: Sequence[Block], repairs: Sequence[Repair]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    start = raw_floor = 0
    for number, block in enumerate(blocks):
        spans = _anchored(block, repairs, raw_floor)
        raw_start, raw_end = spans[0][1], spans[-1][1] + spans[-1][2]
        shifted = [{"start": at + start, "raw_start": raw_at, "length": n} for at, raw_at, n in spans]
        end = start + len(block.text)
        rows.append((doc_id, number, block.kind, block.text, start, end, raw_start, raw_end, shifted))
        start, raw_floor = end + len(_GAP), raw_end
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
