"""Score the ranked lists of an existing search index (chapter: scoring a ranking).

An index returns the nearest references of a query, not its distance to all of them. Matches
that it did not return are ranked behind every non-match, so MAP is a lower bound and MR1 an
upper bound of what the full ranking scores; the gap closes as the lists get deeper. With lists as
long as the reference set the two are equal.
"""

import numpy as np

from .ranking import MatchRanks, RankingError, relevance
from .retrieval import score


def evaluate_index(
    index,
    embeddings,
    cliques,
    reference_cliques=None,
    *,
    query_ids=None,
    reference_ids=None,
    depth=1000,
    k=10,
):
    """Score an exact or approximate index by the canonical rules.

    Parameters
    ----------
    index : object
        Anything with ``search(queries, depth) -> (distances, rows)`` as in faiss, holding the
        reference embeddings in the order of their labels. For cosine, an inner-product index of
        vectors of unit length.
    embeddings : np.ndarray [shape=(Q, D)]
        Of the queries, as the index wants them.
    cliques, reference_cliques, query_ids, reference_ids, k
        See :func:`bytecover_lite.retrieval.evaluate`.
    depth : int
        References to ask the index for, the query itself not counted.

    Returns
    -------
    Evaluation
    """
    found = relevance(cliques, reference_cliques, query_ids=query_ids, reference_ids=reference_ids)
    if len(embeddings) != len(found.own):
        raise RankingError(f"{len(embeddings)} embeddings for {len(found.own)} labels")
    longest = min(depth + 1, found.n_references)
    ranks = _nothing_listed(found)
    for some in _batches(len(embeddings)):
        queries = np.ascontiguousarray(embeddings[some], dtype=np.float32)
        _fill_in(ranks, index.search(queries, longest)[1], some)
    return score(ranks, k=k)


def rank_lists(rows, relevance):
    """Turn ranked lists into ranks of matches.

    Parameters
    ----------
    rows : np.ndarray [shape=(Q, depth), int]
        Rows of the nearest references, nearest first; -1 where the index found no more.
    relevance : Relevance

    Returns
    -------
    MatchRanks
        ``distances`` are places in the list from 0, or infinite where a match was not listed.

    Raises
    ------
    RankingError
        For a wrong shape, a row that does not exist or one that is listed twice.
    """
    rows = np.asarray(rows)
    if rows.ndim != 2 or len(rows) != len(relevance.own) or rows.dtype.kind not in "iu":
        raise RankingError(
            f"lists have shape {rows.shape} and type {rows.dtype}: one row of integers a query "
            f"is needed, {len(relevance.own)} in all"
        )
    ranks = _nothing_listed(relevance)
    for some in _batches(len(rows)):
        _fill_in(ranks, rows[some], some)
    return ranks


def _batches(queries, size=2048):
    return [slice(start, min(start + size, queries)) for start in range(0, queries, size)]


def _nothing_listed(relevance):
    matches = relevance.n_matches
    non_matches = relevance.n_references - (relevance.own >= 0) - matches
    last = np.repeat(non_matches, matches)
    return MatchRanks(relevance, np.full(len(last), np.inf), last, last)


def _fill_in(ranks, rows, some):
    relevance = ranks.relevance
    _check(rows, relevance, some.start)
    others = (rows >= 0) & (rows != relevance.own[some, None])
    hits = others & (relevance.reference_cliques[rows] == relevance.query_cliques[some, None])
    in_front = np.cumsum(others & ~hits, axis=1)
    query, column = np.nonzero(hits)
    found = hits.sum(1)
    place = np.arange(len(query)) - np.repeat(np.cumsum(found) - found, found)
    there = relevance.offsets[some][query] + place
    ranks.nearer[there] = in_front[query, column]
    ranks.distances[there] = column


def _check(rows, relevance, start):
    wrong = np.argwhere((rows < -1) | (rows >= relevance.n_references))
    if len(wrong):
        query, place = wrong[0]
        raise RankingError(f"list of query row {start + query} names row {rows[query, place]}")
    ordered = np.sort(rows, axis=1)
    twice = np.argwhere((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0))
    if len(twice):
        query, place = twice[0]
        raise RankingError(
            f"list of query row {start + query} names row {ordered[query, place]} twice"
        )
