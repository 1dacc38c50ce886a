"""Beats -> seconds, and what people do: loose time, intonation, wrong notes (your own corpus)."""

from __future__ import annotations

import numpy as np

from .song import Score, Song
from .timeline import clock
from .version import NOTE_DTYPE

_LEAD_IN = 0.3  # seconds before the first beat


def perform(score: Score, song: Song) -> np.ndarray:
    """Play a score.

    Parameters
    ----------
    score : Score
    song : Song
        Its style says how tight and how free the playing is.

    Returns
    -------
    np.ndarray [dtype=NOTE_DTYPE]
    """
    style, rng = song.style, song.rngs["performance"]
    loose = style.spread.performance
    start, length, pitch, velocity, part = score.table()
    count = len(start)
    drift = style.genre.rubato * (0.3 + loose) + 0.012 * loose
    held = _held(song, rng) if style.texture.printed else 0.0
    seconds = clock(rng, song.plan.beats, style.tempo, drift, style.swing, _LEAD_IN, held)
    begin = seconds(start)
    timing = style.genre.tightness * (0.3 + loose)
    notes = np.zeros(count, NOTE_DTYPE)
    notes["duration"] = np.maximum(seconds(start + length) - begin, 0.04)
    notes["start"] = np.maximum(begin + rng.standard_normal(count) * timing, 0)
    notes["velocity"] = np.clip(velocity + rng.standard_normal(count) * 0.06, 0.05, 1)
    drums = np.array([p.drums for p in score.parts])[part]
    sung = np.array([p.name == "lead" for p in score.parts])[part]
    error = rng.standard_normal(count) * np.where(sung, 0.15, 0.02) * loose
    wrong = rng.random(count) < 0.004 * loose
    error += wrong * rng.choice(np.array([-2, -1, 1, 2]), count)
    notes["pitch"] = np.clip(np.where(drums, pitch, pitch + song.lift + error), 12, 120)
    notes["part"] = part
    return notes


def _held(song: Song, rng: np.random.Generator) -> np.ndarray:
    """Return what each beat is stretched by: in some versions the long notes of a tune are held."""
    held = np.zeros(int(np.ceil(song.plan.beats)) + 8)
    tune = song.plan.melody
    last = (tune["start"] + tune["duration"])[tune["duration"] > 1.8].astype(int)
    held[last] = rng.choice((0.0, rng.uniform(0.1, 1.2)))
    return held
