"""Scorers with one wrong convention each, to be found out (assignment "Scoring a ranking").

Each is a complete scorer of a square matrix of distances; only one convention in it is wrong. They
are shown to students without their names, in an order of the student's own.
"""

import numpy as np

from .retrieval import evaluate

CONVENTIONS = {
    "lone-is-first": "a query without any match counts as found at rank 1",
    "lone-is-zero": "a query without any match counts as average precision 0",
    "rank-from-zero": "the first place of the list has rank 0",
    "first-column": "the nearest reference is taken for the query itself and removed",
    "mrr-over-all": "the sum of reciprocal ranks is divided by all versions, scored or not",
    "hits-in-top-k": "average precision is divided by the matches found in the first k places",
    "negative-dropped": "references at a distance below 0 are dropped",
    "cosine-positive": "a match whose similarity is not above 0 is not counted as found",
    "ties-optimistic": "of equally distant references, matches stand first",
}


def planted_scorers(seed):
    """Return the scorers under the letters A, B, C, ... in an order that depends on the seed.

    Parameters
    ----------
    seed : int

    Returns
    -------
    dict of str to callable
        ``scorer(distances, cliques) -> {"map": ..., "mr1": ..., "mrr": ...}``.
    """
    order = np.random.default_rng(seed).permutation(len(_SCORERS))
    return {"ABCDEFGHI"[place]: _SCORERS[name] for place, name in enumerate(order)}


def convention_of(scorer):
    """Return the name of the wrong convention of a scorer, one of `CONVENTIONS`."""
    return list(CONVENTIONS)[_SCORERS.index(scorer)]


def check_diagnosis(letter, scorer, name):
    """Raise an AssertionError, with advice, if a scorer has another wrong convention."""
    if convention_of(scorer) != name:
        raise AssertionError(
            f"{letter}: this scorer does something else. Build a small matrix on which the "
            "convention that you name must show, and look whether it does"
        )


def shows(name, distances, cliques):
    """Tell whether a scorer with the named convention differs from the canonical rules.

    Parameters
    ----------
    name : str
        One of `CONVENTIONS`.
    distances : np.ndarray [shape=(N, N)]
    cliques : np.ndarray [shape=(N,)]

    Returns
    -------
    bool
        Whether MAP, MR1 or MRR is another one.
    """
    scorer = _SCORERS[list(CONVENTIONS).index(name)]
    found, truth = scorer(distances, cliques), evaluate(distances, cliques)
    return any(not np.isclose(found[one], getattr(truth, one)) for one in found)


def _average(precisions, ranks, n):
    return {
        "map": float(np.mean(precisions)),
        "mr1": float(np.mean(ranks)),
        "mrr": float(np.sum(1 / np.asarray(ranks, dtype=float)) / n),
    }


def _sorted_hits(distances, cliques, query):
    others = np.flatnonzero(np.arange(len(cliques)) != query)  # all but the query itself
    is_match = cliques[others] == cliques[query]
    order = np.lexsort((is_match, distances[query, others]))  # ties: matches last
    return is_match[order]


def _scorer_1(distances, cliques):
    precisions, first = [], []
    for query in range(len(cliques)):
        hits = _sorted_hits(distances, cliques, query)
        ranks = np.flatnonzero(hits) + 1
        if len(ranks):
            precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
        first.append(hits.argmax() + 1)
    return _average(precisions, first, len(first))


def _scorer_2(distances, cliques):
    precisions, first = [], []
    for query in range(len(cliques)):
        ranks = np.flatnonzero(_sorted_hits(distances, cliques, query)) + 1
        precisions.append(np.sum(np.arange(1, len(ranks) + 1) / ranks) / max(len(ranks), 1))
        if len(ranks):
            first.append(ranks[0])
    return _average(precisions, first, len(first))


def _scorer_3(distances, cliques):
    precisions, first = [], []
    for query in range(len(cliques)):
        ranks = np.flatnonzero(_sorted_hits(distances, cliques, query))
        if len(ranks):
            precisions.append(np.mean(np.arange(1, len(ranks) + 1) / (ranks + 1)))
            first.append(ranks[0])
    with np.errstate(divide="ignore"):
        return _average(precisions, first, len(first))


def _scorer_4(distances, cliques):
    precisions, first = [], []
    for query in range(len(cliques)):
        is_match = cliques == cliques[query]
        order = np.lexsort((is_match, distances[query]))
        ranks = np.flatnonzero(is_match[order[1:]]) + 1
        if is_match.sum() > 1:
            precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
            first.append(ranks[0])
    return _average(precisions, first, len(first))


def _scorer_5(distances, cliques):
    precisions, first = [], []
    for query in range(len(cliques)):
        ranks = np.flatnonzero(_sorted_hits(distances, cliques, query)) + 1
        if len(ranks):
            precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
            first.append(ranks[0])
    return _average(precisions, first, len(cliques))


def _scorer_6(distances, cliques, k=3):
    precisions, first = [], []
    for query in range(len(cliques)):
        hits = _sorted_hits(distances, cliques, query)
        ranks, all_ranks = np.flatnonzero(hits[:k]) + 1, np.flatnonzero(hits) + 1
        if len(all_ranks):
            reached = np.arange(1, len(ranks) + 1) / ranks
            precisions.append(np.sum(reached) / max(len(ranks), 1))
            first.append(all_ranks[0])
    return _average(precisions, first, len(first))


def _scorer_7(distances, cliques):
    precisions, first = [], []
    for query in range(len(cliques)):
        kept = (distances[query] >= 0) | (np.arange(len(cliques)) == query)
        query_there = int(kept[:query].sum())
        hits = _sorted_hits(distances[:, kept][kept], cliques[kept], query_there)
        ranks = np.flatnonzero(hits) + 1
        if len(ranks):
            precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
            first.append(ranks[0])
    return _average(precisions, first, len(first))


def _scorer_8(distances, cliques):
    precisions, first = [], []
    for query in range(len(cliques)):
        hits = _sorted_hits(distances, cliques, query)
        similarity = np.sort(1 - np.delete(distances[query], query))[::-1]
        ranks, all_ranks = np.flatnonzero(hits & (similarity > 0)) + 1, np.flatnonzero(hits) + 1
        if len(all_ranks):
            reached = np.arange(1, len(ranks) + 1) / ranks
            precisions.append(np.sum(reached) / len(all_ranks))
            first.append(all_ranks[0])
    return _average(precisions, first, len(first))


def _scorer_9(distances, cliques):
    precisions, first = [], []
    for query in range(len(cliques)):
        others = np.flatnonzero(np.arange(len(cliques)) != query)
        is_match = cliques[others] == cliques[query]
        hits = is_match[np.lexsort((~is_match, distances[query, others]))]
        ranks = np.flatnonzero(hits) + 1
        if len(ranks):
            precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
            first.append(ranks[0])
    return _average(precisions, first, len(first))


_SCORERS = (
    *(_scorer_1, _scorer_2, _scorer_3, _scorer_4, _scorer_5),
    *(_scorer_6, _scorer_7, _scorer_8, _scorer_9),
)
