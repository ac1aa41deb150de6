"""Tables that are gone through in pieces, so that memory holds what is asked of them and not what is in them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import polars as pl

from stages.tables.store.publish import prefix_length, prefixes_of

Piece = TypeVar("Piece")
_ENOUGH = 25_000  # rows; fewer are not worth being merged


def stretches(n_rows: int) -> list[pl.Expr]:
    """Cut tables into pieces of whole documents, by how doc_id begins; ``n_rows`` are those of the largest table.

    There are sixteen at the most: each asks all files of a table for what they may hold.
    """
    begins = prefixes_of(min(1, prefix_length(n_rows, 0, 0)))
    # A doc_id is of hex digits: none below the prefix begins with it, none above it and a g.
    return [pl.col("doc_id").is_between(pl.lit(begin), pl.lit(f"{begin}g")) for begin in begins]


def ahead(pieces: Iterable[Piece], n: int) -> Iterator[Piece]:
    """Give the pieces in their order; up to ``n`` of them are made by a thread while whoever has one is busy with it.

    With ``n`` below 1 there is no thread. What making one raises is raised where it would have been given.
    """
    if n < 1:
        yield from pieces
        return
    coming, end = iter(pieces), object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        waiting = deque(thread.submit(next, coming, end) for _ in range(n))
        try:
            while (piece := waiting.popleft().result()) is not end:
                waiting.append(thread.submit(next, coming, end))
                yield piece  # type: ignore[misc]  # it is no end
        finally:
            thread.shutdown(wait=False, cancel_futures=True)


class Merged:
    """Rows that come in pieces and are merged meanwhile: never many more are held than the result has.

    ``merge`` makes rows of the same columns, fewer where some belong together; its own result it leaves as it is.
    """

    def __init__(self, merge: Callable[[pl.DataFrame], pl.DataFrame], schema: pl.Schema) -> None:
        self._merge = merge
        self._waiting = [schema.to_frame(eager=True)]
        self._n_rows = self._n_merged = 0

    def add(self, piece: pl.DataFrame) -> None:
        """Take some more rows."""
        self._waiting.append(piece)
        self._n_rows += piece.height
        if self._n_rows > 1.5 * self._n_merged + _ENOUGH:
            self._n_rows = self._n_merged = self.rows().height

    def rows(self) -> pl.DataFrame:
        """Give all rows so far, merged."""
        self._waiting = [self._merge(pl.concat(self._waiting))]
        return self._waiting[0]
