import random
import time

import polars as pl
import pytest

from stages.find_duplicates import CLUSTERS, SKETCHES, cluster_duplicates, find_duplicates, sketch_texts
from tests.benchmarks.duplicates import score, with_copies


@pytest.fixture(scope="module")
def words(project):
    texts = [path.read_text(encoding="utf-8") for path in sorted((project / "tests" / "golden").rglob("*.txt.json"))]
    found = sorted({word for text in texts for word in text.split() if word.isalpha()})
    assert len(found) > 1000
    return found


def articles(words, n, seed=1):
    chance = random.Random(seed)
    return [chance.choices(words, k=chance.randint(80, 1500)) for _ in range(n)]


def frame(*texts):
    return pl.DataFrame(
        {"doc_id": [f"d{n}" for n in range(len(texts))], "text": texts}, schema_overrides={"text": pl.String}
    )


def pairs_of(*texts, **options):
    return find_duplicates(sketch_texts(frame(*texts)), SKETCHES.to_frame(), **options)


TEXT = "Der Stadtrat hat am Dienstag den Haushalt für das kommende Jahr beschlossen und lange über die Schule beraten."


def test_copies_are_found_and_others_are_not(words):
    figures = score(with_copies(articles(words, 400)))
    assert figures["pairs"] > 100
    assert figures["precision"] >= 0.98
    assert figures["recall"] >= 0.95


def test_wrapping_case_and_signs_make_no_difference():
    found = pairs_of(TEXT, TEXT.replace(" ", "\n"), TEXT.upper(), f"„{TEXT}“")
    assert found.height == 6
    assert set(found["similarity"]) == {1.0}


def test_the_similarity_is_the_share_of_common_triples():
    words = [f"wort{n}" for n in range(20)]
    (similarity,) = pairs_of(" ".join(words), " ".join(words[:18]), at_least=0.5)["similarity"]
    assert similarity == pytest.approx(16 / 18)  # 18 words have 16 triples, 20 words 18


@pytest.mark.parametrize("text", ["", "Foto: dpa", "ein zwei drei vier fünf sechs", "!!! ???"])
def test_texts_of_hardly_a_word_are_nobodys_duplicates(text):
    assert pairs_of(text, text).is_empty()


def test_runs_one_after_the_other_end_as_one_over_all(words):
    sketches = sketch_texts(with_copies(articles(words, 60)))
    whole = find_duplicates(sketches, SKETCHES.to_frame())
    assert whole.height > 10
    standing, pairs = SKETCHES.to_frame(), None
    for part in sketches.sample(fraction=1, shuffle=True, seed=2).iter_slices(31):
        pairs = find_duplicates(part, standing, pairs)
        standing = pl.concat([standing, part])
    assert pairs.equals(whole)


def test_what_is_gone_or_changed_takes_its_pairs_along():
    other = "Die Feuerwehr rückte am Abend zu drei Bränden aus und löschte sie alle noch vor der Nacht am See."
    sketches = sketch_texts(frame(TEXT, f"{TEXT} Foto", f"Foto {TEXT}"))
    pairs = find_duplicates(sketches, SKETCHES.to_frame())
    assert pairs.height == 3
    assert find_duplicates(sketches.clear(), sketches[1:], pairs)["doc_id"].to_list() == ["d1"]
    changed = sketch_texts(pl.DataFrame({"doc_id": ["d1"], "text": [other]}))
    assert find_duplicates(changed, sketches[[0, 2]], pairs).select("doc_id", "other_id").rows() == [("d0", "d2")]


def test_clusters_are_named_by_their_smallest_document():
    pairs = pl.DataFrame(
        [("b", "c", 0.9), ("a", "c", 0.8), ("x", "y", 1.0)], schema=["doc_id", "other_id", "similarity"], orient="row"
    )
    assert cluster_duplicates(pairs).rows() == [
        ("a", "a", 0.8), ("b", "a", 0.9), ("c", "a", 0.9), ("x", "x", 1.0), ("y", "x", 1.0),
    ]  # fmt: skip
    assert cluster_duplicates(pairs.clear()).schema == CLUSTERS


def test_time_is_linear_though_all_texts_are_alike(words):
    def seconds(n):
        chance = random.Random(n)
        sketches = sketch_texts(frame(*(f"{TEXT} {chance.choice(words)} {n}" for n in range(n))))
        begin = time.process_time()
        assert cluster_duplicates(find_duplicates(sketches, SKETCHES.to_frame()))["duplicate_cluster"].n_unique() == 1
        return time.process_time() - begin

    assert seconds(2000) < 10 * seconds(400) + 1
