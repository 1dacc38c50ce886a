"""What other projects report for the same ranking (chapter: scoring a ranking).

Each function restates the rule of one project, for one query, in our own words. None of them
handles ties: equally distant references stay in the order in which they were given. Scores are
comparable only when they were made by the same rules.
"""

import numpy as np

from .ranking import RankingError, checked_matrix
from .retrieval import summarise

COVERHUNTER_DEPTH = 10_000  # what its evaluation script passes; its function's own default is 10


def score_by_rules(rules, distances, relevance, *, k=10):
    """Score a distance matrix as another project would.

    Parameters
    ----------
    rules : {"move", "cqtnet", "orfium", "coverhunter", "acoss"}
    distances : np.ndarray [shape=(Q, R)]
    relevance : Relevance
    k : int

    Returns
    -------
    Evaluation
        The per-query table holds every query, lone ones with what the rule gives them;
        ``intervals`` is empty; measures that the project does not report are None.

    Raises
    ------
    RankingError
        If the matrix cannot be scored, or not by this rule.
    """
    import pandas as pd

    distances = checked_matrix(distances, relevance)
    if k < 1:
        raise RankingError(f"k={k}: must be at least 1")
    if not relevance.n_matches.any():
        raise RankingError("no query has a match among the references: nothing to score")
    rule = {
        "move": move,
        "acoss": acoss,
        "cqtnet": cqtnet,
        "orfium": orfium,
        "coverhunter": coverhunter,
    }[rules]
    rows = [
        rule(row, relevance.reference_cliques, clique, own, k)
        for row, clique, own in zip(distances, relevance.query_cliques, relevance.own, strict=True)
    ]
    table = pd.DataFrame(
        {
            "query": relevance.query_ids,
            "clique": relevance.query_cliques,
            "matches": relevance.n_matches,
        }
        | {name: [row.get(name) for row in rows] for name in rows[0]}
    )
    return summarise(
        table, relevance, _means(rules, table), {}, k=k, ties="sorting order", rules=rules
    )


def move(row, cliques, clique, own, k):
    """Score a query as MOVE and Re-MOVE do: a lone query counts as found at rank 1.

    Its AP is left out of the mean, so MAP is canonical, but MR1 and MRR get better with every
    noise track. Misleads wherever lone versions abound: on Da-TACOS 2,000 of 15,000.
    """
    hits = _hits(row, cliques, clique, own)
    rank = _first(hits, missing=1)
    return {
        "average_precision": _precisions(hits) / hits.sum() if hits.any() else np.nan,
        "first_rank": rank,
        "reciprocal_rank": 1 / rank,
    }


def acoss(row, cliques, clique, own, k):
    """Score a query as acoss does: canonical, but the mean of 1 / rank is over all versions.

    A lone query adds nothing to the sum of reciprocal ranks and still divides it. Misleads about
    MRR only: no system can reach 1.
    """
    hits = _hits(row, cliques, clique, own)
    rank = _first(hits, missing=np.nan)
    return {
        "average_precision": _precisions(hits) / hits.sum() if hits.any() else np.nan,
        "first_rank": rank,
        "reciprocal_rank": 1 / rank if hits.any() else 0,
    }


def cqtnet(row, cliques, clique, own, k):
    """Score a query as CQTNet does: a lone query has AP 0, rank 0 and P@k 0.

    MAP and P@k get worse with every noise track, MR1 better. Misleads wherever lone versions
    abound; agrees with the canonical rules where there are none.
    """
    hits = _hits(row, cliques, clique, own)
    return {
        "average_precision": _precisions(hits) / max(hits.sum(), 1),
        "first_rank": _first(hits, missing=0),
        "precision_at_k": hits[:k].sum() / k,
    }


def orfium(row, cliques, clique, own, k):
    """Score a query as Orfium/bytecover does: the nearest reference is taken for the query.

    Ranks start at 0, a lone query has rank 0 and AP 0/0. Misleads always by one rank; one lone
    query turns MAP into NaN; a second copy of the query's recording can stand first, and then
    the query itself is a match, or the query takes the copy's work. (The project also measures
    Euclidean distance where the paper says cosine: that is the caller's matrix here.)
    """
    if own < 0:
        raise RankingError("the rules of orfium need every query among the references")
    row = row.copy()
    row[own] = 0
    order = np.argsort(row, kind="stable")
    hits = cliques[order[1:]] == cliques[order[0]]
    return {
        "average_precision": _precisions(hits) / hits.sum() if hits.any() else np.nan,
        "first_rank": _first(hits, missing=1) - 1,
    }


def coverhunter(row, cliques, clique, own, k):
    """Score a query as CoverHunter does: AP is divided by the matches *found* in the first 10,000.

    Distances below 0, which rounding gives to identical recordings, are dropped with the query
    itself; lone queries count with AP 0 and rank 0. Misleads on large sets (a match beyond the
    depth costs nothing) and by the depth: its default of 10 makes another measure of MAP.
    """
    row = row.copy()
    if own >= 0:
        row[own] = -1
    kept = row >= 0
    hits = cliques[kept][np.argsort(row[kept], kind="stable")] == clique
    found = hits[:COVERHUNTER_DEPTH]
    return {
        "average_precision": _precisions(found) / max(found.sum(), 1),
        "first_rank": _first(hits, missing=0),
        "precision_at_k": hits[:k].sum() / k,
        "top1": float(hits[:1].sum()),
    }


def _hits(row, cliques, clique, own):
    order = np.argsort(row, kind="stable")
    return cliques[order[order != own]] == clique


def _first(hits, missing):
    return hits.argmax() + 1 if hits.any() else missing


def _precisions(hits):
    ranks = np.flatnonzero(hits) + 1
    return (np.arange(1, len(ranks) + 1) / ranks).sum()


def _means(rules, table):
    names = {
        "average_precision": "map",
        "first_rank": "mr1",
        "reciprocal_rank": "mrr",
        "precision_at_k": "p_at_k",
        "top1": "top1",
    }
    # Only orfium lets a lone query's 0/0 reach the mean.
    leave_out = rules != "orfium"
    return {
        measure: float(table[column].mean(skipna=leave_out))
        for column, measure in names.items()
        if column in table
    }
