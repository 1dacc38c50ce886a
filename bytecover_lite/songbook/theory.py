"""Scales and chords as numbers: the little music theory that composing and arranging need.

Chapter: your own corpus. Pitches are semitones above the tonic, chords are written as Roman
numerals (``"bVII"``, ``"ii7"``, ``"V7/ii"`` is written ``"VI7"``).
"""

from __future__ import annotations

import functools
import re

import numpy as np

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}
# Scales of five or six notes take their chords from a full one.
CHORD_SCALES = {
    "pentatonic": "major",
    "minor pentatonic": "dorian",
    "blues": "mixolydian",
    "harmonic minor": "minor",
}

KINDS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "dim": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "add9": (0, 4, 7, 14),
    "9": (0, 4, 7, 10, 14),
    "m9": (0, 3, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "5": (0, 7),
}
KIND_INDEX = {name: index for index, name in enumerate(KINDS)}
KIND_NAMES = tuple(KINDS)

# Chord tones by kind, padded by repeating an octave higher, so that every row has five voices.
CHORD_TONES = np.array([(tones + tuple(t + 12 for t in tones) * 2)[:5] for tones in KINDS.values()])
CHORD_SIZE = np.array([len(tones) for tones in KINDS.values()])
# CHORD_MEMBERS[kind, semitones above the root mod 12] is true for chord tones.
CHORD_MEMBERS = np.zeros((len(KINDS), 12), dtype=bool)
for _row, _tones in enumerate(KINDS.values()):
    CHORD_MEMBERS[_row, [t % 12 for t in _tones]] = True

CHORD_DTYPE = np.dtype(
    [("start", "f4"), ("duration", "f4"), ("root", "i2"), ("kind", "i2")]  # beats; semitones
)
LINE_DTYPE = np.dtype(
    [("start", "f4"), ("duration", "f4"), ("pitch", "f4"), ("velocity", "f4")]  # beats; semitones
)

_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_NUMERAL = re.compile(r"^([b#]?)([ivIV]+)(.*)$")


@functools.cache
def parse_numeral(numeral: str) -> tuple[int, int]:
    """Read one Roman numeral.

    Parameters
    ----------
    numeral : str
        Like ``"I"``, ``"ii7"``, ``"bVII"``, ``"Vsus4"``, ``"viidim"``; small letters are minor.

    Returns
    -------
    (root, kind) : (int, int)
        Semitones above the tonic, 0..11, and index into ``KIND_NAMES``.

    Raises
    ------
    KeyError
        If the numeral or its suffix is not known.
    """
    accidental, letters, suffix = _NUMERAL.match(numeral).groups()
    root = _DEGREES[letters.lower()] + {"": 0, "b": -1, "#": 1}[accidental]
    if letters.islower() and suffix in ("", "7", "6", "9"):
        suffix = "m" + suffix
    return root % 12, KIND_INDEX[suffix]


@functools.cache
def parse_progression(text: str) -> tuple[tuple[int, int], ...]:
    """Read numerals separated by blanks, one chord a bar; see `parse_numeral`."""
    return tuple(parse_numeral(numeral) for numeral in text.split())


@functools.cache
def pitch_classes(mode: str) -> np.ndarray:
    """Return which of the 12 pitch classes above the tonic belong to a mode, bool [shape=(12,)]."""
    member = np.zeros(12, dtype=bool)
    member[list(MODES[mode])] = True
    return member
