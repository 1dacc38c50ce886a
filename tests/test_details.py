"""Curves, distributions and extremes say the same as the measures they spell out."""

import json

import numpy as np
import pytest

from bytecover_lite.details import at_most, by_size, describe, first_ranks, precision_recall
from bytecover_lite.ranking import rank_matches, relevance
from bytecover_lite.retrieval import evaluate, score
from bytecover_lite.systems import Similarity

CLIQUES = np.concatenate([np.repeat(np.arange(30), 6), np.repeat(np.arange(30, 40), 3), [90, 91]])


@pytest.fixture(scope="module")
def vectors():
    generator = np.random.default_rng(0)
    works = generator.standard_normal((100, 16))[CLIQUES]
    return (works + 1.2 * generator.standard_normal(works.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def distances(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return 1 - unit @ unit.T


@pytest.fixture(scope="module")
def ranks(distances):
    return rank_matches(distances, relevance(CLIQUES))


def plain_curve(distances, levels):
    """Interpolated precision, query by query and level by level."""
    curves = []
    for query, row in enumerate(distances):
        others = [j for j in np.argsort(row) if j != query]
        hits = np.array([CLIQUES[j] == CLIQUES[query] for j in others])
        if hits.any():
            precision = hits.cumsum() / np.arange(1, len(hits) + 1)
            recall = hits.cumsum() / hits.sum()
            curves.append([precision[recall >= level - 1e-9].max() for level in levels])
    return np.mean(curves, axis=0)


def test_curve_equals_plain_loops(ranks, distances):
    recall, precision = precision_recall(ranks)
    assert precision == pytest.approx(plain_curve(distances, recall))
    assert (np.diff(precision) <= 0).all()


def test_a_perfect_ranking_has_a_flat_curve():
    distances = (CLIQUES[:, None] != CLIQUES).astype(float)
    _, precision = precision_recall(rank_matches(distances, relevance(CLIQUES)))
    assert (precision == 1).all()


def test_every_query_is_in_one_bin(ranks):
    scores = score(ranks)
    edges, counts = first_ranks(scores)
    assert edges[:5].tolist() == [1, 2, 5, 10, 20]
    assert counts.sum() == scores.n_queries
    assert counts[0] == scores.top1 * scores.n_queries
    assert (
        counts[1] == ((scores.per_query.first_rank > 1) & (scores.per_query.first_rank < 5)).sum()
    )


def test_striking_no_match_changes_nothing(ranks):
    assert score(at_most(ranks, 5)).summary() == score(ranks).summary()


def test_one_match_left_is_found_where_it_would_be_without_the_others(ranks, distances):
    """Averaged over draws: the mean over matches of 1 / rank among the non-matches."""
    found = np.mean([score(at_most(ranks, 1, seed=seed)).map for seed in range(300)])
    expected = []
    for query, row in enumerate(distances):
        same = (CLIQUES == CLIQUES[query]) & (np.arange(len(CLIQUES)) != query)
        strangers = row[CLIQUES != CLIQUES[query]]
        if same.any():
            expected.append(np.mean([1 / (1 + (strangers < d).sum()) for d in row[same]]))
    assert found == pytest.approx(np.mean(expected), abs=0.005)


def test_sizes_that_no_work_has_are_left_out(ranks):
    assert [row["versions"] for row in by_size(ranks)] == [2, 3, 5]
    assert all(row["map_low"] <= row["map"] <= row["map_high"] for row in by_size(ranks))


def test_embeddings_and_distances_tell_the_same(vectors, distances):
    names = [f"v{row}" for row in range(len(CLIQUES))]
    told = []
    for one in (Similarity(distances), Similarity(vectors=vectors)):
        found = one.ranks(list(CLIQUES), names)
        told.append(describe(one, found, score(found)))
    assert json.dumps(told[0], allow_nan=False) == json.dumps(told[1], allow_nan=False)


def test_extremes_are_the_ends_of_the_table(ranks, distances):
    scores = evaluate(distances, CLIQUES)
    told = describe(Similarity(distances), ranks, scores, extremes=3)
    worst, best = told["hardest"][0], told["easiest"][0]
    precisions = scores.per_query.average_precision
    assert worst["average_precision"] == precisions.min()
    assert best["average_precision"] == precisions.max()
    assert len({row["clique"] for row in told["hardest"]}) == 3
    assert CLIQUES[int(worst["nearest_match"])] == int(worst["clique"])
    listed = [CLIQUES[int(name)] for name in worst["nearest"]]
    assert (int(worst["clique"]) in listed) == (worst["first_rank"] <= len(listed))
