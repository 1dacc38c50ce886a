"""Feature store: the averaged CQTs of any number of versions in one directory (chapter "Training").

Its files are described in ``store_files.py``, how they come to be in ``store_writer.py``.
"""

import logging
from pathlib import Path

from .store_files import (
    StoreError,
    check_settings,
    hash_features,
    map_rows,
    read_index,
    read_settings,
)
from .store_writer import JOURNAL, StoreWriter

__all__ = ["FeatureStore", "StoreError", "StoreWriter"]

_log = logging.getLogger(__name__)


class FeatureStore:
    """Averaged CQTs by version id; opened with :meth:`open`, read-only and memory-mapped.

    Attributes
    ----------
    path : Path
        Directory of the store.
    settings : FeatureSettings
        What the features were made with.
    versions : list of str
        Version ids in the order in which they were added.
    offsets, frames : np.ndarray [shape=(N,), dtype=int64]
        First row and number of averaged frames of each version.
    sha256, source_sha256 : list of str
        Hash of each version's stored bytes, and of the file they came from ("" if none).
    rows : np.ndarray [shape=(total_frames, n_bins), dtype=float16]
        All features end to end.
    """

    def __init__(self, path, settings, index, rows):
        self.path, self.settings, self.rows = path, settings, rows
        self.versions, self.offsets, self.frames, self.sha256, self.source_sha256 = index
        self._row_of = {version: row for row, version in enumerate(self.versions)}

    @classmethod
    def open(cls, path, *, settings=None):
        """Open a finished store.

        Parameters
        ----------
        path : path-like
            Directory of the store.
        settings : FeatureSettings, optional
            Refuse a store that was made with others.

        Raises
        ------
        StoreError
            If there is no store, no writer has finished it, one of its files is damaged, or it was
            made with other settings.
        """
        path = Path(path)
        try:
            found = read_settings(path)
            check_settings(path, found, settings or found)
            index = read_index(path)
            rows = map_rows(path, found.n_bins)
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
        needed = int(index[1][-1] + index[2][-1]) if index[0] else 0
        if needed > len(rows):
            raise StoreError(
                f"{path / 'features.npy'} is truncated: {len(rows)} of {needed} frames are there; "
                "restore it from a copy, or delete the store and extract it again"
            )
        if (path / JOURNAL).exists():
            _log.warning("%s: a run that adds to this store has not finished", path)
        return cls(path, found, index, rows[:needed])

    def __len__(self):
        """Return the number of versions."""
        return len(self.versions)

    def __contains__(self, version):
        """Tell whether the features of ``version`` are there."""
        return version in self._row_of

    def __getitem__(self, version):
        """Return the features of ``version`` [shape=(n_bins, frames), dtype=float16], a view."""
        row = self.row(version)
        return self.rows[self.offsets[row] : self.offsets[row] + self.frames[row]].T

    def row(self, version):
        """Return the position of ``version`` in ``versions``, ``offsets`` and ``frames``.

        Raises
        ------
        StoreError
            If the store has no such version.
        """
        if version not in self._row_of:
            raise StoreError(
                f"{self.path}: version {version!r} is not in the feature store; "
                "extract its features first (`bytecover features`)"
            )
        return self._row_of[version]

    def __reduce__(self):
        """Let another process map the files itself instead of copying the features to it."""
        return FeatureStore.open, (self.path,)

    def verify(self):
        """Compare the bytes of every version with their hash.

        Raises
        ------
        StoreError
            If bytes have changed since they were written; the first such version is named.
        """
        damaged = [
            version
            for version, sha256 in zip(self.versions, self.sha256, strict=True)
            if hash_features(self[version].T) != sha256
        ]
        if damaged:
            raise StoreError(
                f"{self.path}: the features of {len(damaged)} versions are damaged, the first is "
                f"{damaged[0]!r}; restore the store from a copy or extract it again"
            )
