"""Show one file as the pipeline sees it, without Prefect and without writing anything."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from hashlib import sha256
from itertools import islice
from pathlib import Path
from shlex import quote

import polars as pl
from rich.console import Console
from rich.text import Text

from flows.settings import Settings
from stages.annotate import Frames, annotate
from stages.discover.containers import Member, Refused, RowOptions
from stages.discover.forms import TEXT_SUFFIXES, file_form
from stages.discover.members import is_container, read_members
from stages.discover.sidecars import sidecar_names
from stages.discover.sources import NEST, to_uri
from stages.discover.told import read_beside
from stages.errors import SourceError, UsageError, printable
from stages.read.facts import in_order, read_sidecar
from stages.read.raw_document import RawDocument
from stages.read.sources import TEXTS, ReadOptions, read_bytes, read_source, to_row
from stages.tables.store.snapshots import replace_file

_STYLES = {"PER": "bold magenta", "ORG": "bold blue", "LOC": "bold green", "MISC": "bold yellow"}
_VALUE = "cyan"
_READ = (*TEXT_SUFFIXES, ".pdf", ".docx", ".odt", ".rtf", ".epub", ".hocr")
_LOOKED_THROUGH = 10_000  # files of a folder among which one is looked for to name as an example


def show_file(path: Path, settings: Settings, console: Console | None = None, *, diff: bool = False) -> None:
    """Print the blocks of one file with kind and language, names and values coloured, and the repairs.

    With ``diff`` the raw lines of each block that was changed, and what came of them, as a diff shows it.
    Raises UsageError, naming the file, when it would be quarantined, and when there is no such file or it is a folder.
    """
    raw, frames = mend(path, settings)
    if diff:
        _print_diff(raw, frames, console or Console())
    else:
        _print(frames, console or Console())


def show_page(path: Path, settings: Settings, out: Path) -> None:
    """Write one page with the file, mended beside raw, that needs nothing but itself; raises as `show_file` does."""
    from flows.browse.page import document_page

    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder; make it, or name another place")
    if out.is_dir():
        raise UsageError(f"{out} is a folder; name the file that the page is to be written to")
    raw, frames = mend(path, settings)
    replace_file(out, document_page({name: frame.to_dicts() for name, frame in frames.items()}, raw))


def mend(path: Path, settings: Settings) -> tuple[str, Frames]:
    """Read one file and give its raw text and its rows, as a run would make them; raises as `show_file` does."""
    container, _, member = str(path).partition(NEST)
    _refuse_what_is_no_file(Path(container))
    try:
        raw, content = _read(Path(container), member, settings.read_options(), settings.made().rows)
    except SourceError as error:
        raise UsageError(f"{path} would be quarantined as {error.code}: {error.reason}") from error
    texts = pl.DataFrame([to_row(printable(str(path)), "0" * 20, content, raw)], schema=TEXTS)
    frames, rejected, _ = annotate(texts, settings.stage_options(), "show", datetime.now(UTC))
    if rejected.height:
        raise UsageError(f"{path} would be quarantined as {rejected['code'][0]}: {rejected['reason'][0]}")
    return raw.text, frames


def _print_diff(raw: str, frames: Frames, console: Console) -> None:
    """Print the document as a diff: what was taken away between blocks, raw lines, and what came of them."""
    at = 0
    for block in frames["blocks"].sort("raw_start").iter_rows(named=True):
        before = raw[block["raw_start"] : block["raw_end"]]
        for line in raw[at : block["raw_start"]].splitlines():
            if line.strip():
                console.print(Text(f"- {printable(line)}", style="red"), soft_wrap=True)
        if before == block["text"]:
            console.print(Text(f"  {printable(before)}", style="dim"), soft_wrap=True)
        else:
            for line in before.splitlines():
                console.print(Text(f"- {printable(line)}", style="red"), soft_wrap=True)
            console.print(Text(f"+ {printable(block['text'])}", style="green"), soft_wrap=True)
        console.print()
        at = max(at, block["raw_end"])


def _read(file: Path, member: str, options: ReadOptions, rows: RowOptions) -> tuple[RawDocument, str]:
    """Read a file, or a member of one that is a container, with its sidecar."""
    if not is_container(file):
        raw, content = read_source(file, options)
        beside = next((path for name in sidecar_names(file.name) if (path := file.with_name(name)).is_file()), None)
        said = (read_beside(beside, file.parent.absolute()), str(beside)) if beside else None
        return _with_sidecar(raw, said), content
    names, wanted = [], {member, *sidecar_names(member)}
    found: dict[str, Member | Refused] = {}
    for uri, item in read_members(to_uri("show", file.name), {"show": file.parent}, rows):
        name = uri.partition(NEST)[2]
        names.append(name)
        if name in wanted:
            found[name] = item
    if member not in found:
        near = get_close_matches(member, names, n=1) or names[:1]
        example = f", for example: fliesstext show {quote(f'{file}{NEST}{near[0]}')}" if near else ""
        if member:
            raise UsageError(f"{file} has no member {printable(member)}, but {len(names)} others{example}")
        raise UsageError(f"{file} holds {len(names)} members, and show takes one{example}")
    item = found[member]
    if isinstance(item, Refused):
        raise item.error
    raw = read_bytes(item.data, member.rpartition(NEST)[2], options)
    within = ((it.data, name) for name in sidecar_names(member) if isinstance(it := found.get(name), Member))
    return _with_sidecar(raw, next(within, None)), sha256(item.data).hexdigest()


def _with_sidecar(raw: RawDocument, beside: tuple[bytes, str] | None) -> RawDocument:
    """Put what a sidecar says before what the file says."""
    return replace(raw, facts=in_order(read_sidecar(*beside), raw.facts)) if beside else raw


def _refuse_what_is_no_file(path: Path) -> None:
    if os.path.isdir(path):  # noqa: PTH112 - false where Path.is_dir would raise
        raise UsageError(_about_folder(path))
    if os.path.islink(path) and not os.path.exists(path):  # noqa: PTH110, PTH114
        raise UsageError(f"{path} is a link that leads to no file; repair it, or name the file itself")
    if not os.path.lexists(path):
        near = get_close_matches(path.name, islice(_names_beside(path), _LOOKED_THROUGH), n=1)
        raise UsageError(
            f"{path}: there is no such file; " + (f"is it {path.with_name(near[0])}?" if near else "check the path")
        )


def _about_folder(folder: Path) -> str:
    """What to do with a folder: name a text in it, or run over it; or why there is nothing to show."""
    files = list(
        islice((Path(at, name) for at, _, names in os.walk(folder) for name in sorted(names)), _LOOKED_THROUGH)
    )
    texts = [file for file in files if file_form(file.name)[1] in _READ and not file.name.startswith(".")]
    if texts:
        example = (
            f"for example: fliesstext show {quote(str(texts[0]))}; for all of them: fliesstext run {quote(str(folder))}"
        )
        return f"{folder} is a folder, and show takes one file, {example}"
    if files:
        kinds = "texts, PDFs, web pages, office documents, mails"
        return f"{folder} is a folder without a file that is read ({kinds}); name one"
    return f"{folder} is an empty folder, or one that cannot be listed: there is nothing to show; name a text file"


def _names_beside(path: Path) -> Iterator[str]:
    """The names of the files where a path would be; none where there is no such folder."""
    return (name for _, _, names in islice(os.walk(path.parent), 1) for name in names)


def _print(frames: Frames, console: Console) -> None:
    document = frames["documents"].row(0, named=True)
    console.print(
        Text(
            f"{document['source_uri']}: {document['language']} ({document['language_confidence']:.2f}), "
            f"{document['encoding']}, {document['n_blocks']} blocks, {document['n_mentions']} mentions, "
            f"{frames['repairs'].height} repairs, names: {document['entity_model']}",
            style="dim",
        ),
        soft_wrap=True,
    )
    for fact in document["metadata"]:
        told = f"{fact['name']}: {fact['value']} ({fact['found_in']})"
        console.print(Text(printable(told), style="dim"), soft_wrap=True)
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
