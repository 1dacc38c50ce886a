"""A drum kit as tones and noise bands (chapter: your own corpus)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Drum:
    """One instrument of a kit: a falling tone and a band of noise.

    Parameters
    ----------
    tone : (float, float, float, float)
        Hz at the stroke, Hz at the end, amplitude, seconds to fall to 1/e.
    noise : (float, float, float, float)
        Lower and upper edge in Hz, amplitude, seconds to fall to 1/e.
    """

    tone: tuple[float, float, float, float]
    noise: tuple[float, float, float, float]


KIT = {
    36: Drum((110, 48, 1.0, 0.11), (1500, 6000, 0.15, 0.008)),
    38: Drum((210, 180, 0.35, 0.06), (400, 9000, 0.5, 0.08)),
    37: Drum((480, 470, 0.3, 0.02), (1200, 8000, 0.3, 0.015)),
    39: Drum((0, 0, 0, 0.01), (700, 4000, 0.55, 0.07)),
    42: Drum((0, 0, 0, 0.01), (6000, 11000, 0.35, 0.025)),
    44: Drum((0, 0, 0, 0.01), (5000, 11000, 0.2, 0.03)),
    46: Drum((0, 0, 0, 0.01), (5000, 11000, 0.35, 0.18)),
    49: Drum((0, 0, 0, 0.01), (2500, 11000, 0.5, 0.6)),
    51: Drum((3100, 3100, 0.03, 0.2), (4000, 11000, 0.25, 0.25)),
    41: Drum((110, 75, 0.7, 0.16), (300, 3000, 0.1, 0.03)),
    45: Drum((150, 110, 0.7, 0.14), (300, 3000, 0.1, 0.03)),
    48: Drum((210, 160, 0.7, 0.12), (300, 3000, 0.1, 0.03)),
    54: Drum((0, 0, 0, 0.01), (4500, 11000, 0.3, 0.06)),
    70: Drum((0, 0, 0, 0.01), (5000, 11000, 0.2, 0.03)),
    56: Drum((560, 555, 0.2, 0.07), (800, 4000, 0.1, 0.04)),
    63: Drum((340, 310, 0.5, 0.07), (600, 4000, 0.1, 0.02)),
    64: Drum((220, 200, 0.5, 0.1), (400, 3000, 0.1, 0.02)),
    75: Drum((2500, 2500, 0.3, 0.025), (2000, 5000, 0.05, 0.01)),
}
DRUM_NUMBERS = tuple(KIT)
# Row of the kit for any General MIDI drum; drums that are not in the kit sound like the nearest.
DRUM_ROW = np.array([int(np.argmin([abs(n - d) for d in DRUM_NUMBERS])) for n in range(128)])


@functools.lru_cache(maxsize=2048)
def kit(colour: int) -> tuple[Drum, ...]:
    """Return the kit in the order of ``DRUM_NUMBERS``, changed by a colour (0: unchanged)."""
    rng = np.random.Generator(np.random.PCG64(colour))
    change = 1.0 if colour else 0.0
    drums = []
    for drum in KIT.values():
        pitch, length, edge = 2 ** (change * rng.standard_normal(3) * (0.25, 0.6, 0.4))
        loud = 10 ** (change * rng.standard_normal(2) * 4 / 20)
        f0, f1, tone, fall = drum.tone
        low, high, noise, fade = drum.noise
        drums.append(
            Drum(
                (f0 * pitch, f1 * pitch, tone * loud[0], fall * length),
                (low * edge, min(high * edge, 11000), noise * loud[1], fade * length),
            )
        )
    return tuple(drums)
