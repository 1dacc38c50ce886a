"""Drum strokes -> power in a drawn CQT (chapter: your own corpus)."""

from __future__ import annotations

import functools

import numpy as np
from numba import njit

from .drums import DRUM_ROW, kit


def draw_drums(onsets, version, notes, settings, gain, seconds) -> None:
    """Add the power of every stroke.

    Parameters
    ----------
    onsets : np.ndarray [shape=(frames, bins), dtype=float32]
        Power, changed in place.
    version : Version
    notes : np.ndarray [dtype=NOTE_DTYPE]
        The strokes.
    settings : FeatureSettings
    gain : np.ndarray [shape=(bins,)]
        CQT magnitude of a sine of amplitude 1.
    seconds : float
        Length of a frame.
    """
    parts = sorted({int(p) for p in np.unique(notes["part"])})
    hertz = settings.fmin * 2 ** (np.arange(settings.n_bins) / 12)
    for index in parts:
        own = notes[notes["part"] == index]
        spectrum, fall = drum_spectra(version.parts[index].colour, tuple(hertz), tuple(gain))
        _strokes(
            onsets,
            own["start"],
            own["velocity"] ** np.float32(1.5) * np.float32(version.parts[index].gain),
            DRUM_ROW[own["pitch"].astype(int)],
            spectrum,
            fall,
            np.float32(seconds),
        )


@functools.lru_cache(maxsize=512)
def drum_spectra(colour: int, hertz: tuple, gain: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Return magnitude at the stroke and time constant in seconds, (drums, 2, bins).

    The second axis is tone and noise. White noise of variance 1 has the same mean CQT magnitude in
    every bin, ``sqrt(1.5 * pi / 4)``, for a Hann window normalised like librosa's.
    """
    hertz, gain = np.array(hertz), np.array(gain)
    drums = kit(colour)
    spectrum = np.zeros((len(drums), 2, len(hertz)), np.float32)
    fall = np.zeros((len(drums), 2), np.float32)
    for row, drum in enumerate(drums):
        f0, f1, tone, fall[row, 0] = drum.tone
        low, high, noise, fall[row, 1] = drum.noise
        if tone:
            spectrum[row, 0] = 2 * gain * tone * sweep(f0, f1, fall[row, 0], hertz) / fall[row, 0]
        edges = 1 / (1 + (low / hertz) ** 4) / (1 + (hertz / high) ** 4)
        spectrum[row, 1] = 1.085 * noise * np.sqrt(edges)
    return spectrum, fall


def sweep(f0: float, f1: float, fall: float, hertz: np.ndarray) -> np.ndarray:
    """Return the Fourier magnitude (seconds) of a drum's falling tone of amplitude 1.

    A stroke is shorter than the window of a low bin, so the CQT magnitude summed over time is the
    Fourier magnitude at the bin's frequency.
    """
    rate = 8 * max(f0, f1)
    time = np.arange(int(5 * fall * rate)) / rate
    pitch = f1 + (f0 - f1) * np.exp(-time / (0.3 * fall))
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / rate) * np.exp(-time / fall)
    size = 4096
    spectrum = np.abs(np.fft.rfft(tone, size)) / rate
    return np.interp(hertz, np.arange(len(spectrum)) * rate / size, spectrum, right=0.0)


@njit(cache=True, fastmath=True, nogil=True)
def _strokes(onsets, start, level, row, spectrum, fall, dt):
    frames, bins = onsets.shape
    for n in range(len(start)):
        for kind in range(2):
            tau = fall[row[n], kind]
            s = int(start[n] / dt)
            before = np.float32(1.0)
            while s < frames and before > 0.02:
                end = (s + 1) * dt
                after = np.exp((start[n] - end) / tau)
                mean = level[n] * tau / dt * (before - after)  # of the fall over this frame
                for b in range(bins):
                    magnitude = mean * spectrum[row[n], kind, b]
                    onsets[s, b] += magnitude * magnitude
                before = after
                s += 1
