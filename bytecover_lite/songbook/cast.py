"""Casting: which patterns and instruments a version is played with (chapter: your own corpus)."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .genres import Genre, Layer
from .version import Part

# What a stranger to the genre may play a layer on: a banjo in a ballad, a synthesizer in a waltz.
STRANGERS = (0, 4, 11, 16, 24, 25, 27, 48, 50, 61, 81, 89)
# Programs for soprano, alto, tenor and bass: voices, strings, brass, reeds, organs, pianos.
GROUPS = (
    (53, 53, 53, 53), (52, 52, 52, 52), (40, 40, 41, 42), (48, 48, 48, 49), (56, 60, 57, 58),
    (61, 61, 61, 58), (73, 68, 71, 71), (65, 65, 66, 66), (16, 16, 16, 16), (18, 18, 18, 18),
    (0, 0, 0, 0), (4, 4, 4, 4), (24, 24, 24, 32),
)  # fmt: skip
# More of them: keys, plucked strings, mallets, reeds, a fiddle band, pads.
ALL_GROUPS = (
    *GROUPS, (1, 1, 1, 1), (5, 5, 5, 5), (7, 7, 7, 7), (11, 11, 11, 11), (10, 10, 11, 11),
    (14, 14, 14, 14), (17, 17, 17, 17), (20, 20, 20, 20), (21, 21, 21, 21), (22, 22, 22, 21),
    (25, 25, 25, 32), (45, 45, 45, 45), (46, 46, 46, 46), (68, 68, 71, 71), (78, 73, 79, 79),
    (89, 89, 89, 89), (105, 105, 24, 32), (108, 108, 108, 108), (110, 110, 42, 42),
    (110, 73, 21, 32),
)  # fmt: skip
DRONES = (18, 20, 21, 22, 48, 89, 109, 110)  # programs that hold a tone


@dataclass(frozen=True)
class Playing:
    """A layer as one version plays it: two patterns (calm, full), an instrument, a level."""

    layer: Layer
    calm: str
    full: str
    part: Part


def cast_band(rng, genre: Genre, home: Genre, base, streams, spread):
    """Choose parts: the genre says what is played, the timbre streams by which instruments."""
    orchestra = _Orchestra(base["timbre"], streams["timbre"], spread.timbre)
    levels = streams["mix"] if spread.mix else base["mix"]
    lead = orchestra.part("lead", genre.leads, home.leads, 1.0, levels, spread.mix)
    hook = orchestra.part("hook", genre.hooks, home.hooks, 0.7, levels, spread.mix)
    drums = orchestra.part("drums", (0,), (0,), genre.drum_gain, levels, spread.mix, drums=True)
    playings = []
    for index, layer in enumerate(genre.layers):
        calm, full = rng.choice(layer.patterns), rng.choice(layer.patterns)
        own = home.layers[index % len(home.layers)].programs
        part = orchestra.part(layer.name, layer.programs, own, layer.gain, levels, spread.mix)
        if rng.random() < layer.chance:
            full = calm if rng.random() < 0.5 else full
            playings.append(Playing(layer, calm, full, part))
    grooves = ()
    if genre.grooves and rng.random() < 0.92:
        grooves = (rng.choice(genre.grooves), rng.choice(genre.grooves))
    return lead, hook, drums, tuple(playings), grooves


class _Orchestra:
    """Casts parts; both streams advance for every part, so one choice never moves the next."""

    def __init__(self, base: random.Random, own: random.Random, amount: float) -> None:
        self._base, self._own, self._amount = base, own, amount

    def part(self, name, programs, home_programs, gain, levels, mix, *, drums=False) -> Part:
        kept = (self._base.choice(home_programs), self._base.randrange(1, 1 << 20))
        wild = self._own.random() < 0.12 and name not in ("bass", "lead")
        pool = STRANGERS if wild else programs
        fresh = (self._own.choice(pool), self._own.randrange(1, 1 << 20))
        program, colour = fresh if self._own.random() < self._amount else kept
        decibels = levels.gauss(0, 2.0 + 2.5 * mix)
        gain *= 10 ** (min(max(decibels, -9), 7) / 20)
        return Part(name, program, drums, gain, colour)
