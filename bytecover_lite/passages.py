"""Whole recordings and parts of them, and the best match between two (chapter "Your own music").

A concert or a medley holds several works, and its one embedding resembles none of them. So what is
longer than a song is embedded a second time, window by window, and two recordings are as near as
their nearest passages.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .cqt import FeatureSettings
from .embed import embed_versions
from .neighbours import Neighbours

WINDOW = 180.0  # s, about a song
HOP = 90.0  # s from one window to the next, so that a song is never cut in half by all of them
LONG = 360.0  # s, beyond which a recording is cut into windows
WHOLE = 3600.0  # s, beyond which a recording is no whole any more, only windows


def recording_of(name):
    """Return the recording that a passage is of, and the frame where it begins (None: all of it).

    >>> recording_of("one@450"), recording_of("live@home")
    (('one', 450), ('live@home', None))
    """
    recording, _, start = name.rpartition("@")
    return (recording, int(start)) if re.fullmatch("[0-9]+", start) and recording else (name, None)


@dataclass(frozen=True)
class Passages:
    """Features by the name of a passage, in the shape that ``embed_versions`` reads.

    Attributes
    ----------
    source : FeatureStore or mapping of str to np.ndarray [shape=(n_bins, frames)]
        Features of whole recordings.
    settings : FeatureSettings
        What they were made with.
    """

    source: Mapping
    settings: FeatureSettings

    def __contains__(self, name):
        """Tell whether there is the recording of which ``name`` is a passage."""
        return recording_of(name)[0] in self.source

    def __getitem__(self, name):
        """Return the features of a passage: ``"id"`` is all of it, ``"id@frame"`` a window.

        All of a recording ends after an hour: a network that hears twelve at once takes gigabytes,
        to no purpose.
        """
        recording, start = recording_of(name)
        features = self.source[recording]
        if start is None:
            return features[:, : round(WHOLE / self.settings.seconds_per_frame)]
        return features[:, start : start + self.window]

    def start(self, name):
        """Return the second at which a passage begins."""
        return (recording_of(name)[1] or 0) * self.settings.seconds_per_frame

    @property
    def window(self):
        """Length of a window in averaged frames."""
        return max(1, round(WINDOW / self.settings.seconds_per_frame))

    def names(self, recording):
        """Name the passages of a recording: all of it, then its windows if it is long."""
        frames = self.source[recording].shape[1]
        if frames * self.settings.seconds_per_frame <= LONG:
            return [recording]
        hop = max(1, round(HOP / self.settings.seconds_per_frame))
        count = math.ceil((frames - self.window) / hop) + 1
        starts = [min(number * hop, frames - self.window) for number in range(count)]
        return [recording, *(f"{recording}@{start}" for start in starts)]

    def embed(self, model, names, *, progress=False):
        """Embed passages one by one, so that their company cannot change a bit of them.

        Returns
        -------
        Embeddings
        """
        return embed_versions(model, self, names, batch_frames=1, progress=progress)


@dataclass(frozen=True, eq=False)
class Collection:
    """Embedded passages of recordings, ready to be searched.

    Attributes
    ----------
    recordings : list of str
        Their ids.
    first : np.ndarray [shape=(N + 1,), dtype=int64]
        Row of the first passage of each recording, and the number of rows.
    passages : sequence of str
        Their names, see :meth:`Passages.names`.
    vectors : np.ndarray [shape=(M, D), dtype=float32]
        Of unit length.
    neighbours : Neighbours or None
        A quick way to the rows of near vectors, for a very large collection.
    """

    recordings: list
    first: np.ndarray
    passages: tuple
    vectors: np.ndarray
    neighbours: Neighbours | None = None

    @classmethod
    def of(cls, embeddings, cells=None):
        """Make a collection of embeddings whose recordings' passages stand together.

        Parameters
        ----------
        embeddings : Embeddings
        cells : Cells, optional
            Of these vectors; searches then look into some of them only.

        Returns
        -------
        Collection
        """
        passages = embeddings.versions
        first = [row for row, name in enumerate(passages) if recording_of(name)[1] is None]
        vectors = unit(embeddings.vectors)
        recordings = [passages[row] for row in first]
        neighbours = None if cells is None else Neighbours(vectors, cells)
        return cls(recordings, np.array([*first, len(passages)]), passages, vectors, neighbours)

    def __len__(self):
        """Return the number of recordings."""
        return len(self.recordings)

    def distances(self, query, numbers=None):
        """Return the distances of recordings from a query: those of their nearest passages.

        Parameters
        ----------
        query : np.ndarray [shape=(q, D)]
            Unit vectors of the query's passages.
        numbers : np.ndarray of int [shape=(n,)], optional
            Of which recordings; default: all.

        Returns
        -------
        np.ndarray [shape=(N,) or (n,), dtype=float32, range=[0, 2]]
            1 - cosine.
        """
        vectors, first = self.vectors, self.first
        if numbers is not None:
            lengths = first[numbers + 1] - first[numbers]
            ends = np.cumsum(lengths)
            rows = np.arange(lengths.sum()) + np.repeat(first[numbers] - ends + lengths, lengths)
            vectors, first = vectors[rows], np.array([0, *ends])
        if len(first) == 1:
            return np.zeros(0, dtype=np.float32)
        nearest = (vectors @ query.T).max(1)  # (M,)
        return 1 - np.maximum.reduceat(nearest, first[:-1])

    def nearest(self, query, count, *, exact=False):
        """Return the recordings that are nearest to a query.

        Parameters
        ----------
        query : np.ndarray [shape=(q, D)]
            Unit vectors of the query's passages.
        count : int
            How many at most.
        exact : bool
            Compare with every passage even if there is a quicker way.

        Returns
        -------
        numbers : np.ndarray [shape=(n,)]
            Of the recordings, nearest first.
        distances : np.ndarray [shape=(n,), dtype=float32]
        """
        numbers = None
        if self.neighbours is not None and not exact:
            # ten passages a recording are seldom exceeded; if they are, fewer recordings are found
            rows = self.neighbours.search(query, 10 * count)
            numbers = np.unique(np.searchsorted(self.first, rows, side="right") - 1)
        if numbers is None or len(numbers) < min(count, len(self)):
            numbers = np.arange(len(self))
        distances = self.distances(query, None if len(numbers) == len(self) else numbers)
        if count < len(numbers):  # a part of the order is enough, equal distances included
            some = distances <= np.partition(distances, count - 1)[count - 1]
            numbers, distances = numbers[some], distances[some]
        order = np.argsort(distances, kind="stable")[:count]
        return numbers[order], distances[order]

    def best_passages(self, recording, query):
        """Return which passage of a recording, and which of the query, are the nearest pair.

        Parameters
        ----------
        recording : int
            Its number.
        query : Collection
            Of one recording.

        Returns
        -------
        str, str
            Their names.
        """
        first, last = self.first[recording : recording + 2]
        products = self.vectors[first:last] @ query.vectors.T
        own, others = np.unravel_index(products.argmax(), products.shape)
        return self.passages[first + own], query.passages[others]


def unit(vectors):
    """Return vectors [shape=(M, D)] at unit length; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
