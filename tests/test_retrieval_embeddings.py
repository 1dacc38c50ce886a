"""Embeddings are ranked as if in float64, whatever the tile, the library or the device."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from bytecover_lite.ranking import RankingError, rank_matches, relevance
from bytecover_lite.ranking_cuda import count_on_device
from bytecover_lite.ranking_embeddings import rank_embeddings
from bytecover_lite.retrieval import evaluate, evaluate_embeddings, score


def corpus(kind):
    """Embeddings and works, some of them alone; every kind is hard in its own way."""
    generator = np.random.default_rng(0)
    cliques = np.concatenate([np.repeat(np.arange(40), 6), np.arange(100, 130)])
    noise = generator.standard_normal((len(cliques), 96))
    works = generator.standard_normal((130, 96))[cliques]
    vectors = {
        "chance": noise,
        "trained": works + noise,
        "crowded": 1000 + works + noise,  # all cosines within 1e-6 of 1: float32 cannot tell
        "copies": np.repeat((works + noise)[::3], 3, axis=0),
    }[kind]
    return vectors.astype(np.float32), cliques


def float64_distances(vectors, metric):
    vectors = vectors.astype(np.float64)
    if metric == "euclidean":
        return np.linalg.norm(vectors[:, None] - vectors, axis=2)
    # einsum sums every pair in the same order, so that copies tie exactly.
    norms = np.sqrt(np.einsum("ik,ik->i", vectors, vectors))
    return 1 - np.einsum("ik,jk->ij", vectors, vectors, optimize=False) / np.outer(norms, norms)


KINDS = ("chance", "trained", "crowded", "copies")
CASES = [(kind, metric) for kind in KINDS for metric in ("cosine", "euclidean")]


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_embeddings_and_matrix_agree(kind, metric):
    vectors, cliques = corpus(kind)
    whole = evaluate(float64_distances(vectors, metric), cliques)
    direct = evaluate_embeddings(vectors, cliques, metric=metric)
    assert direct.map == pytest.approx(whole.map, abs=1e-9)
    assert direct.mr1 == pytest.approx(whole.mr1, abs=1e-9)


@pytest.mark.parametrize(("kind", "metric"), CASES)
@pytest.mark.parametrize("tile", [(1000, 1000), (64, 100), (7, 513)])
def test_tiles_do_not_matter(kind, metric, tile):
    vectors, cliques = corpus(kind)
    expected = rank_embeddings(vectors, vectors, relevance(cliques), metric=metric)
    ranks = rank_embeddings(vectors, vectors, relevance(cliques), metric=metric, tile=tile)
    assert (ranks.nearer == expected.nearer).all()
    assert (ranks.not_farther == expected.not_farther).all()


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_torch_counts_like_numba(kind, metric, monkeypatch):
    """The code of the GPU, run on the CPU."""
    vectors, cliques = corpus(kind)
    expected = rank_embeddings(vectors, vectors, relevance(cliques), metric=metric)

    def count(queries, references, *rest):
        return count_on_device(torch.from_numpy(queries), torch.from_numpy(references), *rest)

    monkeypatch.setattr("bytecover_lite.ranking_embeddings._count_on_cpu", count)
    ranks = rank_embeddings(vectors, vectors, relevance(cliques), metric=metric, tile=(64, 100))
    assert score(ranks).map == pytest.approx(score(expected).map, abs=1e-9)
    assert ranks.distances == pytest.approx(expected.distances, abs=1e-6)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["highest", "high"])
def test_gpu_and_cpu_agree(precision):
    """Also where training has switched TensorFloat-32 on."""
    vectors, cliques = corpus("trained")
    torch.set_float32_matmul_precision(precision)
    try:
        found = evaluate_embeddings(torch.from_numpy(vectors).cuda(), cliques)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert found.map == pytest.approx(evaluate_embeddings(vectors, cliques).map, abs=1e-9)


def test_distances_are_those_of_the_metric():
    vectors, cliques = corpus("trained")
    for metric in ("cosine", "euclidean"):
        ranks = rank_embeddings(vectors, vectors, relevance(cliques), metric=metric)
        matrix = rank_matches(float64_distances(vectors, metric), relevance(cliques))
        assert ranks.distances == pytest.approx(matrix.distances, abs=1e-6)


def test_cosine_ignores_length_and_euclidean_does_not():
    vectors, cliques = corpus("trained")
    longer = vectors * np.linspace(1, 3, len(vectors), dtype=np.float32)[:, None]
    for metric, same in (("cosine", True), ("euclidean", False)):
        before = evaluate_embeddings(vectors, cliques, metric=metric).map
        after = evaluate_embeddings(longer, cliques, metric=metric).map
        assert (after == pytest.approx(before, abs=1e-9)) is same


def test_copies_tie_and_ties_count_against_the_system():
    """A recording that two works claim: its copies are as near as the match."""
    vectors = np.random.default_rng(0).standard_normal((1, 300)).astype(np.float32)
    cliques = list("aabb")
    assert evaluate_embeddings(np.repeat(vectors, 4, axis=0), cliques).mr1 == 3
    optimistic = evaluate_embeddings(np.repeat(vectors, 4, axis=0), cliques, ties="optimistic")
    assert optimistic.mr1 == 1


def test_other_references():
    vectors, cliques = corpus("trained")
    ids = np.arange(len(cliques))
    part = ids[::3]
    found = evaluate_embeddings(
        vectors[part], cliques[part], vectors, cliques, query_ids=part, reference_ids=ids
    )
    everyone = evaluate_embeddings(vectors, cliques).per_query.set_index("query")
    expected = everyone.reindex(part).dropna().average_precision
    assert found.per_query.average_precision.tolist() == expected.tolist()


def test_half_precision_and_float64_embeddings_are_compared_as_float32():
    vectors, cliques = corpus("trained")
    halves = vectors.astype(np.float16)
    expected = evaluate_embeddings(halves.astype(np.float32), cliques).map
    assert evaluate_embeddings(halves, cliques).map == expected
    assert evaluate_embeddings(vectors.astype(np.float64), cliques).map == (
        evaluate_embeddings(vectors, cliques).map
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tensors_are_scored_like_arrays_gradients_or_not(dtype):
    vectors, cliques = corpus("trained")
    tensor = torch.from_numpy(vectors).to(dtype).requires_grad_()
    expected = evaluate_embeddings(tensor.detach().float().numpy(), cliques).map
    assert evaluate_embeddings(tensor, cliques).map == expected


def test_lengths_between_the_limits_do_not_matter_to_the_cosine():
    """Near either end products in float32 still keep all their digits."""
    vectors, cliques = corpus("trained")
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = evaluate_embeddings(unit, cliques).map
    for length in (2.0**-49, 2.0**49):
        assert evaluate_embeddings(np.float32(length) * unit, cliques).map == expected


def test_embeddings_on_two_devices_are_refused():
    with pytest.raises(RankingError, match="two devices"):
        evaluate_embeddings(
            torch.ones(2, 3),
            [*"ab"],
            torch.ones(2, 3, device="meta"),
            [*"ab"],
            query_ids=[1, 2],
            reference_ids=[3, 4],
        )


def spoiled(row, value):
    vectors = np.ones((4, 3))
    vectors[row] = value
    return vectors


@pytest.mark.parametrize(
    ("message", "vectors", "settings"),
    [
        ("query embedding in row 2 has a value that is not finite", spoiled(2, np.nan), {}),
        ("query embedding in row 1 has a value that is not finite", spoiled(1, -np.inf), {}),
        ("query embedding in row 3 is all zero", spoiled(3, 0), {}),
        ("query embedding in row 2 has norm .*e-25", spoiled(2, 1e-25), {}),
        (r"query embedding in row 1 has norm .*e\+20", spoiled(1, 1e20), {"metric": "euclidean"}),
        ("metric='taxi'", np.ones((4, 3)), {"metric": "taxi"}),
        ("5 query and 5 reference embeddings for 4 and 4", np.ones((5, 3)), {}),
        (r"queries \(4,\)", np.ones(4), {}),
        ("both or neither", np.ones((4, 3)), {"reference_embeddings": np.ones((2, 3))}),
    ],
)
def test_what_cannot_be_scored_names_the_row(message, vectors, settings):
    with pytest.raises(RankingError, match=message):
        evaluate_embeddings(vectors, list("aabb"), **settings)


def test_a_zero_vector_has_a_euclidean_distance():
    assert evaluate_embeddings(spoiled(3, 0), list("aabb"), metric="euclidean").n_queries == 4


def test_scoring_leaves_torch_the_threads_it_had():
    program = (
        "import numpy as np, torch\n"
        "from bytecover_lite.retrieval import evaluate_embeddings\n"
        "x = np.random.default_rng(0).normal(size=(40, 8)).astype('float32')\n"
        "evaluate_embeddings(x, [row // 4 for row in range(40)])\n"
        "print(torch.get_num_threads())\n"
    )
    kept = {key: value for key, value in os.environ.items() if key != "NUMBA_NUM_THREADS"}
    command = [sys.executable, "-c", program]
    found = subprocess.run(
        command, env=kept | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "1"
