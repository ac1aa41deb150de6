"""The parameters of a run: typed, bounded and documented once, for the flow, its deployments and the command line."""

import hashlib
import json
import os
from dataclasses import asdict, replace
from importlib.metadata import version
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stages import correct, extract_entities, find_duplicates, identify_language, link_entities, reflow, split_sentences
from stages.annotate import StageOptions
from stages.discover import decide as discover
from stages.discover.containers import RowOptions
from stages.discover.path_pattern import check_path_pattern
from stages.discover.selection import Selection, check_pattern, complete_suffix
from stages.discover.sources import path_below
from stages.extract_entities import EntityOptions
from stages.extract_entities.names import ENGINE_PATTERN, ENGINES, model_of
from stages.identify_language import LANGUAGES, LanguageOptions
from stages.read import sources as read
from stages.read.sources import ReadOptions
from stages.read.versions import reader_versions
from stages.tables.drift import DriftLimits


def _samples() -> Path:
    """The shipped samples: beside this module where it was installed from a wheel, else in data/ of the clone."""
    shipped = Path(__file__).with_name("samples")
    return shipped if shipped.is_dir() else Path(__file__).parents[1] / "data" / "samples"


SAMPLES = str(_samples())
TABLES = str(Path("data") / "tables")
"""In the folder that the run is started in, wherever the package lies."""
_MOST_AT_ONCE = 4
"""So many pieces a step holds at the most, however many workers there are: each takes up to a hundred megabytes."""


Pattern = Annotated[str, AfterValidator(check_pattern)]
Suffix = Annotated[str, AfterValidator(complete_suffix)]


class Settings(BaseModel):
    """How a run reads, mends and publishes. The defaults suit some hundred thousand press articles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: tuple[Literal[*LANGUAGES], ...] = Field(  # type: ignore[valid-type]
        ("de", "en", "fr"), min_length=1, description="languages to expect, most frequent first (ISO 639-1)"
    )
    engine: str = Field(
        ENGINES[0],
        pattern=ENGINE_PATTERN,
        description="engine that finds names: accurate, fast, spacy:DIR, gliner:DIR, transformers:DIR, or none",
    )
    # More would not fit the 2 GB that a value in a Parquet file may have, at four bytes for a character.
    max_chars: int = Field(10_000_000, ge=1, le=500_000_000, description="longest text of one file, in characters")
    include: tuple[Pattern, ...] = Field(
        (), description="read only what matches one of these patterns (as in .gitignore), be it hidden or temporary"
    )
    exclude: tuple[Pattern, ...] = Field(
        (), description="pass over what matches one of these patterns (as in .gitignore)"
    )
    suffixes: tuple[Suffix, ...] = Field(
        (), description='read only files of these endings ("" for none), pass over the others'
    )
    later: tuple[str, ...] = Field(
        (), description="source_uris to leave for another run, as files that somebody is still writing; they stand"
    )
    path_pattern: Annotated[str, AfterValidator(check_path_pattern)] | None = Field(
        None, description="what paths tell of documents, for example {publisher}/{published:%Y/%m/%d}/*"
    )
    metadata: str | None = Field(
        None,
        min_length=1,
        description="table of what is known of the files (CSV, JSON lines, Parquet) with a column file",
    )
    text_column: str | None = Field(
        None, min_length=1, description="column of tables that holds the texts; default: the one that looks like it"
    )
    key_column: str | None = Field(
        None, min_length=1, description="column of tables that names a row; default: id, uuid, url ... or its content"
    )
    mets: Literal["articles", "pages", "whole"] = Field(
        "articles", description="what of a METS is a document: articles where it names them, else pages; pages; or all"
    )
    ocr: bool = Field(
        False, description="recognise the text of page images and image-only PDFs (needs the program tesseract)"
    )
    batch_size: int = Field(250, ge=1, le=10_000, description="documents handed on together")
    workers: int | None = Field(
        None,
        ge=0,
        le=256,
        description="worker processes; 0 works in this one, but for documents that a worker did not survive before; "
        "default: as many as pay off",
    )
    dask: str | None = Field(
        None,
        pattern=r"^(tcp|tls)://",
        description="work on the workers of this Dask scheduler (tcp://host:8786) instead; sources and tables have to "
        "be on drives that all of them mount, or on an object store",
    )
    max_seconds: float = Field(
        300.0, gt=0, description="seconds after which a batch in a worker process counts as hung (large ones get more)"
    )
    verify: bool = Field(False, description="read every file instead of trusting size and modification time")
    max_deleted: float = Field(
        0.1, ge=0, le=1, description="share of the documents of a source that may vanish without confirmation"
    )
    min_deleted: int = Field(10, ge=1, description="as long as fewer documents of a source vanish, it may be any share")
    confirm_deletions: bool = Field(False, description="publish deletions beyond that, also of a whole source")
    max_outdated: int | None = Field(
        None,
        ge=0,
        description="most documents to make again in one run only because other stages, models or options made them; "
        "the rest stands until the next; default: all",
    )
    keep_snapshots: int = Field(5, ge=1, description="published snapshots to keep, the current one included")
    table_format: Literal["parquet", "delta"] | None = Field(
        None, description="parquet or delta; default: as the folder has it, else parquet; on an object store delta"
    )
    authority: str | None = Field(
        None,
        min_length=1,
        description="Parquet table of known entities (id, label, name, aliases); fills entities.authority_id",
    )
    corrections: str | None = Field(
        None,
        min_length=1,
        description="file of corrections that people made; default: corrections.csv in the folder of the tables",
    )
    keep_days: float = Field(
        0.0, ge=0, description="keep a snapshot at least so many days after the next one was published"
    )
    wait_seconds: float = Field(
        300.0, ge=0, description="seconds to wait for another run that is writing to the same tables"
    )
    drift_warn: float = Field(
        0.5,
        ge=0,
        le=1,
        description="deviation from the median of the last runs from which on a measure is told (0 to 1)",
    )
    drift_volume: float = Field(0.9, ge=0, le=1, description="the same for the numbers of documents and words")
    drift_fail: float = Field(
        1.0, ge=0, le=1, description="deviation from which on the run ends as failed (exit with 6); 1: never"
    )
    drift_runs: int = Field(10, ge=3, description="earlier runs of a source that a run is compared with")
    drift_documents: int = Field(20, ge=1, description="fewer new documents of a source are not judged")
    strict: bool = Field(False, description="end as failed (exit with 3) when a source is in quarantine")

    def selection(self) -> Selection:
        """Say which paths below the sources are read."""
        return Selection(self.include, self.exclude, self.suffixes, frozenset(map(path_below, self.later)))

    def stage_options(self) -> StageOptions:
        """Give the options of the text stages."""
        priors = LanguageOptions().priors
        if self.languages != tuple(code for code, _ in priors):
            # Half of what is left to each next language; the rest stays for all others.
            priors = tuple((code, 0.5 ** (place + 1)) for place, code in enumerate(self.languages))
        return StageOptions(language=LanguageOptions(priors=priors), entities=EntityOptions(engine=self.engine))

    def at_once(self) -> int:
        """Say how many pieces a step that is no batch's has in hand at once: as many as there may be workers, and few.

        Each is held in memory meanwhile.
        """
        return min(_MOST_AT_ONCE, max(1, (os.cpu_count() or 1) if self.workers is None else self.workers))

    def drift_limits(self) -> DriftLimits:
        """Give what counts as drift."""
        return DriftLimits(self.drift_warn, self.drift_volume, self.drift_fail, self.drift_runs, self.drift_documents)

    def read_options(self) -> ReadOptions:
        """Give the options of the read stage."""
        ocr = self.languages if self.ocr else ()
        return ReadOptions(max_chars=self.max_chars, path_pattern=self.path_pattern, ocr=ocr)

    def made(self) -> discover.Made:
        """Give what decides the rows of a file beside its bytes."""
        stages = self.stages_sha256()
        rows = RowOptions(self.text_column, self.key_column, self.mets)
        # Which members are passed over is part of how a container is opened.
        opening = hashlib.sha256(json.dumps([stages, self.exclude, asdict(rows)]).encode()).hexdigest()
        return discover.Made(stages, self.max_chars, opening, rows, self.ocr, reader_versions(self.ocr))

    def stages_sha256(self) -> str:
        """Hash everything that decides what a file becomes: versions and options of the stages.

        A source whose row carries another hash is processed again. The longest text allowed is not part of it: it
        decides upon the files that are too long, or were, and on no other (see `stages.discover.decide.decide`); nor is
        text recognition, which decides upon those that need it.
        """
        options = asdict(self.stage_options())
        # The model itself, not the folder it lies in: another model there changes names, another folder does not.
        options["entities"]["engine"] = model_of(self.engine)
        every_length = replace(self.read_options(), max_chars=0, ocr=())
        decides: list[Any] = [stage_versions(), options, asdict(every_length)]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def as_parameters() -> list[Parameter]:
    """Give every setting as a keyword parameter of a function, with its type, bounds, default and description.

    So a function that takes the settings one by one, as a flow should, need not name them again.
    """
    return [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[field.annotation, *field.metadata, Field(description=field.description)],
        )
        for name, field in Settings.model_fields.items()
    ]


def stage_versions() -> dict[str, str]:
    """Give the version of every stage that decides what a file becomes."""
    return {
        "discover": discover.VERSION,
        "read": read.VERSION,
        "reflow": reflow.VERSION,
        "identify_language": identify_language.VERSION,
        "split_sentences": split_sentences.VERSION,
        "extract_entities": extract_entities.VERSION,
        "link_entities": link_entities.VERSION,
        "find_duplicates": find_duplicates.VERSION,
        "correct": correct.VERSION,
    }


def library_versions() -> dict[str, str]:
    """Give the versions of this package and of the libraries that touch the data."""
    names = ("fliesstext", "polars", "pyarrow", "prefect", "great-expectations", "langdetect", "sentencex")
    return {name: version(name) for name in names}
