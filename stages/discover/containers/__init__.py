"""Containers: files that hold several sources (archives, mailboxes, feeds, tables of rows); each member is a source.

A member is named like its container, ``!/`` and its own name: ``press/2024.zip!/a/b.txt``, ``press/news.jsonl!/17``.
"""

from typing import NamedTuple


class Member(NamedTuple):
    """One file within a file: its name (a path with slashes, or a key), and its bytes."""

    name: str
    data: bytes
