import numpy as np

from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.paths import CERTAIN, FOLLOWS, best_path, best_rows


def test_a_row_of_sentences_is_searched_as_each_would_be() -> None:
    chance = np.random.default_rng(5)
    lengths = [1, 4, 9, 2, 17]
    sentences = [chance.dirichlet(np.full(len(TAGS), 0.05), size=n).astype(np.float32) for n in lengths]
    gap = np.full((1, len(TAGS)), 0.04, np.float32)
    row = np.concatenate([gap, *(part for sentence in sentences for part in (sentence, gap))])
    real = np.ones(len(row), bool)
    real[np.cumsum([0, *(n + 1 for n in lengths)])] = False
    # Nothing is certain here, so that the stretches are the whole sentences.
    row[:, 0] = np.minimum(row[:, 0], CERTAIN - 0.01)
    found = best_rows(row, real, sure=2.0)
    expected = [
        best_path(row[real][end - n : end], sure=2.0) for n, end in zip(lengths, np.cumsum(lengths), strict=True)
    ]
    assert found[real].tolist() == [tag for path in expected for tag in path]
    assert not found[~real].any()


def test_certain_words_stay_and_no_rule_is_broken() -> None:
    chance = np.random.default_rng(6)
    row = chance.dirichlet(np.full(len(TAGS), 0.03), size=400).astype(np.float32)
    row[::7] = np.eye(len(TAGS), dtype=np.float32)[0]
    real = np.ones(len(row), bool)
    real[[0, 50, -1]] = False
    tags = best_rows(row, real)
    assert not tags[::7].any()
    assert FOLLOWS[tags[:-1], tags[1:]].all()
    assert tags.any()


def test_what_is_sure_and_in_order_is_taken_as_it_is() -> None:
    row = np.eye(len(TAGS), dtype=np.float32)[[0, 1, 2, 0, 3, 0]]
    real = np.array([False, True, True, True, True, False])
    assert best_rows(row, real, sure=0.9).tolist() == [0, 1, 2, 0, 3, 0]
