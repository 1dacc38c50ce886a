"""Who matches whom, and how far down the ranking each match stands (chapter: scoring a ranking).

The metrics of :mod:`bytecover_lite.retrieval` need no sorted lists. Average precision, the rank of
the first match and precision at k follow from two counts for every match: how many references of
*other* works are nearer to the query, and how many are nearer **or equally near**. Counting them
is one pass over a row of distances, several times faster than sorting it.
"""

import dataclasses

import numpy as np

from .errors import BytecoverError


class RankingError(BytecoverError):
    """Distances, labels or ids cannot be scored: the message names the row."""


@dataclasses.dataclass(frozen=True, eq=False)
class Relevance:
    """Which references are matches of which query: the matches of all queries, end to end.

    Attributes
    ----------
    query_ids, query_cliques : np.ndarray [shape=(Q,)]
    reference_cliques : np.ndarray [shape=(R,)]
    own : np.ndarray [shape=(Q,), int64]
        Row of the query itself among the references, -1 where it is not among them.
    offsets : np.ndarray [shape=(Q + 1,), int64]
        Query ``q`` owns ``columns[offsets[q]:offsets[q + 1]]``.
    columns : np.ndarray [shape=(M,), int64]
        References that share the query's clique and are not the query.
    """

    query_ids: np.ndarray
    query_cliques: np.ndarray
    reference_cliques: np.ndarray
    own: np.ndarray
    offsets: np.ndarray
    columns: np.ndarray

    @property
    def n_matches(self):
        """Number of matches of every query, shape (Q,)."""
        return np.diff(self.offsets)

    @property
    def n_references(self):
        """Number of references, the query among them where it is one."""
        return len(self.reference_cliques)


@dataclasses.dataclass(frozen=True, eq=False)
class MatchRanks:
    """The ranking of every query, reduced to what the metrics read.

    Attributes
    ----------
    relevance : Relevance
    distances : np.ndarray [shape=(M,)]
        Distances of the matches, ascending within each query.
    nearer : np.ndarray [shape=(M,), int64]
        Non-matches strictly nearer to the query than this match.
    not_farther : np.ndarray [shape=(M,), int64]
        Non-matches nearer or exactly as near; larger than ``nearer`` only where there is a tie.
    """

    relevance: Relevance
    distances: np.ndarray
    nearer: np.ndarray
    not_farther: np.ndarray


def relevance(query_cliques, reference_cliques=None, *, query_ids=None, reference_ids=None):
    """Find the matches of every query.

    Parameters
    ----------
    query_cliques : sequence [shape=(Q,)]
        Work of every query; integers or strings.
    reference_cliques : sequence [shape=(R,)], optional
        Work of every reference. Left out, the queries are also the references.
    query_ids, reference_ids : sequence, optional
        Version ids. A query is removed from its own references by id, never by position, so
        both are needed as soon as ``reference_cliques`` is given.

    Returns
    -------
    Relevance

    Raises
    ------
    RankingError
        For empty or misshapen input, an id that occurs twice within queries or within
        references, missing ids, or an id that carries two works.
    """
    query_cliques = _labels(query_cliques, "query_cliques")
    if reference_cliques is None:
        if reference_ids is not None:
            raise RankingError("reference_ids without reference_cliques: give both or neither")
        ids = np.arange(len(query_cliques)) if query_ids is None else query_ids
        query_ids = reference_ids = ids
        reference_cliques = query_cliques
    elif query_ids is None or reference_ids is None:
        raise RankingError(
            "reference_cliques needs query_ids and reference_ids: a query is removed from its own "
            "references by id"
        )
    reference_cliques = _labels(reference_cliques, "reference_cliques")
    query_ids = _ids(query_ids, len(query_cliques), "query_ids")
    reference_ids = _ids(reference_ids, len(reference_cliques), "reference_ids")
    own = _own_rows(query_ids, query_cliques, reference_ids, reference_cliques)
    offsets, columns = _matches(query_cliques, reference_cliques, own)
    return Relevance(query_ids, query_cliques, reference_cliques, own, offsets, columns)


def rank_matches(distances, relevance):
    """Count the non-matches in front of every match of a distance matrix.

    Parameters
    ----------
    distances : np.ndarray [shape=(Q, R), float32 or float64]
        Smaller is more similar. A query's distance to itself is never read.
    relevance : Relevance

    Returns
    -------
    MatchRanks

    Raises
    ------
    RankingError
        For a wrong shape, a type coarser than float32, or a value that is not finite.
    """
    from . import counting

    distances = checked_matrix(distances, relevance)
    found = np.empty(len(relevance.columns), dtype=distances.dtype)
    nearer = np.empty(len(relevance.columns), dtype=np.int64)
    not_farther = np.empty_like(nearer)
    counting.count_rows(
        distances,
        relevance.offsets,
        relevance.columns,
        relevance.own,
        found,
        nearer,
        not_farther,
    )
    return MatchRanks(relevance, found, nearer, not_farther)


def checked_matrix(distances, relevance, rows=1024):
    """Return the distances as an array, or raise the error that :func:`rank_matches` describes."""
    distances = np.ascontiguousarray(distances)
    expected = (len(relevance.own), relevance.n_references)
    if distances.shape != expected:
        raise RankingError(
            f"distances have shape {distances.shape}, the labels need (queries, references) = "
            f"{expected}"
        )
    if distances.dtype not in (np.float32, np.float64):
        raise RankingError(
            f"distances are {distances.dtype}: rank in float32 or float64, coarser types tie"
        )
    for start in range(0, len(distances), rows):
        bad = ~np.isfinite(distances[start : start + rows])
        own = relevance.own[start : start + rows]
        mine = np.flatnonzero(own >= 0)
        bad[mine, own[mine]] = False
        if bad.any():
            row, column = np.argwhere(bad)[0] + (start, 0)
            raise RankingError(
                f"distance in row {row} (query {relevance.query_ids[row].item()!r}), column "
                f"{column} is {distances[row, column]}: all must be finite"
            )
    return distances


def _labels(values, name):
    values = np.asarray(values)
    if values.ndim != 1 or not len(values):
        raise RankingError(f"{name} must be a non-empty list of labels, not shape {values.shape}")
    if values.dtype == object:
        values = _strings(values, name)
    missing = np.flatnonzero(values != values)
    if len(missing):
        raise RankingError(f"{name}: row {missing[0]} is nan: every version needs one")
    return values


def _strings(values, name):
    # Tables hand over strings as objects; anything else among them is a missing label.
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise RankingError(f"{name}: row {row} is {value!r}, not a string as others are")
    return values.astype(str)


def _ids(values, expected, name):
    values = _labels(values, name)
    if len(values) != expected:
        raise RankingError(f"{name} has {len(values)} entries for {expected} cliques")
    order = np.argsort(values, kind="stable")
    repeated = np.flatnonzero(values[order][1:] == values[order][:-1])
    if len(repeated):
        first, second = np.sort(order[repeated[0] : repeated[0] + 2])
        raise RankingError(f"{name}: {values[first].item()!r} stands in rows {first} and {second}")
    return values


def _own_rows(query_ids, query_cliques, reference_ids, reference_cliques):
    row_of = {identity: row for row, identity in enumerate(reference_ids.tolist())}
    own = np.array([row_of.get(identity, -1) for identity in query_ids.tolist()], dtype=np.int64)
    shared = np.flatnonzero(own >= 0)
    wrong = shared[query_cliques[shared] != reference_cliques[own[shared]]]
    if len(wrong):
        row = wrong[0]
        raise RankingError(
            f"{query_ids[row].item()!r} is of work {query_cliques[row].item()!r} as a query (row "
            f"{row}) and of {reference_cliques[own[row]].item()!r} as a reference (row {own[row]})"
        )
    return own


def _matches(query_cliques, reference_cliques, own):
    names, codes = np.unique(
        np.concatenate([query_cliques, reference_cliques]), return_inverse=True
    )
    query_codes, reference_codes = np.split(codes, [len(query_cliques)])
    order = np.argsort(reference_codes, kind="stable")
    starts = np.searchsorted(reference_codes[order], np.arange(len(names) + 1))
    lengths = starts[query_codes + 1] - starts[query_codes]
    ends = np.cumsum(lengths)
    within = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
    columns = order[np.repeat(starts[query_codes], lengths) + within]
    keep = columns != np.repeat(own, lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths - (own >= 0))])
    return offsets, columns[keep]
