"""Tunes without chords: hymns, dances, airs (chapter: your own corpus).

Most songs own their harmony. A hymn, a dance or an air owns only its tune: whoever arranges it
finds other chords. A tune here is strophes or strains of phrases that return, walk by step, leap
through chords and come to rest; `harmonise` gives each version chords of its own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from .theory import LINE_DTYPE, MODES


@dataclass(frozen=True)
class Kind:
    """A family of tunes.

    Parameters
    ----------
    name : str
    modes : tuple of str
        Keys of ``theory.MODES``, all of seven notes.
    rhythms : dict of str to tuple of tuple
        For each meter, bars as lengths of notes in quarters, negative for rests.
    endings : dict of str to tuple of tuple
        The same for the last bar of a phrase.
    tempo : (float, float)
        Quarter notes a minute.
    phrase : tuple of int
        Bars a phrase may have.
    schemes : tuple of tuple of str
        Phrases of each strain, by letter; a capital phrase ends at home.
    leap : float, 0..1
        How often a tune moves by more than a step.
    """

    name: str
    modes: tuple[str, ...]
    rhythms: dict[str, tuple[tuple[float, ...], ...]]
    endings: dict[str, tuple[tuple[float, ...], ...]]
    tempo: tuple[float, float]
    phrase: tuple[int, ...]
    schemes: tuple[tuple[str, ...], ...]
    leap: float


_CHURCH = ("major", "major", "minor", "dorian", "mixolydian")
# fmt: off
KINDS = (
    Kind(
        "hymn", _CHURCH,
        {
            "4/4": ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 2), (2, 1, 1), (1, 1, 1, 0.5, 0.5),
                (0.5, 0.5, 1, 1, 1), (1.5, 0.5, 1, 1), (1, 0.5, 0.5, 1, 1)),
            "3/4": ((1, 1, 1), (2, 1), (1, 1, 0.5, 0.5), (1.5, 0.5, 1), (1, 2)),
        },
        {"4/4": ((1, 1, 2), (4,), (2, 2), (1, 3)), "3/4": ((3,), (2, -1), (1, 2))},
        (56, 110), (2, 2, 4), (("abaB",), ("aabC",), ("abcD",), ("abab", "cD"), ("ababcD",),
            ("aB", "cdaB"), ("abc", "deF")), 0.16,
    ),
    Kind(
        "dance", ("major", "major", "dorian", "mixolydian", "minor"),
        {
            "4/4": ((0.5,) * 8, (0.5,) * 8, (1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
                (0.5, 0.5, 0.5, 0.5, 1, 0.5, 0.5), (0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25),
                (1, 0.5, 0.5, 1, 0.5, 0.5), (1, 1, 0.5, 0.5, 1)),
            "6/8": ((0.5,) * 6, (0.5,) * 6, (1, 0.5, 1, 0.5), (1, 0.5, 0.5, 0.5, 0.5),
                (0.5, 0.5, 0.5, 1, 0.5)),
            "3/4": ((1, 0.5, 0.5, 0.5, 0.5), (1, 1, 1), (1.5, 0.5, 1), (0.5,) * 6, (2, 1)),
        },
        {
            "4/4": ((0.5, 0.5, 0.5, 0.5, 2), (1, 1, 2), (0.5, 0.5, 1, 1, 1)),
            "6/8": ((0.5, 0.5, 0.5, 1.5), (1.5, 1.5), (1, 0.5, 1.5)),
            "3/4": ((3,), (1, 2), (2, 1)),
        },
        (100, 220), (2, 2, 4), (("abaC", "dedF"), ("aaaB", "cccD"), ("abaB", "cdcD", "efeF"),
            ("abcD", "efgD"), ("abaB", "cdaB")), 0.42,
    ),
    Kind(
        "air", ("major", "minor", "dorian", "mixolydian", "major"),
        {
            "4/4": ((1, 1, 1, 1), (1.5, 0.5, 1, 1), (0.5, 0.5, 1, 1, 1), (2, 1, 0.5, 0.5),
                (1, 0.5, 0.5, 1.5, 0.5), (-1, 1, 1, 1), (0.5, 0.5, 0.5, 0.5, 1, 1), (3, 1)),
            "3/4": ((1, 1, 1), (2, 1), (1.5, 0.5, 1), (1, 0.5, 0.5, 1), (0.5, 0.5, 2)),
            "6/8": ((1, 0.5, 1, 0.5), (1.5, 1, 0.5), (0.5, 0.5, 0.5, 1, 0.5), (1, 0.5, 1.5)),
        },
        {"4/4": ((2, -2), (3, -1), (4,), (1, 2, -1)), "3/4": ((3,), (2, -1)),
            "6/8": ((3,), (1.5, 1, -0.5), (1, 0.5, 1.5))},
        (60, 130), (2, 4), (("aabA",), ("aaBA",), ("abaB", "cdaB"), ("abcB",), ("aB", "cB")), 0.3,
    ),
)
HYMN = Kind(  # longer than those above, and mostly one note a beat, as in four parts
    "hymn", _CHURCH,
    {
        "4/4": ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 0.5, 0.5, 1), (1, 0.5, 0.5, 1, 1),
            (1.5, 0.5, 1, 1), (2, 1, 1), (0.5, 0.5, 1, 1, 1), (1, 1, 1, 0.5, 0.5)),
        "3/4": ((1, 1, 1), (1, 1, 1), (2, 1), (1, 0.5, 0.5, 1), (1.5, 0.5, 1), (1, 2)),
    },
    {"4/4": ((1, 1, 2), (2, 2), (1, 1, 1, -1), (1, 3), (4,)), "3/4": ((3,), (2, -1), (1, 2))},
    (54, 104), (2, 2, 2, 4), (("abab", "cdeF"), ("abab", "cdE"), ("abab", "cdefG"), ("abcD",),
        ("abcdeF",), ("abcd", "efgH"), ("abab", "cdcE"), ("aabb", "cdE")), 0.16,
)
PSALM = Kind(  # one note a beat, phrase after phrase: nothing but the pitches tells two apart
    "psalm", ("major", "major", "minor", "minor", "dorian"),
    {
        "4/4": ((1, 1, 1, 1),) * 5 + ((1, 1, 0.5, 0.5, 1), (1, 0.5, 0.5, 1, 1), (1.5, 0.5, 1, 1)),
    },
    {"4/4": ((1, 1, 2), (1, 1, 1, -1), (1, 1, 1, 1), (2, 2))},
    (58, 92), (2,), (("abab", "cdeF"), ("abab", "cdE"), ("abab", "cdefG"), ("abcdeF",),
        ("abcd", "efgH"), ("abcD",), ("abab", "cD")), 0.16,
)
# fmt: on


def write_tune(rng: random.Random, kinds: tuple[Kind, ...] = KINDS):
    """Write a tune.

    Parameters
    ----------
    rng : random.Random
    kinds : tuple of Kind
        One of which it is.

    Returns
    -------
    kind, mode, meter : str
    tempo : float
        Quarter notes a minute.
    strains : list of (float, np.ndarray [dtype=LINE_DTYPE])
        Length in beats and notes of each, semitones above the tonic; one to three.
    """
    kind = rng.choice(kinds)
    mode, meter = rng.choice(kind.modes), rng.choice(sorted(kind.rhythms))
    scheme, bars = rng.choice(kind.schemes), rng.choice(kind.phrase)
    leap = kind.leap * rng.uniform(0.6, 1.4)
    phrases = {
        letter: _phrase(rng, kind, meter, bars, leap) for letter in sorted({*"".join(scheme)})
    }
    beats = bars * (4.0 if meter == "4/4" else 3.0)
    strains = []
    for number, letters in enumerate(scheme):
        lift = rng.choice((0, 0, 2, 3, -2)) if number else 0
        rows = []
        for place, letter in enumerate(letters):
            last = place == len(letters) - 1
            rows += _sing(phrases[letter], mode, lift, place * beats, letter.isupper() or last)
        strains.append((beats * len(letters), np.array(rows, LINE_DTYPE)))
    return kind.name, mode, meter, rng.uniform(*kind.tempo), strains


def _phrase(rng: random.Random, kind: Kind, meter: str, bars: int, leap: float):
    """Draw (onset, length, scale degree) of one phrase: a walk that turns back at its bounds."""
    lengths = [rng.choice(kind.rhythms[meter]) for _ in range(bars - 1)]
    if bars > 2 and rng.random() < 0.5:
        lengths[2] = lengths[0]
    values = [value for bar in (*lengths, rng.choice(kind.endings[meter])) for value in bar]
    place, towards = rng.choice((0, 0, 2, 4, 4, 7)), rng.choice((-1, 1))
    onset, notes = 0.0, []
    for value in values:
        if value > 0:
            notes.append((onset, value, place))
            towards = -towards if rng.random() < 0.3 else towards
            place += _move(rng, towards, leap)
            if not -4 <= place <= 10:
                towards = 1 if place < 3 else -1
                place += 2 * towards * rng.randint(1, 2)
        onset += abs(value)
    return notes


def _move(rng: random.Random, towards: int, leap: float) -> int:
    """Return the next move in scale degrees."""
    roll = rng.random()
    if roll < leap:
        return rng.choice((2, 2, 2, 3, 4, 5, -2, -3)) * towards
    return 0 if roll < leap + 0.12 else towards


def _sing(phrase, mode: str, lift: int, offset: float, home: bool):
    """Turn scale degrees into semitones; a phrase that ends at home bends its last notes there."""
    scale, degrees = MODES[mode], [degree + lift for _, _, degree in phrase]
    if home:
        target = 7 * round(degrees[-1] / 7)
        degrees[-1] = target
        if len(degrees) > 2:
            degrees[-2] = target + (1 if degrees[-3] >= target else -1)
    rows = []
    for (onset, length, _), degree in zip(phrase, degrees, strict=True):
        pitch = 12 * (degree // 7) + scale[degree % 7]
        accent = 0.85 if onset % 2 == 0 else 0.72
        rows.append((offset + onset, length * 0.95, pitch, accent))
    return rows
