"""The systems that can be scored on a corpus: baselines and the network (chapter: Da-TACOS)."""

import dataclasses
from itertools import product

import numpy as np

from .expansion import expand
from .hubs import scale_locally
from .ranking import rank_matches, relevance
from .ranking_embeddings import rank_embeddings

SYSTEMS = ("random", "chroma", "2dftm", "qmax", "model", "tempi")
CLASSICAL = ("chroma", "2dftm", "qmax")
SCALED, EXPANDED = "+csls", "+qe"
TEMPI = (0.71, 1.0, 1.41)  # half an octave of speed down and up; chosen on validation works
TEMPERATURE = 0.1  # that of the contrastive term


@dataclasses.dataclass(frozen=True, eq=False)
class Similarity:
    """What a system says about a collection: embeddings, or the distances of all pairs.

    Attributes
    ----------
    distances : np.ndarray [shape=(N, N)], optional
    vectors : np.ndarray [shape=(N, D)], optional
        Compared by cosine. One of the two is given.
    plain : np.ndarray [shape=(N, N)], optional
        What the distances were before they were scaled.
    """

    distances: np.ndarray | None = None
    vectors: np.ndarray | None = None
    plain: np.ndarray | None = None

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

    def scaled(self):
        """Return the same comparison with its distances scaled locally, against hubs."""
        plain = self._between()
        return Similarity(distances=scale_locally(plain), plain=plain)

    def expanded(self):
        """Return the same comparison in which nearest neighbours speak for each other."""
        return Similarity(distances=expand(self._between(), self.plain))

    def _between(self):
        from .passages import unit

        if self.distances is not None:
            return self.distances
        directions = unit(self.vectors)
        return 1 - directions @ directions.T


def kind_of(system):
    """Return the system that is meant, without what is done with its distances.

    >>> kind_of("tempi+csls+qe")
    'tempi'
    """
    return system.removesuffix(EXPANDED).removesuffix(SCALED)


def refined(found, system):
    """Do with a comparison what the end of the system's name asks for.

    Parameters
    ----------
    found : Similarity
    system : str
        Ending in ``+csls`` (scaled locally), ``+qe`` (expanded), ``+csls+qe`` (in this order) or
        none of them.

    Returns
    -------
    Similarity
    """
    if system.removesuffix(EXPANDED).endswith(SCALED):
        found = found.scaled()
    return found.expanded() if system.endswith(EXPANDED) else found


def from_model(store, versions, *, model="lite", device="auto"):
    """Let a network compare versions.

    Parameters
    ----------
    store : FeatureStore
    versions : sequence of str
    model : str
        Checkpoint file or shipped name.
    device : str

    Returns
    -------
    Similarity
    """
    from .embed import embed_versions
    from .pipeline import open_model

    found = embed_versions(open_model(model), store, versions, device=device, progress=True)
    return Similarity(vectors=found.vectors)


def from_tempi(store, versions, *, model="lite", tempi=TEMPI, device="auto"):
    """Let a network compare versions as if each were played at several tempi.

    Test-time augmentation, which the paper does not have (chapter "Ablation: instance, batch, or
    both"): two versions are as similar as the soft maximum of their cosines over all pairs of
    tempi, at the temperature 0.1.

    Parameters
    ----------
    store : FeatureStore
    versions : sequence of str
    model : str
        Checkpoint file or shipped name.
    tempi : sequence of float
        Relative to a version's own.
    device : str

    Returns
    -------
    Similarity
        By distances: it takes the memory of a few (N, N) matrices.

    Raises
    ------
    EmbeddingsError
        If there is no tempo, or one is not a positive number.
    """
    from .embed import EmbeddingsError, embed_versions
    from .passages import unit
    from .pipeline import open_model

    if not tempi:
        raise EmbeddingsError("tempi is empty: give at least one tempo, such as 1.0")
    network, asked = open_model(model), {"device": device, "progress": True}
    heard = [
        unit(embed_versions(network, store, versions, tempo=tempo, **asked).vectors)
        for tempo in tempi
    ]
    total = np.zeros((len(versions), len(versions)), dtype=np.float32)
    for one, other in product(heard, heard):
        total += np.exp(one @ other.T / TEMPERATURE)
    return Similarity(distances=1 - TEMPERATURE * np.log(total / len(heard) ** 2))


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
    from .baselines import chroma_distances, random_distances, two_dftm_distances, whole_octaves
    from .qmax import qmax_distances

    if system == "random":
        return Similarity(random_distances(len(versions), seed=0))
    bins = store.settings.bins_per_octave
    folded = [whole_octaves(store[v], bins) for v in versions]  # a seventh of the memory
    compare = {"chroma": chroma_distances, "2dftm": two_dftm_distances, "qmax": qmax_distances}
    return Similarity(compare[system](folded))
