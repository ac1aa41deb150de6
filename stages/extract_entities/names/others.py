"""Engines of other makers, from a local folder: ``spacy:DIR``, ``gliner:DIR``, ``transformers:DIR``.

Each is one function that opens the folder and returns a function from a text to raw spans. The packages are extras,
imported when first asked for; nothing is ever downloaded, a folder that is not there is an error. To plug in another
kind of model, add an opening function and its line in OPENERS.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stages.errors import UsageError
from stages.extract_entities.names.decode import Name

RawSpan = tuple[int, int, str, float]  # start, end, the model's own label, score
Reader = Callable[[str], Iterable[RawSpan]]

# The labels of the usual models; those that are absent (dates, amounts) are no names.
LABELS = {
    **dict.fromkeys(("PER", "PERSON", "PERS"), "PER"),
    **dict.fromkeys(("ORG", "ORGANIZATION", "ORGANISATION", "CORPORATION"), "ORG"),
    **dict.fromkeys(("LOC", "LOCATION", "GPE", "FAC", "PLACE"), "LOC"),
    **dict.fromkeys(("MISC", "OTH", "MISCELLANEOUS", "NORP", "EVENT", "WORK_OF_ART", "PRODUCT", "LAW"), "MISC"),
}
GLINER_LABELS = ("person", "organization", "location", "miscellaneous")
LONGEST = 2_000  # characters read in one go: these models cost the square of the length or cut without a word


_Files = tuple[tuple[str, int, int], ...]  # name below the folder, bytes, modification time in nanoseconds


def is_other(engine: str) -> bool:
    """Tell whether an engine's name asks for a model of another maker."""
    maker, colon, _ = engine.partition(":")
    return bool(colon) and maker in OPENERS


def check_other(engine: str) -> None:
    """Raise UsageError where the folder of an engine such as ``spacy:/models/de`` or its package is not there.

    The model is not opened: that takes seconds and memory, and a worker does it.
    """
    maker = engine.partition(":")[0]
    _files(engine)
    if find_spec(maker) is None:
        raise UsageError(f"{engine} needs the package {maker}: install it beside fliesstext (pip install {maker})")


def fingerprint(engine: str) -> str:
    """Give the SHA-256 of the names and bytes of all files of a model, wherever its folder lies.

    Hidden files and folders (``.git``, ``.cache``) and compiled code do not count. Raises UsageError when the folder
    cannot be read.
    """
    return _sha256(str(_folder(engine)), _files(engine))


def find_others(texts: Sequence[str], engine: str) -> list[list[Name]]:
    """Return the names of each text, read one by one so that no text depends on its neighbours.

    Raises UsageError when the folder does not hold a model that the package can open.
    """
    reader, maker = _open(engine, _files(engine)), extractor(engine)
    return [_names(text, reader, maker) for text in texts]


def extractor(engine: str) -> str:
    """Name a model in the column ``extractor``: its maker and the first digits of its fingerprint."""
    return f"{engine.partition(':')[0]}-{fingerprint(engine)[:8]}"


def _folder(engine: str) -> Path:
    return Path(engine.partition(":")[2]).expanduser()


def _files(engine: str) -> _Files:
    """The files of a model, by whose state a changed model is noticed without reading it."""
    folder = _folder(engine)
    if not folder.is_dir():
        raise UsageError(
            f"{engine}: there is no folder {folder.absolute()}; models are never downloaded, give a local one"
        )
    files = [(file.relative_to(folder), file.stat()) for file in sorted(folder.rglob("*")) if file.is_file()]
    hidden = (".", "__pycache__")
    return tuple(
        (name.as_posix(), found.st_size, found.st_mtime_ns)
        for name, found in files
        if not any(part.startswith(hidden) for part in name.parts)
    )


@lru_cache(maxsize=1)
def _sha256(folder: str, files: _Files) -> str:
    whole = hashlib.sha256()
    try:
        for name, size, _ in files:
            with (Path(folder) / name).open("rb") as file:
                whole.update(f"{name}\0{size}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    except OSError as error:
        raise UsageError(f"{error.filename}: a file of a model that cannot be read ({error.strerror})") from error
    return whole.hexdigest()


@lru_cache(maxsize=1)
def _open(engine: str, _state: _Files) -> Reader:
    """Open a model once per process, and again when its files have changed."""
    maker = engine.partition(":")[0]
    try:
        return OPENERS[maker](str(_folder(engine)))
    except ImportError as error:
        raise UsageError(f"{engine} needs a package that is not installed beside fliesstext ({error})") from error
    except Exception as error:
        # Each maker's loader has errors of its own; all say that the folder holds something else.
        raise UsageError(
            f"{engine}: {maker} cannot open the model in {_folder(engine).absolute()} ({error})"
        ) from error


def _names(text: str, reader: Reader, extractor: str) -> list[Name]:
    found: list[Name] = []
    for first, last in _windows(text):
        for start, end, label, score in reader(text[first:last]):
            name = _trimmed(text, first + start, first + end, LABELS.get(label.upper()), score, extractor)
            if name is not None:
                found.append(name)
    return _apart(found)


def _windows(text: str) -> list[tuple[int, int]]:
    windows, start = [], 0
    while start < len(text):
        end = text.rfind(" ", start + LONGEST // 2, start + LONGEST) if len(text) - start > LONGEST else len(text)
        end = end if end > 0 else start + LONGEST
        windows.append((start, end))
        start = end
    return windows


def _trimmed(text: str, start: int, end: int, label: str | None, score: float, extractor: str) -> Name | None:
    surface = text[start:end]
    start += len(surface) - len(surface.lstrip())
    end = start + len(surface.strip())
    if label is None or start >= end:
        return None
    return Name(start, end, label, "name", round(min(1.0, max(0.0, score)), 4), extractor)


def _apart(names: Iterable[Name]) -> list[Name]:
    """Of overlapping names keep the surer one, then the longer, then the earlier."""
    kept: list[Name] = []
    for name in sorted(names, key=lambda n: (-n.score, n.start - n.end, n.start)):
        if all(name.end <= other.start or name.start >= other.end for other in kept):
            kept.append(name)
    return sorted(kept, key=lambda n: (n.start, -n.end))


def _open_spacy(folder: str) -> Reader:
    import spacy

    pipeline = spacy.load(folder)

    def read(text: str) -> Iterable[RawSpan]:
        return [(entity.start_char, entity.end_char, entity.label_, 1.0) for entity in pipeline(text).ents]

    return read


def _open_gliner(folder: str) -> Reader:
    from gliner import GLiNER

    model = GLiNER.from_pretrained(folder, local_files_only=True)

    def read(text: str) -> Iterable[RawSpan]:
        found: list[dict[str, Any]] = model.predict_entities(text, list(GLINER_LABELS), threshold=0.5)
        return [(row["start"], row["end"], row["label"], float(row["score"])) for row in found]

    return read


def _open_transformers(folder: str) -> Reader:
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

    model = AutoModelForTokenClassification.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    tagger = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="first")

    def read(text: str) -> Iterable[RawSpan]:
        rows = tagger(text) if text.strip() else []
        return [(row["start"], row["end"], row["entity_group"], float(row["score"])) for row in rows]

    return read


OPENERS: dict[str, Callable[[str], Reader]] = {
    "spacy": _open_spacy,
    "gliner": _open_gliner,
    "transformers": _open_transformers,
}
