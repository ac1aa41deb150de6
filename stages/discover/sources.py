"""What a source is: a named folder, how a user names it, and how its files are identified.

``source_uri`` is the name, a slash and the path below the folder, so that the same files found under another
mount point keep their identity; ``doc_id`` is derived from it.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import BufferedReader
from pathlib import Path
from urllib.parse import unquote_to_bytes

from stages.discover.remote import Remote
from stages.errors import SourceError, UsageError
from stages.tables.store.objects import is_url, is_web

_WILD = re.compile(r"[*?\[]")
_ALL = ("**",)
_CHUNK = 1 << 20
CHANGED = "the file changed while it was read; the next run reads it"
DISK_FAILED = "disk_failed"
_PASSING = frozenset(
    getattr(errno, name)
    for name in (
        *("EIO", "EAGAIN", "EINTR", "EBUSY", "ENOMEM", "ENOBUFS", "EMFILE", "ENFILE", "ENXIO", "ENODEV", "EREMOTEIO"),
        *("ESTALE", "ETIMEDOUT", "ENOTCONN", "ECONNRESET", "ECONNABORTED", "ECONNREFUSED", "ENETDOWN", "ENETRESET"),
        *("ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH", "ENOLINK", "EPROTO"),
    )
    if hasattr(errno, name)
)
"""What a disk, a network drive or a busy system says that may answer the next time."""
STORE = "object store or server"
NOT_REGULAR = "a pipe, socket or device, no file; remove it from the source"
_GLOB_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", re.DOTALL)
_SET_SYNTAX = re.compile(r"[\\\[\]^&|~]")


@dataclass(frozen=True, slots=True)
class Source:
    """A named folder: what ``patterns`` (globs relative to it) match in it, and ``files`` that the user named."""

    name: str
    root: Path | Remote
    patterns: tuple[str, ...] = _ALL
    files: tuple[str, ...] = ()

    def holds(self, relative: str) -> bool:
        """Tell whether this source, as named in this run, speaks for a path below its folder."""
        every = self.patterns == _ALL
        return every or relative in self.files or any(_glob_regex(p).fullmatch(relative) for p in self.patterns)

    def leads_to(self, folder: str) -> bool:
        """Tell whether this source may speak for a path below ``folder``, so that it has to be walked."""
        return any(_reaches_below(p.split("/"), folder.split("/")) for p in self.patterns)


def parse_sources(specs: Sequence[str], known: Callable[[], Collection[str]] = tuple) -> list[Source]:
    """Turn what a user names (folder, file, glob, ``NAME=PATH``) into sources, sorted by name.

    Files and globs of one folder are merged into one source. ``known`` gives the source_uris that the tables hold
    and is asked only when a path does not exist: a source that it names may be missing, an unmounted disk for
    example, any other missing path raises UsageError. So do two folders that would share a name.
    """
    parsed = [_parse_source(spec, known) for spec in specs]
    by_name: dict[str, Source] = {}
    for source in parsed:
        other = by_name.setdefault(source.name, source)
        if other.root != source.root:
            raise UsageError(
                f"two sources are called {source.name!r}: {other.root} and {source.root}; "
                f"name one of them, for example {source.name}2={source.root}"
            )
        patterns = {*other.patterns, *source.patterns}
        merged = _ALL if patterns.issuperset(_ALL) else tuple(sorted(patterns))
        by_name[source.name] = Source(source.name, source.root, merged, tuple(sorted({*other.files, *source.files})))
    return [by_name[name] for name in sorted(by_name)]


def absolute(spec: str) -> str:
    """Give what a user names (folder, file, glob, ``NAME=PATH``) such that it means the same from any folder.

    >>> absolute("press=/mnt/a/../b")
    'press=/mnt/b'
    """
    name, path = _split(spec)
    if is_url(path):
        return spec
    # No link is followed: it may be moved on to another folder.
    return (f"{name}=" if name else "") + os.path.abspath(path)  # noqa: PTH100


NEST = "!/"
"""Stands in a source_uri between a container and its member; no path below a source has it."""


def to_uri(name: str, relative: str) -> str:
    """Join a source's name and a path below it; percent-encode what is not printable or not UTF-8, and ``!/``.

    >>> to_uri("archiv", "1997/märz 3.txt")
    'archiv/1997/märz 3.txt'
    >>> to_uri("archiv", "a\\nb%.txt")
    'archiv/a%0Ab%25.txt'
    """
    return f"{name}/" + escaped(relative, "%").replace(NEST, "%21/")


def escaped(name: str, also: str = "") -> str:
    """Percent-encode what is not printable or not UTF-8 in a name, and the characters in ``also``."""
    if name.isprintable() and not any(map(name.__contains__, also)):
        return name
    return "".join(c if c.isprintable() and c not in also else "".join(f"%{b:02X}" for b in _bytes_of(c)) for c in name)


def _bytes_of(character: str) -> bytes:
    """The bytes of a character of a name: of one that stands for a byte that is no UTF-8, that byte."""
    return character.encode(errors="surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass")


def to_path(source_uri: str, roots: Mapping[str, Path | Remote]) -> Path | Remote:
    """Give the file that ``source_uri`` stands for, or that holds it as a member, below the folder of its source."""
    return roots[source_uri.partition("/")[0]] / path_below(source_uri)


def path_below(source_uri: str) -> str:
    """Give the path below its source that ``source_uri`` stands for, or that holds it as a member.

    >>> path_below("archiv/1997/a%0Ab.zip!/c.txt")
    '1997/a\\nb.zip'
    """
    return os.fsdecode(unquote_to_bytes(source_uri.partition(NEST)[0].partition("/")[2]))


def open_source(path: Path | Remote) -> BufferedReader:
    """Open a regular file or an object for reading; never waits on a pipe.

    Raises SourceError with code ``unreadable``, ``disk_failed`` or ``not_regular``.
    """
    if isinstance(path, Remote):
        try:
            return path.open()
        except OSError as error:
            raise refused(error, lies_on=STORE) from error
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise refused(error, "opened") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise SourceError("not_regular", NOT_REGULAR)
    return os.fdopen(handle, "rb")


def refused(error: OSError, what: str = "read", lies_on: str = "disk or network drive") -> SourceError:
    """Say what a failure of the system means: ``disk_failed`` where another try may do, else ``unreadable``.

    ``what`` could not be done to the file or folder: opened, read, listed, reached.
    """
    why = error.strerror or type(error).__name__
    if error.errno in _PASSING:
        return SourceError(DISK_FAILED, f"could not be {what} ({why}); check the {lies_on} it lies on")
    return SourceError("unreadable", f"cannot be {what} ({why}); check its permissions and the {lies_on} it lies on")


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


def _split(spec: str) -> tuple[str, str]:
    spec = spec.replace(os.sep, "/")  # on Windows, where both part a path
    name, equals, rest = spec.partition("=")
    named = bool(equals) and "/" not in name and not os.path.lexists(spec)
    given, path = (name, rest) if named else ("", spec)
    if not path:
        raise UsageError(f"{spec!r} names no path; write a folder, a file, a glob or NAME=PATH")
    return given, path


def _parse_source(spec: str, known: Callable[[], Collection[str]]) -> Source:
    given, path = _split(spec)
    if is_url(path):
        return _remote(given, path)
    # os.path, not pathlib: a mount that answers with an error counts as missing, it does not end the run.
    if os.path.isdir(path):  # noqa: PTH112
        return _source(given, Path(path))
    if not os.path.exists(path):  # noqa: PTH110
        return _glob_or_missing(given, path, known)
    return _source(given, Path(path).parent, (), (Path(path).name,))


def _source(given: str, folder: Path, patterns: tuple[str, ...] = _ALL, files: tuple[str, ...] = ()) -> Source:
    # The name as it was given: a link that is moved on to another folder keeps the identity of the files.
    name = given or os.path.basename(os.path.abspath(folder)) or "root"  # noqa: PTH100, PTH119
    if "/" in name or not name.isprintable() or "%" in name:
        raise UsageError(f"{name!r} cannot name a source: use printable characters without / and %")
    return Source(name, folder.resolve(), patterns, files)


def _remote(given: str, url: str) -> Source:
    """A prefix of an object store, or a glob below one; whether it is there is seen when it is listed."""
    wild = _WILD.search(url)
    root = (url[: wild.start()].rpartition("/")[0] if wild else url).rstrip("/")
    if not is_url(root):
        raise UsageError(f"{url}: a pattern needs a bucket before it, as in s3://bucket/*.txt")
    patterns = (url[len(root) :].lstrip("/"),) if wild else _ALL
    if is_web(root) and "@" in root.split("/")[2]:
        raise UsageError("an address with a name and a password would stand in every report; name one that needs none")
    named = _source(given or root.rpartition("/")[2], Path(), patterns)
    return replace(named, root=Remote(root))


def _glob_or_missing(given: str, path: str, known: Callable[[], Collection[str]]) -> Source:
    """A path that is not there: a glob, a file or folder that the tables know, or a mistake."""
    is_link, wild = os.path.islink(path), _WILD.search(path)  # noqa: PTH114
    if wild and not is_link:
        source = _glob(given, path, path[: wild.start()].rpartition("/")[0])
        if Path(str(source.root)).is_dir() or _is_known(source.name, known()):
            return source
        raise UsageError(f"{path}: the folder {source.root} does not exist; nothing was read or changed")
    file = _source(given, Path(path).parent, (), (Path(path).name,))
    folder = _source(given, Path(path))
    uris = known()
    if _is_known(folder.name, uris) and to_uri(file.name, file.files[0]) not in uris:
        return folder
    if is_link or to_uri(file.name, file.files[0]) in uris:
        return file
    raise UsageError(f"{path}: no such file or folder; nothing was read or changed")


def _is_known(name: str, uris: Collection[str]) -> bool:
    return any(uri.startswith(f"{name}/") for uri in uris)


def _glob(given: str, path: str, fixed: str) -> Source:
    """The source of a glob; ``fixed``: the folders before its first wildcard."""
    pattern = path[len(fixed) :].lstrip("/")
    try:
        _glob_regex(pattern)
    except re.error as error:
        raise UsageError(f"{path} is no pattern ({error}); nothing was read or changed") from error
    return _source(given, Path(fixed or ("/" if path.startswith("/") else ".")), (pattern,))


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
