"""The compiled pass that ranks without sorting (chapter: scoring a ranking).

Imported by :mod:`bytecover_lite.ranking` when it is needed, because it loads numba.
"""

import numba
import numpy as np


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
        for place in range(last - first):
            distance = matches[place]
            below = 0
            upto = 0
            for column in range(len(row)):
                below += row[column] < distance
                upto += row[column] <= distance
            if own[query] >= 0:
                below -= row[own[query]] < distance
                upto -= row[own[query]] <= distance
            nearer[first + place] = below - np.searchsorted(
                matches, distance, side="left"
            )
            not_farther[first + place] = upto - np.searchsorted(
                matches, distance, side="right"
            )
