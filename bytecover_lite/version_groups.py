"""Which recordings of a collection are versions of each other (chapter "Your own music")."""

import numpy as np


def group_versions(collection, chance, minimum):
    """Join recordings that are probably the same work, directly or through others.

    Parameters
    ----------
    collection : Collection
    chance : callable
        From distances to probabilities.
    minimum : float
        Probability from which two recordings are joined.

    Returns
    -------
    list of list of (str, float or None, float or None)
        Every recording once: its id, and distance and probability of the nearest other one of its
        group, nearest first; None if it is alone. The largest groups come first.
    """
    nearest = np.full(len(collection), np.inf)
    group_of = list(range(len(collection)))
    for number in range(len(collection)):
        rows = slice(*collection.first[number : number + 2])
        distances = collection.distances(collection.vectors[rows])
        likely = chance(distances) >= minimum
        likely[: number + 1] = False  # itself, and pairs that were looked at before
        for other in np.flatnonzero(likely):
            _join(group_of, number, other)
            for one in (number, other):
                nearest[one] = min(nearest[one], distances[other])
    groups = {}
    for number in sorted(range(len(collection)), key=lambda one: (nearest[one], one)):
        alone = not np.isfinite(nearest[number])
        found = (None, None) if alone else (nearest[number], float(chance(nearest[number])))
        member = (collection.recordings[number], *map(_plain, found))
        groups.setdefault(_root(group_of, number), []).append(member)
    return sorted(groups.values(), key=len, reverse=True)


def _plain(value):
    return None if value is None else float(value)


def _join(group_of, first, second):
    group_of[_root(group_of, first)] = _root(group_of, second)


def _root(group_of, number):
    while group_of[number] != number:
        group_of[number] = group_of[group_of[number]]  # halve the way for the next one
        number = group_of[number]
    return number
