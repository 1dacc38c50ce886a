"""Ablations: the same training with one thing changed, paired by seed (book chapters "Ablation").

Every arm of an ablation gets the same budget, the same seeds and so the same order of works; only
what ``arms.py`` lists differs. A run is kept in a directory named after its configuration, so that
ablations share the runs they have in common and a killed one is continued.
"""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from .arms import READINGS, AblationError, arms_of
from .coarser import coarsened
from .embed import embed_versions
from .model import load_model
from .probe import probe, stage_statistics
from .retrieval import evaluate_embeddings
from .train import train

USUAL = (("embedding", "cosine"),)


def ablate(name, config, corpus, tests, *, seeds, out, probes=None, progress=True):
    """Train and score every arm of an ablation.

    Parameters
    ----------
    name : str
        Key of :data:`~bytecover_lite.arms.ABLATIONS`.
    config : TrainConfig
        Budget and everything the arms do not change.
    corpus : (pandas.DataFrame, FeatureStore)
        What to train on. The averaging of its features may be finer than the recipe's.
    tests : dict of str to (pandas.DataFrame, FeatureStore)
        Test sets by name; all their versions are used.
    seeds : int
        Seeds 0 to ``seeds - 1`` are run, arm by arm within a seed.
    out : path-like
        Directory for the runs.
    probes : (spectrograms, labels), optional
        What :func:`bytecover_lite.probe.probe_set` returns: read these labels from every stage.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    dict
        ``{"ablation", "seeds", "config", "readings": {"embedding cosine": {arm: {test: {"map":
        [per seed], "mean", "interval", "difference", "difference_interval", "effect"}}}}}``.
        Intervals are 95 % bootstrap intervals over works and seeds; differences are to the first
        arm, paired by seed and work; the effect size is their mean over their standard deviation
        over works. With several readings, ``"planes"`` has the embeddings of a few works in two
        dimensions; with probes, ``"probes"`` has ``{arm: {label: {stage: [per seed]}}}``.

    Raises
    ------
    AblationError
        If there is no such ablation, or a test set has fewer than two works to score.
    """
    arms = arms_of(name)
    readings = READINGS.get(name, USUAL)
    for test, (table, _) in tests.items():
        usable = (table["clique"].value_counts() > 1).sum()  # a lone version is no query
        if usable < 2:
            raise AblationError(
                f"test set {test!r} has {'one work' if usable else 'no work'} of two versions or "
                "more, an effect needs several: give another set"
            )
    scores, planes, probed = {arm: [] for arm in arms}, {}, {arm: [] for arm in arms}
    for seed in range(seeds):
        for label, arm in arms.items():
            print(f"{name}: {label}, seed {seed}", flush=True)
            run = _Run(arm, config, seed, Path(out), corpus)
            run.train(progress)
            scores[label].append(run.scores(tests, readings))
            if probes:
                probed[label].append(run.probes(*probes))
            if seed == 0 and len(readings) > 1:
                planes[label] = plane(run.model(), *run.seen(next(iter(tests.values()))))
    found = {
        " ".join(reading): _summarised(scores, tests, " ".join(reading)) for reading in readings
    }
    facts = {"ablation": name, "seeds": list(range(seeds)), "config": asdict(config)}
    more = {"planes": planes} if planes else {}
    if probes:
        more["probes"] = {arm: _transposed(runs) for arm, runs in probed.items()}
    return facts | {"readings": found} | more


class _Run:
    """One arm with one seed: its directory, its model and what it scores."""

    def __init__(self, arm, config, seed, out, corpus):
        self.arm, self.config, self.corpus = arm, arm.configured(config, seed), corpus
        facts = [asdict(self.config), arm.works, _digest(*corpus)]
        facts = json.dumps(facts, sort_keys=True, default=list)
        self.folder = out / hashlib.sha256(facts.encode()).hexdigest()[:16]

    def seen(self, corpus):
        """Return the table and the store as this arm averages them."""
        table, store = corpus
        return table, coarsened(store, self.config.model.features)

    def train(self, progress):
        done = self.folder / "done"
        if not done.exists():
            table, store = self.seen(self.corpus)
            train(
                self.config, store, self.arm.restricted(table), out=self.folder, progress=progress
            )
            done.touch()

    def model(self):
        return load_model(self.folder / "model.safetensors")

    def scores(self, tests, readings):
        """Return {"test: reading": {work: AP}}; what the run's file has is not computed again."""
        path = self.folder / "scores.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        digests = {test: _digest(*corpus) for test, corpus in tests.items()}
        keys = {(t, r): f"{digests[t]}: {' '.join(r)}" for t in tests for r in readings}
        missing = [pair for pair, key in keys.items() if key not in known]
        model = self.model() if missing else None
        for test, reading in missing:
            known[keys[test, reading]] = _work_scores(model, *self.seen(tests[test]), *reading)
        _write(path, known)
        return {f"{t}: {' '.join(r)}": known[key] for (t, r), key in keys.items()}

    def probes(self, spectrograms, labels):
        """Return {label: {stage: what a probe reads}}, from the run's file if it is there."""
        path = self.folder / f"probes-{len(spectrograms)}.json"
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        statistics = stage_statistics(self.model(), spectrograms)
        found = {
            label: {stage: probe(values, right) for stage, values in statistics.items()}
            for label, right in labels.items()
        }
        _write(path, found)
        return found


def _digest(table, store):
    """Return what stands for a corpus: its versions, their works, splits and features."""
    columns = table[["version", "clique", "split"]].itertuples(index=False)
    rows = [[*row, store.sha256[store.row(row.version)]] for row in columns]
    facts = json.dumps([asdict(store.settings), rows], default=str)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _write(path, found):
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(found), encoding="utf-8")
    os.replace(partial, path)


def _transposed(runs):
    """Turn a list of {label: {stage: x}} into {label: {stage: [x of every run]}}."""
    return {
        label: {stage: [run[label][stage] for run in runs] for stage in stages}
        for label, stages in runs[0].items()
    }


def _work_scores(model, table, store, feature, metric):
    vectors = embed_versions(model, store, table["version"], feature=feature).vectors
    queries = evaluate_embeddings(vectors, list(table["clique"]), metric=metric).per_query
    return queries.groupby("clique")["average_precision"].mean().to_dict()


def plane(model, table, store, *, works=10):
    """Return the embeddings of the first works on the plane of their largest variance.

    Returns
    -------
    dict
        ``clique`` (names), ``x``, ``y`` (of the embeddings at length 1, mean removed), and
        ``variance``, the share that the plane shows.
    """
    kept = table[table["clique"].isin(table["clique"].drop_duplicates()[:works])]
    vectors = embed_versions(model, store, kept["version"]).vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    vectors -= vectors.mean(axis=0)
    _, sizes, axes = np.linalg.svd(vectors, full_matrices=False)
    x, y = (vectors @ axes[:2].T).T.round(4).tolist()
    shown = float((sizes[:2] ** 2).sum() / max((sizes**2).sum(), 1e-12))
    return {"clique": list(kept["clique"]), "x": x, "y": y, "variance": shown}


def _summarised(scores, tests, reading):
    arms, reference = {}, next(iter(scores))
    for label, runs in scores.items():
        arms[label] = {}
        for test in tests:
            values = _matrix(runs, f"{test}: {reading}")  # (seeds, works)
            paired = values - _matrix(scores[reference], f"{test}: {reading}")
            spread = paired.mean(axis=0).std(ddof=1)
            arms[label][test] = {
                "map": values.mean(axis=1).tolist(),
                "mean": float(values.mean()),
                "interval": _interval(values),
                "difference": float(paired.mean()),
                "difference_interval": _interval(paired),
                "effect": float(paired.mean() / spread) if spread else 0.0,
            }
    return arms


def _matrix(runs, key):
    works = sorted(runs[0][key])
    return np.array([[run[key][work] for work in works] for run in runs])


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
