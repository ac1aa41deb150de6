"""Selection: which paths below a source are read, and which are passed over and why.

What programs leave beside texts (hidden, lock and temporary files) is passed over unless the user asks for it;
patterns are those of .gitignore files. A path that is passed over is no source of the run: nothing is said of it, and
rows of it that an earlier run published stand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING

from stages.discover.forms import file_form

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

EXCLUDED, NOT_INCLUDED, OTHER_SUFFIX, TABLES_FOLDER = "excluded", "not included", "other suffix", "tables folder"
LATER = "left for later"
BY_DEFAULT = {
    ".*": "hidden",  # .git, .env, .DS_Store, the ._ files of a Mac, .nfs and .fuse_hidden files
    "[Tt]humbs.db": "hidden",  # the previews of Windows
    "[Dd]esktop.ini": "hidden",  # how Windows shows a folder
    "$RECYCLE.BIN/": "hidden",
    "System Volume Information/": "hidden",
    "lost+found/": "hidden",  # pieces of files that a check of the disk found
    "@eaDir/": "hidden",  # the previews of a Synology store
    "__MACOSX/": "hidden",  # what a Mac adds to a ZIP archive
    "~$*": "temporary",  # an office document that somebody has open
    ".~lock.*#": "temporary",  # the same of LibreOffice; after ".*", for the last match counts
    "*.lock": "temporary",
    "*.lck": "temporary",
    "*.tmp": "temporary",
    "*.temp": "temporary",
    "*.part": "temporary",  # what is still loading: Firefox, KDE, and so on
    "*.partial": "temporary",
    "*.filepart": "temporary",  # WinSCP
    "*.crdownload": "temporary",  # Chrome
    "*.opdownload": "temporary",  # Opera
    "*.download": "temporary",  # Safari
    "*.swp": "temporary",  # Vim
    "*.swo": "temporary",
    "*~": "temporary",  # the version before the last of many editors
    "[#]*#": "temporary",  # Emacs
}
"""What is passed over unasked: patterns of names, each with the reason that is counted."""
_LIKELY = re.compile("|".join(translate(pattern.rstrip("/")) for pattern in BY_DEFAULT))
"""A name that one of them may match; tells most files in an eighth of the time."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to read below the sources; the default is everything that is neither hidden nor temporary.

    ``include``: where there is one, only what matches is read, be it hidden or temporary. ``exclude``: what is passed
    over too; a ``!`` before a pattern takes an earlier one back, also one of `BY_DEFAULT`. ``suffixes``: where there is
    one, only files of these endings are read (".txt" reads ".txt.gz" as well, "" files without an ending).
    ``later``: paths, no patterns, that are left for another run, as files that somebody is still writing.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    later: frozenset[str] = frozenset()

    def passes_over(self, relative: str) -> str | None:
        """Give the reason why a path below a source is passed over, or None; a folder ends in a slash.

        Asked is the path itself; what lies in a folder that is passed over is never looked at.

        >>> Selection().passes_over("1997/~$bericht.txt"), Selection().passes_over("1997/bericht.txt")
        ('temporary', None)
        >>> Selection(exclude=("entwurf/",)).passes_over("1997/entwurf/")
        'excluded'
        """
        if relative in self.later:
            return LATER
        why = _last_match(relative, self.exclude)
        is_folder = relative.endswith("/")
        if why == EXCLUDED:
            return EXCLUDED
        if self.suffixes and not is_folder and not _ends_in(relative, self.suffixes):
            return OTHER_SUFFIX
        if not self.include:
            return why
        ways = _ways(self.include, named=why is not None)
        if _spec(self.include).match_file(relative) or (is_folder and _spec(ways).match_file(relative)):
            return None
        return why or NOT_INCLUDED


def on_the_way(relative: str) -> Iterator[str]:
    """Give the folders that a file lies in, from the top, and the file.

    >>> list(on_the_way("1997/05/a.txt"))
    ['1997/', '1997/05/', '1997/05/a.txt']
    """
    at = -1
    while (at := relative.find("/", at + 1)) >= 0:
        yield relative[: at + 1]
    yield relative


def check_pattern(pattern: str) -> str:
    """Give the pattern back; raise ValueError where it is none of a .gitignore file, or one that matches nothing."""
    from pathspec import GitIgnoreSpec  # here and below, for many commands choose no files

    try:
        means = [found.include for found in GitIgnoreSpec.from_lines([pattern]).patterns]
    except (ValueError, re.error) as error:
        raise ValueError(f"{pattern!r} is no pattern ({error}); write it as in a .gitignore file") from error
    if None in means or not means:
        raise ValueError(f"{pattern!r} matches nothing; write a pattern as in a .gitignore file")
    return pattern


def complete_suffix(suffix: str) -> str:
    """Give an ending as `Selection` compares it.

    >>> [complete_suffix(suffix) for suffix in ("TXT", ".md", "")]
    ['.txt', '.md', '']
    """
    bare = suffix.strip().lower()
    return bare if bare.startswith(".") or not bare else f".{bare}"


def _last_match(relative: str, exclude: tuple[str, ...]) -> str | None:
    if not exclude and not _LIKELY.match(relative.rstrip("/").rpartition("/")[2]):
        return None
    found = _spec((*BY_DEFAULT, *exclude)).check_file(relative)
    if not found.include or found.index is None:
        return None
    return [*BY_DEFAULT.values()][found.index] if found.index < len(BY_DEFAULT) else EXCLUDED


def _ends_in(relative: str, suffixes: tuple[str, ...]) -> bool:
    compressed, suffix = file_form(relative.rpartition("/")[2])
    return suffix in suffixes or (compressed and f"{suffix}.gz" in suffixes)


@cache
def _spec(patterns: tuple[str, ...]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)


@cache
def _ways(include: tuple[str, ...], *, named: bool) -> tuple[str, ...]:
    """The folders on the way to what patterns may match, as patterns.

    ``named``: only those that a pattern calls by a hidden or temporary name; "*.txt" leads into no hidden folder.
    """
    ways = []
    for pattern in include:
        parts = pattern.strip("/").split("/")
        anywhere = parts[0] == "**"
        ways += ["/" * (not anywhere) + "/".join(parts[:n]) + "/" for n in range(1, len(parts))]
        if anywhere or "/" not in pattern.rstrip("/"):
            ways.append("*/")
    return tuple(way for way in ways if not named or _spec(tuple(BY_DEFAULT)).match_file(way))
