"""Instruments as spectra: what the drawn and the synthesised version have in common.

Chapter: your own corpus. An instrument is a roll-off of harmonics, a body that colours fixed
frequencies (formants), and an envelope. ``Part.colour`` seeds a change of all of them, so that two
parts with the same General MIDI program rarely sound the same. A rough timbre is changed as much as
real instruments differ from such a smooth picture of them. An invented one belongs to no family.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .version import Part, Version

HARMONICS = 32
ROUGH, INVENTED = 1 << 20, 1 << 21  # colours with this bit are rough, or invented (and rough)
BODY_SIZE = 160  # body gains by MIDI number
BODIES = 4  # variants of the body that notes take turns with (vowels, strings)
_HERTZ = 440.0 * 2 ** ((np.arange(BODY_SIZE) - 69) / 12)


@dataclass(frozen=True)
class Instrument:
    """A family of sounds.

    Parameters
    ----------
    slope : float
        dB per octave that harmonics lose.
    even : float
        Gain of the even harmonics (a clarinet has few).
    decay : float
        Seconds until a held middle C has fallen by 60 dB; inf for blown, bowed and sung tones.
    damp : float
        How much faster high harmonics fall.
    attack, release : float
        Seconds.
    vibrato : float
        Cents.
    spread : float
        Cents between the players or strings of an ensemble.
    formants : tuple of (Hz, dB)
        Resonances, half an octave wide.
    breath : float
        Noise beside the tone, relative.
    knock : (float, float)
        Noise of hammer, pick, bow or consonant at the beginning: relative amplitude, seconds.
    gain : float
        Evens out loudness.
    """

    slope: float = -9.0
    even: float = 1.0
    decay: float = float("inf")
    damp: float = 0.0
    attack: float = 0.01
    release: float = 0.06
    vibrato: float = 0.0
    spread: float = 0.0
    formants: tuple[tuple[float, float], ...] = ()
    breath: float = 0.0
    knock: tuple[float, float] = (0.05, 0.01)
    gain: float = 1.0


class Spread(NamedTuple):
    """How much a colour changes an instrument: standard deviations.

    Attributes
    ----------
    slope, harmonic, body : float
        dB: of the slope per octave, of each harmonic, and of the body at places eight semitones
        apart.
    stretch : float
        Of the logarithm of the envelope's times and of vibrato and spread.
    hollow : float
        dB that the fundamental loses on average (exponentially distributed).
    """

    slope: float
    harmonic: float
    body: float
    stretch: float
    hollow: float


SMOOTHLY = Spread(2.5, 3.0, 3.0, 0.4, 0.0)
# After what partials.py measures on sampled instruments
ROUGHLY = Spread(5.0, 7.0, 6.0, 0.6, 5.0)
LOUDNESS = 3.0  # dB, standard deviation of the level of a part that is rough or invented

_PIANO = Instrument(-9, 1, 9, 0.25, 0.003, 0.12, 0, 2)
_ELECTRIC_PIANO = Instrument(-13, 0.6, 7, 0.4, 0.003, 0.1, 0, 4)
_MALLET = Instrument(-16, 0.3, 2.5, 0.8, 0.002, 0.2)
_ORGAN = Instrument(-5, 1.2, attack=0.01, release=0.03, vibrato=8, spread=6)
_REED_ORGAN = Instrument(-4, 0.9, attack=0.04, release=0.06, spread=9, formants=((1100, 5),))
_NYLON = Instrument(-10, 0.9, 3.5, 0.35, 0.003, 0.08, formants=((220, 4), (700, 2)))
_STEEL = Instrument(-7, 1, 4.5, 0.25, 0.002, 0.08, 0, 3, ((250, 3), (2600, 3)), knock=(0.15, 0.012))
_CLEAN = Instrument(-8, 1, 6, 0.25, 0.003, 0.06, 0, 3, formants=((600, 2), (2400, 4)))
_DISTORTED = Instrument(-3, 0.9, 20, 0.05, 0.004, 0.05, 4, 6, ((900, 4), (2500, 6)), 0.02)
_BASS = Instrument(-10, 1, 5, 0.4, 0.004, 0.05, formants=((90, 3),))
_SYNTH_BASS = Instrument(-6, 0.9, 8, 0.2, 0.004, 0.04, spread=5)
_BOWED = Instrument(
    -7, 1, attack=0.06, release=0.08, vibrato=22, formants=((480, 4), (2700, 4)), knock=(0.06, 0.04)
)
_ENSEMBLE = Instrument(
    -8, 1, attack=0.12, release=0.25, vibrato=14, spread=16, formants=((500, 3),)
)
_PLUCK = Instrument(-8, 0.8, 1.6, 0.4, 0.002, 0.1, formants=((800, 3),))
_VOICE = Instrument(
    -8,
    1,
    attack=0.05,
    release=0.08,
    vibrato=30,
    spread=4,
    breath=0.04,
    knock=(0.15, 0.05),
    gain=1.2,
)
_CHOIR = Instrument(-9, 1, attack=0.1, release=0.2, vibrato=20, spread=22, breath=0.02)
_BRASS = Instrument(-5, 1, attack=0.03, release=0.05, vibrato=8, spread=5, formants=((1200, 6),))
_SAX = Instrument(
    -6, 1, attack=0.025, release=0.05, vibrato=18, formants=((500, 3), (1400, 5)), breath=0.03
)
_OBOE = Instrument(-4, 1, attack=0.03, release=0.04, vibrato=12, formants=((1100, 8), (2900, 5)))
_CLARINET = Instrument(-7, 0.15, attack=0.03, release=0.05, vibrato=4, formants=((1500, 4),))
_FLUTE = Instrument(-14, 0.8, attack=0.04, release=0.06, vibrato=16, breath=0.08)
_SAW = Instrument(-6, 1, attack=0.005, release=0.06, spread=14)
_SQUARE = Instrument(-6, 0.02, attack=0.003, release=0.03)
_PAD = Instrument(-11, 1, attack=0.3, release=0.5, vibrato=6, spread=18)
_BELL = Instrument(-6, 0.5, 5, 0.5, 0.002, 0.5)

_RANGES = (
    (3, _PIANO), (6, _ELECTRIC_PIANO), (8, _PLUCK), (16, _MALLET), (20, _ORGAN), (24, _REED_ORGAN),
    (25, _NYLON), (26, _STEEL), (29, _CLEAN), (32, _DISTORTED), (38, _BASS), (40, _SYNTH_BASS),
    (44, _BOWED), (45, _ENSEMBLE), (47, _PLUCK), (48, _MALLET), (52, _ENSEMBLE), (53, _CHOIR),
    (55, _VOICE), (56, _BELL), (64, _BRASS), (68, _SAX), (71, _OBOE), (72, _CLARINET), (80, _FLUTE),
    (81, _SQUARE), (88, _SAW), (96, _PAD), (104, _BELL), (109, _PLUCK), (112, _REED_ORGAN),
    (128, _MALLET),
)  # fmt: skip
_SPECIAL = {6: _STEEL, 90: _SAW, 82: _FLUTE, 110: _BOWED, 32: _BASS, 89: _PAD}
# Formants of five vowels in Hz (rounded textbook averages of men and women).
_VOWELS = (
    (800, 1200, 2600),
    (550, 1800, 2500),
    (320, 2300, 3000),
    (500, 900, 2500),
    (350, 750, 2400),
)


def instrument(program: int) -> Instrument:
    """Return the family of a General MIDI program (0..127)."""
    if program in _SPECIAL:
        return _SPECIAL[program]
    return next(family for end, family in _RANGES if program < end)


@dataclass(frozen=True, eq=False)
class Timbre:
    """The tables that one part is rendered with.

    Parameters
    ----------
    harmonics : np.ndarray [shape=(HARMONICS,)]
        Amplitudes; their squares sum to 1.
    body : np.ndarray [shape=(BODIES, BODY_SIZE)]
        Gain at each MIDI number.
    envelope : tuple of 7 float
        Time constant of middle C's fundamental in seconds (amplitude falls to 1/e), damp, attack,
        release, breath, amplitude of the knock, its seconds; see `Instrument`.
    vibrato, spread : float
        Cents.
    """

    harmonics: np.ndarray
    body: np.ndarray
    envelope: tuple[float, float, float, float, float, float, float]
    vibrato: float
    spread: float


@functools.lru_cache(maxsize=4096)
def timbre(program: int, colour: int) -> Timbre:
    """Return the tables of a program, changed by a colour (0: unchanged; `ROUGH`: more so)."""
    family = _invent(colour) if colour & INVENTED else instrument(program)
    rng = np.random.Generator(np.random.PCG64(colour))
    change = 1.0 if colour else 0.0
    amount = ROUGHLY if colour & (ROUGH | INVENTED) else SMOOTHLY
    octaves = np.log2(np.arange(1, HARMONICS + 1))
    level = (family.slope + amount.slope * change * rng.standard_normal()) * octaves
    level = level + amount.harmonic * change * rng.standard_normal(HARMONICS)
    level[1::2] += 20 * np.log10(family.even)
    if amount.hollow:
        level[0] -= rng.exponential(amount.hollow)
    harmonics = 10 ** (level / 20)
    harmonics *= family.gain / np.sqrt((harmonics**2).sum())
    stretch = np.exp(amount.stretch * change * rng.standard_normal(9))
    return Timbre(
        harmonics=harmonics.astype(np.float32),
        body=_body(family, rng, change, amount.body),
        envelope=(
            min(family.decay, 1e3) / 6.9 * float(stretch[0]),
            family.damp * float(stretch[1]),
            family.attack * float(stretch[2]),
            family.release * float(stretch[3]),
            family.breath * float(stretch[4]),
            family.knock[0] * float(stretch[5]),
            family.knock[1] * float(stretch[6]),
        ),
        vibrato=family.vibrato * float(stretch[7]),
        spread=family.spread * float(stretch[8]),
    )


def _invent(colour: int) -> Instrument:
    """Draw an instrument that need not be like any: plucked, blown or bowed, dark or piercing."""
    rng = np.random.Generator(np.random.PCG64([colour, INVENTED]))

    def between(low, high):
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def sometimes(value):
        return value if rng.random() < 0.5 else 0.0

    return Instrument(
        slope=rng.uniform(-16, -1),
        even=between(0.1, 4),
        decay=between(0.6, 12) if rng.random() < 0.5 else float("inf"),
        damp=rng.uniform(0, 0.8),
        attack=between(0.002, 0.25),
        release=between(0.03, 0.8),
        vibrato=sometimes(rng.uniform(0, 40)),
        spread=sometimes(rng.uniform(0, 30)),
        formants=tuple((between(120, 3500), rng.uniform(2, 10)) for _ in range(rng.integers(4))),
        breath=sometimes(rng.uniform(0, 0.12)),
        knock=(between(0.02, 0.3), between(0.005, 0.06)),
    )


def _body(family: Instrument, rng, change: float, amount: float) -> np.ndarray:
    """Add formants (vowels for voices) and a smooth random colouring, as gains by MIDI number."""
    gains = np.zeros((BODIES, BODY_SIZE))
    anchors = amount * change * rng.standard_normal(BODY_SIZE // 8 + 2)
    gains += np.interp(np.arange(BODY_SIZE) / 8, np.arange(len(anchors)), anchors)
    size = 2 ** (0.12 * change * rng.standard_normal())  # length of the vocal tract, of the box
    vowels = rng.permutation(len(_VOWELS))[:BODIES]
    for row in range(BODIES):
        formants = family.formants
        if family is _VOICE or family is _CHOIR:
            formants = tuple((hz, 12.0 - 3 * i) for i, hz in enumerate(_VOWELS[vowels[row]]))
            gains[row] -= 6.0 * np.clip(np.log2(_HERTZ / 700), 0, 1.5)
        for hz, decibels in formants:
            gains[row] += decibels * np.exp(-0.5 * (np.log2(_HERTZ / (hz * size)) / 0.25) ** 2)
    return (10 ** (gains / 20)).astype(np.float32)


def part_timbre(part: Part) -> Timbre:
    """Return the timbre of a pitched part."""
    return timbre(part.program, part.colour)


def roughened(version: Version) -> Version:
    """Return a version whose pitched parts have rough timbres, and levels to go with them.

    Parameters
    ----------
    version : Version

    Returns
    -------
    Version
        The same notes, played by other instruments of the same kinds.
    """
    return _recoloured(version, ROUGH)


def invented(version: Version) -> Version:
    """Return a version whose pitched parts are played by instruments of no family.

    Parameters
    ----------
    version : Version

    Returns
    -------
    Version
        The same notes; of what the parts' programs are, nothing is left.
    """
    return _recoloured(version, INVENTED)


def _recoloured(version: Version, kind: int) -> Version:
    parts = (p if p.drums else _recolour(p, kind) for p in version.parts)
    return replace(version, parts=tuple(parts))


def _recolour(part: Part, kind: int) -> Part:
    colour = part.colour | kind
    decibels = LOUDNESS * np.random.Generator(np.random.PCG64(~colour & 0xFFFFFFFF)).normal()
    return replace(part, colour=colour, gain=part.gain * 10 ** (decibels / 20))
