import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.tables.offsets import with_raw_range
from stages.tables.schemas import SPANS

BLOCKS = pl.Schema({"doc_id": pl.String(), "spans": SPANS})
ROWS = pl.Schema({"doc_id": pl.String(), "start": pl.Int64(), "end": pl.Int64()})


def blocks(*found):
    rows = [(doc, [{"start": s, "raw_start": r, "length": n} for s, r, n in spans]) for doc, spans in found]
    return pl.DataFrame(rows, schema=BLOCKS, orient="row")


def raw_ranges(rows, frame):
    return with_raw_range(pl.DataFrame(rows, schema=ROWS, orient="row"), frame).select("raw_start", "raw_end").rows()


def test_hyphen_inside_a_word():
    # raw "Stadt-\nrat", clean "Stadtrat": 5 characters from 0, 3 from 7.
    frame = blocks(("d", [(0, 0, 5), (5, 7, 3)]))
    rows = [("d", 0, 8), ("d", 0, 5), ("d", 5, 8), ("d", 4, 6)]
    assert raw_ranges(rows, frame) == [(0, 10), (0, 5), (7, 10), (4, 8)]


def test_joined_lines():
    # raw "am\r\nSee", clean "am See": the space stands for both line breaks.
    frame = blocks(("d", [(0, 0, 2), (3, 4, 3)]))
    rows = [("d", 0, 6), ("d", 2, 3), ("d", 1, 3), ("d", 2, 4)]
    assert raw_ranges(rows, frame) == [(0, 7), (2, 4), (1, 4), (2, 5)]


def test_repaired_word_points_at_the_broken_one():
    # raw "KÃ¶ln", clean "Köln": ö stands for the two characters between K and ln.
    frame = blocks(("d", [(0, 0, 1), (2, 3, 2)]))
    assert raw_ranges([("d", 0, 4), ("d", 1, 2)], frame) == [(0, 5), (1, 3)]


def test_several_documents_and_blocks_in_any_order_of_rows():
    frame = blocks(("b", [(0, 5, 4)]), ("b", [(6, 20, 4)]), ("a", [(0, 0, 9)]))
    assert raw_ranges([("a", 1, 3), ("b", 7, 9), ("b", 0, 4)], frame) == [(1, 3), (21, 23), (5, 9)]


def test_no_rows():
    assert raw_ranges([], blocks(("d", [(0, 0, 5)]))) == []
    assert raw_ranges([], blocks()) == []


def naive(start, end, spans):
    """Character by character: its own raw character, else all between its neighbours in the raw text."""
    ranges = []
    for at in range(start, end):
        own = [(r + at - s, r + at - s + 1) for s, r, n in spans if s <= at < s + n]
        before = max((r + n for s, r, n in spans if s + n <= at), default=None)
        after = min((r for s, r, n in spans if s > at), default=before)
        ranges.append(own[0] if own else (before, after))
    return ranges[0][0], ranges[-1][1]


@st.composite
def mapped_documents(draw):
    """Spans with gaps on either side, as reflow makes them: the first at 0, the last up to the end."""
    steps = draw(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=6))
    spans, clean, raw = [], 0, draw(st.integers(0, 9))
    for length, gap, raw_gap in steps:
        spans.append((clean, raw, length))
        clean, raw = clean + length + gap, raw + length + raw_gap
    end = spans[-1][0] + spans[-1][2]
    pair = st.tuples(st.integers(0, end), st.integers(0, end)).map(sorted).filter(lambda p: p[0] < p[1])
    return spans, draw(st.lists(pair, max_size=5))


@settings(max_examples=150, deadline=None)
@given(st.lists(mapped_documents(), min_size=1, max_size=3))
def test_same_as_character_by_character(documents):
    frame = blocks(*((str(n), spans) for n, (spans, _) in enumerate(documents)))
    rows = [(str(n), start, end) for n, (_, ranges) in enumerate(documents) for start, end in ranges]
    assert raw_ranges(rows, frame) == [naive(start, end, documents[int(doc)][0]) for doc, start, end in rows]
