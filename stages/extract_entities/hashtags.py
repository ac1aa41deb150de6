"""Towns and organisations that an engine missed in a hashtag: "Stau in #Bamberg", "#Lufthansa streikt"."""

import re
from collections.abc import Sequence
from functools import lru_cache

from stages.extract_entities.names import Name
from stages.extract_entities.names.decode import with_free
from stages.lookups.fold import REMEMBERED, plain
from stages.lookups.known_names import lists, places

SCORE = 0.9  # of names that are told here
HASHTAG = re.compile(r"(?<![\w&/#])#([^\W\d_]\w{2,})(?![\w-])")


def with_hashtags(texts: Sequence[str], found: Sequence[Sequence[Name]], extractor: str) -> list[list[Name]]:
    """Add to the names of the sentences of one document the hashtags without a name that are one of the tables.

    >>> [name[:3] for name in with_hashtags(["Stau in #Bamberg #stau"], [[]], "rule")[0]]
    [(9, 16, 'LOC')]
    """
    return [_with_hashtags(text, names, extractor) for text, names in zip(texts, found, strict=True)]


def _with_hashtags(text: str, names: Sequence[Name], extractor: str) -> list[Name]:
    told = list(names)
    for match in HASHTAG.finditer(text) if "#" in text else ():
        if label := _label(match[1]):
            told = with_free([match.span(1)], told, Name(0, 0, label, "name", SCORE, extractor))
    return told


@lru_cache(REMEMBERED)
def _label(word: str) -> str | None:
    """What the tables know a word to be; a verb or a plural in small letters ("#essen") is called like a town."""
    key = plain(word)
    if ("ORG", key) in lists().aliases or ("ORG", key) in lists().shown:
        return "ORG"
    is_place = key in places() and key not in lists().no_places
    return "LOC" if is_place and not (word.islower() and word.endswith("en")) else None
