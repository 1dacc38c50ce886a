"""Query expansion: what a recording's nearest neighbours say counts as well (chapter: Da-TACOS).

If two versions of a work are near each other, what is near to one of them is more likely to be a
version of the other. A ranking by distances alone does not use that.
"""

import numpy as np

from .errors import BytecoverError

NEIGHBOURS = 2  # chosen on validation works, in collections of 4 and of 13 versions a work


class ExpansionError(BytecoverError):
    """Distances or a number of neighbours with which nothing can be expanded."""


def expand(distances, neighbours=NEIGHBOURS):
    """Replace every recording by itself and its nearest neighbours, half and half.

    Average query expansion (Chum et al., Total Recall, 2007), here of both ends of a distance, with
    half of the weight on the recording itself. No label is used. That a collection knows more about
    its works than a query alone: Serrà et al., Characterization and exploitation of community
    structure in cover song networks, 2012.

    Parameters
    ----------
    distances : np.ndarray [shape=(N, N), dtype=float]
        Of a collection to itself; smaller is more similar, negative ones are allowed. The diagonal
        is not read: a recording counts as near to itself as its nearest neighbour is.
    neighbours : int
        How many of the nearest others speak for a recording; all if there are fewer. Few, for a
        recording without a match has only wrong ones.

    Returns
    -------
    np.ndarray [shape=(N, N)]
        ``A d A'``, where a row of A holds 1/2 for the recording and 1/2 divided by ``neighbours``
        for each of its nearest, ties broken by the order of the columns. Takes the memory of three
        such matrices.

    Raises
    ------
    ExpansionError
        If the distances are not square, or fewer than one neighbour is asked for.
    """
    if distances.ndim != 2 or len(distances) != distances.shape[1]:
        raise ExpansionError(
            f"distances have shape {distances.shape}: give (N, N), a collection's own"
        )
    if neighbours < 1:
        raise ExpansionError(f"neighbours is {neighbours}: at least 1 is needed")
    count = min(neighbours, len(distances) - 1)
    if count < 1:
        return distances.copy()
    own = distances.copy()
    np.fill_diagonal(own, np.inf)
    np.fill_diagonal(own, own.min(axis=1))
    nearest = _nearest(own, count)
    return _mean(_mean(own, nearest).T, nearest).T


def _nearest(distances, count, rows=512):
    found = []
    for start in range(0, len(distances), rows):
        block = distances[start : start + rows].copy()
        block[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf
        found.append(np.argsort(block, axis=1, kind="stable")[:, :count])
    return np.concatenate(found)


def _mean(matrix, nearest):
    """Return each row's mean with those of its neighbours: half its own, half theirs."""
    theirs = matrix[nearest[:, 0]]
    for column in nearest.T[1:]:
        theirs += matrix[column]
    theirs /= nearest.shape[1]
    theirs += matrix
    theirs /= 2
    return theirs
