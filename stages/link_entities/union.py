"""What is said to be one, pair by pair, becomes groups (union-find)."""

from collections.abc import Hashable, Iterable
from typing import Any, Protocol, TypeVar


class _Key(Hashable, Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


K = TypeVar("K", bound=_Key)


def smallest_of_group(keys: Iterable[K], same: Iterable[tuple[K, K]]) -> dict[K, K]:
    """Give for each key the smallest key of its group; ``same`` are pairs of keys that are one, in any order.

    >>> smallest_of_group("abcd", [("c", "d"), ("d", "b")])
    {'a': 'a', 'b': 'b', 'c': 'b', 'd': 'b'}
    """
    parents, pairs = {key: key for key in keys}, list(same)
    if not pairs:
        return parents

    def root(key: K) -> K:
        while parents[key] != key:
            # Half the way for whoever comes next: chains of names would else be walked from end to end each time.
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    return {key: root(key) for key in parents}
