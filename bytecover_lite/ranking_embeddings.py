"""Rank embeddings without ever holding their distance matrix (chapter: scoring a ranking).

Queries and references are multiplied tile by tile in float32, the speed of a bare matrix
product; counting adds a few percent. References so close to a match that float32 cannot tell
which is nearer are multiplied again in float64, so the ranks do not depend on the tile, the
number of threads or the device.
"""

import numpy as np

from .ranking import MatchRanks, RankingError

METRICS = ("cosine", "euclidean")
_ROUNDING = 2.0**-24  # float32: relative error of one operation
_NORMS = (1e-15, 1e15)  # products of longer or shorter vectors leave the range of float32


def rank_embeddings(queries, references, relevance, *, metric="cosine", tile=(512, 16384)):
    """Count the non-matches in front of every match.

    Parameters
    ----------
    queries : np.ndarray or torch.Tensor [shape=(Q, D)]
        Compared as float32. A CUDA tensor is ranked on its device.
    references : same type as queries [shape=(R, D)]
    relevance : Relevance
    metric : {"cosine", "euclidean"}
    tile : (int, int)
        Queries and references multiplied at a time; 4 bytes for each pair are the memory needed.

    Returns
    -------
    MatchRanks

    Raises
    ------
    RankingError
        For wrong shapes, two devices, values that are not finite, a norm that float32 products
        cannot bear, or (cosine) an all-zero row.
    """
    if metric not in METRICS:
        raise RankingError(f"metric={metric!r}: choose one of {', '.join(METRICS)}")
    if len({str(getattr(one, "device", "cpu")) for one in (queries, references)}) > 1:
        raise RankingError("queries and references lie on two devices: move one to the other's")
    if getattr(queries, "is_cuda", False):
        from .ranking_cuda import count_on_device as count
    else:
        same = references is queries
        queries = _contiguous(queries)
        references = queries if same else _contiguous(references)
        count = _count_on_cpu
    _check(queries, references, relevance)
    query_norms = _norms(queries, "query", metric)
    reference_norms = query_norms
    if references is not queries:
        reference_norms = _norms(references, "reference", metric)
    scale, shift, slack = _comparison(query_norms, reference_norms, queries.shape[1], metric)
    found, nearer, not_farther = count(queries, references, relevance, scale, shift, slack, tile)
    repeated = np.repeat(query_norms, relevance.n_matches)
    distances = _distances(found, repeated, metric)
    return MatchRanks(relevance, distances, nearer, not_farther)


def _comparison(query_norms, reference_norms, dimensions, metric):
    # For one query, cosine ranks like -q.r / |r| and Euclidean distance like |r|^2 / 2 - q.r.
    # Six standard deviations of a worst-case float32 sum of products bound its error.
    error = (2 * np.sqrt(dimensions) + 8) * _ROUNDING
    if metric == "cosine":
        return 1 / reference_norms, np.zeros_like(reference_norms), error * query_norms
    largest = reference_norms.max()
    slack = error * largest * (query_norms + largest)
    return np.ones_like(reference_norms), reference_norms**2 / 2, slack


def _distances(found, query_norms, metric):
    if metric == "cosine":
        return 1 + found / query_norms
    return np.sqrt(np.maximum(query_norms**2 + 2 * found, 0))


def _count_on_cpu(queries, references, relevance, scale, shift, slack, tile):
    from . import counting

    offsets, columns, own = relevance.offsets, relevance.columns, relevance.own
    found = np.empty(len(columns))
    nearer, not_farther = np.zeros((2, len(columns)), dtype=np.int64)
    counting.measure_matches(queries, references, scale, shift, offsets, columns, found)
    buffer = np.empty(min(tile[0], len(queries)) * min(tile[1], len(references)), np.float32)
    for top in range(0, len(queries), tile[0]):
        some = slice(top, min(top + tile[0], len(queries)))
        for left in range(0, len(references), tile[1]):
            part = slice(left, min(left + tile[1], len(references)))
            shape = (some.stop - top, part.stop - left)
            products = buffer[: shape[0] * shape[1]].reshape(shape)
            np.matmul(queries[some], references[part].T, out=products)
            counting.count_tile(
                products,
                queries[some],
                references[part],
                scale[part],
                shift[part],
                slack[some],
                offsets[top : some.stop + 1],
                columns,
                own[some],
                left,
                found,
                nearer,
                not_farther,
            )
    return found, nearer, not_farther


def _contiguous(vectors):
    if hasattr(vectors, "detach"):  # a tensor: NumPy takes neither gradients nor bfloat16
        vectors = vectors.detach().float().numpy()
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _check(queries, references, relevance):
    expected = (len(relevance.own), relevance.n_references)
    if queries.ndim != 2 or references.ndim != 2 or queries.shape[1] != references.shape[1]:
        raise RankingError(
            f"queries {tuple(queries.shape)} and references {tuple(references.shape)} must be "
            "two matrices with one row a version and equally many columns"
        )
    if (len(queries), len(references)) != expected:
        raise RankingError(
            f"{len(queries)} query and {len(references)} reference embeddings for {expected[0]} "
            f"and {expected[1]} labels"
        )


def _norms(vectors, role, metric, rows=4096):
    norms = np.empty(len(vectors))
    for start in range(0, len(vectors), rows):
        part = vectors[start : start + rows]
        if isinstance(part, np.ndarray):
            squares = np.einsum("ij,ij->i", part, part, dtype=np.float64)
        else:
            squares = part.double().square().sum(1).cpu().numpy()
        norms[start : start + rows] = np.sqrt(squares)
    bad = np.flatnonzero(~np.isfinite(norms))
    if len(bad):
        raise RankingError(f"{role} embedding in row {bad[0]} has a value that is not finite")
    zero = np.flatnonzero(norms == 0)
    if len(zero) and metric == "cosine":
        raise RankingError(f"{role} embedding in row {zero[0]} is all zero: it has no cosine")
    extreme = np.flatnonzero((norms > _NORMS[1]) | ((norms < _NORMS[0]) & (metric == "cosine")))
    if len(extreme):
        raise RankingError(
            f"{role} embedding in row {extreme[0]} has norm {norms[extreme[0]]:g}: scale it to "
            f"between {_NORMS[0]:g} and {_NORMS[1]:g}"
        )
    return norms
