"""Bringing an index up to date with its folder (chapter "Your own music").

Nothing is listened to twice: features and embeddings are kept by the content of the files. Each of
the three steps writes whole files or appends to the store's journal, so that a run killed at any
moment is continued by the next one, with the same bytes as a result.
"""

import numpy as np

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
from .passages import Passages
from .store import FeatureStore
from .versions import COLUMNS

CHUNK = 500  # passages embedded between two savings


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
        If the folder is gone, another run is at work, or the index cannot be written; what was
        done is kept.
    """
    paths, _, closed = list_recordings(folder)
    try:
        lock = Lock(path / "lock")
        try:
            hashes = hash_files(folder, paths, jobs=jobs, progress=progress)
            table, settings = _table(folder, paths, hashes), model.config.features
            where = path / "features"
            fates = extract_features(table, where, settings, jobs=jobs, progress=progress)
            _embed(path, model, progress)
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


def _embed(path, model, progress):
    """Embed every passage of the store that has no embedding yet."""
    store = FeatureStore.open(path / "features", settings=model.config.features)
    passages = Passages(store, store.settings)
    wanted = [name for version in store.versions for name in passages.names(version)]
    done = Embeddings((), np.zeros((0, model.embedding_size), np.float32))
    if (path / "embeddings.safetensors").exists():
        done = load_embeddings(path)
    known = set(done.versions)
    missing = [name for name in wanted if name not in known]
    for start in range(0, len(missing), CHUNK):
        more = passages.embed(model, missing[start : start + CHUNK], progress=progress)
        vectors = np.concatenate([done.vectors, more.vectors])
        done = Embeddings((*done.versions, *more.versions), vectors)
        done.save(path / "embeddings.safetensors")


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
