"""The syntax trees of our own modules, for the tests that hold what modules may import, call and print."""

import ast
from pathlib import Path


def syntax_tree(path: Path) -> ast.Module:
    """The module's tree.

    Python counts the depth of a tree in one place (https://github.com/python/cpython/issues/106905): where garbage is
    collected meanwhile whose end formats a traceback, which parses as well, `ast.parse` raises SystemError though
    nothing is wrong with the module. Then it is asked again.
    """
    text = path.read_text(encoding="utf-8")
    for _ in range(9):
        try:
            return ast.parse(text)
        except SystemError as error:
            wrong = error
    raise wrong
