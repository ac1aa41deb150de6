"""Measure the readers of formats with pages against their floors.

    python tests/benchmarks/page_formats.py --devsets DIR [--pages DIR] [--update]

Reads the PDFs of journal articles whose gold is in ``reflow-real``; PDFs that the development set's generator lays out
(where TeX, LibreOffice and poppler are installed), and the same pages as ALTO and hOCR by tesseract (where that is
installed); and every file of ``formats/alto``, ``page`` and ``hocr``, for speed. Prints the scorer's figures, the share
of blocks whose every character is mapped, the share of lines that come again on other pages (heads, feet) left in the
text (``furnMid`` also counts what the gold of the journal lacks: subtitles, abstracts), and pages and megabytes a CPU
second. Ends with status 1 when a figure is below its floor in ``page_formats_floors.json``; ``--update`` writes the
present figures there instead.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.errors import SourceError
from stages.read.ocr_xml import read_alto, read_hocr, read_page
from stages.read.pdf import read_pdf
from stages.read.raw_document import RawDocument
from stages.reflow import Reflowed
from stages.reflow.layout import reflow_pieces
from tests.benchmarks.reflow import load_scorer

FLOORS = Path(__file__).with_name("page_formats_floors.json")
MANY = 100_000_000
SEED, PER_STYLE, RECOGNISED = 77, 10, 20
# Kinds that the gold of the journal leaves out.
LEFT_OUT = ("footnote", "caption", "table")
KEPT = ("bF", "exact", "joinAll", "furnMid", "lost")
# Figures where less is better.
COSTS = {"furnMid", "lost", "heads"}
# A must, and no more is pinned: figures above it say as much about the machine.
FEWEST_PAGES = 20
FEWEST_TIMES, SHORTEST = 3, 8
LANGUAGES = {"de": "deu", "en": "eng", "fr": "fra"}
Reader = Callable[[bytes, int], RawDocument]


class Read(NamedTuple):
    """One file read and mended, with its size and the CPU seconds it took."""

    document: RawDocument
    mended: Reflowed
    size: int
    seconds: float


def main() -> int:
    """Lay out, measure, print, compare."""
    options = _options()
    figures: dict[str, float] = {}
    for name in ("libreas_layout", "libreas_fn"):
        gold = options.devsets / "reflow-real" / name
        files = {path.stem: path for path in sorted((options.devsets / "formats" / "paired").glob("*.pdf"))}
        figures |= measure(f"pdf {name}", options.devsets, gold, read_pdf, files, LEFT_OUT)
    if all(map(shutil.which, ("pdflatex", "soffice", "pdftotext"))):
        laid = lay_out(options.devsets, options.pages)
        files = {path.parent.name: path for path in sorted(laid.glob("*/doc.pdf"))}
        figures |= measure("pdf laid out", options.devsets, laid, read_pdf, files)
        if all(map(shutil.which, ("pdftoppm", "tesseract"))):
            for path in list(files.values())[1 :: max(len(files) // RECOGNISED, 1)]:
                recognise(path)
            for kind, reader, suffix in (("alto", read_alto, "xml"), ("hocr", read_hocr, "hocr")):
                files = {path.parent.name: path for path in sorted(laid.glob(f"*/page.{suffix}"))}
                figures |= measure(f"{kind} recognised", options.devsets, laid, reader, files)
    for kind, reader in (("alto", read_alto), ("page", read_page), ("hocr", read_hocr)):
        measure_files(kind, reader, sorted((options.devsets / "formats" / kind).iterdir()))
    return _compare(figures, options.update)


def lay_out(devsets: Path, pages: Path) -> Path:
    """Articles of the development set as PDFs of TeX and LibreOffice, each beside its gold."""
    target = pages / "laid"
    generator = [sys.executable, str(devsets / "reflow" / "make_docs.py"), str(target)]
    flags = ["--styles", "p", "--per-style", str(PER_STYLE), "--seed", str(SEED)]
    subprocess.run(generator + flags, check=True, stdout=subprocess.DEVNULL)
    return target


def recognise(pdf: Path) -> None:
    """ALTO and hOCR of the pages of a PDF, by tesseract, where they are not there yet."""
    folder = pdf.parent
    if (folder / "page.hocr").exists():
        return
    subprocess.run(["pdftoppm", "-r", "200", "-gray", str(pdf), str(folder / "scan")], check=True)
    scans = sorted(folder.glob("scan*.pgm"))
    (folder / "scans.txt").write_text("\n".join(map(str, scans)), encoding="utf-8")
    language = LANGUAGES[folder.name.rpartition("_")[2]]
    command = ["tesseract", str(folder / "scans.txt"), str(folder / "page"), "-l", language, "alto", "hocr"]
    subprocess.run(command, check=True, capture_output=True)
    for scan in scans:
        scan.unlink()


def measure(
    name: str, devsets: Path, gold: Path, reader: Reader, files: dict[str, Path], left_out: tuple[str, ...] = ()
) -> dict[str, float]:
    """Print the scorer's figures for the files that have gold, and return those with floors."""
    score = load_scorer(devsets, gold)
    read = {key: _read(reader, path) for key, path in files.items() if (gold / key / "gold.json").exists()}
    if not read:
        print(f"{name}: no files")
        return {}
    results = [
        score.score_doc(key, [block.text for block in one.mended.blocks if block.kind not in left_out], True)
        for key, one in read.items()
    ]
    total, _ = score.agg(results)
    print(f"\n{name:26s}" + " ".join(f"{column:>7s}" for column in score.COLS))
    print(score.row("fliesstext", total))
    speed = print_speed(list(read.values()))
    heads = [heads_left(gold / key / "raw.txt", one) for key, one in read.items()]
    left = 100 * sum(a for a, _ in heads) / max(sum(b for _, b in heads), 1)
    print(f"lines that come again on other pages: {sum(b for _, b in heads)}, left in the text: {left:.2f} %")
    mapped = sum(_is_mapped(one) for one in read.values())
    figures = {f"{name} {column}": total[column] for column in KEPT if total[column] == total[column]}
    figures |= {f"{name} pages a CPU s": min(speed, FEWEST_PAGES), f"{name} heads": left}
    return figures | {f"{name} mapped %": 100 * mapped / len(read)}


def heads_left(raw: Path, read: Read) -> tuple[int, int]:
    """How many lines of the pages that come again, but for numbers, are left within blocks, and how many there are."""
    lines = [_folded(line) for line in re.split(r"[\n\f]", raw.read_text(encoding="utf-8"))]
    often = Counter(line for line in lines if len(line) >= SHORTEST)
    whole = "".join(lines)
    # Whose words stand nowhere else: what is also said in a text is no head.
    heads = {line: n for line, n in often.items() if n >= FEWEST_TIMES and whole.count(line) == n}
    text = _folded(" ".join(block.text for block in read.mended.blocks))
    # One may be the title, or a heading that the heads repeat.
    left = sum(max(text.count(line) - 1, 0) for line in heads)
    return left, sum(heads.values())


def _folded(text: str) -> str:
    return re.sub(r"\d+", "0", "".join(text.split()))


def measure_files(kind: str, reader: Reader, paths: list[Path]) -> None:
    """Print how fast files without gold are read, and which are refused for what."""
    read, refused = [], []
    for path in paths:
        try:
            read.append(_read(reader, path))
        except SourceError as error:
            refused.append(error.code)
    print(f"\n{kind}: {len(read)} files read, refused: {', '.join(sorted(refused)) or 'none'}")
    print_speed(read)


def print_speed(read: list[Read]) -> float:
    """Print pages and megabytes a CPU second, and return the pages."""
    seconds = sum(one.seconds for one in read)
    pages = sum(int(one.document.pieces["page"].max() or 0) for one in read if one.document.pieces is not None)
    size = sum(one.size for one in read) / 1e6
    print(f"{len(read)} files, {pages} pages: {pages / seconds:.1f} pages and {size / seconds:.2f} MB a CPU second")
    return pages / seconds


def _read(reader: Reader, path: Path) -> Read:
    data = path.read_bytes()
    start = time.process_time()
    document = reader(data, MANY)
    mended = reflow_pieces(document)
    return Read(document, mended, len(data), time.process_time() - start)


def _is_mapped(read: Read) -> bool:
    return all(text == raw for text, raw in _mapped(read))


def _mapped(read: Read) -> Iterator[tuple[str, str]]:
    for block in read.mended.blocks:
        for start, at, length in block.spans:
            yield block.text[start : start + length], read.document.text[at : at + length]


def _compare(figures: dict[str, float], update: bool) -> int:
    if update or not FLOORS.exists():
        rounded: dict[str, Any] = {name: round(value, 2) for name, value in figures.items()}
        FLOORS.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {FLOORS.name}")
        return 0
    below = 0
    for name, floor in json.loads(FLOORS.read_text(encoding="utf-8")).items():
        value = figures.get(name)
        cost = COSTS.intersection(name.split())
        if value is not None and (value > floor + 0.01 if cost else value < floor - 0.01):
            print(f"below its floor: {name} is {value:.2f}, floor {floor:.2f}")
            below += 1
    print("all figures hold their floors" if not below else f"{below} figures below their floors")
    return 1 if below else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the readers of formats with pages against their floors.")
    parser.add_argument("--devsets", type=Path, required=True)
    parser.add_argument("--pages", type=Path, default=Path("data/benchmark/formats"))
    parser.add_argument("--update", action="store_true", help="pin the present figures as floors")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
