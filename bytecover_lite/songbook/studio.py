"""The recording, applied to a drawn spectrogram: room, equaliser, dynamics, noise, medium.

Chapter: your own corpus. ``production`` does the same to audio.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .version import Production, Version


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
    windows = 16.8 / hertz / seconds
    _smear(power, np.minimum(0.25 * windows, 0.5).astype(np.float32))
    if made.reverb_mix > 0 and made.reverb_seconds > 0:
        # rooms keep low frequencies longer than high ones
        time = made.reverb_seconds * np.interp(np.log2(hertz / 32.7), [0, 3, 7], [1.1, 1.0, 0.5])
        keep = 10 ** (-6 * seconds / time)
        _reverberate(power, keep.astype(np.float32), np.float32(made.reverb_mix**2))
    if made.drive > 0:
        _saturate(power, np.float32(0.05 * made.drive**2))
    power *= (response(made, hertz) ** 2).astype(np.float32)[:, None]
    loudness = np.sqrt(power.sum(axis=0) + 1e-20)
    level = np.float32(np.sqrt((loudness**2).mean()))
    power *= (_gain(loudness, level, made, seconds) ** 2)[None]
    _add_noise(power, made, hertz, level)
    if np.isfinite(made.codec_floor_db):
        floor = power.max(axis=0) * np.float32(10 ** (made.codec_floor_db / 10))
        power *= power > floor
    power *= (fade(made, power.shape[1], seconds) ** 2)[None]
    return np.sqrt(power)


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


def _gain(loudness, level, made, seconds) -> np.ndarray:
    """Compress: pull every moment towards the mean level, and bring the mean to 1."""
    smooth = np.maximum(loudness, 0.05 * level)
    return (smooth / level) ** np.float32(-0.6 * made.compression) / level


def _add_noise(power, made, hertz, level) -> None:
    """Add a noise floor and an audience; both relative to the mix, whose level is now about 1."""
    bins, frames = power.shape
    rng = np.random.Generator(np.random.PCG64(made.seed))
    for decibels, tilt, peak, wobble in (
        (made.noise_db, made.noise_tilt_db, None, 0.1),
        (made.crowd_db, -2.0, 700.0, 0.5),
    ):
        if not np.isfinite(decibels):
            continue
        shape = tilt * np.log2(hertz / 640)
        if peak:
            shape = shape - 3.0 * np.log2(hertz / peak) ** 2
        shape = 10 ** (shape / 10)
        shape *= 10 ** (decibels / 10) / shape.sum()
        moving = np.exp(wobble * rng.standard_normal((1 if not peak else bins, frames)))
        power += (shape[:, None] * moving).astype(np.float32)


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
            power[b, s] = here + wet * tail
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
