"""Corpora in, scores out: what the command line and the chapters share.

A *corpus* is a directory with ``versions.csv`` and ``features/``.
"""

import json
import shutil
import time
from pathlib import Path

import numpy as np

from .data import read_versions
from .errors import BytecoverError
from .store import FeatureStore

SYSTEMS = ("random", "chroma", "2dftm", "qmax", "model")


class PipelineError(BytecoverError):
    """A step was asked for that the corpus or the model at hand does not allow."""


def open_corpus(path):
    """Open a corpus.

    Parameters
    ----------
    path : path-like
        Corpus directory.

    Returns
    -------
    versions : pandas.DataFrame
        The versions table.
    store : FeatureStore

    Raises
    ------
    PipelineError
        If the directory is not a corpus, or the table names a version without features.
    """
    path = Path(path)
    if not (path / "versions.csv").is_file():
        raise PipelineError(
            f"{path} is not a corpus (it has no versions.csv): "
            "make one with `bytecover songbook` or `bytecover features`"
        )
    table, store = read_versions(path / "versions.csv"), FeatureStore.open(path / "features")
    missing = [version for version in table["version"] if version not in store]
    if missing:
        raise PipelineError(
            f"{path}: {len(missing)} versions of the table have no features, "
            f"the first is {missing[0]!r}: run the command that made the corpus again"
        )
    return table, store


def open_model(name):
    """Load a checkpoint file, or a shipped checkpoint by its name."""
    from .model import ByteCover, load_model

    if Path(name).suffix == ".safetensors" or Path(name).exists():
        return load_model(name)
    return ByteCover.from_pretrained(name)


def extract_corpus(versions, out, settings, *, jobs=2, cluster=None):
    """Make a corpus of the audio files that a versions table names.

    Every file's fate is in ``out/report.csv``; ``out/versions.csv`` lists the usable ones.

    Raises
    ------
    PipelineError
        If not one file could be used.
    """
    from .data import write_versions
    from .features import extract_features

    versions, out = Path(versions), Path(out)
    table = read_versions(versions)
    absolute = table.assign(path=[str(versions.parent / path) for path in table["path"]])
    out.mkdir(parents=True, exist_ok=True)
    report = extract_features(absolute, out / "features", settings, jobs=jobs, cluster=cluster)
    report.to_csv(out / "report.csv", index=False)
    failed = report[report["reason"] != ""]
    for row in failed.itertuples():
        print(f"left out {row.version}: {row.reason}")
    usable = table[~table["version"].isin(failed["version"])]
    if usable.empty:
        shutil.rmtree(out / "features", ignore_errors=True)
        raise PipelineError(f"{versions}: no file could be used, see {out / 'report.csv'}")
    write_versions(usable, out / "versions.csv")
    print(f"{len(usable)} of {len(table)} versions usable, report in {out / 'report.csv'}")


def score_corpus(
    corpus, systems=SYSTEMS, *, model="lite", embeddings=None, split="test", device="auto"
):
    """Score systems on one split of a corpus with the canonical rules.

    Parameters
    ----------
    corpus : path-like
        Corpus directory.
    systems : sequence of str
        Of ``random``, ``chroma``, ``2dftm``, ``qmax``, ``model``.
    model : str
        Checkpoint file or shipped name, for ``model``.
    embeddings : path-like, optional
        Embeddings file to use instead of computing them.
    split : str
        Which rows of the versions table.
    device : str
        Where the model runs.

    Returns
    -------
    list of dict
        One row a system: corpus, system, seconds, and the summary of the evaluation.
    """
    unknown = [system for system in systems if system not in SYSTEMS]
    if unknown:
        raise PipelineError(f"unknown system {unknown[0]!r}: choose from {', '.join(SYSTEMS)}")
    table, store = open_corpus(corpus)
    table = table[table["split"] == split]
    if table.empty:
        raise PipelineError(f"{corpus}: the versions table has no row of split {split!r}")
    rows = []
    for system in systems:
        began = time.perf_counter()
        scores = _evaluate(system, table, store, model, embeddings, device)
        seconds = round(time.perf_counter() - began, 2)
        rows.append(
            {"corpus": Path(corpus).name, "system": system, "seconds": seconds} | scores.summary()
        )
    return rows


def _evaluate(system, table, store, model, embeddings, device):
    from .baselines import chroma_distances, random_distances, two_dftm_distances
    from .embed import Embeddings, embed_versions
    from .qmax import qmax_distances
    from .retrieval import evaluate, evaluate_embeddings

    cliques, versions = list(table["clique"]), list(table["version"])
    if system == "model":
        if embeddings:
            found = Embeddings.load(embeddings).select(versions)
        else:
            found = embed_versions(open_model(model), store, versions, device=device, progress=True)
        return evaluate_embeddings(found.vectors, cliques)
    if system == "random":
        return evaluate(random_distances(len(versions), seed=0), cliques)
    spectrograms = [np.asarray(store[version], dtype=np.float32) for version in versions]
    compare = {"chroma": chroma_distances, "2dftm": two_dftm_distances, "qmax": qmax_distances}
    return evaluate(compare[system](spectrograms), cliques)


def print_scores(rows):
    """Print one aligned line a system, each measure with its 95 % interval."""
    print(f"{'corpus':<18}{'system':<9}{'MAP':>21}{'MR1':>23}{'P@10':>21}{'queries':>9}{'s':>8}")
    for row in rows:
        measures = "".join(
            f"{row[name]:>{width}.{digits}f} [{row[name + '_low']:.{digits}f}, "
            f"{row[name + '_high']:.{digits}f}]"
            for name, width, digits in (("map", 6, 3), ("mr1", 8, 1), ("p_at_k", 7, 3))
        )
        print(
            f"{row['corpus']:<18}{row['system']:<9}{measures}{row['n_queries']:>9}{row['seconds']:>8}"
        )


def read_scores(path):
    """Return the rows of a results file that ``bytecover evaluate`` wrote."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError) as error:
        raise PipelineError(
            f"{path}: not a results file of `bytecover evaluate` ({error}): make it again"
        ) from error
