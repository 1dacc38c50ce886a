"""Four parts instead of a band: voices that move with the chords (chapter: your own corpus)."""

from __future__ import annotations

import numpy as np

from .song import Score, Song
from .version import Part
from .voicing import voicings

# Programs for alto, tenor and bass: voices, strings, brass, reeds, organs, pianos.
GROUPS = (
    (53, 53, 53), (52, 52, 52), (40, 41, 42), (48, 48, 49), (60, 57, 58), (61, 61, 58),
    (68, 71, 71), (65, 66, 66), (16, 16, 16), (18, 18, 18), (0, 0, 0), (4, 4, 4), (24, 24, 32),
)  # fmt: skip
_VOICES = (("alto", 57, "close", 2), ("tenor", 50, "close", 1), ("low", 38, "bass", 0))


def write_choir(score: Score, song: Song) -> None:
    """Write alto, tenor and bass, in some versions doubled by a second group."""
    rng = song.rngs["genre"]
    for level in (0.75, 0.4)[: 1 + (rng.random() < 0.3)]:
        for program, voice in zip(GROUPS[rng.integers(len(GROUPS))], _VOICES, strict=True):
            name, register, style, row = voice
            pitch = voicings(song.chords, song.tonic, register, style)[:, row]
            part = Part(name, int(program), gain=level, colour=int(rng.integers(1, 1 << 20)))
            _write_voice(score, song, part, pitch)


def _write_voice(score: Score, song: Song, part: Part, pitch: np.ndarray) -> None:
    """Hold each chord's note, or pass through the note between on the way to the next."""
    start, length = song.chords["start"], song.chords["duration"]
    move = np.diff(pitch, append=pitch[-1:])
    passing = np.isin(np.abs(move), (3, 4)) & (song.rngs["melody"].random(len(pitch)) < 0.4)
    middle = pitch + np.sign(move) * (np.abs(move) - 2)
    first = np.where(passing, length / 2, length)
    loud = np.full(len(pitch), 0.7, np.float32)
    score.add(part, start, first * 0.96, pitch.astype(np.float32), loud)
    if passing.any():
        half = (start + first)[passing], first[passing] * 0.96
        score.columns.append(
            (*half, middle[passing].astype(np.float32), loud[passing],
             np.full(int(passing.sum()), len(score.parts) - 1))
        )  # fmt: skip
