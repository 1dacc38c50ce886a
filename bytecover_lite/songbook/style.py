"""What one version does differently: every decision of an arrangement before a note is placed.

Chapter: your own corpus. Each attribute (key, tempo, genre ...) draws from its own random stream,
seeded by the work alone for the base version and by work and version seed where it varies. So any
set of attributes can change while everything else stays exactly what it was.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

from bytecover_lite.errors import BytecoverError

from .cast import ALL_GROUPS, DRONES, GROUPS, Playing, cast_band
from .compose import Work
from .genres import GENRES, SINGERS, VOICE, Genre
from .mixing import choose_production
from .version import Part, Production


class ArrangeError(BytecoverError):
    """An unknown difficulty, or an unknown attribute or amount to vary."""


@dataclass(frozen=True)
class Spread:
    """How far versions of one work lie apart.

    Parameters
    ----------
    key : float
        Semitones: largest transposition.
    tempo : float
        Largest change of speed in octaves (log2 of the factor).
    genre : float, 0..1
        Probability of another genre than the original's.
    timbre : float, 0..1
        Share of parts that other instruments play.
    form : float
        Expected number of edits of the form.
    harmony : float, 0..1
        Share of chords replaced; 1: all, by those that another arranger finds for the tune.
    melody : float, 0..1
        Share of notes ornamented, moved or left out.
    performance : float, 0..1
        Looseness of time and intonation, wrong notes.
    mix : float, 0..1
        Equaliser, reverberation, compression, saturation, balance of parts.
    noise : float, 0..1
        Noise floor, audience, band limits, low bit rate.
    tuning : float
        Cents: largest deviation from A4 = 440 Hz.
    """

    key: float = 0.0
    tempo: float = 0.0
    genre: float = 0.0
    timbre: float = 0.0
    form: float = 0.0
    harmony: float = 0.0
    melody: float = 0.0
    performance: float = 0.0
    mix: float = 0.0
    noise: float = 0.0
    tuning: float = 0.0


ATTRIBUTES = tuple(f.name for f in fields(Spread))
DIFFICULTIES = {
    "easy": Spread(6, 0.15, 0.5, 1.0, 0.4, 0.03, 0.08, 0.3, 0.5, 0.3, 20),
    "real": Spread(6, 0.35, 0.7, 1.0, 1.2, 0.1, 0.2, 0.6, 0.8, 0.6, 35),
    "hard": Spread(6, 0.6, 0.9, 1.0, 2.5, 0.2, 0.4, 1.0, 1.0, 1.0, 50),
}

# What is left of a work of which only the tune is common; not calibrated, for training.
TUNE_ONLY = Spread(6, 0.5, 0.9, 1.0, 0.6, 1.0, 0.7, 0.8, 1.0, 0.7, 50)
# The same tune as hymn books and tune books print it: hardly changed, mostly in four parts.
SETTING = Spread(6, 0.4, 0.9, 1.0, 0.5, 1.0, 0.5, 0.6, 0.8, 0.6, 40)
# The same, its parts moving in eighths, unequally loud, on any instruments, at any tempo.
POLYPHONY = Spread(6, 0.7, 0.9, 1.0, 0.5, 1.0, 0.35, 0.6, 0.8, 0.6, 40)
# Four parts whose lower three are led by rule and go their own ways.
SCHOOL = Spread(6, 0.5, 0.9, 1.0, 0.5, 1.0, 0.35, 0.6, 0.8, 0.6, 40)
# A tune among a few players: alone, over a drone, or with one or two that strike or hold chords.
SESSION = Spread(6, 0.8, 0.9, 1.0, 0.6, 1.0, 0.6, 0.6, 0.8, 0.6, 40)
_SPREADS = {
    **DIFFICULTIES,
    "tune": TUNE_ONLY,
    "setting": SETTING,
    "polyphony": POLYPHONY,
    "school": SCHOOL,
    "session": SESSION,
}


@dataclass(frozen=True)
class Texture:
    """How a difficulty for training is played.

    Parameters
    ----------
    bare, choral, consort : float, 0..1
        How often a version is the tune alone, in four parts, and these on one group alike.
    harmonies : tuple of float
        Shares of the bars with new chords, one of which a version takes; empty: as the spread.
    printed : bool
        Kept near to what a book has: new chords bar by bar, the ends of phrases held.
    moving : bool
        A consort's lower parts fill most of their moves, and no two parts are equally loud.
    school : bool
        The lower parts follow the rules of voice leading, not the tune.
    few : bool
        A drone, one or two of the band, or nobody beside the tune.
    """

    bare: float = 0.03
    choral: float = 0.0
    consort: float = 0.0
    harmonies: tuple[float, ...] = ()
    printed: bool = False
    moving: bool = False
    school: bool = False
    few: bool = False


_TEXTURES = {
    "tune": Texture(0.25, 0.35),
    "setting": Texture(0.15, 0.75, 0.8, (0.2, 0.5, 1.0), printed=True),
    "polyphony": Texture(0.08, 0.9, 0.9, (0.1, 0.3, 0.6), printed=True, moving=True),
    "school": Texture(0.04, 0.95, 0.95, (0.0, 0.0, 0.15, 0.4), True, True, school=True),
    "session": Texture(0.3, few=True),
}


@dataclass(frozen=True)
class Style:
    """All decisions of one version.

    Parameters
    ----------
    genre : Genre
    lead, hook, drums : Part
    playings : tuple of Playing
    grooves : tuple of str
        Calm and full drum pattern; empty without drums.
    key_shift : int
        Semitones.
    lead_octave : int
        MIDI number near which the tune's tonic lies.
    tempo, tempo_factor : float
        Quarter notes a minute; against the work's own.
    swing : float, 0..1
    feel : float
        Patterns a bar: 1, 2 (double time) or 0.5 (half time).
    form : tuple of (section name, semitones of lift)
    guest : int or None
        Picks the work that ends a medley.
    other_mode : bool
        A major song played in minor, or the reverse.
    sung, accompanied : bool
        False without tune (karaoke), or without band.
    choral : bool
        Voices or instruments in four parts instead of a band.
    consort : int or None
        Group of ``cast.ALL_GROUPS`` that plays all four parts alike; None where the lead stands
        out.
    texture : Texture
    drone : Part or None
        Holds the tonic and its fifth all along.
    spread : Spread
    seeds : dict of str to int
        For the writers, one an attribute.
    production : Production
    """

    genre: Genre
    lead: Part
    hook: Part
    drums: Part
    playings: tuple[Playing, ...]
    grooves: tuple[str, ...]
    key_shift: int
    lead_octave: int
    tempo: float
    tempo_factor: float
    swing: float
    feel: float
    form: tuple[tuple[str, int], ...]
    guest: int | None
    other_mode: bool
    sung: bool
    accompanied: bool
    choral: bool
    consort: int | None
    texture: Texture
    drone: Part | None
    spread: Spread
    seeds: dict[str, int]
    production: Production


def choose_style(
    work: Work,
    seed: int,
    difficulty: str | Spread,
    vary: Iterable[str] | Mapping[str, float] | None,
) -> Style:
    """Decide how a version differs; see `arrange` for the parameters."""
    spread = _spread(difficulty, vary)
    rng = random.Random(f"texture {work.seed} {seed}")
    named = isinstance(difficulty, str) and vary is None
    texture = _TEXTURES.get(difficulty, Texture()) if named else Texture()
    if texture.harmonies:  # chords and turns of the same school, or of another one
        harmony, melody = rng.choice(texture.harmonies), rng.uniform(0.05, spread.melody)
        spread = replace(spread, harmony=harmony, melody=melody)
    streams = {
        name: random.Random(f"{name} {work.seed} {seed if getattr(spread, name) else 'base'}")
        for name in ATTRIBUTES
    }
    base = {name: random.Random(f"{name} {work.seed} base") for name in ("genre", "timbre", "mix")}
    exact = isinstance(vary, Mapping)
    home = _pick_genre(base["genre"])
    genre, band = home, base["genre"]
    if streams["genre"].random() < spread.genre:
        genre, band = _pick_genre(streams["genre"], home), streams["genre"]
    lead, hook, drums, playings, grooves = cast_band(band, genre, home, base, streams, spread)
    factor = _tempo(streams["tempo"], spread.tempo, exact, work.tempo, genre)
    cast = streams["genre"].random() if spread.genre else 0.5
    alike = texture.printed or texture.few
    consort, drone, octave = None, None, _octave(streams["timbre"], lead.program)
    choral = bool(texture.choral) and rng.random() < texture.choral
    if choral and texture.consort and rng.random() < texture.consort:
        consort, octave, lead = _consort(rng, lead, texture)
    form = _form(streams["form"], work, spread.form, exact)
    if texture.moving or texture.few:  # nobody is there to play what has no tune
        form = tuple(item for item in form if item[0] not in ("intro", "solo", "outro"))
        form = form or (("verse", 0),)
    if texture.few:
        playings, grooves, drone = _few(rng, playings, grooves)
    return Style(
        genre=genre,
        lead=lead,
        hook=hook,
        drums=drums,
        playings=playings,
        grooves=grooves,
        key_shift=_key(streams["key"], spread.key, exact),
        lead_octave=octave,
        tempo=work.tempo * factor,
        tempo_factor=factor,
        swing=band.uniform(*genre.swing) if work.meter != "6/8" and consort is None else 0.0,
        feel=_feel(band, work.tempo * (factor if spread.genre else 1.0), work.meter),
        form=form,
        guest=_guest(streams["form"], spread.form),
        other_mode=streams["harmony"].random() < 0.25 * spread.harmony and not alike,
        sung=cast > 0.03 or alike,
        accompanied=cast < 1 - texture.bare,
        choral=choral,
        consort=consort,
        texture=texture,
        drone=drone,
        spread=spread,
        seeds={name: stream.getrandbits(32) for name, stream in streams.items()},
        production=choose_production(
            streams["mix"], streams["noise"], streams["tuning"], genre, spread
        ),
    )


def _consort(rng: random.Random, lead: Part, texture: Texture) -> tuple[int, int, Part]:
    """Choose a group for four parts, the octave of the tune, and its player."""
    moving = texture.moving
    groups = ALL_GROUPS if moving else GROUPS
    level = 0.2 if moving else 0.1
    chosen, octave = rng.randrange(len(groups)), 66 if texture.school else 63
    lead = replace(lead, program=groups[chosen][0], gain=10 ** rng.gauss(0, level))
    if moving and rng.random() < 0.15:
        octave = 51
    return chosen, octave, lead


def _few(rng: random.Random, playings, grooves):
    """Let few play: a drone or not, one or two layers of the band, seldom drums."""
    count, drone = rng.choice((0, 1, 1, 2)), None
    if not count or rng.random() < 0.25:
        level = 0.35 * 10 ** rng.gauss(0, 0.15)
        drone = Part("drone", rng.choice(DRONES), gain=level, colour=rng.randrange(1, 1 << 20))
    chosen = rng.sample(playings, min(count, len(playings)))
    return tuple(chosen), grooves if rng.random() < 0.15 else (), drone


def _spread(difficulty: str | Spread, vary) -> Spread:
    full = difficulty if isinstance(difficulty, Spread) else _SPREADS.get(difficulty)
    if full is None:
        raise ArrangeError(
            f"difficulty {difficulty!r} is not a Spread, nor one of {', '.join(_SPREADS)}"
        )
    if vary is None:
        return full
    unknown = set(vary) - set(ATTRIBUTES)
    if unknown:
        raise ArrangeError(f"cannot vary {sorted(unknown)}: choose among {', '.join(ATTRIBUTES)}")
    if isinstance(vary, Mapping):
        if any(not 0 <= amount for amount in vary.values()):
            raise ArrangeError(f"amounts to vary must be >= 0, got {dict(vary)}")
        return replace(Spread(), **{name: float(amount) for name, amount in vary.items()})
    return replace(Spread(), **{name: getattr(full, name) for name in vary})


def _pick_genre(rng: random.Random, other_than: Genre | None = None) -> Genre:
    choices = [g for g in GENRES.values() if g is not other_than]
    return rng.choices(choices, [g.weight for g in choices])[0]


def _key(rng: random.Random, largest: float, exact: bool) -> int:
    """Transpose: exactly by the amount, or (as bands do) often not at all and rarely far."""
    if exact:
        return rng.choice((-1, 1)) * round(largest)
    if rng.random() < 0.25:
        return 0
    return rng.randint(-int(largest), int(largest))


def _tempo(rng, largest, exact, home, genre) -> float:
    """Change speed; without an exact amount, lean towards the tempi at home in the genre."""
    if exact:
        return 2.0 ** (rng.choice((-1, 1)) * largest)
    change = 2.0 ** (largest * max(-1.0, min(1.0, rng.gauss(0, 0.45))))
    wish = min(max(home * change, genre.tempo[0]), genre.tempo[1]) / home
    lean = min(max(wish, 2.0**-largest), 2.0**largest)
    return lean if rng.random() < 0.35 else change


def _octave(rng: random.Random, program: int) -> int:
    """Return the octave a tune is sung or played in: men, women, cellos, flutes."""
    if program in (*SINGERS, VOICE):
        return rng.choice((48, 60, 60, 60))
    if program in (42, 57, 58, 66, 70, 26, 29, 30):
        return rng.choice((48, 60))
    if program in (73, 74, 78, 72, 79):
        return 72
    return rng.choice((60, 60, 72))


def _feel(rng: random.Random, tempo: float, meter: str) -> float:
    """Play slow songs in double time and fast ones in half time, now and then."""
    roll = rng.random()
    if meter != "4/4" or roll > 0.35:
        return 1.0
    return 2.0 if tempo < 84 else 0.5 if tempo > 140 else 1.0


def _guest(rng: random.Random, edits: float) -> int | None:
    """Decide whether the version ends as a medley, and with which other work."""
    roll, pick = rng.random(), rng.getrandbits(30)
    return pick if roll < 0.02 * edits else None


def _form(rng: random.Random, work: Work, edits: float, exact: bool) -> tuple[tuple[str, int], ...]:
    """Edit the form; each item is a section and the semitones it is lifted by."""
    form = [(name, 0) for name in work.form]
    count = round(edits) if exact else min(int(rng.expovariate(1 / edits)) if edits else 0, 8)
    for _ in range(count):
        form = _edit(rng, form)
    if edits and rng.random() < 0.08:
        lift = rng.choice((1, 2))  # the last chorus moves up
        form = form[:-2] + [(name, lift) for name, _ in form[-2:]]
    if edits and rng.random() < 0.04 * edits and len(form) > 5:
        half = len(form) // 2
        form = form[:half] if rng.random() < 0.5 else form[half:]
    return tuple(form)


def _edit(rng: random.Random, form):
    """Drop, repeat, exchange or move one section; at least three stay."""
    form, place = list(form), rng.randrange(len(form))
    action = rng.choice(("drop", "repeat", "swap", "intro", "solo", "drop"))
    if action == "drop" and len(form) > 3:
        form.pop(place)
    elif action == "repeat" and len(form) < 14:
        form.insert(place, form[place])
    elif action == "swap" and place:
        form[place - 1], form[place] = form[place], form[place - 1]
    elif action == "intro":
        form = form[1:] if form[0][0] == "intro" and len(form) > 3 else [("intro", 0), *form]
    elif action == "solo":
        form.insert(place, ("solo", 0))
    return form
