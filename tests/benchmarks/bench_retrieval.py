"""Speed and memory of scoring, beside the bare matrix product and other ways to do it."""

import numba
import numpy as np
import threadpoolctl

from bytecover_lite.retrieval import evaluate, evaluate_embeddings
from tests.benchmarks.memory import printed_by
from tests.benchmarks.timing import interleaved

DIMENSIONS = 2048
PEAK = """
import sys
from tests.benchmarks import bench_retrieval as bench
from tests.benchmarks.memory import peak

score, versions = bench.CANDIDATES[sys.argv[1]], int(sys.argv[2])
score(*bench.corpus(30))
vectors, cliques = bench.corpus(versions)
before = peak()
score(vectors, cliques)
print(peak() - before)
"""
LARGE = """
import sys, time
import numba, threadpoolctl
from tests.benchmarks import bench_retrieval as bench
from tests.benchmarks.memory import peak

numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
with threadpoolctl.threadpool_limits(2):
    bench.CANDIDATES["evaluate_embeddings"](*bench.corpus(30))
    vectors, cliques = bench.corpus(int(sys.argv[1]))
    before, start, computing = peak(), time.perf_counter(), time.process_time()
    bench.CANDIDATES["evaluate_embeddings"](vectors, cliques)
    print(time.perf_counter() - start, time.process_time() - computing, peak() - before)
"""


def rows(quick=False):
    """Measure on one thread, the large set on two.

    Parameters
    ----------
    quick : bool
        Hundreds of versions instead of thousands, one round: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit; baseline and ratio (baseline's value over this one).
    """
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    (product, ours, *others), size = CANDIDATES, 300 if quick else 15_000
    with threadpoolctl.threadpool_limits(1):
        table = _compare(size, 1 if quick else 3, [product, ours])
        table += _compare(size, 1, [ours, *others])
    numba.set_num_threads(threads)
    table += _memory(size, [ours, others[-1]] if quick else [product, ours, *others])
    return table + _large_set(300 if quick else 100_000)


def corpus(versions, dimensions=DIMENSIONS):
    """Draw embeddings in Da-TACOS' shape, 13 versions or one a work, hard enough for MAP < 1."""
    generator = np.random.default_rng(0)
    works = max(1, versions // 15)
    cliques = np.concatenate([np.repeat(np.arange(works), 13), np.arange(works, 3 * works)])
    vectors = generator.standard_normal((len(cliques), dimensions), dtype=np.float32)
    vectors *= 3.5
    for work in range(works):
        vectors[13 * work : 13 * (work + 1)] += generator.standard_normal(dimensions)
    return vectors, cliques


def _product(vectors, cliques):
    tile = np.empty((512, len(vectors)), dtype=np.float32)
    for start in range(0, len(vectors), 512):
        some = vectors[start : start + 512]
        np.matmul(some, vectors.T, out=tile[: len(some)])


def _ours(vectors, cliques):
    return evaluate_embeddings(vectors, cliques).map


def _matrix(vectors, cliques):
    return evaluate(_cosines(vectors), cliques).map


def _move(vectors, cliques):
    # Every row of the whole matrix sorted, then cumulative sums; noise counts in MR1 only.
    distances = _cosines(vectors)
    np.fill_diagonal(distances, np.inf)
    return _mean_precision(cliques, np.argsort(distances, axis=1)[:, :-1])


def _orfium(vectors, cliques):
    # The same with Euclidean distances; the first of a row is taken for the query itself.
    squares = (vectors**2).sum(axis=1)
    distances = squares[:, None] - 2 * vectors @ vectors.T + squares
    return _mean_precision(cliques, np.argsort(distances, axis=1)[:, 1:])


def _mean_precision(cliques, order):
    hits = cliques[order] == cliques[:, None]
    precision = np.cumsum(hits, axis=1) / np.arange(1, order.shape[1] + 1)
    found = hits.sum(1)
    return ((precision * hits).sum(1)[found > 0] / found[found > 0]).mean()


def _cqtnet(vectors, cliques):
    # Row by row; a query without match has precision 0.
    distances = _cosines(vectors)
    precisions = []
    for row, clique in enumerate(cliques):
        order = np.argsort(distances[row])
        places = np.flatnonzero(cliques[order[order != row]] == clique)
        share = np.arange(1, len(places) + 1) / (places + 1)
        precisions.append(share.mean() if len(places) else 0.0)
    return np.mean(precisions)


def _coverhunter(vectors, cliques):
    # Row by row among the first hundred; divided by the matches that are found there.
    distances = _cosines(vectors)
    top, precisions = min(100, len(cliques) - 2), []
    for row, clique in enumerate(cliques):
        near = np.argpartition(distances[row], top + 1)[: top + 1]
        order = near[np.argsort(distances[row, near])]
        places = np.flatnonzero(cliques[order[order != row]] == clique)
        if len(places):
            precisions.append((np.arange(1, len(places) + 1) / (places + 1)).mean())
    return np.mean(precisions)


def _scikit_learn(vectors, cliques):
    from sklearn.metrics import average_precision_score

    scores = 1 - _cosines(vectors)
    others = ~np.eye(len(cliques), dtype=bool)
    precisions = []
    for row in range(len(cliques)):
        same = cliques[others[row]] == cliques[row]
        if same.any():
            precisions.append(average_precision_score(same, scores[row, others[row]]))
    return np.mean(precisions)


def _cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return 1 - unit @ unit.T


CANDIDATES = {
    "bare matrix product": _product,
    "evaluate_embeddings": _ours,
    "evaluate on the whole matrix": _matrix,
    "scikit-learn's average precision": _scikit_learn,
    "formula of MOVE": _move,
    "formula of Orfium": _orfium,
    "formula of CQTNet": _cqtnet,
    "formula of CoverHunter": _coverhunter,
}


def _compare(versions, repeats, names):
    """Time the named ways in turn; the first is what the others are compared with."""
    vectors, cliques = corpus(versions)
    times = interleaved(
        {name: lambda name=name: CANDIDATES[name](vectors, cliques) for name in names},
        repeats=repeats,
    )
    return [
        {
            "what": f"{name}, {versions} x {DIMENSIONS}",
            "value": times[name],
            "unit": "s",
            "baseline": names[0],
            "ratio": times[names[0]] / times[name],
        }
        for name in names
    ]


def _memory(versions, names):
    return [
        {
            "what": f"{name}, {versions} x {DIMENSIONS}, above the embeddings",
            "value": max(printed_by(PEAK, name, versions)[0], 0.0),
            "unit": "MiB",
        }
        for name in names
    ]


def _large_set(versions):
    """All against all on two threads; a million by proportion, for time grows with the square."""
    seconds, computing, memory = printed_by(LARGE, versions)
    what = f"evaluate_embeddings, {versions} x {DIMENSIONS}, two threads"
    million = f"1000000 x {DIMENSIONS} at the rate of {versions}, two threads"
    return [
        {"what": what, "value": seconds, "unit": "s"},
        {"what": f"{what}, processor time of each", "value": computing / 2, "unit": "s"},
        {"what": f"{what}, above the embeddings", "value": max(memory, 0.0), "unit": "MiB"},
        {"what": million, "value": computing / 2 * (1e6 / versions) ** 2 / 3600, "unit": "h"},
    ]
