"""YAML of plain values, as front matter has it: no objects, and no aliases, with which ten lines mean a gigabyte."""

from typing import Any

import yaml


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc]
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def load_yaml(source: str) -> Any:
    """Give the value that a text in YAML means; raises ValueError where it is none, or has an alias.

    >>> load_yaml("title: Der Rat tagt")
    {'title': 'Der Rat tagt'}
    """
    try:
        # Safe: a subclass of SafeLoader that does less.
        return yaml.load(source, Loader=_PlainLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML of plain values: {error}") from error
