"""Laws of query expansion."""

import numpy as np
import pytest

from bytecover_lite.expansion import expand
from bytecover_lite.hubs import HubsError, nearest
from bytecover_lite.ranking import rank_matches, relevance
from bytecover_lite.retrieval import score
from bytecover_lite.systems import Similarity, kind_of


def distances(size, seed=0):
    points = np.random.default_rng(seed).standard_normal((size, 5))
    return np.linalg.norm(points[:, None] - points, axis=2)


def by_hand(given, plain, neighbours):
    size = len(given)
    own, weights = given.copy(), np.zeros((size, size))
    usual = np.mean([plain[i, j] for i in range(size) for j in range(size) if i != j])
    for i in range(size):
        nearest = sorted((given[i, j], j) for j in range(size) if j != i)[:neighbours]
        own[i, i] = nearest[0][0]
        weights[i, i] = 1
        for _, j in nearest:
            weights[i, j] = max(0, 1 - plain[i, j] / usual) ** 3
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ own @ weights.T


@pytest.mark.parametrize("neighbours", [1, 2, 5, 100])
def test_it_is_the_product_of_three_matrices(neighbours):
    given, plain = distances(20), distances(20, seed=1)
    given[np.diag_indices(20)] = -1e9  # never read, and that of the plain ones neither
    plain[np.diag_indices(20)] = 77
    before = given.copy()
    found = expand(given, plain, neighbours)
    np.testing.assert_allclose(found, by_hand(given, plain, neighbours))
    for rows in (512, 7):  # at once, and in blocks, as those of large collections are
        expected = [sorted({*range(20)} - {i}, key=given[i].__getitem__) for i in range(20)]
        expected = np.array(expected)[:, :neighbours]
        np.testing.assert_array_equal(nearest(given, neighbours, rows), expected)
    np.testing.assert_array_equal(given, before)


def test_a_power_of_zero_weighs_all_alike():
    given = distances(9)
    ends = [sorted((given[i, j], j) for j in range(9) if j != i)[0] for i in range(9)]
    rows = np.eye(9)
    for i, (_, j) in enumerate(ends):
        rows[i, j] = 1
    own = given + np.diag([distance for distance, _ in ends])
    np.testing.assert_allclose(expand(given, neighbours=1, power=0), rows @ own @ rows.T / 4)


def test_ties_go_to_the_first_and_a_gain_changes_no_order():
    given = np.ones((4, 4), dtype=np.float32)
    np.testing.assert_allclose(expand(given), np.ones((4, 4)))
    given = distances(30)
    np.testing.assert_allclose(expand(3 * given), 3 * expand(given))
    np.testing.assert_allclose(expand(3 * given - 1, given), 3 * expand(given) - 1)
    np.testing.assert_allclose(expand(np.zeros((5, 5))), np.zeros((5, 5)))
    assert expand(given.astype(np.float32)).dtype == np.float32


def test_collections_of_one_and_of_none_stay_as_they_are():
    for size in (0, 1):
        given = np.zeros((size, size), dtype=np.float32)
        np.testing.assert_array_equal(expand(given), given)


def test_distances_to_another_collection_and_no_neighbours_are_refused():
    with pytest.raises(HubsError, match=r"\(3, 4\)"):
        expand(np.zeros((3, 4)))
    with pytest.raises(HubsError, match="neighbours is 0"):
        expand(np.zeros((3, 3)), neighbours=0)


def test_what_two_versions_know_together_brings_the_third_forward():
    """A chain of three versions, and beside its first one a recording of another work."""
    places = np.array([0.0, 1.0, 2.0, -1.9, -50.0])
    given = abs(places[:, None] - places)
    cliques, names = ["a", "a", "a", "b", "c"], list("12345")
    assert given[0, 3] < given[0, 2]
    expanded = expand(given, neighbours=1)
    assert expanded[0, 3] > expanded[0, 2]
    labels = relevance(cliques, query_ids=names)
    before, after = (score(rank_matches(d, labels)).map for d in (given, expanded))
    assert after == 1 > before


def test_a_neighbour_as_far_as_others_says_nothing():
    given = distances(12)
    far = np.full((12, 12), 2.0)
    np.testing.assert_allclose(expand(given, far), given + np.diag(np.diag(expand(given, far))))


def test_a_comparison_is_expanded_by_its_unscaled_distances():
    given = distances(40)
    scaled = Similarity(distances=given).scaled()
    np.testing.assert_array_equal(scaled.expanded().distances, expand(scaled.distances, given))
    np.testing.assert_array_equal(
        Similarity(distances=given).expanded().distances, expand(given, given)
    )


def test_a_system_is_known_without_its_endings():
    names = ("qmax", "qmax+csls", "qmax+qe", "qmax+csls+qe")
    assert {kind_of(name) for name in names} == {"qmax"}
    assert kind_of("qmax+qe+csls") == "qmax+qe"
