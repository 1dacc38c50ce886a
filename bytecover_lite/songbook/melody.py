"""Melodies: motifs, phrases, chord tones on strong beats (chapter: your own corpus).

A phrase is two bars. A section says which phrases return (``"abac"``): a returning phrase keeps
its rhythm and contour and bends to the chords under it, as tunes do.
"""

from __future__ import annotations

import functools
import random

import numpy as np

from .theory import CHORD_MEMBERS, LINE_DTYPE, pitch_classes

_LOW, _HIGH = -7, 21  # semitones around the tonic that a tune may use
_SCHEMES = {
    4: ("aaba", "abab", "abac", "aabb", "aabc", "abca", "abcb", "aaab", "abcd"),
    6: ("aabbca", "abacdc", "ababcd", "aabbcc"),
    8: ("abacabad", "aabaccba", "ababcdcd", "abacdcba", "aabbccdd"),
    2: ("aa", "ab", "ab"),
}
# Onsets within two quarter notes, from calm to busy.
_CELLS = {
    "4/4": (
        ((0,), (0, 1), (0, 1.5), (1,), (0.5,), ()),
        ((0, 1), (0, 1, 1.5), (0, 0.5, 1), (0, 1.5), (0.5, 1, 1.5), (0, 0.5, 1.5), (0, 0.75, 1.5)),
        ((0, 0.5, 1, 1.5), (0, 0.5, 0.75, 1, 1.5), (0, 0.25, 0.5, 1, 1.5), (0, 0.5, 1, 1.25, 1.5),
         (0.5, 0.75, 1, 1.5), (0, 0.75, 1, 1.75), (0, 0.25, 0.5, 0.75, 1)),
    ),
    "3/4": (
        ((0,), (0, 2), (0, 1), (1,), ()),
        ((0, 1, 2), (0, 1.5, 2), (0, 2, 2.5), (0, 0.5, 1, 2), (0, 1, 2.5)),
        ((0, 0.5, 1, 1.5, 2), (0, 1, 1.5, 2, 2.5), (0, 0.5, 1, 2, 2.5), (0, 0.5, 1, 1.5, 2, 2.5)),
    ),
    "6/8": (
        ((0,), (0, 1.5), (0, 2.5), (1.5,), ()),
        ((0, 1, 1.5), (0, 1.5, 2.5), (0, 1, 1.5, 2.5), (0, 0.5, 1, 1.5), (1, 1.5, 2.5)),
        ((0, 0.5, 1, 1.5, 2.5), (0, 0.5, 1, 1.5, 2, 2.5), (0, 1, 1.5, 2, 2.5)),
    ),
}  # fmt: skip


def melody_line(rng, mode, bar, bars, chords, busy, lift, meter) -> np.ndarray:
    """Write the tune of a section.

    Parameters
    ----------
    rng : random.Random
    mode : str
    bar : float
        Quarter notes a bar.
    bars : int, even
    chords : np.ndarray [dtype=CHORD_DTYPE]
    busy : float, 0..1
        Density of notes.
    lift : int
        How many semitones above the middle of the range the section lies.
    meter : str

    Returns
    -------
    np.ndarray [dtype=LINE_DTYPE]
        Starts in beats from the section's beginning, pitches in semitones above the tonic.
    """
    phrases = bars // 2
    scheme = rng.choice(_SCHEMES[phrases])
    motifs = {letter: _motif(rng, meter, busy) for letter in sorted(set(scheme))}
    pool = _pool(mode)
    centre = int(np.searchsorted(pool, 4 + lift + rng.randint(-2, 2)))
    notes = []
    for index, letter in enumerate(scheme):
        last = index == phrases - 1
        offset = index * 2 * bar
        notes += _phrase(rng, motifs[letter], pool, centre, chords, offset, bar, last)
    return np.array(notes, LINE_DTYPE)


def hook_line(rng, mode, bar, chords) -> np.ndarray:
    """Write the instrumental figure that opens the work, two bars long."""
    meter = "4/4" if bar == 4 else "6/8"
    motif = _motif(rng, meter, rng.uniform(0.5, 0.9))
    pool = _pool(mode)
    centre = int(np.searchsorted(pool, rng.choice((0, 4, 7))))
    return np.array(_phrase(rng, motif, pool, centre, chords, 0.0, bar, False), LINE_DTYPE)


@functools.cache
def _pool(mode: str) -> list[int]:
    member = pitch_classes(mode)
    return [p for p in range(_LOW, _HIGH + 1) if member[p % 12]]


def _motif(rng: random.Random, meter: str, busy: float):
    """Draw the rhythm of two bars and the scale steps between its notes."""
    span, cells = (2.0, 4) if meter == "4/4" else (3.0, 2)
    onsets: list[float] = []
    first = None
    for index in range(cells):
        level = min(2, max(0, int(rng.gauss(busy * 2.4, 0.6))))
        cell = rng.choice(_CELLS[meter][level])
        if first is not None and rng.random() < 0.3:
            cell = first  # a rhythm that repeats is one that is remembered
        first = cell if first is None else first
        if index == cells - 1 and rng.random() < 0.6:
            cell = cell[:1]  # take a breath at the phrase's end
        onsets += [index * span + o for o in cell]
    onsets = onsets or [0.0, span]
    leap = rng.uniform(0.1, 0.3)
    steps, direction = [], rng.choice((-1, 1))
    for _ in onsets:
        if rng.random() < 0.35:
            direction = -direction
        roll = rng.random()
        size = 0 if roll < 0.18 else 1 if roll < 1 - leap else rng.choice((2, 2, 3, 4))
        steps.append(direction * size)
    return onsets, steps, rng.randint(-2, 3), rng.uniform(0.75, 1.0)


def _phrase(rng, motif, pool, centre, chords, offset, bar, last):
    """Realise a motif over the chords at ``offset`` beats."""
    onsets, steps, entry, legato = motif
    starts, ends = chords["start"], [*onsets[1:], 2 * bar]
    place, notes = centre + entry, []
    for index, (onset, end, step) in enumerate(zip(onsets, ends, steps, strict=True)):
        place += step if index else 0
        if abs(place - centre) > 5:  # turn back towards the middle of the range
            place -= 2 * step
        place = min(max(place, 0), len(pool) - 1)
        chord = chords[np.searchsorted(starts, offset + onset + 1e-3) - 1]
        final = index == len(onsets) - 1
        pitch = pool[place]
        length = min(end - onset, 2.0 if not final else 4.0)
        if final or (onset % 1 == 0 and (onset % 2 == 0 or length >= 1)):
            pitch = _nearest_chord_tone(pitch, chord["root"], chord["kind"])
        if final and last and rng.random() < 0.6:
            pitch = 12 * round(pitch / 12)
        accent = 0.85 if onset % 2 == 0 else 0.7
        notes.append((offset + onset, length * legato, pitch, accent + 0.1 * rng.random()))
    return notes


def _nearest_chord_tone(pitch: int, root: int, kind: int) -> int:
    for distance in (0, 1, -1, 2, -2, 3, -3):
        if CHORD_MEMBERS[kind, (pitch + distance - root) % 12]:
            return pitch + distance
    return pitch
