"""Ids: how rows are named, so that the same file has the same name in every run and on every machine."""

import hashlib


def to_doc_id(source_uri: str) -> str:
    """Give the document id of a source_uri: the first 20 hex digits of its SHA-256.

    >>> to_doc_id("archiv/1997/märz 3.txt")
    'e7d6b77d862ceb50d400'
    """
    return hashlib.sha256(source_uri.encode()).hexdigest()[:20]
