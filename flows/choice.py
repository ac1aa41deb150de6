"""What may be chosen to be made again; refused before anything starts."""

from expectations.rules import RULES
from stages.discover.again import Again
from stages.errors import UsageError
from stages.tables.schemas import REASONS


def require_choice(again: Again) -> None:
    """Refuse a choice that names nothing, and codes that can stand in no quarantine, with UsageError."""
    if not (again.doc_ids or again.patterns or again.codes or again.outdated):
        raise UsageError(
            "nothing is named that is to be made again; name documents (--id), a glob of source_uri (--match), "
            "a code of the table quarantine (--code), or --outdated"
        )
    known = {*REASONS, *(rule.name for rule in RULES)}
    if strangers := [code for code in again.codes if code not in known]:
        raise UsageError(f"{strangers[0]} is no code of the table quarantine; its column rule has them: {_some(known)}")


def _some(known: set[str]) -> str:
    return ", ".join(sorted(code for code in known if "." not in code))
