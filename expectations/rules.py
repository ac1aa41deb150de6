"""The rules of the table contract, written once.

Polars reads them to part good rows from bad (`stages` stay unaware of them), Great Expectations reads the same
list to gate what is about to be published. A rule looks at one table and one column or pair of columns;
whatever needs more than one table is first turned into a boolean column by `expectations.evidence`.
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
    Rule("documents", "in_set", ("entity_model",), "entity_model is a known state", ("trained", "transferred", "none")),
    Rule("documents", "between", ("n_chars",), "a document has text", (1, None)),
    Rule("documents", "between", ("n_blocks",), "a document has a block", (1, None)),
    Rule("documents", "between", ("processed_at",), "processed_at lies in our time", (_FIRST_DAY, None)),
    Rule("documents", "true", ("counts_agree",), "n_chars, n_blocks, n_sentences, n_mentions are those of the rows"),
    Rule("documents", "true", ("text_is_blocks",), "text is the blocks joined by one blank line"),
    *_contract("blocks"),
    Rule("blocks", "in_set", ("kind",), "kind is a known block kind", schemas.BLOCK_KINDS),
    Rule("blocks", "matches", ("language",), "language is a known code", (LANGUAGE_CODE,)),
    Rule("blocks", "between", ("language_confidence",), "language_confidence is a probability", (0.0, 1.0)),
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
    *(rule for rule in _contract("clusters") if rule.columns != ("entity_id",)),
    Rule("clusters", "in_set", ("label",), "label is a known label", schemas.NAME_LABELS),
    Rule("clusters", "between", ("n_mentions",), "a cluster has a mention", (1, None)),
    Rule("clusters", "true", ("has_document",), "the document of the cluster exists"),
    *_contract("repairs"),
    Rule("repairs", "in_set", ("rule",), "rule is a known repair rule", tuple(schemas.REPAIR_RULES)),
    Rule("repairs", "between", ("raw_start",), "a repair starts inside the raw text", (0, None)),
    Rule("repairs", "true", ("raw_agrees",), "before is raw[raw_start:raw_end]"),
    Rule("repairs", "true", ("has_document",), "the document of the repair exists"),
)

LEAF_TABLES = ("mentions", "repairs")
"""A bad row of these is kept out alone; a bad row of any other table keeps out its whole document."""

RUN_RULES: tuple[Rule, ...] = (
    Rule("run", "true", ("accounts_add_up",), "sources present = written + unchanged + duplicate + quarantined"),
    Rule("run", "true", ("documents_match_sources",), "documents has one row for each source that is written"),
    Rule("run", "true", ("names_are_linked",), "every name of the documents of the run belongs to an entity"),
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
