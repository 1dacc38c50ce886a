"""Irish, Scottish and American tunes as different books print them (chapter: your own corpus).

**Real** in this set is the variation: O'Neill (Chicago 1903), Ryan (Boston 1883) and Aird (Glasgow
1782-1803) printed the same tunes in other keys and metres, with other turns, endings and numbers of
parts, often under other titles - and other tunes under the same title. Key, notes and repeats are
those of the book. **Not real** is the rest: tempo, instrument, octave, number of rounds, room and
the accompaniment (none, drone, bass, plucked or held chords fitted to the tune) come from the seed,
and a synthesizer plays on instruments that no training song has.

The tunes are read from the installed music21 corpus; ``folk.csv``, made by ``tables``, lists
which of them are the same tune.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np

from bytecover_lite.cqt import FeatureSettings

from .families import Member, read_table
from .recordings import record
from .scores import Score, read_score, tune_text
from .unheard import BASSES, DRONES, LEADS, PLUCKED, SUSTAINED, cast, clock, perform
from .version import Version

TABLE = Path(__file__).with_name("folk.csv")
COLLECTIONS = ("airdsAirs", "oneills1850", "ryansMammoth")
_TRIADS = [(root, third) for root in range(12) for third in (4, 3)]  # major before minor


def build(
    out,
    settings: FeatureSettings | None = None,
    *,
    limit_families: int | None = None,
    jobs: int = 2,
    seed: int = 0,
    engine: str = "own",
) -> Path:
    """Record the families of folk tunes: a test set of real variation.

    Parameters
    ----------
    out : path-like
        Corpus directory: ``versions.csv``, ``features`` and ``audio``.
    settings : FeatureSettings, optional
        Default: the paper's.
    limit_families : int, optional
        Only so many families, spread over the table. Default: all.
    jobs : int
        Processes.
    seed : int
        Of the performances.
    engine : str
        See `render.synthesize`. Scores depend on it; the table's column ``source`` says which.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    BytecoverError
        If music21 or its corpus is missing, or ``out`` holds something else.
    """
    return record(
        families(limit_families), play, title, out, settings or FeatureSettings(),
        source="folk tunes", jobs=jobs, seed=seed, engine=engine,
    )  # fmt: skip


def families(limit_families: int | None = None) -> list[Member]:
    """Return the tunes of the table, family after family."""
    return read_table(TABLE, limit_families=limit_families)


def title(member: Member) -> str:
    """Return what the book calls the tune."""
    found = re.search(r"(?m)^T:\s*(.*?)\s*$", tune_text(member.file, member.number))
    return found[1] if found else f"{Path(member.file).stem} {member.number}"


def play(member: Member, seed: int) -> Version:
    """Perform one tune; the same performance for the same seed."""
    rng = random.Random(f"{member.file} {member.number} {seed}")
    score = read_score(member.file, member.number)
    tune = next(iter(score.voices.values()))
    quarter = rng.uniform(0.15, 0.28) / _usual_length(tune)
    length = float(tune["start"][-1] + tune["duration"][-1])
    rounds = max(1, round(rng.uniform(40, 75) / (length * quarter)))
    program, octaves = rng.choice(LEADS)
    melody = np.stack([tune["start"], tune["duration"], tune["pitch"] + 12 * octaves], axis=1)
    lines = [(cast(rng, "tune", program, 1.0), melody), *accompany(rng, tune, score, length)]
    repeated = [(part, _repeat(line, rounds, length)) for part, line in lines]
    time = clock(quarter, np.zeros(int(2 * length * rounds) + 2), rng, 0.02)
    return perform(rng, repeated, seconds=time, title=title(member), genre=lines[-1][0].name)


def _usual_length(tune) -> float:
    """Return the most common length of a note, in quarters: books note one tune in 2/4 or in C."""
    lengths, counts = np.unique(tune["duration"].round(4), return_counts=True)
    return float(lengths[np.argmax(counts)])


def _repeat(line, rounds: int, length: float) -> np.ndarray:
    return np.concatenate([line + np.array([length * i, 0, 0]) for i in range(rounds)])


def accompany(rng, tune, score: Score, length: float) -> list:
    """Choose and play up to two accompaniments.

    Parameters
    ----------
    rng : random.Random
    tune : np.ndarray [shape=(n,), dtype=SCORE_DTYPE]
    score : Score
        For its bars and beat.
    length : float
        Quarters.

    Returns
    -------
    list of (Part, np.ndarray)
        Lines for `unheard.perform`; empty when the tune is played alone.
    """
    kinds = rng.sample(("drone", "bass", "plucked", "held"), rng.choice((0, 1, 1, 2)))
    chords = fit_chords(rng, tune, score.bars, length)
    return [_LAYERS[kind](rng, chords, score.beat, int(tune["pitch"][-1])) for kind in kinds]


def fit_chords(rng, tune, bars, length: float) -> list[tuple[float, float, int, int]]:
    """Fit a triad of the tune's scale to every bar; other seeds, other chords.

    Parameters
    ----------
    rng : random.Random
        Gives each triad a handicap worth up to a quarter of the bar.
    tune : np.ndarray [shape=(n,), dtype=SCORE_DTYPE]
    bars : np.ndarray
        Where bars begin, in quarters.
    length : float
        Quarters.

    Returns
    -------
    list of (float, float, int, int)
        Start and end in quarters, pitch class of the root, semitones of the third.
    """
    taste = np.array([rng.uniform(0, 0.25) for _ in _TRIADS])
    scale = _weights(tune, 0.0, length)
    known = scale >= np.sort(scale)[-7]
    at_home = [known[[r, (r + third) % 12, (r + 7) % 12]].all() for r, third in _TRIADS]
    chords, bars = [], bars[bars < length - 0.1]
    for start, end in zip(bars, [*bars[1:], length], strict=True):
        here = _weights(tune, start, end)
        fit = [here[[r, (r + third) % 12, (r + 7) % 12]].sum() for r, third in _TRIADS]
        best = int(np.argmax(np.array(fit) + taste * (here.sum() or 1) - 9.0 * ~np.array(at_home)))
        chords.append((float(start), float(end), *_TRIADS[best]))
    return chords


def _weights(tune, start: float, end: float) -> np.ndarray:
    """Return how long each pitch class sounds between two moments."""
    ends = np.minimum(tune["start"] + tune["duration"], end)
    sounding = np.maximum(ends - np.maximum(tune["start"], start), 0)
    return np.bincount(tune["pitch"] % 12, sounding, minlength=12)


def _drone(rng, chords, beat, last):
    """Hold the last note and its fifth all along, as pipes do."""
    low, end = 48 + (last - 48) % 12, chords[-1][1]
    line = [(start, end - start, pitch) for start in (0.0,) for pitch in (low - 12, low, low + 7)]
    return cast(rng, "drone", rng.choice(DRONES), 0.35), np.array(line)


def _bass(rng, chords, beat, last):
    """Play roots, and fifths half a bar later."""
    line = []
    for start, end, root, _ in chords:
        half, low = (end - start) / 2, 36 + (root - 36) % 12
        line += [(start, half, low), (start + half, half, low + 7 - 12 * (low > 42))]
    return cast(rng, "bass", rng.choice(BASSES), 0.6), np.array(line)


def _plucked(rng, chords, beat, last):
    """Strike the chord on every beat, or the root and then the chord."""
    boom, line = rng.random() < 0.5, []
    for start, end, root, third in chords:
        low = 48 + (root - 48) % 12
        for index, at in enumerate(np.arange(start, end - 1e-6, beat)):
            pitches = (low - 12,) if boom and index % 2 == 0 else (low, low + third, low + 7)
            line += [(at, min(beat, end - at), pitch) for pitch in pitches]
    return cast(rng, "plucked", rng.choice(PLUCKED), 0.45), np.array(line)


def _held(rng, chords, beat, last):
    """Hold the chord of every bar."""
    line = []
    for start, end, root, third in chords:
        low = 48 + (root - 48) % 12
        line += [(start, end - start, low + above) for above in (0, third, 7)]
    return cast(rng, "held", rng.choice(SUSTAINED), 0.3), np.array(line)


_LAYERS = {"drone": _drone, "bass": _bass, "plucked": _plucked, "held": _held}
