"""The rules of the table contract, written once.

Polars reads them to part good rows from bad (`stages` stay unaware of them), Great Expectations reads the same
list to gate what is about to be published, and more that only holds once all is linked and assembled. A rule looks at
one table and one column or pair of columns; whatever needs more than one table is first turned into a boolean
column by `expectations.evidence` and `expectations.final_evidence`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from stages.tables import schemas

Kind = Literal["not_null", "in_set", "between", "less", "true", "unique", "matches"]
Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``columns``: the one column it looks at, two for ``less``, the key for ``unique``.

    ``arguments``: the permitted values for ``in_set``, (lowest, highest) for ``between`` with None for an open
    end, a regular expression for ``matches``. A failed ``critical`` rule at the gate stops the publication, a
    failed ``warning`` is reported.
    """

    table: str
    kind: Kind
    columns: tuple[str, ...]
    meaning: str
    arguments: tuple[object, ...] = ()
    severity: Severity = "critical"

    @property
    def name(self) -> str:
        """The name that the quarantine table and the validation results show.

        >>> Rule("blocks", "less", ("start", "end"), "a block is not empty").name
        'blocks.start+end.less'
        """
        return f"{self.table}.{'+'.join(self.columns)}.{self.kind}"


LANGUAGE_CODE = r"^(?:und|[a-z]{2}(?:-[a-z]{2})?)$"
_SHA256 = r"^[0-9a-f]{64}$"
_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)


def _offsets(table: str, what: str) -> tuple[Rule, ...]:
    return (
        Rule(table, "between", ("start",), f"a {what} starts inside the text", (0, None)),
        Rule(table, "less", ("start", "end"), f"a {what} has at least one character"),
        Rule(table, "between", ("raw_start",), f"a {what} starts inside the raw text", (0, None)),
        Rule(table, "less", ("raw_start", "raw_end"), f"a {what} comes from at least one raw character"),
        Rule(table, "true", ("slices_back",), f"documents.text[start:end] is the text of the {what}"),
    )


def _contract(table: str) -> tuple[Rule, ...]:
    """Key unique, nothing null that may not be: from the schema itself."""
    contract = schemas.TABLES[table]
    return (
        Rule(table, "unique", contract.key, "the key identifies the row"),
        *(
            Rule(table, "not_null", (name,), f"{name} is always known")
            for name, column in contract.columns.items()
            if not column.nullable
        ),
    )


RULES: tuple[Rule, ...] = (
    *_contract("documents"),
    Rule("documents", "matches", ("doc_id",), "doc_id is 20 hex digits", (r"^[0-9a-f]{20}$",)),
    Rule("documents", "matches", ("language",), "language is a known code", (LANGUAGE_CODE,)),
    Rule("documents", "between", ("language_confidence",), "language_confidence is a probability", (0.0, 1.0)),
    Rule("documents", "in_set", ("parted_by",), "parted_by is a known signal", schemas.PARTED_BY),
    Rule("documents", "in_set", ("doubt",), "doubt is a known one", schemas.DOUBTS),
    Rule("documents", "in_set", ("entity_model",), "entity_model is a known state", ("trained", "transferred", "none")),
    Rule("documents", "in_set", ("published_precision",), "published_precision is a known one", schemas.PRECISIONS),
    Rule("documents", "between", ("n_chars",), "a document has text", (1, None)),
    Rule("documents", "between", ("n_blocks",), "a document has a block", (1, None)),
    Rule("documents", "between", ("processed_at",), "processed_at lies in our time", (_FIRST_DAY, None)),
    Rule("documents", "true", ("counts_agree",), "n_chars, n_blocks, n_sentences, n_mentions are those of the rows"),
    Rule("documents", "true", ("text_is_blocks",), "text is the blocks joined by one blank line"),
    Rule(
        "documents",
        "true",
        ("has_pages",),
        "pages has every page that a block has a box on, and if it has any, every page of a block",
    ),
    *_contract("blocks"),
    Rule("blocks", "in_set", ("kind",), "kind is a known block kind", schemas.BLOCK_KINDS),
    Rule("blocks", "matches", ("language",), "language is a known code", (LANGUAGE_CODE,)),
    Rule("blocks", "between", ("language_confidence",), "language_confidence is a probability", (0.0, 1.0)),
    Rule("blocks", "between", ("page",), "pages are counted from 1", (1, None)),
    Rule("blocks", "between", ("confidence",), "confidence is a share", (0.0, 1.0)),
    *_offsets("blocks", "block"),
    Rule("blocks", "true", ("raw_agrees",), "its spans are in order and letter for letter the raw text"),
    Rule("blocks", "true", ("has_document",), "the document of the block exists"),
    *_contract("sentences"),
    *_offsets("sentences", "sentence"),
    Rule("sentences", "true", ("in_parent",), "the sentence lies inside its block, in the raw text too"),
    *_contract("mentions"),
    Rule("mentions", "in_set", ("label",), "label is a known label", schemas.LABELS),
    Rule("mentions", "in_set", ("kind",), "kind is a known kind of mention", schemas.MENTION_KINDS),
    Rule("mentions", "between", ("score",), "score is a probability", (0.0, 1.0)),
    *_offsets("mentions", "mention"),
    Rule("mentions", "true", ("in_parent",), "the mention lies inside its sentence, in the raw text too"),
    *(rule for rule in _contract("clusters") if rule.columns not in (("entity_id",), ("linked_id",))),
    Rule("clusters", "in_set", ("label",), "label is a known label", schemas.NAME_LABELS),
    Rule("clusters", "between", ("n_mentions",), "a cluster has a mention", (1, None)),
    Rule("clusters", "true", ("has_document",), "the document of the cluster exists"),
    *_contract("repairs"),
    Rule("repairs", "in_set", ("rule",), "rule is a known repair rule", tuple(schemas.REPAIR_RULES)),
    Rule("repairs", "between", ("raw_start",), "a repair starts inside the raw text", (0, None)),
    Rule("repairs", "true", ("raw_agrees",), "before is raw[raw_start:raw_end]"),
    Rule("repairs", "true", ("has_document",), "the document of the repair exists"),
    *_contract("raw_texts"),
    Rule("raw_texts", "true", ("raw_agrees",), "it is the raw text that was read"),
    Rule("raw_texts", "true", ("has_document",), "the document of the raw text exists"),
)

LEAF_TABLES = ("mentions", "repairs")
"""A bad row of these is kept out alone; a bad row of any other table keeps out its whole document."""

LINKED_RULES: tuple[Rule, ...] = (
    *(
        Rule(table, "true", ("as_parted",), f"the {table} of the document are what they were when they were found good")
        for table in dict.fromkeys(rule.table for rule in RULES)
    ),
    Rule("documents", "true", ("is_complete",), "no row of the document was lost, doubled or added since"),
    Rule("documents", "true", ("made_by_run",), "run_id and processed_at are those of the run that made the document"),
    Rule("documents", "true", ("id_follows",), "doc_id is that of source_uri"),
    Rule("documents", "true", ("is_written",), "sources has the document as written, with its bytes and encoding"),
    Rule("mentions", "true", ("in_cluster",), "a name has the label and entity of its cluster, a value has neither"),
    Rule("clusters", "not_null", ("entity_id",), "entity_id is always known"),
    Rule("clusters", "not_null", ("linked_id",), "linked_id is always known"),
    Rule("clusters", "true", ("as_linked",), "entity and label are those linking found, but where they were corrected"),
    Rule("clusters", "true", ("is_entity",), "entities has the entity, with the label of the cluster"),
    Rule("clusters", "true", ("has_its_mentions",), "n_mentions is the number of rows in mentions"),
)
"""Rules beside `RULES` for rows of changed documents, once they are linked and assembled."""

WHOLE_RULES: tuple[Rule, ...] = (
    *_contract("entities"),
    Rule("entities", "matches", ("entity_id",), "entity_id is 16 hex digits", (r"^[0-9a-f]{16}$",)),
    Rule("entities", "in_set", ("label",), "label is a known label", schemas.NAME_LABELS),
    Rule("entities", "between", ("n_mentions",), "an entity has a mention", (1, None)),
    Rule("entities", "true", ("counts_agree",), "counts, first and last document are those of its clusters"),
    Rule("entities", "true", ("are_spellings",), "name and aliases are the spellings of its clusters"),
    Rule("entities", "true", ("as_linked",), "the row is as linking made it"),
    *_contract("sources"),
    Rule("sources", "in_set", ("status",), "status is a known status", schemas.STATUSES),
    Rule("sources", "in_set", ("reason_code",), "reason_code is a known reason", tuple(schemas.REASONS)),
    Rule("sources", "between", ("size_bytes",), "a file has a size", (0, None)),
    Rule("sources", "matches", ("content_sha256",), "content_sha256 is 64 hex digits", (_SHA256,)),
    Rule("sources", "matches", ("sidecar_sha256",), "sidecar_sha256 is 64 hex digits", (_SHA256,)),
    Rule("sources", "matches", ("told_sha256",), "told_sha256 is 64 hex digits", (_SHA256,)),
    Rule("sources", "true", ("id_follows",), "doc_id is that of source_uri"),
    Rule("sources", "true", ("copies_stand",), "a duplicate, and it alone, names a written source with its bytes"),
    Rule("sources", "true", ("is_explained",), "a quarantined source, and it alone, has a reason, as in quarantine"),
    Rule("sources", "true", ("as_accounted",), "the row is as it was accounted"),
    *_contract("duplicates"),
    Rule("duplicates", "between", ("similarity",), "similarity is a share, and one of near-duplicates", (0.8, 1.0)),
    Rule("duplicates", "true", ("has_document",), "the document is written"),
    Rule("duplicates", "true", ("is_mutual",), "who is like another is named by it too, with the same similarity"),
    Rule("duplicates", "true", ("clusters_agree",), "cluster and similarity are those of the documents it is like"),
    Rule("duplicates", "true", ("as_found",), "the row is as it was found"),
    *_contract("quarantine"),
    Rule("quarantine", "in_set", ("table",), "table is a known table", tuple(schemas.TABLES)),
    Rule("quarantine", "matches", ("row",), "row is a JSON object", (r"^\{[\s\S]*\}$",)),
    Rule("quarantine", "true", ("has_source",), "its source is there, and quarantined where the whole file is"),
    Rule("quarantine", "true", ("as_accounted",), "the row is as it was accounted"),
)
"""Rules about the tables that are given whole: the rows that are new or other than those published before."""

RUNS_RULES: tuple[Rule, ...] = (
    *_contract("runs"),
    *(
        Rule("runs", "between", (name,), f"{name} is a count", (0, None))
        for name in schemas.TABLES["runs"].columns
        if name.startswith("n_")
    ),
    Rule("runs", "in_set", ("validation",), "validation is a known state", ("passed", "warned")),
    Rule("runs", "true", ("adds_up",), "sources = written + unchanged + duplicate + quarantined"),
    Rule("runs", "true", ("as_accounted",), "the row is as it was accounted"),
)
"""Rules about the record of runs, the last that a run writes."""

DRIFT_RULES: tuple[Rule, ...] = (
    *_contract("drift"),
    Rule("drift", "between", ("observed",), "a measure is no less than nothing", (0.0, None)),
    Rule("drift", "between", ("deviation",), "deviation is from 0 to 1", (0.0, 1.0)),
    Rule("drift", "between", ("n_documents",), "n_documents is a count", (0, None)),
    Rule("drift", "between", ("n_runs",), "n_runs is a count", (0, None)),
    Rule("drift", "in_set", ("verdict",), "verdict is a known one", schemas.DRIFT_VERDICTS),
    Rule("drift", "true", ("as_accounted",), "the row is as it was measured"),
)
"""Rules about the measures of a run beside those of the runs before."""

RUN_RULES: tuple[Rule, ...] = (
    Rule("run", "true", ("accounts_add_up",), "sources present = written + unchanged + duplicate + quarantined"),
    Rule("run", "true", ("documents_match_sources",), "documents has one row for each source that is written"),
    Rule("run", "true", ("tables_are_whole",), "every table has the rows that were made and those that stand"),
    Rule(
        "run",
        "between",
        ("share_failed",),
        "at most half of twenty or more documents failed in a stage or broke a rule",
        (0.0, 0.5),
    ),
    Rule("run", "between", ("share_quarantined",), "most sources became documents", (0.0, 0.5), "warning"),
    Rule("run", "between", ("chars_per_document",), "documents have a usual length", (20.0, 2_000_000.0), "warning"),
    Rule("run", "between", ("mentions_per_1000_words",), "names are found at a usual rate", (1.0, 400.0), "warning"),
)
"""Rules about a run as a whole (floors and ceilings), read against the one row of `expectations.sum_up`."""
