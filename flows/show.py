"""Show one file as the pipeline sees it, without Prefect and without writing anything."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.text import Text

from flows.settings import Settings
from stages.annotate import Frames, annotate
from stages.errors import SourceError, UsageError, printable
from stages.read.text import TEXTS, read_source

_STYLES = {"PER": "bold magenta", "ORG": "bold blue", "LOC": "bold green", "MISC": "bold yellow"}
_VALUE = "cyan"


def show_file(path: Path, settings: Settings, console: Console | None = None) -> None:
    """Print the blocks of one file with kind and language, names and values coloured, and the repairs.

    Raises UsageError, naming the file, when it would be quarantined.
    """
    console = console or Console()
    try:
        raw, sha256 = read_source(path, settings.read_options())
    except SourceError as error:
        raise UsageError(f"{path} would be quarantined as {error.code}: {error.reason}") from error
    row = (printable(str(path)), "0" * 20, sha256, raw.text, raw.encoding, raw.encoding_how)
    texts = pl.DataFrame([row], schema=dict.fromkeys(TEXTS, pl.String), orient="row")
    frames, rejected, _ = annotate(texts, settings.stage_options(), "show", datetime.now(UTC))
    if rejected.height:
        raise UsageError(f"{path} would be quarantined as {rejected['code'][0]}: {rejected['reason'][0]}")
    _print(frames, console)


def _print(frames: Frames, console: Console) -> None:
    document = frames["documents"].row(0, named=True)
    console.print(
        Text(
            f"{document['source_uri']}: {document['language']} ({document['language_confidence']:.2f}), "
            f"{document['encoding']}, {document['n_blocks']} blocks, {document['n_mentions']} mentions, "
            f"{frames['repairs'].height} repairs, names: {document['entity_model']}",
            style="dim",
        )
    )
    for block in frames["blocks"].iter_rows(named=True):
        console.print(Text(f"\n[{block['kind']} {block['language']}]", style="dim"))
        console.print(_coloured(block, frames["mentions"]), soft_wrap=True)
    names = frames["mentions"].filter(pl.col("kind") == "name").group_by("label", "text").len()
    console.print()
    for (label,), group in (
        names.sort("label", "len", "text", descending=[False, True, False])
        .partition_by("label", as_dict=True, maintain_order=True)
        .items()
    ):
        listed = ", ".join(f"{text} ({n})" if n > 1 else text for text, n in group.select("text", "len").iter_rows())
        console.print(Text(f"{label}: ", style=_STYLES.get(str(label), "bold")) + Text(listed), soft_wrap=True)


def _coloured(block: dict[str, object], mentions: pl.DataFrame) -> Text:
    text = Text(str(block["text"]))
    start = int(str(block["start"]))
    for mention in mentions.filter(pl.col("block_no") == block["block_no"]).iter_rows(named=True):
        style = _VALUE if mention["kind"] == "value" else _STYLES.get(mention["label"], "bold")
        text.stylize(style, mention["start"] - start, mention["end"] - start)
    return text
