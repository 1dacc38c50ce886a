"""Bringing an index up to date with its folder (chapter "Your own music").

Nothing is listened to twice: features and embeddings are kept by the content of the files. Each of
the three steps writes whole files or appends to the store's journal, so that a run killed at any
moment is continued by the next one, with the same bytes as a result.
"""

import logging

import numpy as np

from . import neighbours
from .embed import Embeddings, EmbeddingsError
from .features import extract_features
from .library_files import (
    LibraryError,
    hash_files,
    list_recordings,
    read_files,
    write_files,
)
from .lock import Lock
from .neighbours import Cells, sort_into_cells
from .passages import Collection, Passages, unit
from .store import FeatureStore
from .versions import COLUMNS

CHUNK = 500  # passages at least that are embedded between two savings
CELLS = "cells.safetensors"

_log = logging.getLogger(__name__)


def update_index(path, folder, model, *, jobs, progress=False):
    """Take up what has changed in a folder.

    Parameters
    ----------
    path, folder : Path
        Of the index, which exists, and of the recordings.
    model : ByteCover
    jobs : int
        Processes.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    pandas.DataFrame
        See :func:`describe_update`.

    Raises
    ------
    LibraryError, LockError, StoreError
        If the folder is gone, ``jobs`` is below 1, another run is at work, or the index cannot be
        written; what was done is kept.
    """
    if jobs < 1:
        raise LibraryError(f"jobs={jobs}: give the number of processes, 1 or more")
    paths, _, closed = list_recordings(folder)
    try:
        lock = Lock(path / "lock")
        try:
            hashes = hash_files(folder, paths, jobs=jobs, progress=progress)
            table, settings = _table(folder, paths, hashes), model.config.features
            where = path / "features"
            fates = extract_features(table, where, settings, jobs=jobs, progress=progress)
            _sort(path, _embed(path, model, progress))
            reasons = {one.version: one.reason for one in fates.itertuples()} | _unstable(path)
            heard = dict(zip(table["version"], table["path"], strict=True))
            rows = [
                (name, sha256, reason or reasons[sha256].replace(heard[sha256], str(folder / name)))
                for name, (sha256, reason) in zip(paths, hashes, strict=True)
            ]
            rows = sorted([*rows, *((name, "", reason) for name, reason in closed.items())])
            former = read_files(path)
            write_files(path, rows)
        finally:
            lock.close()
    except OSError as error:
        raise LibraryError(f"{path}: cannot be written ({error.strerror})") from error
    return describe_update(former, rows, {one.version: one.note for one in fates.itertuples()})


def describe_update(former, rows, notes):
    """Say what became of every file between two states of the table of files.

    Parameters
    ----------
    former, rows : list of (str, str, str)
        Path, sha256 and reason before and after.
    notes : dict of str to str
        By sha256, what was done to new recordings.

    Returns
    -------
    pandas.DataFrame
        See :meth:`Library.update`.
    """
    import pandas as pd

    before = {path: sha256 for path, sha256, reason in former if not reason}
    now = {path for path, _, _ in rows}
    gone = {sha256: path for path, sha256 in before.items() if path not in now}
    report, moved = [], set()
    for path, sha256, reason in rows:
        status, note = "new", notes.get(sha256, "")
        if reason:
            status = "failed"
        elif path in before:
            status = "unchanged" if before[path] == sha256 else "changed"
        elif sha256 in gone:
            status, note = "moved", gone[sha256]
            moved.add(gone[sha256])
        report.append((path, status, reason, note))
    left = [path for path, _, _ in former if path not in now and path not in moved]
    report += [(path, "deleted", "", "") for path in left]
    return pd.DataFrame(report, columns=["path", "status", "reason", "note"])


def load_embeddings(path):
    """Read the embeddings of the index ``path``.

    Raises
    ------
    LibraryError
        If they are damaged.
    """
    try:
        return Embeddings.load(path / "embeddings.safetensors")
    except EmbeddingsError as error:
        raise LibraryError(f"{error}; here: remove it and run `bytecover index` again") from error


def load_collection(path, names):
    """Read the embeddings of some passages of the index ``path``, ready to be searched.

    Parameters
    ----------
    path : Path
    names : list of str
        Of passages.

    Returns
    -------
    Collection

    Raises
    ------
    LibraryError
        If the embeddings are damaged, or one of these passages has none.
    """
    embeddings = load_embeddings(path)
    try:
        chosen = embeddings.select(names)
    except EmbeddingsError as error:
        raise LibraryError(f"{path}: {error}; here: run `bytecover index` again") from error
    if len(names) <= neighbours.EXACT or not neighbours.has_faiss():
        return Collection.of(chosen)
    cells = Cells.load(path / CELLS, embeddings.vectors.shape[1])
    if cells is None or len(cells.cell_of) != len(embeddings.versions):
        return Collection.of(chosen)
    row_of = {name: row for row, name in enumerate(embeddings.versions)}
    rows = [row_of[name] for name in names]
    return Collection.of(chosen, Cells(cells.centres, cells.cell_of[rows]))


def _embed(path, model, progress):
    """Embed every passage of the store that has no embedding yet."""
    store = FeatureStore.open(path / "features", settings=model.config.features)
    passages = Passages(store, store.settings)
    wanted = [name for version in store.versions for name in passages.names(version)]
    done = Embeddings((), np.zeros((0, model.embedding_size), np.float32))
    if (path / "embeddings.safetensors").exists():
        done = load_embeddings(path)
    else:
        (path / CELLS).unlink(missing_ok=True)  # of embeddings that somebody removed
    known = set(done.versions)
    missing = [name for name in wanted if name not in known]
    while missing:
        size = max(CHUNK, len(done.versions) // 8)  # so that saving never takes most of the time
        more, missing = passages.embed(model, missing[:size], progress=progress), missing[size:]
        vectors = np.concatenate([done.vectors, more.vectors])
        done = Embeddings((*done.versions, *more.versions), vectors)
        done.save(path / "embeddings.safetensors")
    return done


def _sort(path, embeddings):
    """Keep the cells of a large index in step with its embeddings, which are only added to."""
    if len(embeddings.versions) <= neighbours.EXACT:
        return
    if not neighbours.has_faiss():
        _log.warning(
            "%s: every search compares all of its %d passages; with `pip install "
            "bytecover-lite[index]` it would be quicker",
            path,
            len(embeddings.versions),
        )
        return
    former = Cells.load(path / CELLS, embeddings.vectors.shape[1])
    if former is None or len(former.cell_of) != len(embeddings.versions):
        sort_into_cells(unit(embeddings.vectors), former).save(path / CELLS)


def _unstable(path):
    """Name the contents whose files changed between being hashed and being read."""
    store = FeatureStore.open(path / "features")
    pairs = zip(store.versions, store.source_sha256, strict=True)
    reason = "the file changed while it was read; index the folder again into another directory"
    return {version: reason for version, source in pairs if version != source}


def _table(folder, paths, hashes):
    """Return a versions table with one row a content."""
    import pandas as pd

    first = {}
    for path, (sha256, reason) in zip(paths, hashes, strict=True):
        if not reason:
            first.setdefault(sha256, str(folder / path))
    table = pd.DataFrame(dict.fromkeys(COLUMNS, ""), index=range(len(first)), dtype=object)
    return table.assign(version=list(first), clique=list(first), path=list(first.values()))
