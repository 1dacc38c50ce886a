"""A user's own music: index a folder, find the versions of a recording (chapter "Your own music").

An index is a directory: a feature store and embeddings, both by the content of the files, and a
table of the files. What was computed for a content is kept, so that an update listens only to what
is new, and an interrupted run goes on where it stood. Readers see the last finished run.
"""

from functools import partial
from pathlib import Path

import numpy as np

from .comparison import describe_match, listen
from .indexing import load_collection, update_index
from .library_files import (
    LibraryError,
    hash_checkpoint,
    list_recordings,
    read_files,
    read_stamp,
    write_stamp,
)
from .passages import Collection, Passages
from .same_work import read_same_work
from .store import FeatureStore
from .version_groups import group_versions

__all__ = ["Library", "LibraryError"]


class Library:
    """An index of a folder of recordings; made by :meth:`create`, read by :meth:`open`.

    Attributes
    ----------
    path, folder : Path
        Of the index, and of the recordings.
    model_name : str
        The checkpoint it was made with.
    model : ByteCover
    same_work : SameWork or None
        Calibration of the checkpoint, if there is one.
    files : list of (str, str, str)
        Path below the folder, sha256 and, if it cannot be used, the reason.
    collection : Collection
        Embedded passages of the usable files, one recording a content.
    """

    def __init__(self, path, stamp, model):
        from .pipeline import open_model

        self.path, self.folder = Path(path), Path(stamp["folder"])
        self.model_name, self.same_work = model, read_same_work(stamp["checkpoint"])
        self.model = open_model(model)
        self._load()

    @classmethod
    def create(cls, path, folder, *, model="lite", jobs=2, progress=False):
        """Index a folder; an index that exists, or a run that was interrupted, is continued.

        Parameters
        ----------
        path : path-like
            Directory of the index.
        folder : path-like
            Where the recordings are, at any depth.
        model : str
            Checkpoint file or name of a shipped one.
        jobs : int
            Processes.
        progress : bool
            Whether to show progress bars.

        Returns
        -------
        Library
        report : pandas.DataFrame
            See :meth:`update`.

        Raises
        ------
        LibraryError
            If the index was made of another folder or with another checkpoint, or cannot be
            written.
        """
        path, folder = Path(path), Path(folder).resolve()
        model = str(Path(model).resolve()) if Path(model).is_file() else model
        stamp = {"folder": str(folder), "model": model, "checkpoint": hash_checkpoint(model)}
        if not (path / "index.json").exists():
            list_recordings(folder)  # refuses what is no folder, before anything is written
            try:
                path.mkdir(parents=True, exist_ok=True)
                write_stamp(path, stamp)
            except OSError as error:
                raise LibraryError(f"{path}: cannot be written ({error.strerror})") from error
        found = read_stamp(path)
        if found["folder"] != stamp["folder"]:
            raise LibraryError(
                f"{path} is an index of {found['folder']}, not of {folder}; give another --out"
            )
        _check_checkpoint(path, found, stamp["checkpoint"], model)
        library = cls(path, stamp, model)
        return library, library.update(jobs=jobs, progress=progress)

    @classmethod
    def open(cls, path, *, model=None):
        """Open an index.

        Parameters
        ----------
        path : path-like
            Directory of the index.
        model : str, optional
            Where its checkpoint is now, if it is no longer where it was.

        Raises
        ------
        LibraryError
            If it is no index, no run has finished it, or the checkpoint is another one.
        """
        path = Path(path)
        stamp = read_stamp(path)
        model = stamp["model"] if model is None else str(model)
        _check_checkpoint(path, stamp, hash_checkpoint(model), model)
        if not (path / "files.csv").exists():
            raise LibraryError(
                f"{path} is half-made; run `bytecover index` again, it goes on where it stood"
            )
        return cls(path, stamp, model)

    def update(self, *, jobs=2, progress=False):
        """Take up what has changed in the folder; see :func:`bytecover_lite.indexing.update_index`.

        Parameters
        ----------
        jobs : int
            Processes.
        progress : bool
            Whether to show progress bars.

        Returns
        -------
        pandas.DataFrame
            One row a file: ``path``, ``status``, ``reason``, ``note``.
        """
        report = update_index(self.path, self.folder, self.model, jobs=jobs, progress=progress)
        self._load()
        return report

    def find(self, recording, *, k=10, exact=False):
        """Rank the library by nearness to a recording, which itself is left out by its content.

        A library of more than :data:`bytecover_lite.neighbours.EXACT` passages is searched where
        near ones are to be expected, if faiss is installed (extra ``index``).

        Parameters
        ----------
        recording : path-like
            Any audio file, in the library or not.
        k : int
            How many to return at most.
        exact : bool
            Compare with every passage, however many there are.

        Returns
        -------
        list of dict
            ``path`` (absolute), ``copies`` (further paths of the same content), and the fields of
            :class:`bytecover_lite.comparison.Match`, nearest first. The prior of the probability
            is one match in the library.

        Raises
        ------
        AudioError
            If the recording cannot be used.
        """
        query = listen(recording, self.model)
        vectors = query.collection.vectors
        numbers, distances = self.collection.nearest(vectors, k + 1, exact=exact)
        return [
            self._match(query, number, distance)
            for number, distance in zip(numbers, distances, strict=True)
            if self.collection.recordings[number] != query.sha256
        ][:k]

    def duplicates(self, *, minimum=0.5):
        """Group the versions of a work, and the copies of a recording.

        Parameters
        ----------
        minimum : float [range=(0, 1)]
            Two recordings belong together if they are the same work with at least this
            probability; the prior is that a recording has one match in the library.

        Returns
        -------
        list of list of dict
            Groups of at least two files, the largest first; each with ``path``, ``copies``, and
            ``distance`` and ``probability`` of the nearest other recording of the group (None in a
            group of copies).

        Raises
        ------
        LibraryError
            If the checkpoint has no calibration.
        """
        if self.same_work is None:
            raise LibraryError(
                f"{self.path}: checkpoint {self.model_name} has no calibration, so there is no "
                "probability to go by; measure it with `bytecover calibrate`"
            )
        chance = partial(self.same_work.probability, prior=self.prior)
        return [
            [self._member(sha256, *nearest) for sha256, *nearest in group]
            for group in group_versions(self.collection, chance, minimum)
            if len(group) > 1 or len(self.paths(group[0][0])) > 1
        ]

    @property
    def prior(self):
        """The probability that a recording and one of the library are the same work, unheard.

        One match in the library is assumed.
        """
        return 1 / (len(self.collection) + 1)

    def _match(self, query, number, distance):
        other, own = self.collection.best_passages(number, query.collection)
        chance = self.same_work and self.same_work.probability(distance, prior=self.prior)
        match = describe_match(query.passages, own, self._passages, other, distance, chance)
        path, *copies = self.paths(self.collection.recordings[number])
        return {"path": path, "copies": copies, **vars(match)}

    def _member(self, sha256, distance, probability):
        path, *copies = self.paths(sha256)
        return {"path": path, "copies": copies, "distance": distance, "probability": probability}

    def paths(self, sha256):
        """Return the absolute paths of the files with this content."""
        return self._paths_of[sha256]

    def _load(self):
        self.files = read_files(self.path)
        self._paths_of = {}
        for path, sha256, reason in self.files:
            if not reason:
                self._paths_of.setdefault(sha256, []).append(str(self.folder / path))
        if not self._paths_of:
            self.collection = Collection([], np.zeros(1, int), (), np.zeros((0, 0), np.float32))
            return
        store = FeatureStore.open(self.path / "features", settings=self.model.config.features)
        self._passages = Passages(store, store.settings)
        names = [name for sha256 in self._paths_of for name in self._passages.names(sha256)]
        self.collection = load_collection(self.path, names)


def _check_checkpoint(path, stamp, checkpoint, model):
    if stamp["checkpoint"] != checkpoint:
        raise LibraryError(
            f"{path} was made with checkpoint {stamp['checkpoint'][:12]} ({stamp['model']}), "
            f"{model} is {checkpoint[:12]}; index the folder again into another directory"
        )
