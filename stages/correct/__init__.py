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
from typing import Any

import polars as pl

from stages.correct import joins
from stages.correct.joins import Moves, was_at
from stages.errors import UsageError
from stages.tables.schemas import BLOCK_KINDS, LABELS, NAME_LABELS, VALUE_LABELS

VERSION = "2"

ACTIONS = {
    "reject": "a mention is no name or value: it is left out, everywhere or at one place",
    "retype": "a mention, or all of an entity, has another label",
    "mark_block": "a block is of another kind",
    "part": "a block is two: the second begins with the word at this raw character",
    "join": "a block, which begins at this raw character, belongs to the one before it",
    "merge": "an entity is another one: its mentions become that one's",
    "split": "what is called so, everywhere or in one document, is an entity of its own",
    "rename": "an entity has another name; the old one becomes an alias",
    "pin": "an entity has this id in the authority table",
}
WITHOUT_VALUE = ("reject", "split", "part", "join")
COLUMNS = {
    "action": "one of " + ", ".join(ACTIONS),
    "entity_id": "the entity it is about, as it was; empty for mentions and blocks",
    "name": "name of that entity, or text of the mention or spelling",
    "label": "label of that entity or mention",
    "source_uri": "document it is about; empty for all",
    "start": "first character in documents.text, for part and join in the raw text; empty for the whole document",
    "value": "the new label, kind, name or authority id; for merge the id of the other entity",
    "value_name": "for merge the name of the other entity, should its id be no longer there",
    "by": "who says so",
    "at": "when (UTC)",
    "note": "why",
}
CORRECTIONS = pl.Schema(
    {"row": pl.Int64(), **{name: pl.Int64() if name == "start" else pl.String() for name in COLUMNS}}
)
MET = pl.Schema({"doc_id": pl.String(), "row": pl.Int64()})
"""The rows about mentions and blocks that met something, and in which documents."""
_OF_MENTIONS = ("reject", "retype")
_OF_BLOCKS = ("mark_block", *joins.ACTIONS)
_MEANS = ("action", "entity_id", "name", "label", "source_uri", "start", "value", "value_name")
"""The columns that decide what a row does; the others tell people who, when and why."""
_KEY_LENGTH = 16
_NAMED = pl.Schema({"entity_id": pl.String(), "name": pl.String(), "label": pl.String()})


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
    if missing := _missing(row):
        raise UsageError(f"{name}, line {line}: {row['action']} needs {missing}")
    if row["action"] not in WITHOUT_VALUE and not row["value"]:
        raise UsageError(f"{name}, line {line}: {row['action']} needs a value")
    if row["start"] and not (row["start"].isascii() and row["start"].isdigit()):
        raise UsageError(f"{name}, line {line}: start {row['start']!r} should be a number, or empty")
    return {"row": line, **row, "start": int(row["start"]) if row["start"] else None}


def _missing(row: Mapping[str, str]) -> str:
    """What a row lacks to say what it is about."""
    if row["action"] in _OF_BLOCKS:
        return "" if row["source_uri"] and row["start"] else "source_uri and start"
    if row["action"] in ("reject", "retype"):
        return "" if row["name"] or row["entity_id"] or (row["source_uri"] and row["start"]) else "a name or a place"
    return "" if row["entity_id"] or row["name"] else "an entity_id or a name"


def write_corrections(rows: pl.DataFrame) -> str:
    """Write corrections as a file that reads well in a diff: one line each, in the order they were made."""
    empty = (pl.when(pl.col(name).cast(pl.String) != "").then(pl.col(name)).alias(name) for name in COLUMNS)
    return rows.select(empty).write_csv(line_terminator="\n")


def correct_mentions(
    mentions: pl.DataFrame, documents: pl.DataFrame, corrections: pl.DataFrame, moves: Moves | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leave out the mentions that were rejected and give others their label; returns `MET` as well.

    ``mentions`` has doc_id, text, label, kind, value and start, ``documents`` doc_id and source_uri. A mention keeps
    its number, so that others do too; one with another label has no normalised value any more. Corrections of whole
    entities (with an entity_id) are not for here: see `correct_clusters` and `correct_entities`. A row with a place
    means what stands there, or stood there before blocks were parted and joined (``moves``).
    """
    wanted = _rows(corrections, _OF_MENTIONS).filter(pl.col("entity_id") == "")
    if not wanted.height or not mentions.height:
        return mentions, pl.DataFrame(schema=MET)
    placed = mentions.with_row_index("_at").join(
        documents.select("doc_id", "source_uri"), on="doc_id", how="left", maintain_order="left"
    )
    placed = placed.with_columns(start=_places(placed, moves or {}))
    met: list[pl.DataFrame] = []
    removed: set[int] = set()
    labels: dict[int, str] = {}
    for row in wanted.iter_rows(named=True):
        found = placed.filter(_is_meant(row))
        met.append(found.select("doc_id", row=pl.lit(row["row"], pl.Int64)).unique(maintain_order=True))
        if row["action"] == "reject":
            removed.update(found["_at"])
        else:
            labels |= dict.fromkeys(found["_at"], row["value"])
    relabelled = _relabelled(mentions.with_row_index("_at"), labels)
    return relabelled.filter(~pl.col("_at").is_in(sorted(removed))).drop("_at"), pl.concat(met)


def _relabelled(numbered: pl.DataFrame, labels: Mapping[int, str]) -> pl.DataFrame:
    """The mentions with new labels, by their number in the frame; a name becomes a value and the other way round."""
    if not labels:
        return numbered
    new = pl.col("_at").replace_strict(dict(labels), default=None, return_dtype=pl.String)
    changed = (new != pl.col("label")).fill_null(False)
    kind = pl.when(new.is_in(VALUE_LABELS)).then(pl.lit("value")).otherwise(pl.col("kind").replace("value", "name"))
    return numbered.with_columns(
        label=pl.coalesce(new, "label"),
        kind=pl.when(changed).then(kind).otherwise("kind"),
        value=pl.when(~changed).then("value"),
    )


def _is_meant(row: Mapping[str, Any]) -> pl.Expr:
    given = {"text": row["name"], "label": row["label"], "source_uri": row["source_uri"]}
    said = [pl.col(column) == value for column, value in given.items() if value not in ("", None)]
    placed = [pl.col("start").list.contains(row["start"])] if row["start"] is not None else []
    return pl.all_horizontal(*said, *placed)


def _places(rows: pl.DataFrame, moves: Moves) -> pl.Series:
    """All places in the text that each of some rows has had."""
    places = [was_at(start, moves.get(doc_id, ())) for doc_id, start in rows.select("doc_id", "start").iter_rows()]
    return pl.Series("start", places, dtype=pl.List(pl.Int64))


def correct_blocks(
    blocks: pl.DataFrame, documents: pl.DataFrame, corrections: pl.DataFrame, moves: Moves | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give blocks the kind that somebody marked them with, by the place where they begin, or began before blocks were
    parted and joined (``moves``); returns `MET` as well.

    `documents.title` is the text of the first title block: see `correct_titles`.
    """
    wanted = _rows(corrections, ("mark_block",)).select("row", "source_uri", "start", kind_now="value")
    if not wanted.height or not blocks.height:
        return blocks, pl.DataFrame(schema=MET)
    places = documents.select("doc_id", "source_uri").join(wanted, on="source_uri", maintain_order="left_right")
    begun = blocks.select("doc_id", now="start").with_columns(start=_places(blocks, moves or {})).explode("start")
    placed = places.join(begun, on=["doc_id", "start"], maintain_order="left")
    met = placed.select(list(MET)).unique(maintain_order=True)
    last = (
        placed.group_by("doc_id", "now", maintain_order=True).last().select("doc_id", start="now", kind_now="kind_now")
    )
    joined = blocks.join(last, on=["doc_id", "start"], how="left", maintain_order="left")
    return joined.with_columns(kind=pl.coalesce("kind_now", "kind")).drop("kind_now"), met


def correct_titles(documents: pl.DataFrame, blocks: pl.DataFrame, met: pl.DataFrame) -> pl.DataFrame:
    """Give the documents in which `correct_blocks` ``met`` something the title that their blocks have now."""
    titles = blocks.filter(pl.col("kind") == "title").sort("doc_id", "block_no").group_by("doc_id").first()
    joined = documents.join(titles.select("doc_id", _title="text"), on="doc_id", how="left", maintain_order="left")
    marked = pl.col("doc_id").is_in(met["doc_id"].implode())
    return joined.with_columns(title=pl.when(marked).then("_title").otherwise("title")).drop("_title")


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
            # What is split off may be merged or split again by a later row.
            entities = _with_entity(entities, str(other), row["name"], labels[own])
            labels[str(other)] = labels[own]
        if found.height:
            met.append(row["row"])
            new = found.select("doc_id", "cluster_no", _new=pl.lit(other))
            joined = clusters.join(new, on=["doc_id", "cluster_no"], how="left", maintain_order="left")
            clusters = joined.with_columns(entity_id=pl.coalesce("_new", "entity_id")).drop("_new")
    return clusters, met


def _with_entity(entities: pl.DataFrame, entity_id: str, name: str, label: str) -> pl.DataFrame:
    row = pl.DataFrame({"entity_id": [entity_id], "name": [name], "label": [label]}, schema=_NAMED)
    return pl.concat([entities.select(list(_NAMED)), row])


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


def relabel(rows: pl.DataFrame, entities: pl.DataFrame) -> pl.DataFrame:
    """Give linked mentions or clusters the label of their entity, after `correct_entities` changed some."""
    labels = entities.select("entity_id", _label="label")
    joined = rows.join(labels, on="entity_id", how="left", maintain_order="left")
    return joined.with_columns(label=pl.coalesce("_label", "label")).drop("_label")


def concerned_documents(before: pl.DataFrame, after: pl.DataFrame, documents: pl.LazyFrame) -> list[str]:
    """List the documents that have to be processed again because rows about mentions or blocks came, went or moved.

    ``documents`` (doc_id, source_uri, text) are those published. A row about all documents concerns those whose text
    has the words somewhere: a mention that was rejected and is to come back has no row that could be looked for.
    """
    rows = _changed(_of_documents(before), _of_documents(after))
    if not rows.height:
        return []
    everywhere = rows.filter(pl.col("source_uri") == "")
    names = everywhere["name"].unique().to_list()
    named = pl.col("source_uri").is_in(rows["source_uri"].unique().implode())
    said = pl.col("text").str.contains_any(names) if names else pl.lit(False)  # "" stands in every text
    return documents.filter(named | said | pl.lit("" in names)).select("doc_id").collect()["doc_id"].sort().to_list()


def _of_documents(corrections: pl.DataFrame) -> pl.DataFrame:
    return _rows(corrections, (*_OF_MENTIONS, *_OF_BLOCKS)).filter(pl.col("entity_id") == "").select(_MEANS)


def of_entities(corrections: pl.DataFrame) -> pl.DataFrame:
    """Give the rows about whole entities."""
    return corrections.filter((pl.col("entity_id") != "") | pl.col("action").is_in(["merge", "split", "rename", "pin"]))


def named_documents(corrections: pl.DataFrame) -> list[str]:
    """List the source_uri of documents with rows of their own: renamed, they are not what these rows speak of."""
    return corrections.filter(pl.col("source_uri") != "")["source_uri"].unique().sort().to_list()


def same_corrections(before: pl.DataFrame, after: pl.DataFrame) -> bool:
    """Tell whether two files of corrections do the same, in the same order."""
    return before.select(_MEANS).equals(after.select(_MEANS))


def keys_of(corrections: pl.DataFrame) -> pl.DataFrame:
    """Give each row number its key: a digest of what the row does, the same wherever the row stands in the file."""
    told = corrections.select(_MEANS).iter_rows()
    keys = [hashlib.sha256(json.dumps(row).encode()).hexdigest()[:_KEY_LENGTH] for row in told]
    return corrections.select("row").with_columns(pl.Series("key", keys, dtype=pl.String))


def without_effect(corrections: pl.DataFrame, met: Iterable[int]) -> list[str]:
    """Say of each row that met nothing what it was about."""
    rows = corrections.filter(~pl.col("row").is_in(sorted(set(met))))
    return [
        f"line {row['row']}: {row['action']} {row['name'] or row['source_uri']}: nothing there that it applies to"
        for row in rows.iter_rows(named=True)
    ]


def _changed(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The rows that came or went; all, where those that stayed stand in another order: the last one counts."""
    stayed = (
        one.join(other, on=_MEANS, how="semi", nulls_equal=True) for one, other in ((before, after), (after, before))
    )
    first, second = stayed
    if not first.equals(second):
        return pl.concat([before, after])
    pairs = ((before, after), (after, before))
    return pl.concat([one.join(other, on=_MEANS, how="anti", nulls_equal=True) for one, other in pairs])


def _rows(corrections: pl.DataFrame, actions: Sequence[str]) -> pl.DataFrame:
    return corrections.filter(pl.col("action").is_in(list(actions))).sort("row")


def _find(entities: pl.DataFrame, entity_id: str, name: str, label: str) -> str | None:
    """The id of an entity, by id or else by a name that one entity alone bears."""
    if entities.filter(pl.col("entity_id") == entity_id).height:
        return entity_id
    named = entities.filter((pl.col("name") == name) & ((pl.col("label") == label) | pl.lit(label == "")))
    return str(named["entity_id"][0]) if name and named.height == 1 else None
