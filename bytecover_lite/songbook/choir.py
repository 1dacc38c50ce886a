"""Four parts instead of a band: voices that move with the chords (chapter: your own corpus)."""

from __future__ import annotations

import numpy as np

from .cast import ALL_GROUPS, GROUPS
from .leading import lead_voices
from .reharmonise import harmony_below
from .song import Score, Song, tonic_near
from .theory import LINE_DTYPE
from .version import Part
from .voicing import voicings

_VOICES = (("alto", 57, "close", 2), ("tenor", 50, "close", 1), ("low", 38, "bass", 0))


def write_choir(score: Score, song: Song) -> None:
    """Write alto, tenor and bass, in some versions doubled by a second group."""
    if song.style.consort is not None:
        _write_consort(score, song)
        return
    rng = song.rngs["genre"]
    for level in (0.75, 0.4)[: 1 + (rng.random() < 0.3)]:
        for program, voice in zip(GROUPS[rng.integers(len(GROUPS))][1:], _VOICES, strict=True):
            name, register, style, row = voice
            pitch = voicings(song.chords, song.tonic, register, style)[:, row]
            _write_voice(score, song, _part(rng, name, program, level), pitch)


def _write_consort(score: Score, song: Song) -> None:
    """Write four parts as printed: each moves by itself; equally loud, unless they move much."""
    rng, base = song.rngs["genre"], tonic_near(song.tonic, song.style.lead_octave)
    texture, tune = song.style.texture, song.plan.melody
    moving, dice = texture.moving, song.rngs["melody"]
    lines = _independent(song, base, rng) if texture.school else _beneath_the_tune(song, base, rng)
    bass = lines[-1]
    if moving:
        scale, share = np.unique(np.round(tune["pitch"]) % 12), rng.uniform(0.35, 1.0)
        lines = [_divide(line, scale, dice, share) for line in lines]
    else:
        lines = [_walk(line, dice) for line in lines]
    groups = [(ALL_GROUPS[song.style.consort], 1.0), (GROUPS[rng.integers(len(GROUPS))], 0.4)]
    if moving and rng.random() < 0.25:  # each on an instrument of its own
        mixed = [ALL_GROUPS[rng.integers(len(ALL_GROUPS))][place] for place in range(4)]
        groups[0] = (tuple(mixed), 1.0)
    spread = 0.2 if moving else 0.1
    for programs, level in groups[: 1 + (rng.random() < 0.3)]:
        for name, program, line in zip(("alto", "tenor", "low"), programs[1:], lines, strict=True):
            part = _part(rng, name, program, level * 10 ** rng.normal(0, spread))
            score.add(part, line["start"], line["duration"], line["pitch"] + base, line["velocity"])
    if rng.random() < 0.3:  # an organ's or a double bass's octave
        part = _part(rng, "low octave", 16, 0.6)
        score.add(
            part, bass["start"], bass["duration"], bass["pitch"] + base - 12, bass["velocity"]
        )


def _beneath_the_tune(song: Song, base: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return alto and tenor that keep to the tune or to their place, and a bass of chord tones."""
    tune = song.plan.melody
    if song.style.texture.moving and rng.random() < 0.5:
        middle = base + round(float(np.median(tune["pitch"])))
        alto, tenor = _beneath(song, base, middle - 10), _beneath(song, base, middle - 17)
    else:
        alto = harmony_below(tune, song.chords)
        tenor = harmony_below(alto, song.chords)
    if rng.random() < 0.5:  # open position: the tenor takes the alto's note an octave lower
        alto, tenor = tenor, alto
        tenor["pitch"] -= 12
    bass = _chord_line(song)
    row = rng.choice(3, len(bass), p=(0.65, 0.25, 0.1))  # root, third or fifth
    bass["pitch"] = voicings(song.chords, song.tonic, 38, "bass")[np.arange(len(row)), row] - base
    return [alto, tenor, bass]


def _independent(song: Song, base: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return alto, tenor and bass by the rules of voice leading, kept more or less strictly."""
    tune = song.plan.melody
    sung = np.searchsorted(tune["start"], song.chords["start"] + 1e-3) - 1
    top = tune["pitch"][np.maximum(sung, 0)] + base
    freedom = rng.choice((0.1, 0.3, 0.6, 1.0))
    voices = lead_voices(top, song.chords, song.tonic, freedom, rng)
    lines = [_chord_line(song) for _ in range(3)]
    for line, pitches in zip(lines, voices.T, strict=True):
        line["pitch"] = pitches - base
    return lines


def _chord_line(song: Song) -> np.ndarray:
    """Return a line of one note a chord, without pitches."""
    line = np.zeros(len(song.chords), LINE_DTYPE)
    line["start"], line["duration"] = song.chords["start"], song.chords["duration"] * 0.96
    line["velocity"] = 0.78
    return line


def _beneath(song: Song, base: int, register: int) -> np.ndarray:
    """Return a part that stays where it is while the tune goes its way: a tone of each chord."""
    line = _chord_line(song)
    line["pitch"] = voicings(song.chords, song.tonic, register, "close")[:, 1] - base
    return line


def _divide(line: np.ndarray, scale: np.ndarray, rng, share: float) -> np.ndarray:
    """Divide a share of the notes in two: on the way to the next one, or around it.

    Parameters
    ----------
    line : np.ndarray [dtype=LINE_DTYPE]
    scale : np.ndarray
        Semitones above the tonic that may be passed through, 0..11.
    rng : np.random.Generator
    share : float, 0..1
    """
    line["velocity"] = 0.78
    coming = np.diff(line["pitch"], append=line["pitch"][-1:])
    chosen = (line["duration"] > 0.8) & (rng.random(len(line)) < share)
    away = np.where(rng.random(len(line)) < 0.5, 1, -1)
    towards = np.sign(coming)
    far = np.abs(coming) > 4  # leaps are met half way
    near = np.abs(coming) < 3  # steps and repeated notes turn aside first
    origin = line["pitch"] + np.where(far, np.trunc(coming / 2), 0) - np.where(far, towards, 0)
    direction = np.where(near, np.where(towards == 0, away, -towards), towards)
    reached = np.round(origin)[:, None] + direction[:, None] * np.arange(1, 5)
    first = np.isin(reached % 12, scale).argmax(axis=1)
    second = line[chosen].copy()
    line["duration"][chosen] /= 2
    second["duration"] /= 2
    second["start"] += second["duration"]
    second["pitch"] = reached[np.arange(len(line)), first][chosen]
    return np.concatenate([line, second])


def _walk(line: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill thirds with passing notes, and let some notes come late (suspensions)."""
    line["velocity"] = 0.78
    coming = np.diff(line["pitch"], append=line["pitch"][-1:])
    came = np.diff(line["pitch"], prepend=line["pitch"][:1])
    dice, long = rng.random(len(line)), line["duration"] > 0.8
    passing = long & np.isin(np.abs(coming), (3, 4)) & (dice < 0.5)
    late = long & np.isin(np.abs(came), (1, 2)) & (dice > 0.85) & ~passing
    second = line[passing | late].copy()
    line["duration"][passing | late] /= 2
    second["duration"] /= 2
    second["start"] += second["duration"]
    middle = line["pitch"] + np.sign(coming) * (np.abs(coming) - 2)
    second["pitch"] = np.where(passing, middle, line["pitch"])[passing | late]
    line["pitch"] -= np.where(late, came, 0)
    return np.concatenate([line, second])


def _part(rng: np.random.Generator, name: str, program: int, level: float) -> Part:
    return Part(name, int(program), gain=level, colour=int(rng.integers(1, 1 << 20)))


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
