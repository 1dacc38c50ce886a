"""Two recordings: how near, in which key, how likely one work (chapter "Your own music")."""

from dataclasses import dataclass

import numpy as np

from .alignment import relate
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
    tempo : float or None
        How many times as fast the second one is, an estimate; None if a passage is too short.
    start, other_start : float [s]
        Where the nearest passages begin; 0 if they are the whole recordings.
    probability : float or None
        That both are the same work; None if the checkpoint has no calibration.
    """

    distance: float
    semitones: int
    tempo: float | None
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
    relation = relate(
        first[first_name],
        second[second_name],
        seconds_per_frame=first.settings.seconds_per_frame,
        bins_per_octave=first.settings.bins_per_octave,
    )
    return Match(
        distance=float(distance),
        semitones=relation.semitones,
        tempo=relation.tempo,
        start=first.start(first_name),
        other_start=second.start(second_name),
        probability=None if probability is None else float(probability),
    )
