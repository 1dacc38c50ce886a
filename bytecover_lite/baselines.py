"""What to beat: chance, global chroma and 2DFTM (chapter: scoring a ranking).

Every baseline takes the features that the network gets, a list of averaged constant-Q
magnitudes of shape (84, T), and returns a matrix of distances for
:func:`bytecover_lite.retrieval.evaluate`.
"""

import numpy as np


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


def chroma(features):
    """Fold constant-Q bins into twelve pitch classes, strongest pitch class of a frame = 1.

    Parameters
    ----------
    features : np.ndarray [shape=(84, T)]
        Magnitudes; bin 0 is C.

    Returns
    -------
    np.ndarray [shape=(12, T), range [0, 1]]
        All-zero (silent) frames stay zero.
    """
    features = np.asarray(features, dtype=np.float32)
    folded = features.reshape(-1, 12, features.shape[1]).sum(0)
    return folded / np.maximum(folded.max(0, keepdims=True), np.finfo(np.float32).tiny)


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
    return 1 - best


def two_dftm(features, *, patch=75, power=1.96):
    """Describe a version by the magnitude of the 2-D Fourier transform of its chroma patches.

    A shift in time or a rotation of the pitch classes changes only the phase. (Bertin-Mahieux
    and Ellis, ISMIR 2012: beat-synchronous chroma, patches of 75 beats at every beat, median.)
    Beats are taken for frames here, so features want about 0.5 s a frame (averaging 20).

    Parameters
    ----------
    features : np.ndarray [shape=(84, T)]
        Shorter versions than ``patch`` are padded with zeros.
    patch : int
        Frames in a patch.
    power : float
        Exponent on the chroma, which widens its contrast.

    Returns
    -------
    np.ndarray [shape=(12 * patch,), float32, unit norm]
    """
    sequence = chroma(features) ** power
    missing = patch - sequence.shape[1]
    if missing > 0:
        sequence = np.pad(sequence, [(0, 0), (0, missing)])
    windows = np.lib.stride_tricks.sliding_window_view(sequence, patch, axis=1)
    magnitude = np.abs(np.fft.fft2(windows.transpose(1, 0, 2)))  # (T - patch + 1, 12, patch)
    return _unit(np.median(magnitude, axis=0).reshape(1, -1))[0].astype(np.float32)


def two_dftm_distances(features, **settings):
    """Compare 2DFTM descriptions by Euclidean distance.

    Parameters
    ----------
    features : list of np.ndarray [shape=(84, T)]
    **settings
        See :func:`two_dftm`.

    Returns
    -------
    np.ndarray [shape=(N, N), float32, range [0, 2]]
    """
    vectors = np.stack([two_dftm(one, **settings) for one in features])
    return np.sqrt(np.maximum(2 - 2 * vectors @ vectors.T, 0))


def _unit(vectors):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norms, np.finfo(np.float32).tiny)
