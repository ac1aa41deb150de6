"""Extract entities: names by a statistical model, values by rules, as mentions with offsets.

The engines live in `names`, the rules in `values`; here both come together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import polars as pl

from stages.extract_entities import names, values
from stages.extract_entities.companies import with_companies
from stages.extract_entities.doubts import without_doubted
from stages.extract_entities.hashtags import with_hashtags
from stages.extract_entities.institutions import with_institutions
from stages.extract_entities.nouns import without_nouns
from stages.extract_entities.roads import with_roads
from stages.extract_entities.settle import settle
from stages.tables.offsets import with_raw_range
from stages.tables.schemas import TABLES

VERSION = f"names-{names.VERSION} values-{values.VERSION} settled-15"


@dataclass(frozen=True, slots=True)
class EntityOptions:
    """``engine``: the name engine, as `stages.extract_entities.names.ENGINE_PATTERN` allows it."""

    engine: str = names.ENGINES[0]


_SCHEMA = TABLES["mentions"].schema
_PLACED = {"row": pl.Int64(), "text": _SCHEMA["text"]}  # what stands before the fields of a name or value


def extract_mentions(
    blocks: pl.DataFrame, sentences: pl.DataFrame, options: EntityOptions | None = None
) -> pl.DataFrame:
    """Find names and values in the sentences of a batch; returns rows of the `mentions` table.

    ``blocks`` gives each sentence its language and kind, and the map back to the raw text. Names and values
    are different kinds of mention, so a value inside a longer name is kept beside it.
    """
    rows = sentences.join(
        blocks.select("doc_id", "block_no", "language", "kind"), on=["doc_id", "block_no"], maintain_order="left"
    )
    inside_sentences = _find(rows, (options or EntityOptions()).engine)
    places = rows.select("doc_id", "block_no", "sentence_no", at="start")[inside_sentences["row"]]
    frame = places.hstack(inside_sentences.drop("row")).with_columns(
        pl.col("start", "end") + pl.col("at"),
        mention_no=pl.int_range(pl.len()).over("doc_id"),
        role=pl.lit(None, pl.String),
        cluster_no=pl.lit(None, pl.Int64),
        entity_id=pl.lit(None, pl.String),
    )
    ranged = with_raw_range(frame, blocks)
    # What linking and the layout of the document say comes later.
    later = [pl.lit(None, dtype).alias(name) for name, dtype in _SCHEMA.items() if name not in ranged.columns]
    return ranged.with_columns(later).select(_SCHEMA.names())


def _find(rows: pl.DataFrame, engine: str) -> pl.DataFrame:
    """The names and values of sentences with their language and the kind of their block, in order.

    ``row`` numbers the sentence, ``start`` and ``end`` count in it.
    """
    texts = rows["text"].to_list()
    named = [
        list(settle(text, inside)) if inside else inside
        for text, inside in zip(texts, _find_names(rows, engine), strict=True)
    ]
    held = values.extract_all_values(rows["text"], rows["language"])
    mentions = [
        _as_rows(texts, named, names.Name._fields).with_columns(value=pl.lit(None, _SCHEMA["value"])),
        _as_rows(texts, held, values.Value._fields).with_columns(kind=pl.lit("value"), score=pl.lit(1.0)),
    ]
    ordered = pl.concat(mentions, how="diagonal")
    return ordered.sort("row", "start", -pl.col("end"), "kind", maintain_order=True)


def _as_rows(
    texts: Sequence[str], found: Sequence[Sequence[names.Name | values.Value]], fields: Sequence[str]
) -> pl.DataFrame:
    """The names or values of each sentence as rows, with the number of the sentence and their text in it."""
    placed = [
        (row, text[item.start : item.end], *item)
        for row, (text, inside) in enumerate(zip(texts, found, strict=True))
        for item in inside
    ]
    schema = _PLACED | {name: _SCHEMA[name] for name in fields}
    return pl.DataFrame(dict(zip(schema, zip(*placed, strict=True), strict=True)) if placed else None, schema=schema)


def _find_names(rows: pl.DataFrame, engine: str) -> Iterable[list[names.Name]]:
    """The names of each of these sentences."""
    if engine == names.NONE:
        return repeat([], rows.height)
    grouped = rows.group_by("doc_id", maintain_order=True).agg("text", "language", "kind")
    documents = [list(zip(*columns, strict=True)) for columns in grouped.select("text", "language", "kind").iter_rows()]
    named = names.extract_names(documents, engine)
    completed = (complete(document, inside, engine) for document, inside in zip(documents, named, strict=True))
    return chain.from_iterable(completed)


def complete(
    document: Sequence[tuple[str, str, str]], found: list[list[names.Name]], engine: str
) -> list[list[names.Name]]:
    """The names of a document without those that are too doubtful.

    In German also without nouns that it shows to be nouns, with well-known institutions and the roads of traffic news.
    """
    texts = [text for text, *_ in document]
    if engine in names.ENGINES:
        found = without_doubted(texts, found)
    if engine == names.NONE or not any(language == "de" for _, language, _ in document):
        return found
    extractor = names.extractor_of(engine)
    named = with_companies(texts, without_nouns(texts, found), extractor)
    return with_hashtags(texts, with_roads(texts, with_institutions(texts, named, extractor), extractor), extractor)


def entity_models(languages: pl.Series, options: EntityOptions | None = None) -> pl.Series:
    """Tell for each language whether names were looked for with a trained or transferred model, or with none."""
    engine = (options or EntityOptions()).engine
    known = {language: names.entity_model(language, engine) or "none" for language in languages.unique()}
    return languages.replace_strict(known, return_dtype=pl.String).alias("entity_model")
