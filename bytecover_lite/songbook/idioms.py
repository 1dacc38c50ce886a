"""Harmonic idioms and forms, as data: what kinds of songs there are.

Chapter: your own corpus. The progressions are common property (loops, cadences, blues schemes);
each is one chord a bar unless the idiom says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Idiom:
    """A family of songs that share modes, progressions and forms.

    Parameters
    ----------
    name : str
    weight : float
        How often works are written in it.
    modes : tuple of str
        Keys of ``theory.MODES``.
    progressions : tuple of str
        Roman numerals, one chord a bar, 2 to 16 bars.
    forms : tuple of str
        Sections by letter: I intro, V verse, P pre-chorus, C chorus, B bridge, S solo, O outro.
    meters : tuple of str
    tempo : (float, float)
        Beats (quarter notes) a minute.
    bars : tuple of int
        Lengths that verses and choruses may have.
    busy : float, 0..1
        Density of the melody.
    """

    name: str
    weight: float
    modes: tuple[str, ...]
    progressions: tuple[str, ...]
    forms: tuple[str, ...]
    meters: tuple[str, ...] = ("4/4",)
    tempo: tuple[float, float] = (84, 140)
    bars: tuple[int, ...] = (8,)
    busy: float = 0.5


_SONG_FORMS = ("IVVCVCBCCO", "IVCVCSCO", "VCVCBCC", "IVPCVPCBCCO", "IVVCVCSVCCO", "CVCVCBCO")

# fmt: off
IDIOMS = (
    Idiom(
        "pop",
        3.0,
        ("major", "major", "pentatonic", "mixolydian"),
        (
            "I V vi IV", "vi IV I V", "I vi IV V", "IV V iii vi", "I IV vi V", "I iii IV V",
            "I V IV IV", "IV I V vi", "I ii IV I", "I V ii IV", "I V vi iii IV I IV V", "ii IV I V",
            "IV IV I V", "vi V IV V", "I Vsus4 vi7 IVadd9", "IVmaj7 V iii7 vi", "I I IV iv",
            "vi ii V I", "I bVII IV IV", "IV vi V V", "I IV I IV ii V I V", "vi iii IV I",
        ),
        _SONG_FORMS,
        ("4/4", "4/4", "4/4", "6/8"),
        (76, 132),
        (8, 8, 16),
        0.6,
    ),
    Idiom(
        "rock",
        2.0,
        ("mixolydian", "minor pentatonic", "blues", "major", "minor"),
        (
            "I bVII IV I", "I IV bVII IV", "I bIII IV I", "I V bVII IV", "i bVII bVI bVII",
            "I I IV IV V IV I V", "i bIII bVII IV", "I bVI bVII I", "i i bVI bVII", "IV I bVII I",
            "I bIII bVII IV", "i iv bIII bVII", "bVI bVII i i", "I IV V IV",
        ),
        (*_SONG_FORMS, "IVCVCSBCCO"),
        ("4/4",),
        (96, 164),
        (8, 8, 16),
        0.5,
    ),
    Idiom(
        "minor song",
        2.5,
        ("minor", "harmonic minor", "minor pentatonic"),
        (
            "i bVI bIII bVII", "i bVII bVI V", "i iv bVI V", "i bVII iv i", "i bIII bVII iv",
            "i v bVI bVII", "bVI bVII i i", "i i iv V7", "i bVI iv V", "i iv bVII bIII",
            "i V7 i bVII bIII bVII i V7", "i iv bVII bIII bVI iim7b5 V7 i", "bVI bIII bVII i",
        ),
        _SONG_FORMS,
        ("4/4", "4/4", "6/8", "3/4"),
        (70, 132),
        (8, 8, 16),
        0.5,
    ),
    Idiom(
        "dorian groove",
        1.0,
        ("dorian", "minor pentatonic"),
        ("i IV i IV", "i7 IV7 i7 IV7", "i bIII IV bVI", "i bVII IV i", "i7 i7 IV9 IV9",
         "i v i IV", "i i bIII IV"),
        (*_SONG_FORMS, "IVCVCSSCO"),
        ("4/4",),
        (84, 124),
        (8, 8),
        0.55,
    ),
    Idiom(
        "blues",
        1.2,
        ("blues", "minor pentatonic", "mixolydian"),
        (
            "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
            "i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7",
            "I7 IV7 I7 I7 IV7 #ivdim7 I7 VI7 ii7 V7 I7 V7", "I7 V7 IV7 IV7 I7 V7 I7 V7",
        ),
        ("IVVSVO", "VVSSVO", "IVVSVSVO", "VVBVSVO"),
        ("4/4", "4/4", "6/8"),
        (66, 138),
        (12,),
        0.45,
    ),
    Idiom(
        "standard",
        1.6,
        ("major", "minor", "dorian"),
        (
            "ii7 V7 Imaj7 Imaj7", "Imaj7 vi7 ii7 V7", "iii7 VI7 ii7 V7", "Imaj7 IV7 iii7 VI7",
            "iim7b5 V7 i6 i6", "iv7 bVII7 bIIImaj7 bVImaj7", "Imaj7 #idim7 ii7 V7",
            "IVmaj7 iv6 iii7 bIIIdim7 ii7 V7 Imaj7 Imaj7", "Imaj7 I7 IVmaj7 iv6 iii7 VI7 ii7 V7",
            "vi7 ii7 V7 Imaj7 IVmaj7 viim7b5 III7 vi7", "Imaj7 bIIImaj7 bVImaj7 bIImaj7",
            "i6 VI7 iim7b5 V7", "II7 II7 ii7 V7",
        ),
        ("VVBVSSBV", "IVVBVSVBVO", "VVBV", "IVVBVVBVO"),
        ("4/4", "4/4", "4/4", "3/4"),
        (72, 200),
        (8, 8, 16),
        0.45,
    ),
    Idiom(
        "folk",
        1.8,
        ("major", "mixolydian", "dorian", "pentatonic", "minor"),
        (
            "I I IV I I V V I", "I IV I V I IV V I", "I I V V I IV V I", "i bVII i bVII i bVII v i",
            "I bVII I V I bVII V I", "I V I IV I V I I", "I vi IV V I vi V I",
                "i i bVII bVII i i v i",
            "I IV I I V V I I",
        ),
        ("IVVVVO", "VCVCVC", "VBVBVB", "IVCVCVCO", "VVBVVBV"),
        ("4/4", "3/4", "6/8", "3/4"),
        (84, 150),
        (8, 8, 16),
        0.7,
    ),
    Idiom(
        "soul",
        1.4,
        ("major", "mixolydian", "blues"),
        (
            "I iii7 IV V", "I I7 IV iv", "IV iv I VI7 ii7 V7 I I", "Imaj7 iii7 IVmaj7 V9",
                "I vi ii V7",
            "I IV I V7", "IVmaj7 iii7 ii7 Imaj7", "vi7 IV I V", "I V7 IV V",
            "ii7 iii7 IVmaj7 Vsus4", "I6 I6 IV9 IV9", "I Iaug I6 I7",
        ),
        _SONG_FORMS,
        ("4/4", "4/4", "6/8"),
        (64, 122),
        (8, 8),
        0.55,
    ),
    Idiom(
        "chorale",
        0.8,
        ("major", "minor", "harmonic minor"),
        (
            "I V vi iii IV I IV V", "I IV V I vi ii V I", "i iv V i bVI bIII iv V",
                "I V I IV ii V vi V",
            "i V i bVII bIII iv V i", "I vi ii V I IV V I", "i bVII bIII bVI iv i V i",
        ),
        ("VVBV", "VVBBVV", "IVVBVO", "VBVBVB"),
        ("4/4", "3/4"),
        (60, 112),
        (8, 16),
        0.35,
    ),
    Idiom(
        "modal",
        0.9,
        ("lydian", "phrygian", "mixolydian", "dorian"),
        ("I bVII I bVII", "i bII i bII", "I II I II", "Isus2 Isus2 bVII IV", "i i i bII",
            "I II vii I",
         "i bVII bII i", "I I bVII bVII"),
        ("IVCVCBCO", "IVVCSVCO", "VBVBSB"),
        ("4/4", "4/4", "6/8", "3/4"),
        (72, 140),
        (8, 8, 16),
        0.5,
    ),
    Idiom(
        "riff",
        1.2,
        ("minor pentatonic", "blues", "dorian", "phrygian", "mixolydian"),
        ("i i i i", "i i bVII i", "I5 I5 bIII5 IV5", "i i iv i", "I5 bVII5 I5 bVI5", "i bVI i bVII",
         "I5 I5 I5 bVII5", "i bII i bVII"),
        ("IVIVCSCO", "IVVCIVCSCCO", "IVCIVCBCO"),
        ("4/4",),
        (88, 168),
        (8, 8, 16),
        0.45,
    ),
)
# fmt: on
