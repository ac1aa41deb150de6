"""Remote: a source on an object store or a web server. Listed page by page, read into a file without a name.

The rest of the house meets the same as in a folder: a root that takes a relative path, and a file that can be opened.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from io import BufferedReader
from typing import cast

from stages.discover.index_pages import list_pages
from stages.discover.selection import TABLES_FOLDER, Selection, on_the_way
from stages.discover.sidecars import SIDECAR, is_sidecar
from stages.errors import SourceError, UsageError
from stages.tables.store.objects import Conflict, Listed, Objects, is_web
from stages.tables.store.snapshots import MARKER

_RANGE = 8 << 20
_PATIENCE = timedelta(seconds=30)
_CHANGED = "the object changed while it was read; the next run reads it"


@dataclass(frozen=True, slots=True)
class Remote:
    """A prefix or an object: ``relative`` lies below ``url``."""

    url: str
    relative: str = ""

    def __truediv__(self, relative: str) -> "Remote":
        return Remote(self.url, relative)

    def __str__(self) -> str:
        return f"{self.url}/{self.relative}" if self.relative else self.url

    @property
    def name(self) -> str:
        """The last part of its address."""
        return str(self).rpartition("/")[2]

    def refusal(self) -> str | None:
        """Say why the store does not list this prefix to this machine; None where it does."""
        try:
            objects = Objects(str(self), _PATIENCE)
            if is_web(self.url):
                objects.page("")
            else:
                next(objects.list(), None)
        except (OSError, UsageError) as error:
            return getattr(error, "strerror", None) or str(error)
        return None

    def open(self) -> BufferedReader:
        """Read the object into a file on this machine that has no name; raises OSError as a disk does.

        All ranges are of one version of the object: SourceError (``changed_while_reading``) where it is replaced
        meanwhile.
        """
        objects = Objects(self.url, _PATIENCE)
        file = tempfile.TemporaryFile(prefix="fliesstext-")  # noqa: SIM115 - whoever asked for it closes it
        try:
            about = objects.look(self.relative)
            if is_web(self.url):
                pieces = objects.whole(self.relative, _RANGE, about.tag)
            else:
                pieces = objects.pieces(self.relative, about.size, _RANGE, about.tag)
            for piece in pieces:
                file.write(piece)
            if file.tell() != about.size:
                raise Conflict(str(self))
        except Conflict as error:
            file.close()
            raise SourceError("changed_while_reading", _CHANGED) from error
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return cast(BufferedReader, file)


def list_objects(
    root: Remote, selection: Selection, named: Collection[str], holds: Callable[[str], bool], passed: Counter[str]
) -> tuple[list[Listed], Mapping[str, str | None]]:
    """List the objects below a root that are held and not passed over, and the sidecars that lie beside them.

    Of sidecars their paths, with the ETag of each.

    What is passed over is added to ``passed``, a whole prefix as one; those that are ``named`` never are. Prefixes with
    published tables are passed over. Raises OSError where any page cannot be had: half a listing would look like
    deletions.
    """
    objects = Objects(root.url, _PATIENCE)
    found = [one for one in (list_pages if is_web(root.url) else Objects.list)(objects) if not one.path.endswith("/")]
    tables = {one.path.removesuffix(MARKER) for one in found if one.path.rpartition("/")[2] == MARKER}
    if tables:
        passed[TABLES_FOLDER] += len(tables)
    found = [one for one in found if not tables.intersection(("", *on_the_way(one.path)))]
    unwanted = Selection(exclude=selection.exclude)
    beside = {
        one.path: one.tag
        for one in found
        if is_sidecar(one.path)
        and one.path not in named
        and not any(unwanted.passes_over(part) for part in on_the_way(one.path))
    }
    listed, seen = list[Listed](), set[str]()
    for one in found:
        if not holds(one.path):
            continue
        reasons = () if one.path in named else ((part, selection.passes_over(part)) for part in on_the_way(one.path))
        part, why = next(((part, why) for part, why in reasons if why), ("", None))
        if one.path in beside and part in ("", one.path):
            passed[SIDECAR] += 1
        elif why is None:
            listed.append(one)
        elif part not in seen:
            seen.add(part)
            passed[why] += 1
    return listed, beside
