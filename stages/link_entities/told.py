"""What a document says of one entity, as the cluster table has it: label, signature, blocks and forms."""

from collections.abc import Collection, Iterable
from json import encoder
from typing import NamedTuple, TypeVar

from stages.link_entities.resolve import Claim, Signature, blocks_of

T = TypeVar("T", str, Claim, tuple[str, int])

BETWEEN_BLOCKS = "\x1f"  # white space, which no key holds
_quoted = encoder.encode_basestring  # as the encoder without ASCII has it, which would be made for each list


class Told(NamedTuple):
    """Cells of the cluster table; ``blocks`` are one string, parted by `BETWEEN_BLOCKS`."""

    label: str
    signature: str
    blocks: str
    forms: str


def told_of(
    label: str,
    strong: tuple[str, ...],
    weak: tuple[str, ...] = (),
    bases: tuple[str, ...] = (),
    forms: tuple[tuple[str, int], ...] = (),
    roles: tuple[str, ...] = (),
    claims: tuple[Claim, ...] = (),
) -> Told:
    """Write down what a document says of an entity.

    ``strong`` keys name it in full, ``weak`` ones by a surname or an acronym; ``bases`` are what a key would be
    without its ending, if that is one; ``forms``: spellings with their counts; ``roles`` are what stands beside a
    person; ``claims`` are rule and two keys that the document gives reason to think one. All are `ordered`.
    """
    signature = Signature(label, strong, weak, bases, roles, claims)
    blocks = BETWEEN_BLOCKS.join(ordered(blocks_of(signature)))
    spelt = ", ".join([f"{_quoted(form)}: {number}" for form, number in forms])
    keys = f"{_listed(strong)}, {_listed(weak)}, {_listed(bases)}, {_listed(roles)}"
    written = f"[{_quoted(label)}, {keys}, [{', '.join(map(_listed, claims)) if claims else ''}]]"
    return Told(label, written, blocks, f"{{{spelt}}}")


def _listed(texts: tuple[str, ...]) -> str:
    """Strings as a list of JSON."""
    return f"[{', '.join([_quoted(text) for text in texts])}]" if texts else "[]"


def ordered(found: Collection[T]) -> tuple[T, ...]:
    """As a tuple in order; nearly all have one element or none, and sorting costs more than all else here."""
    return tuple(sorted(found)) if len(found) > 1 else tuple(found)


def counted(forms: Iterable[str], implied: Iterable[str] = ()) -> tuple[tuple[str, int], ...]:
    """Spellings in order, each with its number; none for base forms that a text implies and does not have."""
    counts: dict[str, int] = {}
    for form in forms:
        counts[form] = counts.get(form, 0) + 1
    for base in implied:
        counts.setdefault(base, 0)
    return ordered(counts.items())
