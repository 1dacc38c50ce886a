"""Notes -> sound by FluidSynth and a soundfont, where both are installed (your own corpus)."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bytecover_lite.errors import BytecoverError

from .studio import detuning
from .version import Version

_TICKS = 960  # per second: the file says 480 per quarter note and 120 quarter notes a minute
_BEND = 2.0  # semitones a full pitch bend moves, the General MIDI default


class SynthesizerError(BytecoverError):
    """FluidSynth or its soundfont is missing, or it failed."""


def find_soundfont() -> Path | None:
    """Return the General MIDI soundfont to use, or None if there is none.

    Looks at the environment variable ``BYTECOVER_SOUNDFONT``, then where Debian, Fedora and
    conda-forge put soundfonts.
    """
    named = os.environ.get("BYTECOVER_SOUNDFONT")
    if named:
        return Path(named)
    folders = [Path(sys.prefix, "share"), Path("/usr/share"), Path("/usr/local/share")]
    for folder in folders:
        for place in ("sounds/sf2", "soundfonts"):
            for pattern in ("FluidR3_GM*.sf2", "*GM*.sf[23]", "*.sf[23]"):
                found = sorted((folder / place).glob(pattern))
                if found:
                    return found[0]
    return None


def available() -> bool:
    """Tell whether FluidSynth and a soundfont are installed."""
    return shutil.which("fluidsynth") is not None and find_soundfont() is not None


def engine_for(engine: str) -> str:
    """Return the engine that a wish means here: ``"own"`` or ``"fluidsynth"``.

    Parameters
    ----------
    engine : str
        One of them, or ``"auto"``: FluidSynth where it is installed.

    Raises
    ------
    SynthesizerError
        If it is another one, or FluidSynth is wanted and not installed.
    """
    if engine not in ("auto", "own", "fluidsynth"):
        raise SynthesizerError(f"engine {engine!r} is not one of auto, own, fluidsynth")
    if engine == "auto":
        return "fluidsynth" if available() else "own"
    if engine == "fluidsynth" and not available():
        raise SynthesizerError(
            "FluidSynth or its soundfont is missing: install fluidsynth and fluid-soundfont-gm, "
            "set BYTECOVER_SOUNDFONT, or use the engine 'own'"
        )
    return engine


def play(version: Version, sr: int) -> np.ndarray:
    """Play the dry mix of a version with FluidSynth.

    Parameters
    ----------
    version : Version
    sr : int
        Samples per second, 8000 to 96000.

    Returns
    -------
    np.ndarray [shape=(round(duration * sr),), dtype=float32]
        The same bytes for the same version, program version and soundfont.

    Raises
    ------
    SynthesizerError
        If the program or the soundfont is missing, or the program fails.
    """
    import soundfile

    engine_for("fluidsynth")
    with tempfile.TemporaryDirectory() as folder:
        score, wave = Path(folder, "score.mid"), Path(folder, "out.wav")
        score.write_bytes(to_midi(version))
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(sr)]
        command += ["-O", "float", "-T", "wav", "-F", wave, find_soundfont(), score]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not wave.exists():
            raise SynthesizerError(f"fluidsynth failed: {done.stderr.strip() or done.returncode}")
        stereo, _ = soundfile.read(wave, dtype="float32", always_2d=True)
    out = np.zeros(round(version.duration * sr), np.float32)
    mono = stereo.mean(axis=1)[: len(out)]
    out[: len(mono)] = mono
    return out


def to_midi(version: Version) -> bytes:
    """Write a version as a standard MIDI file of type 0.

    Fractional pitches become pitch bends, one a note; where notes of a part overlap, the latest
    bend holds. More than 15 pitched parts share channels (those of one program first).

    Parameters
    ----------
    version : Version

    Returns
    -------
    bytes
    """
    channels = _channels(version)
    events = []
    for index, part in enumerate(version.parts):
        channel = channels[index]
        if not part.drums:
            events.append((0, 0, bytes([0xC0 | channel, part.program])))
        volume = int(np.clip(100 * np.sqrt(part.gain), 1, 127))
        events.append((0, 0, bytes([0xB0 | channel, 7, volume])))
    sharp = detuning(version.production, version.notes["start"])
    for note, tuning in zip(version.notes, sharp, strict=True):
        part = version.parts[note["part"]]
        channel = channels[int(note["part"])]
        pitch = float(note["pitch"]) + (0.0 if part.drums else float(tuning))
        key = int(np.clip(round(pitch), 0, 127))
        on, off = (int(t * _TICKS) for t in (note["start"], note["start"] + note["duration"]))
        if not part.drums:
            bend = int(np.clip(8192 + (pitch - key) / _BEND * 8192, 0, 16383))
            events.append((on, 1, bytes([0xE0 | channel, bend & 127, bend >> 7])))
        velocity = int(np.clip(note["velocity"] * 127, 1, 127))
        events.append((on, 2, bytes([0x90 | channel, key, velocity])))
        events.append((max(off, on + 1), 0, bytes([0x80 | channel, key, 0])))
    return _file(sorted(events, key=lambda event: event[:2]))


def _channels(version: Version) -> list[int]:
    """Give drums channel 9 and every other part one of the remaining fifteen."""
    free = [c for c in range(16) if c != 9]
    taken: dict[tuple, int] = {}
    channels = []
    for index, part in enumerate(version.parts):
        if part.drums:
            channels.append(9)
            continue
        key = (index,) if len(taken) < len(free) else (index % len(free),)
        channels.append(taken.setdefault(key, free[len(taken) % len(free)]))
    return channels


def _file(events) -> bytes:
    """Pack timed events as a MIDI file with one track."""
    track, now = bytearray(), 0
    for time, _, message in events:
        track += _variable(time - now) + message
        now = time
    track += b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, _TICKS // 2)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + bytes(track)


def _variable(value: int) -> bytes:
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))
