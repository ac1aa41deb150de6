"""Every shipped sample becomes what its golden file says; the goldens were written before the damage was done."""

import json
from pathlib import Path

import pytest

from stages.errors import SourceError
from stages.identify_language import identify_languages
from stages.read.sources import read_source
from stages.reflow import reflow

ROOT = Path(__file__).parent
SAMPLES = ROOT.parent / "data" / "samples"
GOLDEN = ROOT / "golden"
GOLD = {
    file.relative_to(GOLDEN).as_posix().removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
    for file in sorted(GOLDEN.rglob("*.json"))
}
ARTICLES = sorted(name for name, gold in GOLD.items() if "blocks" in gold)
TOO_HARD = json.loads((ROOT / "cases" / "samples_too_hard.json").read_text(encoding="utf-8"))
"""Samples that are not mended whole yet, with what is missing; one that is mended after all fails as such."""


NO_BREAK = str.maketrans("\u00a0\u202f", "  ")  # the gold texts have plain spaces for them


def plain(text: str) -> str:
    return " ".join(text.split())


def test_every_sample_has_its_golden_file_and_the_reverse() -> None:
    assert {file.relative_to(SAMPLES).as_posix() for file in SAMPLES.rglob("*") if file.is_file()} == set(GOLD)
    assert len(ARTICLES) >= 15
    assert {name for names in TOO_HARD.values() for name in names} <= set(ARTICLES)


@pytest.mark.parametrize("name", ARTICLES)
def test_the_blocks_are_those_of_the_clean_article(name: str, request: pytest.FixtureRequest) -> None:
    if name in TOO_HARD["blocks"]:
        request.applymarker(pytest.mark.xfail(reason=TOO_HARD["blocks"][name], strict=True))
    raw, _ = read_source(SAMPLES / name)
    found = [block.text.translate(NO_BREAK) for block in reflow(raw.text).blocks]
    assert found == [plain(block["text"]) for block in GOLD[name]["blocks"]]


@pytest.mark.parametrize("name", [name for name in ARTICLES if name not in TOO_HARD["blocks"]])
def test_the_kinds_are_those_of_the_clean_article(name: str, request: pytest.FixtureRequest) -> None:
    if name in TOO_HARD["kinds"]:
        request.applymarker(pytest.mark.xfail(reason=TOO_HARD["kinds"][name], strict=True))
    raw, _ = read_source(SAMPLES / name)
    # Whether a first paragraph is a teaser is a matter of taste.
    same = {"teaser": "paragraph"}
    found = [same.get(block.kind, block.kind) for block in reflow(raw.text).blocks]
    assert found == [same.get(block["kind"], block["kind"]) for block in GOLD[name]["blocks"]]


@pytest.mark.parametrize("name", ARTICLES)
def test_the_language_is_found(name: str) -> None:
    raw, _ = read_source(SAMPLES / name)
    [(document, _)] = identify_languages([[block.text for block in reflow(raw.text).blocks]])
    assert document.code == GOLD[name]["language"]


@pytest.mark.parametrize("name", [n for n, gold in GOLD.items() if gold.get("status") == "quarantined"])
def test_the_reason_code_is_found(name: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_source(SAMPLES / name)
    assert caught.value.code == GOLD[name]["reason_code"]
