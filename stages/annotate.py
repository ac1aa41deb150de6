"""Annotate: the chain from raw texts to the rows of every content table, and how one bad document is kept out.

This is the order of the text stages in one place: reflow, identify language, split sentences, extract
entities, and the first half of linking them, which looks at one document at a time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from stages.correct import CORRECTIONS, MET, correct_blocks, correct_mentions, correct_titles
from stages.correct.joins import Joined, correct_joins
from stages.errors import UsageError, printable
from stages.extract_entities import EntityOptions, entity_models, extract_mentions
from stages.extract_entities.relative_dates import resolve_dates
from stages.extract_entities.values.columns import with_computable
from stages.find_duplicates import bodies, sketch_texts
from stages.identify_language import LanguageOptions, identify_blocks
from stages.link_entities import find_clusters
from stages.read.metadata import known_date, read_facts
from stages.read.sources import REJECTED
from stages.reflow import ReflowOptions
from stages.reflow.frames import reflow_texts
from stages.reflow.places import with_places
from stages.split_sentences import split_blocks
from stages.tables.schemas import cast

# As str.split parts words: the separators of files, groups, records and units (1C to 1F), which the regular expressions
# of Polars do not count as white space, are such.
WORD = r"[^\s\x1c-\x1f]+"
NO_CORRECTIONS = pl.DataFrame(schema=CORRECTIONS)
Frames = dict[str, pl.DataFrame]
Timed = dict[str, float]


@dataclass(frozen=True, slots=True)
class StageOptions:
    """The options of all text stages; together with their versions they decide what "unchanged" means."""

    reflow: ReflowOptions = field(default_factory=ReflowOptions)
    language: LanguageOptions = field(default_factory=LanguageOptions)
    entities: EntityOptions = field(default_factory=EntityOptions)


def annotate(
    texts: pl.DataFrame,
    options: StageOptions,
    run_id: str,
    processed_at: datetime,
    corrections: pl.DataFrame = NO_CORRECTIONS,
) -> tuple[Frames, pl.DataFrame, Timed]:
    """Turn a batch of raw texts into the rows of documents, blocks, sentences, mentions and repairs.

    ``texts`` is what `stages.read.sources.read_sources` returns. ``corrections`` of blocks and mentions are applied
    before anything is made of these; the frame ``met`` says which met something. Also returns the rejected sources
    and the seconds spent by stage. Raises what a stage raises; `isolate` keeps that from the rest of a batch.
    """
    seconds: Timed = {}
    clock = _Clock(seconds)
    documents, blocks, repairs, rejected = reflow_texts(texts, options.reflow)
    documents, blocks, repairs, met, moves = _corrected(documents, blocks, repairs, texts, corrections)
    clock.stop("reflow")
    blocks, languages = identify_blocks(blocks, options.language)
    clock.stop("identify_language")
    sentences = split_blocks(blocks)
    clock.stop("split_sentences")
    mentions = extract_mentions(blocks, sentences, options.entities)
    mentions, met_mentions = correct_mentions(mentions, texts, corrections, moves)
    clock.stop("extract_entities")
    clusters, members = find_clusters(mentions, documents)
    mentions = mentions.drop("role", "cluster_no").join(members, on=["doc_id", "mention_no"], how="left")
    clock.stop("link_entities")
    documents = documents.join(read_facts(texts, documents), on="doc_id", how="left")
    documents = documents.join(languages, on="doc_id", how="left")
    documents = documents.join(texts.select("doc_id", "pages"), on="doc_id", how="left")
    clock.stop("read_facts")
    documents = documents.join(sketch_texts(bodies(blocks)), on="doc_id", how="left")
    clock.stop("find_duplicates")
    dates = documents.select("doc_id", "language", published_at=known_date())
    mentions = with_computable(resolve_dates(mentions.drop("value_derived"), dates))
    counted = {"blocks": blocks, "sentences": sentences, "mentions": mentions}
    raw_texts = texts.filter(~pl.col("in_file")).join(documents, on="doc_id", how="semi")
    frames = {
        "clusters": clusters,
        "blocks": with_places(blocks, texts),
        "documents": _complete(documents, counted, options.entities).with_columns(
            run_id=pl.lit(run_id), processed_at=pl.lit(processed_at)
        ),
        "mentions": with_places(mentions, texts),
        "raw_texts": raw_texts.select("doc_id", text="raw"),
        "repairs": repairs,
        "sentences": sentences,
    }
    effects = {"met": pl.concat([met, met_mentions]).cast(MET)} if corrections.height else {}
    return {name: cast(frame, name) for name, frame in frames.items()} | effects, rejected, seconds


def _corrected(
    documents: pl.DataFrame, blocks: pl.DataFrame, repairs: pl.DataFrame, texts: pl.DataFrame, corrections: pl.DataFrame
) -> Joined:
    """Apply the corrections of blocks; also gives which of them met something, and where other ones mean now."""
    documents, blocks, repairs, met_joins, moves = correct_joins(documents, blocks, repairs, texts, corrections)
    blocks, met_blocks = correct_blocks(blocks, texts, corrections, moves)
    met = pl.concat([met_joins, met_blocks])
    return Joined(correct_titles(documents, blocks, met), blocks, repairs, met, moves)


def _complete(documents: pl.DataFrame, counted: Frames, options: EntityOptions) -> pl.DataFrame:
    """Add to documents what is counted in them, how well names are known in their language, and a title."""
    for name, frame in counted.items():
        numbers = frame.group_by("doc_id").len(name=f"n_{name}").cast({f"n_{name}": pl.Int64})
        documents = documents.join(numbers, on="doc_id", how="left")
    return documents.with_columns(
        pl.col([f"n_{name}" for name in counted]).fill_null(0),
        pl.col("sketch").fill_null([]),
        entity_models(documents["language"], options),
        title=pl.coalesce("title", "fact_title"),
        n_chars=pl.col("text").str.len_chars().cast(pl.Int64),
        n_words=pl.col("text").str.count_matches(WORD).cast(pl.Int64),
    )


def isolate(
    chain: Callable[[pl.DataFrame], tuple[Frames, pl.DataFrame, Timed]], texts: pl.DataFrame
) -> tuple[Frames, pl.DataFrame, Timed]:
    """Run ``chain`` on a batch; where it raises, halve the batch until the document at fault stands alone.

    That document is rejected with the error and the code ``stage_failed``, or ``system_failed`` where memory or disk
    gave out and another day may do; all others pass as if it had not been there. Raises what ``chain`` raises on a
    batch without documents, and at once what is meant to end the process or is no fault of a document: a UsageError.
    """
    try:
        return chain(texts)
    except BaseException as error:
        if texts.is_empty() or isinstance(error, UsageError) or not (isinstance(error, Exception) or _is_panic(error)):
            raise
        if texts.height == 1:
            code, reason = _blame(error)
            rejected = texts.select(
                "source_uri", "doc_id", stage=pl.lit("annotate"), code=pl.lit(code), reason=pl.lit(reason)
            ).select(REJECTED)
            frames, _, seconds = chain(texts.clear())
            return frames, rejected, seconds
    half = texts.height // 2
    first, second = isolate(chain, texts[:half]), isolate(chain, texts[half:])
    seconds = {stage: first[2].get(stage, 0.0) + second[2].get(stage, 0.0) for stage in first[2] | second[2]}
    return (
        {name: pl.concat([first[0][name], second[0][name]]) for name in first[0]},
        pl.concat([first[1], second[1]]),
        seconds,
    )


def _blame(error: BaseException) -> tuple[str, str]:
    """The reason code for what a stage raised on a single document, and the sentence."""
    why = printable(f"{type(error).__name__}: {error}"[:300])
    if isinstance(error, MemoryError | OSError):
        return "system_failed", f"memory or disk gave out on this text ({why}); free some, the next run tries again"
    return "stage_failed", f"a stage failed on this text ({why}); please report it with the file"


def _is_panic(error: BaseException) -> bool:
    """Whether a library written in Rust broke off; each has an exception of its own for it, none is an Exception."""
    return type(error).__name__ == "PanicException"


class _Clock:
    """Adds the seconds since the last stop to a stage."""

    def __init__(self, seconds: Timed) -> None:
        self._seconds, self._since = seconds, time.perf_counter()

    def stop(self, stage: str) -> None:
        now = time.perf_counter()
        self._seconds[stage] = self._seconds.get(stage, 0.0) + now - self._since
        self._since = now
