"""Sections laid end to end, and beats turned into seconds (chapter: your own corpus)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .compose import METERS, Work

ENERGY = {
    "intro": 0.35,
    "verse": 0.5,
    "pre-chorus": 0.65,
    "chorus": 0.95,
    "bridge": 0.6,
    "solo": 0.8,
    "outro": 0.5,
}


@dataclass(frozen=True, eq=False)
class Timeline:
    """A song as played, in beats.

    Parameters
    ----------
    bar : float
        Beats in a bar.
    bar_starts, energy : np.ndarray [shape=(bars,)]
        Beats; 0 calm to 1 full.
    section : np.ndarray [shape=(bars,), int]
        Number of the section, counted as played.
    last_bars : np.ndarray [shape=(bars,), bool]
        The last bar of each section, where a fill belongs.
    chords : np.ndarray [dtype=CHORD_DTYPE]
        Roots in semitones above the work's tonic, lifted sections included.
    melody, hook, solo : np.ndarray [dtype=LINE_DTYPE]
        Tune; the hook's appearances; places of solos (start and duration of whole sections).
    """

    bar: float
    bar_starts: np.ndarray
    energy: np.ndarray
    section: np.ndarray
    last_bars: np.ndarray
    chords: np.ndarray
    melody: np.ndarray
    hook: np.ndarray
    solo: np.ndarray

    @property
    def beats(self) -> float:
        """Length of the song."""
        return float(self.bar_starts[-1] + self.bar)

    def followed_by(self, other: Timeline) -> Timeline:
        """Return this song with another one of the same bar length after it."""
        joined = {"section": np.append(self.section, other.section + self.section.max() + 1)}
        joined["bar_starts"] = np.append(self.bar_starts, other.bar_starts + self.beats)
        for name in ("energy", "last_bars"):
            joined[name] = np.append(getattr(self, name), getattr(other, name))
        for name in ("chords", "melody", "hook", "solo"):
            later = _shifted(getattr(other, name), self.beats)
            joined[name] = np.concatenate([getattr(self, name), later])
        return replace(self, **joined)


def lay_out(work: Work, form: tuple[tuple[str, int], ...]) -> Timeline:
    """Concatenate the sections of a form.

    Parameters
    ----------
    work : Work
    form : tuple of (section name, semitones of lift)
    """
    bar, position = METERS[work.meter], 0.0
    starts, energy, numbers, last, chords, melody, hooks, solos = ([] for _ in range(8))
    for index, (name, lift) in enumerate(form):
        section = work.sections[name] if name in work.sections else work.sections["verse"]
        bars = round(section.beats / bar)
        starts.append(position + np.arange(bars) * bar)
        growth = 0.15 * index / len(form)
        energy.append(np.full(bars, min(1.0, ENERGY[name] + growth)))
        numbers.append(np.full(bars, index))
        last.append(np.arange(bars) == bars - 1)
        chords.append(_shifted(section.chords, position, root=lift))
        melody.append(_shifted(section.melody, position, pitch=lift))
        if name in ("intro", "outro"):
            hooks += [
                _shifted(work.hook, position + two * 2 * bar, pitch=lift)
                for two in range(bars // 2)
            ]
        if name == "solo":
            solos.append((position, section.beats, 0, 1))
        position += section.beats
    return Timeline(
        bar=bar,
        bar_starts=np.concatenate(starts),
        energy=np.concatenate(energy),
        section=np.concatenate(numbers),
        last_bars=np.concatenate(last),
        chords=np.concatenate(chords),
        melody=np.concatenate(melody),
        hook=np.concatenate([work.hook[:0], *hooks]),
        solo=np.array(solos, work.hook.dtype),
    )


def _shifted(table: np.ndarray, beats: float, **semitones: int) -> np.ndarray:
    table = table.copy()
    table["start"] += beats
    for column, amount in semitones.items():
        table[column] += amount
    return table


def clock(
    rng: np.random.Generator,
    beats: float,
    tempo: float,
    drift: float,
    swing: float,
    lead_in: float,
    held: np.ndarray | float = 0.0,
):
    """Return a function from beats to seconds: tempo, its drift, a last slowing down, swing.

    Parameters
    ----------
    rng : np.random.Generator
    beats : float
        Length of the song.
    tempo : float
        Beats a minute.
    drift : float
        Standard deviation of the relative tempo changes.
    swing : float, 0..1
        0 straight eighths, 1 triplets.
    lead_in : float
        Seconds before the first beat.
    held : float or np.ndarray [shape=(ceil(beats) + 8,)]
        What each beat is stretched by, 0 where it is in time.
    """
    count = int(np.ceil(beats)) + 8
    wander = np.cumsum(rng.standard_normal(count // 4 + 2)) * drift * 0.5
    wander -= wander.mean()
    log_tempo = np.interp(np.arange(count), np.arange(len(wander)) * 4, wander)
    log_tempo += rng.standard_normal(count) * drift * 0.5
    slow = min(8, count // 4)
    log_tempo[int(beats) - slow : int(beats)] -= drift * np.linspace(0, 6, slow)
    lengths = 60 / tempo * np.exp(-np.clip(log_tempo, -0.5, 0.5)) * (1 + held)
    seconds = np.concatenate([[0], np.cumsum(lengths)])
    offbeat = 0.5 + swing / 6

    def to_seconds(beat: np.ndarray) -> np.ndarray:
        whole = np.floor(beat)
        part = beat - whole
        if swing:
            late = offbeat + (part - 0.5) * (1 - offbeat) * 2
            part = np.where(part < 0.5, part * offbeat * 2, late)
        return np.interp(whole + part, np.arange(len(seconds)), seconds) + lead_in

    return to_seconds
