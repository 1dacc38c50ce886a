"""Writing tune, second voice, hook, solos and fills (chapter: your own corpus)."""

from __future__ import annotations

import numpy as np

from .reharmonise import harmony_below, improvise, ornament, single_voice
from .song import Score, Song
from .theory import LINE_DTYPE


def write_tune(score: Score, song: Song) -> None:
    """Write what the lead does: the tune, and in some versions a second voice under it."""
    style, rng = song.style, song.rngs["melody"]
    tune = ornament(song.plan.melody, rng, style.spread.melody)
    habits = np.random.Generator(np.random.PCG64(style.lead.colour))
    doubled, second, octave = habits.random(3) < (0.3, 0.3, 0.12)
    if style.texture.school:  # every part once
        doubled = second = octave = False
    if style.sung:
        score.add_line(style.lead, tune, style.lead_octave, song.tonic)
        loud = tune[song.plan.energy[song.bar_of(tune["start"])] > 0.85]
        if second:
            below = harmony_below(loud, song.chords)
            score.add_line(style.lead, below, style.lead_octave, song.tonic)
        if octave:
            score.add_line(style.hook, loud, style.lead_octave + 12, song.tonic)
        if doubled:  # the same tune once more, never quite together
            again = loud.copy()
            again["velocity"] *= 0.6
            again["start"] += 0.03
            score.add_line(style.lead, again, style.lead_octave, song.tonic)


def write_hook(score: Score, song: Song) -> None:
    """Write the hook where the form has it, solos, and in some versions fills between phrases."""
    style, plan, rng = song.style, song.plan, song.rngs["melody"]
    lines = [plan.hook, improvise(song.chords, plan.solo, rng)]
    habits = np.random.Generator(np.random.PCG64(style.hook.colour))
    if habits.random() < 0.35:
        gaps = _gaps(plan.melody)
        gaps = gaps[rng.random(len(gaps)) < 0.6]
        lines.append(improvise(song.chords, gaps, rng))
    line = single_voice(np.concatenate(lines))
    score.add_line(style.hook, line, 60, song.tonic)


def _gaps(tune: np.ndarray) -> np.ndarray:
    """Return the rests of at least a beat and a half between the notes of a tune."""
    ends = tune["start"] + tune["duration"]
    rests = tune["start"][1:] - ends[:-1]
    wide = (rests >= 1.5) & (rests <= 9)
    gaps = np.zeros(int(wide.sum()), LINE_DTYPE)
    gaps["start"] = np.ceil(ends[:-1][wide] * 2) / 2
    gaps["duration"] = np.maximum(tune["start"][1:][wide] - gaps["start"], 0.5)
    return gaps
