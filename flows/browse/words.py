"""The words of the pages in German and English; in the templates stand the English ones."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

LANGUAGES = ("en", "de")
WORDS: Mapping[str, Mapping[str, str]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
"""By language what stands for the English words of the templates; in English only for codes and column names."""

Words = Callable[[str], str]


def words_of(language: str) -> Words:
    """Give what turns the words of the code into those of a language; what it does not know stays as it is.

    >>> words_of("de")("Search"), words_of("en")("PER")
    ('Suche', 'person')
    """
    known = WORDS[language]
    return lambda word: known.get(word, word)


def best_language(accepted: str) -> str:
    """Choose the language of the pages by what a browser says it accepts.

    >>> best_language("de-AT,de;q=0.9,en;q=0.8"), best_language("fr")
    ('de', 'en')
    """
    offered = [part.partition(";")[0].strip()[:2].lower() for part in accepted.split(",")]
    return next((code for code in offered if code in LANGUAGES), "en")


def day(date: str, dated_by: str) -> str:
    """Write the day of a document as far as it is known; nothing where only its file has one.

    >>> day("2024-03-01", "month"), day("2024-03-01", "day"), day("2026-11-28", "file")
    ('2024-03', '2024-03-01', '')
    """
    return date[: _KNOWN.get(dated_by, 0)]


_KNOWN = {"day": 10, "month": 7, "year": 4}


def number(value: float, language: str) -> str:
    """Write a number as a language does.

    >>> number(12345, "de"), number(12345.6, "en")
    ('12.345', '12,345.6')
    """
    written = f"{value:,.1f}" if isinstance(value, float) and not value.is_integer() else f"{int(value):,}"
    return written.translate(str.maketrans(",.", ".,")) if language == "de" else written
