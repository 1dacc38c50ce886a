"""Voice leading: alto, tenor and bass that go ways of their own (chapter: your own corpus).

A second voice that stays a third under the tune repeats its contour. In four parts as choirs sing
them each part has a compass, moves as little as it can, and shares with the tune the chord alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .theory import CHORD_MEMBERS, CHORD_TONES

# Lowest and highest note of alto, tenor and bass, MIDI numbers. Under the lowest tune each still
# has eight semitones, more than the widest gap in any chord: a voicing is always found.
COMPASSES = np.array([[53, 74], [46, 67], [38, 60]])


def lead_voices(
    tune: np.ndarray, chords: np.ndarray, tonic: int, freedom: float, rng: np.random.Generator
) -> np.ndarray:
    """Set each chord for alto, tenor and bass under a tune, by the usual rules of voice leading.

    The cheapest voicing after the one before is taken: small steps, no wide gaps between the upper
    parts, all tones of the chord, its root in the bass, no parallel fifths or octaves, and a bass
    that goes against the tune.

    Parameters
    ----------
    tune : np.ndarray [shape=(n,)]
        MIDI number of the tune at the beginning of each chord.
    chords : np.ndarray [shape=(n,), dtype=CHORD_DTYPE]
    tonic : int
        Pitch class of the key.
    freedom : float, >= 0
        How far chance bends the rules; 0: the same chords are always set the same way.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n, 3), dtype=int64]
        MIDI numbers; each part at most as high as the one above it, where the tune leaves room.
    """
    roots = tonic + chords["root"].astype(np.int64)
    tones = CHORD_TONES[chords["kind"]].astype(np.int64)  # (n, 5)
    members = np.stack(
        [np.roll(CHORD_MEMBERS[k], r % 12) for k, r in zip(chords["kind"], roots, strict=True)]
    )
    chance = freedom * rng.standard_normal((len(chords), 3, 128))
    voices = np.zeros((len(chords), 3), np.int64)
    _lead(np.round(tune).astype(np.int64), roots % 12, tones, members, chance, COMPASSES, voices)
    return voices


@njit(cache=True)
def _lead(tune, roots, tones, members, chance, compasses, voices):
    before = np.array([64, 57, 48])
    for n in range(len(tune)):
        top = max(tune[n], compasses[0, 0] + 7)
        rising = tune[n] - tune[n - 1] if n else 0
        cheapest = np.inf
        for alto in range(compasses[0, 0], min(compasses[0, 1], top) + 1):
            if not members[n, alto % 12]:
                continue
            for tenor in range(compasses[1, 0], min(compasses[1, 1], alto) + 1):
                if not members[n, tenor % 12]:
                    continue
                for bass in range(compasses[2, 0], min(compasses[2, 1], tenor) + 1):
                    if not members[n, bass % 12]:
                        continue
                    cost = chance[n, 0, alto] + chance[n, 1, tenor] + chance[n, 2, bass]
                    cost += _sound(top, alto, tenor, bass, roots[n], tones[n])
                    cost += 0.3 * abs(alto - before[0]) + 0.3 * abs(tenor - before[1])
                    cost += 0.1 * max(abs(bass - before[2]) - 2, 0)
                    if n:
                        cost += _motion(top - rising, before, top, alto, tenor, bass)
                    if cost < cheapest:
                        cheapest = cost
                        voices[n, 0], voices[n, 1], voices[n, 2] = alto, tenor, bass
        before = voices[n]


@njit(cache=True)
def _sound(top, alto, tenor, bass, root, tones):
    """Return how badly the notes of one chord stand together."""
    cost = 0.4 * max(top - alto - 9, 0) + 0.4 * max(alto - tenor - 9, 0)
    cost += 1.5 * (top == alto) + 1.5 * (alto == tenor) + 1.0 * (tenor == bass)
    for place, missing in ((0, 3.0), (1, 2.0), (2, 0.5)):
        tone = (root + tones[place]) % 12
        if tone not in (top % 12, alto % 12, tenor % 12, bass % 12):
            cost += missing
    above = (bass - root) % 12
    return cost + (0.0 if above == 0 else 0.8 if above == tones[1] % 12 else 2.0)


@njit(cache=True)
def _motion(top_before, before, top, alto, tenor, bass):
    """Return how badly the parts move together: parallels, a bass that follows or stands still."""
    cost = 0.4 * (bass == before[2])
    if (bass - before[2]) * (top - top_before) > 0:
        cost += 0.4
    old, new = (top_before, before[0], before[1], before[2]), (top, alto, tenor, bass)
    for i in range(4):
        for j in range(i):
            interval = (new[j] - new[i]) % 12
            if interval in (0, 7) and new[i] != old[i] and (old[j] - old[i]) % 12 == interval:
                cost += 2.0
    return cost
