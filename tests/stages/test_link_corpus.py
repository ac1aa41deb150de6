"""Looking at the concerned rows alone ends as looking at all of them does."""

import sys
from unittest.mock import patch

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.link_entities import find_clusters
from stages.link_entities.blocks import hanging_together
from tests.linking import link_frames

NAMES = ("Anna Müller", "Peter Müller", "Müller", "JD Vance", "Vance", "Anna Auer", "Auer", "Claudia Roth")
KEY = ["doc_id", "cluster_no"]


def clusters_of(documents: dict[str, list[str]]) -> pl.DataFrame:
    rows, texts = [], []
    for doc_id, names in documents.items():
        text = ""
        for number, name in enumerate(names):
            start = len(text) + len("Dann kam ")
            text += f"Dann kam {name}. "
            rows.append((doc_id, number, name, "PER", "name", 0, start, start + len(name)))
        texts.append((doc_id, text))
    columns = ["doc_id", "mention_no", "text", "label", "kind", "block_no", "start", "end"]
    numbers = dict.fromkeys(["mention_no", "block_no", "start", "end"], pl.Int64)
    mentions = pl.DataFrame(rows, schema={name: numbers.get(name, pl.String) for name in columns}, orient="row")
    found, _ = find_clusters(
        mentions, pl.DataFrame(texts, schema={"doc_id": pl.String, "text": pl.String}, orient="row")
    )
    return found


documents = st.dictionaries(
    st.sampled_from([f"d{n}" for n in range(6)]), st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(before=documents, added=documents, gone=st.sets(st.sampled_from([f"d{n}" for n in range(6)])))
def test_the_rest_of_the_corpus_need_not_be_looked_at(
    before: dict[str, list[str]], added: dict[str, list[str]], gone: set[str]
) -> None:
    first = clusters_of(before)
    known = link_frames(first.clear(), first).clusters
    new = clusters_of(added)
    whole = link_frames(known, new, gone)
    concerned = known.filter(whole.found.leaves | whole.found.concerned)
    part = link_frames(concerned, new, gone)
    assert part.changed_documents == whole.changed_documents
    assert part.touched_entities == whole.touched_entities
    assert whole.clusters.join(part.clusters, on=KEY, how="semi").equals(part.clusters)
    elsewhere = whole.clusters.join(part.clusters, on=KEY, how="anti")
    assert elsewhere.equals(known.join(elsewhere, on=KEY, how="semi"))


def test_what_shares_no_name_is_left_alone() -> None:
    first = clusters_of({"d1": ["Anna Müller"], "d2": ["JD Vance"], "d3": ["Müller"]})
    known = link_frames(first.clear(), first).clusters
    found = link_frames(known, clusters_of({"d4": ["Peter Müller"]})).found
    assert sorted(known.filter(found.concerned)["doc_id"]) == ["d1", "d3"]


@settings(max_examples=60, deadline=None)
@given(texts=documents)
def test_names_resolved_part_by_part_end_as_all_at_once(texts: dict[str, list[str]]) -> None:
    found = clusters_of(texts)
    whole = link_frames(found.clear(), found)
    with patch.object(sys.modules["stages.link_entities"], "A_PART", 1):
        assert link_frames(found.clear(), found).clusters.equals(whole.clusters)


def test_a_part_ends_where_nothing_hangs_together() -> None:
    blocks = {"s1": ["c"], "s2": ["d", "b"], "s3": ["a"], "s4": ["b", "c"], "s5": ["e"]}
    signatures = pl.DataFrame({"signature": list(blocks), "blocks": list(blocks.values())})
    assert [list(part["signature"]) for part in hanging_together(signatures, 1)] == [["s3"], ["s1", "s2", "s4"], ["s5"]]
    assert [part.height for part in hanging_together(signatures, 5)] == [5]
    assert list(hanging_together(signatures.clear(), 1)) == []
