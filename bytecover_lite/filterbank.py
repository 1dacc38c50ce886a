"""The filters behind the constant-Q transform (chapter "From sound to CQT").

Every filter spans the same number of periods: an octave lower it is twice as long, but the signal
may then be decimated, so that all octaves cost about the same. A plan is a list of stages, one a
rate: which octaves are computed there, and the low-pass that leads to the next rate.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

OUTPUTS = 16  # samples of the next rate that one window yields; what matrix kernels like best
ATTENUATION = 70.0  # dB by which a low-pass suppresses what would fold onto a filter
SPARSITY = 0.01  # share of each filter's spectral magnitude that librosa's default discards
OVERSAMPLING = 2.6  # least ratio of rate to highest centre frequency: leaves room for a low-pass


@dataclass(frozen=True)
class Stage:
    """What happens at one rate.

    Attributes
    ----------
    hop : int [samples at this rate]
        Distance of two frames.
    margin : int [samples at this rate]
        Where in the signal the centre of the first frame lies.
    kernels : tuple of torch.Tensor [shape=(2 * bins, taps)]
        One matrix an octave, highest first: real parts of all its bins, then imaginary parts.
        Tap ``taps // 2`` meets the centre of the frame.
    factor : int
        Ratio of this rate to the next one, a power of two; 1 at the last stage.
    decimator : torch.Tensor [shape=(OUTPUTS, taps)] or None
        Low-pass and decimation as one matrix: every window, ``factor * OUTPUTS`` samples after
        the one before, gives OUTPUTS samples of the next rate. None at the last stage.
    """

    hop: int
    margin: int
    kernels: tuple
    factor: int
    decimator: torch.Tensor | None

    def samples(self, frames, decimated):
        """How many samples give ``frames`` frames and ``decimated`` samples for the next stage."""
        needed = 0
        for kernel in self.kernels:
            taps = kernel.shape[1]
            last = round_up(frames, stride_apart(taps, self.hop)) - 1
            needed = max(needed, self.margin - taps // 2 + last * self.hop + taps)
        if self.decimator is not None:
            taps, step = self.decimator.shape[1], self.factor * OUTPUTS
            last = round_up(math.ceil(decimated / OUTPUTS), stride_apart(taps, step)) - 1
            needed = max(needed, last * step + taps)
        return needed


def stride_apart(taps, hop):
    """How many windows apart two windows are that share no sample; a power of two."""
    return 1 << max(0, math.ceil(math.log2(taps / hop)))


def round_up(count, multiple):
    """Return the least multiple of ``multiple`` that is at least ``count``."""
    return -(-count // multiple) * multiple


def samples_needed(plan, frames):
    """How many samples at full rate, margin included, the stages of ``plan`` need."""
    needed = 0
    for stage in reversed(plan):
        needed = stage.samples(frames, needed)
    return needed


@lru_cache(maxsize=32)
def make_plan(sr, hop_length, n_bins, bins_per_octave, fmin, device, dtype, multiple=1):
    """Design the stages for one setting.

    Parameters
    ----------
    sr : float [Hz]
        Rate at which the filters are designed.
    hop_length : int [samples at ``sr``]
        Distance of two frames; the rate is halved only as often as this can be.
    n_bins, bins_per_octave : int
        Number and spacing of the bins.
    fmin : float [Hz]
        Centre of the lowest bin.
    device, dtype : torch.device, torch.dtype
        Of the matrices.
    multiple : int
        The signal has so many times the rate ``sr``: one more stage leads down to it.

    Returns
    -------
    tuple of Stage
        From the signal's rate downwards.
    """
    ratio = 2.0 ** (2 / bins_per_octave)
    quality = (ratio + 1) / (ratio - 1)  # centre frequency over bandwidth, as librosa has it
    octaves = math.ceil(n_bins / bins_per_octave)
    possible = (hop_length & -hop_length).bit_length() - 1
    highest = fmin * 2.0 ** ((n_bins - 1) / bins_per_octave)
    early = _early_halvings(sr / (2 * highest * (1 + 0.75 / quality)), possible - octaves + 1)
    kernels = {0: []}  # number of halvings: matrices, highest octave first
    edges = {}  # number of halvings: highest frequency that a filter there responds to
    for octave in range(octaves):
        top = n_bins - octave * bins_per_octave
        bins = np.arange(max(0, top - bins_per_octave), top)
        frequencies = fmin * 2.0 ** (bins / bins_per_octave)
        halvings = min(_halvings(sr / frequencies[-1]), possible)
        designed = min(early + octave, possible)
        kernel = _filters(sr / 2**designed, frequencies, quality, halvings - designed)
        kernels.setdefault(halvings, []).append(kernel * 2.0 ** (designed / 2))
        edges.setdefault(halvings, frequencies[-1] * (1 + 2 / quality))
    stages = _stages(kernels, edges, sr, hop_length, lambda matrix: _tensor(matrix, device, dtype))
    if multiple == 1:
        return stages
    lowpass = _lowpass(max(edges.values()) / (multiple * sr), multiple)
    decimator = _tensor(_decimation_matrix(lowpass, multiple), device, dtype)
    margin = multiple * stages[0].margin + len(lowpass) // 2
    return (Stage(multiple * hop_length, margin, (), multiple, decimator), *stages)


def _early_halvings(headroom, spare):
    """How often librosa halves the rate before its first octave."""
    return max(0, min(math.ceil(math.log2(headroom)) - 2, spare))


def _halvings(oversampling):
    """How often to halve the rate before an octave whose highest bin is sampled so often."""
    most = max(0, math.floor(math.log2(oversampling / OVERSAMPLING)))
    # While the signal is long, steep low-passes cost more than long filters. At the default
    # settings this is, of all sequences of rates, the one with the fewest operations.
    return most if most > 3 else (0, 0, 0, 2)[most]


def _stages(kernels, edges, sr, hop_length, tensor):
    stages, margin, later = [], 0, None
    for halvings in sorted(kernels, reverse=True):
        matrices = tuple(map(tensor, kernels[halvings]))
        factor, decimator = 1, None
        if later is None:
            margin = max(matrix.shape[1] for matrix in matrices) // 2
        else:
            factor = 2 ** (later - halvings)
            lowpass = _lowpass(edges[later] * 2**halvings / sr, factor)
            decimator = tensor(_decimation_matrix(lowpass, factor))
            margin = factor * margin + len(lowpass) // 2
        stages.append(Stage(hop_length >> halvings, margin, matrices, factor, decimator))
        later = halvings
    return tuple(reversed(stages))


def _tensor(matrix, device, dtype):
    with torch.inference_mode(False):  # a cached plan must also serve calls with gradients
        return torch.from_numpy(matrix).to(device, dtype)


def _filters(rate, frequencies, quality, halvings):
    """Matrix of one octave [shape=(2 * bins, taps)].

    The filters are designed at ``rate``, as librosa's are, for a signal whose rate is halved that
    many times more (doubled if negative).
    """
    keep, dense = 2 ** max(0, halvings), 2 ** max(0, -halvings)
    lengths = quality * rate / frequencies
    size = 2 ** math.ceil(math.log2(lengths.max()))
    half = dense * min(round_up(math.ceil(lengths.max() / 2) + 1, keep), size // 2)
    rows = []
    for length, frequency in zip(lengths, frequencies, strict=True):
        wavelet = np.zeros(size, dtype=complex)
        time = np.arange(np.floor(-length / 2), np.floor(length / 2))
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(time)) / len(time))  # Hann
        start = (size - len(time)) // 2
        phase = 2j * np.pi * frequency / rate * time
        wavelet[start : start + len(time)] = window / window.sum() * np.exp(phase)
        spectrum = _discard_smallest(np.fft.fft(wavelet)[: size // 2 + 1])
        # The product with a frame's spectrum is, in time, a product with this:
        row = np.fft.fft(spectrum, size * dense) / (size * dense) * np.sqrt(length) * keep
        centre = size * dense // 2
        rows.append(row[centre - half : centre + half : keep])
    return np.concatenate([np.real(rows), np.imag(rows)])


def _discard_smallest(spectrum):
    """Zero the smallest coefficients that make up SPARSITY of the magnitude, as librosa does."""
    magnitude = np.abs(spectrum)
    ordered = np.sort(magnitude)
    threshold = ordered[np.argmin(np.cumsum(ordered) < SPARSITY * ordered.sum())]
    return np.where(magnitude >= threshold, spectrum, 0)


def _lowpass(edge, factor):
    """Filter that keeps 0 to ``edge`` [cycles a sample] clean when keeping every n-th sample."""
    width = 1 / factor - 2 * edge  # from the edge to what folds onto it
    half = math.ceil((ATTENUATION - 8) / (2.285 * 2 * np.pi * width) / 2)  # Kaiser's formula
    time = np.arange(-half, half + 1)
    taps = np.sinc(time / factor) * np.kaiser(len(time), 0.1102 * (ATTENUATION - 8.7))
    return taps / taps.sum()


def _decimation_matrix(lowpass, factor):
    matrix = np.zeros((OUTPUTS, factor * (OUTPUTS - 1) + len(lowpass)))
    for output in range(OUTPUTS):
        matrix[output, factor * output : factor * output + len(lowpass)] = lowpass
    return matrix
