"""The compiled passes that rank without sorting (chapter: scoring a ranking).

Imported where it is needed by :mod:`bytecover_lite.ranking` and
:mod:`bytecover_lite.ranking_embeddings`, because it loads numba.
"""

import numba
import numpy as np
import torch

STRETCH = 512  # columns counted at a time: they stay in the first-level cache for all thresholds

_THREADS = torch.get_num_threads()
numba.set_num_threads(min(_THREADS, numba.config.NUMBA_NUM_THREADS))
torch.set_num_threads(_THREADS)  # both share OpenMP, and numba has just told it its own number


@numba.njit(parallel=True, cache=True)
def count_rows(distances, offsets, columns, own, found, nearer, not_farther):
    """Count, for every match of every row, the non-matches that are nearer or as near.

    Parameters
    ----------
    distances : np.ndarray [shape=(Q, R)]
    offsets, columns, own
        See :class:`bytecover_lite.ranking.Relevance`.
    found, nearer, not_farther : np.ndarray [shape=(M,)]
        Filled in; see :class:`bytecover_lite.ranking.MatchRanks`.
    """
    for query in numba.prange(len(own)):
        first, last = offsets[query], offsets[query + 1]
        row = distances[query]
        matches = np.sort(row[columns[first:last]])
        found[first:last] = matches
        below, upto = nearer[first:last], not_farther[first:last]
        below[:] = 0
        upto[:] = 0
        for start in range(0, len(row), STRETCH):
            _count_stretch(row[start : start + STRETCH], matches, below, upto)
        for place in range(last - first):
            distance = matches[place]
            below[place] -= np.searchsorted(matches, distance, side="left")
            upto[place] -= np.searchsorted(matches, distance, side="right")
            if own[query] >= 0:
                below[place] -= row[own[query]] < distance
                upto[place] -= row[own[query]] <= distance


@numba.njit(cache=True)
def _count_stretch(values, matches, below, upto):
    for place in range(len(matches) - 1, -1, -1):
        less, less_or_equal = _count(values, matches[place], matches[place])
        if less_or_equal == 0:  # nor is any value below the nearer matches
            return
        below[place] += less
        upto[place] += less_or_equal


@numba.njit(cache=True)
def _count(values, low, high):
    # 32-bit counters: the compiler then compares sixteen float32 at a time.
    less = np.int32(0)
    less_or_equal = np.int32(0)
    for column in range(len(values)):
        less = np.int32(less + np.int32(values[column] < low))
        less_or_equal = np.int32(less_or_equal + np.int32(values[column] <= high))
    return less, less_or_equal


@numba.njit(fastmath={"reassoc", "contract"}, cache=True)
def _product(first, second):
    # Always summed in the same order, so equal vectors tie exactly.
    total = 0.0
    for place in range(len(first)):
        total += np.float64(first[place]) * np.float64(second[place])
    return total


@numba.njit(parallel=True, cache=True)
def measure_matches(queries, references, scale, shift, offsets, columns, found):
    """Fill in ``shift[r] - scale[r] * (query . r)`` of every match r, ascending, in float64."""
    for query in numba.prange(len(offsets) - 1):
        first, last = offsets[query], offsets[query + 1]
        for place in range(first, last):
            column = columns[place]
            product = _product(queries[query], references[column])
            found[place] = shift[column] - scale[column] * product
        found[first:last].sort()


@numba.njit(parallel=True, cache=True)
def count_tile(
    products,
    queries,
    references,
    scale,
    shift,
    slack,
    offsets,
    columns,
    own,
    start,
    found,
    nearer,
    not_farther,
):
    """Add the counts of one tile: some queries against some consecutive references.

    float32 products settle every reference that is clearly nearer or farther than a match; the
    few within ``slack`` of it are multiplied again in float64. The ranks are therefore those of
    float64 distances, whatever the matrix library, the tile or the device.

    Parameters
    ----------
    products : np.ndarray [shape=(q, r), float32]
        Inner products of the tile; overwritten.
    queries : np.ndarray [shape=(q, D), float32]
    references : np.ndarray [shape=(r, D), float32]
    scale, shift : np.ndarray [shape=(r,), float64]
        The distance is ``shift - scale * product``.
    slack : np.ndarray [shape=(q,), float64]
        More than any rounding error of a float32 distance.
    offsets : np.ndarray [shape=(q + 1,)]
    columns, found, nearer, not_farther : np.ndarray [shape=(M,)]
    own : np.ndarray [shape=(q,)]
    start : int
        Column of the tile's first reference.
    """
    for query in numba.prange(len(own)):
        first, last = offsets[query], offsets[query + 1]
        if first == last:
            continue
        row = products[query]
        for column in range(len(row)):
            row[column] = np.float32(shift[column] - scale[column] * row[column])
        for place in range(first, last):
            if 0 <= columns[place] - start < len(row):
                row[columns[place] - start] = np.inf
        if 0 <= own[query] - start < len(row):
            row[own[query] - start] = np.inf
        exact = np.empty(STRETCH)
        for left in range(0, len(row), STRETCH):
            values = row[left : left + STRETCH]
            exact[:] = np.nan
            for place in range(last - 1, first - 1, -1):
                distance = found[place]
                low = np.float32(distance - slack[query])
                high = np.float32(distance + slack[query])
                less, upto = _count(values, low, high)
                if upto == 0:
                    break
                nearer[place] += less
                not_farther[place] += less
                if upto == less:
                    continue
                for column in range(len(values)):
                    if low <= values[column] <= high:
                        if np.isnan(exact[column]):
                            there = left + column
                            product = _product(queries[query], references[there])
                            exact[column] = shift[there] - scale[there] * product
                        nearer[place] += exact[column] < distance
                        not_farther[place] += exact[column] <= distance
