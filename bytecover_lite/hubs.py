"""Hubs, the recordings that are near to everything, and what to do about them (chapter: Da-TACOS).

In spaces of many dimensions a few points are among the nearest of very many others, whatever these
are. A ranking puts them in front of matches.
"""

import numpy as np

from .errors import BytecoverError

NEIGHBOURS = 20  # chosen on validation works, in collections of 4 and of 13 versions a work
NEAREST = 10  # those that hubs are counted among


class HubsError(BytecoverError):
    """Distances or a number of neighbours of which no hubs can be counted."""


def reach(distances, neighbours=NEIGHBOURS, rows=512):
    """Return how far each recording's nearest neighbours are.

    Parameters
    ----------
    distances : np.ndarray [shape=(N, N)]
        Of a collection to itself; smaller is more similar. The diagonal is not read.
    neighbours : int
        How many of the nearest others count; all others if there are fewer.
    rows : int
        So many at a time, for the memory.

    Returns
    -------
    np.ndarray [shape=(N,)]
        Mean distance to them; 0 for the only recording of a collection.

    Raises
    ------
    HubsError
        If the distances are not square, or fewer than one neighbour is asked for.
    """
    size, count = len(distances), _count(distances, neighbours)
    means = np.zeros(size, dtype=distances.dtype)
    for start, block in _blocks(distances, rows) if count else ():
        means[start : start + rows] = np.partition(block, count - 1)[:, :count].mean(axis=1)
    return means


def scale_locally(distances, neighbours=NEIGHBOURS):
    """Measure every distance against how far the neighbours of its two ends are.

    A hub has near neighbours, so its distances grow; a recording far from everything gains. This is
    cross-domain similarity local scaling (CSLS; Conneau et al., Word translation without parallel
    data, 2018), one of the methods against hubs that music retrieval knows (Schnitzer et al., Local
    and global scaling reduce hubs in space, 2012).

    Parameters
    ----------
    distances : np.ndarray [shape=(N, N)]
        Of a collection to itself.
    neighbours : int
        See :func:`reach`; more than a work has versions, or its own versions count as a crowd.
        The source takes 10.

    Returns
    -------
    np.ndarray [shape=(N, N)]
        ``2 d(i, j) - r(i) - r(j)`` with the reaches r; may be negative.

    Raises
    ------
    HubsError
        As :func:`reach`.
    """
    means = reach(distances, neighbours)
    return 2 * distances - means[:, None] - means


def occurrences(distances, neighbours=NEAREST, rows=512):
    """Count among how many others' nearest neighbours each recording is.

    Parameters
    ----------
    distances : np.ndarray [shape=(N, N)]
        Of a collection to itself; ties are broken by the order of the columns.
    neighbours, rows : int
        See :func:`reach`.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=int64]
        Their mean is ``min(neighbours, N - 1)``; a long tail to the right means hubs.

    Raises
    ------
    HubsError
        As :func:`reach`.
    """
    return np.bincount(nearest(distances, neighbours, rows).ravel(), minlength=len(distances))


def nearest(distances, neighbours, rows=512):
    """Return each recording's nearest others.

    Parameters
    ----------
    distances : np.ndarray [shape=(N, N)]
        Ties are broken by the order of the columns.
    neighbours, rows : int
        See :func:`reach`.

    Returns
    -------
    np.ndarray [shape=(N, min(neighbours, N - 1)), dtype=int64]
        Columns, nearest first.

    Raises
    ------
    HubsError
        As :func:`reach`.
    """
    count = _count(distances, neighbours)
    found = np.zeros((len(distances), count), dtype=np.int64)
    for start, block in _blocks(distances, rows) if count else ():
        found[start : start + rows] = np.argsort(block, axis=1, kind="stable")[:, :count]
    return found


def _count(distances, neighbours):
    """Return how many of the others are neighbours, or raise what :func:`reach` describes."""
    if distances.ndim != 2 or len(distances) != distances.shape[1]:
        raise HubsError(f"distances have shape {distances.shape}: give (N, N), a collection's own")
    if neighbours < 1:
        raise HubsError(f"neighbours is {neighbours}: at least 1 is needed")
    return max(0, min(neighbours, len(distances) - 1))


def _blocks(distances, rows):
    """Yield copies of so many rows at a time in which nothing is near to itself."""
    for start in range(0, len(distances), rows):
        block = distances[start : start + rows].copy()
        block[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf
        yield start, block
