"""How uneven are the harmonics of instruments, drawn and sampled? (your own corpus).

``python -m bytecover_lite.songbook.partials`` plays single notes on every General MIDI program that
training may use and writes ``book/results/partials.json``. Needs FluidSynth and a soundfont.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import fluid, synth
from .timbre import INVENTED, ROUGH
from .unheard import RESERVED
from .version import NOTE_DTYPE, Part, Production, Version

PITCHES = (48, 60, 72)  # MIDI numbers, an octave apart
PROGRAMS = tuple(p for p in range(112) if p not in RESERVED and not 96 <= p < 104)  # no effects
HARMONICS = 12
_RATE, _EVERY, _HELD = 22050, 2.0, 1.4  # Hz, s from note to note, s
_OCTAVES = np.log2(np.arange(1, HARMONICS + 1))


def levels(play, part: Part, *, pitches=PITCHES, count: int = HARMONICS) -> np.ndarray:
    """Measure the harmonics of single notes.

    Parameters
    ----------
    play : callable
        ``play(version, sr)`` returns samples, as `synth.play` does.
    part : Part
    pitches : sequence of int
        MIDI numbers.
    count : int
        Harmonics of each.

    Returns
    -------
    np.ndarray [shape=(len(pitches), count)]
        dB, on any scale; -180 is nothing.
    """
    notes = np.zeros(len(pitches), NOTE_DTYPE)
    notes["start"] = 0.1 + _EVERY * np.arange(len(pitches))
    notes["duration"], notes["pitch"], notes["velocity"] = _HELD, pitches, 0.65
    version = Version(notes, (part,), _EVERY * len(pitches) + 1, Production())
    sound, found = play(version, _RATE), np.empty((len(pitches), count))
    for row, pitch in enumerate(pitches):
        first, last = (int(_RATE * (_EVERY * row + at)) for at in (0.13, 0.1 + _HELD))
        heard = sound[first:last] * np.hanning(last - first)
        spectrum = np.abs(np.fft.rfft(heard, 1 << 16)) + 1e-9
        ratio = np.fft.rfftfreq(1 << 16, 1 / _RATE) / (440 * 2 ** ((pitch - 69) / 12))
        for k in range(count):
            found[row, k] = np.linalg.norm(spectrum[np.abs(ratio / (k + 1) - 1) < 0.02])
    found = np.maximum(found, 1e-9)
    return 20 * np.log10(found)


def unevenness(measured: np.ndarray) -> dict[str, float]:
    """Describe how far harmonics lie from a straight line over octaves.

    Parameters
    ----------
    measured : np.ndarray [shape=(instruments, len(PITCHES), HARMONICS)]
        dB, see `levels`.

    Returns
    -------
    dict of str to float
        dB: ``spread`` of the overtones around the line (root mean square), ``fundamental`` (median
        of what it lies above the line), ``register`` (what an octave changes of one harmonic
        against the others, root mean square).
    """
    design = np.stack([np.ones(HARMONICS), _OCTAVES], axis=1)
    line = design @ np.linalg.lstsq(design, measured.reshape(-1, HARMONICS).T, rcond=None)[0]
    rest = (measured.reshape(-1, HARMONICS).T - line).T
    profile = measured - measured.mean(axis=2, keepdims=True)
    return {
        "spread": float(np.sqrt((rest[:, 1:] ** 2).mean())),
        "fundamental": float(np.median(rest[:, 0])),
        "register": float(np.sqrt((np.diff(profile, axis=1) ** 2).mean())),
    }


def measure(colours: int = 4) -> dict[str, dict[str, float]]:
    """Measure the package's instruments, smooth, rough and invented, and those of the soundfont.

    Raises
    ------
    fluid.SynthesizerError
        If FluidSynth or its soundfont is missing; before anything is played.
    """
    fluid.engine_for("fluidsynth")
    parts = [Part("", program, colour=c) for program in PROGRAMS for c in range(1, colours + 1)]
    bands = {
        name: (synth.play, [replace(part, colour=part.colour | bit) for part in parts])
        for name, bit in (("smooth", 0), ("rough", ROUGH), ("invented", INVENTED))
    }
    bands["sampled"] = (fluid.play, parts[::colours])  # a soundfont knows no colours
    return {
        name: unevenness(np.stack([levels(play, part) for part in band]))
        for name, (play, band) in bands.items()
    }


def main() -> None:
    """Measure and write the results file."""
    from bytecover_lite.results import write_result

    found = {"programs": len(PROGRAMS), "pitches": PITCHES, "unevenness": measure()}
    print(write_result("partials", found))


if __name__ == "__main__":
    main()
