"""Notes -> averaged CQT without any audio (chapter: your own corpus).

Every harmonic of a note adds power to the bins around it, as the CQT's Hann windows would; the
recording (room, equaliser, noise, medium) is applied to the drawn spectrogram. A minute of music
takes about two milliseconds, so training can draw fresh versions for ever.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import njit

from .drums import DRUM_ROW, kit
from .studio import QUALITY, record
from .timbre import BODIES, BODY_SIZE, HARMONICS, part_timbre
from .version import Version

_FINE = 10  # CQT frames that are drawn as one; the mean over `averaging` frames comes afterwards
_LEAK_STEPS = 32  # per semitone
_LEAK_REACH = 3  # bins
_BLURS = (0.0, 8.0, 16.0, 28.0, 45.0, 70.0)  # cents of vibrato or ensemble spread
_SHORT = 0.75  # a tone that fills the share x of a frame counts x**_SHORT (test: agreement)


def draw(version: Version, settings) -> np.ndarray:
    """Draw the averaged CQT magnitude of a version.

    Parameters
    ----------
    version : Version
    settings : FeatureSettings
        12 bins per octave; any averaging.

    Returns
    -------
    np.ndarray [shape=(n_bins, frames), dtype=float32]
        On the scale of ``average_frames(cqt(synthesize(version, engine="own")))``, which it
        approximates; the same bytes for the same version.
    """
    fine = max(d for d in range(1, _FINE + 1) if settings.averaging % d == 0)
    seconds = fine * settings.hop_length / settings.sample_rate
    total = 1 + int(version.duration * settings.sample_rate) // settings.hop_length
    frames = total // settings.averaging
    power = np.zeros((settings.n_bins, frames * settings.averaging // fine), np.float32)
    lowest = 69 + 12 * np.log2(settings.fmin / 440.0)  # MIDI number of bin 0
    gain = _tone_gain(settings)
    notes = version.notes[np.argsort(version.notes["start"], kind="stable")]
    is_drum = np.array([p.drums for p in version.parts])[notes["part"]]
    tuning = version.production.tuning_cents / 100
    _draw_tones(power, version, notes[~is_drum], lowest - tuning, gain, seconds)
    if is_drum.any():
        _draw_drums(power, version, notes[is_drum], settings, gain, seconds)
    magnitude = record(power, version, settings, seconds)
    steps = settings.averaging // fine
    return magnitude.reshape(settings.n_bins, frames, steps).mean(axis=2)


def _tone_gain(settings) -> np.ndarray:
    """Return the CQT magnitude of a sine of amplitude 1 in each bin: half the root of the window."""
    hertz = settings.fmin * 2 ** (np.arange(settings.n_bins) / 12)
    return (0.5 * np.sqrt(QUALITY * settings.sample_rate / hertz)).astype(np.float32)


@functools.cache
def _leak() -> np.ndarray:
    """Return the Hann window's response to a tone next to the bin, (blurs, offsets)."""
    offsets = np.arange(-_LEAK_REACH * _LEAK_STEPS, _LEAK_REACH * _LEAK_STEPS + 1) / _LEAK_STEPS
    table = np.zeros((len(_BLURS), len(offsets)))
    for row, cents in enumerate(_BLURS):
        for phase in np.linspace(0, 2 * np.pi, 32, endpoint=False):
            distance = offsets + cents / 100 * np.sin(phase)
            x = (2 ** (distance / 12) - 1) * QUALITY
            x = np.where(np.abs(np.abs(x) - 1) < 1e-4, x + 3e-4, x)
            table[row] += np.abs(np.sinc(x) / (1 - x**2)) / 32
    return (table**2).astype(np.float32)


def _draw_tones(power, version, notes, lowest, gain, seconds) -> None:
    timbres = [part_timbre(p) for p in version.parts]
    level = np.array([p.gain for p in version.parts], np.float32)
    blur = np.array([np.hypot(t.vibrato, t.spread) for t in timbres])
    nearest = np.abs(blur[:, None] - np.array(_BLURS)).argmin(axis=1)
    _tones(
        power,
        notes["start"],
        notes["duration"],
        notes["pitch"],
        notes["velocity"] ** np.float32(1.5) * level[notes["part"]],
        notes["part"],
        np.stack([t.harmonics for t in timbres]),
        np.stack([t.body for t in timbres]),
        np.array([(t.decay, t.damp, t.attack, t.release) for t in timbres], np.float32),
        nearest,
        _leak(),
        gain**2,
        np.float32(lowest),
        np.float32(seconds),
    )


@njit(cache=True, fastmath=True, nogil=True)
def _tones(
    power,
    start,
    duration,
    pitch,
    level,
    part,
    harmonics,
    body,
    shape,
    blur,
    leak,
    gain2,
    lowest,
    dt,
):
    """Add the power of every harmonic of every note to the bins it reaches."""
    bins, frames = power.shape
    envelope = np.zeros(frames + 1, np.float32)
    for n in range(len(start)):
        p = part[n]
        decay, damp, attack, release = shape[p, 0], shape[p, 1], shape[p, 2], shape[p, 3]
        tau = decay * 2.0 ** ((60.0 - pitch[n]) / 24.0)
        begin = start[n] + 0.5 * min(attack, duration[n])
        end = start[n] + duration[n] + release
        first, last = int(begin / dt), min(int(end / dt), frames - 1)
        if first >= frames:
            continue
        for s in range(first, last + 1):
            left, right = max(begin, s * dt), min(end, (s + 1) * dt)
            fill = max(right - left, 0.0) / dt
            value = fill**_SHORT * np.exp(-(0.5 * (left + right) - begin) / tau)
            envelope[s] = value * value
        vowel = (n * 7) % BODIES
        for k in range(HARMONICS):
            midi = pitch[n] + 12.0 * np.log2(k + 1.0)
            place = midi - lowest
            if place > bins + 1.0:
                break
            index = min(max(int(midi + 0.5), 0), BODY_SIZE - 1)
            a = level[n] * harmonics[p, k] * body[p, vowel, index]
            if a < 1e-4:
                continue
            rate = np.float32(np.exp(-2.0 * dt * damp * k / tau))
            for b in range(max(int(place - 1.6), 0), min(int(place + 2.6), bins - 1) + 1):
                w = leak[blur[p], int((place - b + _LEAK_REACH) * _LEAK_STEPS + 0.5)]
                w *= a * a * gain2[b]
                for s in range(first, last + 1):
                    power[b, s] += w * envelope[s]
                    w *= rate


def _draw_drums(power, version, notes, settings, gain, seconds) -> None:
    """Add strokes: noise of flat CQT magnitude in a band, and a falling tone."""
    parts = sorted({int(p) for p in np.unique(notes["part"])})
    hertz = settings.fmin * 2 ** (np.arange(settings.n_bins) / 12)
    for index in parts:
        own = notes[notes["part"] == index]
        spectrum, fall = drum_spectra(version.parts[index].colour, tuple(hertz), tuple(gain))
        _strokes(
            power,
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
def _strokes(power, start, level, row, spectrum, fall, dt):
    bins, frames = power.shape
    for n in range(len(start)):
        first = int(start[n] / dt)
        for kind in range(2):
            tau = fall[row[n], kind]
            s, begin = first, start[n]
            while s < frames and begin - start[n] < 4.0 * tau:
                end = (s + 1) * dt
                # mean of the falling exponential over the frame
                mean = (
                    tau / dt * (np.exp((start[n] - begin) / tau) - np.exp((start[n] - end) / tau))
                )
                value = level[n] * mean
                for b in range(bins):
                    magnitude = value * spectrum[row[n], kind, b]
                    power[b, s] += magnitude * magnitude
                begin = end
                s += 1
