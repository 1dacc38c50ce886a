"""What of a sampled sound does the network not know? (your own corpus).

``python -m bytecover_lite.songbook.exchange`` plays composed validation works with the package's
own synthesizer and with FluidSynth, exchanges one property of the sounds at a time, scores the
shipped checkpoint on each, and writes ``book/results/exchange.json``. Needs FluidSynth and a
soundfont.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from bytecover_lite.cqt import extract

from . import fluid, synth
from .corpus import PRESETS
from .obstacles import measure
from .partials import levels
from .production import produce
from .studio import detuning
from .timbre import BODIES, BODY_SIZE, HARMONICS, part_timbre
from .version import Part, Version

RATE = 22050
PITCHES = range(24, 108)  # MIDI numbers whose harmonics are measured
WINDOW = 0.05  # s over which an envelope is a mean
QUIET = 1e-3  # of a part's level: what is softer has no envelope
WORKS = 30
SETS = ("session", "school")


def played(version: Version, settings) -> dict[str, np.ndarray]:
    """Play a version with each property exchanged, and extract its features (n_bins, frames)."""
    return {
        name: extract(produce(mix, version.production, RATE), settings)
        for name, mix in exchanged(version).items()
    }


def exchanged(version: Version) -> dict[str, np.ndarray]:
    """Mix a version of parts that were played alone, one property of theirs exchanged.

    Parameters
    ----------
    version : Version

    Returns
    -------
    dict of str to np.ndarray [shape=(n,), dtype=float32]
        Dry mixes. ``own``: by the own synthesizer; the same with FluidSynth's ``levels`` of the
        parts, with its ``envelopes`` (and levels), or with the ``harmonics`` of its single notes
        at every pitch; with all three (``all``); and ``sampled``: by FluidSynth. Drums are
        exchanged in the last alone.
    """
    parts = [_solo(version, index) for index in np.unique(version.notes["part"])]
    sounds = [(synth.play(alone, RATE), fluid.play(alone, RATE)) for alone in parts]
    whole = [_level(sum(played)) for played in zip(*sounds, strict=True)]
    scale = np.float32(whole[0] / max(whole[1], 1e-9))  # between the two synthesizers
    mixes: dict[str, np.ndarray] = {}
    for alone, (own, sampled) in zip(parts, sounds, strict=True):
        sampled = scale * sampled
        kinds = dict.fromkeys(("own", "levels", "envelopes", "harmonics", "all"), own)
        if not alone.parts[0].drums:
            tones = _with_harmonics(alone)
            kinds["levels"] = own * np.float32(_level(sampled) / max(_level(own), 1e-9))
            kinds["envelopes"] = _under(own, sampled)
            kinds["harmonics"] = tones
            kinds["all"] = _under(tones, sampled)
        for name, sound in (kinds | {"sampled": sampled}).items():
            mixes[name] = mixes.get(name, 0) + sound
    return mixes


def _solo(version: Version, index: int) -> Version:
    notes = version.notes[version.notes["part"] == index].copy()
    notes["part"] = 0
    return replace(version, notes=notes, parts=(version.parts[index],))


def _level(sound) -> float:
    return float(np.sqrt(np.square(sound, dtype=np.float64).mean()))


def _under(sound, like):
    """Give ``sound`` the envelope of ``like``."""
    wanted, own = _envelope(like), _envelope(sound)
    return (sound * (wanted / (own + QUIET * _level(sound) + 1e-9))).astype(np.float32)


def _envelope(sound):
    from scipy.ndimage import uniform_filter1d

    power = uniform_filter1d(np.square(sound, dtype=np.float64), round(WINDOW * RATE))
    return np.sqrt(np.maximum(power, 0))


def _with_harmonics(alone: Version) -> np.ndarray:
    """Play a part with the own synthesizer, each pitch with the harmonics of a sampled note."""
    part, out = alone.parts[0], np.zeros(round(alone.duration * RATE), np.float32)
    table, tone = _sampled(part.program), part_timbre(part)
    rng = np.random.Generator(np.random.PCG64(alone.production.seed))
    flat = np.ones((BODIES, BODY_SIZE), np.float32)
    nearest = np.clip(np.round(alone.notes["pitch"]).astype(int), PITCHES[0], PITCHES[-1])
    for pitch in np.unique(nearest):
        notes = alone.notes[nearest == pitch]
        sharp = (notes["pitch"] + detuning(alone.production, notes["start"])).astype(np.float32)
        one = replace(tone, harmonics=table[pitch - PITCHES[0]], body=flat)
        synth.play_part(out, notes, sharp, np.zeros(len(notes), int), part, one, RATE, rng)
    return out


@functools.cache
def _sampled(program: int) -> np.ndarray:
    """Return the harmonics of FluidSynth's notes, (len(PITCHES), HARMONICS), squares sum to 1."""
    measured = levels(fluid.play, Part("", program), pitches=PITCHES, count=HARMONICS)
    amplitude = 10 ** (measured / 20)
    return (amplitude / np.linalg.norm(amplitude, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Measure and write the results file."""
    from bytecover_lite.results import write_result
    from bytecover_lite.songbook import exchange  # __main__ has another name in worker processes

    fluid.engine_for("fluidsynth")
    steps = exchange.played
    found = {
        name: measure(PRESETS[name][0], steps=steps, works=WORKS, against="own") for name in SETS
    }
    print(write_result("exchange", {"model": "lite", "works": WORKS, "sets": found}))


if __name__ == "__main__":
    main()
