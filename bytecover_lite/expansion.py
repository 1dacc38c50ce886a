"""Query expansion: what a recording's nearest neighbours say counts as well (chapter: Da-TACOS).

If two versions of a work are near each other, what is near to one of them is more likely to be a
version of the other. A ranking by distances alone does not use that.
"""

import numpy as np

from .errors import BytecoverError

NEIGHBOURS = 2  # chosen on validation works, in collections of 2, 4 and 13 versions a work
POWER = 3  # the source's


class ExpansionError(BytecoverError):
    """Distances or a number of neighbours with which nothing can be expanded."""


def expand(distances, plain=None, neighbours=NEIGHBOURS, power=POWER):
    """Replace every recording by the mean of itself and its nearest neighbours.

    Query expansion (Chum et al., Total Recall, 2007) of both ends of a distance. A neighbour counts
    by a power of its similarity, so that one that is far away hardly counts (Radenović et al.,
    Fine-tuning CNN image retrieval with no human annotation, 2019). No label is used. That a
    collection knows more about its works than a query alone: Serrà et al., Characterization and
    exploitation of community structure in cover song networks, 2012.

    Parameters
    ----------
    distances : np.ndarray [shape=(N, N), dtype=float]
        Of a collection to itself; smaller is more similar, negative ones are allowed. The diagonal
        is not read: a recording counts as near to itself as its nearest neighbour is.
    plain : np.ndarray [shape=(N, N), not negative], optional
        Distances that give similarities: 1 for distance 0, 0 for the mean distance and beyond.
        Default: ``distances``; give those before scaling if they were scaled.
    neighbours : int
        How many of the nearest others speak for a recording; all if there are fewer. Few, for a
        recording without a match has only wrong ones.
    power : float [>= 0]
        Of the similarity; 0 lets all neighbours count as much as the recording itself.

    Returns
    -------
    np.ndarray [shape=(N, N)]
        ``A d A'``, where a row of A holds 1 for the recording and the weight of each of its
        nearest, divided by their sum; ties are broken by the order of the columns. Takes the memory
        of three such matrices.

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
    plain = distances if plain is None else plain
    own = distances.copy()
    np.fill_diagonal(own, np.inf)
    np.fill_diagonal(own, own.min(axis=1))
    nearest = _nearest(own, count)
    weights = _weights(plain, nearest, power).astype(distances.dtype)
    return _mean(_mean(own, nearest, weights).T, nearest, weights).T


def _nearest(distances, count, rows=512):
    found = []
    for start in range(0, len(distances), rows):
        block = distances[start : start + rows].copy()
        block[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf
        found.append(np.argsort(block, axis=1, kind="stable")[:, :count])
    return np.concatenate(found)


def _weights(plain, nearest, power):
    """Return the weight of each recording itself and of its neighbours, (N, 1 + neighbours)."""
    size = len(plain)
    usual = (plain.sum(dtype=np.float64) - np.trace(plain)) / (size * (size - 1))
    away = (
        np.take_along_axis(plain, nearest, axis=1) / usual if usual > 0 else np.ones(nearest.shape)
    )
    weights = np.hstack([np.ones((size, 1)), np.clip(1 - away, 0, 1) ** power])
    return weights / weights.sum(axis=1, keepdims=True)


def _mean(matrix, nearest, weights):
    """Return each row's weighted mean with the rows of its neighbours."""
    found = matrix * weights[:, :1]
    for column, weight in zip(nearest.T, weights.T[1:], strict=True):
        found += matrix[column] * weight[:, None]
    return found
