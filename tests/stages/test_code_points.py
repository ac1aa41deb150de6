"""Many texts as one array of code points: what comes out again, and what is told of their characters."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lookups.code_points import cut_codes, join_codes, tell_kinds

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
