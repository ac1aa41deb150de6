"""Extract entities: names by a statistical model, values by rules, as mentions with offsets.

The engines live in `names`, the rules in `values`; here both come together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import NamedTuple

import polars as pl

from stages.extract_entities import names, values
from stages.extract_entities.companies import with_companies
from stages.extract_entities.institutions import with_institutions
from stages.extract_entities.nouns import without_nouns
from stages.extract_entities.settle import settle
from stages.tables.offsets import with_raw_range
from stages.tables.schemas import TABLES

VERSION = f"names-{names.VERSION} values-{values.VERSION} settled-8"


@dataclass(frozen=True, slots=True)
class EntityOptions:
    """``engine``: the name engine, as `stages.extract_entities.names.ENGINE_PATTERN` allows it."""

    engine: str = names.ENGINES[0]


class _Mention(NamedTuple):
    """A name or value in the sentence of a row, with its places there."""

    row: int
    text: str
    label: str
    kind: str
    value: str | None
    start: int
    end: int
    score: float
    extractor: str


_MENTION = {"row": pl.Int64()} | {name: TABLES["mentions"].schema[name] for name in _Mention._fields[1:]}


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
    found = _find(rows, (options or EntityOptions()).engine)
    columns = dict(zip(_MENTION, zip(*found, strict=True), strict=True)) if found else dict.fromkeys(_MENTION, ())
    inside_sentences = pl.DataFrame(columns, schema=_MENTION)
    places = rows.select("doc_id", "block_no", "sentence_no", at="start")[inside_sentences["row"]]
    frame = places.hstack(inside_sentences.drop("row")).with_columns(
        pl.col("start", "end") + pl.col("at"),
        mention_no=pl.int_range(pl.len()).over("doc_id"),
        role=pl.lit(None, pl.String),
        cluster_no=pl.lit(None, pl.Int64),
        entity_id=pl.lit(None, pl.String),
    )
    schema, ranged = TABLES["mentions"].schema, with_raw_range(frame, blocks)
    # What linking and the layout of the document say comes later.
    later = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in ranged.columns]
    return ranged.with_columns(later).select(schema.names())


def _find(rows: pl.DataFrame, engine: str) -> list[_Mention]:
    """The names and values of sentences with their language and the kind of their block, in order."""
    found_values = values.extract_all_values(rows["text"], rows["language"])
    found: list[_Mention] = []
    sentences = zip(rows["text"].to_list(), _find_names(rows, engine), found_values, strict=True)
    for number, (text, inside, held) in enumerate(sentences):
        if not (inside or held):
            continue
        settled = settle(text, inside) if inside else ()
        mentions = [_row(number, text, name, name.kind, None, name.score) for name in settled]
        mentions += [_row(number, text, value, "value", value.value, 1.0) for value in held]
        found.extend(sorted(mentions, key=lambda m: (m.start, -m.end, m.kind)) if len(mentions) > 1 else mentions)
    return found


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
    """The names of a document in German, without nouns that it shows to be nouns, with well-known institutions."""
    if engine == names.NONE or not any(language == "de" for _, language, _ in document):
        return found
    extractor = names.extractor_of(engine)
    texts = [text for text, *_ in document]
    return with_institutions(texts, with_companies(texts, without_nouns(texts, found), extractor), extractor)


def _row(
    number: int, text: str, item: names.Name | values.Value, kind: str, value: str | None, score: float
) -> _Mention:
    """A name or value of the sentence in a row."""
    surface = text[item.start : item.end]
    return _Mention(number, surface, item.label, kind, value, item.start, item.end, score, item.extractor)


def entity_models(languages: pl.Series, options: EntityOptions | None = None) -> pl.Series:
    """Tell for each language whether names were looked for with a trained or transferred model, or with none."""
    engine = (options or EntityOptions()).engine
    known = {language: names.entity_model(language, engine) or "none" for language in languages.unique()}
    return languages.replace_strict(known, return_dtype=pl.String).alias("entity_model")
