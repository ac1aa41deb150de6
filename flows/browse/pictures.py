"""The pictures of the pages of a document: drawn from its file when they are looked at, the last ones kept."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from threading import Lock, Semaphore
from time import monotonic
from typing import Any

from stages.discover.containers import RowOptions
from stages.discover.remote import Remote
from stages.discover.sources import NEST, Source, to_path
from stages.read.again import bytes_again
from stages.read.pictures import Wanted, can_be_drawn, draw_page

_DOTS = 1100
_MOST_KEPT = 64 << 20
_LARGEST_KEPT = 64 << 20
_AT_ONCE = 2
_SECONDS_UNLOOKED = 60
# Of a scan beside the file of its recognised text; the longest ending first.
_ENDINGS = (".alto.xml", ".page.xml", ".hocr.html", ".xml", ".hocr", ".html", ".htm")
_SCANS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".gif", ".jp2", ".JPG", ".PNG", ".TIF")

DRAWN, GONE, NONE, UNNAMED = "drawn", "gone", "none", "unnamed"
"""Whether a document has pictures: it has, its file has gone or changed, it never had, no source was named for it."""


class Pictures:
    """The pictures of pages. ``_MOST_KEPT`` bytes of them are kept, and the bytes of the last file they came from.

    A picture is kept by the hash of its file, so it is never that of another one.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._drawn: OrderedDict[tuple[str, Wanted], bytes] = OrderedDict()
        self._last: tuple[object, float, bytes] = ("", 0.0, b"")
        self._keeping, self._drawing = Lock(), Semaphore(_AT_ONCE)

    def state_of(self, document: Mapping[str, Any], rows: RowOptions) -> str:
        """Say whether the pages of a document can be drawn: one of `DRAWN`, `GONE`, `NONE` and `UNNAMED`."""
        if document["source_uri"].partition("/")[0] not in {source.name for source in self._sources}:
            return UNNAMED
        data = self._read(document, rows)
        if data is None:
            return GONE
        return DRAWN if can_be_drawn(data) or self._scan_of(document) else NONE

    def of_page(self, document: Mapping[str, Any], rows: RowOptions, number: int) -> bytes | None:
        """Give the picture of a page as JPEG; None where there is none."""
        wanted = _wanted(document["pages"] or (), number)
        data = self._read(document, rows) if wanted else None
        if data is None or wanted is None:
            return None
        if not can_be_drawn(data):
            scan = self._scan_of(document)
            if scan is None or scan.stat().st_size > _LARGEST_KEPT:
                return None
            data = scan.read_bytes()
        key = (sha256(data).hexdigest(), wanted)
        with self._drawing:
            return self._kept(key) or self._keep(key, draw_page(data, wanted))

    def _kept(self, key: tuple[str, Wanted]) -> bytes | None:
        with self._keeping:
            if key in self._drawn:
                self._drawn.move_to_end(key)
            return self._drawn.get(key)

    def _keep(self, key: tuple[str, Wanted], picture: bytes | None) -> bytes | None:
        if picture is not None:
            with self._keeping:
                self._drawn[key] = picture
                while sum(map(len, self._drawn.values())) > _MOST_KEPT:
                    self._drawn.popitem(last=False)
        return picture

    def _read(self, document: Mapping[str, Any], rows: RowOptions) -> bytes | None:
        """The bytes of the file that was read, all of whose pages a browser asks for one after the other."""
        uri, then = document["source_uri"], document["content_sha256"]
        key = (uri, then, self._stamp(uri))
        with self._keeping:
            last, since, data = self._last
        if last == key and monotonic() - since < _SECONDS_UNLOOKED:
            return data
        found = bytes_again(uri, then, self._sources, rows)
        if found is not None and len(found) <= _LARGEST_KEPT:
            with self._keeping:
                self._last = (key, monotonic(), found)
        return found

    def _path(self, uri: str) -> Path | Remote:
        return to_path(uri, {source.name: source.root for source in self._sources})

    def _stamp(self, uri: str) -> tuple[int, ...]:
        """What shows at once that a file on a disk is another one; nothing for objects, which are asked for again."""
        path = self._path(uri)
        try:
            about = path.stat() if isinstance(path, Path) else None
        except OSError:
            return (-1,)
        return (about.st_mtime_ns, about.st_size, about.st_ino) if about else ()

    def _scan_of(self, document: Mapping[str, Any]) -> Path | None:
        """The scan of the same name beside the recognised text of one page; only on a disk, where looking is cheap."""
        uri = document["source_uri"]
        path = self._path(uri)
        if len(document["pages"] or ()) != 1 or NEST in uri or not isinstance(path, Path):
            return None
        stem = next((path.name[: -len(end)] for end in _ENDINGS if path.name.lower().endswith(end)), "")
        found = (path.with_name(stem + end) for end in _SCANS) if stem else ()
        return next((one for one in found if one.is_file() and not one.is_symlink()), None)


def _wanted(pages: Sequence[Mapping[str, Any]], number: int) -> Wanted | None:
    page = next((page for page in pages if page["page"] == number), None)
    if page is None or not page["width"] or not page["height"] or page["turned"] is None:
        return None
    return Wanted(number, page["width"], page["height"], page["turned"], _DOTS)
