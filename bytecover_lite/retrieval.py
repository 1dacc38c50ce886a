"""Score a ranking: MAP, MR1, P@10 and their kin (chapter: scoring a ranking).

Task
----
Every query is compared with every reference; a good system puts the query's matches first.

Canonical rules
---------------
1. Every version with at least one match among the references is a query. A version without
   (a *lone* query) is left out of every mean and counted in the report.
2. The references are all versions of the reference set, noise included, but the query itself,
   which is removed **by id**.
3. Average precision is divided by the number of *all* matches, found early or late.
4. Ranks start at 1. MR1 is the mean rank of the first match.
5. P@k is matches among the first k, divided by k; its ceiling is reported beside it.
6. Ties are resolved against the system (``"pessimistic"``) unless asked otherwise.
7. Distances are ranked in float32 or better.
"""

import dataclasses

import numpy as np

from .ranking import RankingError, rank_matches, relevance

TIES = ("pessimistic", "optimistic", "expected")


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a ranking scored; see the module's rules.

    Attributes
    ----------
    map, mr1, p_at_k, mrr, top1, top5, top10 : float
        Means over the queries. ``mr1`` is at least 1, all others are in [0, 1].
    k : int
    ceiling : float
        The largest ``p_at_k`` that a perfect ranking of these labels reaches.
    n_queries, n_lone, n_references, n_works : int
        Scored queries, queries without a match (left out), references, works with a query.
    ties : str
    per_query : pandas.DataFrame
        One row a scored query: query, clique, matches, average_precision, first_rank,
        reciprocal_rank, precision_at_k, top1, top5, top10.
    """

    map: float
    mr1: float
    p_at_k: float
    mrr: float
    top1: float
    top5: float
    top10: float
    k: int
    ceiling: float
    n_queries: int
    n_lone: int
    n_references: int
    n_works: int
    ties: str
    per_query: object = dataclasses.field(repr=False)

    def summary(self):
        """Return every attribute but the per-query table as a dict that JSON can hold."""
        fields = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        del fields["per_query"]
        return fields


def evaluate(
    distances,
    query_cliques,
    reference_cliques=None,
    *,
    query_ids=None,
    reference_ids=None,
    k=10,
    ties="pessimistic",
):
    """Score a matrix of distances by the canonical rules.

    Parameters
    ----------
    distances : np.ndarray [shape=(Q, R), float32 or float64]
        Smaller is more similar. A query's distance to itself is never read.
    query_cliques : sequence [shape=(Q,)]
        Work of every query.
    reference_cliques : sequence [shape=(R,)], optional
        Work of every reference; left out, the queries are the references.
    query_ids, reference_ids : sequence, optional
        Version ids, needed when ``reference_cliques`` is given.
    k : int > 0
    ties : {"pessimistic", "optimistic", "expected"}
        Equally distant matches stand after, before, or in random order among non-matches.

    Returns
    -------
    Evaluation

    Raises
    ------
    RankingError
        If the input cannot be scored; the message names the row.
    """
    found = relevance(
        query_cliques,
        reference_cliques,
        query_ids=query_ids,
        reference_ids=reference_ids,
    )
    return score(rank_matches(distances, found), k=k, ties=ties)


def evaluate_embeddings(embeddings, cliques, *, ids=None, k=10, ties="pessimistic"):
    """Score embeddings, all against all, by cosine.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(N, D)]
    cliques : sequence [shape=(N,)]
    ids : sequence [shape=(N,)], optional
    k, ties
        See :func:`evaluate`.

    Returns
    -------
    Evaluation
    """
    vectors = np.asarray(embeddings, dtype=np.float32)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return evaluate(1 - vectors @ vectors.T, cliques, query_ids=ids, k=k, ties=ties)


def score(ranks, *, k=10, ties="pessimistic"):
    """Turn the ranks of matches into metrics; see :func:`evaluate`."""
    import pandas as pd

    if ties not in TIES:
        raise RankingError(f"ties={ties!r}: choose one of {', '.join(TIES)}")
    if k < 1:
        raise RankingError(f"k={k}: must be at least 1")
    found = ranks.relevance
    matches = found.n_matches
    scored = np.flatnonzero(matches)
    if not len(scored):
        raise RankingError(
            "no query has a match among the references: nothing to score"
        )
    place = np.arange(len(found.columns)) - np.repeat(found.offsets[:-1], matches) + 1
    front = ranks.nearer if ties == "optimistic" else ranks.not_farther
    rank = front + place
    starts = found.offsets[scored]
    first = rank[starts].astype(float)
    table = pd.DataFrame(
        {
            "query": found.query_ids[scored],
            "clique": found.query_cliques[scored],
            "matches": matches[scored],
            "average_precision": np.add.reduceat(place / rank, starts)
            / matches[scored],
            "first_rank": first,
            "reciprocal_rank": 1 / first,
            "precision_at_k": np.add.reduceat((rank <= k).astype(float), starts) / k,
            **{f"top{n}": (first <= n).astype(float) for n in (1, 5, 10)},
        }
    )
    return _summarise(table, ranks, k=k, ties=ties)


def _summarise(table, ranks, *, k, ties):
    return Evaluation(
        map=float(table.average_precision.mean()),
        mr1=float(table.first_rank.mean()),
        p_at_k=float(table.precision_at_k.mean()),
        mrr=float(table.reciprocal_rank.mean()),
        **{name: float(table[name].mean()) for name in ("top1", "top5", "top10")},
        k=k,
        ceiling=float((table.matches.clip(upper=k) / k).mean()),
        n_queries=len(table),
        n_lone=len(ranks.relevance.own) - len(table),
        n_references=ranks.relevance.n_references,
        n_works=int(table.clique.nunique()),
        ties=ties,
        per_query=table,
    )
