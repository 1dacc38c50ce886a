"""In which key and at which tempo a version is, beside another one (chapter "Your own music").

Two versions share their chords, in another key, at another speed and often in another order. So the
first one's chroma is transposed and stretched in every way, and the two stand in the relation in
which their stretches of half a minute find the best counterparts, wherever those are. How often
this is right is measured by ``bytecover calibrate``.
"""

from dataclasses import dataclass

import numpy as np

from .baselines import whole_octaves

SPAN = 30.0  # s that are compared as one piece
LONGEST = 600.0  # s of a version that are looked at
STEPS = 32  # tempi an octave
TEMPI = 2.0 ** (np.arange(-24, 25) / STEPS)  # a bit more than three fifths to five thirds
COARSE = 4  # every fourth tempo decides about the key


@dataclass(frozen=True)
class Relation:
    """How the second of two versions differs from the first.

    Attributes
    ----------
    semitones : int [range=[-5, 6]]
        How far its key lies above; octaves are not told apart.
    tempo : float or None
        How many times as fast it is; None if one of them is shorter than :data:`SPAN`, too short
        to tell.
    fit : float [range=[-1, 1]]
        Mean correlation of the pieces with their best counterparts.
    """

    semitones: int
    tempo: float | None
    fit: float


def relate(first, second, *, seconds_per_frame, bins_per_octave=12):
    """Estimate the differences of key and tempo of two versions of a work.

    Parameters
    ----------
    first, second : np.ndarray [shape=(n_bins, T)]
        Averaged constant-Q magnitudes.
    seconds_per_frame : float [s]
    bins_per_octave : int
        A multiple of 12.

    Returns
    -------
    Relation

    References
    ----------
    Serrà, Gómez and Herrera, Transposing Chroma Representations to a Common Key, 2008, for the
    transposition by trial.
    """
    frames = max(1, round(LONGEST / seconds_per_frame))
    folded = [whole_octaves(one[:, :frames], bins_per_octave) for one in (first, second)]
    patterns = [_unit(one) for one in folded]  # (12, T)
    length = _piece(patterns, SPAN / seconds_per_frame)
    coarse = range(0, len(TEMPI), COARSE)
    fits = np.array([_fits(*patterns, TEMPI[number], length, range(12)) for number in coarse])
    semitones = int(fits.max(0).argmax())
    fits = np.array([_fits(*patterns, tempo, length, [semitones])[0] for tempo in TEMPI])
    best = int(fits.argmax())
    tempo = TEMPI[best] * 2 ** (_vertex(fits, best) / STEPS)
    shortest = min(pattern.shape[1] for pattern in patterns) * seconds_per_frame
    told = float(tempo) if shortest >= SPAN else None
    return Relation((semitones + 5) % 12 - 5, told, float(fits[best]))


def _fits(first, second, tempo, length, transpositions):
    """Return how well two versions fit at this tempo in each of the transpositions."""
    first, second = _stretch(first, tempo**-0.5), _stretch(second, tempo**0.5)
    found = []
    for semitones in transpositions:
        similar = np.roll(first, semitones, axis=0).T @ second  # (T1, T2)
        step = 1
        while step < length:  # sums along diagonals, twice as long each time
            similar = similar[:-step, :-step] + similar[step:, step:]
            step *= 2
        similar /= length
        found.append(0.5 * (similar.max(0).mean() + similar.max(1).mean()))
    return found


def _piece(patterns, wanted):
    """Return the power of two next to the wanted number of frames that all stretchings leave."""
    shortest = min(pattern.shape[1] for pattern in patterns) / TEMPI[-1] ** 0.5
    limit = max(0, int(np.log2(max(1.0, shortest / 2))))
    return 2 ** min(limit, round(np.log2(wanted)))


def _stretch(pattern, factor):
    """Play a chroma sequence ``factor`` times as long."""
    frames = pattern.shape[1]
    count = max(1, round(frames * factor))
    places = np.clip((np.arange(count) + 0.5) / factor - 0.5, 0, frames - 1)
    left = np.minimum(places.astype(int), max(0, frames - 2))
    right = np.minimum(left + 1, frames - 1)
    share = (places - left).astype(np.float32)
    return _normal(pattern[:, left] * (1 - share) + pattern[:, right] * share)


def _unit(pattern):
    """Centre every frame, so that what all pitch classes share does not count."""
    return _normal(pattern - pattern.mean(0))


def _normal(pattern):
    return pattern / np.maximum(np.linalg.norm(pattern, axis=0), 1e-6)


def _vertex(values, place):
    """Return where the parabola through a maximum and its neighbours has its vertex, in steps."""
    if not 0 < place < len(values) - 1:
        return 0.0
    left, middle, right = values[place - 1 : place + 2]
    bend = left - 2 * middle + right
    return 0.0 if bend >= 0 else 0.5 * float(left - right) / float(bend)
