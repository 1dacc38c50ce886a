"""Laws of the canonical rules."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from bytecover_lite.retrieval import evaluate


def test_hand_worked_ranking():
    """Works a a b b, one query at a time by hand."""
    distances = np.array(
        [[0, 3, 1, 2], [3, 0, 4, 5], [1, 4, 0, 6], [2, 5, 6, 0]], dtype=float
    )
    found = evaluate(distances, list("aabb"))
    # First match of the four queries: third, first, third, third.
    assert found.per_query.first_rank.tolist() == [3, 1, 3, 3]
    assert found.map == pytest.approx((1 / 3 + 1 + 1 / 3 + 1 / 3) / 4)
    assert found.mr1 == 2.5
    assert (found.n_queries, found.n_lone) == (4, 0)


def test_average_precision_agrees_with_scikit_learn():
    generator = np.random.default_rng(0)
    distances = generator.random((60, 60))
    cliques = generator.integers(0, 12, 60)
    table = evaluate(distances, cliques).per_query
    for row, ap in zip(table["query"], table.average_precision, strict=True):
        others = np.arange(60) != row
        same = cliques[others] == cliques[row]
        assert ap == pytest.approx(
            average_precision_score(same, -distances[row, others]), abs=1e-12
        )
