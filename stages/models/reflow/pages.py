"""Lay clean articles out as broken pages with known blocks: plain text, LaTeX, LibreOffice, OCR.

Uses the generator of the development set (``reflow/make_docs.py``) and its programs: pdflatex, soffice, pdftotext,
tesseract.
One PDF gives several texts, as extractors differ. From the third round on, articles are mixed: runs of blocks from
articles of one language, so that the same words stand in other places.
"""

# ruff: noqa: S311  # the random numbers draw layouts, not secrets

import importlib.util
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from stages.models.reflow.styles import loose_page, scattered_page

Article = dict[str, Any]
TEXT_STYLES = (
    "c0_clean", "t1_seed003", "t2_hyph_blank_furn", "t3_hyph_noblank_crlf", "t4_softhyphen_not", "t5_narrow_indent",
    "t6_probe_wrap",
)  # fmt: skip
PAGE_STYLES = ("latex1", "latex2", "office", "ocr1", "ocr2")
PLAIN_ROUNDS = 2
# What a misread character turns into.
MISREAD = ("", " ", "-", ":", "|", "[", "l", "1", "i", ".", "\u2014")
# So many articles of each language are held out, drawn once.
HELD_OUT = {"de": 16, "en": 7, "fr": 1}
SPLIT_SEED = 7


class Page(NamedTuple):
    """A laid-out document: its style, language, raw text and clean blocks."""

    style: str
    lang: str
    raw: str
    blocks: list[dict[str, Any]]


def load_generator(devsets: Path) -> ModuleType:
    """The development set's generator as a module."""
    spec = importlib.util.spec_from_file_location("make_docs", devsets / "reflow" / "make_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def split_articles(devsets: Path) -> tuple[list[Article], list[Article]]:
    """Articles to train on, and articles held out for measuring, parted once for good."""
    articles = json.loads((devsets / "reflow" / "articles.json").read_text(encoding="utf-8"))
    rng = random.Random(SPLIT_SEED)
    held_out: set[str] = set()
    for lang, count in HELD_OUT.items():
        names = sorted(article["src"] for article in articles if article["lang"] == lang)
        rng.shuffle(names)
        held_out |= set(names[-count:] if lang == "fr" else names[:count])
    return [a for a in articles if a["src"] not in held_out], [a for a in articles if a["src"] in held_out]


def text_pages(make: ModuleType, articles: list[Article], rounds: int) -> Iterator[Page]:
    """Every article in every plain-text style, ``rounds`` times, anew each time."""
    for style in TEXT_STYLES:
        for turn in range(rounds):
            for number, article in enumerate(articles):
                rng = random.Random(f"{style}/{turn}/{number}")
                chosen = mix_articles(article, articles, rng) if turn else article
                yield Page(style, article["lang"], make.render_text(chosen, style, rng), make.doc_blocks(chosen))
    for draw in (loose_page, scattered_page):
        for turn in range(rounds):
            for number, article in enumerate(articles):
                rng = random.Random(f"{draw.__name__}/{turn}/{number}")
                chosen = mix_articles(article, articles, rng) if turn else article
                yield Page(draw.__name__, article["lang"], *draw(make, chosen, rng))


def render_pages(make: ModuleType, articles: list[Article], folder: Path, rounds: int, styles: tuple[str, ...]) -> None:
    """Write one JSON file per page to ``folder``; what is there already stays."""
    vars(make)["TMP"] = str(folder / "tmp")
    for turn in range(1, rounds + 1):
        for style in styles:
            for number, article in enumerate(articles):
                target = folder / f"{style}_{turn}_{number:03d}.json"
                if target.exists():
                    continue
                rng = random.Random(f"{style}/{turn}/{number}")
                chosen = mix_articles(article, articles, rng) if turn > PLAIN_ROUNDS else article
                pages = _render(make, chosen, style, rng, folder / "tmp" / target.stem)
                target.write_text(json.dumps(pages, ensure_ascii=False), encoding="utf-8")


def load_pages(folder: Path) -> Iterator[Page]:
    """The pages that `render_pages` wrote."""
    for path in sorted(folder.glob("*.json")):
        for page in json.loads(path.read_text(encoding="utf-8")):
            yield Page(*page)


def unmarked_page(page: Page, rng: random.Random) -> Page:
    """The page as text recognition would give it: no form feeds, and running lines read differently on each page."""
    parts = page.raw.split("\f")
    for number, part in enumerate(parts):
        lines = part.split("\n")
        for at in (0, len(lines) - 2):
            if 0 <= at < len(lines) and 3 < len(lines[at]) < 60 and rng.random() < 0.5:
                spot = rng.randrange(len(lines[at]))
                lines[at] = lines[at][:spot] + rng.choice(MISREAD) + lines[at][spot + rng.randint(0, 1) :]
        parts[number] = "\n".join(lines)
    return page._replace(style=f"{page.style}_unmarked", raw=rng.choice(["", "", "\n"]).join(parts))


def mix_articles(article: Article, articles: list[Article], rng: random.Random) -> Article:
    """An article in the same language out of runs of one to six blocks of others."""
    pool = [other for other in articles if other["lang"] == article["lang"]]
    blocks: list[dict[str, Any]] = []
    wanted = rng.randint(8, 36)
    while len(blocks) < wanted:
        source = rng.choice(pool)["blocks"]
        start = rng.randrange(len(source))
        blocks += [dict(block) for block in source[start : start + rng.randint(1, 6)]]
    return {**article, "title": rng.choice(pool)["title"], "blocks": blocks}


def _render(make: ModuleType, article: Article, style: str, rng: random.Random, work: Path) -> list[Page]:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    layouts: dict[str, Callable[[], dict[str, str]]] = {
        "latex1": lambda: _latex1(make, article, str(work), rng),
        "latex2": lambda: _latex2(make, article, str(work), rng),
        "office": lambda: _office(make, article, str(work), rng),
        "ocr1": lambda: _ocr(make, article, str(work), rng, 1),
        "ocr2": lambda: _ocr(make, article, str(work), rng, 2),
    }
    try:
        texts = layouts[style]()
    except (RuntimeError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        print(f"skipped {work.name}: {str(error)[:80]}")
        texts = {}
    shutil.rmtree(work, ignore_errors=True)
    return [Page(f"{style}_{name}", article["lang"], raw, make.doc_blocks(article)) for name, raw in texts.items()]


def _latex1(make: ModuleType, article: Article, work: str, rng: random.Random) -> dict[str, str]:
    make.latex(article, work, rng, 1, rng.random() < 0.7, rng.random() < 0.5, rng.choice([10, 11, 11, 12]))
    return {"plain": make.pdftotext(work, False), "layout": make.pdftotext(work, True)}


def _latex2(make: ModuleType, article: Article, work: str, rng: random.Random) -> dict[str, str]:
    make.latex(article, work, rng, 2, rng.random() < 0.7, rng.random() < 0.3, 10)
    stream = subprocess.run(["pdftotext", "-raw", "doc.pdf", "-"], cwd=work, capture_output=True, check=True)
    texts = {"plain": make.ordered(article, work), "stream": stream.stdout.decode()}
    return {name: text for name, text in texts.items() if name == "plain" or text != texts["plain"]}


def _office(make: ModuleType, article: Article, work: str, rng: random.Random) -> dict[str, str]:
    make.lo(article, work, rng, rng.random() < 0.9)
    return {"plain": make.pdftotext(work, False), "layout": make.pdftotext(work, True)}


def _ocr(make: ModuleType, article: Article, work: str, rng: random.Random, columns: int) -> dict[str, str]:
    furniture = rng.random() < (0.8 if columns == 1 else 0.5)
    make.latex(article, work, rng, columns, furniture, columns == 1 and rng.random() < 0.5, 11 if columns == 1 else 10)
    os.environ["OMP_THREAD_LIMIT"] = "1"
    return {"ocr": make.ocr(work, article["lang"], rng, columns == 2 or rng.random() < 0.5)}
