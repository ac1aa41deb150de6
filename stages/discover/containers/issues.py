"""Issues within archives: a METS there speaks for the pages beside it, as it does in a folder."""

import io
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from stages.discover.containers.gather import open_mets
from stages.discover.containers.members import Item, Member, Refused
from stages.discover.containers.mets import Issue, beside, issue_of
from stages.discover.sources import NEST
from stages.errors import SourceError

METS_NAME = re.compile(r".*mets[^/]*\.xml$|.*/?[^/]*\.mets$", re.IGNORECASE | re.DOTALL)
"""What a METS in an archive is called: other members are not looked into before their turn."""
MOST_HELD = 512 << 20
"""So many bytes of pages may wait for the last one of their issue."""
_AT_ONCE = 1 << 20


def names_mets(file: BinaryIO) -> bool:
    """Tell whether the word mets stands anywhere in a file, as it does where a member is called so."""
    before = b""
    try:
        while chunk := file.read(_AT_ONCE):
            chunk = chunk.lower()
            if b"mets" in chunk or b"mets" in before + chunk[:3]:
                return True
            before = chunk[-3:]
    except SourceError:
        return False  # told when the members are read
    return False


def issues_in(items: Iterator[Item]) -> dict[str, Issue]:
    """Read what the METS files among the members of an archive speak of, by their names.

    Where the archive is damaged, those before the damage; what is no METS, or is damaged itself, counts for none.
    """
    found: dict[str, Issue] = {}
    try:
        for item in items:
            if isinstance(item, Member) and METS_NAME.match(item.name) and (issue := _issue(item)):
                found[item.name] = issue
    except SourceError:
        return found  # told when the members are read
    return found


def _issue(item: Member) -> Issue | None:
    try:
        return issue_of(io.BytesIO(item.data))
    except SourceError:
        return None  # told by the reader of the METS


def with_issues(items: Iterator[Item], issues: dict[str, Issue], by: str) -> Iterator[Item]:
    """Put the members of issues (`stages.discover.containers.gather`) in the place of their METS and its pages.

    Pages are held until the last one of their issue has come. A METS of which no page is in the archive stays what it
    is; one whose pages do not come while `MOST_HELD` bytes are held is `Refused`.
    """
    held = _Held(issues)
    mets_files: dict[str, Item] = {}
    for item in items:
        if item.name in issues:
            mets_files[item.name] = item
        elif item.name in held.wanted_by:
            for mets in held.take(item):
                yield from _given(mets, issues[mets], held.pages, by)
                held.let_go(mets)
            while held.size > MOST_HELD:
                mets = held.largest()
                held.let_go(mets)
                reason = f"its pages lie among more than {MOST_HELD >> 20} MB of others; unpack the archive"
                yield Refused(mets, SourceError("too_large", reason))
        else:
            yield item
    for mets in list(held.waiting):
        if len(held.waiting[mets]) < len(set(issues[mets].pages)):
            yield from _given(mets, issues[mets], held.pages, by)
        elif mets in mets_files:
            yield mets_files[mets]


class _Held:
    """Pages that wait for the others of their issues, and which are still to come."""

    def __init__(self, issues: dict[str, Issue]) -> None:
        self.pages: dict[str, Item] = {}
        self.size = 0
        self.waiting = {mets: {beside(mets, page) for page in issue.pages} for mets, issue in issues.items()}
        self.wanted_by: dict[str, list[str]] = {}
        for mets, pages in self.waiting.items():
            for page in pages:
                self.wanted_by.setdefault(page, []).append(mets)
        self._all = {mets: tuple(pages) for mets, pages in self.waiting.items()}
        self._uses = {page: len(wanted) for page, wanted in self.wanted_by.items()}

    def take(self, item: Item) -> list[str]:
        """Hold a page, and give the METS files whose last one it is."""
        wanted = [mets for mets in self.wanted_by[item.name] if mets in self.waiting]
        if wanted:
            self.pages[item.name] = item
            self.size += _size(item)
        for mets in wanted:
            self.waiting[mets].discard(item.name)
        return [mets for mets in wanted if not self.waiting[mets]]

    def let_go(self, mets: str) -> None:
        """Forget an issue and the pages that nothing else waits for."""
        del self.waiting[mets]
        for page in self._all[mets]:
            self._uses[page] -= 1
            if not self._uses[page] and page in self.pages:
                self.size -= _size(self.pages.pop(page))

    def largest(self) -> str:
        """Name the issue of which most is held."""
        return max(self.waiting, key=lambda mets: sum(_size(self.pages[p]) for p in self._all[mets] if p in self.pages))


def _size(item: Item) -> int:
    return len(item.data) if isinstance(item, Member) else 0


def _given(mets: str, issue: Issue, held: dict[str, Item], by: str) -> Iterator[Item]:
    for item in open_mets(issue, _reader(mets, held), by) or ():
        yield item._replace(name=f"{mets}{NEST}{item.name}")


def _reader(mets: str, held: dict[str, Item]) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        item = held.get(beside(mets, name))
        if isinstance(item, Refused):
            raise item.error
        if item is None:
            raise SourceError("damaged", f"the METS names {name}, which is not in the archive; pack them together")
        return item.data

    return read
