"""Notes -> sound with nothing but numpy and numba: an additive synthesizer (your own corpus).

Every note is a sum of decaying, slightly vibrating harmonics shaped by `Timbre`; drums are falling
tones and bands of noise. What `draw` says about spectra, this plays.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .drums import DRUM_ROW, Drum, kit
from .studio import detuning
from .timbre import BODIES, BODY_SIZE, HARMONICS, part_timbre
from .version import Version

_BLOCK = 64  # samples between two updates of envelopes and vibrato
_BREATH = 1 << 18  # samples of breath before it repeats: a power of two joins end and beginning


def play(version: Version, sr: int) -> np.ndarray:
    """Play the dry mix of a version.

    Parameters
    ----------
    version : Version
    sr : int
        Samples per second.

    Returns
    -------
    np.ndarray [shape=(round(duration * sr),), dtype=float32]
        Any scale; `produce` sets the level.
    """
    out = np.zeros(round(version.duration * sr), np.float32)
    order = np.argsort(version.notes["start"], kind="stable")
    notes = version.notes[order]
    is_drum = np.array([p.drums for p in version.parts])[notes["part"]]
    # the vowel of a note is counted among the pitched notes, as in draw
    tones = notes[~is_drum]
    vowel = (np.arange(len(tones)) * 7) % BODIES
    rng = np.random.Generator(np.random.PCG64(version.production.seed))
    pitch = tones["pitch"] + detuning(version.production, tones["start"])
    for index, part in enumerate(version.parts):
        own = tones["part"] == index
        if own.any():
            play_part(out, tones[own], pitch[own], vowel[own], part, part_timbre(part), sr, rng)
        struck = notes[is_drum & (notes["part"] == index)]
        if len(struck):
            _play_drums(out, struck, part, sr, rng)
    return out


def play_part(out, notes, pitch, vowel, part, tone, sr, rng) -> None:
    """Add the notes of a pitched part to ``out``, with the tables of the `Timbre` ``tone``."""
    level = notes["velocity"] ** np.float32(1.5) * np.float32(part.gain)
    voices = 2 if tone.spread > 3 else 1
    for voice in range(voices):
        detune = (2 * voice - 1) * tone.spread / 100 if voices == 2 else 0.0
        _tones(
            out,
            notes["start"],
            notes["duration"],
            (pitch + detune).astype(np.float32),
            (level / np.sqrt(voices)).astype(np.float32),
            vowel,
            tone.harmonics,
            tone.body,
            np.array((*tone.envelope[:4], tone.vibrato)),
            rng.uniform(0, 2 * np.pi, (len(notes), 2)),
            sr,
        )
    _blow(out, notes, level, tone, sr, rng)


@njit(cache=True, fastmath=True, nogil=True)
def _tones(out, start, duration, pitch, level, vowel, harmonics, body, shape, phases, sr):
    decay, damp, attack, release, vibrato = shape
    amplitude, rate = np.zeros(HARMONICS, np.float32), np.zeros(HARMONICS, np.float32)
    work = np.zeros((4, _BLOCK), np.float32)
    for n in range(len(start)):
        hertz = 440.0 * 2.0 ** ((pitch[n] - 69.0) / 12.0)
        tau = decay * 2.0 ** ((60.0 - pitch[n]) / 24.0)
        count = 0
        for k in range(HARMONICS):
            if hertz * (k + 1) > 0.45 * sr:
                break
            index = int(pitch[n] + 12.0 * np.log2(k + 1.0) + 0.5)
            gain = body[vowel[n], min(max(index, 0), BODY_SIZE - 1)]
            amplitude[k] = level[n] * harmonics[k] * gain
            rate[k] = np.exp(-_BLOCK / sr * (1.0 + damp * k) / tau)
            count = k + 1
        amplitude[count:] = 0.0
        first, held = int(start[n] * sr), int(duration[n] * sr)
        total = min(held + int(5.0 * release * sr), len(out) - first)
        fade = np.exp(-1.0 / (release * sr))
        rise = max(1.0, min(attack * sr, 1.0 * held))
        angle, wobble, envelope = phases[n, 0], phases[n, 1], 1.0
        for i in range(0, total, _BLOCK):
            time = i / sr
            depth = vibrato / 100.0 * min(time / 0.3, 1.0)
            bent = hertz * 2.0 ** (depth * np.sin(wobble + 34.6 * time) / 12.0)
            size = min(_BLOCK, total - i)
            _block(work, size, angle, 2.0 * np.pi * bent / sr, amplitude, count)
            angle = (angle + size * 2.0 * np.pi * bent / sr) % (2.0 * np.pi)
            for j in range(size):
                envelope = min((i + j) / rise, 1.0) if i + j < held else envelope * fade
                out[first + i + j] += work[0, j] * np.float32(envelope)
            for k in range(count):
                amplitude[k] *= rate[k]


@njit(cache=True, fastmath=True, nogil=True)
def _block(work, size, angle, step, amplitude, count):
    """Write the sum of harmonics into ``work[0]``: sin (k + 1) x = 2 cos x sin k x - sin (k - 1) x.

    Four harmonics at a time, of which those past ``count`` are silent.
    """
    sine, cosine = np.sin(angle), np.cos(angle)
    up, across = np.sin(step), np.cos(step)
    for j in range(size):
        work[0, j], work[1, j], work[2, j], work[3, j] = 0.0, 2.0 * cosine, 0.0, sine
        sine, cosine = sine * across + cosine * up, cosine * across - sine * up
    for k in range(0, count, 4):
        a, b, c, d = amplitude[k], amplitude[k + 1], amplitude[k + 2], amplitude[k + 3]
        for j in range(size):
            twice, before, first = work[1, j], work[2, j], work[3, j]
            second = twice * first - before
            third = twice * second - first
            fourth = twice * third - second
            work[0, j] += a * first + b * second + c * third + d * fourth
            work[2, j], work[3, j] = fourth, twice * fourth - third


def _blow(out, notes, level, tone, sr, rng) -> None:
    """Add breath and the knocks of hammers, picks and consonants, coloured by the body."""
    _, _, _, _, breath, knock, length = tone.envelope
    grid = sr // 400
    envelope = np.zeros(len(out) // grid + 2, np.float32)
    burst = np.exp(-np.arange(0, 5 * length, grid / sr) / length)
    for note, loud in zip(notes, level, strict=True):
        first = int(note["start"] * sr / grid)
        last = int((note["start"] + note["duration"]) * sr / grid) + 1
        envelope[first:last] = np.maximum(envelope[first:last], breath * loud)
        part = envelope[first : first + len(burst)]
        part += knock * loud * burst[: len(part)]
    body, midi = tone.body.mean(axis=0), np.arange(BODY_SIZE)

    def response(hertz):
        return np.interp(69 + 12 * np.log2(np.maximum(hertz, 10) / 440), midi, body)

    noise = rng.standard_normal(min(len(out), _BREATH), dtype=np.float32)
    _breathe(out, filter_noise(noise, response, sr), envelope, grid)


@njit(cache=True, nogil=True)
def _breathe(out, noise, envelope, grid):
    """Add noise, again and again, under an envelope that has one value every ``grid`` samples."""
    for i in range(len(out)):
        place, past = i // grid, (i % grid) / grid
        loud = envelope[place] + np.float32(past) * (envelope[place + 1] - envelope[place])
        out[i] += noise[i % len(noise)] * loud


def filter_noise(noise: np.ndarray, response, sr: int) -> np.ndarray:
    """Shape noise by an amplitude response (a function of Hz), float32 in and out."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(noise), real=True)
    spectrum = rfft(noise, size)
    spectrum *= response(np.arange(len(spectrum)) * sr / size).astype(np.float32)
    return irfft(spectrum, size)[: len(noise)].astype(np.float32)


def _play_drums(out, notes, part, sr, rng) -> None:
    drums = kit(part.colour)
    rows = DRUM_ROW[notes["pitch"].astype(int)]
    strokes = {
        int(row): [_stroke(drums[row], sr, rng) for _ in range(3)] for row in np.unique(rows)
    }
    level = notes["velocity"] ** np.float32(1.5) * np.float32(part.gain)
    for turn, (row, start, loud) in enumerate(zip(rows, notes["start"], level, strict=True)):
        sound = strokes[int(row)][turn % 3]
        first = int(start * sr)
        space = out[first : first + len(sound)]  # strokes may fall past the end
        space += loud * sound[: len(space)]


def _stroke(drum: Drum, sr: int, rng: np.random.Generator) -> np.ndarray:
    f0, f1, tone, fall = drum.tone
    low, high, noise, fade = drum.noise
    time = np.arange(int(4 * max(fall, fade) * sr)) / sr
    pitch = f1 + (f0 - f1) * np.exp(-time / (0.3 * fall))
    sound = tone * np.sin(2 * np.pi * np.cumsum(pitch) / sr) * np.exp(-time / fall)

    def band(hertz):
        hertz = np.maximum(hertz, 1.0)
        return 1 / np.sqrt((1 + (low / hertz) ** 4) * (1 + (hertz / high) ** 4))

    hiss = filter_noise(rng.standard_normal(len(time), dtype=np.float32), band, sr)
    return (sound + noise * hiss * np.exp(-time / fade)).astype(np.float32)
