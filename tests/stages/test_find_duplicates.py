import random
import time

import numpy as np
import polars as pl
import pytest

from stages import find_duplicates
from stages.find_duplicates import (
    PAIRS,
    SKETCHES,
    bodies,
    compare,
    find_candidates,
    renew_candidates,
    sketch_texts,
    to_pairs,
    to_rows,
)
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
        {"doc_id": [f"d{n}" for n in range(len(texts))], "text": texts},
        schema_overrides={"doc_id": pl.String, "text": pl.String},
    )


def pairs_of(*texts, **options):
    texts = frame(*texts)
    return compare(find_candidates(sketch_texts(texts)), texts, **options)


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


class Run:
    """What a run leaves for the next."""

    texts, pairs = frame(), PAIRS.to_frame()
    compared = 0

    def next(self, new, gone=()):
        """Add texts, or put them in the place of others, and take some away."""
        replaced = pl.Series([*new["doc_id"], *gone], dtype=pl.String)
        stay = self.texts.filter(~pl.col("doc_id").is_in(replaced.implode()))
        published, made = sketch_texts(self.texts).lazy(), sketch_texts(new)
        self.texts = pl.concat([stay, new.select("doc_id", "text")])
        todo, held = renew_candidates(published, made, replaced, self.pairs)
        self.compared = todo.height
        self.pairs = pl.concat([held, compare(todo, self.texts)]).sort("doc_id", "other_id")


def in_one_run(texts):
    return compare(find_candidates(sketch_texts(texts)), texts)


def test_runs_one_after_the_other_end_as_one_over_all(words):
    texts = with_copies(articles(words, 60))
    assert in_one_run(texts).height > 10
    run = Run()
    for part in texts.sample(fraction=1, shuffle=True, seed=2).iter_slices(31):
        run.next(part)
        assert run.pairs.equals(in_one_run(run.texts))
    run.next(texts.clear())
    assert run.compared == 0


def test_runs_over_many_alike_end_as_one_over_all_whoever_comes_and_goes(words):
    """More texts share a key than are compared with one another: which are, knows no order of runs."""
    chance = random.Random(4)
    names = [f"d{n:03}" for n in range(120)]
    chance.shuffle(names)
    run = Run()
    while names:
        new, names = names[:15], names[15:]
        again = chance.sample(run.texts["doc_id"].to_list(), min(5, run.texts.height))
        texts = [f"{TEXT} {' '.join(chance.choices(words[:9], k=3))}" for _ in (*new, *again)]
        gone = chance.sample(run.texts["doc_id"].to_list(), min(6, run.texts.height))
        run.next(pl.DataFrame({"doc_id": [*new, *again], "text": texts}), set(gone) - set(again))
        assert run.pairs.equals(in_one_run(run.texts))
    assert find_candidates(sketch_texts(run.texts)).height > 100


@pytest.mark.parametrize("keys_at_once", [1, 100, 1_000])
def test_candidates_found_in_several_parts_are_those_found_in_one(words, keys_at_once, monkeypatch):
    alike = [f"{TEXT} {word}" for word in words[:40]]  # more than are compared under one key
    sketches = sketch_texts(pl.concat([with_copies(articles(words, 60)).select("doc_id", "text"), frame(*alike)]))
    in_one = find_candidates(sketches)
    ordered = sketches.sort("doc_id").with_row_index("at")
    monkeypatch.setattr(find_duplicates, "_KEYS_AT_ONCE", keys_at_once)
    parts = [part["key"].unique() for part in find_duplicates._by_key(ordered) if part.height]
    assert len(parts) > 1
    assert pl.concat(parts).is_unique().all()  # no key is torn between two parts
    assert find_candidates(sketches).equals(in_one)
    assert in_one.height > 500


def test_a_run_looks_at_the_keys_of_what_is_new_alone(monkeypatch):
    """Of thousands of documents that stand, none is sorted into pairs but those that share a key with a new one."""
    keys = np.random.default_rng(5).integers(0, 1 << 62, (3000, 25), dtype=np.uint64)
    standing = pl.DataFrame({"doc_id": [f"s{n:04}" for n in range(3000)], "sketch": keys.tolist()}, schema=SKETCHES)
    new = sketch_texts(frame(TEXT))
    alike = new.select(doc_id=pl.lit("s9999"), sketch="sketch")
    seen = []
    find = find_duplicates.find_candidates
    monkeypatch.setattr(find_duplicates, "find_candidates", lambda rows: seen.append(rows.height) or find(rows))
    published, nobody = pl.concat([standing, alike]).lazy(), pl.Series([], dtype=pl.String)
    todo, kept = renew_candidates(published, new, nobody, PAIRS.to_frame())
    assert todo.rows() == [("d0", "s9999")]
    assert kept.is_empty()
    assert max(seen) == 2


def test_what_is_gone_or_changed_takes_its_pairs_along():
    other = "Die Feuerwehr rückte am Abend zu drei Bränden aus und löschte sie alle noch vor der Nacht am See."
    run = Run()
    run.next(frame(TEXT, f"{TEXT} Foto", f"Foto {TEXT}"))
    assert run.pairs.height == 3
    run.next(pl.DataFrame({"doc_id": ["d1"], "text": [other]}))
    assert run.pairs.select("doc_id", "other_id").rows() == [("d0", "d2")]
    run.next(run.texts.clear(), ["d0"])
    assert run.pairs.is_empty()


def test_clusters_are_named_by_their_smallest_document():
    pairs = pl.DataFrame([("a", "c", 0.8), ("b", "c", 0.9), ("x", "y", 1.0)], schema=PAIRS, orient="row")
    rows = to_rows(pairs)
    assert rows.select("doc_id", "duplicate_cluster", "similarity").rows() == [
        ("a", "a", 0.8), ("b", "a", 0.9), ("c", "a", 0.9), ("x", "x", 1.0), ("y", "x", 1.0),
    ]  # fmt: skip
    assert rows["others"].to_list()[2] == [{"doc_id": "a", "similarity": 0.8}, {"doc_id": "b", "similarity": 0.9}]
    assert to_pairs(rows).equals(pairs)
    assert to_pairs(to_rows(pairs.clear())).equals(pairs.clear())


def test_captions_bylines_and_notices_are_not_compared():
    blocks = pl.DataFrame(
        {
            "doc_id": ["a", "a", "a", "a", "b"],
            "block_no": [3, 0, 1, 2, 0],
            "kind": ["paragraph", "heading", "byline", "caption", "credit"],
            "text": ["Text", "Titel", "Von Anna Huber", "Bild", "dpa"],
        }
    )
    assert bodies(blocks).rows() == [("a", "Titel\nText")]


def test_time_is_linear_though_all_texts_are_alike(words):
    def seconds(n):
        chance = random.Random(n)
        texts = frame(*(f"{TEXT} {chance.choice(words)} {n}" for n in range(n)))
        begin = time.process_time()
        assert to_rows(in_one_run(texts))["duplicate_cluster"].n_unique() == 1
        return time.process_time() - begin

    assert seconds(2000) < 10 * seconds(400) + 1


def test_similarity_is_that_of_the_sets_of_triples(words):
    chance = random.Random(5)
    texts = []
    for article in articles(words, 40, seed=5):
        changed = [word if chance.random() > 0.03 else chance.choice(words) for word in article]
        texts += [" ".join(article), " ".join(changed)]
    told = frame(*texts)
    triples = [
        set(one.tolist()) if len(one) < 1024 else set(one[:1024].tolist())
        for one in find_duplicates._triples_of(told["text"].to_list())
    ]
    assert min(map(len, triples)) < 1024 == max(map(len, triples))
    pairs = [(one, other) for one in range(0, 20) for other in range(one + 1, 20)] + [
        (n, n + 1) for n in range(20, 80, 2)
    ]
    candidates = pl.DataFrame(
        [(f"d{one}", f"d{other}") for one, other in pairs], schema=PAIRS.names()[:2], orient="row"
    )

    found = compare(candidates, told, at_least=0.0)

    assert found.select("doc_id", "other_id").equals(candidates)
    for (one, other), similarity in zip(pairs, found["similarity"], strict=True):
        either = sorted(triples[one] | triples[other])
        is_long = 1024 in (len(triples[one]), len(triples[other]))
        shown = either[:1024] if is_long else either
        assert similarity == len(triples[one] & triples[other] & set(shown)) / len(shown)


def test_a_text_that_is_missing_is_told():
    candidates = pl.DataFrame({"doc_id": ["d0"], "other_id": ["d7"]})
    with pytest.raises(KeyError, match="d7"):
        compare(candidates, frame(TEXT))
