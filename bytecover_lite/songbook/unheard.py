"""Sounds and rooms that are kept for the sets of real variation (chapter: your own corpus).

No genre of the training songs owns one of these General MIDI programs; the check is made whenever
this module is imported. With the engine ``"fluidsynth"`` the sounds themselves were never heard in
training either; the engine ``"own"`` builds them from the same kinds of spectra.
"""

from __future__ import annotations

import random

import numpy as np

from .cast import ALL_GROUPS, STRANGERS
from .cast import DRONES as TRAINED_DRONES
from .genres import GENRES, SINGERS, VOICE
from .version import NOTE_DTYPE, Part, Production, Version

# Soprano, alto, tenor, bass.
ENSEMBLES = {
    "church organ": (19, 19, 19, 19),
    "harpsichord": (6, 6, 6, 6),
    "recorders and reeds": (74, 69, 69, 70),
    "saxophones": (64, 64, 67, 67),
    "mallets": (13, 12, 12, 12),
    "celesta and dulcimer": (8, 8, 15, 15),
    "koto and shamisen": (107, 107, 106, 106),
    "pan pipes": (75, 75, 77, 70),
    "synthetic strings": (51, 51, 51, 51),
    "shawms": (111, 111, 69, 70),
}
# Program and the octaves it plays a tune in, against the notes as printed.
LEADS = (
    (6, 0), (8, 0), (12, -1), (13, 0), (15, 0), (64, 0), (67, -1), (69, -1), (70, -2), (72, 1),
    (74, 0), (75, 0), (77, 0), (104, -1), (106, -1), (107, 0), (111, 0),
)  # fmt: skip
DRONES, PLUCKED, SUSTAINED, BASSES = (111, 51, 19), (6, 15, 104, 107), (19, 51), (70, 67)
RESERVED = frozenset(
    [program for programs in ENSEMBLES.values() for program in programs]
    + [program for program, _ in LEADS]
    + [*DRONES, *PLUCKED, *SUSTAINED, *BASSES]
)
_TRAINED = {VOICE, *SINGERS, *STRANGERS, *TRAINED_DRONES}.union(
    *ALL_GROUPS,
    *((*g.leads, *g.hooks, *(p for layer in g.layers for p in layer.programs))
      for g in GENRES.values())
)  # fmt: skip
if RESERVED & _TRAINED:
    raise AssertionError(f"programs {sorted(RESERVED & _TRAINED)} are kept for real variation")

_TAIL = 1.5  # seconds that the last note rings


def cast(rng: random.Random, name: str, program: int, gain: float) -> Part:
    """Give a part to an instrument of its own colour, a little louder or softer."""
    level = gain * 10 ** (rng.uniform(-2, 2) / 20)
    return Part(name, program, gain=level, colour=rng.randrange(1, 1 << 20))


def perform(rng: random.Random, lines, *, seconds, title: str, genre: str) -> Version:
    """Play lines of notes in time, humanly, in a room.

    Parameters
    ----------
    rng : random.Random
    lines : list of (Part, np.ndarray)
        A part and what it plays, as ``(start, duration, pitch)`` in quarters; shape (n, 3).
    seconds : callable
        Quarters -> seconds, increasing.
    title, genre : str

    Returns
    -------
    Version
    """
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    played = []
    for index, (_, line) in enumerate(lines):
        notes = np.zeros(len(line), NOTE_DTYPE)
        late = np.abs(noise.normal(0, 0.012, len(line)))
        start, end = seconds(line[:, 0]), seconds(line[:, 0] + line[:, 1])
        notes["start"] = start + late
        notes["duration"] = np.maximum((end - start) * rng.uniform(0.8, 0.98), 0.05)
        notes["pitch"], notes["part"] = line[:, 2], index
        notes["velocity"] = np.clip(noise.normal(0.65, 0.07, len(line)), 0.3, 1)
        played.append(notes)
    notes = np.concatenate(played)
    return Version(
        notes=notes,
        parts=tuple(part for part, _ in lines),
        duration=float((notes["start"] + notes["duration"]).max()) + _TAIL,
        production=room(rng),
        title=title,
        genre=genre,
    )


def room(rng: random.Random) -> Production:
    """Draw a recording: mostly live rooms and halls, some of them with a poor microphone."""
    return Production(
        tuning_cents=rng.gauss(0, 12),
        reverb_seconds=rng.uniform(0.4, 3.0),
        reverb_mix=rng.uniform(0.1, 0.5),
        tilt_db=rng.gauss(0, 1),
        low_cut_hz=rng.choice((0, 0, 0, 80, 150)),
        high_cut_hz=rng.choice((float("inf"), float("inf"), 8000, 5000)),
        compression=rng.uniform(0, 0.4),
        loudness_db=rng.uniform(-24, -14),
        noise_db=rng.uniform(-65, -30),
        seed=rng.getrandbits(32),
    )


def clock(quarter: float, extra: np.ndarray, rng: random.Random, drift: float):
    """Make a function from quarters to seconds.

    Parameters
    ----------
    quarter : float
        Seconds of a quarter note.
    extra : np.ndarray [shape=(n,)]
        What each half quarter of the piece is stretched by, 0 where it is in time.
    rng : random.Random
    drift : float
        Standard deviation of the tempo between one half quarter and those around it, relative.
    """
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(64))).normal(0, 1, len(extra) + 15)
    drifts = drift * np.convolve(noise, np.hanning(16) / np.linalg.norm(np.hanning(16)), "valid")
    steps = quarter / 2 * np.exp(drifts) * (1 + extra)
    knots = np.concatenate([[0.0], np.cumsum(steps)])
    return lambda at: np.interp(at, np.arange(len(knots)) / 2, knots)
