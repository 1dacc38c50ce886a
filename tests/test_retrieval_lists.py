"""Ranked lists of an index: equal to the full ranking at full depth, a lower bound before."""

import numpy as np
import pytest

from bytecover_lite.ranking import RankingError, relevance
from bytecover_lite.ranking_lists import evaluate_index, rank_lists
from bytecover_lite.retrieval import evaluate_embeddings, score

CLIQUES = np.concatenate([np.repeat(np.arange(30), 5), np.arange(100, 140)])


def vectors():
    generator = np.random.default_rng(0)
    found = generator.standard_normal((140, 24))[CLIQUES]
    found = found + 1.2 * generator.standard_normal(found.shape)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


class Sorted:
    """An exact index of our own, with the one method that is asked for."""

    def __init__(self, references):
        self.references = references

    def search(self, queries, depth):
        distances = -queries @ self.references.T
        rows = np.argsort(distances, axis=1)[:, :depth]
        return np.take_along_axis(distances, rows, axis=1), rows


def test_full_depth_equals_the_full_ranking():
    found = evaluate_index(Sorted(vectors()), vectors(), CLIQUES, depth=len(CLIQUES))
    expected = evaluate_embeddings(vectors(), CLIQUES)
    assert found.summary() == pytest.approx(expected.summary())


def test_deeper_lists_never_score_lower():
    depths = (1, 5, 20, 80, len(CLIQUES))
    scores = [evaluate_index(Sorted(vectors()), vectors(), CLIQUES, depth=d) for d in depths]
    assert [one.map for one in scores] == sorted(one.map for one in scores)
    assert [one.mr1 for one in scores] == sorted((one.mr1 for one in scores), reverse=True)
    assert scores[0].map < scores[-1].map


def test_a_match_that_is_not_listed_is_last():
    """Five references, the match is the one left out: rank 5."""
    labels = relevance(
        ["a"], list("bbbba"), query_ids=["q"], reference_ids=["r", "s", "t", "u", "v"]
    )
    assert score(rank_lists(np.array([[0, 2, -1]]), labels)).mr1 == 5


def test_faiss_agrees():
    faiss = pytest.importorskip("faiss", reason="faiss-cpu is not installed (extra `index`)")
    index = faiss.IndexFlatIP(24)
    index.add(vectors())
    found = evaluate_index(index, vectors(), CLIQUES, depth=len(CLIQUES))
    assert found.map == pytest.approx(evaluate_embeddings(vectors(), CLIQUES).map, abs=1e-9)


@pytest.mark.parametrize(
    ("message", "rows"),
    [
        ("row 1 names row 4", [[1, 2], [0, 4], [0, 1], [0, 1]]),
        ("row 2 names row 1 twice", [[1, 2], [0, 2], [1, 1], [0, 1]]),
        ("one row of integers a query", [[1, 2], [0, 2]]),
        ("one row of integers a query", [[1.0, 2.0]] * 4),
    ],
)
def test_broken_lists_are_named(message, rows):
    with pytest.raises(RankingError, match=message):
        rank_lists(np.array(rows), relevance(list("aabb")))


def test_empty_places_may_repeat():
    ranks = rank_lists(np.full((4, 3), -1), relevance(list("aabb")))
    assert score(ranks).mr1 == 3


def test_embeddings_and_labels_must_match():
    with pytest.raises(RankingError, match="3 embeddings for 4 labels"):
        evaluate_index(Sorted(vectors()), vectors()[:3], list("aabb"))
