"""Chords as pitches: which voices an instrument plays (chapter: your own corpus)."""

from __future__ import annotations

import numpy as np

from .theory import CHORD_TONES


def voicings(chords: np.ndarray, tonic: int, register: int, style: str) -> np.ndarray:
    """Return the pitches of each chord's voices, MIDI numbers.

    Parameters
    ----------
    chords : np.ndarray [dtype=CHORD_DTYPE]
    tonic : int
        Pitch class of the key.
    register : int
        MIDI number at the bottom of the octave used, so that voices move little between chords.
    style : str
        ``"close"``, ``"open"`` (every other voice an octave up), ``"power"`` (root, fifth, octave)
        or ``"bass"`` (root, third, fifth, octave, step into the next root).

    Returns
    -------
    np.ndarray [shape=(chords, 8), int]
        From the lowest voice up, except for ``"bass"``.
    """
    root = register + (tonic + chords["root"].astype(int) - register) % 12
    tones = CHORD_TONES[chords["kind"]]
    if style == "power":
        return root[:, None] + np.array([0, 7, 12, 19, 24, 31, 36, 43])
    if style == "bass":
        following = np.append(root[1:], root[:1])
        third, fifth = tones[:, 1], tones[:, 2]
        rows = [root, root + third, root + fifth, root + 12, following - 1, root, root, root]
        return np.stack(rows, axis=1)
    pitches = register + (root[:, None] + tones - register) % 12
    four = np.sort(pitches[:, :4], axis=1)
    three = np.sort(pitches[:, :3], axis=1)
    triad = tones[:, 3] % 12 == tones[:, 0] % 12  # the fourth voice doubles the first
    closed = np.where(triad[:, None], np.append(three, three[:, :1] + 12, axis=1), four)
    if style == "open":
        closed = closed + np.array([0, 12, 0, 12])
    return np.concatenate([closed, closed + 12], axis=1)
