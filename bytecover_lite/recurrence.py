"""The compiled half of Qmax: recurrence plots and the traces in them.

Chapter: scoring a ranking. Imported by :mod:`bytecover_lite.qmax` when it is needed, because it
loads numba. All inner loops run along one row of a matrix, without a dependence between
neighbouring columns, so the compiler handles sixteen float32 at a time.
"""

import numba
import numpy as np
import torch

_THREADS = torch.get_num_threads()
numba.set_num_threads(min(_THREADS, numba.config.NUMBA_NUM_THREADS))
torch.set_num_threads(_THREADS)  # both share OpenMP, and numba has just told it its own number


@numba.njit(cache=True)
def recurrence(query, reference, stack, neighbours):
    """Mark where a state of the query and one of the reference are mutual near neighbours.

    Parameters
    ----------
    query : np.ndarray [shape=(T, 12), float32]
    reference : np.ndarray [shape=(12, U), float32, C-contiguous]
    stack : int
    neighbours : float

    Returns
    -------
    np.ndarray [shape=(T - stack + 1, U - stack + 1), bool]
    """
    squared = _state_distances(query, reference, stack)
    flipped = np.ascontiguousarray(squared.T)
    near_row = _thresholds(squared, neighbours)
    near_column = _thresholds(flipped, neighbours)
    plot = np.empty(squared.shape, dtype=np.bool_)
    for row in range(len(squared)):
        for column in range(len(near_column)):
            value = squared[row, column]
            plot[row, column] = (value <= near_row[row]) & (value <= near_column[column])
    return plot


@numba.njit(cache=True)
def longest_trace(plot, onset, extension):
    """Return Qmax, the score of the best trace: recurrences met minus what disruptions cost.

    A trace goes one step in both versions, or two steps in one of them, so it follows tempo
    ratios between 1/2 and 2. The first two rows and columns hold zeros, as in the paper.
    """
    rows, columns = plot.shape
    best = np.float32(0)
    score = np.zeros((3, columns), dtype=np.float32)  # of this row and the two before
    left = np.zeros((3, columns), dtype=np.float32)  # the same after paying for a disruption
    onset, extension = np.float32(onset), np.float32(extension)
    for row in range(2, rows):
        now, one, two = row % 3, (row - 1) % 3, (row - 2) % 3
        for column in range(columns):
            cost = onset if plot[row - 1, column] else extension
            left[one, column] = score[one, column] - cost
        for column in range(2, columns):
            met = max(score[one, column - 1], score[two, column - 1], score[one, column - 2])
            kept = max(left[one, column - 1], left[two, column - 1], left[one, column - 2])
            value = met + np.float32(1) if plot[row, column] else max(kept, np.float32(0))
            score[now, column] = value
            best = max(best, value)
    return best


@numba.njit(parallel=True, cache=True)
def traces_against(query, frames, flipped, ends, profiles, first, stack, neighbours, costs, out):
    """Fill ``out[j]`` with Qmax of version ``query`` and every version j from ``first`` on."""
    start = ends[query - 1] if query else 0
    sequence = frames[start : ends[query]]
    for other in numba.prange(first, len(ends)):
        begin = ends[other - 1]
        shift = _transposition(profiles[query], profiles[other])
        turned = np.empty((12, ends[other] - begin), dtype=np.float32)
        for pitch in range(12):
            turned[(pitch + shift) % 12] = flipped[pitch, begin : ends[other]]
        plot = recurrence(sequence, turned, stack, neighbours)
        out[other] = longest_trace(plot, costs[0], costs[1])


@numba.njit(cache=True)
def _transposition(query, reference):
    best, semitones = np.float32(-1), 0
    for shift in range(12):
        product = np.float32(0)
        for pitch in range(12):
            product += query[(pitch + shift) % 12] * reference[pitch]
        if product > best:
            best, semitones = product, shift
    return semitones


@numba.njit(cache=True)
def _state_distances(query, reference, stack):
    # Squared distances of stacked frames: sums along the diagonal of those of single frames.
    rows, columns = len(query) - stack + 1, reference.shape[1] - stack + 1
    single = np.zeros((len(query), reference.shape[1]), dtype=np.float32)
    for row in range(len(query)):
        for pitch in range(12):
            value = query[row, pitch]
            for column in range(single.shape[1]):
                difference = value - reference[pitch, column]
                single[row, column] += difference * difference
    squared = np.zeros((rows, columns), dtype=np.float32)
    for row in range(rows):
        for step in range(stack):
            for column in range(columns):
                squared[row, column] += single[row + step, column + step]
    return squared


@numba.njit(cache=True)
def _thresholds(squared, neighbours):
    # The value of the k-th nearest neighbour of every row. Non-negative float32 are ordered as
    # their bits are, so bisecting on the bits finds it exactly and without sorting.
    nearest = max(1, int(np.ceil(neighbours * squared.shape[1])))
    bits = squared.view(np.int32)
    found = np.empty(len(squared), dtype=np.int32)
    for row in range(len(squared)):
        low, high = np.int32(-1), np.int32(0x7F800000)
        while high - low > 1:
            middle = np.int32((np.int64(low) + np.int64(high)) // 2)
            count = np.int32(0)
            for column in range(bits.shape[1]):
                count = np.int32(count + np.int32(bits[row, column] <= middle))
            if count >= nearest:
                high = middle
            else:
                low = middle
        found[row] = high
    return found.view(np.float32)
