"""Measure the reflow stage against its floors.

    python tests/benchmarks/reflow.py --devsets DIR [--pages DIR] [--update]

Lays the held-out articles out with the development set's generator (kept in ``--pages``; PDF and OCR styles only where
TeX, LibreOffice, poppler and tesseract are installed), reflows them, and prints the scorer's figures by style, the
hyphen probes, single hyphenated words, the kinds, the speed, and other tools beside it where they are installed. Then
the same for each set of real documents in ``reflow-real``, whose gold was made by others. Ends with status 1 when a
figure is below its floor in ``reflow_floors.json``; ``--update`` writes the present figures there instead.
"""

import argparse
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.models.reflow.pages import load_generator, split_articles
from stages.reflow import Reflowed, reflow, reflow_all
from stages.reflow.hyphens import Break, Join, decide_hyphens
from stages.reflow.words import COMMON

FLOORS = Path(__file__).with_name("reflow_floors.json")
PROBES = Path(__file__).with_name("reflow_probes.json")
WORDS = Path(__file__).with_name("reflow_hyphens.json")
SEED, PROBE_TURNS = 41, 12
PATTERNS = {"de": "de_DE", "en": "en_GB", "fr": "fr_FR", "nl": "nl_NL"}
# Generator styles by what they need, and documents per style.
BATCHES = (
    ("c,t", 24, ()),
    ("p", 24, ("pdflatex", "soffice", "pdftotext")),
    ("o", 12, ("pdflatex", "pdftotext", "tesseract")),
    # Two columns side by side: a set of its own.
    ("h", 12, ("pdflatex", "pdftotext")),
)
# Figures of the probes, and of sets of real documents.
HYPHENS = ("joinAll", "jRem", "jKeep", "jSpace")
REAL = ("bF", "exact", "joinAll", "furnMid", "lost")
# The gold has no bylines: it calls them paragraphs.
UNKNOWN_TO_GOLD = {"byline": "paragraph"}
# A line set in by so many columns begins a paragraph, for the rule of indents.
INDENTS = range(1, 13)
# Figures where less is better.
COSTS = {"WERx", "furn", "furnMid", "lost", "running"}
# Running lines stand this deep in the page, on so many pages.
EDGE, FEWEST_PAGES = 4, 3
DIGITS = re.compile(r"\d+")
Result = dict[str, Any]
Tool = Callable[[str], list[str]]


def main() -> int:
    """Render, measure, print, compare."""
    options = _options()
    options.pages.mkdir(parents=True, exist_ok=True)
    render_held_out(options.devsets, options.pages)
    render_probes(options.devsets, options.pages / "probes")
    figures: dict[str, float] = {}
    sets = {
        "held": options.pages / "held",
        "dev": options.devsets / "reflow" / "docs",
        "probe": options.pages / "probes",
        "columns": options.pages / "columns",
    }
    for name, folder in sets.items():
        if not folder.is_dir():
            continue
        score = load_scorer(options.devsets, folder)
        documents = read_documents(folder)
        figures |= measure_set(name, score, documents)
        if name in ("held", "dev"):
            figures |= measure_kinds(name, documents)
    for folder in sorted(path for path in (options.devsets / "reflow-real").glob("*") if path.is_dir()):
        score = load_scorer(options.devsets, folder)
        documents = read_documents(folder)
        figures |= measure_set(folder.name, score, documents) | measure_running(folder.name, documents)
    figures |= measure_words()
    measure_speed(read_documents(sets["held"]))
    return _compare(figures, options.update)


def render_held_out(devsets: Path, pages: Path) -> None:
    """The held-out articles in every style whose programs are here."""
    articles = pages / "articles.json"
    articles.write_text(json.dumps(split_articles(devsets)[1], ensure_ascii=False), encoding="utf-8")
    for styles, count, programs in BATCHES:
        if all(map(shutil.which, programs)):
            target = pages / ("columns" if styles == "h" else "held")
            generator = [sys.executable, str(devsets / "reflow" / "make_docs.py"), str(target)]
            flags = ["--articles", str(articles), "--seed", str(SEED), "--styles", styles, "--per-style", str(count)]
            subprocess.run(generator + flags, check=True, stdout=subprocess.DEVNULL)
        else:
            print(f"styles {styles} left out: needs {', '.join(programs)}")


def render_probes(devsets: Path, folder: Path) -> None:
    """Sentences dense in hyphens that stay, wrapped at drawn widths."""
    import pyphen

    make = load_generator(devsets)
    make.PY["nl"] = pyphen.Pyphen(lang="nl_NL", left=2, right=3)
    for article in json.loads(PROBES.read_text(encoding="utf-8")):
        for turn in range(PROBE_TURNS):
            name = f"{article['src']}_{turn}"
            raw = make.render_text(article, "t6_probe_wrap", random.Random(f"probe{name}"))
            gold = {
                "id": name,
                "style": article["lang"],
                "lang": article["lang"],
                "split": "probe",
                "blocks": article["blocks"],
            }
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / "raw.txt").write_text(raw, encoding="utf-8", newline="")
            (folder / name / "gold.json").write_text(json.dumps(gold, ensure_ascii=False), encoding="utf-8")


def load_scorer(devsets: Path, folder: Path) -> ModuleType:
    """The development set's scorer, reading its gold from ``folder``."""
    os.environ["REFLOW_SET"] = str(folder)
    spec = importlib.util.spec_from_file_location("score", devsets / "reflow" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_documents(folder: Path) -> dict[str, tuple[str, Result]]:
    """Raw text and gold by document."""
    return {
        path.parent.name: ((path.parent / "raw.txt").read_bytes().decode("utf-8"), json.loads(path.read_text("utf-8")))
        for path in sorted(folder.glob("*/gold.json"))
    }


def measure_set(name: str, score: ModuleType, documents: dict[str, tuple[str, Result]]) -> dict[str, float]:
    """Print the scorer's table, by style and for other tools, and return the figures with floors."""
    done = {key: reflow(raw) for key, (raw, _) in documents.items()}
    results = [score.score_doc(key, _scored_texts(done[key], gold), True) for key, (_, gold) in documents.items()]
    print(f"\n{name:26s}" + " ".join(f"{column:>7s}" for column in score.COLS))
    total, _ = score.agg(results)
    print(score.row("fliesstext", total))
    styles = by_style(score, results)
    for style, figures in styles.items():
        print(score.row(f"  {style}", figures))
    for tool, run in other_tools().items():
        others = [score.score_doc(key, run(raw), False) for key, (raw, _) in documents.items()]
        print(score.row(tool, score.agg(others)[0]))
        worst = min(figures["bF"] for figures in by_style(score, others).values())
        print(f"{'':26s}worst style bF {worst:.2f}")
    stable = sum(_is_stable(result) for result in done.values())
    mapped = sum(_is_mapped(documents[key][0], result) for key, result in done.items())
    print(f"reflow of its own output changes nothing: {stable}/{len(done)}; spans exact: {mapped}/{len(done)}")
    kept = {"probe": HYPHENS, "held": score.COLS[1:], "dev": score.COLS[1:]}.get(name, REAL)
    figures = {f"{name} {column}": total[column] for column in kept if total[column] == total[column]}
    if name == "held":
        figures["held worst style bF"] = min(style["bF"] for style in styles.values())
    return figures | {f"{name} stable %": 100 * stable / len(done), f"{name} mapped %": 100 * mapped / len(done)}


def measure_running(name: str, documents: dict[str, tuple[str, Result]]) -> dict[str, float]:
    """Print the share of running lines that stayed: lines at page edges that come again there and are not in the gold.

    The scorer's furniture is all that the gold lacks, notes and captions too, which stay by right.
    """
    total = left = 0
    for raw, gold in documents.values():
        wanted = " ".join(" ".join(block["text"].split()) for block in gold["blocks"])
        found = Counter({line: n for line, n in _running_lines(raw).items() if line not in wanted})
        text = "\n".join(block.text for block in reflow(raw).blocks)
        total += sum(len(line) * n for line, n in found.items())
        left += sum(len(line) * min(n, text.count(line)) for line, n in found.items())
    if not total:
        return {}
    print(f"running lines left: {100 * left / total:.2f} % of {total} characters")
    return {f"{name} running": 100 * left / total}


def _running_lines(raw: str) -> Counter[str]:
    """How often each line stands at a page edge, of those that do on several pages, numbers aside."""
    pages = [[" ".join(line.split()) for line in page.splitlines() if line.strip()] for page in raw.split("\f")]
    edges = [page[:EDGE] + page[-EDGE:] for page in pages]
    shown = Counter(key for edge in edges for key in {DIGITS.sub("0", line) for line in edge})
    return Counter(line for edge in edges for line in edge if shown[DIGITS.sub("0", line)] >= FEWEST_PAGES)


def by_style(score: ModuleType, results: list[Result]) -> dict[str, Result]:
    """The scorer's figures for the documents of each style."""
    styles = sorted({result["style"] for result in results})
    return {style: score.agg([r for r in results if r["style"] == style])[0] for style in styles}


def measure_kinds(name: str, documents: dict[str, tuple[str, Result]]) -> dict[str, float]:
    """The kinds of the blocks that came out exactly: gold in rows, ours in columns."""
    counts: Counter[tuple[str, str]] = Counter()
    for raw, gold in documents.values():
        ours = {" ".join(block.text.split()): block.kind for block in reflow(raw).blocks}
        counts.update(
            (block["kind"], ours[text]) for block in gold["blocks"] if (text := " ".join(block["text"].split())) in ours
        )
    columns = sorted({ours for _, ours in counts})
    print(f"\nkinds, {name:18s}" + " ".join(f"{column:>11s}" for column in columns))
    for row in sorted({gold for gold, _ in counts}):
        print(f"{row:25s}" + " ".join(f"{counts[row, column]:11d}" for column in columns))
    right = sum(count for (gold, ours), count in counts.items() if gold == UNKNOWN_TO_GOLD.get(ours, ours))
    return {f"{name} kinds %": 100 * right / max(counts.total(), 1)}


def measure_words() -> dict[str, float]:
    """Print, by language, how many words of ``reflow_hyphens.json`` are decided right, each alone in its text."""
    figures = {}
    totals: Counter[tuple[str, bool]] = Counter()
    for lang, words in json.loads(WORDS.read_text(encoding="utf-8")).items():
        if lang not in PATTERNS:
            continue
        counts: Counter[tuple[str, bool]] = Counter()
        carrier = " ".join(COMMON[lang])
        for item, join in _word_breaks(lang, words):
            counts[join.name, decide_hyphens([item], carrier) == [join]] += 1
        print(f"words, {lang}: " + ", ".join(f"{name} {share:.1f} %" for name, share in _shares(counts).items()))
        totals += counts
    for name, share in _shares(totals).items():
        figures[f"words {name}"] = share
        print(f"words, all: {name} {share:.2f} % of {totals[name, True] + totals[name, False]}")
    return figures


def _word_breaks(lang: str, words: dict[str, str]) -> Iterator[tuple[Break, Join]]:
    """Each word broken at its hyphens, or at its syllables, or before the conjunction."""
    import pyphen

    breaker = pyphen.Pyphen(lang=PATTERNS[lang], left=2, right=3)
    for word in words["keep"].split():
        for at in (match.start() for match in re.finditer("-", word)):
            yield Break(word[: at + 1], word[at + 1 :]), Join.KEEP
    for word in words["remove"].split():
        for at in breaker.positions(word):
            yield Break(f"{word[:at]}-", word[at:]), Join.REMOVE
    for pair in words["suspended"].split():
        yield Break(*pair.split("|")), Join.KEEP_SPACE


def _shares(counts: Counter[tuple[str, bool]]) -> dict[str, float]:
    names = sorted({name for name, _ in counts})
    return {name: 100 * counts[name, True] / (counts[name, True] + counts[name, False]) for name in names}


def measure_speed(documents: dict[str, tuple[str, Result]]) -> None:
    """Million characters a second on one core, models loaded, many texts at once as in a run; best of three."""
    texts = [raw for raw, _ in documents.values()]
    times = []
    for _ in range(3):
        start = time.process_time()
        for _ in reflow_all(texts):
            pass
        times.append(time.process_time() - start)
    speed = sum(map(len, texts)) / min(times) / 1e6
    # Printed and not pinned: it says as much about the machine.
    print(f"\nspeed: {speed:.2f} MB/s over {len(texts)} documents")


def other_tools() -> dict[str, Tool]:
    """Anchors: blank lines alone, and the paragraph groupers and hyphen rules of packages that are installed."""
    tools: dict[str, Tool] = {
        "naive (blank lines)": lambda raw: [" ".join(part.split()) for part in raw.replace("\r\n", "\n").split("\n\n")],
        "naive (and indents)": split_indents,
        "naive (indents alone)": lambda raw: split_indents(raw, gaps=False),
    }
    if importlib.util.find_spec("unstructured"):
        from unstructured.cleaners.core import group_broken_paragraphs

        tools["unstructured"] = lambda raw: str(group_broken_paragraphs(raw)).split("\n\n")
    if importlib.util.find_spec("textacy"):
        from textacy.preprocessing.normalize import hyphenated_words

        tools["textacy + blank lines"] = lambda raw: [
            " ".join(part.split()) for part in hyphenated_words(raw.replace("\r\n", "\n")).split("\n\n")
        ]
    return tools


def split_indents(raw: str, gaps: bool = True) -> list[str]:
    """Paragraphs that begin at a line set in against the commonest margin, and after an empty line where ``gaps``."""
    lines = [line.expandtabs() for line in raw.replace("\f", "\n").splitlines()]
    margins = Counter(len(line) - len(line.lstrip()) for line in lines if line.strip())
    margin = margins.most_common(1)[0][0] if margins else 0
    parts: list[list[str]] = [[]]
    for line in lines:
        blank = not line.strip()
        if (blank and gaps) or (not blank and len(line) - len(line.lstrip()) - margin in INDENTS):
            parts.append([])
        parts[-1].append(line)
    return [" ".join(" ".join(part).split()) for part in parts]


def _scored_texts(result: Reflowed, gold: Result) -> list[str]:
    """The blocks' texts, a credit set back on its caption where the gold keeps the two in one block."""
    texts: list[str] = []
    golden = {" ".join(block["text"].split()) for block in gold["blocks"]}
    for block in result.blocks:
        glued = [join.join((texts[-1], block.text)) for join in ("", " ")] if texts and block.kind == "credit" else []
        whole = next((text for text in glued if text in golden), None)
        if whole:
            texts[-1] = whole
        else:
            texts.append(block.text)
    return texts


def _is_stable(result: Reflowed) -> bool:
    again = reflow("\n\n".join(block.text for block in result.blocks))
    return [block[:2] for block in again.blocks] == [block[:2] for block in result.blocks]


def _is_mapped(raw: str, result: Reflowed) -> bool:
    return all(
        block.text[start : start + length] == raw[at : at + length]
        for block in result.blocks
        for start, at, length in block.spans
    )


def _compare(figures: dict[str, float], update: bool) -> int:
    if update or not FLOORS.exists():
        FLOORS.write_text(
            json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=1) + "\n", encoding="utf-8"
        )
        print(f"wrote {FLOORS.name}")
        return 0
    floors = json.loads(FLOORS.read_text(encoding="utf-8"))
    below = 0
    for name, floor in floors.items():
        value = figures.get(name)
        worse = value is not None and (value > floor + 0.01 if name.split()[-1] in COSTS else value < floor - 0.01)
        if worse:
            print(f"below its floor: {name} is {value:.2f}, floor {floor:.2f}")
            below += 1
    print("all figures hold their floors" if not below else f"{below} figures below their floors")
    return 1 if below else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the reflow stage against its floors.")
    parser.add_argument("--devsets", type=Path, required=True)
    parser.add_argument("--pages", type=Path, default=Path("data/benchmark/reflow"))
    parser.add_argument("--update", action="store_true", help="pin the present figures as floors")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
