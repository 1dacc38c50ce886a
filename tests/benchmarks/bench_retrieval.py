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
    ways, product = list(CANDIDATES)[1:], list(CANDIDATES)[:2]
    with threadpoolctl.threadpool_limits(1):
        table = _compare(*((300, 1) if quick else (15_000, 3)), product)
        table += _compare(*((150, 1) if quick else (3_000, 3)), ways)
    numba.set_num_threads(threads)
    if quick:
        return table + _memory(300, product[1:]) + _large_set(300)
    return table + _memory(15_000, product) + _memory(3_000, ways) + _large_set(100_000)


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


def _sorted_rows(vectors, cliques):
    # The way of most projects: sort every row of the whole matrix, then cumulative sums.
    distances = _cosines(vectors)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1)[:, :-1]
    hits = cliques[order] == cliques[:, None]
    precision = np.cumsum(hits, axis=1) / np.arange(1, order.shape[1] + 1)
    found = hits.sum(1)
    return ((precision * hits).sum(1)[found > 0] / found[found > 0]).mean()


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
    "whole matrix, evaluate": _matrix,
    "whole matrix, every row sorted": _sorted_rows,
    "whole matrix, scikit-learn": _scikit_learn,
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
