"""The parameters of a run: typed, bounded and documented once, for the flow, its deployments and the command line."""

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stages import extract_entities, identify_language, link_entities, reflow, split_sentences
from stages.annotate import StageOptions
from stages.discover import decide as discover
from stages.extract_entities import EntityOptions
from stages.extract_entities.names import ENGINE_PATTERN, ENGINES, model_of
from stages.identify_language import LanguageOptions
from stages.read import text as read
from stages.read.text import ReadOptions


def _samples() -> Path:
    """The shipped samples: beside this module where it was installed from a wheel, else in data/ of the clone."""
    shipped = Path(__file__).with_name("samples")
    return shipped if shipped.is_dir() else Path(__file__).parents[1] / "data" / "samples"


SAMPLES = str(_samples())
TABLES = str(Path("data") / "tables")
"""In the folder that the run is started in, wherever the package lies."""


class Settings(BaseModel):
    """How a run reads, mends and publishes. The defaults suit some hundred thousand press articles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: tuple[str, ...] = Field(
        ("de", "en", "fr"), min_length=1, description="languages to expect, most frequent first (ISO 639-1)"
    )
    engine: str = Field(
        ENGINES[0],
        pattern=ENGINE_PATTERN,
        description="engine that finds names: accurate, fast, or spacy:DIR, gliner:DIR, transformers:DIR",
    )
    # More would not fit the 2 GB that a value in a Parquet file may have, at four bytes for a character.
    max_chars: int = Field(10_000_000, ge=1, le=500_000_000, description="longest text of one file, in characters")
    batch_size: int = Field(250, ge=1, le=10_000, description="documents handed on together")
    workers: int | None = Field(
        None, ge=0, le=256, description="worker processes; 0 works in this one; default: as many as pay off"
    )
    max_seconds: float = Field(
        300.0, gt=0, description="seconds after which a batch in a worker process counts as hung (large ones get more)"
    )
    verify: bool = Field(False, description="read every file instead of trusting size and modification time")
    max_deleted: float = Field(
        0.1, ge=0, le=1, description="share of the documents of the sources that may vanish without confirmation"
    )
    confirm_deletions: bool = Field(False, description="publish deletions beyond that share")
    keep_snapshots: int = Field(5, ge=1, description="published snapshots to keep, the current one included")
    authority: str | None = Field(
        None, description="Parquet table of known entities (id, label, name, aliases); fills entities.authority_id"
    )
    keep_days: float = Field(0.0, ge=0, description="keep older snapshots at least so many days")
    strict: bool = Field(False, description="exit with 3 when a source is in quarantine")

    def stage_options(self) -> StageOptions:
        """Give the options of the text stages."""
        priors = LanguageOptions().priors
        if self.languages != tuple(code for code, _ in priors):
            # Half of what is left to each next language; the rest stays for all others.
            priors = tuple((code, 0.5 ** (place + 1)) for place, code in enumerate(self.languages))
        return StageOptions(language=LanguageOptions(priors=priors), entities=EntityOptions(engine=self.engine))

    def read_options(self) -> ReadOptions:
        """Give the options of the read stage."""
        return ReadOptions(max_chars=self.max_chars)

    def stages_sha256(self) -> str:
        """Hash everything that decides what a file becomes: versions and options of the stages.

        A source whose row carries another hash is processed again.
        """
        options = asdict(self.stage_options())
        # The model itself, not the folder it lies in: another model there changes names, another folder does not.
        options["entities"]["engine"] = model_of(self.engine)
        decides: list[Any] = [stage_versions(), options, asdict(self.read_options())]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


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
    }


def library_versions() -> dict[str, str]:
    """Give the versions of this package and of the libraries that touch the data."""
    names = ("fliesstext", "polars", "pyarrow", "prefect", "great-expectations", "langdetect", "sentencex")
    return {name: version(name) for name in names}
