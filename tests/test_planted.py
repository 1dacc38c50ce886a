"""Laws of the scorers with a planted mistake: right where it cannot show, wrong where it can."""

import inspect

import numpy as np
import pytest

from bytecover_lite.planted import (
    CONVENTIONS,
    check_diagnosis,
    convention_of,
    planted_scorers,
    shows,
)

CLIQUES = np.array([0, 0, 0, 1, 1, 1, 2, 3])


def harmless():
    """Return a collection on which every convention gives the canonical scores."""
    distances = 0.2 + 0.5 * (CLIQUES[:6, None] != CLIQUES[:6])
    distances += np.arange(36).reshape(6, 6) / 1000
    np.fill_diagonal(distances, 0)
    return distances, CLIQUES[:6]


def telling(name):
    """Return a collection on which the convention shows."""
    distances, cliques = harmless()
    if name in ("lone-is-first", "lone-is-zero", "mrr-over-all"):
        wide = np.full((8, 8), 0.9)
        wide[:6, :6] = distances + 0.4 * (distances > 0)
        wide[0, 7], wide[0, 6] = 0.1, 0.2  # lone versions in front of the first query's matches
        return wide, CLIQUES
    if name == "first-column":
        distances[0, 5] = -0.1
    if name == "negative-dropped":
        distances[0, 5] = -0.1
    if name == "hits-in-top-k":
        distances[0, 1] = 0.95
    if name == "cosine-positive":
        distances[0, 1] = 1.2
    if name == "ties-optimistic":
        distances[0, 1:] = 0.5
    return distances, cliques


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_convention_shows_where_it_can_and_only_there(name):
    assert shows(name, *telling(name))
    if name != "rank-from-zero":
        assert not shows(name, *harmless())


def test_every_student_meets_every_convention_in_another_order():
    orders = [[convention_of(one) for one in planted_scorers(seed).values()] for seed in range(5)]
    assert all(sorted(order) == sorted(CONVENTIONS) for order in orders)
    assert len(set(map(tuple, orders))) == 5


def test_a_scorer_does_not_tell_its_convention():
    for scorer in planted_scorers(0).values():
        text = inspect.getsource(scorer)
        assert convention_of(scorer) not in text and '"""' not in text


def test_a_wrong_diagnosis_is_refused_without_the_right_one():
    scorer = planted_scorers(3)["A"]
    check_diagnosis("A", scorer, convention_of(scorer))
    wrong = next(name for name in CONVENTIONS if name != convention_of(scorer))
    with pytest.raises(AssertionError, match="A: ") as said:
        check_diagnosis("A", scorer, wrong)
    assert convention_of(scorer) not in str(said.value)
