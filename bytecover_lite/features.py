"""Audio files to a feature store, on one core, many cores or many machines (chapter "Full scale").

Every file is worked on by itself and its fate is reported by name: a bad file never ends a run and
never vanishes from it. Features are written in the order of the table, so that an interrupted run,
taken up again, makes the same bytes as one that was left alone.
"""

import contextlib
import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from .audio import AudioTooShort, stream_audio
from .cqt import extract
from .data import check_versions
from .errors import BytecoverError
from .store import StoreWriter

CONNECT_SECONDS = 10.0


class FeaturesError(BytecoverError):
    """A run of feature extraction cannot start."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file: features, or the reason why there are none."""

    features: np.ndarray | None = None
    source_sha256: str = ""
    reason: str = ""
    note: str = ""


def extract_features(versions_table, out, settings, *, jobs, cluster=None, progress=True):
    """Extract the averaged CQTs of a versions table's audio files into a feature store.

    A run that was interrupted is continued: versions in the store are not computed again.

    Parameters
    ----------
    versions_table : pandas.DataFrame
        Its column ``path`` names the files.
    out : path-like
        Directory of the feature store.
    settings : FeatureSettings
        Of the constant-Q transform.
    jobs : int
        Processes on this machine, each with one thread.
    cluster : str, optional
        Address of a dask scheduler (``tcp://host:8786``) whose workers do the work instead. They
        need this package, and the files under the same paths.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    pandas.DataFrame
        One row a version in the order of the table: ``version``; ``status``, one of ``extracted``,
        ``present`` (from a former run) and ``failed``; ``reason`` of a failure, else empty;
        ``note``, what was done to the recording (resampled, mixed to mono).

    Raises
    ------
    StoreError
        If the store cannot be written; what was done is kept.
    FeaturesError
        If there is no such cluster, or ``jobs`` is below 1.
    """
    import pandas as pd
    from tqdm import tqdm

    check_versions(versions_table)
    rows = {version: ("present", "", "") for version in versions_table["version"]}
    with (
        _workers(jobs, cluster) as (deaths, workers),
        StoreWriter.create_or_resume(out, settings) as writer,
    ):
        pairs = zip(versions_table["version"], versions_table["path"], strict=True)
        todo = [(version, path) for version, path in pairs if version not in writer]
        done = len(rows) - len(todo)
        bar = tqdm(
            total=len(rows), initial=done, desc="features", unit="file", disable=not progress
        )
        with bar:
            for version, outcome in _outcomes(todo, settings, deaths, workers):
                if outcome.features is not None:
                    writer.add(version, outcome.features, source_sha256=outcome.source_sha256)
                status = "failed" if outcome.reason else "extracted"
                rows[version] = (status, outcome.reason, outcome.note)
                bar.update()
    table = [(version, *fate) for version, fate in rows.items()]
    return pd.DataFrame(table, columns=["version", "status", "reason", "note"])


def extract_file(path, settings):
    """Extract the averaged CQT of one audio file, in constant memory.

    A second thread decodes while the transform is at work.

    Parameters
    ----------
    path : path-like
        The file.
    settings : FeatureSettings
        Of the constant-Q transform; the file is resampled to its rate.

    Returns
    -------
    features : np.ndarray [shape=(n_bins, frames), dtype=float32]
        At least one averaged frame.
    notes : list of str
        What was done to the recording on the way.

    Raises
    ------
    AudioError
        If the file cannot be used; see :func:`bytecover_lite.audio.stream_audio`.
    """
    stream = stream_audio(
        path,
        sr=settings.sample_rate,
        highest=settings.highest,
        multiples=True,
        block_seconds=0,
        thread=True,
    )
    with contextlib.closing(iter(stream)) as blocks:
        features = extract(blocks, settings, multiple=stream.multiple)
    if not features.shape[1]:
        raise AudioTooShort(
            f"{path}: {stream.seconds:.2f} s are too short for one averaged frame of "
            f"{settings.seconds_per_frame:.2f} s; leave it out"
        )
    return features, stream.notes


@contextlib.contextmanager
def _workers(jobs, cluster):
    """Choose who works; yield the errors by which a dead worker shows, and how many work."""
    from concurrent.futures.process import BrokenProcessPool

    import joblib

    if jobs < 1:
        raise FeaturesError(f"jobs={jobs}: give the number of processes, 1 or more")
    if cluster is None:
        with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
            yield (BrokenProcessPool,), jobs
        return
    with _connect(cluster) as client:
        from distributed.scheduler import KilledWorker

        with joblib.parallel_config("dask", n_jobs=-1, client=client):
            yield (KilledWorker,), sum(client.ncores().values())


def _connect(cluster):
    try:
        from distributed import Client

        return Client(cluster, timeout=CONNECT_SECONDS)
    except ImportError as error:
        raise FeaturesError("a cluster needs `pip install bytecover-lite[cluster]`") from error
    except (OSError, ValueError) as error:
        raise FeaturesError(
            f"no dask scheduler answers at {cluster!r} ({error}); start one with `dask scheduler`"
        ) from error


def _outcomes(todo, settings, deaths, workers):
    """Yield (version, outcome) in order, outliving files that kill the process that reads them."""
    while todo:
        try:
            for outcome in _run(todo, settings):
                version, todo = todo[0][0], todo[1:]
                yield version, outcome
        except deaths:  # one of those at work did it: each of them alone
            suspects, todo = todo[: 3 * workers], todo[3 * workers :]
            for suspect in suspects:
                yield suspect[0], _run_alone(suspect, settings, deaths)


def _run(todo, settings):
    import joblib

    tasks = (joblib.delayed(_attempt)(path, settings) for _, path in todo)
    return joblib.Parallel(return_as="generator", batch_size=1)(tasks)


def _run_alone(suspect, settings, deaths):
    try:
        return next(iter(list(_run([suspect], settings))))
    except deaths:
        return Outcome(
            reason=f"{suspect[1]}: the process that read it died (out of memory, or a crash of the "
            "decoder); convert it to wav or flac"
        )


def _attempt(path, settings):
    """Extract one file in a worker; no file can end the run of the others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if not path:
            raise FeaturesError("the versions table names no file; fill in its column path")
        features, notes = extract_file(path, settings)
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Outcome(features, sha256, note=", ".join(notes))
    except BytecoverError as error:
        return Outcome(reason=str(error))
    except Exception as error:  # a defect of ours or a library's: report it with the file's name
        return Outcome(reason=f"{path}: unexpected {type(error).__name__}: {error}")
    finally:
        torch.set_num_threads(threads)
