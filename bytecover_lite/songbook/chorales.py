"""Bach's chorales: tunes that he set two, three, ten times (chapter: your own corpus).

**Real** in this set is the variation: one hymn tune in different harmonisations, often in another
key, with other passing notes, other lengths of notes, sometimes other metre - by one of the best
arrangers there was. Key and notes are those of the score. **Not real** is the sound: a synthesizer
plays, on instruments no training song has, in a tempo, with fermatas and in a room drawn from the
seed; one verse long, without words.

The scores are read from the installed music21 corpus (encoded by Margaret Greentree and others);
``chorales.csv``, made by ``tables``, lists which of them share a soprano melody.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.errors import BytecoverError

from .families import Member, read_table
from .recordings import record
from .scores import Score, read_score
from .unheard import ENSEMBLES, cast, clock, perform
from .version import Version

TABLE = Path(__file__).with_name("chorales.csv")
VOICES = ("Soprano", "Alto", "Tenor", "Bass")


class VoicesError(BytecoverError):
    """Voices that no chorale has."""


def build(
    out,
    settings: FeatureSettings | None = None,
    *,
    limit_families: int | None = None,
    voices: tuple[str, ...] = VOICES,
    jobs: int = 2,
    seed: int = 0,
    engine: str = "own",
) -> Path:
    """Record the chorale families: a test set of real variation.

    Parameters
    ----------
    out : path-like
        Corpus directory: ``versions.csv``, ``features`` and ``audio``.
    settings : FeatureSettings, optional
        Default: the paper's.
    limit_families : int, optional
        Only so many families, spread over the table. Default: all.
    voices : tuple of str
        Who sings, of ``VOICES``: what tells the tunes apart if the others are silent. Default: all.
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
    VoicesError
        If no voice, or another one, is to sing.
    BytecoverError
        If music21 or its corpus is missing, or ``out`` holds something else.
    """
    if not voices or not set(voices) <= set(VOICES):
        raise VoicesError(f"voices {voices!r}: give some of {', '.join(VOICES)}")
    source = "Bach chorales"
    if set(voices) < set(VOICES):
        source += f" ({', '.join(voice for voice in VOICES if voice in voices)} alone)"
    return record(
        families(limit_families), partial(play, singing=voices), _title, out,
        settings or FeatureSettings(), source=source, jobs=jobs, seed=seed, engine=engine,
    )  # fmt: skip


def families(limit_families: int | None = None) -> list[Member]:
    """Return the chorales of the table, family after family."""
    return read_table(TABLE, limit_families=limit_families)


def play(member: Member, seed: int, singing: tuple[str, ...] = VOICES) -> Version:
    """Perform one chorale; the same performance for the same seed, whoever is silent in it."""
    rng = random.Random(f"{member.file} {seed}")
    score = read_score(member.file)
    voices = dict(zip(VOICES, satb(score), strict=True))
    quarter = 60 / rng.uniform(54, 92)
    time = clock(quarter, _holds(score, voices["Soprano"], rng.uniform(0.2, 1.0)), rng, 0.03)
    name, programs = rng.choice(list(ENSEMBLES.items()))
    lines = [
        (voice, cast(rng, voice, program, 1.0), _line(notes))
        for program, (voice, notes) in zip(programs, voices.items(), strict=True)
    ]
    lines += _doublings(rng, voices)
    played = [line for _, *line in lines]
    version = perform(rng, played, seconds=time, title=_title(member), genre=name)
    return _of_parts(version, [n for n, (voice, *_) in enumerate(lines) if voice in singing])


def _of_parts(version: Version, kept: list[int]) -> Version:
    """Return what some of the parts play in a version."""
    notes = version.notes[np.isin(version.notes["part"], kept)]
    notes["part"] = np.searchsorted(kept, notes["part"])
    return replace(version, notes=notes, parts=tuple(version.parts[part] for part in kept))


def satb(score: Score) -> list[np.ndarray]:
    """Return soprano, alto, tenor and bass; empty when the score is no chorale."""
    found = []
    for voice in VOICES:
        found += [notes for name, notes in score.voices.items() if voice in name][:1]
    return found if len(found) == len(VOICES) else []


def _doublings(rng, voices):
    """Let others play along: a second choir softly, an organ's low octave, a high soprano."""
    lines = []
    if rng.random() < 0.4:
        programs = rng.choice(list(ENSEMBLES.values()))
        for program, (voice, notes) in zip(programs, voices.items(), strict=True):
            lines.append((voice, cast(rng, f"{voice} 2", program, 0.4), _line(notes)))
    if rng.random() < 0.5:
        part = cast(rng, "low octave", rng.choice((19, 70)), 0.6)
        lines.append(("Bass", part, _line(voices["Bass"], -12)))
    if rng.random() < 0.25:
        part = cast(rng, "high octave", rng.choice((72, 74)), 0.3)
        lines.append(("Soprano", part, _line(voices["Soprano"], 12)))
    return lines


def _line(notes: np.ndarray, shift: int = 0) -> np.ndarray:
    return np.stack([notes["start"], notes["duration"], notes["pitch"] + shift], axis=1)


def _holds(score: Score, soprano: np.ndarray, amount: float) -> np.ndarray:
    """Return how much each half quarter is stretched: notes under a fermata are held."""
    end = max(float((notes["start"] + notes["duration"]).max()) for notes in score.voices.values())
    extra = np.zeros(int(np.ceil(2 * end)) + 1)
    for note in soprano[soprano["fermata"]]:
        first, last = round(2 * note["start"]), round(2 * (note["start"] + note["duration"]))
        extra[first:last] = amount
    return extra


def _title(member: Member) -> str:
    return "BWV " + Path(member.file).stem.removeprefix("bwv")
