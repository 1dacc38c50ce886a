"""Chords for a tune, other ones for other tastes (chapter: your own corpus)."""

from __future__ import annotations

import numpy as np

from .theory import CHORD_DTYPE, CHORD_MEMBERS, CHORD_SCALES, KIND_INDEX, pitch_classes

# What arrangers draw from, how rare it is beside a plain triad, and which kinds are sevenths.
_KINDS = tuple(KIND_INDEX[name] for name in ("", "m", "7", "m7", "maj7", "dim", "sus4", "6"))
_RARE = np.array([0.0, 0.0, 0.35, 0.3, 0.35, 0.7, 0.9, 0.5])
_SEVENTH = np.array([0, 0, 1, 1, 1, 0, 0, 1])
_ROOT, _KIND = (grid.ravel() for grid in np.meshgrid(np.arange(12), _KINDS, indexing="ij"))
_MEMBERS = np.stack(
    [np.roll(CHORD_MEMBERS[kind], root) for root, kind in zip(_ROOT, _KIND, strict=True)]
)
_VOCABULARY = 20  # chords that one harmonisation draws from


def harmonise(
    tune: np.ndarray,
    beats: float,
    bar: float,
    mode: str,
    rng: np.random.Generator,
    step: float | None = None,
    *,
    common: bool = False,
) -> np.ndarray:
    """Find chords for a tune: those that fit its notes, follow each other and suit a taste.

    Parameters
    ----------
    tune : np.ndarray [dtype=LINE_DTYPE]
        Semitones above the tonic.
    beats, bar : float
        Length of the tune and of its bars, in quarter notes.
    mode : str
        A key of ``theory.MODES``.
    rng : np.random.Generator
        The taste: how often chords change, which ones are liked, how far they may leave the scale.
    step : float, optional
        How often they may change, in quarter notes, whatever the taste.
    common : bool
        The taste is common practice, the same for every tune; only chance differs.

    Returns
    -------
    np.ndarray [dtype=CHORD_DTYPE]
        In order, without gaps, from 0 to ``beats``.
    """
    usual = float(rng.choice((1.0, 1.0, bar / 2, bar, bar, 2 * bar)))
    step = step or usual
    starts = np.arange(0, beats - 1e-3, step)
    outside = (_MEMBERS & ~pitch_classes(CHORD_SCALES.get(mode, mode))).sum(axis=1)
    if common:
        liking = -np.tile(1.5 * _RARE, 12) - 0.7 * outside
    else:
        liking = rng.gumbel(0, rng.uniform(0.1, 0.5), len(_ROOT))
        liking += np.tile(rng.uniform(-0.6, 0.7) * _SEVENTH - _RARE, 12)
        liking -= outside * rng.uniform(0.4, 1.5)
    fit = _weights(tune, starts, step) @ (_MEMBERS - 0.35).T  # (slots, chords)
    fit += liking + rng.gumbel(0, 0.15, fit.shape)
    fit[[0, -1]] += 0.8 * (_ROOT == 0)
    known = np.argsort(fit.mean(axis=0))[-_VOCABULARY:]
    following = _following(_ROOT[known], None if common else rng)
    chosen = known[_smoothest(fit[:, known], following)]
    chords = np.zeros(len(starts), CHORD_DTYPE)
    chords["start"] = starts
    chords["duration"] = np.minimum(step, beats - starts)
    chords["root"], chords["kind"] = _ROOT[chosen], _KIND[chosen]
    return chords


def mixed(
    own: np.ndarray, other: np.ndarray, beats: float, bar: float, share: float, rng
) -> np.ndarray:
    """Take some bars from another harmonisation, as a composer does who sets a tune again.

    Parameters
    ----------
    own, other : np.ndarray [dtype=CHORD_DTYPE]
        Two harmonisations of one tune.
    beats, bar : float
        Length of the tune and of its bars, in quarter notes.
    share : float, 0..1
        Probability that a bar is from the other one.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [dtype=CHORD_DTYPE]
        A chord a beat.
    """
    starts = np.arange(0, beats - 1e-3)
    there = (rng.random(int(np.ceil(beats / bar))) < share)[(starts // bar).astype(int)]
    sources = [
        chords[np.searchsorted(chords["start"], starts + 1e-3) - 1] for chords in (own, other)
    ]
    chords = np.where(there, sources[1], sources[0])
    chords["start"], chords["duration"] = starts, np.minimum(1.0, beats - starts)
    return chords


def _weights(tune: np.ndarray, starts: np.ndarray, step: float) -> np.ndarray:
    """Return the share of each slot in which each pitch class is sung, (slots, 12)."""
    ends = tune["start"] + tune["duration"]
    early = np.maximum(tune["start"][None], starts[:, None])
    shares = np.clip(np.minimum(ends[None], starts[:, None] + step) - early, 0, None) / step
    pitch = np.round(tune["pitch"]).astype(int) % 12
    return 2.5 * shares @ np.eye(12)[pitch]


def _following(roots: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    """Return how well each chord follows each other one: down a fifth best, staying by taste."""
    liked = np.array([0.0, -0.2, 0.1, 0.1, 0.1, 0.4, -0.5, 0.2, 0.1, 0.15, 0.1, -0.2])
    if rng:
        liked[0] = rng.uniform(-0.6, 0.4)
        liked += rng.normal(0, 0.15, 12)
    return liked[(roots[None] - roots[:, None]) % 12]  # (from, to)


def _smoothest(fit: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Return the chords of the best path through all slots (Viterbi)."""
    best, came = fit[0], []
    for here in fit[1:]:
        reached = best[:, None] + following
        came.append(reached.argmax(axis=0))
        best = reached.max(axis=0) + here
    path = [int(best.argmax())]
    for back in reversed(came):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1])
