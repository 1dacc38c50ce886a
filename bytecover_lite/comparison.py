"""Two recordings: how near, in which key, how likely the same work (chapter "Your own music")."""

from dataclasses import dataclass

import numpy as np

from .baselines import chroma
from .features import extract_file
from .library_files import hash_file
from .passages import Collection, Passages


@dataclass(frozen=True, eq=False)
class Recording:
    """What the model made of one recording.

    Attributes
    ----------
    path : str
        Where it was read.
    sha256 : str
        Of its bytes; its id.
    passages : Passages
        Its features.
    collection : Collection
        Its embedded passages.
    """

    path: str
    sha256: str
    passages: Passages
    collection: Collection


@dataclass(frozen=True)
class Match:
    """How two recordings compare.

    Attributes
    ----------
    distance : float [range=[0, 2]]
        1 - cosine of their nearest passages.
    semitones : int [range=[-5, 6]]
        How far the second one's key lies above the first one's, an estimate (octaves are not
        told apart).
    start, other_start : float [s]
        Where the nearest passages begin; 0 if they are the whole recordings.
    probability : float or None
        That both are the same work; None if the checkpoint has no calibration.
    """

    distance: float
    semitones: int
    start: float
    other_start: float
    probability: float | None


def listen(path, model):
    """Read and embed a recording of any length.

    Parameters
    ----------
    path : path-like
    model : ByteCover

    Returns
    -------
    Recording

    Raises
    ------
    AudioError
        If the file cannot be used.
    """
    sha256, settings = hash_file(path), model.config.features
    features, _ = extract_file(path, settings)
    passages = Passages({sha256: features.astype(np.float16)}, settings)  # as a store holds them
    embeddings = passages.embed(model, passages.names(sha256))
    return Recording(str(path), sha256, passages, Collection.of(embeddings))


def compare(first, second, *, same_work=None, prior=0.5):
    """Compare two recordings.

    Parameters
    ----------
    first, second : Recording
    same_work : SameWork, optional
        Calibration of the model's distances.
    prior : float
        Probability that two such recordings are the same work, before they are heard.

    Returns
    -------
    Match
    """
    distance = second.collection.distances(first.collection.vectors)[0]
    own, other = second.collection.best_passages(0, first.collection)
    probability = None if same_work is None else same_work.probability(distance, prior=prior)
    return describe_match(first.passages, other, second.passages, own, distance, probability)


def describe_match(first, first_name, second, second_name, distance, probability):
    """Make the :class:`Match` of two passages, given by their sources and names."""
    return Match(
        distance=float(distance),
        semitones=key_difference(first[first_name], second[second_name]),
        start=first.start(first_name),
        other_start=second.start(second_name),
        probability=None if probability is None else float(probability),
    )


def key_difference(first, second):
    """Estimate the transposition between two recordings of a work.

    The mean chroma of the second one is rotated until it suits that of the first one best (optimal
    transposition index). How often this is right is measured by ``bytecover calibrate``.

    Parameters
    ----------
    first, second : np.ndarray [shape=(84, T)]
        Averaged constant-Q magnitudes.

    Returns
    -------
    int [range=[-5, 6]]
        Semitones from the key of the first one up to that of the second one.

    References
    ----------
    Serrà, Gómez and Herrera, Transposing Chroma Representations to a Common Key, 2008.
    """
    profiles = [chroma(features).mean(1) for features in (first, second)]
    fits = [float(np.roll(profiles[0], semitones) @ profiles[1]) for semitones in range(12)]
    return (int(np.argmax(fits)) + 5) % 12 - 5
