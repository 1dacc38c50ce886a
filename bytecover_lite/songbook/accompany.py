"""Writing the band: chords, basses and drums from patterns (chapter: your own corpus)."""

from __future__ import annotations

import numpy as np

from .cast import Playing
from .patterns import CHORD_VOICE, FILLS, drum_bar, expand, stack_bars, tonal_bar
from .song import Score, Song
from .voicing import voicings


def write_layer(score: Score, song: Song, playing: Playing) -> None:
    """Write one layer: a pattern a bar, voices from the chords."""
    layer, plan, rng = playing.layer, song.plan, song.rngs["genre"]
    kind = "bass" if layer.register < 45 and layer.voicing != "power" else "comping"
    bars = [tonal_bar(kind, name, song.meter) for name in (playing.calm, playing.full)]
    starts, beats, every = _pulse(song)
    choice = (plan.energy > 0.7).astype(int)
    choice[~_present(song, rng, layer.calm)] = -1
    start, length, accent, voice = expand(stack_bars(bars), choice[every], starts, beats)
    style = "bass" if kind == "bass" else layer.voicing
    table = voicings(song.chords, song.tonic, layer.register, style)
    _voice(score, song, playing, table, start, length, accent, voice)


def write_drums(score: Score, song: Song) -> None:
    """Write the groove, with fills at the ends of sections."""
    plan, rng, grooves = song.plan, song.rngs["genre"], song.style.grooves
    bars = [drum_bar(name, song.meter) for name in grooves]
    bars += [drum_bar(number, song.meter) for number in range(len(FILLS))]
    starts, beats, every = _pulse(song)
    choice = (plan.energy > 0.7).astype(int)
    choice[~_present(song, rng, 0.75)] = -1
    filled = plan.last_bars & (rng.random(len(choice)) < 0.6) & (choice >= 0)
    choice[filled] = len(grooves) + rng.integers(len(FILLS), size=filled.sum())
    start, length, accent, drum = expand(stack_bars(bars), choice[every], starts, beats)
    accent = accent * _loudness(song, start)
    score.add(song.style.drums, start, length, drum.astype(np.float32), accent)


def write_drone(score: Score, song: Song) -> None:
    """Hold the tonic and its fifth, as pipes do; the player breathes every four bars."""
    starts = song.plan.bar_starts[::4]
    length = np.minimum(4 * song.plan.bar, song.plan.beats - starts)
    pitches = 48 + song.tonic % 12 + np.repeat([-12.0, 0.0, 7.0], len(starts))
    loud = np.full(len(pitches), 0.7, np.float32)
    score.add(song.style.drone, np.tile(starts, 3), np.tile(length, 3), pitches, loud)


def _pulse(song: Song):
    """Return pattern starts, pattern length in beats, and the bar that each pattern is in.

    Slow songs may be played in double time (two patterns a bar), fast ones in half time.
    """
    plan, feel = song.plan, song.style.feel
    bars = np.arange(len(plan.bar_starts))
    if feel == 2:
        starts = np.repeat(plan.bar_starts, 2) + np.tile([0, plan.bar / 2], len(bars))
        return starts, plan.bar / 2, np.repeat(bars, 2)
    if feel == 0.5:
        return plan.bar_starts[::2], plan.bar * 2, bars[::2]
    return plan.bar_starts, plan.bar, bars


def _present(song: Song, rng: np.random.Generator, calm: float) -> np.ndarray:
    """Decide for each bar whether a layer plays: less often in calm sections."""
    plan = song.plan
    count = int(plan.section.max()) + 1
    dice = rng.random(count)
    shy = rng.random() > calm  # stays out of calm sections altogether
    chance = np.where(plan.energy > 0.7, 0.94, 0.15 if shy else 0.85)
    return dice[plan.section] < chance


def _loudness(song: Song, beats: np.ndarray) -> np.ndarray:
    """Return how hard a section is played, 0.7 calm to 1 full."""
    return (0.6 + 0.4 * song.plan.energy[song.bar_of(beats)]).astype(np.float32)


def _voice(score, song, playing, table, start, length, accent, voice) -> None:
    """Turn events into notes: one voice each, or a whole chord, cut at the chord's end."""
    chord = song.chord_of(start)
    whole = voice == CHORD_VOICE
    size = 3 if playing.layer.voicing == "power" else 4
    event = np.concatenate([np.flatnonzero(~whole), np.repeat(np.flatnonzero(whole), size)])
    voices = np.concatenate([voice[~whole], np.tile(np.arange(size), whole.sum())])
    ends = song.chords["start"] + song.chords["duration"]
    length = np.minimum(length, ends[chord] - start)[event] * playing.layer.gate
    pitch = table[chord[event], voices].astype(np.float32)
    velocity = (accent * 0.8 * _loudness(song, start))[event]
    score.add(playing.part, start[event], length, pitch, velocity)
