"""Work -> version: who plays what, when (chapter: your own corpus).

``arrange`` is the door; ``style`` takes the decisions, ``timeline`` lays the song out,
``reharmonise`` bends chords and tune, and the functions here write the parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .compose import Work
from .patterns import CHORD_VOICE, FILLS, drum_bar, expand, stack_bars, tonal_bar
from .reharmonise import (
    harmony_below,
    improvise,
    ornament,
    reharmonise,
    single_voice,
    voicings,
)
from .style import Playing, Style, choose_style
from .timeline import Timeline, clock, lay_out
from .version import NOTE_DTYPE, Version


def arrange(
    work: Work,
    seed: int,
    *,
    difficulty: str = "real",
    vary: Iterable[str] | Mapping[str, float] | None = None,
) -> Version:
    """Write one version of a work.

    Parameters
    ----------
    work : Work
    seed : int, >= 0
        Seed of the version; other seeds differ in every attribute that varies.
    difficulty : str
        ``"easy"``, ``"real"`` or ``"hard"``: how far versions lie apart.
    vary : iterable of str, or mapping of str to float, optional
        Only these of ``style.ATTRIBUTES`` differ from the work's base version, which all seeds
        share: a set takes the difficulty's amounts; a mapping gives the exact size of the change
        in the units of `Spread` (key: semitones; tempo: octaves of speed; form: edits; tuning:
        cents; the others 0..1). Default: everything varies.

    Returns
    -------
    Version
        Bit-identical for the same arguments.

    Raises
    ------
    ArrangeError
        If the difficulty, an attribute or an amount is not known.
    """
    style = choose_style(work, seed, difficulty, vary)
    plan = lay_out(work, style.form)
    rngs = {name: np.random.Generator(np.random.PCG64(s)) for name, s in style.seeds.items()}
    chords = reharmonise(plan.chords, rngs["harmony"], style.spread.harmony)
    tonic = work.tonic + style.key_shift
    writer = _Writer(style, plan, chords, tonic, rngs)
    writer.lead()
    for playing in style.playings:
        writer.accompaniment(playing)
    if style.grooves:
        writer.drums(work.meter)
    notes, parts = writer.perform(work)
    duration = float((notes["start"] + notes["duration"]).max() + 1.0)
    return Version(
        notes=notes,
        parts=parts,
        duration=duration,
        production=style.production,
        title=work.title,
        genre=style.genre.name,
        key_shift=style.key_shift,
        tempo_factor=style.tempo_factor,
        form=tuple(name for name, _ in style.form),
        seed=seed,
    )


class _Writer:
    """Collects parts in beats, then performs them."""

    def __init__(self, style: Style, plan: Timeline, chords, tonic, rngs) -> None:
        self.style, self.plan, self.chords, self.tonic = style, plan, chords, tonic
        self.rngs = rngs
        self.meter = {4.0: "4/4"}.get(plan.bar)
        self.parts, self.columns = [], []

    def _add(self, part, start, duration, pitch, velocity) -> None:
        index = np.full(len(start), len(self.parts))
        self.parts.append(part)
        self.columns.append((start, duration, pitch, velocity, index))

    def _add_line(self, part, line, octave, tonic) -> None:
        base = octave + (tonic + 6) % 12 - 6
        self._add(part, line["start"], line["duration"], line["pitch"] + base, line["velocity"])

    def lead(self) -> None:
        """Write tune, its second voice, hook and solos."""
        style, plan, rng = self.style, self.plan, self.rngs["melody"]
        amount = style.spread.melody
        tune = ornament(plan.melody, rng, amount)
        self._add_line(style.lead, tune, style.lead_octave, self.tonic)
        voices = np.random.Generator(np.random.PCG64(style.lead.colour))
        if voices.random() < 0.3:
            bar = np.searchsorted(plan.bar_starts, tune["start"] + 1e-3) - 1
            loud = tune[plan.energy[bar] > 0.85]
            second = harmony_below(loud, self.chords)
            self._add_line(style.lead, second, style.lead_octave, self.tonic)
        solos = improvise(self.chords, plan.solo, rng)
        lines = single_voice(np.concatenate([plan.hook, solos]))
        if len(lines):
            self._add_line(style.hook, lines, 60, self.tonic)

    def accompaniment(self, playing: Playing) -> None:
        """Write one layer: a pattern a bar, voices from the chords."""
        layer, plan = playing.layer, self.plan
        meter = self.meter or ("3/4" if playing.part.colour % 2 else "6/8")
        bass = "bass" in layer.name or playing.layer.register < 45
        kind = "bass" if bass and layer.voicing != "power" else "comping"
        table = stack_bars([tonal_bar(kind, name, meter) for name in (playing.calm, playing.full)])
        rng = self.rngs["genre"]
        quiet = rng.random() > layer.calm
        choice = np.where(plan.energy > 0.7, 1, -1 if quiet else 0)
        start, length, accent, voice = expand(table, choice, plan.bar_starts, plan.bar)
        style = "bass" if kind == "bass" else layer.voicing
        table = voicings(self.chords, self.tonic, layer.register, style)
        self._voice(playing, table, start, length, accent, voice)

    def _voice(self, playing, table, start, length, accent, voice) -> None:
        """Turn events into notes: one voice each, or a whole chord, cut at the chord's end."""
        chord = np.searchsorted(self.chords["start"], start + 1e-3) - 1
        whole = voice == CHORD_VOICE
        size = 3 if playing.layer.voicing == "power" else 4
        event = np.concatenate([np.flatnonzero(~whole), np.repeat(np.flatnonzero(whole), size)])
        voices = np.concatenate([voice[~whole], np.tile(np.arange(size), whole.sum())])
        ends = self.chords["start"] + self.chords["duration"]
        length = np.minimum(length, ends[chord] - start)[event] * playing.layer.gate
        pitch = table[chord[event], voices].astype(np.float32)
        self._add(playing.part, start[event], length, pitch, accent[event] * 0.8)

    def drums(self, meter: str) -> None:
        """Write the groove, with fills at the ends of sections."""
        plan, rng = self.plan, self.rngs["genre"]
        bars = [drum_bar(name, meter) for name in self.style.grooves]
        bars += [drum_bar(i, meter) for i in range(len(FILLS))]
        choice = (plan.energy > 0.7).astype(int)
        quiet = rng.random() < 0.4
        choice[(plan.energy < 0.45) & quiet] = -1
        filled = plan.last_bars & (rng.random(len(choice)) < 0.6) & (choice >= 0)
        choice[filled] = 2 + rng.integers(len(FILLS), size=filled.sum())
        start, length, accent, drum = expand(stack_bars(bars), choice, plan.bar_starts, plan.bar)
        self._add(self.style.drums, start, length, drum.astype(np.float32), accent)

    def perform(self, work: Work):
        """Turn beats into seconds and add what people do: loose time, intonation, wrong notes."""
        style, rng = self.style, self.rngs["performance"]
        loose = style.spread.performance
        start, length, pitch, velocity, part = (
            np.concatenate(c) for c in zip(*self.columns, strict=True)
        )
        drift = style.genre.rubato * (0.3 + loose) + 0.012 * loose
        seconds = clock(rng, self.plan.beats, style.tempo, drift, style.swing, 0.3)
        notes = np.zeros(len(start), NOTE_DTYPE)
        begin = seconds(start)
        notes["duration"] = np.maximum(seconds(start + length) - begin, 0.04)
        timing = style.genre.tightness * (0.3 + loose)
        notes["start"] = np.maximum(begin + rng.standard_normal(len(start)) * timing, 0)
        notes["velocity"] = np.clip(velocity + rng.standard_normal(len(start)) * 0.06, 0.05, 1)
        drums = np.array([p.drums for p in self.parts])[part]
        sung = np.array([p.name == "lead" for p in self.parts])[part]
        error = rng.standard_normal(len(start)) * np.where(sung, 0.15, 0.02) * loose
        wrong = rng.random(len(start)) < 0.004 * loose
        error += wrong * rng.choice(np.array([-2, -1, 1, 2]), len(start))
        notes["pitch"] = np.clip(np.where(drums, pitch, pitch + error), 12, 120)
        notes["part"] = part
        return notes, tuple(self.parts)
