"""Near-duplicates: texts that share most of their word triples, across all documents, however wrapped or edited.

Each document keeps a sketch: 25 keys of five MinHash values each, of its word triples as 32-bit numbers. Texts that
share a key are compared by their triples (the 1,024 smallest, so that one of some 1,000 words is known whole); two of
similarity 0.8 share no key with a probability of 1 in 10,000. MinHash values alone (rensa and datasketch were measured)
decide no pair near the threshold: with 512 of them, precision stays at 0.95.

Which pairs are compared follows from the sketches of all documents and from nothing else, so that a run that compares
only what is new ends as one over all would.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stages.link_entities.union import smallest_of_group
from stages.lookups.code_points import Codes, Ints, find_runs, join_codes, tell_kinds
from stages.tables.schemas import cast

VERSION = "2"

SKETCHES = pl.Schema({"doc_id": pl.String(), "sketch": pl.List(pl.UInt64())})
"""The keys of each document, as `documents` keeps them; none where a text has fewer than seven words."""
PAIRS = pl.Schema({"doc_id": pl.String(), "other_id": pl.String(), "similarity": pl.Float64()})
"""Pairs of near-duplicates, the smaller doc_id first; similarity: shared word triples among all that either has."""
CANDIDATES = ("doc_id", "other_id")
"""The columns of pairs of documents that share a key, the smaller doc_id first."""
AT_LEAST = 0.8
"""Texts of this similarity are near-duplicates."""
NOT_COMPARED = ("boilerplate", "byline", "caption", "credit")
"""Kinds of blocks that another paper changes when it prints the same text."""

_MOST_TRIPLES = 1024
_FEWEST_TRIPLES = 5  # a text of fewer words is like many others
_BANDS, _ROWS = 25, 5
_MOST_IN_KEY = 16  # texts of one key that a text is compared with, so that time is linear whatever the texts
_KEYS_AT_ONCE = 500_000  # of sketches; each takes some 130 bytes while its pairs are made
_CHARS_AT_ONCE = 1 << 17  # each takes some 30 bytes while words are hashed
_PAIRS_AT_ONCE = 4_000_000  # eight bytes each
_TEXTS_AT_ONCE = 50_000
_TRIPLES_AT_ONCE = 500_000  # of pairs; each takes some 80 bytes while they are compared
_SEED = 20240305
_CHUNK = 4096
_MIX = tuple(np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xBF58476D1CE4E5B9))

U64 = NDArray[np.uint64]
U32 = NDArray[np.uint32]


def bodies(blocks: pl.DataFrame) -> pl.DataFrame:
    """Give what is compared of documents (doc_id, text): their blocks, but for those of `NOT_COMPARED`."""
    kept = blocks.filter(~pl.col("kind").is_in(NOT_COMPARED)).sort("doc_id", "block_no")
    return kept.group_by("doc_id", maintain_order=True).agg(pl.col("text").str.join("\n"))


def sketch_texts(texts: pl.DataFrame) -> pl.DataFrame:
    """Give the sketches (`SKETCHES`) of texts (doc_id, text).

    A text of fewer than seven words has an empty one: it is nobody's near-duplicate.
    """
    triples = list(_triples_of(texts["text"].to_list()))
    told = [at for at, one in enumerate(triples) if len(one) >= _FEWEST_TRIPLES]
    sketches: list[list[int]] = [[] for _ in triples]
    keys = _keys(np.array([_least(triples[at]) for at in told], np.uint64))
    for at, sketch in zip(told, keys.tolist(), strict=True):
        sketches[at] = sketch
    return texts.select("doc_id", sketch=pl.Series(sketches, dtype=SKETCHES["sketch"]))


def find_candidates(sketches: pl.DataFrame) -> pl.DataFrame:
    """Give the pairs (`CANDIDATES`, each an Enum of the documents) of documents that share a key.

    Of each key the first documents by doc_id stand for all, and of each document the one before it: a chain through
    them joins the rest.
    """
    # The documents in order; their keys stay where they are, for those are most of all that is held.
    names = sketches["doc_id"].sort()
    at = np.empty(len(names), np.uint32)
    at[sketches["doc_id"].arg_sort().to_numpy()] = np.arange(len(names), dtype=np.uint32)
    numbered = sketches.select("sketch", at=pl.Series(at))
    pairs = _each_once(_sharing(by_key) for by_key in _by_key(numbered))
    # There may be twelve pairs for each document: as strings of their own their names would take ten times the memory.
    names = names.cast(pl.Enum(names.drop_nulls().unique(maintain_order=True)))
    first, other = (pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32)
    return pl.DataFrame({"doc_id": names.gather(first), "other_id": names.gather(other)})


def _each_once(found: Iterable[U64]) -> U64:
    """The numbers of several arrays in order, each once: most pairs of a key are met under other keys again."""
    known, waiting = np.empty(0, np.uint64), list[U64]()
    for more in found:
        waiting.append(more)
        if sum(map(len, waiting)) > max(len(known), _PAIRS_AT_ONCE):
            known, waiting = np.unique(np.concatenate([known, *waiting])), []
    return np.unique(np.concatenate([known, *waiting]))


def _by_key(numbered: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Give the keys that several documents have, with their numbers (``key``, ``at``), `_KEYS_AT_ONCE` at a time."""
    n_parts = int(numbered["sketch"].list.len().sum()) // _KEYS_AT_ONCE + 1
    each = numbered.lazy().select("at", key="sketch").explode("key", empty_as_null=True).drop_nulls("key")
    for part in range(n_parts):
        found = each.filter(pl.col("key") % n_parts == part).collect(engine="streaming")
        yield found.filter(pl.col("key").is_duplicated()).sort("key", "at")


def _sharing(by_key: pl.DataFrame) -> U64:
    """Give the pairs of documents that are compared for these keys: the first in the upper half of a number."""
    ranked = by_key.with_columns(rank=pl.int_range(pl.len()).over("key"), before=pl.col("at").shift(1).over("key"))
    first = ranked.filter(pl.col("rank") < _MOST_IN_KEY).select("key", first="at")
    pairs = [
        ranked.join(first, on="key").filter(pl.col("first") < pl.col("at")).select("first", "at"),
        ranked.drop_nulls("before").select(first="before", at="at"),
    ]
    numbers = pl.concat(pairs).select(pl.col("first").cast(pl.UInt64) * 2**32 + pl.col("at"))
    return numbers.to_series().unique().to_numpy()


def renew_candidates(
    published: pl.LazyFrame, new: pl.DataFrame, replaced: pl.Series, pairs: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the candidates to compare in a run, and of the known ``pairs`` those that stand.

    ``published`` and ``new`` are sketches: before the run, and of the documents it made; ``replaced``: doc_ids whose
    published sketches go. Which documents of a key are compared changes for the keys of new and replaced documents
    alone, so of all others no more is looked at than whether they have one of these.
    """
    if published.select("doc_id").head(1).collect().is_empty():
        return find_candidates(new), pairs
    goes = pl.col("doc_id").is_in(replaced.implode())
    keys = pl.concat([new["sketch"], published.filter(goes).collect()["sketch"]]).explode().drop_nulls().unique()
    before = _narrowed(published, keys)
    if before.is_empty():  # nothing like what stands
        del keys
        return find_candidates(new), pairs
    shaken = pairs.filter(_any_is_in(before["doc_id"]))
    if shaken.height:
        # Such a pair may still share a key that nothing happened to.
        ends = pl.concat([shaken["doc_id"], shaken["other_id"]])
        theirs = published.filter(pl.col("doc_id").is_in(ends.unique().implode())).collect()
        before = _narrowed(published, pl.concat([keys, theirs["sketch"].explode().drop_nulls()]).unique())
    now = find_candidates(pl.concat([before.filter(~goes), new.select(SKETCHES.names())])).cast(pl.String)
    both = list(CANDIDATES)
    stood = find_candidates(before).cast(pl.String)
    stand = now.filter(~_any_is_in(new["doc_id"])).join(stood, on=both, how="semi")
    kept = [pairs.join(shaken, on=both, how="anti"), shaken.join(stand, on=both, how="semi")]
    return now.join(stand, on=both, how="anti"), pl.concat(kept)


def _narrowed(sketches: pl.LazyFrame, keys: pl.Series) -> pl.DataFrame:
    """The documents that have any of the keys, with these alone."""
    each = sketches.select(SKETCHES.names()).explode("sketch", empty_as_null=True)
    found = each.join(keys.to_frame("sketch").lazy(), on="sketch", how="semi")
    return found.group_by("doc_id").agg("sketch").collect(engine="streaming")


def _any_is_in(doc_ids: pl.Series) -> pl.Expr:
    """Whether either document of a pair is one of these."""
    return pl.any_horizontal(pl.col(name).is_in(doc_ids.implode()) for name in CANDIDATES)


def compare(candidates: pl.DataFrame, texts: pl.DataFrame, at_least: float = AT_LEAST) -> pl.DataFrame:
    """Give the pairs (`PAIRS`) of near-duplicates among candidates, by their texts (doc_id, text).

    Raises KeyError where a text is missing.
    """
    met = documents_of(candidates)
    names = met.cast(pl.String)
    wanted = texts.filter(pl.col("doc_id").is_in(names.implode())).select("doc_id", "text")
    triples, ends = _shelve_triples(wanted)
    places = _places(met, names, wanted["doc_id"])
    found = [pl.DataFrame(schema=PAIRS)]
    for some in candidates.select(CANDIDATES).iter_slices(_PAIRS_AT_ONCE // 4):
        first, other = (_placed(some[name], places) for name in CANDIDATES)
        for pairs in _some_pairs(np.diff(ends)[first] + np.diff(ends)[other]):
            similarity = _similarities(first[pairs], other[pairs], triples, ends)
            like = similarity >= at_least
            found.append(some[pairs].with_columns(similarity=pl.Series(similarity)).filter(like).cast(PAIRS))
    return pl.concat(found)


def documents_of(candidates: pl.DataFrame) -> pl.Series:
    """Give the documents of some pairs, each once."""
    return pl.concat([candidates[name].unique() for name in CANDIDATES]).unique()


def _shelve_triples(texts: pl.DataFrame) -> tuple[U32, Ints]:
    """The triples of all texts one behind the other, of each the smallest, and where each ends, a zero before it."""
    shelved, sizes = [np.empty(0, np.uint32)], [0]
    for some in texts.iter_slices(_TEXTS_AT_ONCE):
        triples = [one[:_MOST_TRIPLES] for one in _triples_of(some["text"].to_list())]
        shelved.append(np.concatenate(triples).astype(np.uint32))
        sizes += map(len, triples)
    return np.concatenate(shelved), np.cumsum(sizes, dtype=np.int64)


def _places(met: pl.Series, names: pl.Series, texts: pl.Series) -> pl.DataFrame:
    """The place (``at``) of each document that was met, whatever names it there, among the texts."""
    known = texts.to_frame("name").with_row_index("at")
    places = pl.DataFrame({"doc_id": met, "name": names}).join(known, on="name", how="left")
    if places["at"].has_nulls():
        raise KeyError(f"no text of document {places.filter(pl.col('at').is_null())['name'][0]}")
    return places.select("doc_id", "at")


def _placed(doc_ids: pl.Series, places: pl.DataFrame) -> Ints:
    placed = doc_ids.to_frame("doc_id").join(places, on="doc_id", how="left", maintain_order="left")
    return placed["at"].cast(pl.Int64).to_numpy()


def _some_pairs(n_triples: Ints) -> Iterator[slice]:
    """So many pairs at once that their triples take a few megabytes; ``n_triples``: of each pair."""
    parts = np.cumsum(n_triples) // _TRIPLES_AT_ONCE
    edges = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(parts)]
    return (slice(first, last) for first, last in pairwise(edges) if first < last)


def _similarities(first: Ints, other: Ints, triples: U32, ends: Ints) -> NDArray[np.float64]:
    """The share of the triples of either text that both have, for each pair: of all, or of the smallest of long texts.

    ``first`` and ``other``: the number of a text in ``triples`` and ``ends``, as `_shelve_triples` gives them.
    """
    texts, pairs = np.concatenate((first, other)), np.tile(np.arange(len(first), dtype=np.uint64), 2)
    sizes = np.diff(ends)
    own = sizes[texts]
    # The triples of both texts of a pair side by side, in order: what both have stands there twice.
    places = np.repeat(ends[texts] - (np.cumsum(own) - own), own) + np.arange(own.sum())
    numbers = np.sort((np.repeat(pairs, own) << np.uint64(32)) | triples[places])
    again = np.concatenate((numbers[:1] != numbers[:1], numbers[1:] == numbers[:-1]))
    pair = (numbers >> np.uint64(32)).astype(np.int64)
    begins = np.searchsorted(pair, np.arange(len(first)))
    distinct = np.cumsum(~again)
    rank = distinct - distinct[begins][pair]
    is_long = (sizes[first] == _MOST_TRIPLES) | (sizes[other] == _MOST_TRIPLES)
    counts = ~is_long[pair] | (rank < _MOST_TRIPLES)
    either, both = (np.bincount(pair[counts & kind], minlength=len(first)) for kind in (~again, again))
    return both / either


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of the table `duplicates` for all pairs: each document that has near-duplicates, with these.

    Who is like one document of a cluster is of the cluster, which has the name of its smallest doc_id.
    """
    both = pl.concat([pairs, pairs.select(doc_id="other_id", other_id="doc_id", similarity="similarity")])
    linked = pairs.select("doc_id", "other_id").iter_rows()
    groups = smallest_of_group(both["doc_id"].unique(), ((one, other) for one, other in linked))
    named = pl.DataFrame(
        list(groups.items()), schema={"doc_id": pl.String, "duplicate_cluster": pl.String}, orient="row"
    )
    other = pl.struct(pl.col("other_id").alias("doc_id"), "similarity")
    rows = both.sort("other_id").group_by("doc_id").agg(others=other, similarity=pl.col("similarity").max())
    return cast(rows.join(named, on="doc_id").sort("doc_id"), "duplicates")


def to_pairs(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the pairs (`PAIRS`) that rows of the table `duplicates` were made of."""
    listed = rows.select("doc_id", "others").explode("others", empty_as_null=True).drop_nulls("others")
    both = listed.select(
        "doc_id",
        other_id=pl.col("others").struct.field("doc_id"),
        similarity=pl.col("others").struct.field("similarity"),
    )
    return both.filter(pl.col("doc_id") < pl.col("other_id")).cast(PAIRS).sort("doc_id", "other_id")


def _triples_of(texts: Sequence[str]) -> Iterator[U64]:
    """The word triples of each text as sorted 32-bit numbers, each once."""
    start = size = 0
    for end, text in enumerate(texts, start=1):
        size += len(text)
        if size >= _CHARS_AT_ONCE or end == len(texts):
            yield from _triples(texts[start:end])
            start, size = end, 0


def _triples(texts: Sequence[str]) -> list[U64]:
    """The same of some texts together, whose numbers stand above their triples."""
    codes, begins = join_codes(texts)
    words, starts = _hash_words(codes)
    of = np.searchsorted(begins, starts, "right").astype(np.uint64) - np.uint64(1)
    mixed = words[:-2] * _MIX[0] ^ words[1:-1] * _MIX[1] ^ words[2:] * _MIX[2]
    numbers = np.sort(((of[2:] << np.uint64(32)) + (_scatter(mixed) >> np.uint64(32)))[of[2:] == of[:-2]])
    numbers = numbers[np.concatenate((numbers[:1] == numbers[:1], numbers[1:] != numbers[:-1]))]
    edges = np.searchsorted(numbers, np.arange(len(texts) + 1, dtype=np.uint64) << np.uint64(32))
    return np.split(numbers & np.uint64(0xFFFFFFFF), edges[1:-1])


def _hash_words(codes: Codes) -> tuple[U64, Ints]:
    """A hash of each word, a run of letters and digits in small letters, and where it begins."""
    starts, ends = find_runs(tell_kinds(codes, str.isalnum) > 0)
    parts = np.searchsorted(starts, np.arange(0, len(codes) + _CHARS_AT_ONCE, _CHARS_AT_ONCE)).tolist()
    hashes = [np.empty(0, np.uint64)]
    for first, last in ((first, last) for first, last in pairwise(parts) if first < last):
        begin = starts[first]
        # Of a word longer than that its beginning counts.
        end = min(ends[last - 1], starts[last - 1] + _CHARS_AT_ONCE)
        own = starts[first:last] - begin
        powers, inverse = _powers()
        hashed = np.add.reduceat(_hash_letters(codes[begin:end]) * powers[: end - begin], own)
        hashes.append(hashed * inverse[own])
    return np.concatenate(hashes), starts


@lru_cache(1)
def _powers() -> tuple[U64, U64]:
    """What the letters of a word count by their place, as the powers of an odd number, and the inverse of each."""
    odd = int(_MIX[1])
    factors = [np.full(2 * _CHARS_AT_ONCE, number, np.uint64) for number in (odd, pow(odd, -1, 1 << 64))]
    return np.cumprod(factors[0], dtype=np.uint64), np.cumprod(factors[1], dtype=np.uint64)


def _hash_letters(codes: Codes) -> U64:
    """A hash of each letter or digit; nothing for all else."""
    known, hashes = _known_letters()
    places = codes.astype(np.int64)
    new = np.unique(codes[~known.take(places)])
    known[new] = True
    letters = np.array([code for code in new.tolist() if chr(code).isalnum()], np.uint64)
    small = np.array([ord(chr(code).lower()[0]) for code in letters.tolist()], np.uint64)
    hashes[letters] = _scatter(small * _MIX[0])
    return hashes.take(places)


@cache
def _known_letters() -> tuple[NDArray[np.bool_], U64]:
    """Which characters were met in this process, and their hashes, by code point: most of both takes no memory."""
    return np.zeros(sys.maxunicode + 1, np.bool_), np.zeros(sys.maxunicode + 1, np.uint64)


def _scatter(numbers: U64) -> U64:
    numbers = numbers ^ (numbers >> np.uint64(29))
    numbers = numbers * _MIX[3]
    return numbers ^ (numbers >> np.uint64(32))


@lru_cache(1)
def _functions() -> tuple[U32, U32]:
    """The hash functions of MinHash: an odd factor and an addend each; the same in every run."""
    chance = np.random.default_rng(_SEED)
    n = _BANDS * _ROWS
    factors = chance.integers(1, 1 << 32, n, dtype=np.uint32) | np.uint32(1)
    return factors, chance.integers(0, 1 << 32, n, dtype=np.uint32)


def _least(triples: U64) -> U32:
    """The MinHash values of a text: the least that each hash function makes of its triples."""
    factors, addends = _functions()
    least = np.full(_BANDS * _ROWS, 0xFFFFFFFF, np.uint32)
    for begin in range(0, len(triples), _CHUNK):
        numbers = factors[:, None] * triples[begin : begin + _CHUNK].astype(np.uint32)
        numbers += addends[:, None]
        least = np.minimum(least, numbers.min(axis=1))
    return least


def _keys(least: U64) -> U64:
    """The keys of texts, a row for each: their MinHash values, five to a key."""
    keys = np.arange(_BANDS, dtype=np.uint64)
    for row in np.moveaxis(least.reshape(-1, _BANDS, _ROWS), 2, 0):
        keys = _scatter(keys * _MIX[0] ^ row * _MIX[1])
    # 63 bits, which every database has a whole number for.
    return keys >> np.uint64(1)
