"""Sidecars: JSON files beside others, or beside members of a container, that tell of them."""

SUFFIX = ".meta.json"
SIDECAR = "sidecar"
"""Why a sidecar is passed over as a source of its own."""
MOST_SIDECAR = 1 << 20
"""Bytes that a sidecar may have."""


def sidecar_names(name: str) -> tuple[str, str]:
    """The names that a sidecar of a file may have.

    >>> sidecar_names("a/b.txt")
    ('a/b.txt.meta.json', 'a/b.meta.json')
    """
    stem, dot, suffix = name.rpartition(".")
    return f"{name}{SUFFIX}", f"{stem if dot and '/' not in suffix else name}{SUFFIX}"


def is_sidecar(name: str) -> bool:
    """Tell by its name whether a file is a sidecar.

    >>> is_sidecar("a/b.meta.json"), is_sidecar("a/b.json")
    (True, False)
    """
    return name.endswith(SUFFIX)
