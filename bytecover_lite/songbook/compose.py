"""Seed -> work: a song as sections of chords and melody (chapter: your own corpus).

A work is what all its versions share. It holds no instruments and no key in hertz, only what a
lead sheet holds: form, chords, melody, a hook, meter, tempo and a key.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import numpy as np

from .harmonise import harmonise, mixed
from .idioms import IDIOMS, Idiom
from .melody import hook_line, melody_line
from .theory import (
    CHORD_DTYPE,
    CHORD_SCALES,
    CHORD_TONES,
    LINE_DTYPE,
    parse_progression,
    pitch_classes,
)
from .titles import title
from .tunes import HYMN, KINDS, PSALM, Kind, write_tune

TUNES = range(30_000_000, 40_000_000)  # seeds of works that own no harmony, only a tune
HYMNS = range(50_000_000, 60_000_000)  # the same, for a tune that is sung in four parts
PSALMS = range(60_000_000, 70_000_000)  # tunes of one school: alike in rhythm and in harmony
THROUGH_COMPOSED = range(40_000_000, 41_000_000)  # seeds of works no part of which comes back
METERS = {"4/4": 4.0, "3/4": 3.0, "6/8": 3.0}  # quarter notes a bar
SECTION_NAMES = {
    "I": "intro",
    "V": "verse",
    "P": "pre-chorus",
    "C": "chorus",
    "B": "bridge",
    "S": "solo",
    "O": "outro",
}


@dataclass(frozen=True, eq=False)
class Section:
    """A stretch of a song.

    Parameters
    ----------
    name : str
        A value of ``SECTION_NAMES``.
    beats : float
        Length in quarter notes, whole bars.
    chords : np.ndarray [dtype=CHORD_DTYPE]
        In order, without gaps.
    melody : np.ndarray [dtype=LINE_DTYPE]
        Semitones above the tonic; empty where nobody sings.
    """

    name: str
    beats: float
    chords: np.ndarray
    melody: np.ndarray


@dataclass(frozen=True, eq=False)
class Work:
    """A composition: the thing whose versions are a clique.

    Parameters
    ----------
    seed : int
    title : str
    idiom : str
    tonic : int, 0..11
        Pitch class of the key the composer had in mind.
    mode : str
        A key of ``theory.MODES``.
    meter : str
        A key of ``METERS``.
    tempo : float
        Quarter notes a minute.
    form : tuple of str
        Section names in order.
    sections : dict of str to Section
    hook : np.ndarray [dtype=LINE_DTYPE]
        Instrumental figure of two bars, semitones above the tonic.
    """

    seed: int
    title: str
    idiom: str
    tonic: int
    mode: str
    meter: str
    tempo: float
    form: tuple[str, ...]
    sections: dict[str, Section]
    hook: np.ndarray


def compose(seed: int) -> Work:
    """Write the work of a seed.

    Parameters
    ----------
    seed : int, >= 0

    Returns
    -------
    Work
        2 to 5 minutes at its own tempo, those of ``TUNES`` from 40 seconds up, those of ``HYMNS``
        and ``PSALMS`` from 20; the same for the same seed on every platform.
    """
    rng = random.Random(f"work {seed}")
    if seed in TUNES or seed in HYMNS or seed in PSALMS:
        return _tune(rng, seed)
    idiom = rng.choices(IDIOMS, [i.weight for i in IDIOMS])[0]
    mode, meter = rng.choice(idiom.modes), rng.choice(idiom.meters)
    tempo = rng.uniform(*idiom.tempo)
    if seed in THROUGH_COMPOSED:
        letters = rng.choice(("VPCB", "IVPCB", "VPCBO", "IVCBO", "VCB"))
        stretches = _stretches(rng, tempo, METERS[meter], sung=len(set(letters) - {*"IO"}))
        sections = _sections(rng, idiom, mode, meter, letters, stretches)
        form = [SECTION_NAMES[c] for c in letters]
    else:
        letters = _form(rng, idiom)
        sections = _sections(rng, idiom, mode, meter, letters)
        form = _fit_length([SECTION_NAMES[c] for c in letters], sections, tempo)
    return Work(
        seed=seed,
        title=title(rng),
        idiom=idiom.name,
        tonic=rng.randrange(12),
        mode=mode,
        meter=meter,
        tempo=tempo,
        form=tuple(form),
        sections=sections,
        hook=hook_line(rng, mode, METERS[meter], sections["verse"].chords),
    )


def harmonised_anew(work: Work, rng: np.random.Generator, share: float = 1.0) -> Work:
    """Return the work with other chords under the same tune, found by another taste.

    Parameters
    ----------
    work : Work
    rng : np.random.Generator
    share : float, 0..1
        Share of the bars that get them.
    """
    bar, sections = METERS[work.meter], {}
    for name, section in work.sections.items():
        if len(section.melody):
            chords = harmonise(
                section.melody, section.beats, bar, work.mode, rng, **_habits(work.seed)
            )
            if share < 1:
                chords = mixed(section.chords, chords, section.beats, bar, share, rng)
            sections[name] = replace(section, chords=chords)
    for name, section in work.sections.items():
        if name not in sections:
            sections[name] = _borrow(name, sections["verse"], bar, round(section.beats / bar))
    return replace(work, sections=sections)


def _tune(rng: random.Random, seed: int) -> Work:
    """Write a work of a tune alone: strains, each twice in a dance, sung or played in rounds."""
    kind, mode, meter, tempo, strains = write_tune(rng, _kinds(seed))
    bar, taste = METERS[meter], np.random.Generator(np.random.PCG64(seed))
    names = ("verse", "chorus", "bridge")[: len(strains)]
    sections = {}
    for name, (beats, line) in zip(names, strains, strict=True):
        chords = harmonise(line, beats, bar, mode, taste, **_habits(seed))
        sections[name] = Section(name, beats, chords, line)
    for name in ("intro", "solo", "outro"):
        sections[name] = _borrow(name, sections["verse"], bar, 99 if name == "solo" else 4)
    once = [name for name in names for _ in range(2 if kind == "dance" else 1)]
    seconds = sum(sections[name].beats for name in once) * 60 / tempo
    tune = strains[0][1]
    name, tonic = title(rng), rng.randrange(12)
    rounds = max(1, round(rng.uniform(40, 150) / seconds))
    return Work(
        seed=seed,
        title=name,
        idiom=kind,
        tonic=tonic,
        mode=mode,
        meter=meter,
        tempo=tempo,
        form=tuple(once * (rng.choice((1, 1, 1, 2)) if _habits(seed)["step"] else rounds)),
        sections=sections,
        hook=tune[tune["start"] < 2 * bar - 1e-3],
    )


def _kinds(seed: int) -> tuple[Kind, ...]:
    return (HYMN,) if seed in HYMNS else (PSALM,) if seed in PSALMS else KINDS


def _habits(seed: int) -> dict:
    """Return how often a work's chords may change, in quarter notes (None: by taste), and whose."""
    common = seed in PSALMS
    return {"step": 1.0 if common or seed in HYMNS else None, "common": common}


def _form(rng: random.Random, idiom: Idiom) -> str:
    """Take one of the idiom's forms, sometimes without intro or with a section doubled."""
    form = rng.choice(idiom.forms)
    if rng.random() < 0.25:
        form = form.replace("I", "", 1)
    if rng.random() < 0.3:
        place = rng.randrange(len(form))
        form = form[:place] + form[place] + form[place:]
    return form


def _stretches(rng, tempo: float, bar: float, sung: int) -> int:
    """Return how many times 8 bars a sung section needs in a work without any return."""
    bars = rng.uniform(120, 200) * tempo / 60 / bar / sung
    return math.ceil(bars / 8)


def _sections(rng, idiom, mode, meter, letters, stretches=None) -> dict[str, Section]:
    """Write each section once; intro, solo and outro borrow chords from the sung ones."""
    bar, sections = METERS[meter], {}
    pool = [text for text in idiom.progressions if _fits(text, mode)] or list(idiom.progressions)
    for letter in ("V", "P", "C", "B"):
        if letter in letters or letter == "V":
            name = SECTION_NAMES[letter]
            bars = 4 if letter == "P" else rng.choice(idiom.bars)
            lift = {"V": 0, "P": 2, "C": 4, "B": 3}[letter]
            parts = [bars] if stretches is None else [8] * stretches
            lines = []
            for number, bars in enumerate(parts):
                chords = _chords(rng, rng.choice(pool), bars, bar)
                melody = melody_line(rng, mode, bar, bars, chords, idiom.busy, lift, meter)
                for line in (chords, melody):
                    line["start"] += number * bars * bar
                lines.append((chords, melody))
            chords, melody = map(np.concatenate, zip(*lines, strict=True))
            sections[name] = Section(name, sum(parts) * bar, chords, melody)
    for letter, source in (("I", "VC"), ("S", "VCB"), ("O", "CV")):
        name = SECTION_NAMES[letter]
        lender = rng.choice([SECTION_NAMES[c] for c in source if SECTION_NAMES[c] in sections])
        sections[name] = _borrow(name, sections[lender], bar, 4 if letter in "IO" else 99)
    return sections


def _fits(progression: str, mode: str) -> bool:
    """Tell whether three quarters of the chords' tones belong to the mode's scale."""
    member = pitch_classes(CHORD_SCALES.get(mode, mode))
    chords = parse_progression(progression)
    inside = [member[(root + tone) % 12] for root, kind in chords for tone in CHORD_TONES[kind, :3]]
    return sum(inside) >= 0.75 * len(inside)


def _chords(rng, progression: str, bars: int, bar: float) -> np.ndarray:
    """Lay a progression over a section: as it is, twice as fast, or with changed chords."""
    loop = list(parse_progression(progression))
    step = bar
    if len(loop) <= 4 and rng.random() < 0.18:
        step = bar / 2
    elif len(loop) <= 4 and bars >= 2 * len(loop) and rng.random() < 0.12:
        step = bar * 2
    loop = _mutate(rng, loop)
    count = round(bars * bar / step)
    roots = [loop[i % len(loop)] for i in range(count)]
    if count > len(loop) and rng.random() < 0.4:  # another ending the last time around
        roots[-1] = rng.choice(((7, 0), (7, 2), (5, 0), (0, roots[0][1])))
    chords = np.zeros(count, CHORD_DTYPE)
    chords["start"] = np.arange(count) * step
    chords["duration"] = step
    chords["root"] = [root for root, _ in roots]
    chords["kind"] = [kind for _, kind in roots]
    return chords


def _mutate(rng, loop):
    """Change a loop a little so that two works with the same cliche still differ."""
    loop = list(loop)
    if rng.random() < 0.35:
        turn = rng.randrange(len(loop))
        loop = loop[turn:] + loop[:turn]
    if rng.random() < 0.35:
        loop[rng.randrange(len(loop))] = rng.choice(loop)
    if rng.random() < 0.25 and len(loop) <= 4:
        loop = loop + loop[:-1] + [rng.choice(loop)]
    return loop


def _borrow(name: str, lender: Section, bar: float, bars: int) -> Section:
    """Make a section without a singer on the chords of another one."""
    beats = min(lender.beats, bars * bar)
    chords = lender.chords[lender.chords["start"] < beats - 1e-3].copy()
    chords["duration"][-1] = beats - chords["start"][-1]
    return Section(name, beats, chords, np.zeros(0, LINE_DTYPE))


def _fit_length(form: list[str], sections: dict[str, Section], tempo: float) -> list[str]:
    """Repeat or drop sections from the end until the work lasts 2 to 5 minutes."""
    form = list(form)

    def seconds() -> float:
        return sum(sections[name].beats for name in form) * 60 / tempo

    position = 0
    while seconds() < 120:
        form.insert(len(form) - (form[-1] == "outro"), form[position % len(form)])
        position += 1
    while seconds() > 300:
        form.pop(len(form) - 2)
    return form
