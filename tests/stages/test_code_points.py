"""Many texts as one array of code points: what comes out again, and what is told of their characters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lookups.code_points import cut_codes, join_codes, runs_of, tell_kinds

# Any character, halves of pairs and line feeds too.
TEXTS = st.lists(st.text(st.characters(codec=None), max_size=12), max_size=6)


@settings(deadline=None)
@given(TEXTS)
def test_texts_come_out_as_they_went_in(texts: list[str]) -> None:
    codes, starts = join_codes(texts)
    assert cut_codes(codes, starts) == texts
    assert codes[starts + np.fromiter(map(len, texts), np.int64, len(texts))].tolist() == [ord("\n")] * len(texts)


@settings(deadline=None)
@given(TEXTS)
def test_each_character_is_told_its_own_kind_and_asked_for_once(texts: list[str]) -> None:
    asked: list[str] = []

    def kind(character: str) -> int:
        asked.append(character)
        return ord(character) % 251

    kinds = tell_kinds(join_codes(texts)[0], kind)

    together = "".join(f"{text}\n" for text in texts)
    assert kinds.tolist() == [ord(character) % 251 for character in together]
    assert sorted(asked) == sorted(set(together))


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=12))
def test_a_run_is_found_from_any_place_in_it_or_beside_it(held: list[bool]) -> None:
    runs, places = runs_of(np.array(held, np.bool_)), np.arange(len(held) + 1)
    behind = [next((end for end in range(at, len(held)) if not held[end]), len(held)) for at in places.tolist()]
    before = [next((start for start in range(at, 0, -1) if not held[start - 1]), 0) for at in places.tolist()]
    assert runs.behind(places).tolist() == behind
    assert runs.before(places).tolist() == before
