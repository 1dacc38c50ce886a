"""Is the songbook as hard as real music, and do its two renderers agree? (your own corpus).

``python -m bytecover_lite.songbook.calibration`` scores classical baselines, which nobody trained,
on the three difficulties and on ``real`` at several sizes, measures how the drawn features agree
with synthesised sound and how distinct the works are, and writes
``book/results/songbook_calibration.json``.
"""

from __future__ import annotations

import argparse

import numpy as np

from bytecover_lite.cqt import FeatureSettings, extract

from . import fluid
from .arrange import arrange
from .compose import compose
from .corpus import SEEDS, Block, works_of
from .distinct import NEAR, fingerprint, nearest
from .genres import GENRES
from .render import draw, synthesize
from .style import DIFFICULTIES

# Where the baselines land on real sets (Da-TACOS and Covers80, see the chapter's references).
BANDS = {"chroma": (0.10, 0.15), "two_dftm": (0.12, 0.45), "qmax": (0.33, 0.65)}


def difficulty_scores(
    difficulty: str, *, works: tuple[int, ...] = (80,), versions: int = 4
) -> dict[int, dict]:
    """Score the classical baselines on drawn songs of one difficulty.

    Parameters
    ----------
    difficulty : str
    works : tuple of int
        Sizes of the set; a smaller one is the beginning of a larger one.
    versions : int

    Returns
    -------
    dict of int to dict of str to dict
        For each size and baseline MAP with its interval, MR1 and P@10.
    """
    from bytecover_lite.qmax import qmax_distances

    settings = FeatureSettings(averaging=20)  # the frames that 2DFTM and Qmax want
    seeds = works_of(Block("test", "test", max(works), versions))
    features = [
        draw(arrange(compose(seed), number, difficulty=difficulty), settings)
        for seed in seeds
        for number in range(1, versions + 1)
    ]
    cliques = np.repeat(seeds, versions)
    aligned = qmax_distances(features)  # a pair's distance does not depend on the others
    ends = {size: size * versions for size in works}
    return {size: _score(features[:n], cliques[:n], aligned[:n, :n]) for size, n in ends.items()}


def _score(features, cliques, aligned) -> dict[str, dict]:
    from bytecover_lite.baselines import chroma_distances, random_distances, two_dftm_distances
    from bytecover_lite.retrieval import evaluate

    distances = {
        "random": random_distances(len(features)),
        "chroma": chroma_distances(features),
        "two_dftm": two_dftm_distances(features),
        "qmax": aligned,
    }
    summaries = {name: evaluate(matrix, cliques).summary() for name, matrix in distances.items()}
    kept = ("map", "map_low", "map_high", "mr1", "p_at_k")
    return {name: {key: row[key] for key in kept} for name, row in summaries.items()}


def agreement(seed: int, *, engine: str = "own", averaging: int = 40) -> tuple[str, float]:
    """Correlate the drawn and the extracted features of one synthesised version.

    Parameters
    ----------
    seed : int
        Of the work; the version is number 1.
    engine : str
        See `synthesize`.
    averaging : int

    Returns
    -------
    genre : str
    correlation : float
        Of log magnitudes, floored 60 dB below the loudest.
    """
    settings = FeatureSettings(averaging=averaging)
    version = arrange(compose(seed), 1)
    heard = extract(synthesize(version, engine=engine), settings)
    drawn = draw(version, settings)
    logs = [np.log10(x + 1e-3 * x.max()).ravel() for x in (drawn, heard)]
    return version.genre, float(np.corrcoef(*logs)[0, 1])


def agreement_by_genre(engine: str, *, songs: int) -> dict:
    """Return the median agreement of each genre, worst first, over ``songs`` versions of each."""
    found: dict[str, list[float]] = {name: [] for name in GENRES}
    for seed in SEEDS["example"]:
        if all(len(values) >= songs for values in found.values()):
            break
        if len(found[arrange(compose(seed), 1).genre]) < songs:
            genre, value = agreement(seed, engine=engine)
            found[genre].append(value)
    medians = {genre: float(np.median(values)) for genre, values in found.items()}
    return {
        "median": float(np.median(list(medians.values()))),
        "genres": dict(sorted(medians.items(), key=lambda item: item[1])),
        "songs_per_genre": songs,
    }


def distinctness(*, train: int, test: int) -> dict:
    """Measure how near works come to each other within training and from test to training."""
    prints = {
        name: np.stack([fingerprint(compose(seed)) for seed in SEEDS[name][:count]])
        for name, count in (("train", train), ("test", test))
    }
    within = nearest(prints["train"])
    across = (prints["test"] @ prints["train"].T).max(axis=1)
    return {
        "limit": NEAR,
        "train_works": train,
        "test_works": test,
        "rejected_of_train": int((within >= NEAR).sum()),
        "within_train": _quantiles(within),
        "test_to_train": _quantiles(across),
    }


def _quantiles(values: np.ndarray) -> dict:
    return {str(q): float(np.quantile(values, q)) for q in (0.5, 0.9, 0.99, 1.0)}


def main() -> None:
    """Measure everything and write the results file."""
    from bytecover_lite.results import write_result

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", type=int, default=80)
    parser.add_argument("--more", type=int, nargs="*", default=[120, 160], help="sizes of `real`")
    parser.add_argument("--songs", type=int, default=2, help="versions of each genre to listen to")
    wanted = parser.parse_args()
    engines = ["own", *(["fluidsynth"] if fluid.available() else [])]
    sizes = {name: (wanted.works,) for name in DIFFICULTIES} | {
        "real": (wanted.works, *wanted.more)
    }
    by_works = {name: difficulty_scores(name, works=sizes[name]) for name in DIFFICULTIES}
    scores = {name: found[wanted.works] for name, found in by_works.items()}
    payload = {
        "works": wanted.works,
        "versions_per_work": 4,
        "bands_for_real": BANDS,
        "difficulties": scores,
        "real_by_works": by_works["real"],
        "agreement": {e: agreement_by_genre(e, songs=wanted.songs) for e in engines},
        "distinctness": distinctness(train=4000, test=400),
    }
    print(write_result("songbook_calibration", payload))


if __name__ == "__main__":
    main()
