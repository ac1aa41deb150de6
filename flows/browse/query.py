"""What somebody types into the search field: words, "phrases", open ends*, -words kept out, OR between two.

It becomes a query of SQLite's full-text search, in which nothing of what was typed is syntax, and a pattern that finds
the same places in a text.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_TERM = re.compile(r'(?P<without>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')
_TOKEN = re.compile(r"[^\W_]+")
_OR = {"OR", "ODER"}


class _Folded(dict[int, str]):
    """Each character in lower case and without its accent; one for one, so that places stay."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFD", chr(code).lower())[:1] or chr(code)
        self[code] = plain
        return plain


_FOLDED = _Folded()


def fold(text: str) -> str:
    """Give a text in lower case without accents, of the same length.

    >>> fold("Gaswerk Münster")
    'gaswerk munster'
    """
    return text.translate(_FOLDED)


@dataclass(frozen=True)
class Query:
    """What is looked for: alternatives of terms that must all be there, and terms that must not.

    A term is a tuple of words that follow each other; the last may end in ``*``.
    """

    wanted: tuple[tuple[tuple[str, ...], ...], ...]
    without: tuple[tuple[str, ...], ...]

    def __bool__(self) -> bool:
        return bool(self.wanted)

    def to_fts(self, columns: tuple[str, ...] = ()) -> str:
        """Write it for FTS5, every word quoted; with ``columns`` only these are searched.

        >>> parse('Gaswerk "an die" -Lindau Stadtw*').to_fts()
        '("Gaswerk" AND "an die" AND "Stadtw"*) NOT ("Lindau")'
        """
        either = (" OR ".join(map(_quoted, terms)) for terms in self.wanted)
        found = " AND ".join(f"({one})" if " OR " in one else one for one in either)
        if self.without:
            found = f"({found}) NOT ({' OR '.join(map(_quoted, self.without))})"
        within = "{" + " ".join(f'"{name}"' for name in columns) + "} : " if columns else ""
        return f"{within}({found})" if within else found

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """What finds the same words in a folded text; None where nothing is looked for."""
        terms = [_pattern(term) for terms in self.wanted for term in terms]
        return re.compile("|".join(terms)) if terms else None


def parse(typed: str) -> Query:
    """Read what was typed; whatever it is, it is no error.

    >>> parse("Gas OR Wasser").wanted
    ((('Gas',), ('Wasser',)),)
    """
    wanted: list[list[tuple[str, ...]]] = []
    without: list[tuple[str, ...]] = []
    joins = False
    for kept_out, term, is_or in _terms(typed):
        if is_or:
            joins = bool(wanted)
        elif kept_out:
            without.append(term)
        elif joins:
            wanted[-1].append(term)
            joins = False
        else:
            wanted.append([term])
    return Query(tuple(map(tuple, wanted)), tuple(without))


def _terms(typed: str) -> Iterator[tuple[bool, tuple[str, ...], bool]]:
    for found in _TERM.finditer(typed):
        word = found["word"]
        tokens = _TOKEN.findall(found["phrase"] if word is None else word)
        if word in _OR:
            yield False, (), True
        elif tokens:
            is_open = word is not None and word.endswith("*")
            yield bool(found["without"]), (*tokens[:-1], tokens[-1] + "*" * is_open), False


def _quoted(term: tuple[str, ...]) -> str:
    words = " ".join(term)
    return f'"{words[:-1]}"*' if words.endswith("*") else f'"{words}"'


def _pattern(term: tuple[str, ...]) -> str:
    words = [re.escape(fold(word.rstrip("*"))) for word in term]
    end = r"[^\W_]*" if term[-1].endswith("*") else r"(?![^\W_])"
    return r"(?<![^\W_])" + r"[\W_]+".join(words) + end


def snippet(text: str, query: Query, around: int = 110) -> list[tuple[str, bool]]:
    """Cut out the place where most words of a query stand close together: pieces, and whether each is a hit.

    Without a hit it is the beginning of the text.
    """
    hits = [found.span() for found in query.pattern.finditer(fold(text))] if query.pattern else []
    first = max(hits, key=lambda hit: sum(0 <= other[0] - hit[0] < around for other in hits), default=(0, 0))
    start, end = _at_words(text, max(0, first[0] - around // 2), min(len(text), first[0] + 2 * around))
    pieces, at = [], start
    for begin, stop in hits:
        if start <= begin and stop <= end and begin >= at:
            pieces += [(text[at:begin], False), (text[begin:stop], True)]
            at = stop
    pieces.append((text[at:end], False))
    before, after = "… " * (start > 0), " …" * (end < len(text))
    return [(before, False), *[piece for piece in pieces if piece[0]], (after, False)]


def _at_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Move the ends of a cutting to the next space, if there is one near."""
    begin = text.find(" ", start, start + 30) + 1 if start else 0
    stop = text.rfind(" ", end - 30, end) if end < len(text) else end
    return begin or start, stop if stop > 0 else end
