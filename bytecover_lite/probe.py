"""What the channels of each stage still know about instrument, key and tempo (chapter "Ablation").

A linear probe reads an attribute of the recording from the mean and the standard deviation of every
channel of a stage: what no linear reader finds there, the layers above hardly use. Instance
normalisation sets exactly these two numbers to constants, which is the mechanism behind the paper's
first claim.
"""

import numpy as np
import torch

STAGES = ("stem", "stage 1", "stage 2", "stage 3", "stage 4")
PENALTIES = (1e-2, 1e-1, 1.0, 10.0, 100.0)
SKIP = 1_000  # works of the invariance range that the curves use


def probe_set(works, settings, *, jobs=2):
    """Draw songs whose instrument, key and tempo are known.

    Parameters
    ----------
    works : int
        One version of each; seeds of the invariance range, so no network was trained on them.
    settings : FeatureSettings
    jobs : int
        Processes.

    Returns
    -------
    spectrograms : list of np.ndarray [shape=(n_bins, frames)]
    labels : dict of str to np.ndarray [shape=(works,)]
        ``genre``, ``instrument`` (General MIDI family of the lead) and ``key`` (pitch class of the
        tonic) as classes; ``tempo`` as log2 of quarter notes a minute.
    """
    from joblib import Parallel, delayed

    from .songbook.corpus import Block, works_of

    seeds = works_of(Block("test", "invariance", works, 1, skip=SKIP), jobs=jobs)
    chunks = [seeds[i : i + 50] for i in range(0, works, 50)]
    drawn = Parallel(n_jobs=jobs)(delayed(_draw)(chunk, settings) for chunk in chunks)
    spectrograms, rows = zip(*(pair for chunk in drawn for pair in chunk), strict=True)
    columns = zip(*rows, strict=True)
    names = ("genre", "instrument", "key", "tempo")
    return list(spectrograms), dict(zip(names, map(np.array, columns), strict=True))


def _draw(seeds, settings):
    from .songbook.arrange import arrange
    from .songbook.compose import compose
    from .songbook.render import draw

    found = []
    for seed in seeds:
        work = compose(seed)
        version = arrange(work, 1)
        lead = next((part for part in version.parts if part.name == "lead"), version.parts[0])
        tempo = np.log2(work.tempo * version.tempo_factor)
        key = (work.tonic + version.key_shift) % 12
        found.append((draw(version, settings), (version.genre, lead.program // 8, key, tempo)))
    return found


def stage_statistics(model, spectrograms):
    """Return mean and standard deviation of every channel after the stem and after each stage.

    Parameters
    ----------
    model : ByteCover
    spectrograms : list of np.ndarray [shape=(n_bins, frames)]

    Returns
    -------
    dict of str to np.ndarray [shape=(N, 2 channels)]
        By the names in :data:`STAGES`.
    """
    net = model.eval().backbone
    layers = (net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4)
    found = {stage: [] for stage in STAGES}

    def keep(stage):
        def hook(module, inputs, output):
            found[stage].append(torch.cat([output.mean((2, 3)), output.std((2, 3))], dim=1)[0])

        return hook

    hooks = [layer.register_forward_hook(keep(s)) for s, layer in zip(STAGES, layers, strict=True)]
    try:
        with torch.inference_mode():
            for spectrogram in spectrograms:
                model(torch.from_numpy(np.float32(spectrogram))[None])
    finally:
        for hook in hooks:
            hook.remove()
    return {stage: torch.stack(rows).numpy() for stage, rows in found.items()}


def probe(statistics, labels, *, held_out=1 / 3, seed=0):
    """Read an attribute linearly from the statistics of a stage.

    Ridge regression on one column a class (or on the value itself); its penalty is chosen on a
    part of the training songs, and the score is of songs that the probe has not seen.

    Parameters
    ----------
    statistics : np.ndarray [shape=(N, D)]
    labels : np.ndarray [shape=(N,)]
        Floats are regressed, everything else is classified.
    held_out : float
        Share of the songs to score on.
    seed : int
        Of the division.

    Returns
    -------
    dict
        ``score``: share of right answers, or of variance explained (below 0 is worse than the
        mean); ``chance``: the same for the most frequent class, or 0; ``low``, ``high``: 95 %
        interval of the score over songs.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    tests = round(held_out * len(labels))
    test, train = order[:tests], order[tests:]
    inner = len(train) * 2 // 3
    penalty = max(
        PENALTIES,
        key=lambda value: _score(*_read(statistics, labels, train[:inner], train[inner:], value)),
    )
    right, answer = _read(statistics, labels, train, test, penalty)
    draws = np.random.default_rng(seed).integers(tests, size=(1_000, tests))
    low, high = np.quantile([_score(right[d], answer[d]) for d in draws], [0.025, 0.975])
    values = {"score": _score(right, answer), "low": low, "high": high}
    return {name: float(value) for name, value in values.items()} | {
        "chance": 0.0 if labels.dtype.kind == "f" else _most_frequent(labels[train], right)
    }


def _read(statistics, labels, train, test, penalty):
    x = (statistics - statistics[train].mean(0)) / (statistics[train].std(0) + 1e-6)
    classes = None if labels.dtype.kind == "f" else np.unique(labels[train])
    y = labels[train][:, None] if classes is None else labels[train][:, None] == classes
    y = y.astype(float)
    centred = x[train].astype(float)
    gram = centred.T @ centred + penalty * len(train) * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (y - y.mean(0)))
    read = x[test] @ weights + y.mean(0)
    return labels[test], read[:, 0] if classes is None else classes[read.argmax(1)]


def _score(right, answer):
    if right.dtype.kind == "f":
        return 1 - ((right - answer) ** 2).sum() / ((right - right.mean()) ** 2).sum()
    return (right == answer).mean()


def _most_frequent(train, right):
    values, counts = np.unique(train, return_counts=True)
    return float((right == values[counts.argmax()]).mean())
