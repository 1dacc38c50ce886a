"""What to beat: chance, global chroma and 2DFTM (chapter: scoring a ranking; Qmax: ``qmax.py``).

Every baseline takes the features that the network gets, a list of averaged constant-Q
magnitudes of shape (84, T), or ready chroma of shape (12, T), and returns a matrix of distances
for :func:`bytecover_lite.retrieval.evaluate`. The network averages over 100 frames (2.3 s); 2DFTM
and Qmax are meant for about 0.5 s, which is averaging 20 (0.46 s).
"""

import numpy as np

from .errors import BytecoverError


class BaselineError(BytecoverError):
    """Features that are neither constant-Q magnitudes nor chroma."""


def random_distances(n, *, seed=0):
    """Draw a symmetric matrix of distances: what chance scores.

    Parameters
    ----------
    n : int
    seed : int

    Returns
    -------
    np.ndarray [shape=(n, n), float32, range [0, 1), zero diagonal]
    """
    draws = np.random.default_rng(seed).random((n, n), dtype=np.float32)
    upper = np.triu(draws, 1)
    return upper + upper.T


def chroma(features, *, bins_per_octave=12):
    """Fold constant-Q bins into twelve pitch classes and stretch every frame to [0, 1].

    The weakest pitch class of a frame becomes 0 (what all classes share is noise and drums), the
    strongest 1.

    Parameters
    ----------
    features : np.ndarray [shape=(bins_per_octave * octaves, T)]
        Magnitudes; bin 0 is C.
    bins_per_octave : int
        A multiple of 12; bins around a semitone are added up.

    Returns
    -------
    np.ndarray [shape=(12, T), float32, range [0, 1]]
        Frames without any contrast, such as silence, are zero.

    Raises
    ------
    BaselineError
        If the shape is another.
    """
    features = np.asarray(features, dtype=np.float32)
    if bins_per_octave % 12:
        raise BaselineError(
            f"{bins_per_octave} bins an octave make no chroma: use features with a multiple of 12"
        )
    if features.ndim != 2 or features.shape[0] % bins_per_octave or not features.size:
        raise BaselineError(
            f"features of shape {features.shape}: whole octaves of {bins_per_octave} bins by "
            "frames are needed"
        )
    finer = bins_per_octave // 12
    if finer > 1:
        features = np.roll(features, (finer - 1) // 2, axis=0)  # semitones amid their bins
        features = features.reshape(-1, finer, features.shape[1]).sum(1)
    folded = features.reshape(-1, 12, features.shape[1]).sum(0)
    contrast = folded - folded.min(0)
    return contrast / np.maximum(contrast.max(0), np.finfo(np.float32).tiny)


def whole_octaves(features, bins_per_octave):
    """Return chroma of the whole octaves of features; bins above them are left out.

    Parameters
    ----------
    features : np.ndarray [shape=(n_bins, T)]
    bins_per_octave : int

    Returns
    -------
    np.ndarray [shape=(12, T), float32]
    """
    count = len(features) // bins_per_octave * bins_per_octave
    return chroma(features[:count], bins_per_octave=bins_per_octave)


def chroma_distances(features):
    """Compare mean chroma at the transposition that suits best (optimal transposition index).

    Any frame period serves: time is averaged out.

    Parameters
    ----------
    features : list of np.ndarray [shape=(84, T)]

    Returns
    -------
    np.ndarray [shape=(N, N), float32, range [0, 1]]
        1 - the largest cosine over the twelve transpositions.
    """
    profiles = _unit(np.stack([chroma(one).mean(1) for one in features]))  # (N, 12)
    best = np.full((len(profiles), len(profiles)), -1, dtype=np.float32)
    for semitones in range(12):
        np.maximum(best, profiles @ np.roll(profiles, semitones, axis=1).T, out=best)
    return 1 - np.minimum(best, 1)


def two_dftm(features, *, patch=75, power=1.96, compression=5.0):
    """Describe a version by the 2-D Fourier transform magnitude of its chroma patches.

    A shift in time or a rotation of the pitch classes changes the phase of the transform only.
    Source: Bertin-Mahieux and Ellis, "Large-scale cover song recognition using the 2D Fourier
    transform magnitude", ISMIR 2012: patches of 75 beats at every beat, chroma to the power 1.96,
    median over patches. Two things differ. Frames of equal length stand for beats (averaging 20,
    0.46 s), so unlike the original this one is blind to tempo only as far as the median blurs
    it. And nothing is projected onto principal components, which saves space but needs a training
    set.

    Parameters
    ----------
    features : np.ndarray [shape=(84, T)]
        Shorter versions than ``patch`` are padded with zeros.
    patch : int
        Frames in a patch.
    power : float
        Exponent on the chroma, which widens its contrast.
    compression : float
        A patch's transform, at unit norm, becomes log(1 + compression * magnitude), so that a few
        strong coefficients do not decide alone (assumption).

    Returns
    -------
    np.ndarray [shape=(12 * patch,), float32, unit norm]
        All zero for a version without any contrast.
    """
    sequence = chroma(features) ** np.float32(power)
    missing = patch - sequence.shape[1]
    if missing > 0:
        sequence = np.pad(sequence, [(0, 0), (0, missing)])
    windows = np.lib.stride_tricks.sliding_window_view(sequence, patch, axis=1)
    half = np.abs(np.fft.rfft2(windows.transpose(1, 0, 2)))  # (T - patch + 1, 12, patch // 2 + 1)
    twice = slice(1, (patch + 1) // 2)  # columns that the other half of the transform mirrors
    energy = (half**2).sum((1, 2)) + (half[:, :, twice] ** 2).sum((1, 2))
    half /= np.maximum(np.sqrt(energy), np.finfo(np.float32).tiny)[:, None, None]
    median = np.median(np.log1p(compression * half), axis=0)
    mirrored = np.roll(median[::-1], 1, axis=0)[:, twice][:, ::-1]  # |F(-u, -v)| = |F(u, v)|
    return _unit(np.hstack([median, mirrored]).reshape(1, -1))[0].astype(np.float32)


def two_dftm_distances(features, **settings):
    """Compare 2DFTM descriptions by cosine, after subtracting their mean.

    All descriptions share most of their energy; without the mean, what is left tells works apart.
    (The original's principal components subtract it too.)

    Parameters
    ----------
    features : list of np.ndarray [shape=(84, T)]
        Frames of about 0.5 s.
    **settings
        See :func:`two_dftm`.

    Returns
    -------
    np.ndarray [shape=(N, N), float32, range [0, 2]]
    """
    vectors = np.stack([two_dftm(one, **settings) for one in features])
    vectors = _unit(vectors - vectors.mean(0))
    return 1 - np.clip(vectors @ vectors.T, -1, 1)


def _unit(vectors):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norms, np.finfo(np.float32).tiny)
