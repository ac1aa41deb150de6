"""Near-duplicates: texts that share most of their word triples, across all documents, however wrapped or edited.

Each text becomes a sketch: its word triples as 32-bit numbers (the 1,024 smallest, so that a text of up to some 1,000
words is known whole), and 25 keys of five MinHash values each. Texts that share a key are compared by their triples;
two of similarity 0.8 share none with a probability of 1 in 10,000. MinHash values alone (rensa and datasketch were
measured) decide no pair near the threshold: with 512 of them, precision stays at 0.95.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stages.link_entities.union import smallest_of_group

VERSION = "1"

SKETCHES = pl.Schema(
    {"doc_id": pl.String(), "keys": pl.List(pl.UInt64()), "triples": pl.List(pl.UInt32()), "n_triples": pl.Int64()}
)
"""A sketch of each document, to be kept between runs; ``n_triples`` counts those of the whole text."""
PAIRS = pl.Schema({"doc_id": pl.String(), "other_id": pl.String(), "similarity": pl.Float64()})
"""Pairs of near-duplicates, the smaller doc_id first; similarity: shared word triples among all that either has."""
CLUSTERS = pl.Schema({"doc_id": pl.String(), "duplicate_cluster": pl.String(), "similarity": pl.Float64()})
"""Documents that have near-duplicates: the smallest doc_id of the cluster, and the greatest similarity to another."""

_WORD = re.compile(r"[^\W_]+")
_MOST_TRIPLES = 1024
_FEWEST_TRIPLES = 5  # a text of fewer words is like many others
_BANDS, _ROWS = 25, 5
_MOST_IN_KEY = 64  # texts of one key that a text is compared with, so that time is linear whatever the texts
_SEED = 20240305
_CHUNK = 4096
_MIX = tuple(np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xBF58476D1CE4E5B9))

U64 = NDArray[np.uint64]


def sketch_texts(texts: pl.DataFrame) -> pl.DataFrame:
    """Give the sketches (`SKETCHES`) of texts (doc_id, text); of a mended text only what is no boilerplate should come.

    A text of fewer than seven words has empty lists: it is nobody's near-duplicate.
    """
    rows = []
    for doc_id, text in texts.select("doc_id", "text").iter_rows():
        triples = _triples(text)
        enough = len(triples) >= _FEWEST_TRIPLES
        kept = triples[:_MOST_TRIPLES] if enough else triples[:0]
        rows.append((doc_id, _keys(triples).tolist() if enough else [], kept.tolist(), len(triples)))
    return pl.DataFrame(rows, schema=SKETCHES, orient="row")


def find_duplicates(
    new: pl.DataFrame, known: pl.DataFrame, pairs: pl.DataFrame | None = None, at_least: float = 0.8
) -> pl.DataFrame:
    """Give all pairs (`PAIRS`) of near-duplicates among the documents of two frames of sketches.

    ``known``: sketches of the documents that stand, without those that are gone or are new again; ``pairs``: what the
    run before found of them. Only what is new is compared, with one another and with what stands, so that a run pays
    for new documents only and ends as one over all documents would.
    """
    standing = pl.concat([new.select("doc_id"), known.select("doc_id")])
    held = (PAIRS.to_frame() if pairs is None else pairs).select(PAIRS.names())
    held = held.join(known, on="doc_id", how="semi").join(known, left_on="other_id", right_on="doc_id", how="semi")
    found = _compared(_candidates(new, known), pl.concat([new, known]), at_least)
    return (
        pl.concat([held, found])
        .join(standing, on="doc_id", how="semi")
        .unique(["doc_id", "other_id"])
        .sort(PAIRS.names())
    )


def cluster_duplicates(pairs: pl.DataFrame) -> pl.DataFrame:
    """Join pairs of near-duplicates into clusters (`CLUSTERS`): who is like one of a cluster is of it."""
    both = pl.concat([pairs, pairs.select(doc_id="other_id", other_id="doc_id", similarity="similarity")])
    nearest = both.group_by("doc_id").agg(pl.max("similarity"))
    linked = pairs.select("doc_id", "other_id").iter_rows()
    groups = smallest_of_group(nearest["doc_id"], ((one, other) for one, other in linked))
    clusters = pl.DataFrame(list(groups.items()), schema=["doc_id", "duplicate_cluster"], orient="row")
    if clusters.is_empty():
        return CLUSTERS.to_frame()
    return clusters.join(nearest, on="doc_id").select(CLUSTERS.names()).sort("doc_id")


def _triples(text: str) -> U64:
    """The word triples of a text as sorted 32-bit numbers, each once."""
    words = np.array([_word_hash(word) for word in _WORD.findall(text.lower())], np.uint64)
    if len(words) < 3:
        return np.empty(0, np.uint64)
    mixed = words[:-2] * _MIX[0] ^ words[1:-1] * _MIX[1] ^ words[2:] * _MIX[2]
    return np.unique(_scatter(mixed) >> np.uint64(32))


def _scatter(numbers: U64) -> U64:
    numbers = numbers ^ (numbers >> np.uint64(29))
    numbers = numbers * _MIX[3]
    return numbers ^ (numbers >> np.uint64(32))


@lru_cache(1 << 17)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())


@lru_cache(1)
def _functions() -> tuple[U64, U64]:
    """The hash functions of MinHash: an odd factor and an addend each; the same in every run."""
    chance = np.random.default_rng(_SEED)
    n = _BANDS * _ROWS
    factors = chance.integers(1, 1 << 63, n, dtype=np.uint64) | np.uint64(1)
    return factors, chance.integers(0, 1 << 63, n, dtype=np.uint64)


def _keys(triples: U64) -> U64:
    """The keys of a text: MinHash values, five to a key."""
    factors, addends = _functions()
    least = np.full(_BANDS * _ROWS, 0xFFFFFFFF, np.uint64)
    for begin in range(0, len(triples), _CHUNK):
        numbers = _scatter(triples[begin : begin + _CHUNK])[:, None] * factors + addends
        least = np.minimum(least, (numbers >> np.uint64(32)).min(axis=0))
    keys = np.arange(_BANDS, dtype=np.uint64)
    for row in least.reshape(_BANDS, _ROWS).T:
        keys = _scatter(keys * _MIX[0] ^ row * _MIX[1])
    return keys


def _candidates(new: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The pairs (doc_id, other_id) that share a key and of which one is new; the smaller doc_id first.

    Of each key the first texts by doc_id stand for all, and of each text the next: a chain through them joins the rest.
    """
    by_key = (
        pl.concat([new.select("doc_id", "keys", is_new=True), known.select("doc_id", "keys", is_new=False)])
        .explode("keys", empty_as_null=True)
        .drop_nulls("keys")
        .sort("keys", "doc_id")
        .with_columns(rank=pl.int_range(pl.len()).over("keys"), size=pl.len().over("keys"))
        .filter(pl.col("size") > 1, pl.col("is_new").any().over("keys"))
    )
    first = by_key.filter(pl.col("rank") < _MOST_IN_KEY).select("keys", "doc_id", "is_new")
    beside = by_key.select("keys", "doc_id", "is_new", other_id=pl.col("doc_id").shift(1).over("keys"))
    joined = pl.concat(
        [
            by_key.join(first, on="keys", suffix="_first").select(
                "doc_id", other_id="doc_id_first", is_new=pl.col("is_new") | pl.col("is_new_first")
            ),
            beside.drop_nulls("other_id").select("doc_id", "other_id", is_new=True),
        ]
    )
    ordered = joined.filter("is_new").select(
        doc_id=pl.min_horizontal("doc_id", "other_id"), other_id=pl.max_horizontal("doc_id", "other_id")
    )
    return ordered.filter(pl.col("doc_id") != pl.col("other_id")).unique()


def _compared(candidates: pl.DataFrame, sketches: pl.DataFrame, at_least: float) -> pl.DataFrame:
    names = pl.concat([candidates["doc_id"], candidates["other_id"]]).unique()
    needed = sketches.filter(pl.col("doc_id").is_in(names.implode()))
    triples = {
        doc_id: np.array(numbers, np.uint32) for doc_id, numbers in needed.select("doc_id", "triples").iter_rows()
    }
    found = _similar(candidates.iter_rows(), triples, at_least)
    return pl.DataFrame(list(found), schema=PAIRS, orient="row")


def _similar(
    candidates: Iterable[tuple[str, str]], triples: dict[str, NDArray[np.uint32]], at_least: float
) -> Iterator[tuple[str, str, float]]:
    for one, other in candidates:
        similarity = _similarity(triples[one], triples[other])
        if similarity >= at_least:
            yield one, other, similarity


def _similarity(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """The share of the triples of either that both have: of all there are, or of the smallest where a text is long."""
    most = _MOST_TRIPLES if _MOST_TRIPLES in (len(one), len(other)) else len(one) + len(other)
    either = np.union1d(one, other)[:most]
    both = np.intersect1d(one, other, assume_unique=True)
    return float(np.isin(either, both, assume_unique=True).mean()) if most == _MOST_TRIPLES else len(both) / len(either)
