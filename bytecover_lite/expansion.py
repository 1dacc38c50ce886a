"""Query expansion: what a recording's nearest neighbours say counts as well (chapter: Da-TACOS).

If two versions of a work are near each other, what is near to one of them is more likely to be a
version of the other. A ranking by distances alone does not use that.
"""

import numpy as np

from .hubs import nearest

NEIGHBOURS = 2  # chosen on validation works, in collections of 2, 4 and 13 versions a work
POWER = 3  # the source's


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
    HubsError
        If the distances are not square, or fewer than one neighbour is asked for.
    """
    others = nearest(distances, neighbours)  # (N, neighbours)
    if not others.size:
        return distances.copy()
    own = distances.copy()
    np.fill_diagonal(own, distances[np.arange(len(own)), others[:, 0]])
    weights = _weights(distances if plain is None else plain, others, power).astype(own.dtype)
    return _mean(_mean(own, others, weights).T, others, weights).T


def _weights(plain, others, power):
    """Return the weight of each recording itself and of its neighbours, (N, 1 + neighbours)."""
    size = len(plain)
    usual = (plain.sum(dtype=np.float64) - np.trace(plain)) / (size * (size - 1))
    away = np.take_along_axis(plain, others, axis=1) / usual if usual > 0 else np.ones(others.shape)
    weights = np.hstack([np.ones((size, 1)), np.clip(1 - away, 0, 1) ** power])
    return weights / weights.sum(axis=1, keepdims=True)


def _mean(matrix, others, weights):
    """Return each row's weighted mean with the rows of its neighbours."""
    found = matrix * weights[:, :1]
    for column, weight in zip(others.T, weights.T[1:], strict=True):
        found += matrix[column] * weight[:, None]
    return found
