"""The filters behind the constant-Q transform (chapter "From sound to CQT").

Every filter spans the same number of periods: an octave lower it is twice as long, but the signal
may then be halved in rate, so that all octaves cost about the same. A plan is a list of stages,
one a rate: which octaves are computed there, and the low-pass that leads to the next one.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

OUTPUTS = 16  # samples of half the rate that one window of a halving yields
ATTENUATION = 70.0  # dB by which a halving suppresses what would fold onto a filter
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
    halver : torch.Tensor [shape=(OUTPUTS, taps)] or None
        Low-pass and decimation as one matrix: every window, 2 * OUTPUTS samples after the one
        before, gives OUTPUTS samples of half the rate. None at the last stage.
    """

    hop: int
    margin: int
    kernels: tuple
    halver: torch.Tensor | None

    def samples(self, frames, halved):
        """How many samples give ``frames`` frames and ``halved`` samples for the next stage."""
        needed = 0
        for kernel in self.kernels:
            taps = kernel.shape[1]
            last = round_up(frames, stride_apart(taps, self.hop)) - 1
            needed = max(needed, self.margin - taps // 2 + last * self.hop + taps)
        if self.halver is not None:
            taps, step = self.halver.shape[1], 2 * OUTPUTS
            last = round_up(math.ceil(halved / OUTPUTS), stride_apart(taps, step)) - 1
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
def make_plan(sr, hop_length, n_bins, bins_per_octave, fmin, device, dtype):
    """Design the stages for one setting.

    Parameters
    ----------
    sr : float [Hz]
        Rate of the signal.
    hop_length : int [samples]
        Distance of two frames; the signal is halved only as long as this can be.
    n_bins, bins_per_octave : int
        Number and spacing of the bins.
    fmin : float [Hz]
        Centre of the lowest bin.
    device, dtype : torch.device, torch.dtype
        Of the matrices.

    Returns
    -------
    tuple of Stage
        From full rate downwards.
    """
    ratio = 2.0 ** (2 / bins_per_octave)
    quality = (ratio + 1) / (ratio - 1)  # centre frequency over bandwidth, as librosa has it
    octaves = math.ceil(n_bins / bins_per_octave)
    possible = (hop_length & -hop_length).bit_length() - 1
    highest = fmin * 2.0 ** ((n_bins - 1) / bins_per_octave)
    early = _early_halvings(sr / (2 * highest * (1 + 0.75 / quality)), possible - octaves + 1)
    kernels = {}  # number of halvings: matrices, highest octave first
    edges = {}  # number of halvings: highest frequency that a filter there responds to
    for octave in range(octaves):
        top = n_bins - octave * bins_per_octave
        bins = np.arange(max(0, top - bins_per_octave), top)
        frequencies = fmin * 2.0 ** (bins / bins_per_octave)
        designed = min(early + octave, possible)
        halvings = max(designed, min(_halvings(sr / frequencies[-1]), possible))
        kernel = _filters(sr / 2**designed, frequencies, quality, 2 ** (halvings - designed))
        kernels.setdefault(halvings, []).append(kernel * 2.0 ** (designed / 2))
        edges.setdefault(halvings, frequencies[-1] * (1 + 2 / quality))
    return _stages(kernels, edges, sr, hop_length, lambda matrix: _tensor(matrix, device, dtype))


def _early_halvings(headroom, spare):
    """How often librosa halves the rate before its first octave, where it designs the filters."""
    return max(0, min(math.ceil(math.log2(headroom)) - 2, spare))


def _halvings(oversampling):
    """How often to halve the rate before an octave whose highest bin is sampled so often."""
    most = max(0, math.floor(math.log2(oversampling / OVERSAMPLING)))
    # While the signal is long, the steep low-pass of the last possible halving costs more than
    # filters of twice the length.
    return most if most > 2 else max(0, most - 1)


def _stages(kernels, edges, sr, hop_length, tensor):
    stages, margin = [], 0
    lowest = max(kernels)
    for halvings in range(lowest, -1, -1):
        here = kernels.get(halvings, [])
        halver = None
        if halvings < lowest:
            edge = max(edge for later, edge in edges.items() if later > halvings)
            lowpass = _lowpass(edge * 2**halvings / sr)
            halver = tensor(_halving_matrix(lowpass))
            margin = 2 * margin + len(lowpass) // 2
        else:
            margin = max(kernel.shape[1] for kernel in here) // 2
        stages.append(Stage(hop_length >> halvings, margin, tuple(map(tensor, here)), halver))
    return tuple(reversed(stages))


def _tensor(matrix, device, dtype):
    with torch.inference_mode(False):  # a cached plan must also serve calls with gradients
        return torch.from_numpy(matrix).to(device, dtype)


def _filters(rate, frequencies, quality, decimation):
    """Matrix of one octave [shape=(2 * bins, taps)]; ``decimation`` keeps every n-th tap."""
    lengths = quality * rate / frequencies
    size = 2 ** math.ceil(math.log2(lengths.max()))
    half = round_up(math.ceil(lengths.max() / 2) + 1, decimation)
    half = min(half, size // 2)
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
        row = np.fft.fft(spectrum, size) / size * np.sqrt(length) * decimation
        rows.append(row[size // 2 - half : size // 2 + half : decimation])
    return np.concatenate([np.real(rows), np.imag(rows)])


def _discard_smallest(spectrum):
    """Zero the smallest coefficients that make up SPARSITY of the magnitude, as librosa does."""
    magnitude = np.abs(spectrum)
    ordered = np.sort(magnitude)
    threshold = ordered[np.argmin(np.cumsum(ordered) < SPARSITY * ordered.sum())]
    return np.where(magnitude >= threshold, spectrum, 0)


def _lowpass(edge):
    """Half-band filter that keeps 0 to ``edge`` [cycles a sample] clean when halving the rate."""
    width = 0.5 - 2 * edge  # from the edge to what folds onto it
    half = math.ceil((ATTENUATION - 8) / (2.285 * 2 * np.pi * width) / 2) | 1  # Kaiser's formula
    time = np.arange(-half, half + 1)
    taps = np.sinc(time / 2) * np.kaiser(len(time), 0.1102 * (ATTENUATION - 8.7))
    return taps / taps.sum()


def _halving_matrix(lowpass):
    matrix = np.zeros((OUTPUTS, 2 * (OUTPUTS - 1) + len(lowpass)))
    for output in range(OUTPUTS):
        matrix[output, 2 * output : 2 * output + len(lowpass)] = lowpass
    return matrix
