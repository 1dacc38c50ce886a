"""The recording, applied to sound: room, saturation, equaliser, dynamics, noise, medium.

Chapter: your own corpus. ``studio`` does the same to a drawn spectrogram.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .studio import crowd_response, fade, noise_response, response, room_decay
from .synth import filter_noise
from .version import Production

_FRAME = 0.232  # seconds over which the compressor listens


def produce(dry: np.ndarray, made: Production, sr: int) -> np.ndarray:
    """Record a dry mix.

    Parameters
    ----------
    dry : np.ndarray [shape=(n,), dtype=float32]
    made : Production
    sr : int

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        Within -1..1, at ``made.loudness_db``.
    """
    rng = np.random.Generator(np.random.PCG64(made.seed))
    sound = dry / max(float(np.sqrt(np.mean(dry**2))), 1e-9)
    if made.reverb_mix > 0 and made.reverb_seconds > 0:
        sound = _reverberate(sound, made, sr, rng)
    if made.drive > 0:
        push = np.float32(0.15 + made.drive)
        sound = np.tanh(push * sound + 0.1 * made.drive) / push
        sound -= sound.mean()
    sound = filter_noise(sound, lambda hertz: response(made, np.maximum(hertz, 20.0)), sr)
    sound = _compress(sound, made.compression, sr)
    sound = _add_noise(sound, made, sr, rng)
    if np.isfinite(made.codec_floor_db):
        sound = _encode(sound, made.codec_floor_db)
    sound *= np.float32(10 ** (made.loudness_db / 20))
    frames = len(sound) // 256 + 2
    sound *= np.interp(np.arange(len(sound)) / 256, np.arange(frames), fade(made, frames, 256 / sr))
    return _limit(sound).astype(np.float32)


def _reverberate(dry, made, sr, rng) -> np.ndarray:
    """Convolve with noise that decays, faster in the high octaves; its energy is reverb_mix**2."""
    from scipy.signal import oaconvolve

    size = int(min(made.reverb_seconds * 1.2, 8.0) * sr) + 1
    time = np.arange(size) / sr
    impulse = np.zeros(size)
    edges = np.array([20.0, 180, 700, 2800, sr / 2])
    for low, high in pairwise(edges):
        noise = rng.standard_normal(size, dtype=np.float32)

        def band(hertz, low=low, high=high):
            return ((hertz >= low) & (hertz < high)).astype(float)

        decay = room_decay(made.reverb_seconds, np.sqrt(low * high))
        tail = filter_noise(noise, band, sr) * 10 ** (-3 * time / decay)
        share = (high - low) / (sr / 2)
        impulse += tail * np.sqrt(share / max((tail**2).sum(), 1e-12))
    wet = oaconvolve(dry, impulse.astype(np.float32))[: len(dry)]
    return (dry + made.reverb_mix * wet).astype(np.float32)


def _compress(sound, amount, sr) -> np.ndarray:
    """Pull every moment towards the mean level, and bring that to 1."""
    size = int(_FRAME * sr)
    count = -(-len(sound) // size)
    padded = np.append(sound, np.zeros(count * size - len(sound), np.float32))
    loudness = np.sqrt((padded.reshape(count, size) ** 2).mean(axis=1))
    level = np.sqrt((loudness**2).mean()) + 1e-12
    gain = (np.maximum(loudness, 0.05 * level) / level) ** (-0.6 * amount)
    sound = sound * np.interp(np.arange(len(sound)) / size - 0.5, np.arange(count), gain)
    return (sound / max(np.sqrt((sound**2).mean()), 1e-9)).astype(np.float32)


def _add_noise(sound, made, sr, rng) -> np.ndarray:
    for decibels, shape, moving in (
        (made.noise_db, lambda f: noise_response(made.noise_tilt_db, f), False),
        (made.crowd_db, crowd_response, True),
    ):
        if np.isfinite(decibels):
            white = rng.standard_normal(len(sound), dtype=np.float32)
            noise = filter_noise(white, lambda f, shape=shape: shape(np.maximum(f, 20.0)), sr)
            if moving:
                steps = np.exp(0.4 * rng.standard_normal(int(len(sound) / sr * 3) + 2))
                noise *= np.interp(np.arange(len(sound)) / sr * 3, np.arange(len(steps)), steps)
            noise *= 10 ** (decibels / 20) / np.sqrt((noise**2).mean())
            sound = sound + noise.astype(np.float32)
    return sound


def _encode(sound, floor_db) -> np.ndarray:
    """Drop what lies far below the loudest of its moment, as a low bit rate does."""
    from scipy.signal import istft, stft

    _, _, spectrum = stft(sound, nperseg=2048)
    magnitude = np.abs(spectrum)
    spectrum[magnitude < magnitude.max(axis=0) * 10 ** (floor_db / 20)] = 0
    return istft(spectrum, nperseg=2048)[1][: len(sound)].astype(np.float32)


def _limit(sound) -> np.ndarray:
    """Bend peaks above 0.8 into 0.8..1 instead of clipping them."""
    over = np.abs(sound) - 0.8
    return np.where(over > 0, np.sign(sound) * (0.8 + 0.2 * np.tanh(over / 0.2)), sound)
