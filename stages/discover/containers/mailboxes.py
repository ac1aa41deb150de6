"""Mailboxes: the messages of an MBOX file, named by their Message-IDs."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from stages.discover.containers.members import (
    Item,
    Limits,
    Member,
    Refused,
    content_key,
    member_too_large,
    safe_key,
    uniquely_named,
)

BEGINS = re.compile(rb"From \S[^\n]* \d\d:\d\d[^\n]*\r?\n[!-9;-~]+:")
"""The first two lines of an MBOX: sender and time of delivery, then a header."""
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^message-id:\s*<?([^>\s]+)", re.IGNORECASE | re.MULTILINE)
_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_LINE = 1 << 20


def open_mbox(file: BinaryIO, limits: Limits) -> Iterator[Item]:
    """Give the messages of an MBOX file, each as the bytes of an .eml file, named by its Message-ID or by its content.

    A message begins at a line ``From `` at the start or after an empty line; the ``>`` that guards such a line within
    a message is taken off. ``file`` is only read forward. A message that is too large is `Refused`.
    """
    return uniquely_named(_named(message, limits) for message in _messages(file, limits))


def _messages(file: BinaryIO, limits: Limits) -> Iterator[bytearray]:
    """The messages without their first lines; of one that is too large only so much that it shows."""
    message, after_empty = bytearray(), True
    started = at_start = False
    while line := file.readline(_LINE):
        if after_empty and line.startswith(b"From "):
            if started:
                yield message
            message, started, at_start = bytearray(), True, True
        elif started and (not at_start or line.strip()):
            at_start = False
            message += line[: limits.max_member_bytes + 1 - len(message)]
        after_empty = line in (b"\n", b"\r\n")
    if started:
        yield message


def _named(message: bytearray, limits: Limits) -> Item:
    data = bytes(message)
    headers = _HEADERS_END.split(data[:_LINE], maxsplit=1)[0]
    found = _MESSAGE_ID.search(headers)
    name = (safe_key(found[1].decode("utf-8", "replace")) if found else content_key(data)) + ".eml"
    if len(data) > limits.max_member_bytes:
        return Refused(name, member_too_large(limits))
    return Member(name, _ESCAPED.sub(rb"\1", data))
