"""Chance in the studio: choosing equaliser, room, noise and medium (chapter: your own corpus)."""

from __future__ import annotations

import random

from .genres import Genre
from .version import Production


def choose_production(
    mix: random.Random,
    noise: random.Random,
    tuning: random.Random,
    genre: Genre,
    spread,
) -> Production:
    """Draw how a version is recorded.

    Parameters
    ----------
    mix, noise, tuning : random.Random
        Streams of the three attributes; each is advanced the same way whatever the amounts.
    genre : Genre
        Gives the usual range of reverberation and saturation.
    spread : Spread
        Its ``mix``, ``noise`` (0..1) and ``tuning`` (cents) say how far from neutral.

    Returns
    -------
    Production
    """
    amount = spread.mix
    eq = tuple(mix.gauss(0, 3.5 * amount) for _ in range(8))
    room = mix.uniform(*genre.reverb)
    wet = 0.08 + 0.3 * mix.random() ** 2 * (0.5 + amount)
    return Production(
        tuning_cents=max(-1.0, min(1.0, tuning.gauss(0, 0.4))) * spread.tuning,
        wow_cents=tuning.choice((0, 0, 0, 6, 14)) * spread.tuning / 50,
        reverb_seconds=room,
        reverb_mix=wet,
        tilt_db=mix.gauss(0, 1.0 * amount),
        eq_db=eq,
        compression=min(0.9, 0.25 + 0.6 * mix.random() * amount),
        drive=genre.drive * mix.random(),
        fade_in=mix.choice((0, 0, 0, 0, 3)) * amount,
        fade_out=mix.choice((0, 0, 6, 12)) * amount,
        loudness_db=-18.0 + 5 * amount * mix.gauss(0, 1),
        seed=noise.getrandbits(32),
        **_medium(noise, spread.noise),
    )


def _medium(rng: random.Random, amount: float) -> dict[str, float]:
    """Draw noise floor, audience and band limits; ``amount`` 0 is a clean studio."""
    floor = rng.uniform(-75, -45 + 25 * amount)
    crowd = rng.uniform(-38, -14) if rng.random() < 0.25 * amount else float("-inf")
    low = rng.choice((60, 90, 150, 250)) if rng.random() < 0.35 * amount else 0.0
    high = rng.choice((1800, 2500, 3300, 4500)) if rng.random() < 0.3 * amount else float("inf")
    codec = rng.uniform(-60, -35) if rng.random() < 0.4 * amount else float("-inf")
    return {
        "noise_db": floor if amount else -80.0,
        "noise_tilt_db": rng.uniform(-6, 0),
        "crowd_db": crowd,
        "low_cut_hz": low,
        "high_cut_hz": high,
        "codec_floor_db": codec,
    }
