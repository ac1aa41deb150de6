"""What a document says of its names: mentions and the clusters made of them."""

from typing import NamedTuple

from stages.link_entities.roles import NEAR
from stages.link_entities.told import Told


class Mentions(NamedTuple):
    """Columns of the names of many documents, those of one document side by side in the order of its text."""

    mention_no: list[int]
    text: list[str]
    label: list[str]
    kind: list[str]
    block_no: list[int]
    start: list[int]
    end: list[int]


class Cluster(NamedTuple):
    """The rows of the mentions of one entity in a document, and what is said of it."""

    rows: list[int]
    told: Told


def text_between(text: str, end: int, start: int) -> str:
    """The text from the end of a name to the start of the next.

    Empty where it is long, and where a blank line is in it: what stands in another block says nothing about a name.
    """
    return text[end:start] if 0 < start - end <= NEAR and "\n\n" not in text[end : start + 1] else ""
