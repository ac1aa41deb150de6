"""Correct: what people have put right by hand, as rows of a file, applied to mentions, blocks, clusters and entities.

A row says what to do (`ACTIONS`), about what (an entity by id and, should the id be no longer there, by name and
label; a mention by its text, and where it stands if not everywhere; a block by its place) and the new value. Mentions
and blocks are corrected in their document, before names are linked; entities when all are linked. A row that meets
nothing any more is reported, never an error: texts change.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from stages.errors import UsageError
from stages.tables.schemas import BLOCK_KINDS, LABELS, NAME_LABELS

VERSION = "1"

ACTIONS = {
    "reject": "a mention is no name or value: it is left out, everywhere or at one place",
    "retype": "a mention, or all of an entity, has another label",
    "mark_block": "a block is of another kind",
    "merge": "an entity is another one: its mentions become that one's",
    "split": "what is called so, everywhere or in one document, is an entity of its own",
    "rename": "an entity has another name; the old one becomes an alias",
    "pin": "an entity has this id in the authority table",
}
COLUMNS = {
    "action": "one of " + ", ".join(ACTIONS),
    "entity_id": "the entity it is about, as it was; empty for mentions and blocks",
    "name": "name of that entity, or text of the mention or spelling",
    "label": "label of that entity or mention",
    "source_uri": "document it is about; empty for all",
    "start": "first character of the mention or block in documents.text; empty for the whole document",
    "value": "the new label, kind, name or authority id; for merge the id of the other entity",
    "value_name": "for merge the name of the other entity, should its id be no longer there",
    "by": "who says so",
    "at": "when (UTC)",
    "note": "why",
}
CORRECTIONS = pl.Schema(
    {"row": pl.Int64(), **{name: pl.Int64() if name == "start" else pl.String() for name in COLUMNS}}
)
_OF_MENTIONS, _OF_ENTITIES = ("reject", "retype"), ("merge", "split", "rename", "pin")


def read_corrections(text: str, name: str = "corrections.csv") -> pl.DataFrame:
    """Read the rows of a file of corrections, numbered as its lines are; columns may stand in any order.

    Raises UsageError that names the line: an unknown column or action, a place that is no number, a label or kind that
    does not exist, an empty value.
    """
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        if unknown := set(lines.fieldnames or ()) - COLUMNS.keys():
            raise UsageError(f"{name}: unknown columns {', '.join(sorted(unknown))}; there are {', '.join(COLUMNS)}")
        rows = [_checked(row, lines.line_num, name) for row in lines]
    except csv.Error as error:
        raise UsageError(f"{name}, line {lines.line_num}: no CSV ({error})") from error
    return pl.DataFrame(rows, schema=CORRECTIONS, orient="row")


def _checked(given: Mapping[str | None, str | list[str] | None], line: int, name: str) -> dict[str, object]:
    if None in given:
        raise UsageError(f"{name}, line {line}: has more cells than there are columns")
    row = {column: str(given.get(column) or "").strip() for column in COLUMNS}
    labels = NAME_LABELS if row["entity_id"] else LABELS  # an entity is never a value
    allowed = {"retype": labels, "mark_block": BLOCK_KINDS}.get(row["action"])
    if row["action"] not in ACTIONS:
        raise UsageError(f"{name}, line {line}: unknown action {row['action']!r}; there are {', '.join(ACTIONS)}")
    if allowed and row["value"] not in allowed:
        raise UsageError(f"{name}, line {line}: value {row['value']!r} should be one of {', '.join(allowed)}")
    if row["action"] not in ("reject", "split") and not row["value"]:
        raise UsageError(f"{name}, line {line}: {row['action']} needs a value")
    if row["start"] and not (row["start"].isascii() and row["start"].isdigit()):
        raise UsageError(f"{name}, line {line}: start {row['start']!r} should be a number, or empty")
    return {"row": line, **row, "start": int(row["start"]) if row["start"] else None}


def write_corrections(rows: pl.DataFrame) -> str:
    """Write corrections as a file that reads well in a diff: one line each, in the order they were made."""
    empty = (pl.when(pl.col(name).cast(pl.String) != "").then(pl.col(name)).alias(name) for name in COLUMNS)
    return rows.select(empty).write_csv(line_terminator="\n")


def correct_mentions(
    mentions: pl.DataFrame, documents: pl.DataFrame, corrections: pl.DataFrame
) -> tuple[pl.DataFrame, list[int]]:
    """Leave out the mentions that were rejected and give others their label; returns the rows that met something.

    ``mentions`` has doc_id, text, label and start, ``documents`` doc_id and source_uri. A mention keeps its number, so
    that others do too. Corrections of whole entities (with an entity_id) are not for here: see `correct_clusters`.
    """
    wanted = _rows(corrections, _OF_MENTIONS).filter(pl.col("entity_id") == "")
    if not wanted.height or not mentions.height:
        return mentions, []
    placed = mentions.with_row_index("_at").join(documents.select("doc_id", "source_uri"), on="doc_id", how="left")
    met: list[int] = []
    removed: set[int] = set()
    labels: dict[int, str] = {}
    for row in wanted.iter_rows(named=True):
        found = placed.filter(_is_meant(row))["_at"].to_list()
        met += [row["row"]] * bool(found)
        if row["action"] == "reject":
            removed.update(found)
        else:
            labels |= dict.fromkeys(found, row["value"])
    numbered = mentions.with_row_index("_at")
    if labels:
        new = pl.col("_at").replace_strict(labels, default=None, return_dtype=pl.String)
        numbered = numbered.with_columns(label=pl.coalesce(new, "label"))
    return numbered.filter(~pl.col("_at").is_in(sorted(removed))).drop("_at"), met


def _is_meant(row: Mapping[str, object]) -> pl.Expr:
    given = {"text": row["name"], "label": row["label"], "source_uri": row["source_uri"], "start": row["start"]}
    return pl.all_horizontal(pl.col(column) == value for column, value in given.items() if value not in ("", None))


def correct_blocks(
    blocks: pl.DataFrame, documents: pl.DataFrame, corrections: pl.DataFrame
) -> tuple[pl.DataFrame, list[int]]:
    """Give blocks the kind that somebody marked them with, by the place where they begin; returns the rows that met.

    `documents.title` is the text of the first title block: take it afterwards.
    """
    wanted = _rows(corrections, ("mark_block",)).select("row", "source_uri", "start", kind_now="value")
    if not wanted.height or not blocks.height:
        return blocks, []
    places = documents.select("doc_id", "source_uri").join(wanted, on="source_uri")
    last = places.group_by("doc_id", "start", maintain_order=True).last().select("doc_id", "start", "row", "kind_now")
    joined = blocks.join(last, on=["doc_id", "start"], how="left", maintain_order="left")
    met = sorted(joined["row"].drop_nulls().to_list())
    return joined.with_columns(kind=pl.coalesce("kind_now", "kind")).drop("row", "kind_now"), met


def correct_clusters(
    clusters: pl.DataFrame, documents: pl.DataFrame, corrections: pl.DataFrame, entities: pl.DataFrame
) -> tuple[pl.DataFrame, list[int]]:
    """Give linked clusters the entity that people say they name, one row after the other; returns the rows that met.

    ``entities`` (entity_id, name, label) are those linked without corrections: a row whose entity_id is no longer there
    means the one entity of that name and label. Merged entities keep the id of the one merged into; what is
    split off has an id made from entity, spelling and document, the same in every run.
    """
    met = []
    labels = dict(entities.select("entity_id", "label").iter_rows())
    for row in _rows(corrections, ("merge", "split")).iter_rows(named=True):
        is_merge = row["action"] == "merge"
        own = _find(entities, row["entity_id"], row["name"] if is_merge else "", row["label"])
        other = _find(entities, row["value"], row["value_name"], row["label"]) if is_merge else None
        if own is None or (is_merge and (other in (None, own) or labels[own] != labels[str(other)])):
            continue
        found = clusters.filter(pl.col("entity_id") == own).select("doc_id", "cluster_no", "forms")
        if not is_merge:
            other = split_id(own, row["name"], row["source_uri"])
            found = _with_spelling(found, documents, row["name"], row["source_uri"])
        if found.height:
            met.append(row["row"])
            new = found.select("doc_id", "cluster_no", _new=pl.lit(other))
            joined = clusters.join(new, on=["doc_id", "cluster_no"], how="left", maintain_order="left")
            clusters = joined.with_columns(entity_id=pl.coalesce("_new", "entity_id")).drop("_new")
    return clusters, met


def _with_spelling(clusters: pl.DataFrame, documents: pl.DataFrame, spelling: str, source_uri: str) -> pl.DataFrame:
    """Those clusters in which a spelling stands (any, where it is empty), of one document or of all."""
    if source_uri:
        ids = documents.filter(pl.col("source_uri") == source_uri)["doc_id"]
        clusters = clusters.filter(pl.col("doc_id").is_in(ids.implode()))
    has = [not spelling or spelling in json.loads(forms) for forms in clusters["forms"]]
    return clusters.filter(pl.Series(has, dtype=pl.Boolean))


def split_id(entity_id: str, spelling: str, source_uri: str = "") -> str:
    """Give the id of what is split off an entity: it knows the entity, the spelling and the document, nothing else."""
    return hashlib.sha256("\0".join((entity_id, spelling, source_uri)).encode()).hexdigest()[: len(entity_id) or 16]


def correct_entities(entities: pl.DataFrame, corrections: pl.DataFrame) -> tuple[pl.DataFrame, list[int]]:
    """Give entities the name, label and authority id that people say they have; returns the rows that met one.

    The name that was stays as an alias. Of several rows about one thing the last counts.
    """
    met = []
    wanted = _rows(corrections, ("rename", "pin", "retype")).filter(pl.col("entity_id") != "")
    for row in wanted.iter_rows(named=True):
        own = _find(entities, row["entity_id"], row["name"], row["label"])
        if own is None:
            continue
        met.append(row["row"])
        meant = pl.col("entity_id") == own
        column = {"rename": "name", "pin": "authority_id", "retype": "label"}[row["action"]]
        changed = {column: pl.when(meant).then(pl.lit(row["value"])).otherwise(column)}
        if row["action"] == "rename":
            both = pl.concat_list("aliases", pl.concat_list("name")).list.set_difference([row["value"]]).list.sort()
            changed["aliases"] = pl.when(meant).then(both.list.unique().list.sort()).otherwise("aliases")
        entities = entities.with_columns(**changed)
    return entities, met


def relabel_mentions(mentions: pl.DataFrame, entities: pl.DataFrame) -> pl.DataFrame:
    """Give linked mentions and clusters the label of their entity, after `correct_entities` changed some."""
    labels = entities.select("entity_id", _label="label")
    joined = mentions.join(labels, on="entity_id", how="left", maintain_order="left")
    return joined.with_columns(label=pl.coalesce("_label", "label")).drop("_label")


def concerned_documents(
    before: pl.DataFrame, after: pl.DataFrame, mentions: pl.LazyFrame, documents: pl.DataFrame
) -> list[str]:
    """List the documents that have to be processed again because rows about mentions or blocks came or went.

    ``mentions`` (doc_id, text) are those published; of a mention that was rejected and is to come back, which has no
    row there, the document is known only by its source_uri: take ``documents`` whole where `must_look_everywhere`.
    """
    rows = _changed(before, after).filter(pl.col("action").is_in([*_OF_MENTIONS, "mark_block"]))
    rows = rows.filter(pl.col("entity_id") == "")
    uris, everywhere = rows.filter(pl.col("source_uri") != ""), rows.filter(pl.col("source_uri") == "")
    named = documents.filter(pl.col("source_uri").is_in(uris["source_uri"].implode()))["doc_id"]
    said = mentions.filter(pl.col("text").is_in(everywhere["name"].implode())).select("doc_id").unique().collect()
    return sorted({*named, *said["doc_id"]})


def must_look_everywhere(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    """List the texts of mentions that were rejected everywhere and no longer are: any document may hold them."""
    gone = before.join(after, on=list(COLUMNS), how="anti", nulls_equal=True)
    return gone.filter((pl.col("action") == "reject") & (pl.col("source_uri") == ""))["name"].to_list()


def concerned_entities(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    """List the ids of entities that have to be linked again because rows about them came or went."""
    rows = _changed(before, after).filter(pl.col("entity_id") != "")
    others = rows.filter(pl.col("action") == "merge")["value"]
    split = rows.filter(pl.col("action") == "split").select("entity_id", "name", "source_uri")
    return sorted({*rows["entity_id"], *others, *(split_id(*row) for row in split.iter_rows())})


def without_effect(corrections: pl.DataFrame, met: Iterable[int]) -> list[str]:
    """Say of each row that met nothing what it was about."""
    rows = corrections.filter(~pl.col("row").is_in(sorted(set(met))))
    return [
        f"line {row['row']}: {row['action']} {row['name'] or row['source_uri']}: nothing there any more"
        for row in rows.iter_rows(named=True)
    ]


def _changed(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    columns = list(COLUMNS)
    return pl.concat(
        [
            before.join(after, on=columns, how="anti", nulls_equal=True),
            after.join(before, on=columns, how="anti", nulls_equal=True),
        ]
    )


def _rows(corrections: pl.DataFrame, actions: Sequence[str]) -> pl.DataFrame:
    return corrections.filter(pl.col("action").is_in(list(actions))).sort("row")


def _find(entities: pl.DataFrame, entity_id: str, name: str, label: str) -> str | None:
    """The id of an entity, by id or else by a name that one entity alone bears."""
    if entities.filter(pl.col("entity_id") == entity_id).height:
        return entity_id
    named = entities.filter((pl.col("name") == name) & ((pl.col("label") == label) | pl.lit(label == "")))
    return str(named["entity_id"][0]) if name and named.height == 1 else None
