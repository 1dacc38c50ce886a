"""Changing chords and tunes as players do (chapter: your own corpus)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .theory import CHORD_MEMBERS, KIND_INDEX, MODES

_SEVENTH = {"": ("maj7", "6", "add9", "sus2"), "m": ("m7", "m9"), "7": ("9",), "5": ("5",)}
_PLAIN = {"maj7": "", "7": "", "m7": "m", "6": "", "add9": "", "9": "7", "maj9": "", "m9": "m"}
_KINDS = tuple(KIND_INDEX)


def reharmonise(chords: np.ndarray, rng: np.random.Generator, amount: float) -> np.ndarray:
    """Replace some chords by related ones, the same way at every return of the same chord.

    Parameters
    ----------
    chords : np.ndarray [dtype=CHORD_DTYPE]
    rng : np.random.Generator
    amount : float, 0..1
        Share of chord symbols that change root; colouring (sevenths, plain triads) comes on top.
    """
    chords = chords.copy()
    colour = rng.choice(3, p=[1 - min(0.9, 2.5 * amount), *(min(0.9, 2.5 * amount) / 2,) * 2])
    symbols = np.unique(chords[["root", "kind"]])
    for symbol in symbols:
        same = (chords["root"] == symbol["root"]) & (chords["kind"] == symbol["kind"])
        root, kind = int(symbol["root"]), _KINDS[symbol["kind"]]
        if rng.random() < amount:
            root, kind = _related(rng, root, kind)
        if colour == 1 and kind in _SEVENTH:
            kind = str(rng.choice(_SEVENTH[kind]))
        elif colour == 2:
            kind = _PLAIN.get(kind, kind)
        chords["root"][same], chords["kind"][same] = root, KIND_INDEX[kind]
    once = rng.random(len(chords)) < 0.3 * amount  # and now and then a single surprise
    for place in np.flatnonzero(once):
        root, kind = _related(rng, int(chords["root"][place]), _KINDS[chords["kind"][place]])
        chords["root"][place], chords["kind"][place] = root, KIND_INDEX[kind]
    return chords


def _related(rng: np.random.Generator, root: int, kind: str) -> tuple[int, str]:
    """Return a chord that shares two tones with (or leads like) the given one."""
    minor = kind.startswith("m") and not kind.startswith("maj")
    if kind in ("7", "9") and rng.random() < 0.5:
        return root + 6, "7"  # tritone substitution
    if minor:
        return ((root + 3, ""), (root - 4, ""), (root, "m7"), (root, ""))[rng.choice(4)]
    return ((root - 3, "m"), (root + 4, "m"), (root, "sus4"), (root + 5, "add9"))[rng.choice(4)]


def ornament(line: np.ndarray, rng: np.random.Generator, amount: float) -> np.ndarray:
    """Sing a tune freely: grace notes, repeated and dropped notes, early and late entries.

    Parameters
    ----------
    line : np.ndarray [dtype=LINE_DTYPE]
    rng : np.random.Generator
    amount : float, 0..1
    """
    if not amount or not len(line):
        return line.copy()
    dice = rng.random((4, len(line)))
    line = line[dice[0] > 0.15 * amount].copy()
    dice = dice[:, : len(line)]
    shift = rng.choice(np.array([-0.5, -0.25, 0.25, 0.5]), len(line))
    line["start"] = np.maximum(line["start"] + shift * (dice[1] < 0.3 * amount), 0)
    step = rng.choice(np.array([-2, -1, 1, 2, 3, -3]), len(line))
    line["pitch"] += step * (dice[2] < 0.12 * amount)
    split = line[(dice[3] < 0.2 * amount) & (line["duration"] > 0.6)]
    later = split.copy()
    later["start"] += split["duration"] / 2
    later["duration"] /= 2
    later["pitch"] += rng.choice(np.array([0, 0, 2, -2]), len(later))
    graced = line[dice[3] > 1 - 0.25 * amount].copy()
    graced["start"] = np.maximum(graced["start"] - 0.15, 0)
    graced["duration"] = 0.15
    graced["pitch"] += rng.choice(np.array([-2, -1, 1, 2]), len(graced))
    line = np.concatenate([line, later, graced])
    return single_voice(line)


def single_voice(line: np.ndarray) -> np.ndarray:
    """Sort a line and end each note where the next begins; notes too short to hear are dropped."""
    line = line[np.argsort(line["start"], kind="stable")]
    if len(line):
        gap = np.diff(line["start"], append=line["start"][-1] + 16)
        line["duration"] = np.minimum(line["duration"], gap)
    return line[line["duration"] > 0.05]


def improvise(chords, spans, rng: np.random.Generator) -> np.ndarray:
    """Play a solo over chords: eighths that walk, and land on chord tones on the beat."""
    lines = []
    for span in spans:
        slots = np.arange(0, span["duration"], 0.5)
        slots = slots[rng.random(len(slots)) < rng.uniform(0.5, 0.95)]
        walk = np.cumsum(rng.choice(np.array([-2, -1, -1, 1, 1, 2, 3, -3]), len(slots)))
        walk = 7 + np.abs((walk + 14) % 28 - 14) - 7.0  # fold into an octave and a half
        start = span["start"] + slots
        chord = chords[np.searchsorted(chords["start"], start + 1e-3) - 1]
        pitch = walk.round()
        for shift in (1, -1, 1, -1):  # nudge towards a chord tone
            outside = ~CHORD_MEMBERS[chord["kind"], (pitch - chord["root"]).astype(int) % 12]
            pitch = pitch + shift * (outside & (slots % 1 == 0))
        line = np.zeros(len(slots), spans.dtype)
        line["start"], line["pitch"] = start, pitch
        line["duration"] = np.diff(slots, append=span["duration"]).clip(0.1, 1.5) * 0.95
        line["velocity"] = 0.8
        lines.append(line)
    return np.concatenate([spans[:0], *lines])


def harmony_below(line: np.ndarray, chords: np.ndarray) -> np.ndarray:
    """Return a second voice: the nearest chord tone at least three semitones under the tune."""
    second = line.copy()
    chord = chords[np.searchsorted(chords["start"], line["start"] + 1e-3) - 1]
    pitch = np.round(line["pitch"]).astype(int) - 3
    for _ in range(6):
        outside = ~CHORD_MEMBERS[chord["kind"], (pitch - chord["root"]) % 12]
        pitch = pitch - outside
    second["pitch"] = pitch
    second["velocity"] *= 0.7
    return second


def change_mode(plan, mode: str):
    """Play a major song in minor, or a minor one in major: third, sixth and seventh move.

    Parameters
    ----------
    plan : Timeline
    mode : str
        Of the work.

    Returns
    -------
    Timeline
    """
    major = 4 in MODES[mode]
    moves = np.zeros(12, int)
    moves[[4, 9, 11] if major else [3, 8, 10]] = -1 if major else 1
    chords = plan.chords.copy()
    third = CHORD_MEMBERS[chords["kind"], 3]
    chords["root"] += moves[chords["root"] % 12].astype(chords["root"].dtype)
    chords["kind"] = np.where(third, KIND_INDEX[""], KIND_INDEX["m"])
    dominant = chords["root"] % 12 == 7
    chords["kind"][dominant] = KIND_INDEX["7"]
    lines = {}
    for name in ("melody", "hook"):
        line = getattr(plan, name).copy()
        line["pitch"] += moves[np.round(line["pitch"]).astype(int) % 12]
        lines[name] = line
    return replace(plan, chords=chords, **lines)
