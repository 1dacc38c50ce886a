"""What an approximate index saves, and how much MAP it loses against the exact ranking.

The vectors are drawn without any structure but works, the worst case for an index that sorts
references into cells: none of them is near another's cell.
"""

import time

import faiss
import numpy as np
import threadpoolctl

from bytecover_lite.ranking_lists import evaluate_index
from bytecover_lite.retrieval import evaluate_embeddings
from tests.benchmarks.bench_retrieval import DIMENSIONS, corpus


def rows(quick=False):
    """Measure on one thread, at 1,000 references a query.

    Parameters
    ----------
    quick : bool
        Hundreds of versions instead of thousands: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit: seconds to search and score, and the MAP lost.
    """
    faiss.omp_set_num_threads(1)
    vectors, cliques = corpus(600 if quick else 6_000)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with threadpoolctl.threadpool_limits(1):
        exact = evaluate_embeddings(vectors, cliques).map
        table = []
        for name, index in indices(vectors, cells=8 if quick else 64):
            start = time.perf_counter()
            found = evaluate_index(index, vectors, cliques, depth=1000).map
            seconds = time.perf_counter() - start
            table += _rows(f"faiss {name}, {len(vectors)} x {DIMENSIONS}", seconds, exact, found)
    return table


def indices(vectors, cells):
    """Yield indices of unit vectors: exact, by nearest cells, by a graph of neighbours."""
    flat = faiss.IndexFlatIP(DIMENSIONS)
    flat.add(vectors)
    yield "exact (flat)", flat
    inverted = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(DIMENSIONS), DIMENSIONS, cells, faiss.METRIC_INNER_PRODUCT
    )
    inverted.cp.min_points_per_centroid = 1
    inverted.train(vectors)
    inverted.add(vectors)
    for probes in (1, cells // 4, cells // 2):
        inverted.nprobe = probes
        yield f"inverted file, {probes} of {cells} cells", inverted
    graph = faiss.IndexHNSWFlat(DIMENSIONS, 32, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efSearch = 1000
    graph.add(vectors)
    yield "graph (HNSW), ef 1000", graph


def _rows(what, seconds, exact, found):
    lost = {"what": f"{what}, MAP lost", "value": max(exact - found, 0.0), "unit": ""}
    return [{"what": what, "value": seconds, "unit": "s"}, lost | {"map": exact}]
