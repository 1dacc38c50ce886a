"""Intervals: over works, reproducible, and as wide as theory says."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from bytecover_lite.bootstrap import MEASURES, compare, intervals
from bytecover_lite.ranking import RankingError
from bytecover_lite.retrieval import evaluate


def system(noise, seed=0, works=60, versions=4):
    generator = np.random.default_rng(seed)
    cliques = np.repeat(np.arange(works), versions)
    vectors = generator.standard_normal((works, 8))[cliques]
    vectors = vectors + noise * generator.standard_normal(vectors.shape)
    return evaluate(np.linalg.norm(vectors[:, None] - vectors, axis=2), cliques)


def table_of(values, cliques):
    columns = {name: np.asarray(values, dtype=float) for name in MEASURES.values()}
    return pd.DataFrame({"clique": cliques, **columns})


def test_intervals_hold_the_score():
    scores = system(0.6)
    for name, (low, high) in scores.intervals.items():
        assert low <= getattr(scores, name) <= high


def test_width_is_that_of_a_mean_of_works():
    """400 works of one query each: 2 x 1.96 standard errors."""
    values = np.random.default_rng(0).random(400)
    low, high = intervals(table_of(values, np.arange(400)), resamples=4000)["map"]
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.05)


def test_versions_of_a_work_are_one_piece_of_evidence():
    """Ten identical queries a work tell no more than one."""
    values = np.random.default_rng(0).random(50)
    once = intervals(table_of(values, np.arange(50)))
    tenfold = intervals(table_of(np.repeat(values, 10), np.repeat(np.arange(50), 10)))
    assert tenfold["map"] == pytest.approx(once["map"])


def test_larger_works_weigh_more():
    """Nine queries of a good work, one of a bad one: drawing each once gives 0.9, not 0.5."""
    draws = [
        intervals(table_of([1.0] * 9 + [0.0], [0] * 9 + [1]), resamples=1, seed=seed)["map"][0]
        for seed in range(20)
    ]
    assert set(draws) == {0, 0.9, 1}


def test_one_work_has_no_width():
    low, high = intervals(table_of([0.2, 0.4], [7, 7]))["map"]
    assert low == high == pytest.approx(0.3)


def test_seed_decides():
    table = system(0.6).per_query
    assert intervals(table, seed=1) == intervals(table, seed=1)
    assert intervals(table, seed=1) != intervals(table, seed=2)


def test_better_system_is_seen_as_better():
    found = compare(system(0.4), system(0.8))
    assert found.low > 0
    assert found.difference == pytest.approx(found.first - found.second)
    assert (found.n_queries, found.n_works) == (240, 60)


def test_a_system_does_not_differ_from_itself():
    found = compare(system(0.6), system(0.6))
    assert (found.difference, found.low, found.high) == (0, 0, 0)


def test_pairing_narrows_the_interval():
    """Two systems that fail on the same works: the difference is surer than either score."""
    left, right = system(0.6), system(0.62)
    found = compare(left, right)
    low, high = left.intervals["map"]
    assert found.high - found.low < (high - low) / 1.5


def test_comparison_is_antisymmetric_and_ignores_order():
    left, right = system(0.5), system(0.7)
    shuffled = dataclasses.replace(right, per_query=right.per_query.sample(frac=1, random_state=0))
    assert compare(left, shuffled) == compare(left, right)
    assert compare(right, left).low == pytest.approx(-compare(left, right).high)


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_can_be_compared(measure):
    left, right = system(0.5), system(0.7)
    found = compare(left, right, measure=measure, resamples=200)
    assert found.difference == pytest.approx(getattr(left, measure) - getattr(right, measure))


def test_what_cannot_be_compared():
    with pytest.raises(RankingError, match="query 236 was answered by one"):
        compare(system(0.5), system(0.5, works=59))
    with pytest.raises(RankingError, match="measure='f1'"):
        compare(system(0.5), system(0.5), measure="f1")
