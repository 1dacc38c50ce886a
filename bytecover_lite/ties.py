"""What equally distant references do to a score (chapter: scoring a ranking).

Pessimistic and optimistic ties need one number a match (``bytecover_lite.retrieval``). Here is the
third way: the mean of every measure over all orders of the tied references, in closed form
(McSherry and Najork, ECIR 2008).
"""

import numpy as np

TIES = ("pessimistic", "optimistic", "expected")


def expected_scores(nearer, not_farther, k):
    """Average one query's measures over all orders of its tied references.

    Parameters
    ----------
    nearer, not_farther : np.ndarray [shape=(m,)]
        Non-matches nearer than, and nearer than or as near as, each match; ascending.
    k : int

    Returns
    -------
    dict of str to float
        ``average_precision`` is the sum of precisions, still to be divided by the matches.
    """
    groups = _groups(nearer, not_farther)
    scores = {
        "average_precision": sum(_precisions(*group) for group in groups),
        "precision_at_k": sum(_among_first(k, *group) for group in groups) / k,
    }
    before, size, matches, _ = groups[0]
    chances = _first_match(size, matches)
    ranks = before + np.arange(1, len(chances) + 1)
    scores["first_rank"] = before + (size + 1) / (matches + 1)
    scores["reciprocal_rank"] = (chances / ranks).sum()
    return scores | {f"top{n}": chances[ranks <= n].sum() for n in (1, 5, 10)}


def _groups(nearer, not_farther):
    # Equally distant matches with their tied non-matches: (references in front, size of the
    # group, matches in it, matches in front).
    groups, front = [], 0
    keys, counts = np.unique(np.stack([nearer, not_farther]), axis=1, return_counts=True)
    for (low, high), matches in zip(keys.T, counts, strict=True):
        groups.append((low + front, high - low + matches, matches, front))
        front += matches
    return groups


def _precisions(before, size, matches, front):
    # Position i holds a match with chance matches/size; if it does, so do on average
    # (i - 1)(matches - 1)/(size - 1) of the tied positions in front of it.
    ahead = np.arange(size) * (matches - 1) / max(size - 1, 1)
    precision = (front + 1 + ahead) / (before + np.arange(1, size + 1))
    return precision.sum() * matches / size


def _among_first(k, before, size, matches, front):
    return matches * min(max(k - before, 0), size) / size


def _first_match(size, matches):
    # Chance that the group's first match stands at position 1, 2, ...
    position = np.arange(1, size - matches + 1)
    missed = (size - matches - position + 1) / (size - position + 1)
    return np.concatenate([[1], np.cumprod(missed)]) * matches / (size - np.append(0, position))
