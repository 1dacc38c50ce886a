"""What the writers of parts share: the song at hand, and the score they fill (your own corpus)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .style import Style
from .timeline import Timeline
from .version import Part


@dataclass(frozen=True, eq=False)
class Song:
    """A version in the making.

    Parameters
    ----------
    style : Style
    plan : Timeline
    chords : np.ndarray [dtype=CHORD_DTYPE]
        As this version harmonises them.
    tonic : int
        Pitch class of the key that the parts are written in; may exceed 11.
    lift : int
        Semitones by which everything is then transposed: all of the key's change where nothing
        else of the arrangement changes, 0 where the band writes its parts anew in its key.
    meter : str
    rngs : dict of str to np.random.Generator
        One stream for each attribute.
    """

    style: Style
    plan: Timeline
    chords: np.ndarray
    tonic: int
    lift: int
    meter: str
    rngs: dict[str, np.random.Generator]

    def bar_of(self, beats: np.ndarray) -> np.ndarray:
        """Return the bar in which each beat lies."""
        return np.searchsorted(self.plan.bar_starts, beats + 1e-3) - 1

    def chord_of(self, beats: np.ndarray) -> np.ndarray:
        """Return the index of the chord that sounds at each beat."""
        return np.searchsorted(self.chords["start"], beats + 1e-3) - 1


def tonic_near(tonic: int, octave: int) -> int:
    """Return the tonic's MIDI number that lies nearest to ``octave``."""
    return octave + (tonic - octave + 6) % 12 - 6


@dataclass
class Score:
    """Parts and their notes, times in beats."""

    parts: list[Part] = field(default_factory=list)
    columns: list[tuple[np.ndarray, ...]] = field(default_factory=list)

    def add(self, part: Part, start, duration, pitch, velocity) -> None:
        """Add a part with its notes; nothing happens if there are none."""
        if len(start):
            index = np.full(len(start), len(self.parts))
            self.parts.append(part)
            self.columns.append((start, duration, pitch, velocity, index))

    def add_line(self, part: Part, line: np.ndarray, octave: int, tonic: int) -> None:
        """Add a line given in semitones above the tonic, the tonic nearest to ``octave``."""
        base = tonic_near(tonic, octave)
        self.add(part, line["start"], line["duration"], line["pitch"] + base, line["velocity"])

    def table(self) -> tuple[np.ndarray, ...]:
        """Return start, duration, pitch, velocity and part of all notes."""
        return tuple(np.concatenate(column) for column in zip(*self.columns, strict=True))
