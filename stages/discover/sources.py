"""What a source is: a named folder, how a user names it, and how its files are identified.

``source_uri`` is the name, a slash and the path below the folder, so that the same files found under another
mount point keep their identity; ``doc_id`` is derived from it.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BufferedReader
from pathlib import Path
from urllib.parse import unquote_to_bytes

from stages.errors import SourceError, UsageError

_WILD = re.compile(r"[*?\[]")
_CHUNK = 1 << 20
CHANGED = "the file changed while it was read; the next run reads it"
NOT_REGULAR = "a pipe, socket or device, no file; remove it from the source"
_GLOB_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", re.DOTALL)
_SET_SYNTAX = re.compile(r"[\\\[\]^&|~]")


@dataclass(frozen=True, slots=True)
class Source:
    """A named folder; ``patterns`` (globs relative to it) narrow it to some of its files."""

    name: str
    root: Path
    patterns: tuple[str, ...] = ()

    def holds(self, relative: str) -> bool:
        """Tell whether this source, as named in this run, speaks for a path below its folder."""
        return not self.patterns or any(_glob_regex(p).fullmatch(relative) for p in self.patterns)

    def leads_to(self, folder: str) -> bool:
        """Tell whether this source may speak for a path below ``folder``, so that it has to be walked."""
        return not self.patterns or any(_reaches_below(p.split("/"), folder.split("/")) for p in self.patterns)


def parse_sources(specs: Sequence[str]) -> list[Source]:
    """Turn what a user names (folder, file, glob, ``NAME=PATH``) into sources, sorted by name.

    Files and globs of one folder are merged into one source. Raises UsageError when a path does not exist or
    when two folders would share a name.
    """
    parsed = [_parse_source(spec) for spec in specs]
    by_name: dict[str, Source] = {}
    for source in parsed:
        other = by_name.setdefault(source.name, source)
        if other.root != source.root:
            raise UsageError(
                f"two sources are called {source.name!r}: {other.root} and {source.root}; "
                f"name one of them, for example {source.name}2={source.root}"
            )
        whole = not (other.patterns and source.patterns)
        merged = () if whole else tuple(sorted({*other.patterns, *source.patterns}))
        by_name[source.name] = Source(source.name, source.root, merged)
    return [by_name[name] for name in sorted(by_name)]


def to_uri(name: str, relative: str) -> str:
    """Join a source's name and a path below it; percent-encode what is not printable or not UTF-8.

    >>> to_uri("archiv", "1997/märz 3.txt")
    'archiv/1997/märz 3.txt'
    >>> to_uri("archiv", "a\\nb%.txt")
    'archiv/a%0Ab%25.txt'
    """
    return f"{name}/" + "".join(
        c if c.isprintable() and c != "%" else "".join(f"%{b:02X}" for b in os.fsencode(c)) for c in relative
    )


def to_path(source_uri: str, roots: dict[str, Path]) -> Path:
    """Give the file that ``source_uri`` stands for, below the folder of its source."""
    name, _, relative = source_uri.partition("/")
    return roots[name] / os.fsdecode(unquote_to_bytes(relative))


def to_doc_id(source_uri: str) -> str:
    """Give the document id of a source_uri: the first 20 hex digits of its SHA-256.

    >>> to_doc_id("archiv/1997/märz 3.txt")
    'e7d6b77d862ceb50d400'
    """
    return hashlib.sha256(source_uri.encode()).hexdigest()[:20]


def open_source(path: Path) -> BufferedReader:
    """Open a regular file for reading; never waits on a pipe.

    Raises SourceError with code ``unreadable`` or ``not_regular``.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SourceError("unreadable", f"cannot be opened ({why}); check its permissions and its disk") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise SourceError("not_regular", NOT_REGULAR)
    return os.fdopen(handle, "rb")


def chunks(file: BufferedReader) -> Iterator[bytes]:
    """Give the bytes of a file in pieces of a megabyte, as many as it had when this began.

    Raises SourceError with code ``changed_while_reading`` when there are more or fewer: a file that grows as fast
    as it is read would keep a run for ever.
    """
    expected = os.fstat(file.fileno()).st_size
    while chunk := file.read(_CHUNK):
        expected -= len(chunk)
        if expected < 0:
            break
        yield chunk
    if expected:
        raise SourceError("changed_while_reading", CHANGED)


def _parse_source(spec: str) -> Source:
    spec = spec.replace(os.sep, "/")  # on Windows, where both part a path
    name, equals, rest = spec.partition("=")
    named = bool(equals) and "/" not in name and not os.path.lexists(spec)
    given, path = (name, rest) if named else ("", spec)
    if not path:
        raise UsageError(f"{spec!r} names no path; write a folder, a file, a glob or NAME=PATH")
    folder, patterns = _folder_and_patterns(path)
    root = folder.resolve()
    # The name as it was given: a link that is moved on to another folder keeps the identity of the files.
    name = given or os.path.basename(os.path.abspath(folder)) or "root"  # noqa: PTH100, PTH119
    if "/" in name or not name.isprintable() or "%" in name:
        raise UsageError(f"{name!r} cannot name a source: use printable characters without / and %")
    return Source(name, root, patterns)


def _folder_and_patterns(path: str) -> tuple[Path, tuple[str, ...]]:
    wild = _WILD.search(path)
    if Path(path).is_dir():
        return Path(path), ()
    if os.path.lexists(path):
        file = Path(path)
        return file.parent, (_WILD.sub(r"[\g<0>]", file.name),)
    if not wild:
        raise UsageError(f"{path}: no such file or folder; nothing was read or changed")
    fixed = path[: wild.start()].rpartition("/")[0]
    folder = Path(fixed or ("/" if path.startswith("/") else "."))
    if not folder.is_dir():
        raise UsageError(f"{path}: the folder {folder} does not exist; nothing was read or changed")
    pattern = path[len(fixed) :].lstrip("/")
    try:
        _glob_regex(pattern)
    except re.error as error:
        raise UsageError(f"{path} is no pattern ({error}); nothing was read or changed") from error
    return folder, (pattern,)


def _reaches_below(pattern: Sequence[str], folder: Sequence[str]) -> bool:
    """Tell, part by part, whether a pattern can match a path below a folder."""
    for part, name in zip(pattern, folder, strict=False):
        if "**" in part:
            return True
        if not _glob_regex(part).fullmatch(name):
            return False
    return len(folder) < len(pattern)


@cache
def _glob_regex(pattern: str) -> re.Pattern[str]:
    """Translate a glob (``**`` for any folders) to a regular expression over a whole relative path."""
    translated = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = []
    for token in _GLOB_TOKEN.findall(pattern):
        if len(token) > 2 and token.startswith("["):
            negated = token.startswith("[!") and len(token) > 3
            parts.append(("[^" if negated else "[") + _SET_SYNTAX.sub(r"\\\g<0>", token[1 + negated : -1]) + "]")
        else:
            parts.append(translated.get(token) or re.escape(token))
    return re.compile("".join(parts), re.DOTALL)
