"""Tell lines of source code, commands and markup from running text, by the signs in them."""

import re
from collections.abc import Sequence

# Of a line of code: how it ends, what stands in it, how it begins. One of these in running text proves nothing, so
# they count in runs only.
SIGN = re.compile(
    r"[{}]$|[)\]}\"'];$|^[\w.]+;$|\w\($|^[)\]}]+[;,]?$|^[\w.]+\(.*\)[:;,]?$|\w = \S|==|!=|\+=|=>|->|::|&&|\|\|"
    r"|</?\w+[^<>]*>$|\w\[\w+\]|^\w+\.\w+\(|^@\w+|^(?:\$|>>>|#!|//|/\*|<\?) ?\S|^#include\b"
    r"|^(?:def|class|if|elif|for|while|with|else|try|except)\b.*:$"
    r"|^(?:import|from) [\w.]+(?: import .+| as \w+)?$|^return\b[^.]*$|^SELECT\b|^export \w+="
)
# Any of these takes one of these, or begins or ends so, which is looked for first: most texts are prose.
HINT = re.compile(r"[]()[{}<>=;$@&|!+]")
BEGINNINGS, ENDING = ("import", "from", "return", "SELECT", "export", "#", "/"), ":"
# What ends so is a sentence, unless it ends in a call.
SENTENCE = re.compile(r"[^\W\d_]{3}(?:\.|[?!]|\.[\"\u201c\u201d])$|^[\u2022\u2013\u2014] ")
# So many lines are code: all of a few, most of more; the first and the last are.
FEWEST, MANY, MOST, LONGEST = 2, 4, 0.6, 160


def find_code(texts: Sequence[str], may_be: Sequence[bool]) -> list[range]:
    """The runs of texts that are lines of code, among those that ``may_be``."""
    signs = [may and len(text) <= LONGEST and _is_code(text) for text, may in zip(texts, may_be, strict=True)]
    found: list[range] = []
    at = 0
    while at < len(signs):
        run = _code(texts, signs, may_be, at) if signs[at] else range(at, at)
        if len(run) >= FEWEST:
            found.append(run)
        at = run.stop + 1 if run else at + 1
    return found


def are_code(texts: Sequence[str]) -> bool:
    """Whether each of some lines is code."""
    return len(texts) >= FEWEST and all(len(text) <= LONGEST and _is_code(text) for text in texts)


def _is_code(text: str) -> bool:
    may_be = HINT.search(text) is not None or text.endswith(ENDING) or text.startswith(BEGINNINGS)
    return may_be and SIGN.search(text) is not None and not SENTENCE.search(text)


def _code(texts: Sequence[str], signs: Sequence[bool], may_be: Sequence[bool], start: int) -> range:
    """The longest run from a line of code on that ends in one, and of which most lines are code."""
    shown, end = 0, start
    for at in range(start, len(texts)):
        shown += signs[at]
        if not may_be[at] or SENTENCE.search(texts[at]) or len(texts[at]) > LONGEST or shown < MOST * (at + 1 - start):
            break
        if signs[at] and (shown == at + 1 - start or at + 1 - start >= MANY):
            end = at + 1
    return range(start, end)
