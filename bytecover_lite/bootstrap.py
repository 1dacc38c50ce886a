"""How sure a score is: bootstrap intervals over works (chapter: scoring a ranking).

Versions of one work rise and fall together, so works are drawn, with all their queries, not
queries. The references stay as they are: an interval answers "what if the works had been others
of the same kind", not "what if the collection had been larger".
"""

import dataclasses

import numpy as np

from .ranking import RankingError

# Measure of an Evaluation -> column of its per-query table, of which it is the mean.
MEASURES = {
    "map": "average_precision",
    "mr1": "first_rank",
    "p_at_k": "precision_at_k",
    "mrr": "reciprocal_rank",
    "top1": "top1",
    "top5": "top5",
    "top10": "top10",
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Difference of two systems on the same queries.

    Attributes
    ----------
    measure : str
    first, second : float
        What each system scores.
    difference, low, high : float
        ``first - second`` and its 95 % interval; if 0 is outside, a difference as large would
        rarely come from the choice of works alone.
    n_queries, n_works : int
    """

    measure: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    n_queries: int
    n_works: int


def intervals(table, *, resamples=1000, seed=0):
    """Return the 95 % percentile interval of every measure.

    Parameters
    ----------
    table : pandas.DataFrame
        Per-query table of an evaluation.
    resamples : int
    seed : int

    Returns
    -------
    dict of str to (float, float)
        Zero width when there is one work only: it says nothing then.
    """
    values = table[list(MEASURES.values())].to_numpy(dtype=float)
    draws = _resampled_means(values, table["clique"], resamples, seed)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0).tolist()
    return dict(zip(MEASURES, zip(low, high, strict=True), strict=True))


def compare(first, second, *, measure="map", resamples=10_000, seed=0):
    """Compare two systems query by query.

    Parameters
    ----------
    first, second : Evaluation
        Of the same queries, in any order.
    measure : str
        Any of :data:`MEASURES`.
    resamples : int
    seed : int

    Returns
    -------
    Comparison

    Raises
    ------
    RankingError
        If the measure is unknown or the two did not answer the same queries.
    """
    if measure not in MEASURES:
        raise RankingError(f"measure={measure!r}: choose one of {', '.join(MEASURES)}")
    left, right = (one.per_query.set_index("query") for one in (first, second))
    other = left.index.symmetric_difference(right.index)
    if len(other):
        raise RankingError(f"query {other[0]!r} was answered by one of the two systems only")
    column = MEASURES[measure]
    differences = left[column] - right[column].reindex(left.index)
    draws = _resampled_means(differences.to_numpy()[:, None], left["clique"], resamples, seed)
    low, high = np.quantile(draws[:, 0], [0.025, 0.975]).tolist()
    return Comparison(
        measure=measure,
        first=float(left[column].mean()),
        second=float(right[column].mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        n_queries=len(left),
        n_works=left["clique"].nunique(),
    )


def _resampled_means(values, cliques, resamples, seed, at_once=100):
    # A resample draws works; its mean is taken over all queries of the drawn works.
    _, work = np.unique(np.asarray(cliques), return_inverse=True)
    queries = np.bincount(work)
    totals = np.stack([np.bincount(work, column) for column in values.T], axis=1)  # (W, measures)
    generator = np.random.default_rng(seed)
    chances = np.full(len(queries), 1 / len(queries))
    means = []
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        times = generator.multinomial(len(queries), chances, size=size).astype(float)
        means.append(times @ totals / (times @ queries)[:, None])
    return np.concatenate(means)
