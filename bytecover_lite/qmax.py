"""Qmax: follow the trace of common music through a cross recurrence plot.

Chapter: scoring a ranking. Source: Serra, Serra and Andrzejak, "Cross recurrence quantification
for cover song identification", New Journal of Physics 11 (2009) 093017. The strongest method of
its time that needs no training, and the slowest: the cost of a pair grows with the product of the
two lengths.
"""

import numpy as np

from .errors import BytecoverError


class QmaxError(BytecoverError):
    """A version cannot be compared by Qmax."""


def recurrence_plot(query, reference, *, stack=9, neighbours=0.095):
    """Mark where two chroma sequences are in mutually similar states.

    Parameters
    ----------
    query, reference : np.ndarray [shape=(12, T) and (12, U), range [0, 1]]
        In the same key.
    stack, neighbours
        See :func:`qmax_distances`.

    Returns
    -------
    np.ndarray [shape=(T - stack + 1, U - stack + 1), bool]
    """
    from .recurrence import recurrence

    query = np.ascontiguousarray(query.T, dtype=np.float32)
    return recurrence(query, np.ascontiguousarray(reference, np.float32), stack, neighbours)


def qmax(plot, *, onset=0.5, extension=0.5):
    """Score the longest trace in a recurrence plot, curved and disrupted ones included.

    Parameters
    ----------
    plot : np.ndarray [shape=(rows, columns), bool]
    onset, extension
        See :func:`qmax_distances`.

    Returns
    -------
    float
        0 without a trace; at most the shorter side of the plot.
    """
    from .recurrence import longest_trace

    return float(longest_trace(np.ascontiguousarray(plot, dtype=bool), onset, extension))


def qmax_distances(features, *, stack=9, neighbours=0.095, onset=0.5, extension=0.5):
    """Compare every version with every other by Qmax.

    Wants frames of about 0.5 s (averaging 20 gives 0.46 s). The defaults are those that
    Essentia documents for ``ChromaCrossSimilarity`` and ``CoverSongSimilarity``.

    Parameters
    ----------
    features : list of np.ndarray [shape=(84, T)]
    stack : int
        Consecutive frames that make up one state.
    neighbours : float in (0, 1]
        Two states recur if each is among this share of states of the other version that are
        nearest to it.
    onset, extension : float >= 0
        What the first, and every further, step without recurrence costs a trace.

    Returns
    -------
    np.ndarray [shape=(N, N), float32, range (0, inf)]
        Rows are queries: square root of the reference's number of states / Qmax.

    Raises
    ------
    QmaxError
        If a version has fewer frames than ``stack``.
    """
    from .baselines import chroma
    from .recurrence import traces_against

    for place, one in enumerate(features):
        if one.shape[1] < stack:
            raise QmaxError(f"version {place} has {one.shape[1]} frames, Qmax needs {stack}")
    frames = np.concatenate([chroma(one).T for one in features])  # (all frames, 12)
    flipped = np.ascontiguousarray(frames.T)
    lengths = np.array([one.shape[1] for one in features])
    ends = np.cumsum(lengths)
    profiles = np.stack([part.mean(0) for part in np.split(frames, ends[:-1])])
    best = np.zeros((len(features), len(features)), dtype=np.float32)
    for query in range(len(features)):  # Qmax is symmetric: half of the pairs will do
        traces_against(
            query,
            frames,
            flipped,
            ends,
            profiles,
            query + 1,
            stack,
            neighbours,
            (onset, extension),
            best[query],
        )
    # A pair without any recurrence would divide by zero; the least trace scores 1.
    best = np.maximum(best + best.T, 0.5)
    distances = np.sqrt(lengths - stack + 1)[None, :] / best
    np.fill_diagonal(distances, 0)
    return distances.astype(np.float32)
