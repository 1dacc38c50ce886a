"""How often the key and the tempo of a match are told right (chapter "Your own music").

Composed works know the key and the tempo of their versions. On works of the split ``validation``
the margin of a tempo is fixed; on those of ``test`` it is checked, and everything else measured.
"""

import numpy as np

from .alignment import relate
from .baselines import chroma

STATED = 0.8  # share of the estimates that the margin shall hold
NEAR = 0.04  # of the true tempo, what counts as right


def score_relations(settings, *, works=80):
    """Measure the estimated differences of key and tempo of two versions.

    Parameters
    ----------
    settings : FeatureSettings
    works : int
        Composed works of each split, of which two versions each are drawn.

    Returns
    -------
    dict
        ``keys``: ``pairs``; ``right``, the share in which the number of semitones is right, octaves
        aside; ``right_by_means``, the same for the mean chroma alone. ``tempi``: ``pairs``;
        ``near``, the share within 4 % of the truth, and the same for the ratio of the durations
        and for no change at all; ``median_error``; ``margin``, the error that the share ``stated``
        of the pairs of ``validation`` stays below, and the share of test pairs that is ``covered``.
    """
    margin = np.quantile(_pairs("validation", settings, works)["tempo"], STATED)
    found = _pairs("test", settings, works)
    return {
        "keys": {
            "pairs": works,
            "right": float(found["key"].mean()),
            "right_by_means": float(found["key_by_means"].mean()),
        },
        "tempi": {
            "pairs": works,
            "near": float((found["tempo"] <= NEAR).mean()),
            "near_by_durations": float((found["durations"] <= NEAR).mean()),
            "near_by_no_change": float((found["unchanged"] <= NEAR).mean()),
            "median_error": float(np.median(found["tempo"])),
            "stated": STATED,
            "margin": float(margin),
            "covered": float((found["tempo"] <= margin).mean()),
        },
    }


def _pairs(split, settings, works):
    """Compare two versions of each work; return what is right, and the relative errors."""
    from .songbook.arrange import arrange
    from .songbook.compose import compose
    from .songbook.corpus import Block, works_of
    from .songbook.render import draw

    rows = []
    for seed in works_of(Block(split, split, works, 2)):
        versions = [arrange(compose(seed), number) for number in (1, 2)]
        features = [draw(version, settings) for version in versions]
        relation = relate(
            *features,
            seconds_per_frame=settings.seconds_per_frame,
            bins_per_octave=settings.bins_per_octave,
        )
        key = versions[1].key_shift - versions[0].key_shift
        tempo = versions[1].tempo_factor / versions[0].tempo_factor
        rows.append(
            {
                "key": (key - relation.semitones) % 12 == 0,
                "key_by_means": (key - _rotation(*features)) % 12 == 0,
                "tempo": abs(relation.tempo / tempo - 1),
                "durations": abs(features[0].shape[1] / features[1].shape[1] / tempo - 1),
                "unchanged": abs(1 / tempo - 1),
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _rotation(first, second):
    """Return the rotation in which the mean chroma of two versions agree best."""
    means = [chroma(features).mean(1) for features in (first, second)]
    return int(np.argmax([np.roll(means[0], semitones) @ means[1] for semitones in range(12)]))
