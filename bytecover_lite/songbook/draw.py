"""Notes -> averaged CQT without any audio (chapter: your own corpus).

Every harmonic of a note adds power to the bins around it, as the CQT's Hann windows would; the
recording (room, equaliser, noise, medium) is applied to the drawn spectrogram. A minute of music
takes about two milliseconds, so training can draw fresh versions for ever.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import njit

from .drawn_drums import draw_drums
from .studio import QUALITY, detuning, record
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
    tones = notes[~is_drum].copy()
    tones["pitch"] += detuning(version.production, tones["start"])
    onsets = np.zeros(power.shape[::-1], np.float32)
    _draw_tones(power, onsets, version, tones, lowest, gain, seconds)
    if is_drum.any():
        draw_drums(onsets, version, notes[is_drum], settings, gain, seconds)
    power += onsets.T
    magnitude = record(power, version, settings, seconds)
    steps = settings.averaging // fine
    return magnitude.reshape(settings.n_bins, frames, steps).mean(axis=2)


def _tone_gain(settings) -> np.ndarray:
    """Return each bin's CQT magnitude of a sine of amplitude 1: half the root of the window."""
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


def _draw_tones(power, onsets, version, notes, lowest, gain, seconds) -> None:
    timbres = [part_timbre(p) for p in version.parts]
    level = np.array([p.gain for p in version.parts], np.float32)
    blur = np.array([np.hypot(t.vibrato, t.spread) for t in timbres])
    nearest = np.abs(blur[:, None] - np.array(_BLURS)).argmin(axis=1)
    body = np.stack([t.body for t in timbres])  # (parts, BODIES, BODY_SIZE)
    bins, frames = power.shape
    noise = np.zeros((len(timbres), frames), np.float32)
    _tones(
        power,
        onsets,
        noise,
        notes["start"],
        notes["duration"],
        notes["pitch"],
        notes["velocity"] ** np.float32(1.5) * level[notes["part"]],
        notes["part"],
        np.stack([t.harmonics for t in timbres]),
        body,
        np.array([t.envelope for t in timbres], np.float32),
        nearest,
        _leak(),
        gain,
        np.float32(lowest),
        np.float32(seconds),
    )
    colour = body.mean(axis=1)[:, np.round(lowest + np.arange(bins)).astype(int)]
    power += (colour**2).T @ noise


@njit(cache=True, fastmath=True, nogil=True)
def _tones(
    power, onsets, noise, start, duration, pitch, level, part,
    harmonics, body, shape, blur, leak, gain, lowest, dt,
):  # fmt: skip
    """Add the power of every harmonic of every note to the bins it reaches."""
    bins, frames = power.shape
    envelope = np.zeros(frames + 1, np.float32)
    above = (12.0 * np.log2(np.arange(1, HARMONICS + 1))).astype(np.float32)
    hertz = (440.0 * 2.0 ** ((lowest + np.arange(bins) - 69.0) / 12.0)).astype(np.float32)
    for n in range(len(start)):
        p = part[n]
        tau = shape[p, 0] * np.float32(2.0) ** ((np.float32(60.0) - pitch[n]) / np.float32(24.0))
        begin = start[n] + np.float32(0.5) * min(shape[p, 2], duration[n])
        end = start[n] + duration[n] + shape[p, 3]
        first, last = int(begin / dt), min(int(end / dt), frames - 1)
        if first > last:
            continue
        _envelope(envelope, begin, end, first, last, tau, dt)
        vowel = (n * 7) % BODIES
        edge = np.float32(0.0)  # what a sudden beginning adds to bins far from the harmonics
        for k in range(HARMONICS):
            midi = pitch[n] + above[k]
            place = midi - lowest
            if place > bins + 1.0:
                break
            index = min(max(int(midi + np.float32(0.5)), 0), BODY_SIZE - 1)
            a = level[n] * harmonics[p, k] * body[p, vowel, index]
            if a < 1e-4:
                continue
            edge += a / np.float32(k + 1)
            rate = np.exp(np.float32(-2.0) * dt * shape[p, 1] * np.float32(k) / tau)
            for b in range(max(int(place - 1.6), 0), min(int(place + 2.6), bins - 1) + 1):
                w = leak[blur[p], int((place - b + _LEAK_REACH) * _LEAK_STEPS + 0.5)]
                w *= a * a * gain[b] * gain[b]
                for s in range(first, last + 1):
                    power[b, s] += w * envelope[s]
                    w *= rate
        octave = (pitch[n] - np.float32(69.0)) / np.float32(12.0)
        fundamental = np.float32(440.0) * np.float32(2.0) ** octave
        _attack(onsets[first], fundamental, edge / dt, shape[p, 2], gain, hertz)
        knock = np.float32(1.085) * shape[p, 5] * level[n] * shape[p, 6] / dt
        noise[p, first] += knock * knock
        breath = np.float32(1.178) * (shape[p, 4] * level[n]) ** 2
        for s in range(first, last + 1):
            noise[p, s] += breath * envelope[s]


@njit(cache=True, fastmath=True, nogil=True)
def _envelope(envelope, begin, end, first, last, tau, dt):
    """Write the power envelope of a note into frames ``first`` to ``last``."""
    for s in range(first, last + 1):
        left, right = max(begin, s * dt), min(end, (s + 1) * dt)
        fill = max(right - left, np.float32(0.0)) / dt
        if fill < 0.999:
            fill = fill ** np.float32(2 * _SHORT)
        envelope[s] = fill * np.exp((np.float32(2.0) * begin - left - right) / tau)


@njit(cache=True, fastmath=True, nogil=True)
def _attack(onset, fundamental, edge, attack, gain, hertz):
    """Add the spectrum of a tone that begins within ``attack`` seconds."""
    pi = np.float32(np.pi)
    for b in range(len(hertz)):
        distance = max(abs(hertz[b] - fundamental), np.float32(0.3) * fundamental)
        sudden = edge * gain[b] / (pi * distance * (np.float32(1.0) + pi * distance * attack))
        onset[b] += sudden * sudden
