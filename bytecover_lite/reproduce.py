"""The full-scale reproduction: features, training, scores (chapter "Full scale").

The sets are folders with a ``versions.csv`` as ``data_scripts/`` make them, side by side in one
folder: ``shs100k``, ``covers80``, ``youtube350``, ``da-tacos``. Those that are not there are left
out of the table. Every step keeps what it has done: a run that was killed is continued by the same
command.
"""

from dataclasses import dataclass
from pathlib import Path

from .coarser import coarsened
from .coverage import coverage, label, read_set
from .data import read_versions, write_versions
from .errors import BytecoverError
from .overlap import separate
from .pipeline import extract_corpus, open_corpus
from .store import FeatureStore, StoreError


class ReproductionError(BytecoverError):
    """The reproduction lacks something that it cannot do without."""


@dataclass(frozen=True)
class TestSet:
    """A set that the paper reports on.

    Attributes
    ----------
    name : str
        As the paper calls it.
    claimed : str
        MAP that the paper claims, as printed.
    recordings : dict
        Recordings of each split, as published.
    training_works : int
        Works of the training split, as published.
    """

    __test__ = False  # no test of pytest's

    name: str
    claimed: str
    recordings: dict
    training_works: int = 0

    @property
    def tested(self):
        """The splits that are no training."""
        return [split for split in self.recordings if split not in ("train", "validation")]


SETS = {
    "shs100k": TestSet(
        "SHS100K-TEST", "0.836", {"train": 87_091, "validation": 10_884, "test": 10_547}, 5_324
    ),
    "covers80": TestSet("Covers80", "0.906", {"test": 160}),
    "youtube350": TestSet("YouTube350", "0.955", {"query": 250, "reference": 100}),
    "da-tacos": TestSet("Da-TACOS", "0.714 or 0.743", {"test": 15_000}),
}


def present(data, dataset="shs100k"):
    """Return the sets that a folder holds with recordings or features.

    Parameters
    ----------
    data : path-like
    dataset : str
        Set to train on.

    Returns
    -------
    dict
        Name: versions table.
    """
    found = {}
    for name in dict.fromkeys((dataset, *SETS)):
        path = Path(data) / name / "versions.csv"
        if path.is_file():
            table = read_versions(path)
            if (table["path"] != "").any() or (path.parent / "features").is_dir():
                found[name] = table
    return found


def reproduce(
    data,
    out,
    config,
    *,
    dataset="shs100k",
    jobs=2,
    cluster=None,
    accelerator="auto",
    devices=1,
    nodes=1,
):
    """Extract, train and score.

    Parameters
    ----------
    data : path-like
        Folder of the sets.
    out : path-like
        Folder for corpora, the run and tables.
    config : TrainConfig
    dataset : str
        Set to train on, a folder of ``data`` whose table has the split ``train``; the works that a
        test set shares with it are left out of the training.
    jobs, cluster
        See :func:`bytecover_lite.features.extract_features`.
    accelerator, devices, nodes
        See :func:`bytecover_lite.train.train`. On several nodes, extract first.

    Returns
    -------
    list of dict
        One row a set: ``set``, ``claimed`` (by the paper), ``coverage``, ``versions`` and the
        summary of the evaluation. Empty in the helping processes of a training on many GPUs.

    Raises
    ------
    ReproductionError
        If the training set is not there.
    """
    from .train import train

    sets, out = present(data, dataset), Path(out)
    if dataset not in sets:
        raise ReproductionError(
            f"{Path(data) / dataset}: has no versions.csv with recordings; "
            "make it with the script of the set in data_scripts/"
        )
    where = {name: _corpus(name, data, out, config, jobs, cluster) for name in sets}
    table, store = open_corpus(where[dataset])
    tests = {name: _tested(name, path) for name, path in where.items() if name != dataset}
    table = _trainable(table, tests, out)
    model = train(
        config,
        store,
        table,
        out=out / "run",
        accelerator=accelerator,
        devices=devices,
        nodes=nodes,
    )
    if _is_helper():
        return []
    return [_score(name, path, model, out) for name, path in where.items() if name in SETS]


def _corpus(name, data, out, config, jobs, cluster):
    """Return the corpus of a set with the recipe's features; make it unless it is there."""
    settings, given, made = config.model.features, Path(data) / name, out / name
    wanted = set(read_versions(given / "versions.csv")["version"])
    if _has(given, settings) >= wanted:
        return given
    if not (_has(made, settings) and _tried(made) >= wanted):
        extract_corpus(given / "versions.csv", made, settings, jobs=jobs, cluster=cluster)
    return made


def _has(folder, settings):
    """Return the versions whose features are there, none if a model cannot hear them."""
    if not ((folder / "features").is_dir() and (folder / "versions.csv").is_file()):
        return set()
    try:
        store = coarsened(FeatureStore.open(folder / "features"), settings)
    except StoreError:
        return set()
    return set(store.versions) if store.settings == settings else set()


def _tried(folder):
    """Return the versions that an extraction which came to its end has reported on."""
    import pandas as pd

    report = folder / "report.csv"
    if not report.is_file():
        return set()
    told = pd.read_csv(report, dtype=str, keep_default_na=False, encoding_errors="surrogateescape")
    return set(told["version"])


def _tested(name, path):
    table, _ = open_corpus(path)
    return table[table["split"].isin(SETS[name].tested)]


def _trainable(table, tests, out):
    """Leave works of the test sets and works of a single version out of the training split."""
    kept, shared = separate(table, tests, overlap="drop")
    shared.to_csv(out / "overlap.csv", index=False)
    training = kept["split"] == "train"
    sizes = kept[training].groupby("clique").size()
    lone = training & kept["clique"].isin(sizes.index[sizes < 2])
    print(
        f"training: {int(training.sum() - lone.sum())} versions; left out: "
        f"{shared['left_clique'].nunique()} works that test sets hold too (overlap.csv), "
        f"{int(lone.sum())} works of a single version"
    )
    return kept[~lone].reset_index(drop=True)


def _is_helper():
    import torch

    ready = torch.distributed.is_available() and torch.distributed.is_initialized()
    return ready and torch.distributed.get_rank() != 0


def _score(name, path, model, out):
    from .embed import embed_versions
    from .model import load_model
    from .retrieval import evaluate_embeddings

    _, store = open_corpus(path)
    table = _tested(name, path)
    if table.empty:
        raise ReproductionError(f"{path}: no row of {' or '.join(SETS[name].tested)}")
    parts = dict(iter(table.groupby("split")))
    queries = parts[SETS[name].tested[0]]
    embeddings = embed_versions(load_model(model), store, list(table["version"]), progress=True)
    embeddings.save(out / f"{name}.safetensors")
    write_versions(table, out / "scored" / f"{name}.csv")
    versions, options = list(queries["version"]), {}
    if "reference" in parts:
        references = parts["reference"]
        options = {
            "reference_embeddings": embeddings.select(list(references["version"])).vectors,
            "reference_cliques": list(references["clique"]),
            "reference_ids": list(references["version"]),
        }
    vectors = embeddings.select(versions).vectors
    scores = evaluate_embeddings(vectors, list(queries["clique"]), query_ids=versions, **options)
    share = _share(name, path, table)
    row = {"set": SETS[name].name, "claimed": SETS[name].claimed, "coverage": share}
    return row | {"versions": len(table)} | scores.summary()


def _share(name, path, table):
    """Return the smallest coverage of the splits that are scored."""
    if read_set(path):
        return min(coverage(path, table, split) or 0.0 for split in SETS[name].tested)
    published = sum(SETS[name].recordings[split] for split in SETS[name].tested)
    return min(1.0, len(table) / published)


def print_table(rows):
    """Print ours beside what the paper claims; a score on a part of a set says so."""
    print(f"{'set':<14}{'paper MAP':>15}{'our MAP':>24}{'MR1':>9}{'P@10':>7}")
    for row in rows:
        ours = f"{row['map']:.3f} [{row['map_low']:.3f}, {row['map_high']:.3f}]"
        print(
            f"{row['set']:<14}{row['claimed']:>15}{ours:>24}{row['mr1']:>9.1f}"
            f"{row['p_at_k']:>7.3f} {label(row['coverage'])}".rstrip()
        )
