"""How far a library's answers can be trusted, measured on unseen works (chapter "Your own music").

The calibration is fitted on works of the split ``validation`` and tested on works of ``test``. With
it come what a short query costs, how far down a medley's parts are found, and how often the
estimated differences of key and tempo are right.
"""

from dataclasses import asdict

import numpy as np

from .coarser import coarsened
from .errors import BytecoverError
from .library_files import hash_checkpoint
from .passages import Collection, Passages
from .pipeline import open_corpus, open_model
from .relation_scores import score_relations
from .retrieval import evaluate
from .same_work import fit_same_work, reliability

QUERY_SECONDS = (10, 20, 30, 60, 120)
MEDLEY = 3  # works in a medley


class CalibrationError(BytecoverError):
    """A corpus on which nothing can be calibrated."""


def calibrate(corpus, tests, *, model="lite"):
    """Fit the calibration of a checkpoint and measure how far a library can be trusted.

    Parameters
    ----------
    corpus : path-like
        Corpus directory whose split ``validation`` the calibration is fitted on.
    tests : sequence of path-like
        Corpora whose split ``test`` it is tested on. Short queries and medleys are made of the
        first one.
    model : str
        Checkpoint file or shipped name.

    Returns
    -------
    dict
        ``checkpoint`` (sha256), ``model``, ``same_work``, ``tests`` (a row a corpus, see
        :func:`check_calibration`), ``short_queries``, ``medleys``, and what
        :func:`bytecover_lite.relation_scores.score_relations` returns.

    Raises
    ------
    CalibrationError
        If a corpus has no such split, or its pairs are all of one kind.
    """
    network = open_model(model)
    same_work = fit_same_work(*_pairs(*_embed_split(corpus, "validation", network)))
    rows, first = [], None
    for test in tests:
        part = _embed_split(test, "test", network)
        first = first or (test, *part)
        rows.append({"corpus": str(test), **check_calibration(same_work, *part)})
    return {
        "checkpoint": hash_checkpoint(model),
        "model": str(model),
        "same_work": asdict(same_work),
        "tests": rows,
        "short_queries": score_short_queries(*first, network),
        "medleys": score_medleys(*first, network),
        **score_relations(network.config.features),
    }


def check_calibration(same_work, collection, cliques):
    """Hold the probabilities of all pairs, and of first results, against the truth.

    Parameters
    ----------
    same_work : SameWork
    collection : Collection
        Of whole recordings.
    cliques : np.ndarray of str
        Their works.

    Returns
    -------
    dict
        ``prior``, the share of pairs of one work, which is the prior here; ``pairs`` and
        ``first_results`` (of every recording as a query), each as
        :func:`bytecover_lite.same_work.reliability` returns it.
    """
    distances, same = _pairs(collection, cliques)
    prior = float(same.mean())
    square = 1 - collection.vectors @ collection.vectors.T
    np.fill_diagonal(square, np.inf)
    nearest = square.argmin(1)
    first = same_work.probability(square.min(1), prior=prior)
    return {
        "prior": prior,
        "pairs": reliability(same_work.probability(distances, prior=prior), same),
        "first_results": reliability(first, cliques[nearest] == cliques),
    }


def score_short_queries(corpus, collection, cliques, model):
    """Score excerpts of recordings as queries: MAP by their length.

    One version of every work is the query, cut from its middle; its other versions are among the
    references, whole.

    Returns
    -------
    list of dict
        ``seconds`` (None: the whole recording), ``map`` with its 95 % interval, ``n_queries``.
    """
    store = _seen_by(model, corpus)[1]
    _, queries = np.unique(cliques, return_index=True)
    names = [collection.recordings[row] for row in queries]
    rows = []
    for seconds in (*QUERY_SECONDS, None):
        vectors = collection.vectors[queries]
        if seconds is not None:
            cut = {name: _middle(store[name], seconds, store.settings) for name in names}
            vectors = Collection.of(Passages(cut, store.settings).embed(model, names)).vectors
        scores = evaluate(
            1 - vectors @ collection.vectors.T,
            cliques[queries],
            cliques,
            query_ids=names,
            reference_ids=collection.recordings,
        ).summary()
        kept = ("map", "map_low", "map_high", "n_queries")
        rows.append({"seconds": seconds, **{key: scores[key] for key in kept}})
    return rows


def score_medleys(corpus, collection, cliques, model):
    """Search medleys with single songs, with and without windows.

    A medley is one version of each of three works, end to end; another version of each is a query.
    Among the references are all medleys and, as competitors, all recordings of other works.

    Returns
    -------
    dict
        ``queries``, ``references`` (at most) and, for ``whole`` and ``windows``, the share of
        queries that find their medley ``first`` and among the first ``ten``, and its ``median``
        rank.

    Raises
    ------
    CalibrationError
        If there are not three works of two versions.
    """
    store = _seen_by(model, corpus)[1]
    works = [np.flatnonzero(cliques == clique) for clique in np.unique(cliques)]
    works = [rows for rows in works if len(rows) > 1]
    groups = [works[i : i + MEDLEY] for i in range(0, len(works) - MEDLEY + 1, MEDLEY)]
    if not groups:
        raise CalibrationError(
            f"{corpus}: medleys need {MEDLEY} works of two versions in the split 'test'; give "
            "another corpus, such as `bytecover songbook` makes"
        )
    made = {
        f"medley{number}": np.concatenate(
            [store[collection.recordings[rows[0]]] for rows in group], axis=1
        )
        for number, group in enumerate(groups)
    }
    passages = Passages(made, store.settings)
    names = [name for medley in made for name in passages.names(medley)]
    medleys = Collection.of(passages.embed(model, names))
    ranks, references = {"whole": [], "windows": []}, 0
    for number, group in enumerate(groups):
        for rows in group:
            query = collection.vectors[rows[1]]
            others = np.delete(collection.vectors, rows, axis=0)
            strangers = 1 - others @ query
            whole = 1 - medleys.vectors[medleys.first[:-1]] @ query
            for kind, distances in (("whole", whole), ("windows", medleys.distances(query[None]))):
                rivals = np.concatenate([strangers, distances])
                ranks[kind].append(1 + int(np.sum(rivals < distances[number])))
                references = max(references, len(rivals))
    summary = {
        kind: {
            "first": float(np.mean(np.array(found) == 1)),
            "ten": float(np.mean(np.array(found) <= 10)),
            "median": float(np.median(found)),
        }
        for kind, found in ranks.items()
    }
    return {"queries": len(ranks["whole"]), "references": references, **summary}


def _embed_split(corpus, split, model):
    """Return the embedded recordings of a split as a collection, and their works."""
    table, store = _seen_by(model, corpus)
    table = table[table["split"] == split]
    cliques = table["clique"].to_numpy(dtype=str)
    if len(np.unique(cliques)) in (0, 1, len(cliques)):
        raise CalibrationError(
            f"{corpus}: the split {split!r} needs several works, one with two versions at least; "
            "give another corpus, such as `bytecover songbook` makes"
        )
    names = list(table["version"])
    return Collection.of(
        Passages(store, store.settings).embed(model, names, progress=True)
    ), cliques


def _seen_by(model, corpus):
    table, store = open_corpus(corpus)
    return table, coarsened(store, model.config.features)


def _pairs(collection, cliques):
    """Return the distances of all pairs, and whether they are of one work."""
    above = np.triu_indices(len(collection), 1)
    distances = (1 - collection.vectors @ collection.vectors.T)[above]
    return distances, (cliques[:, None] == cliques)[above]


def _middle(features, seconds, settings):
    frames = max(1, round(seconds / settings.seconds_per_frame))
    start = max(0, (features.shape[1] - frames) // 2)
    return features[:, start : start + frames]
