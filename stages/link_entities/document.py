"""What a document says of its names: mentions and the clusters made of them."""

from collections.abc import Collection
from typing import NamedTuple, TypeVar

from stages.link_entities import names

Claim = tuple[str, str, str]
T = TypeVar("T", str, Claim, tuple[str, int])


class Mention(NamedTuple):
    """A name in a document with the text after it, of a person also the one before, and the role that both give it.

    ``base`` is the name without an ending that the text shows to be one; empty where it shows nothing.
    """

    mention_no: int
    text: str
    label: str
    kind: str
    block_no: int
    start: int
    end: int
    before: str
    after: str
    role: str | None
    base: str = ""


class Cluster(NamedTuple):
    """What a document says of one entity.

    ``strong`` keys name it in full, ``weak`` ones by a surname or an acronym; ``bases`` are what a key would be
    without its ending, if that is one; ``roles`` are what stands beside a person; ``claims`` are rule and two keys that
    the document gives reason to think one. ``members``: mention numbers; ``forms``: spellings with their counts, in
    order.
    """

    label: str
    strong: tuple[str, ...]
    weak: tuple[str, ...]
    bases: tuple[str, ...]
    roles: tuple[str, ...]
    claims: tuple[Claim, ...]
    members: tuple[int, ...]
    forms: tuple[tuple[str, int], ...]


def text_between(one: Mention, other: Mention) -> str:
    """The text between two mentions; empty where they stand further apart than was read."""
    distance = other.start - one.end
    return one.after[:distance] if 0 <= distance <= len(one.after) else ""


def make_cluster(
    label: str,
    keys: tuple[Collection[str], Collection[str], Collection[str]],
    mentions: list[Mention],
    roles: Collection[str] = (),
    claims: Collection[Claim] = (),
) -> Cluster:
    """A cluster of mentions with their spellings counted; ``keys``: strong ones, weak ones and bases."""
    strong, weak, bases = keys
    forms: dict[str, int] = {}
    for mention in mentions:
        form = _form(mention)
        forms[form] = forms.get(form, 0) + 1
        if mention.base:
            forms.setdefault(mention.base, 0)  # a base form that a text implies and does not have
    return Cluster(
        label,
        _ordered(strong),
        _ordered(weak),
        _ordered(bases),
        _ordered(roles),
        _ordered(set(claims)) if claims else (),
        tuple([mention.mention_no for mention in mentions]),
        _ordered(forms.items()),
    )


def _ordered(found: Collection[T]) -> tuple[T, ...]:
    """As a tuple in order; nearly all have one element or none, and sorting costs more than all else here."""
    return tuple(sorted(found)) if len(found) > 1 else tuple(found)


def _form(mention: Mention) -> str:
    """The spelling of a name; of an adjective the place it comes from, where the lists know it. "Englisch" as a thing
    of its own is a language.
    """
    placed = (mention.kind == "deriv" and mention.label != "MISC") or mention.label == "LOC"
    origin = names.origin(mention.text) if placed else None
    return origin or mention.text
