"""Short broken texts: what must be mended, and what looks broken and must stay."""

import json
from pathlib import Path

import pytest

from stages.reflow import ReflowOptions, reflow

CASES = Path(__file__).parents[1] / "cases"
TOO_HARD = set(json.loads((CASES / "texts_too_hard.json").read_text(encoding="utf-8")))
ALL = [
    (f"{name}: {case['label']}", case)
    for name in ("text_to_mend", "text_must_stay")
    for case in json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
]


def plain(texts: list[str]) -> list[str]:
    return [" ".join(text.split()) for text in texts]


@pytest.mark.parametrize(("label", "case"), ALL, ids=[label for label, _ in ALL])
def test_text(label: str, case: dict[str, object], request: pytest.FixtureRequest) -> None:
    if label in TOO_HARD:
        request.applymarker(pytest.mark.xfail(reason="too hard for now", strict=True))
    assert plain([block.text for block in reflow(str(case["original"])).blocks]) == plain(list(case["expected"]))  # type: ignore[call-overload]


def test_every_hard_case_is_a_case() -> None:
    assert {label for label, _ in ALL} >= TOO_HARD


def test_lists_join_nothing_where_nothing_is_wrapped() -> None:
    items = [f"- Punkt {n} der Tagesordnung" for n in range(4)]
    code = "\n".join(f"{item}\n  [a={n}; b={n}; c={{}}]" for n, item in enumerate(items))
    assert len(reflow(code).blocks) == 8
    wrapped = "Die Stadt zahlt die\nRechnung im Mai.\n\n" + "\n".join(f"{item}\n  folgt" for item in items)
    unjoined = reflow(wrapped, ReflowOptions(join_lines=False))
    assert len(unjoined.blocks) == 10
