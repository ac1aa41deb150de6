"""The form of a file: what its name alone says about how its bytes are to be read."""

import re

from stages.discover.file_kinds import kind_of_name

MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".qmd", ".rmd")
"""Suffixes of texts that may be Markdown; what they hold decides."""
TEXT_SUFFIXES = ("", ".txt", ".text", *MARKDOWN_SUFFIXES, ".html", ".htm", ".xhtml", ".srt", ".vtt", ".eml")
"""Suffixes of files that are read as plain text where what they hold is nothing else."""
# Behind at least one other character; the tilde is that of an editor's copy.
_SUFFIX = re.compile(r"(?<=.)\.[a-z0-9]{1,8}~?\Z", re.IGNORECASE | re.ASCII | re.DOTALL)


def file_form(name: str) -> tuple[bool, str]:
    """Whether a file is compressed, by its name, and the suffix that says what is in it, in small letters.

    A suffix is what looks like one: a full stop and one to eight letters or digits of ASCII. A letter comes first,
    unless it is a known one (.7z).

    >>> file_form("Bericht.TXT.gz"), file_form("README"), file_form("Bericht Dr. Müller"), file_form("Stand 12.5.")
    ((True, '.txt'), (False, ''), (False, ''), (False, ''))
    """
    stem, suffix = _part_suffix(name.lstrip("."))
    return (True, _part_suffix(stem)[1]) if suffix == ".gz" else (False, suffix)


def _part_suffix(name: str) -> tuple[str, str]:
    match = _SUFFIX.search(name)
    suffix = match[0].lower() if match else ""
    if match and (suffix[1].isalpha() or kind_of_name(suffix)):
        return name[: match.start()], suffix
    return name, ""
