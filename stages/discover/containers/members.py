"""What a container gives: members and refusals, under limits that no bomb gets past."""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

from stages.discover.sources import NEST
from stages.errors import SourceError

_DRIVE = re.compile(r"[A-Za-z]:(?:/|$)")
_MOST_KEY = 120


class Member(NamedTuple):
    """One file within a file: its name (a path with slashes, or a key), and its bytes."""

    name: str
    data: bytes


class Refused(NamedTuple):
    """A member that cannot be had; the others of its container still can. ``error`` says why."""

    name: str
    error: SourceError


Item = Member | Refused


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a container may become.

    ``max_member_bytes``: the bytes of one member, which stands in memory whole. ``max_total_bytes``: of all members
    of one file, those of containers within it included. ``max_ratio``: bytes out for each byte in, beyond the first
    ``free_bytes``; newspapers pack 4 to 10 times, rows of a table up to 50 times, a bomb 1,000 times and more.
    ``max_depth``: containers within one another.
    """

    max_member_bytes: int = 256 << 20
    max_total_bytes: int = 1 << 40
    max_ratio: int = 200
    free_bytes: int = 16 << 20
    max_depth: int = 3

    def most_bytes(self, packed: int) -> int:
        """The bytes that ``packed`` bytes may become."""
        return min(self.max_total_bytes, self.free_bytes + self.max_ratio * packed)


def bomb(limit: int) -> SourceError:
    """The error of a container that becomes too much."""
    return SourceError(
        "bomb", f"unpacked it is larger than the {limit:,} bytes that a file of its size may become; unpack it yourself"
    )


def member_too_large(limits: Limits) -> SourceError:
    """The error of a member that is longer than it may be."""
    return SourceError("too_large", f"longer than {limits.max_member_bytes:,} bytes; take it out of its container")


def broken(error: Exception) -> SourceError:
    """The error of a container whose bytes are damaged or end too early."""
    return SourceError("broken_archive", f"damaged or cut off ({error}); fetch the file again")


def size_of(file: BinaryIO) -> int:
    """The bytes of a seekable file, whose place stays."""
    place = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(place)
    return size


def safe_path(name: str) -> str:
    r"""Give the path of a member as it may stand in a source_uri: slashes, no empty part, no ``!/``.

    Raises SourceError (``unsafe_path``) for one that leads out of its container or is no name at all.

    >>> safe_path("./a\\b.txt"), safe_path("a!/b.txt")
    ('a/b.txt', 'a%21/b.txt')
    """
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or path.startswith("/") or _DRIVE.match(path) or ".." in parts or "\0" in path:
        raise SourceError("unsafe_path", f"the name {name!r} leads out of its container; pack it with relative paths")
    return "/".join(parts).replace(NEST, "%21/")


def safe_key(key: str) -> str:
    """Give a key (Message-ID, guid, value of a column) as the name of a member: one part of a path, not too long.

    >>> safe_key("https://example.org/a?b"), safe_key("März 3")
    ('https:%2F%2Fexample.org%2Fa%3Fb', 'März 3')
    """
    name = "".join(c if c.isalnum() or c in " @+=:,.;_~()$-" else quote(c, safe="") for c in key.strip())
    name = name if name.strip(".") else name.replace(".", "%2E")
    return name if len(name) <= _MOST_KEY else f"{name[:_MOST_KEY]}~{content_key(key.encode())}"


def content_key(data: bytes) -> str:
    """Name bytes by what they hold, so that nothing inserted before them renames them."""
    return hashlib.sha256(data).hexdigest()[:16]


def uniquely_named(items: Iterable[Item]) -> Iterator[Item]:
    """Number the second and later items of one name (``a.txt#2``).

    Of every name eight bytes are kept, some 100 in memory, so that a table of a million rows takes 100 MB.
    """
    seen: dict[int, int] = {}
    for item in items:
        key = int.from_bytes(hashlib.blake2b(item.name.encode(errors="surrogatepass"), digest_size=8).digest())
        seen[key] = n = seen.get(key, 0) + 1
        yield item if n == 1 else item._replace(name=f"{item.name}#{n}")
