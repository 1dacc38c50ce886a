"""Ablations: the same training with one thing changed, paired by seed (book chapters "Ablation").

Every arm of an ablation gets the same budget, the same seeds and so the same order of works; only
what is listed here differs. A run that was killed is continued.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from .embed import embed_versions
from .errors import BytecoverError
from .model import load_model
from .retrieval import evaluate_embeddings
from .train import train


class AblationError(BytecoverError):
    """An ablation that does not exist or cannot be run on the corpora at hand."""


@dataclass(frozen=True)
class Arm:
    """What one arm of an ablation changes.

    Attributes
    ----------
    model, training : dict
        Fields of the model's and the training's configuration to replace.
    works : int or None
        Train on the first so many works only.
    """

    model: dict
    training: dict
    works: int | None = None


def _model(**changes):
    return Arm(changes, {})


def _loss(classification, triplet, contrastive, **model):
    weights = {
        "classification_weight": float(classification),
        "triplet_weight": float(triplet),
        "contrastive_weight": float(contrastive),
    }
    return Arm(model, weights)


ABLATIONS = {
    "norm": {name: _model(norm=name) for name in ("ibn", "bn", "in")},
    "placement": {
        f"1-{last}" if last > 1 else "1": _model(ibn_stages=tuple(range(1, last + 1)))
        for last in (1, 2, 3, 4)
    },
    "loss": {
        "multi-loss": _loss(1, 1, 1),
        "multi-loss, no help": _loss(1, 1, 0),
        "classification": _loss(1, 0, 0),
        "triplet": _loss(0, 1, 0),
        "multi-loss, no BNNeck": _loss(1, 1, 1, neck="none"),
    },
    "stride": {f"frequency stride {s}": _model(freq_stride=s) for s in (1, 2)},
    "works": {
        f"{works} works": Arm({}, {}, works) for works in (250, 500, 1000, 2000, 4000, 8000, 16000)
    },
}


def ablate(name, config, corpus, tests, *, seeds, out, progress=True):
    """Train and score every arm of an ablation.

    Parameters
    ----------
    name : str
        Key of :data:`ABLATIONS`.
    config : TrainConfig
        Budget and everything the arms do not change.
    corpus : (pandas.DataFrame, FeatureStore)
        What to train on.
    tests : dict of str to (pandas.DataFrame, FeatureStore)
        Test sets by name; all their versions are used.
    seeds : int
        Seeds 0 to ``seeds - 1`` are run, arm by arm within a seed.
    out : path-like
        Directory for the runs.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    dict
        ``{"ablation", "config", "arms": {arm: {test: {"map": [per seed], "interval": [low, high],
        "difference": [...]}}}}``. Intervals are 95 % bootstrap intervals over works of the mean
        over seeds; differences are to the first arm, paired by seed and work.

    Raises
    ------
    AblationError
        If there is no such ablation.
    """
    if name not in ABLATIONS:
        raise AblationError(f"no ablation {name!r}: choose from {', '.join(ABLATIONS)}")
    scores = {arm: [] for arm in ABLATIONS[name]}
    for seed in range(seeds):
        for label, arm in ABLATIONS[name].items():
            folder = Path(out) / name / f"{_plain(label)}-seed{seed}"
            print(f"{name}: {label}, seed {seed}", flush=True)
            run = _configured(config, arm, seed)
            scores[label].append(_scored_run(run, arm, corpus, tests, folder, progress))
    return {"ablation": name, "seeds": list(range(seeds)), "config": asdict(config)} | {
        "arms": _summarised(scores, tests)
    }


def _configured(config, arm, seed):
    return replace(config, seed=seed, model=replace(config.model, **arm.model), **arm.training)


def _scored_run(config, arm, corpus, tests, folder, progress):
    """Return {test: {feature: {work: AP}}} of one run, from its file if it is there."""
    scores = folder / "scores.json"
    if scores.exists():
        return json.loads(scores.read_text(encoding="utf-8"))
    table, store = corpus
    path = train(config, store, _first_works(table, arm.works), out=folder, progress=progress)
    model = load_model(path)
    found = {name: _work_scores(model, *test) for name, test in tests.items()}
    partial = scores.with_suffix(".partial")
    partial.write_text(json.dumps(found), encoding="utf-8")
    os.replace(partial, scores)
    return found


def _work_scores(model, table, store):
    embeddings = embed_versions(model, store, table["version"])
    queries = evaluate_embeddings(embeddings.vectors, list(table["clique"])).per_query
    return queries.groupby("clique")["average_precision"].mean().to_dict()


def _first_works(table, works):
    if works is None:
        return table
    names = table.loc[table["split"] == "train", "clique"].drop_duplicates()
    if len(names) < works:
        raise AblationError(f"the corpus has {len(names)} training works, {works} are needed")
    kept = set(names[:works])
    return table[(table["split"] != "train") | table["clique"].isin(kept)]


def _summarised(scores, tests):
    arms, reference = {}, next(iter(scores))
    for label, runs in scores.items():
        arms[label] = {}
        for test in tests:
            values = _matrix(runs, test)  # (seeds, works)
            base = _matrix(scores[reference], test)
            arms[label][test] = {
                "map": values.mean(axis=1).tolist(),
                "mean": float(values.mean()),
                "interval": _interval(values),
                "difference": float((values - base).mean()),
                "difference_interval": _interval(values - base),
            }
    return arms


def _matrix(runs, test):
    works = sorted(runs[0][test])
    return np.array([[run[test][work] for work in works] for run in runs])


def _interval(values, *, draws=2_000, seed=0):
    """Bootstrap the mean over works and seeds, both drawn with replacement."""
    generator = np.random.default_rng(seed)
    seeds, works = values.shape
    means = [
        values[generator.integers(seeds, size=seeds)][
            :, generator.integers(works, size=works)
        ].mean()
        for _ in range(draws)
    ]
    return np.quantile(means, [0.025, 0.975]).tolist()


def _plain(label):
    return "".join(letter if letter.isalnum() else "-" for letter in label)
