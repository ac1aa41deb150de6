"""Path patterns: what the user says that the paths below a source tell."""

import re

_FIELD = re.compile(r"\{(\w+)(?::([^{}]+))?\}|\*\*/?|\*|\?")
_CODES = {"Y": r"\d{4}", "m": r"\d{1,2}", "d": r"\d{1,2}", "B": r"[^\W\d_]+", "b": r"[^\W\d_]+\.?", "y": r"\d{2}"}


def path_regex(pattern: str) -> re.Pattern[str]:
    """Turn a path pattern into a regular expression over a whole path below the folder of a source.

    ``{name}`` is a part of a path (or of its name), ``{published:%Y/%m/%d}`` a date in the codes Y, y, m, d, B, b;
    ``*`` and ``**`` as in globs. Raises ValueError for an unknown code, and for a field that is there twice.

    >>> path_regex("{publisher}/{published:%Y/%m}/*").fullmatch("seeblick/2024/03/rat.txt").groupdict()
    {'publisher': 'seeblick', 'published__Y': '2024', 'published__m': '03'}
    """
    parts, end = [], 0
    for match in _FIELD.finditer(pattern):
        parts.append(re.escape(pattern[end : match.start()]))
        parts.append(_field(match))
        end = match.end()
    parts.append(re.escape(pattern[end:]))
    try:
        return re.compile("".join(parts))
    except re.error as error:
        raise ValueError(f"the path pattern {pattern} cannot be read ({error}); name each field once") from error


def check_path_pattern(pattern: str) -> str:
    """Give the pattern back; raises ValueError as `path_regex` does."""
    path_regex(pattern)
    return pattern


def _field(match: re.Match[str]) -> str:
    name, form = match[1], match[2]
    if name is None:
        return {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}[match[0]]
    if form is None:
        return rf"(?P<{name}>[^/]+?)"
    codes = re.split(r"%(.)", form)
    unknown = [code for code in codes[1::2] if code not in _CODES]
    if unknown or len(codes) == 1:
        raise ValueError(f"{{{name}:{form}}} is no date of the codes {', '.join(f'%{code}' for code in _CODES)}")
    return "".join(rf"(?P<{name}__{part}>{_CODES[part]})" if i % 2 else re.escape(part) for i, part in enumerate(codes))
