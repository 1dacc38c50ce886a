"""The other projects' rules, each on a ranking small enough to score by hand."""

import numpy as np
import pytest

from bytecover_lite.ranking import RankingError
from bytecover_lite.retrieval import RULES, evaluate

# Works a a a b b c. Rankings without the query, matches in capitals:
#   0: b A c A b   AP (1/2 + 2/4)/2 = 1/2    rank 2
#   1: A A b b c   AP 1                      rank 1
#   2: b b c A A   AP (1/4 + 2/5)/2 = 13/40  rank 4
#   3: B a a a c   AP 1                      rank 1
#   4: a c a B a   AP 1/4                    rank 4
#   5: (lone)
CLIQUES = list("aaabbc")
DISTANCES = np.array(
    [
        [0, 2, 4, 1, 5, 3],
        [1, 0, 2, 3, 4, 5],
        [4, 5, 0, 1, 2, 3],
        [2, 3, 4, 0, 1, 5],
        [1, 3, 5, 4, 0, 2],
        [1, 2, 3, 4, 5, 0],
    ],
    dtype=float,
)
PRECISIONS = 1 / 2 + 1 + 13 / 40 + 1 + 1 / 4
RANKS = 2 + 1 + 4 + 1 + 4
RECIPROCALS = 1 / 2 + 1 + 1 / 4 + 1 + 1 / 4


@pytest.mark.parametrize(
    ("rules", "map", "mr1", "mrr", "p_at_2"),
    [
        ("canonical", PRECISIONS / 5, RANKS / 5, RECIPROCALS / 5, (1 + 2 + 0 + 1 + 0) / 2 / 5),
        ("move", PRECISIONS / 5, (RANKS + 1) / 6, (RECIPROCALS + 1) / 6, None),
        ("acoss", PRECISIONS / 5, RANKS / 5, RECIPROCALS / 6, None),
        ("cqtnet", PRECISIONS / 6, RANKS / 6, None, 4 / 2 / 6),
        ("coverhunter", PRECISIONS / 6, RANKS / 6, None, 4 / 2 / 6),
        ("orfium", None, (RANKS - 5) / 6, None, None),
    ],
)
def test_hand_worked_ranking(rules, map, mr1, mrr, p_at_2):
    scores = evaluate(DISTANCES, CLIQUES, rules=rules, k=2).summary()
    assert (scores["n_queries"], scores["n_lone"], scores["rules"]) == (5, 1, rules)
    for name, expected in {"map": map, "mr1": mr1, "mrr": mrr, "p_at_k": p_at_2}.items():
        assert scores[name] == (None if expected is None else pytest.approx(expected)), name


def test_without_lone_queries_map_agrees():
    """The projects part ways over noise, not over what an average precision is."""
    scores = {rules: evaluate(DISTANCES[:5, :5], CLIQUES[:5], rules=rules) for rules in RULES}
    expected = scores["canonical"]
    for rules, found in scores.items():
        assert found.map == pytest.approx(expected.map), rules
        assert found.mr1 == pytest.approx(expected.mr1 - (rules == "orfium")), rules


def test_orfium_takes_a_copy_for_the_query():
    """Version 2 is a copy of version 0 under another work's name, and comes first in the sort."""
    distances = np.array([[0, 0, 5, 9], [0, 0, 5, 9], [5, 5, 0, 9], [9, 9, 9, 0]], dtype=float)
    cliques = list("baab")
    # Query 1 (work a): column 0 is its copy of work b, so the query is scored as a b, and 3 is
    # its match, at 0-based rank 2, instead of 2 at rank 1.
    table = evaluate(distances, cliques, rules="orfium").per_query
    assert table.first_rank[1] == 2
    assert table.average_precision[1] == pytest.approx(1 / 3)
    assert evaluate(distances, cliques).per_query.first_rank[1] == 2


def test_orfium_needs_queries_among_the_references():
    with pytest.raises(RankingError, match="every query among the references"):
        evaluate(
            np.ones((1, 2)),
            ["a"],
            ["a", "b"],
            query_ids=["q"],
            reference_ids=["r", "s"],
            rules="orfium",
        )


def test_coverhunter_forgives_what_is_beyond_its_depth():
    """Matches at ranks 1 and 10,001: canonical AP halves, CoverHunter's stays 1."""
    distances = np.arange(10_001.0)[None]
    cliques = np.full(10_001, "b")
    cliques[[0, -1]] = "a"
    labels = {"query_ids": ["q"], "reference_ids": [f"r{row}" for row in range(10_001)]}
    assert evaluate(distances, ["a"], cliques, **labels, rules="coverhunter").map == 1
    expected = (1 + 2 / 10_001) / 2
    assert evaluate(distances, ["a"], cliques, **labels).map == pytest.approx(expected)


def test_coverhunter_drops_distances_below_zero():
    """A copy whose cosine rounds to more than 1 is a hit for everybody else."""
    distances = np.array([[0, -1e-7, 1], [-1e-7, 0, 1], [1, 1, 0]])
    assert evaluate(distances, list("aab"), rules="coverhunter").map == 0
    assert evaluate(distances, list("aab")).map == 1


def test_other_rules_come_without_intervals():
    for rules in RULES[1:]:
        assert not any(
            key.endswith("_low") for key in evaluate(DISTANCES, CLIQUES, rules=rules).summary()
        )
