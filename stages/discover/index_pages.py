"""Index pages: a source below https://, listed by the pages that web servers make of their folders.

Apache, nginx and Python's own server write one link for each entry; those to what lies below the folder count, a slash
at the end makes a folder. Size, time and ETag are what the server says of each file. A page without such a link is an
empty folder only where its title says that it is an index: a notice of maintenance would look like deletions.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import unquote, urljoin, urlsplit

from stages.tables.store.objects import Listed, Objects

_AT_ONCE = 16
_DEEPEST = 64
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_TITLES = ("index of", "directory listing")
"""What the titles of index pages begin with, those of empty folders too."""


def list_pages(objects: Objects) -> list[Listed]:
    """List the files below an address, folder by folder, in order of their names.

    A file of which the server tells no time is given that of this moment, so that it is always read. Raises OSError
    where any folder has no index page or any file does not answer: half a listing would look like deletions.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pages") as threads:
        found = list(threads.map(objects.look, sorted(_walk(objects))))
    now = datetime.now(UTC)
    return [one if one.modified > _NEVER else one._replace(modified=now) for one in found]


def _walk(objects: Objects) -> Iterator[str]:
    folders = [""]
    while folders:
        folder = folders.pop()
        if folder.count("/") > _DEEPEST:
            raise OSError(None, "its folders lead round in a circle", f"{objects.url}/{folder}")
        kind, page = objects.page(folder.rstrip("/"))
        address = f"{objects.url}/{folder}"
        names = names_on(page, address) if "html" in kind else None
        if names is None:
            what = "a page of another kind" if "html" in kind else kind or "of no kind"
            raise OSError(None, f"it is no index page but {what}; name a folder that the server lists", address)
        for name in sorted(names):
            if name.endswith("/"):
                folders.append(folder + name)
            else:
                yield folder + name


def names_on(page: bytes, address: str) -> set[str] | None:
    """Give the names of files, and of folders with a slash behind them, to which a page links right below its address.

    None where the page is no index.

    >>> sorted(names_on(b'<a href="?C=N">Name</a><a href="../">up</a><a href="a%20b.txt">a b</a>', "https://h/d/"))
    ['a b.txt']
    """
    # Most sources are folders.
    from lxml import html
    from lxml.etree import ParserError

    try:
        read = html.document_fromstring(page)
    except ParserError:  # nothing that could be shown
        return None
    below = urlsplit(address)
    names = set[str]()
    for link in read.iter("a"):
        found = urlsplit(urljoin(address, link.get("href", "")))
        inside = unquote(found.path).removeprefix(unquote(below.path))
        elsewhere = found[:2] != below[:2] or not unquote(found.path).startswith(unquote(below.path))
        if inside and not (elsewhere or found.query or "/" in inside[:-1] or inside == "/"):
            names.add(inside)
    title = (read.findtext(".//title") or "").strip().lower()
    return names if names or title.startswith(_TITLES) else None
