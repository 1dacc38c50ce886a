"""What a version is: notes, the parts that play them, and how the recording was made.

Chapter: your own corpus. Every source of music in the songbook (composed songs, chorales, folk
tunes) ends in this one type; ``draw`` and ``synthesize`` accept nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bytecover_lite.errors import BytecoverError

NOTE_DTYPE = np.dtype(
    [
        ("start", np.float32),  # seconds from the beginning of the recording
        ("duration", np.float32),  # seconds the key is held, > 0
        (
            "pitch",
            np.float32,
        ),  # MIDI number, may be fractional; a drum part: General MIDI drum
        ("velocity", np.float32),  # 0..1
        ("part", np.int16),  # index into Version.parts
    ]
)


class VersionError(BytecoverError):
    """A version whose notes, parts or recording do not make sense together."""


@dataclass(frozen=True)
class Part:
    """One instrument or voice of an arrangement.

    Parameters
    ----------
    name : str
        Role in the arrangement: ``"lead"`` is the tune; all others, such as ``"bass"``, are for
        reading only.
    program : int, 0..127
        General MIDI program, counted from 0. Ignored when ``drums``.
    drums : bool
        The pitches are General MIDI drum numbers (35..81), not tones.
    gain : float, >= 0
        Linear level in the mix.
    colour : int, >= 0
        Seed of a small change of the instrument's spectrum, attack, decay and vibrato;
        0 is the plain instrument.
    """

    name: str
    program: int = 0
    drums: bool = False
    gain: float = 1.0
    colour: int = 0


@dataclass(frozen=True)
class Production:
    """How the parts became a recording. Every default is neutral: a clean, dry, full-band mix.

    Parameters
    ----------
    tuning_cents : float
        Whole recording sharp or flat against A4 = 440 Hz (tape speed, instruments' pitch).
    wow_cents : float, >= 0
        Depth of slow pitch wandering.
    reverb_seconds, reverb_mix : float, >= 0
        Time to decay by 60 dB, and amplitude of the reverberation relative to the dry sound.
    tilt_db : float
        Spectral tilt in dB per octave around 640 Hz.
    eq_db : tuple of float
        Gains in dB at octaves above 32.7 Hz (C1, C2, ...), interpolated; empty is flat.
    low_cut_hz, high_cut_hz : float
        Band limits of the source: telephone, old shellac, low bit rate; 0 and inf are none.
    compression : float, 0..1
        0 keeps the dynamics, 1 makes every moment equally loud.
    drive : float, 0..1
        Saturation: adds harmonics of the whole mix.
    noise_db : float
        Power of the noise floor against the mix in dB (negative; -inf is none).
    noise_tilt_db : float
        Tilt of that noise in dB per octave: 0 white, -3 pink, -6 brown.
    crowd_db : float
        Level of an audience (talk, claps) below the mix in dB; -inf is none.
    fade_in, fade_out : float
        Seconds.
    codec_floor_db : float
        Spectral details this far below the loudest are dropped, as a low bit rate does; -inf none.
    loudness_db : float
        Root mean square of the recording in dB below full scale.
    seed : int
        Seed of everything random in the recording (noise, wow, audience).
    """

    tuning_cents: float = 0.0
    wow_cents: float = 0.0
    reverb_seconds: float = 0.0
    reverb_mix: float = 0.0
    tilt_db: float = 0.0
    eq_db: tuple[float, ...] = ()
    low_cut_hz: float = 0.0
    high_cut_hz: float = float("inf")
    compression: float = 0.0
    drive: float = 0.0
    noise_db: float = float("-inf")
    noise_tilt_db: float = -3.0
    crowd_db: float = float("-inf")
    fade_in: float = 0.0
    fade_out: float = 0.0
    codec_floor_db: float = float("-inf")
    loudness_db: float = -18.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Version:
    """One performance of a work, complete enough to be drawn or heard.

    Parameters
    ----------
    notes : np.ndarray [shape=(n,), dtype=NOTE_DTYPE]
        In any order.
    parts : tuple of Part
        At most 64.
    duration : float
        Length of the recording in seconds; nothing sounds after it.
    production : Production
    title, genre : str
    key_shift : int
        Semitones against the work's own key.
    tempo_factor : float
        Speed against the work's own tempo; 2 is twice as fast.
    form : tuple of str
        Names of the sections as played.
    seed : int

    Raises
    ------
    VersionError
        If a note names a part that does not exist, or a value is outside its range.
    """

    notes: np.ndarray
    parts: tuple[Part, ...]
    duration: float
    production: Production = field(default_factory=Production)
    title: str = ""
    genre: str = ""
    key_shift: int = 0
    tempo_factor: float = 1.0
    form: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what could only be drawn wrongly."""
        name = self.title or f"seed {self.seed}"
        if self.notes.dtype != NOTE_DTYPE or self.notes.ndim != 1:
            raise VersionError(f"version {name}: notes must be one-dimensional with NOTE_DTYPE")
        if not 0 < self.duration < 3600:
            raise VersionError(
                f"version {name}: duration {self.duration} s is not within (0, 3600)"
            )
        if not 0 < len(self.parts) <= 64:
            raise VersionError(f"version {name}: {len(self.parts)} parts, allowed are 1 to 64")
        if len(self.notes) == 0:
            raise VersionError(f"version {name}: no notes, so nothing would sound")
        _check_notes(name, self.notes, len(self.parts))


def _check_notes(name: str, notes: np.ndarray, parts: int) -> None:
    for label, low, high in (
        ("start", 0, 3600),
        ("duration", 1e-4, 3600),
        ("pitch", 0, 128),
        ("velocity", 0, 1),
        ("part", 0, parts - 1),
    ):
        values = notes[label]
        if not (values.min() >= low and values.max() <= high):  # also catches nan
            raise VersionError(
                f"version {name}: note {label} spans {values.min()}..{values.max()}, "
                f"allowed is {low}..{high}"
            )
