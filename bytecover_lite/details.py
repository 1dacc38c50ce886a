"""What a mean over queries hides: curves, distributions, extremes (chapter: Da-TACOS)."""

import numpy as np

from .bootstrap import compare
from .ranking import MatchRanks, Relevance
from .retrieval import score

LEVELS = 21  # of recall
FEWER = (2, 3, 5, 8, 13)  # versions of a work


def describe(similarity, ranks, evaluation, *, extremes=12):
    """Collect what a page shows beside the measures.

    Parameters
    ----------
    similarity : bytecover_lite.systems.Similarity
    ranks : MatchRanks
        Of the similarity.
    evaluation : Evaluation
        Of the ranks.
    extremes : int
        How many of the best and of the worst queries to list.

    Returns
    -------
    dict
        For JSON: ``precision_recall``, ``first_ranks``, ``by_size``, ``hardest``, ``easiest``.
    """
    levels, precision = precision_recall(ranks)
    edges, counts = first_ranks(evaluation)
    hardest, easiest = (
        [_answer(similarity, ranks, row) for row in _extremes(evaluation, extremes, hardest=one)]
        for one in (True, False)
    )
    return {
        "precision_recall": {"recall": levels.tolist(), "precision": precision.tolist()},
        "first_ranks": {"from": edges.tolist(), "queries": counts.tolist()},
        "by_size": by_size(ranks),
        "hardest": hardest,
        "easiest": easiest,
    }


def gains(evaluation, others):
    """Compare a system's MAP with that of others on the same queries, in pairs.

    Parameters
    ----------
    evaluation : Evaluation
    others : dict of str to Evaluation

    Returns
    -------
    dict of str to dict
        For every other system, ``difference`` and the ends ``low``, ``high`` of its 95 % interval.
    """
    found = {}
    for name, other in others.items():
        one = compare(evaluation, other)
        found[name] = {"difference": one.difference, "low": one.low, "high": one.high}
    return found


def precision_recall(ranks, levels=LEVELS):
    """Average the precision at every level of recall over the queries.

    Precision at a level is the largest that the query has at this recall or any higher one (the
    interpolation of the TREC evaluations), so the curve falls.

    Parameters
    ----------
    ranks : MatchRanks
    levels : int

    Returns
    -------
    recall : np.ndarray [shape=(levels,), range [0, 1]]
    precision : np.ndarray [shape=(levels,)]
        Ties count against the system.
    """
    recall = np.linspace(0, 1, levels)
    sizes, total = ranks.relevance.n_matches, np.zeros(levels)
    for size in np.unique(sizes[sizes > 0]):
        starts = ranks.relevance.offsets[:-1][sizes == size]
        place = np.arange(size)
        precision = (place + 1) / (ranks.not_farther[starts[:, None] + place] + place + 1)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1].sum(0)  # (size,)
        total += best[np.maximum(np.ceil(recall * size - 1e-9).astype(int) - 1, 0)]
    return recall, total / (sizes > 0).sum()


def first_ranks(evaluation):
    """Count the queries by the rank of their first match, in bins from 1, 2, 5, 10, 20, 50, ...

    Returns
    -------
    edges : np.ndarray [shape=(n,), int]
        First rank of every bin; the last bin has no end.
    counts : np.ndarray [shape=(n,), int]
    """
    decades = 10 ** np.arange(np.ceil(np.log10(evaluation.n_references)).astype(int) + 1)
    edges = np.outer(decades, [1, 2, 5]).ravel()
    edges = edges[edges <= evaluation.n_references]
    counts, _ = np.histogram(evaluation.per_query["first_rank"], [*edges, np.inf])
    return edges, counts


def by_size(ranks, sizes=FEWER, *, seed=0):
    """Score the same ranking as if every work had fewer versions.

    Matches that a query has too many are struck from its list, drawn at random; nothing else
    moves. So the effect of the size of a work is seen alone, in a collection of equal size.

    Parameters
    ----------
    ranks : MatchRanks
    sizes : sequence of int
        Versions of a work; sizes that no work has are left out.
    seed : int

    Returns
    -------
    list of dict
        versions, map, map_low, map_high, mr1.
    """
    largest = ranks.relevance.n_matches.max() + 1
    found = []
    for size in [size for size in sizes if size <= largest]:
        scores = score(at_most(ranks, size - 1, seed=seed))
        low, high = scores.intervals["map"]
        found.append({"versions": size, "map": scores.map, "map_low": low, "map_high": high})
        found[-1]["mr1"] = scores.mr1
    return found


def at_most(ranks, matches, *, seed=0):
    """Strike matches from every query's list until it has at most so many.

    Parameters
    ----------
    ranks : MatchRanks
    matches : int
    seed : int

    Returns
    -------
    MatchRanks
    """
    labels = ranks.relevance
    query = np.repeat(np.arange(len(labels.own)), labels.n_matches)
    order = np.lexsort([np.random.default_rng(seed).random(len(query)), query])
    kept = np.sort(order[np.arange(len(query)) - labels.offsets[query] < matches])
    lengths = np.minimum(labels.n_matches, matches)
    fewer = Relevance(
        labels.query_ids,
        labels.query_cliques,
        labels.reference_cliques,
        labels.own,
        np.concatenate([[0], np.cumsum(lengths)]),
        labels.columns[kept],
    )
    parts = (ranks.distances, ranks.nearer, ranks.not_farther)
    return MatchRanks(fewer, *(part[kept] for part in parts))


def _extremes(evaluation, count, *, hardest):
    # One query a work, so that a single work does not fill the list.
    table = evaluation.per_query.sort_values(
        ["average_precision", "first_rank"], ascending=[hardest, not hardest], kind="stable"
    )
    return table.drop_duplicates("clique").head(count).to_dict("records")


def _answer(similarity, ranks, row, listed=5):
    # What the system put first for this query, and the match that it found soonest.
    labels = ranks.relevance
    order = similarity.order(np.flatnonzero(labels.query_ids == row["query"])[0])
    hits = labels.reference_cliques[order] == row["clique"]
    return {
        "query": str(row["query"]),
        "clique": str(row["clique"]),
        "average_precision": row["average_precision"],
        "first_rank": int(row["first_rank"]),
        "nearest": [str(name) for name in labels.query_ids[order[:listed]]],
        "nearest_match": str(labels.query_ids[order[hits.argmax()]]),
    }
