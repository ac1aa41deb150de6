"""Plain-text layouts of our own: drawn at random, with stray empty lines, verse, lists, tables and code."""

# the random numbers draw layouts, not secrets

import inspect
import random
import re
import textwrap
from types import ModuleType
from typing import Any

Block = dict[str, Any]
MODULES = (inspect, textwrap, random, re)
CLAUSE = re.compile("[,;:.!?\u2013]+ ")
# Of the documents, so many hold lines that must stay as they are.
STANDING = 0.25


def loose_page(make: ModuleType, article: dict[str, Any], rng: random.Random) -> tuple[str, list[Block]]:
    """A text with one drawn layout: width, hyphens, and how paragraphs are marked; and its blocks."""
    blocks: list[Block] = make.doc_blocks(article)
    width, hyphenated = rng.randint(28, 96), rng.random() < 0.6
    mark = rng.choice(["blank", "blank", "indent", "none", "both"])
    hyphen = rng.choice(["-", "-", "-", "\u00ad", "\u00ac", "\u2010"])
    indent = " " * rng.randint(1, 6) if mark in ("indent", "both") else ""
    heading = rng.choice([0.6, 0.8, 1.0])
    if rng.random() < STANDING:
        at = rng.randrange(1, len(blocks) + 1)
        blocks = blocks[:at] + standing_lines(blocks, rng) + blocks[at:]
    lines: list[str] = []
    for block in blocks:
        if block.get("stands"):
            lines.append(block["text"])
            continue
        narrow = int(width * heading) if block["kind"] != "paragraph" else width
        own = indent if block["kind"] == "paragraph" else ""
        lines += make.wrap(block["text"], narrow, article["lang"], hyphenated, rng, hy=hyphen, indent=own)
        if mark in ("blank", "both") or (block["kind"] != "paragraph" and rng.random() < 0.5):
            lines += [""] * rng.choice([1, 1, 1, 2])
    return _paged(make, article, lines, rng), blocks


def scattered_page(make: ModuleType, article: dict[str, Any], rng: random.Random) -> tuple[str, list[Block]]:
    """Paragraphs parted by empty lines, with stray empty lines inside the first blocks and at page breaks."""
    blocks: list[Block] = make.doc_blocks(article)
    width = rng.randint(50, 72)
    lines: list[str] = []
    for number, block in enumerate(blocks):
        head = number < rng.choice([1, 2, 2, 3])
        narrow = int(width * rng.choice([0.6, 0.8, 0.9])) if head or block["kind"] != "paragraph" else width
        own = make.wrap(block["text"], narrow, article["lang"], False, rng)
        stray = rng.choice([0.3, 0.6]) if head and len(own) < 9 else 0.02
        for at, line in enumerate(own):
            lines += [line, ""] if at + 1 < len(own) and rng.random() < stray else [line]
        if not head or rng.random() < 0.7:
            lines.append("")
    return str(make.paginate(lines, 38, rng, "", "", rng.choice(["\n\n\n\n", "\n\n\n", "\n\f"]), False)) + "\n", blocks


def standing_lines(blocks: list[Block], rng: random.Random) -> list[Block]:
    """Lines that stand for themselves: verse, list items, rows of a table, source code."""
    text = rng.choice(blocks)["text"]
    clauses = [part.strip() for part in CLAUSE.split(text) if 8 < len(part) < 60]
    verse = [part[0].upper() + part[1:] + rng.choice(["", "", ",", "."]) for part in clauses]
    bullet = rng.choice(["- ", "\u2022 ", "* ", "\u2013 "])
    items = [bullet + part for part in clauses]
    numbered = [f"{number}. {part}" for number, part in enumerate(clauses, 1)]
    words = re.findall(r"\w{3,}", text)
    table = [f"{word:<16}{rng.randint(1, 9999):>8}{rng.random():>10.2f}" for word in words[:12]]
    source = [line for line in inspect.getsource(rng.choice(MODULES)).splitlines() if line.strip()]
    start = rng.randrange(len(source) - 14)
    lines = rng.choice([verse, verse, items, numbered, table, source[start : start + rng.randint(4, 14)]])[:14]
    return [{"kind": "standing", "text": line, "stands": True} for line in lines]


def _paged(make: ModuleType, article: dict[str, Any], lines: list[str], rng: random.Random) -> str:
    if rng.random() < 0.4:
        return "\n".join(lines) + "\n"
    head, foot = make.furn(article["lang"], rng)
    apart = rng.choice(["\n\f", "\n\n\f\n", "\n\n\n", "\n\f"])
    text = str(make.paginate(lines, rng.choice([25, 40, 55]), rng, head, foot, apart, rng.random() < 0.6)) + "\n"
    return text.replace("\n", "\r\n") if rng.random() < 0.2 else text
