"""The ``accurate`` engine: of a sentence that the small network is sure of, word for word, the encoder is not asked.

The encoder costs some twenty times as much, and half of the sentences of German newspapers are easy. What is given up
on germeval_dev by `SURE` is in the card of the encoder.
"""

from collections.abc import Sequence

from stages.extract_entities.names.decode import NOTHING, Tagged
from stages.extract_entities.names.encoder import tag_encoder
from stages.extract_entities.names.small import tag_where_sure

SURE = 0.9


def tag_cascade(sentences: Sequence[Sequence[str]], known: Sequence[bool]) -> list[Tagged]:
    """Tag each sentence; ``known`` tells of which the small network knows the language."""
    asked = [number for number, is_known in enumerate(known) if is_known]
    results: list[Tagged | None] = [None] * len(sentences)
    for number, tagged in zip(asked, tag_where_sure([sentences[number] for number in asked], SURE), strict=True):
        results[number] = tagged
    left = [number for number, tagged in enumerate(results) if tagged is None]
    for number, tagged in zip(left, tag_encoder([sentences[number] for number in left]), strict=True):
        results[number] = tagged
    return [tagged or NOTHING for tagged in results]
