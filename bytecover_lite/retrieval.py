"""Score a ranking: MAP, MR1, P@10 and their kin (chapter: scoring a ranking).

Task
----
Every query is compared with every reference; a good system puts the query's matches first.

Canonical rules
---------------
1. Every version with at least one match among the references is a query. A version without
   (a *lone* query) is left out of every mean and counted in the report.
2. The references are all versions of the reference set, noise included, but the query itself,
   which is removed **by id**. Identical recordings under different ids all stay.
3. Average precision is divided by the number of *all* matches, found early or late.
4. Ranks start at 1. MR1 is the mean rank of the first match.
5. P@k is matches among the first k, divided by k; its ceiling is reported beside it.
6. Ties are resolved against the system (``"pessimistic"``) unless asked otherwise.
7. Distances are ranked in float32 or better; embeddings as if in float64.
8. Intervals are bootstrap percentiles over *works*: versions of one work are not independent.

:mod:`bytecover_lite.scoring_rules` reproduces what other projects do instead.

What an offer to mir_eval would lack: its modules take annotations of one track and average
nothing, this one needs a whole collection; it compiles nothing, so the passes of
:mod:`bytecover_lite.counting` would become a slower NumPy sort; its ``validate`` and ``evaluate``
return plain dictionaries, which ``relevance`` and ``Evaluation.summary`` nearly are; and its
regression files are JSON, which would have to be written from the hand-worked tests.
"""

import dataclasses

import numpy as np

from .bootstrap import MEASURES, intervals
from .ranking import MatchRanks, RankingError, rank_matches, relevance
from .ranking_embeddings import rank_embeddings
from .ties import TIES, expected_scores

RULES = ("canonical", "move", "cqtnet", "orfium", "coverhunter", "acoss")


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a ranking scored; see the module's rules.

    Attributes
    ----------
    map, mr1, p_at_k, mrr, top1, top5, top10 : float
        Means over the queries. ``mr1`` is at least 1, all others are in [0, 1]. ``topN`` is the
        share of queries with a match among the first N. Under another project's rules, measures
        that it does not report are None.
    k : int
    ceiling : float
        The largest ``p_at_k`` that a perfect ranking of these labels reaches.
    n_queries, n_lone, n_references, n_works : int
        Scored queries, queries without a match, references, works with a query.
    ties, rules : str
    intervals : dict of str to (float, float)
        95 % bootstrap interval of every measure, over works; empty under other rules.
    per_query : pandas.DataFrame
        One row a scored query: query, clique, matches, average_precision, first_rank,
        reciprocal_rank, precision_at_k, top1, top5, top10.
    """

    map: float
    mr1: float
    p_at_k: float | None
    mrr: float | None
    top1: float | None
    top5: float | None
    top10: float | None
    k: int
    ceiling: float
    n_queries: int
    n_lone: int
    n_references: int
    n_works: int
    ties: str
    rules: str
    intervals: dict = dataclasses.field(repr=False)
    per_query: object = dataclasses.field(repr=False)

    def summary(self):
        """Return all but the per-query table as a flat dict for JSON.

        The interval of ``map`` is under ``map_low`` and ``map_high``, and so on.
        """
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del fields["per_query"]
        fields["map"] = None if np.isnan(self.map) else self.map  # orfium's rules may give NaN
        for name, (low, high) in fields.pop("intervals").items():
            fields |= {f"{name}_low": low, f"{name}_high": high}
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
    rules="canonical",
):
    """Score a matrix of distances.

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
        Matches stand after or before the non-matches that are equally distant, or every order
        of them is averaged.
    rules : {"canonical", "move", "cqtnet", "orfium", "coverhunter", "acoss"}
        The canonical ones, or another project's (see :mod:`bytecover_lite.scoring_rules`).

    Returns
    -------
    Evaluation

    Raises
    ------
    RankingError
        If the input cannot be scored; the message names the row.

    Examples
    --------
    >>> scores = evaluate(np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0.0]]), ["a", "a", "b"])
    >>> scores.map, scores.n_queries, scores.n_lone
    (1.0, 2, 1)
    """
    found = relevance(
        query_cliques, reference_cliques, query_ids=query_ids, reference_ids=reference_ids
    )
    if rules == "canonical":
        return score(rank_matches(distances, found), k=k, ties=ties)
    if rules not in RULES:
        raise RankingError(f"rules={rules!r}: choose one of {', '.join(RULES)}")
    if ties != "pessimistic":
        raise RankingError(f"ties={ties!r}: the rules of {rules} leave ties to the sorting order")
    from .scoring_rules import score_by_rules

    return score_by_rules(rules, distances, found, k=k)


def evaluate_embeddings(
    embeddings,
    cliques,
    reference_embeddings=None,
    reference_cliques=None,
    *,
    query_ids=None,
    reference_ids=None,
    metric="cosine",
    k=10,
    ties="pessimistic",
):
    """Score embeddings without holding their distance matrix.

    Parameters
    ----------
    embeddings : np.ndarray or torch.Tensor [shape=(Q, D)]
        Of the queries. A CUDA tensor is scored on its device.
    cliques : sequence [shape=(Q,)]
    reference_embeddings, reference_cliques : optional [shape=(R, D) and (R,)]
        Left out, the queries are the references.
    query_ids, reference_ids : sequence, optional
        Version ids, needed when the references are another set.
    metric : {"cosine", "euclidean"}
        ByteCover compares the embedding (after BNNeck) by cosine.
    k, ties
        See :func:`evaluate`.

    Returns
    -------
    Evaluation

    Raises
    ------
    RankingError
        If the input cannot be scored; the message names the row.
    """
    found = relevance(cliques, reference_cliques, query_ids=query_ids, reference_ids=reference_ids)
    if (reference_embeddings is None) != (reference_cliques is None):
        raise RankingError("reference_embeddings and reference_cliques: give both or neither")
    if reference_embeddings is None:
        reference_embeddings = embeddings
    ranks = rank_embeddings(embeddings, reference_embeddings, found, metric=metric)
    return score(ranks, k=k, ties=ties)


def score(ranks, *, k=10, ties="pessimistic"):
    """Turn the ranks of matches into an :class:`Evaluation` by the canonical rules.

    Parameters
    ----------
    ranks : MatchRanks
    k, ties
        See :func:`evaluate`.
    """
    if ties not in TIES:
        raise RankingError(f"ties={ties!r}: choose one of {', '.join(TIES)}")
    if k < 1:
        raise RankingError(f"k={k}: must be at least 1")
    table = _per_query(ranks, k, ties)
    measures = {name: float(table[column].mean()) for name, column in MEASURES.items()}
    return summarise(table, ranks.relevance, measures, intervals(table), k=k, ties=ties)


def chance(relevance, *, k=10):
    """Score the mean of all orders of the references: what chance does with these labels.

    Parameters
    ----------
    relevance : Relevance
    k
        See :func:`evaluate`.

    Returns
    -------
    Evaluation
        Exact, not one draw: its intervals only tell how works differ in size.
    """
    others = relevance.n_references - (relevance.own >= 0) - relevance.n_matches
    tied = np.repeat(others, relevance.n_matches)
    ranks = MatchRanks(relevance, np.zeros(len(tied), np.float32), np.zeros_like(tied), tied)
    return score(ranks, k=k, ties="expected")


def summarise(table, relevance, measures, intervals, *, k, ties, rules="canonical"):
    """Put a per-query table and its measures into an :class:`Evaluation`."""
    matches = relevance.n_matches[relevance.n_matches > 0]
    return Evaluation(
        **dict.fromkeys(MEASURES) | measures,
        k=k,
        ceiling=float(np.minimum(matches, k).mean() / k),
        n_queries=len(matches),
        n_lone=len(relevance.own) - len(matches),
        n_references=relevance.n_references,
        n_works=len(np.unique(relevance.query_cliques[relevance.n_matches > 0])),
        ties=ties,
        rules=rules,
        intervals=intervals,
        per_query=table,
    )


def _per_query(ranks, k, ties):
    import pandas as pd

    found = ranks.relevance
    scored = np.flatnonzero(found.n_matches)
    if not len(scored):
        raise RankingError("no query has a match among the references: nothing to score")
    scores = _rank_scores(ranks, found.offsets[scored], k, ties)
    if ties == "expected":
        tied = np.flatnonzero(
            np.add.reduceat(ranks.not_farther - ranks.nearer, found.offsets[scored])
        )
        for row in tied:
            part = slice(*found.offsets[scored[row] : scored[row] + 2])
            averaged = expected_scores(ranks.nearer[part], ranks.not_farther[part], k)
            for name, value in averaged.items():
                scores[name][row] = value
    scores["average_precision"] /= found.n_matches[scored]
    return pd.DataFrame(
        {
            "query": found.query_ids[scored],
            "clique": found.query_cliques[scored],
            "matches": found.n_matches[scored],
            **scores,
        }
    )


def _rank_scores(ranks, starts, k, ties):
    found = ranks.relevance
    place = np.arange(len(found.columns)) - np.repeat(found.offsets[:-1], found.n_matches) + 1
    rank = place + (ranks.nearer if ties == "optimistic" else ranks.not_farther)
    first = rank[starts].astype(float)
    return {
        "average_precision": np.add.reduceat(place / rank, starts),
        "first_rank": first,
        "reciprocal_rank": 1 / first,
        "precision_at_k": np.add.reduceat((rank <= k).astype(float), starts) / k,
        **{f"top{n}": (first <= n).astype(float) for n in (1, 5, 10)},
    }
