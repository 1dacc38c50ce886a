"""The systems that can be scored on a corpus: baselines and the network (chapter: Da-TACOS)."""

import dataclasses

import numpy as np

from .ranking import rank_matches, relevance
from .ranking_embeddings import rank_embeddings

SYSTEMS = ("random", "chroma", "2dftm", "qmax", "model", "tempi")
CLASSICAL = ("chroma", "2dftm", "qmax")
TEMPI = (0.75, 1.0, 1.33)  # chosen on validation works


@dataclasses.dataclass(frozen=True, eq=False)
class Similarity:
    """What a system says about a collection: embeddings, or the distances of all pairs.

    Attributes
    ----------
    distances : np.ndarray [shape=(N, N)], optional
    vectors : np.ndarray [shape=(N, D)], optional
        Compared by cosine. One of the two is given.
    """

    distances: np.ndarray | None = None
    vectors: np.ndarray | None = None

    def ranks(self, cliques, versions):
        """Rank the collection, all against all.

        Parameters
        ----------
        cliques, versions : sequence of str [shape=(N,)]

        Returns
        -------
        MatchRanks
        """
        labels = relevance(cliques, query_ids=versions)
        if self.vectors is not None:
            return rank_embeddings(self.vectors, self.vectors, labels)
        return rank_matches(self.distances, labels)

    def order(self, query):
        """Return the rows of all references of a query row, nearest first."""
        if self.vectors is not None:
            lengths = np.linalg.norm(self.vectors, axis=1)
            distances = -(self.vectors @ self.vectors[query]) / lengths
        else:
            distances = self.distances[query]
        rows = np.argsort(distances, kind="stable")
        return rows[rows != query]


def from_model(store, versions, *, model="lite", tempi=(1.0,), device="auto"):
    """Let a network compare versions.

    Parameters
    ----------
    store : FeatureStore
    versions : sequence of str
    model : str
        Checkpoint file or shipped name.
    tempi : sequence of float
        At which it hears each version, see :func:`bytecover_lite.embed.embed_versions`.
    device : str

    Returns
    -------
    Similarity
    """
    from .embed import embed_versions
    from .pipeline import open_model

    network = open_model(model)
    found = embed_versions(network, store, versions, tempi=tempi, device=device, progress=True)
    return Similarity(vectors=found.vectors)


def from_embeddings(path, versions):
    """Read how a network compares versions from an embeddings file."""
    from .embed import Embeddings

    return Similarity(vectors=Embeddings.load(path).select(versions).vectors)


def from_baseline(system, store, versions):
    """Let a baseline compare versions.

    Parameters
    ----------
    system : {"random", "chroma", "2dftm", "qmax"}
    store : FeatureStore
        Not read by ``random``.
    versions : sequence of str

    Returns
    -------
    Similarity
    """
    from .baselines import chroma, chroma_distances, random_distances, two_dftm_distances
    from .qmax import qmax_distances

    if system == "random":
        return Similarity(random_distances(len(versions), seed=0))
    folded = [chroma(store[version]) for version in versions]  # a seventh of the memory
    compare = {"chroma": chroma_distances, "2dftm": two_dftm_distances, "qmax": qmax_distances}
    return Similarity(compare[system](folded))
