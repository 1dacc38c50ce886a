"""Genres as data: who plays what, how, and in which kind of room (chapter: your own corpus).

Numbers of instruments are General MIDI programs counted from 0; patterns are named in
``patterns``. A genre is a taste, not a law: ``arrange`` drops layers and exchanges instruments.
"""

from __future__ import annotations

from dataclasses import dataclass

VOICE = 53  # General MIDI "Voice Oohs": stands for a singer
SINGERS = (53, 53, 52, 54)


@dataclass(frozen=True)
class Layer:
    """One accompanying part.

    Parameters
    ----------
    name : str
        Role: ``"chords"``, ``"pad"``, ``"bass"`` ...
    programs : tuple of int
        Instruments that may take it.
    patterns : tuple of str
        Names in ``patterns.COMPING`` (or ``BASSES`` for the role ``"bass"``).
    register : int
        MIDI number at the bottom of the octave that chords are laid in.
    gain : float
    chance : float, 0..1
        How often an arrangement has the layer at all.
    gate : float
        Share of a pattern's note that sounds.
    voicing : str
        ``"close"``, ``"open"`` or ``"power"``.
    calm : float, 0..1
        How often the layer also plays in verses and intros.
    """

    name: str
    programs: tuple[int, ...]
    patterns: tuple[str, ...]
    register: int = 55
    gain: float = 0.5
    chance: float = 0.8
    gate: float = 0.9
    voicing: str = "close"
    calm: float = 0.7


@dataclass(frozen=True)
class Genre:
    """A way of playing.

    Parameters
    ----------
    name : str
    leads : tuple of int
        Programs for the tune; ``VOICE`` is a singer.
    layers : tuple of Layer
    grooves : tuple of str
        Names in ``patterns.GROOVES``; empty: no drums.
    drum_gain : float
    tempo : (float, float)
        Tempi (quarter notes a minute) at home in the genre; a version moves towards them.
    swing : (float, float), 0..1
        0 straight, 1 triplets.
    tightness : float
        Standard deviation of timing in seconds.
    rubato : float
        Standard deviation of the tempo drift, relative.
    reverb : (float, float)
        Seconds.
    drive : float, 0..1
        Most saturation.
    hooks : tuple of int
        Programs for the hook and for solos.
    weight : float
    """

    name: str
    leads: tuple[int, ...]
    layers: tuple[Layer, ...]
    grooves: tuple[str, ...] = ()
    drum_gain: float = 0.8
    tempo: tuple[float, float] = (80, 140)
    swing: tuple[float, float] = (0.0, 0.0)
    tightness: float = 0.008
    rubato: float = 0.01
    reverb: tuple[float, float] = (0.4, 1.5)
    drive: float = 0.2
    hooks: tuple[int, ...] = (0, 25, 27, 48, 65)
    weight: float = 1.0


_BASS = (32, 33, 34, 35)
_STRINGS = (48, 49, 50)

# fmt: off
GENRES = {
    genre.name: genre
    for genre in (
        Genre(
            "pop", (VOICE, VOICE, VOICE, 54, 0, 27),
            (
                Layer("bass", (33, 34, 38, 39), ("roots", "eighths", "rock", "push"), 36, 0.8,
                    0.95),
                Layer("chords", (0, 4, 2, 90), ("whole", "quarters", "push", "eighths"), 55,
                    0.55, 0.8),
                Layer("guitar", (25, 27, 28), ("strum", "strum slow", "arpeggio up"), 52, 0.4, 0.7),
                Layer("pad", (*_STRINGS, 88, 89), ("whole",), 60, 0.3, 0.6, 1.0, "open", 0.4),
                Layer("backing", SINGERS, ("whole", "halves"), 62, 0.3, 0.35, 1.0, "close", 0.2),
            ),
            ("pop", "rock", "four", "ballad", "boom bap"), 0.8, (84, 130), hooks=(27, 81, 0, 48,
                62),
            weight=2.5,
        ),
        Genre(
            "rock", (VOICE, VOICE, VOICE, 29, 30),
            (
                Layer("bass", (33, 34), ("eighths", "rock", "roots", "quarters"), 36, 0.8, 1.0),
                Layer("guitar", (29, 27, 30), ("eighths", "strum", "push", "strum slow"), 50,
                    0.6, 0.95),
                Layer("guitar 2", (29, 30, 25), ("power", "strum", "arpeggio"), 48, 0.5, 0.6,
                    0.9, "power"),
                Layer("organ", (16, 18), ("whole",), 60, 0.25, 0.3, 1.0),
            ),
            ("rock", "rock b", "pop", "toms"), 1.0, (96, 160), drive=0.6, hooks=(29, 30, 27),
            weight=2.0,
        ),
        Genre(
            "metal", (VOICE, VOICE, 30, 54),
            (
                Layer("bass", (34, 33), ("gallop", "eighths", "sixteenths"), 34, 0.8, 1.0),
                Layer("guitar", (30,), ("chug", "gallop", "power", "eighths"), 40, 0.8, 1.0, 0.8,
                    "power", 0.9),
                Layer("guitar 2", (30, 29), ("power", "whole", "tremolo"), 45, 0.6, 0.8, 0.9,
                    "power"),
                Layer("choir", (52, 48, 50), ("whole",), 60, 0.25, 0.25, 1.0),
            ),
            ("metal", "rock b", "punk"), 1.1, (100, 180), drive=0.9, hooks=(30, 29), reverb=(0.3,
                1.0),
        ),
        Genre(
            "punk", (VOICE, VOICE, 30),
            (
                Layer("bass", (34, 33), ("eighths",), 36, 0.8, 1.0),
                Layer("guitar", (30, 29), ("power", "eighths"), 45, 0.8, 1.0, 0.9, "power", 0.9),
            ),
            ("punk", "rock b"), 1.0, (140, 200), tightness=0.014, drive=0.9, reverb=(0.2, 0.6),
            hooks=(30, 29), weight=0.8,
        ),
        Genre(
            "ballad", (VOICE, VOICE, VOICE, 65, 0, 40),
            (
                Layer("bass", (32, 33, 35), ("roots", "root fifth", "push"), 36, 0.7, 0.8),
                Layer("piano", (0, 1, 4), ("arpeggio up", "whole", "broken", "halves"), 52, 0.6,
                    0.9),
                Layer("strings", _STRINGS, ("whole", "halves"), 60, 0.45, 0.75, 1.0, "open", 0.4),
                Layer("guitar", (24, 25), ("arpeggio", "travis"), 52, 0.4, 0.4),
            ),
            ("ballad", "pop", "shaker"), 0.5, (58, 92), rubato=0.03, reverb=(1.0, 3.0),
            hooks=(0, 48, 40, 68), weight=1.5,
        ),
        Genre(
            "jazz swing", (VOICE, 65, 66, 56, 59, 26, 0, 11),
            (
                Layer("bass", (32,), ("walk", "walk b", "walk"), 36, 0.8, 1.0, 0.95),
                Layer("piano", (0, 26, 11), ("charleston", "jazz comp", "jazz comp b"), 55, 0.5,
                    0.95, 0.5),
                Layer("horns", (61, 57, 66), ("stab", "push"), 58, 0.3, 0.3, 0.5, "close", 0.3),
            ),
            ("swing", "brushes", "swing"), 0.6, (100, 220), (0.6, 1.0), 0.014, 0.012,
            (0.5, 1.4), 0.1, (65, 66, 56, 0, 11, 26), 1.4,
        ),
        Genre(
            "bossa", (VOICE, VOICE, 65, 73, 24, 66),
            (
                Layer("bass", (32, 33), ("bossa", "root fifth"), 36, 0.7, 1.0),
                Layer("guitar", (24,), ("bossa", "arpeggio up", "bossa"), 52, 0.6, 1.0, 0.7),
                Layer("piano", (0, 4, 11), ("charleston", "jazz comp"), 60, 0.3, 0.4, 0.6),
                Layer("strings", _STRINGS, ("whole",), 62, 0.25, 0.3, 1.0),
            ),
            ("bossa", "shaker"), 0.5, (100, 150), hooks=(73, 65, 24), reverb=(0.5, 1.8),
        ),
        Genre(
            "salsa", (VOICE, VOICE, 56, 57),
            (
                Layer("bass", (32, 33), ("tumbao", "bossa"), 36, 0.8, 1.0),
                Layer("piano", (0,), ("montuno",), 60, 0.55, 1.0, 0.7, "open", 0.9),
                Layer("brass", (61, 56), ("stab", "push"), 60, 0.45, 0.7, 0.6, "close", 0.3),
            ),
            ("salsa",), 0.9, (150, 210), hooks=(56, 61, 73), weight=0.7,
        ),
        Genre(
            "reggae", (VOICE, VOICE, 22, 57),
            (
                Layer("bass", (33, 38), ("one drop", "reggae", "syncopated"), 34, 0.95, 1.0),
                Layer("guitar", (27, 28), ("skank", "backbeat", "skank"), 57, 0.5, 0.95, 0.35),
                Layer("organ", (16, 17), ("offbeat",), 60, 0.3, 0.7, 0.4),
                Layer("horns", (61, 57), ("stab",), 60, 0.35, 0.3, 0.6, "close", 0.2),
            ),
            ("one drop", "shaker"), 0.7, (120, 170), (0.1, 0.5), hooks=(61, 16, 57),
            reverb=(0.5, 2.5), weight=1.0,
        ),
        Genre(
            "country", (VOICE, VOICE, 110, 25),
            (
                Layer("bass", (32, 33), ("root fifth", "quarters"), 36, 0.75, 1.0),
                Layer("guitar", (25,), ("folk strum", "strum", "train"), 52, 0.6, 0.95),
                Layer("banjo", (105, 25), ("arpeggio up", "sequence", "travis"), 57, 0.4, 0.5, 0.6),
                Layer("steel", (49, 110, 22), ("whole",), 62, 0.3, 0.5, 1.0),
                Layer("piano", (3, 0), ("backbeat", "stride"), 57, 0.4, 0.3, 0.5),
            ),
            ("country", "train", "shuffle"), 0.6, (90, 150), (0.0, 0.4), hooks=(110, 25, 105, 22),
            weight=1.2,
        ),
        Genre(
            "blues", (VOICE, VOICE, 29, 22, 66),
            (
                Layer("bass", (33, 32, 34), ("boogie", "walk", "roots", "rock"), 36, 0.8, 1.0),
                Layer("guitar", (27, 29, 25), ("charleston", "backbeat", "strum slow"), 50, 0.55,
                    0.9, 0.7),
                Layer("piano", (0, 3), ("eighths", "jazz comp", "backbeat"), 57, 0.4, 0.5, 0.6),
                Layer("organ", (16, 17), ("whole",), 60, 0.3, 0.4, 1.0),
            ),
            ("shuffle", "swing", "rock"), 0.8, (62, 130), (0.5, 1.0), 0.014, 0.015,
            hooks=(29, 22, 0, 27), drive=0.4, weight=1.0,
        ),
        Genre(
            "soul", (VOICE, VOICE, VOICE, 65),
            (
                Layer("bass", (33, 35), ("syncopated", "push", "rock"), 36, 0.9, 1.0),
                Layer("keys", (4, 16, 0), ("whole", "push", "jazz comp b"), 55, 0.5, 0.9),
                Layer("guitar", (27, 28), ("funk", "backbeat"), 60, 0.35, 0.7, 0.4),
                Layer("brass", (61, 66), ("stab", "push"), 58, 0.4, 0.6, 0.6, "close", 0.2),
                Layer("backing", SINGERS, ("halves", "whole"), 62, 0.35, 0.5, 0.9, "close", 0.2),
            ),
            ("pop", "funk", "boom bap", "rock"), 0.8, (70, 118), (0.0, 0.4), hooks=(61, 65, 16, 27),
            weight=1.2,
        ),
        Genre(
            "funk", (VOICE, VOICE, 7, 66),
            (
                Layer("bass", (36, 33), ("funk", "syncopated"), 36, 0.95, 1.0, 0.7),
                Layer("guitar", (28, 27), ("funk", "sixteenths"), 60, 0.45, 0.95, 0.3),
                Layer("clavinet", (7, 4), ("funk", "house"), 55, 0.4, 0.7, 0.4),
                Layer("brass", (61,), ("stab", "push"), 60, 0.45, 0.6, 0.5, "close", 0.3),
            ),
            ("funk", "breakbeat"), 0.9, (92, 120), hooks=(61, 7, 66), reverb=(0.2, 0.8),
        ),
        Genre(
            "disco", (VOICE, VOICE, 54, 48),
            (
                Layer("bass", (33, 38), ("octaves", "off", "syncopated"), 36, 0.9, 1.0, 0.7),
                Layer("guitar", (28, 27), ("sixteenths", "funk", "strum"), 60, 0.35, 0.8, 0.4),
                Layer("strings", _STRINGS, ("whole", "stab"), 64, 0.45, 0.8, 1.0),
                Layer("keys", (4, 0, 90), ("house", "push"), 57, 0.4, 0.7, 0.6),
            ),
            ("disco", "four"), 0.9, (108, 130), tightness=0.004, rubato=0.002, hooks=(48, 61, 81),
        ),
        Genre(
            "electronic", (VOICE, 54, 81, 80, 87),
            (
                Layer("bass", (38, 39, 87), ("off", "sixteenths", "octaves", "roots"), 34, 0.95,
                    1.0, 0.8),
                Layer("saw", (81, 90, 62), ("trance", "house", "eighths", "whole"), 57, 0.5, 0.9,
                    0.7),
                Layer("arpeggio", (80, 81, 98, 5), ("sequence", "arpeggio up"), 64, 0.35, 0.7, 0.6),
                Layer("pad", (89, 90, 94, 95), ("whole",), 60, 0.35, 0.8, 1.0, "open"),
            ),
            ("four", "house", "breakbeat", "trap"), 1.1, (110, 140), tightness=0.0, rubato=0.0,
            hooks=(81, 80, 87, 90), drive=0.5, weight=1.5,
        ),
        Genre(
            "hip hop", (VOICE, 54, 4, 11),
            (
                Layer("bass", (38, 39, 33), ("push", "roots", "syncopated"), 31, 1.1, 1.0),
                Layer("keys", (4, 0, 11, 2), ("halves", "jazz comp b", "whole", "push"), 57, 0.5,
                    0.95),
                Layer("pad", (89, 48, 91), ("whole",), 60, 0.3, 0.5, 1.0),
                Layer("pluck", (45, 46, 108, 24), ("arpeggio up", "sequence"), 62, 0.3, 0.4, 0.6),
            ),
            ("boom bap", "trap", "breakbeat"), 1.1, (70, 100), (0.0, 0.5), 0.006, 0.002,
            hooks=(11, 73, 80, 4),
        ),
        Genre(
            "ambient", (VOICE, 89, 94, 73, 0),
            (
                Layer("pad", (89, 94, 95, 91, 88), ("whole",), 52, 0.7, 1.0, 1.1, "open", 1.0),
                Layer("bass", (39, 32, 43), ("pedal", "roots"), 36, 0.5, 0.7, 1.0),
                Layer("plucks", (46, 11, 98, 0, 108), ("arpeggio", "broken"), 64, 0.3, 0.6),
            ),
            (), 0.3, (60, 100), rubato=0.02, reverb=(2.5, 6.0), hooks=(98, 11, 88, 46),
            weight=0.8,
        ),
        Genre(
            "orchestral", (40, 48, 73, 60, 68, 71, 56, 42),
            (
                Layer("basses", (43, 42), ("roots", "root fifth", "quarters"), 38, 0.6, 1.0, 1.0),
                Layer("strings", (48, 49, 44), ("whole", "halves", "tremolo", "eighths"), 55,
                    0.6, 1.0, 1.0, "open", 0.9),
                Layer("winds", (71, 68, 73, 60), ("halves", "whole", "arpeggio up"), 62, 0.35, 0.7),
                Layer("brass", (60, 61, 57), ("whole", "push"), 52, 0.4, 0.6, 0.9, "open", 0.1),
                Layer("harp", (46, 45), ("arpeggio up", "arpeggio"), 55, 0.35, 0.5),
            ),
            ("timpani", "march"), 0.5, (66, 130), tightness=0.02, rubato=0.04, reverb=(1.5, 3.5),
            drive=0.0, hooks=(68, 73, 60, 40, 42), weight=1.3,
        ),
        Genre(
            "folk", (VOICE, VOICE, 110, 73, 78, 21, 105),
            (
                Layer("guitar", (25, 24, 105), ("travis", "strum", "folk strum"), 52, 0.6, 1.0),
                Layer("bass", (32,), ("root fifth", "roots"), 36, 0.5, 0.5),
                Layer("accordion", (21, 20, 109), ("whole", "halves"), 57, 0.3, 0.4, 1.0),
                Layer("harmony", SINGERS, ("halves",), 60, 0.25, 0.25, 0.9, "close", 0.2),
            ),
            ("hand drum", "shaker", "stomp"), 0.35, (80, 140), tightness=0.015, rubato=0.02,
            drive=0.05, hooks=(110, 73, 105, 24, 21), weight=1.3,
        ),
        Genre(
            "waltz band", (21, VOICE, 71, 40),
            (
                Layer("bass", (32, 58), ("root fifth", "quarters"), 38, 0.7, 1.0, 0.6),
                Layer("accordion", (21, 23), ("waltz", "backbeat", "tango"), 57, 0.5, 1.0, 0.5),
                Layer("clarinets", (71, 56), ("halves", "arpeggio up"), 62, 0.3, 0.4),
            ),
            ("march", "country"), 0.5, (100, 180), hooks=(71, 21, 40), tightness=0.012, weight=0.6,
        ),
        Genre(
            "a cappella", (VOICE,),
            (
                Layer("bass voice", (VOICE, 52), ("roots", "quarters", "root fifth"), 38, 0.6,
                    0.95),
                Layer("voices", (VOICE, 52), ("whole", "halves", "quarters", "eighths"), 55,
                    0.45, 0.95, 0.95, "close", 0.9),
                Layer("high voices", (VOICE, 54), ("halves", "push"), 62, 0.3, 0.5, 0.9),
            ),
            ("stomp",), 0.3, (66, 120), tightness=0.02, rubato=0.02, reverb=(0.8, 2.5), drive=0.0,
            hooks=(VOICE, 54), weight=0.8,
        ),
        Genre(
            "solo piano", (0, 1),
            (
                Layer("left hand", (0, 1), ("alberti", "arpeggio up", "stride", "halves",
                    "broken", "hymn"), 48, 0.7, 1.0, 0.95, "close", 1.0),
                Layer("bass", (0, 1), ("roots", "root fifth", "quarters"), 36, 0.6, 0.7),
            ),
            (), 0.3, (60, 140), tightness=0.012, rubato=0.05, reverb=(0.6, 2.0), drive=0.0,
            hooks=(0,), weight=1.2,
        ),
        Genre(
            "solo guitar", (24, 25, 26, VOICE),
            (
                Layer("thumb", (24, 25), ("root fifth", "roots"), 40, 0.6, 0.9),
                Layer("fingers", (24, 25), ("travis", "arpeggio up", "broken", "strum"), 52,
                    0.55, 1.0, 0.95, "close", 1.0),
            ),
            (), 0.3, (66, 130), tightness=0.014, rubato=0.035, reverb=(0.4, 1.5), drive=0.0,
            hooks=(24, 25), weight=1.2,
        ),
        Genre(
            "string quartet", (40, 41, 42),
            (
                Layer("cello", (42,), ("roots", "root fifth", "quarters", "halves"), 38, 0.6, 1.0),
                Layer("violas", (41, 40, 45), ("eighths", "halves", "alberti", "offbeat"), 55,
                    0.5, 1.0, 0.9, "close", 0.9),
            ),
            (), 0.3, (66, 130), tightness=0.016, rubato=0.035, reverb=(0.8, 2.2), drive=0.0,
            hooks=(40, 42), weight=0.7,
        ),
        Genre(
            "brass band", (56, 58, 60, 66),
            (
                Layer("tuba", (58,), ("root fifth", "quarters", "boogie"), 36, 0.8, 1.0, 0.7),
                Layer("brass", (57, 61, 60), ("backbeat", "halves", "stab", "whole"), 53, 0.5,
                    1.0, 0.7, "close", 0.9),
                Layer("reeds", (66, 71), ("halves", "offbeat"), 60, 0.35, 0.5, 0.8),
            ),
            ("march", "swing", "shuffle"), 0.8, (84, 150), (0.0, 0.7), 0.016, hooks=(56, 71, 57),
            weight=0.7,
        ),
        Genre(
            "chiptune", (80, 81, 79),
            (
                Layer("bass", (38, 80), ("octaves", "eighths", "sixteenths"), 38, 0.7, 1.0, 0.8),
                Layer("pulse", (80, 82), ("sequence", "arpeggio up", "sixteenths"), 60, 0.45,
                    1.0, 0.8, "close", 0.9),
            ),
            ("pop", "breakbeat", "four"), 0.6, (110, 170), tightness=0.0, rubato=0.0,
            reverb=(0.1, 0.4), hooks=(80, 81), weight=0.5,
        ),
    )
}
# fmt: on
