"""What is known of a document: dates made ISO 8601, and front matter, sidecars, paths and datelines put in order."""

import datetime as dt
import json
import re
import tomllib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from stages.discover.sidecars import MOST_SIDECAR
from stages.discover.told import file_column
from stages.errors import SourceError
from stages.read.raw_document import Fact

FROM_SIDECAR, FROM_TABLE, FROM_PATH = "sidecar", "metadata file", "path"
NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "headline", "titel", "überschrift", "titre", "subject", "name"),
    "author": (
        *("author", "authors", "autor", "autoren", "autorin", "byline", "creator", "auteur", "verfasser"),
        *("verfasserin", "contributor"),
    ),
    "published_at": (
        *("published_at", "published", "date", "datum", "publication_date", "date_published", "datepublished"),
        *("publishdate", "pubdate", "pub_date", "issued", "erschienen", "veröffentlicht", "created", "created_at"),
    ),
    "language": ("language", "lang", "sprache", "langue", "inlanguage", "locale"),
    "url": ("url", "link", "canonical", "permalink", "source_url", "uri", "href"),
    "publisher": (
        *(
            "publisher",
            "newspaper",
            "zeitung",
            "site_name",
            "sitename",
            "site",
            "outlet",
            "medium",
            "quelle",
            "journal",
        ),
        *("source", "herausgeber", "verlag"),
    ),
    "section": ("section", "ressort", "rubrik", "category", "categories", "kategorie", "topic"),
}
"""The names under which a fact is known in front matter, sidecars and columns, the first there is holds."""
_MONTHS = {
    "jan": 1, "jän": 1, "feb": 2, "fév": 2, "mär": 3, "mar": 3, "mrz": 3, "apr": 4, "avr": 4, "mai": 5, "may": 5,
    "jun": 6, "jui": 6, "jul": 7, "aug": 8, "aoû": 8, "aou": 8, "sep": 9, "okt": 10, "oct": 10, "nov": 11,
    "dez": 12, "dec": 12, "déc": 12,
}  # fmt: skip
_MONTH = r"(?P<month>[A-Za-zäéûÄ]{3,9})\.?"
_DATE_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?:$|[T\s].*)",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:$|T.*)",
        r"(?P<y>\d{4})[-/](?P<m>\d{1,2})",
        r"(?P<y>\d{4})",
        r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})(?:$|[,\s].*)",
        rf"(?:[A-Za-zÄäéû]+,?\s+)?(?:den\s+)?(?P<d>\d{{1,2}})(?:\.|er|st|nd|rd|th)?\s+{_MONTH},?\s+(?P<y>\d{{4}})(?:$|[,\s].*)",
        rf"(?:[A-Za-z]+,\s+)?{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})(?:$|[,\s].*)",
        rf"{_MONTH}\s+(?P<y>\d{{4}})",
    )
)
_FIRST_YEAR = 1400
_FENCE = re.compile(r"\ufeff?(---|\+\+\+)[ \t]*\r?\n")
_MOST_FRONT_MATTER = 1 << 16
_MOST_VALUE = 2000


def iso_date(value: object) -> str | None:
    """Give a date as ISO 8601, to the day, month or year that it tells; None where it tells none.

    The day is that of the place of writing: a time zone moves nothing. In digits alone the year comes first, or the
    day does and full stops part them; "5/3/2024" may be either and tells nothing.

    >>> iso_date("2024-03-05T23:30:00+01:00"), iso_date("5. März 2024"), iso_date("March 2024"), iso_date("5/3/2024")
    ('2024-03-05', '2024-03-05', '2024-03', None)
    """
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    text = " ".join(str(value).split())
    for form in _DATE_FORMS:
        if match := form.fullmatch(text):
            return _calendar_date(match.groupdict())
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError, IndexError):
        return None


def _calendar_date(parts: Mapping[str, str | None]) -> str | None:
    named = parts.get("month")
    month = _MONTHS.get(_month_key(named)) if named else int(parts.get("m") or 0) or None
    year, day = int(parts["y"] or 0), parts.get("d")
    if year < _FIRST_YEAR or (named and month is None):
        return None
    try:
        found = dt.date(year, month or 1, int(day or 1))
    except ValueError:
        return None
    return f"{year:04}" if month is None else f"{year:04}-{month:02}" if day is None else found.isoformat()


def _month_key(name: str) -> str:
    key = name.lower()[:3]
    return "jul" if key == "jui" and name.lower().startswith("juil") else key


def precision(date: str) -> str:
    """The precision of an ISO date: year, month or day.

    >>> precision("2024-03")
    'month'
    """
    return ("year", "month", "day")[date.count("-")]


def named_facts(values: Mapping[str, Any], found_in: str) -> dict[str, Fact]:
    """Give the facts of a mapping (front matter, sidecar, a row), each with ``found_in`` and its key.

    Those that have columns of their own are known by the `NAMES` in use, dates made ISO 8601; everything else that is
    a plain value or a list of such is kept under its own name. A date that cannot be read is kept as ``date``.
    """
    by_name = {str(key).strip().lower(): key for key in reversed(list(values))}
    facts, used = {}, set()
    for fact, names in NAMES.items():
        for key in (by_name[name] for name in names if name in by_name):
            value = iso_date(values[key]) if fact == "published_at" else _plain(values[key])
            if value and fact not in facts:
                facts[fact] = Fact(value, f"{found_in} {key}")
                used.add(key)
    others = {str(key): _plain(value) for key, value in values.items() if key not in used}
    return facts | {key: Fact(text, f"{found_in} {key}") for key, text in others.items() if text and key not in facts}


def _plain(value: object) -> str:
    """A value as text; of a list its values, of a mapping its name; nothing for what has no short text."""
    if isinstance(value, Mapping):
        return _plain(value.get("name") or value.get("title") or "")
    if isinstance(value, list | tuple):
        return ", ".join(text for text in map(_plain, value) if text)[:_MOST_VALUE]
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return " ".join(str(value).split())[:_MOST_VALUE]


def split_front_matter(text: str) -> tuple[dict[str, Any], int]:
    """Give the front matter of a text (YAML between ``---``, TOML between ``+++``) and where the text behind it begins.

    ({}, 0) where there is none: also where what stands there cannot be read, or is no mapping, because two rules of
    hyphens may be just that. An alias in YAML, by which few bytes become gigabytes, is not followed.
    """
    opened = _FENCE.match(text)
    if not opened:
        return {}, 0
    closed = re.compile(rf"^(?:{re.escape(opened[1])}|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.MULTILINE).search(
        text, opened.end(), opened.end() + _MOST_FRONT_MATTER
    )
    if not closed:
        return {}, 0
    values = _front_values(text[opened.end() : closed.start()], opened[1])
    return (values, closed.end()) if values else ({}, 0)


def _front_values(source: str, fence: str) -> dict[str, Any]:
    from stages.read.plain_yaml import load_yaml  # here, for few files have front matter

    try:
        values = tomllib.loads(source) if fence == "+++" else load_yaml(source)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def read_sidecar(data: bytes, name: str) -> dict[str, Fact]:
    """Give the facts of a sidecar, a JSON object beside its file (see `sidecar_names`).

    Raises SourceError (``damaged``) where it is none, or longer than `MOST_SIDECAR` bytes.
    """
    if len(data) > MOST_SIDECAR:
        raise SourceError("damaged", f"the sidecar {name} is longer than {MOST_SIDECAR:,} bytes; shorten it")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SourceError("damaged", f"the sidecar {name} is no JSON ({error}); correct it") from error
    if not isinstance(values, dict):
        raise SourceError("damaged", f"the sidecar {name} is no JSON object; make it one")
    return named_facts(values, FROM_SIDECAR)


def row_facts(row: Mapping[str, Any]) -> dict[str, Fact]:
    """Give the facts of a row of a metadata table: what its columns say but for the one that names the file."""
    key = file_column(row)
    return named_facts({name: value for name, value in row.items() if name != key}, FROM_TABLE)


_FIELD_NAMES = {"published": "published_at", "date": "published_at", "lang": "language"}


def path_facts(regex: re.Pattern[str], path: str) -> dict[str, Fact]:
    """Give the facts that a path tells by a pattern of `path_regex`; none where it does not fit."""
    match = regex.fullmatch(path)
    if not match:
        return {}
    values: dict[str, str] = {}
    dates: dict[str, dict[str, str | None]] = {}
    for group, value in match.groupdict().items():
        name, _, code = group.partition("__")
        name = _FIELD_NAMES.get(name, name)
        if code:
            dates.setdefault(name, {})[{"Y": "y", "B": "month", "b": "month", "y": "short"}.get(code, code)] = value
        else:
            values[name] = value if name != "published_at" else iso_date(value) or ""
    for name, parts in dates.items():
        if short := parts.pop("short", None):
            parts["y"] = f"20{short}" if int(short) < 70 else f"19{short}"
        values[name] = (_calendar_date(parts) if parts.get("y") else None) or ""
    return {name: Fact(value, f"{FROM_PATH} {{{name}}}") for name, value in values.items() if value}


_PLACE = r"[A-ZÄÖÜ][\w.'’-]+(?:[ /-](?:am|an|der|im|bei|of|the|[A-ZÄÖÜ(])[\w.'’)-]*){0,4}"
_DAY_DE = r"(?:\w+,? )?(?:den )?\d{1,2}\. ?(?:[A-Za-zäÄ]{3,9}\.?|\d{1,2}\.) ?\d{4}"
_DAY_EN = r"[A-Z][a-z]{2,8}\.? \d{1,2},? \d{4}|\d{1,2} [A-Z][a-z]{2,8} \d{4}"
_AGENCY = r"\s*(?:\((?P<agency>[\w/., -]{2,40})\))?\s*(?:[-–—:.+]+|$|(?=\())"
_DATELINE = re.compile(
    rf"\s*(?P<place>{_PLACE})(?:, | \()(?:am )?(?P<date>{_DAY_DE}|{_DAY_EN})\)?{_AGENCY}", re.MULTILINE
)
DATELINE_AT_MOST = 400


def dateline_facts(text: str) -> dict[str, Fact]:
    """Give place, date and agency of a dateline at the beginning of a mended text, German or English.

    >>> {name: fact.value for name, fact in dateline_facts("Berlin, 3. März 2024 (dpa) - Der Bundestag").items()}
    {'published_at': '2024-03-03', 'place': 'Berlin', 'agency': 'dpa'}
    """
    for line in text[:DATELINE_AT_MOST].split("\n"):
        match = _DATELINE.match(line)
        date = iso_date(match["date"].replace(".", ". ")) if match else None
        if match and date:
            told = {"published_at": date, "place": match["place"], "agency": match["agency"]}
            return {name: Fact(value, "dateline") for name, value in told.items() if value}
    return {}


def in_order(*sources: Mapping[str, Fact]) -> dict[str, Fact]:
    """Put the facts of several sources together; of one name the first holds.

    The order of a run: what the user says (table of ``--metadata``, sidecar, path pattern), then what the file says
    (front matter, headers, markup, columns), then the dateline. A more exact date of a later source that agrees with a
    less exact one of an earlier source is taken instead (2024 from the path, 2024-03-05 from the markup).
    """
    known: dict[str, Fact] = {}
    for facts in sources:
        for name, fact in facts.items():
            held = known.get(name)
            finer = name == "published_at" and held and len(held.value) < len(fact.value)
            if held is None or (finer and fact.value.startswith(held.value)):
                known[name] = fact
    return known
