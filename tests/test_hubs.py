"""Laws of the local scaling of distances."""

import numpy as np
import pytest

from bytecover_lite.hubs import HubsError, occurrences, reach, scale_locally
from bytecover_lite.ranking import rank_matches, relevance
from bytecover_lite.retrieval import score
from bytecover_lite.systems import Similarity


def distances(size, seed=0):
    points = np.random.default_rng(seed).standard_normal((size, 5))
    return np.linalg.norm(points[:, None] - points, axis=2)


@pytest.mark.parametrize("neighbours", [1, 3, 10, 100])
def test_reach_and_occurrences_are_those_of_a_plain_loop(neighbours):
    given = distances(30)
    given[np.diag_indices(30)] = -1e9  # never read
    expected, counts = np.zeros(30), np.zeros(30, dtype=int)
    for i in range(30):
        others = sorted((given[i, j], j) for j in range(30) if j != i)[:neighbours]
        expected[i] = np.mean([distance for distance, _ in others])
        for _, j in others:
            counts[j] += 1
    for rows in (7, 512):
        np.testing.assert_allclose(reach(given, neighbours, rows), expected)
        np.testing.assert_array_equal(occurrences(given, neighbours, rows), counts)
    scaled = scale_locally(given, neighbours)
    assert scaled[3, 8] == pytest.approx(2 * given[3, 8] - expected[3] - expected[8])


def test_collections_of_one_and_of_none_have_no_neighbours():
    for size in (0, 1):
        given = np.zeros((size, size), dtype=np.float32)
        assert scale_locally(given).shape == (size, size)
        assert reach(given).tolist() == occurrences(given).tolist() == [0] * size


@pytest.mark.parametrize("function", [reach, occurrences, scale_locally])
def test_distances_to_another_collection_and_no_neighbours_are_refused(function):
    with pytest.raises(HubsError, match=r"\(3, 4\)"):
        function(np.zeros((3, 4)))
    with pytest.raises(HubsError, match="neighbours is 0"):
        function(np.zeros((3, 3)), 0)


def test_a_hub_falls_behind_the_match_it_hid():
    """Two works on a circle, and in its middle a recording that is near to everything."""
    angles = np.radians([0, 40, 180, 220])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.concatenate([1.6 * points, [[0, 0]]])
    points[4] += 0.01  # so that nothing ties
    given = np.linalg.norm(points[:, None] - points, axis=2)
    given[:4, 4] = given[4, :4] = 0.9  # nearer to all than their matches
    labels = relevance(["a", "a", "b", "b", "hub"])
    assert occurrences(given, 1)[4] == 4
    before, after = (rank_matches(d, labels) for d in (given, scale_locally(given, 3)))
    assert before.not_farther.tolist() == [1, 1, 1, 1]
    assert after.not_farther.tolist() == [0, 0, 0, 0]


def test_embeddings_are_scaled_by_their_cosines():
    vectors = np.random.default_rng(1).standard_normal((12, 4)).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1)
    cosines = vectors @ vectors.T / np.outer(lengths, lengths)
    found = Similarity(vectors=vectors).scaled()
    np.testing.assert_allclose(found.distances, scale_locally(1 - cosines), atol=1e-5)
    cliques, names = ["x", "y", "z"] * 4, [str(n) for n in range(12)]
    again = Similarity(distances=1 - cosines).scaled()
    assert score(found.ranks(cliques, names)).map == pytest.approx(
        score(again.ranks(cliques, names)).map
    )
