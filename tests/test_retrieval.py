"""Laws of the canonical rules."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from bytecover_lite.ranking import RankingError, rank_matches, relevance
from bytecover_lite.retrieval import evaluate, score
from bytecover_lite.ties import TIES

checked = settings(deadline=None, derandomize=True, max_examples=50)
MEASURES = ("map", "mr1", "p_at_k", "mrr", "top1", "top5", "top10")


def measures(scores):
    return [getattr(scores, name) for name in MEASURES]


def plain_measures(distances, cliques, k=10):
    """The canonical rules once more, as loops over sorted lists (no ties)."""
    precisions, firsts, among = [], [], []
    for query, row in enumerate(distances):
        others = [place for place in np.argsort(row) if place != query]
        hits = [cliques[place] == cliques[query] for place in others]
        if any(hits):
            ranks = [rank for rank, hit in enumerate(hits, 1) if hit]
            precisions.append(np.mean([found / rank for found, rank in enumerate(ranks, 1)]))
            firsts.append(ranks[0])
            among.append(sum(hits[:k]) / k)
    firsts = np.array(firsts)
    shares = [np.mean(firsts <= n) for n in (1, 5, 10)]
    return [np.mean(precisions), firsts.mean(), np.mean(among), (1 / firsts).mean(), *shares]


@st.composite
def rankings(draw, values=None):
    """A square matrix of distances and at least one work with two versions."""
    size = draw(st.integers(2, 14))
    cliques = np.array(draw(st.lists(st.integers(0, 4), min_size=size, max_size=size)))
    cliques[1] = cliques[0]
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    if values is None:
        distances = generator.permutation(size * size).reshape(size, size)
    else:
        distances = generator.integers(0, values, (size, size))
    return distances.astype(float), cliques


def test_hand_worked_ranking():
    """Works a a b b c: the lone c is no query, but it is a reference."""
    distances = np.array(
        [
            [0, 3, 1, 2, 9],  # b b A c: rank 3
            [3, 0, 4, 5, 9],  # A b b c: rank 1
            [1, 4, 0, 6, 5],  # a a c B: rank 4
            [2, 5, 1, 0, 3],  # B a c a: rank 1
            [9, 9, 9, 9, 0],
        ],
        dtype=float,
    )
    scores = evaluate(distances, list("aabbc"), k=2)
    assert scores.per_query["query"].tolist() == [0, 1, 2, 3]
    assert scores.per_query.first_rank.tolist() == [3, 1, 4, 1]
    assert scores.map == pytest.approx((1 / 3 + 1 + 1 / 4 + 1) / 4)
    assert scores.mr1 == 9 / 4
    assert scores.p_at_k == (0 + 1 / 2 + 0 + 1 / 2) / 4
    assert scores.top1 == 1 / 2
    assert scores.top5 == 1
    assert (scores.n_queries, scores.n_lone, scores.n_references, scores.n_works) == (4, 1, 5, 2)


def test_late_matches_count_in_the_divisor():
    """Matches at ranks 1 and 4 of 4: (1/1 + 2/4) / 2, whatever k is."""
    distances = np.array([[0.0, 1, 2, 3, 4]])
    scores = evaluate(
        distances, ["a"], list("aabca"), query_ids=["q"], reference_ids=list("qwxyz"), k=1
    )
    assert scores.map == 0.75


@checked
@given(rankings())
def test_equals_plain_loops(ranking):
    distances, cliques = ranking
    assert measures(evaluate(distances, cliques)) == pytest.approx(
        plain_measures(distances, cliques), abs=1e-12
    )


def test_average_precision_agrees_with_scikit_learn():
    generator = np.random.default_rng(0)
    distances = generator.random((60, 60))
    cliques = generator.integers(0, 12, 60)
    table = evaluate(distances, cliques).per_query
    for row, precision in zip(table["query"], table.average_precision, strict=True):
        others = np.arange(60) != row
        same = cliques[others] == cliques[row]
        expected = average_precision_score(same, -distances[row, others])
        assert precision == pytest.approx(expected, abs=1e-12)


@checked
@given(rankings())
def test_perfect_ranking_scores_one(ranking):
    _, cliques = ranking
    scores = evaluate((cliques[:, None] != cliques).astype(float), cliques)
    assert measures(scores) == pytest.approx([1, 1, scores.ceiling, 1, 1, 1, 1])


@checked
@given(rankings())
def test_worst_ranking_puts_every_match_last(ranking):
    _, cliques = ranking
    table = evaluate((cliques[:, None] == cliques).astype(float), cliques).per_query
    assert (table.first_rank == len(cliques) - table.matches).all()


@checked
@given(rankings(), st.randoms(use_true_random=False))
def test_order_of_versions_does_not_matter(ranking, random):
    distances, cliques = ranking
    order = list(range(len(cliques)))
    random.shuffle(order)
    shuffled = evaluate(distances[np.ix_(order, order)], cliques[order])
    assert measures(shuffled) == pytest.approx(measures(evaluate(distances, cliques)))


@checked
@given(rankings(values=6), st.sampled_from(TIES))
def test_increasing_maps_of_the_distances_change_nothing(ranking, ties):
    distances, cliques = ranking
    before = evaluate(distances, cliques, ties=ties)
    after = evaluate(np.exp(distances / 3) - 7, cliques, ties=ties)
    assert measures(after) == measures(before)


@checked
@given(rankings())
def test_names_of_works_do_not_matter(ranking):
    distances, cliques = ranking
    renamed = [f"work {7 - clique}" for clique in cliques]
    assert measures(evaluate(distances, renamed)) == measures(evaluate(distances, cliques))


@checked
@given(rankings())
def test_own_distance_is_never_read(ranking):
    distances, cliques = ranking
    expected = measures(evaluate(distances, cliques))
    for value in (-1e9, 1e9, np.inf, np.nan):
        np.fill_diagonal(distances, value)
        assert measures(evaluate(distances, cliques)) == expected


@checked
@given(rankings(values=4))
def test_ties_are_ordered(ranking):
    """Pessimistic, expected, optimistic: never the other way round."""
    distances, cliques = ranking
    worst, mean, best = (
        evaluate(distances, cliques, ties=ties)
        for ties in ("pessimistic", "expected", "optimistic")
    )
    for name in ("map", "p_at_k", "mrr", "top1", "top5", "top10"):
        values = [getattr(scores, name) for scores in (worst, mean, best)]
        assert values == sorted(values) or values == pytest.approx([values[0]] * 3)
    assert worst.mr1 >= mean.mr1 - 1e-12 >= best.mr1 - 1e-9


@checked
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3))
def test_expected_ties_are_the_mean_over_all_orders(seed, levels, k):
    """Six references at few distances: all 720 ways of breaking the ties, as 720 queries."""
    generator = np.random.default_rng(seed)
    row = generator.integers(0, levels, (1, 6)).astype(float)
    cliques = generator.permutation(list("aaabbb"))
    references = list("uvwxyz")
    tied = evaluate(
        row, ["a"], cliques, query_ids=["q"], reference_ids=references, k=k, ties="expected"
    )
    broken = row + np.array(list(itertools.permutations(range(6)))) / 100
    names = [f"q{place}" for place in range(720)]
    mean = evaluate(broken, ["a"] * 720, cliques, query_ids=names, reference_ids=references, k=k)
    assert measures(tied) == pytest.approx(measures(mean))


def test_all_tied_is_chance_when_expected():
    """A system that knows nothing: two matches among ten, expected rank 11/3 of the first."""
    scores = evaluate(
        np.zeros((1, 10)),
        ["a"],
        list("aabbbbbbbb"),
        query_ids=["q"],
        reference_ids=range(10),
        ties="expected",
    )
    assert scores.mr1 == pytest.approx(11 / 3)
    assert evaluate(np.zeros((10, 10)), list("aabbbbbbbb")).mr1 == pytest.approx(
        (2 * 9 + 8 * 3) / 10
    )


def test_queries_and_references_may_be_different_sets():
    """Two queries, one of them also a reference; the id removes it, not its place."""
    distances = np.array([[5.0, 0, 1, 2], [1, 2, 3, 4]])
    scores = evaluate(
        distances,
        ["a", "b"],
        ["b", "a", "c", "a"],
        query_ids=["v1", "new"],
        reference_ids=["v9", "v1", "v5", "v2"],
    )
    assert scores.per_query.first_rank.tolist() == [2, 1]
    assert scores.per_query.matches.tolist() == [1, 1]


def test_shape_of_youtube350():
    """50 works, 5 queries and 2 references each: two matches, so P@10 ends at 0.2."""
    queries, references = np.repeat(np.arange(50), 5), np.repeat(np.arange(50), 2)
    scores = evaluate(
        (queries[:, None] != references).astype(float),
        queries,
        references,
        query_ids=[f"q{row}" for row in range(250)],
        reference_ids=[f"r{row}" for row in range(100)],
    )
    assert (scores.n_queries, scores.n_lone, scores.n_references) == (250, 0, 100)
    assert measures(scores) == [1, 1, 0.2, 1, 1, 1, 1]
    assert scores.ceiling == 0.2


def test_copies_under_other_ids_stay():
    """A second copy of the query's recording is a match at distance 0, not the query."""
    distances = np.array([[0, 0, 3], [0, 0, 3], [3, 3, 0]], dtype=float)
    assert evaluate(distances, list("aab")).map == 1


@pytest.mark.parametrize("queries", [100, 3])
def test_ceiling_of_precision_at_k(queries):
    """One match a query: no ranking gets P@10 beyond 0.1."""
    cliques = np.repeat(np.arange(queries), 2)
    scores = evaluate(np.random.default_rng(0).random((2 * queries, 2 * queries)), cliques)
    assert scores.ceiling == pytest.approx(0.1)
    assert scores.p_at_k <= scores.ceiling


def test_summary_is_json(tmp_path):
    import json

    summary = evaluate(np.eye(4)[::-1], list("aabb")).summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["map_low"] <= summary["map"] <= summary["map_high"]


def test_float32_and_float64_agree():
    distances = np.random.default_rng(0).random((50, 50)).astype(np.float32)
    cliques = np.arange(50) // 5
    expected = measures(evaluate(distances.astype(float), cliques))
    assert measures(evaluate(distances, cliques)) == expected


def test_scoring_twice_from_the_same_ranks_is_the_same():
    distances = np.random.default_rng(0).integers(0, 5, (30, 30)).astype(float)
    ranks = rank_matches(distances, relevance(np.arange(30) // 3))
    first = measures(score(ranks, ties="expected"))
    assert measures(score(ranks, ties="expected")) == first


GOOD = np.ones((4, 4))


def spoiled(row, column, value):
    distances = GOOD.copy()
    distances[row, column] = value
    return distances


@pytest.mark.parametrize(
    ("message", "distances", "labels", "settings"),
    [
        (r"row 2 .*column 1 is nan", spoiled(2, 1, np.nan), "aabb", {}),
        (r"row 3 .*'z'.*column 0 is inf", spoiled(3, 0, np.inf), "aabb", {"query_ids": [*"wxyz"]}),
        (r"shape \(4, 4\).*\(3, 3\)", GOOD, "aab", {}),
        (r"shape \(4,\)", np.ones(4), "aabb", {}),
        ("float16: rank in float32", GOOD.astype(np.float16), "aabb", {}),
        ("'x' stands in rows 1 and 3", GOOD, "aabb", {"query_ids": [*"wxyx"]}),
        ("query_ids has 3 entries for 4", GOOD, "aabb", {"query_ids": [*"wxy"]}),
        ("no query has a match", GOOD, "abcd", {}),
        ("non-empty", np.zeros((0, 0)), "", {}),
        ("reference_ids without", GOOD, "aabb", {"reference_ids": [*"wxyz"]}),
        ("needs query_ids", GOOD, "aabb", {"reference_cliques": [*"aabb"]}),
        ("k=0", GOOD, "aabb", {"k": 0}),
        ("k=0", GOOD, "aabb", {"k": 0, "rules": "cqtnet"}),
        ("no query has a match", GOOD, "abcd", {"rules": "move"}),
        ("ties='lucky'", GOOD, "aabb", {"ties": "lucky"}),
        ("rules='mine'", GOOD, "aabb", {"rules": "mine"}),
        ("leave ties to the sorting order", GOOD, "aabb", {"rules": "move", "ties": "expected"}),
        ("row 1 is None", GOOD, ["a", None, "b", "b"], {}),
        ("row 2 is nan", GOOD, [1.0, 1.0, np.nan, 2.0], {}),
        (
            "'x' is of work 'a' as a query .row 1. and of 'b' as a reference .row 1.",
            GOOD,
            "aabb",
            {
                "reference_cliques": [*"abba"],
                "query_ids": [*"wxyz"],
                "reference_ids": [*"wxvu"],
            },
        ),
    ],
)
def test_what_cannot_be_scored_names_the_row(message, distances, labels, settings):
    with pytest.raises(RankingError, match=message):
        evaluate(distances, list(labels), **settings)
