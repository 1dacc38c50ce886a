"""The recording, applied to a drawn spectrogram: room, equaliser, dynamics, noise, medium.

Chapter: your own corpus. ``production`` does the same to audio.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .version import Production, Version

QUALITY = 1 / (2 ** (1 / 12) - 1)  # of a CQT with 12 bins per octave


def record(power: np.ndarray, version: Version, settings, seconds: float) -> np.ndarray:
    """Turn drawn power into recorded magnitude.

    Parameters
    ----------
    power : np.ndarray [shape=(bins, frames), dtype=float32]
        Dry mix; changed in place.
    version : Version
    settings : FeatureSettings
    seconds : float
        Length of one frame.

    Returns
    -------
    np.ndarray [shape=(bins, frames), dtype=float32]
    """
    made = version.production
    hertz = settings.fmin * 2 ** (np.arange(settings.n_bins) / 12)
    windows = QUALITY / hertz / seconds
    _smear(power, np.minimum(0.25 * windows, 0.5).astype(np.float32))
    if made.reverb_mix > 0 and made.reverb_seconds > 0:
        keep = 10 ** (-6 * seconds / room_decay(made.reverb_seconds, hertz))
        wet = made.reverb_mix**2 * (1 - keep) / keep
        _reverberate(power, keep.astype(np.float32), wet.astype(np.float32))
    if made.drive > 0:
        _saturate(power, np.float32(0.05 * made.drive**2))
    power *= (response(made, hertz) ** 2).astype(np.float32)[:, None]
    # A sine of amplitude a adds 1.5 a**2 to its bins' power over the squared tone gain.
    weight = (4 * hertz / (3 * QUALITY * settings.sample_rate)).astype(np.float32)
    loudness = np.sqrt(weight @ power + 1e-20)  # root mean square of the sound
    power *= (_gain(loudness, made.compression) ** 2)[None]
    _add_noise(power, made, hertz, settings.sample_rate)
    if np.isfinite(made.codec_floor_db):
        floor = power.max(axis=0) * np.float32(10 ** (made.codec_floor_db / 10))
        power *= power > floor
    gain = fade(made, power.shape[1], seconds) * np.float32(10 ** (made.loudness_db / 20))
    return np.sqrt(power) * gain


def detuning(made: Production, start: np.ndarray) -> np.ndarray:
    """Return how sharp the tape runs at the given seconds, in semitones, float32."""
    rng = np.random.Generator(np.random.PCG64(made.seed))
    phase = rng.uniform(0, 2 * np.pi, 2)
    slow = np.sin(0.8 * start + phase[0]) + np.sin(3.4 * start + phase[1])
    return (made.tuning_cents / 100 + made.wow_cents / 200 * slow).astype(np.float32)


def response(made: Production, hertz: np.ndarray) -> np.ndarray:
    """Return the amplitude response of tilt, equaliser and band limits at frequencies in Hz."""
    octave = np.log2(hertz / 32.7)
    decibels = made.tilt_db * (octave - 4.3)
    if made.eq_db:
        decibels = decibels + np.interp(octave, np.arange(len(made.eq_db)), made.eq_db)
    gain = 10 ** (decibels / 20)
    if made.low_cut_hz > 0:
        gain = gain / np.sqrt(1 + (made.low_cut_hz / hertz) ** 8)
    if np.isfinite(made.high_cut_hz):
        gain = gain / np.sqrt(1 + (hertz / made.high_cut_hz) ** 16)
    return gain


def fade(made: Production, frames: int, seconds: float) -> np.ndarray:
    """Return the gain of fade-in and fade-out for each frame, float32."""
    time = (np.arange(frames) + 0.5) * seconds
    gain = np.ones(frames)
    if made.fade_in:
        gain *= np.clip(time / made.fade_in, 0, 1)
    if made.fade_out:
        gain *= np.clip((frames * seconds - time) / made.fade_out, 0, 1)
    return gain.astype(np.float32)


def room_decay(seconds: float, hertz):
    """Return the reverberation time at frequencies in Hz: rooms keep low tones longer."""
    return seconds * np.interp(np.log2(hertz / 32.7), [0, 3, 7], [1.1, 1.0, 0.5])


def noise_response(tilt_db: float, hertz: np.ndarray) -> np.ndarray:
    """Return the amplitude response of a noise floor with a tilt in dB per octave."""
    return (hertz / 640) ** (tilt_db / 6.02)


def crowd_response(hertz: np.ndarray) -> np.ndarray:
    """Return the amplitude response of an audience: the range of talk."""
    return 10 ** (-3.0 * np.log2(hertz / 700) ** 2 / 20)


def _gain(loudness: np.ndarray, compression: float) -> np.ndarray:
    """Compress: pull every moment towards the mean level, and bring the mean to 1."""
    level = np.sqrt((loudness**2).mean())
    gain = (np.maximum(loudness, 0.05 * level) / level) ** np.float32(-0.6 * compression)
    return gain / np.sqrt(((gain * loudness) ** 2).mean())


def _add_noise(power, made: Production, hertz: np.ndarray, sample_rate: float) -> None:
    """Add a noise floor and an audience to a mix of level 1.

    White noise of variance 1 has mean magnitude ``sqrt(1.5 * pi / 4)`` in every bin.
    """
    bins, frames = power.shape
    rng = np.random.Generator(np.random.PCG64(made.seed))
    linear = np.linspace(20, sample_rate / 2, 512)
    for decibels, shape, moving in (
        (made.noise_db, lambda f: noise_response(made.noise_tilt_db, f), False),
        (made.crowd_db, crowd_response, True),
    ):
        if not np.isfinite(decibels):
            continue
        level = 10 ** (decibels / 10) * 1.178 / (shape(linear) ** 2).mean()
        level = (level * shape(hertz) ** 2).astype(np.float32)[:, None]
        # the mean over 10 frames of a noisy magnitude still scatters
        texture = np.float32(0.65) + np.float32(0.7) * rng.random((bins, frames), np.float32)
        if moving:
            texture *= np.exp(0.8 * rng.standard_normal(frames, dtype=np.float32))
        power += level * texture


@njit(cache=True, fastmath=True, nogil=True)
def _smear(power, share):
    """Spread each frame into its neighbours: the CQT's windows are long at low frequencies."""
    bins, frames = power.shape
    for b in range(bins):
        w = share[b]
        if w < 0.02:
            continue
        before = power[b, 0]
        for s in range(frames):
            here = power[b, s]
            after = power[b, s + 1] if s + 1 < frames else here
            power[b, s] = (1.0 - w) * here + 0.5 * w * (before + after)
            before = here


@njit(cache=True, fastmath=True, nogil=True)
def _reverberate(power, keep, wet):
    bins, frames = power.shape
    for b in range(bins):
        tail = np.float32(0.0)
        for s in range(frames):
            here = power[b, s]
            power[b, s] = here + wet[b] * tail
            tail = keep[b] * (tail + here)


@njit(cache=True, fastmath=True, nogil=True)
def _saturate(power, amount):
    """Add second and third harmonics of the whole mix."""
    bins, frames = power.shape
    for b in range(bins - 1, 11, -1):
        third = b - 19
        for s in range(frames):
            extra = power[b - 12, s]
            if third >= 0:
                extra += power[third, s]
            power[b, s] += amount * extra
