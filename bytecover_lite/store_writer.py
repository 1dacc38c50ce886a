"""Writing a feature store: nothing is lost, nothing half-made is seen (chapter "Training").

A writer appends features to ``features.npy``, and a line to ``index.partial.jsonl`` (the journal)
for each version. Finishing writes the array's header, puts ``index.csv`` in place in one step and
removes the journal. Killed at any moment, the next writer keeps the versions of the journal whose
bytes agree with their hash, cuts off the rest and goes on. Readers see the last finished state.
"""

import json
import os
from pathlib import Path

import numpy as np

from .files import replace_file
from .lock import Lock, LockError
from .store_files import (
    HEADER_BYTES,
    StoreError,
    check_header,
    check_settings,
    hash_features,
    make_header,
    read_index,
    read_settings,
    write_index,
    write_settings,
)

JOURNAL = "index.partial.jsonl"


class StoreWriter:
    """Add versions to a feature store; a context manager made by :meth:`create_or_resume`.

    Leaving the context normally finishes the store. Leaving it by an exception, or being killed,
    keeps what was added for the next writer.
    """

    def __init__(self, path, settings):
        self.path, self.settings = Path(path), settings
        self._row_bytes = 2 * settings.n_bins
        self._entries, self._known, self._total = [], set(), 0
        self._lock = self._features = self._journal = None

    @classmethod
    def create_or_resume(cls, path, settings):
        """Prepare to write: a new store, a half-written one or a finished one that is added to.

        Parameters
        ----------
        path : path-like
            Directory of the store, made on entering the context if it does not exist.
        settings : FeatureSettings
            What the features are made with; those of the store if there is one.

        Raises
        ------
        StoreError
            On entering the context: another writer is at work, the store has other settings or is
            damaged, or the directory cannot be written.
        """
        return cls(path, settings)

    def __enter__(self):
        """Lock the store and take up what a former writer left."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self.path / "lock")
            for left in self.path.glob("*.partial"):  # of a writer killed while putting a file
                left.unlink()
            self._open_files()
            self._take_finished()
            self._take_journal()
        except (OSError, LockError) as error:
            self._release()
            raise StoreError(f"cannot write {self.path}: {_reason(error)}") from error
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, kind, error, traceback):
        """Finish the store, or keep it for the next writer if an exception passes."""
        try:
            if kind is None:
                self._finish()
        except OSError as problem:
            raise self._stopped(problem) from problem
        finally:
            self._release()

    def __contains__(self, version):
        """Tell whether ``version`` has been added, by this writer or a former one."""
        return version in self._known

    def __len__(self):
        """Return the number of versions added so far."""
        return len(self._entries)

    def add(self, version, features, *, source_sha256=""):
        """Append one version.

        Parameters
        ----------
        version : str
            Its id, new to the store.
        features : array-like [shape=(n_bins, frames)]
            Finite and at least one frame long; stored as float16.
        source_sha256 : str
            Hash of the file that the features came from, if there is one.

        Raises
        ------
        StoreError
            If the id is taken or no text, the features cannot be stored, or the disk is full (what
            was added before is kept).
        """
        self._check_version(version)
        rows = self._to_rows(version, features)  # (frames, n_bins)
        entry = [version, self._total, len(rows), hash_features(rows), source_sha256]
        try:
            _append(self._features, rows, HEADER_BYTES + self._total * self._row_bytes)
            _append(self._journal, json.dumps(entry).encode() + b"\n", os.SEEK_END)
        except OSError as error:
            raise self._stopped(error) from error
        self._take(entry)

    def _check_version(self, version):
        if version in self._known:
            raise StoreError(f"{self.path}: version {version!r} is in the store already")
        try:
            usable = bool(version.encode("utf-8", "surrogateescape"))
        except (UnicodeEncodeError, AttributeError):
            usable = False
        if not usable:
            raise StoreError(f"{self.path}: {version!r} is no version id; give a non-empty text")

    def _to_rows(self, version, features):
        features = np.asarray(features)
        if features.ndim != 2 or features.shape[0] != self.settings.n_bins or not features.shape[1]:
            raise StoreError(
                f"{self.path}: the features of {version!r} have shape {features.shape}; "
                f"give ({self.settings.n_bins}, frames) with at least one frame"
            )
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(features.T, dtype="<f2")
        if not np.isfinite(rows).all():
            raise StoreError(
                f"{self.path}: the features of {version!r} hold NaN, infinity or values beyond "
                "float16 (65504); check the samples of the recording"
            )
        return rows

    def _open_files(self):
        if (self.path / "settings.json").exists():
            check_settings(self.path, read_settings(self.path), self.settings)
        else:
            write_settings(self.path, self.settings)
        file = self.path / "features.npy"
        if not file.exists() and not (self.path / "index.csv").exists():
            replace_file(file, make_header(0, self.settings.n_bins))
        self._features = file.open("r+b", buffering=0)
        check_header(file, self._features.read(HEADER_BYTES), self.settings.n_bins)
        self._journal = (self.path / JOURNAL).open("a+b", buffering=0)

    def _take_finished(self):
        if not (self.path / "index.csv").exists():
            return
        for version, offset, frames, *hashes in zip(*read_index(self.path), strict=True):
            self._take([version, int(offset), int(frames), *hashes])
        if self._features.seek(0, os.SEEK_END) < HEADER_BYTES + self._total * self._row_bytes:
            raise StoreError(
                f"{self.path / 'features.npy'} is truncated; "
                "restore it from a copy, or delete the store and extract it again"
            )

    def _take_journal(self):
        self._journal.seek(0)
        kept = 0
        for line in self._journal.read().splitlines(keepends=True):
            entry = _parse_line(line)
            if entry is None or not self._replay(entry):
                break
            kept += len(line)
        self._journal.truncate(kept)
        self._features.truncate(HEADER_BYTES + self._total * self._row_bytes)

    def _replay(self, entry):
        version, offset, frames, sha256, _ = entry
        if offset < self._total:
            return version in self._known  # finished, then killed before the journal was removed
        start, size = (
            HEADER_BYTES + self._total * self._row_bytes,
            frames * self._row_bytes,
        )
        if offset > self._total or version in self._known:
            return False
        if self._features.seek(0, os.SEEK_END) < start + size:
            return False
        self._features.seek(start)
        if hash_features(np.frombuffer(self._features.read(size), dtype="<f2")) != sha256:
            return False
        self._take(entry)
        return True

    def _take(self, entry):
        self._entries.append(entry)
        self._known.add(entry[0])
        self._total += entry[2]

    def _finish(self):
        self._features.truncate(HEADER_BYTES + self._total * self._row_bytes)
        self._features.seek(0)
        self._features.write(make_header(self._total, self.settings.n_bins))
        os.fsync(self._features.fileno())
        write_index(self.path, self._entries)
        self._journal.close()
        (self.path / JOURNAL).unlink()

    def _stopped(self, error):
        return StoreError(
            f"{self.path}: writing stopped after {len(self)} versions ({_reason(error)}); they are "
            "kept: remove the cause and run the command again, it goes on from there"
        )

    def _release(self):
        for file in (self._features, self._journal, self._lock):
            if file:
                file.close()


def _parse_line(line):
    """Return the journal's line, or None if it was cut off or is none."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    types = [type(value) for value in entry] if isinstance(entry, list) else []
    if types != [str, int, int, str, str] or not line.endswith(b"\n"):
        return None
    return entry if entry[2] > 0 else None


def _append(file, data, position):
    """Write ``data`` at ``position``, wholly or not at all."""
    data, written = memoryview(data).cast("B"), 0
    start = file.seek(0, os.SEEK_END) if position == os.SEEK_END else file.seek(position)
    try:
        while written < len(data):
            written += file.write(data[written:])
    except OSError:
        file.truncate(start)
        raise


def _reason(error):
    return getattr(error, "strerror", None) or str(error)
