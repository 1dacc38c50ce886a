"""Audio to constant-Q magnitude to means over 100 frames (chapter "From sound to CQT").

Bins are a semitone apart and every filter spans the same number of periods, so that a
transposition is a shift. An octave lower, the same filters act on the signal at half its rate:
the signal is halved once an octave and each octave costs one matrix product.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

from .errors import BytecoverError

C1 = 32.70319566257483


class FeatureError(BytecoverError):
    """Settings or a signal from which no constant-Q transform can be computed."""


@dataclass(frozen=True)
class FeatureSettings:
    """What a feature store and a model's input were made with. The defaults are the paper's.

    Attributes
    ----------
    sample_rate : int [Hz]
        Rate of the audio.
    hop_length : int [samples]
        Distance of two frames before averaging; a multiple of 2 ** (octaves - 1).
    n_bins : int
        Number of constant-Q bins.
    bins_per_octave : int
        12 bins are semitones.
    fmin : float [Hz]
        Centre of the lowest bin, C1.
    averaging : int [frames]
        How many frames are averaged into one.
    """

    sample_rate: int = 22050
    hop_length: int = 512
    n_bins: int = 84
    bins_per_octave: int = 12
    fmin: float = C1
    averaging: int = 100

    def __post_init__(self):
        if self.averaging < 1:
            raise FeatureError(f"averaging={self.averaging}: average at least 1 frame")
        _check(
            self.sample_rate,
            self.hop_length,
            self.n_bins,
            self.bins_per_octave,
            self.fmin,
        )

    @property
    def seconds_per_frame(self):
        """Duration of one averaged frame, in seconds (2.32 at the defaults)."""
        return self.averaging * self.hop_length / self.sample_rate


def cqt(audio, *, sr=22050, hop_length=512, n_bins=84, bins_per_octave=12, fmin=C1):
    """Constant-Q magnitude, scaled like ``abs(librosa.cqt(...))``.

    Parameters
    ----------
    audio : torch.Tensor [shape=(B, n) or (n,)]
        Mono signals of equal length.
    sr : float [Hz]
        Sampling rate.
    hop_length : int [samples]
        Distance of two frames; a multiple of 2 ** (octaves - 1).
    n_bins, bins_per_octave : int
        Number and spacing of the bins.
    fmin : float [Hz]
        Centre of the lowest bin.

    Returns
    -------
    torch.Tensor [shape=(B, n_bins, 1 + n // hop_length), dtype=float32, non-negative]
        Frame t is centred on sample ``t * hop_length``. A sine of amplitude a in the centre of a
        bin gives ``a / 2 * sqrt(length of its filter in samples)``.

    Raises
    ------
    FeatureError
        If a bin exceeds the Nyquist frequency or the hop cannot be halved once an octave.
    """
    _check(sr, hop_length, n_bins, bins_per_octave, fmin)
    single = audio.ndim == 1
    signal = audio[None] if single else audio
    frames = 1 + signal.shape[-1] // hop_length
    octaves = math.ceil(n_bins / bins_per_octave)
    responses = []
    for octave in range(octaves):
        kernel = _kernel(sr / 2**octave, n_bins, bins_per_octave, fmin, octave).to(
            signal
        )
        hop = hop_length >> octave
        half = kernel.shape[-1] // 2
        padded = F.pad(signal, (half, half + hop))
        response = F.conv1d(padded[:, None], kernel, stride=hop)[..., :frames]
        responses.append(response.unflatten(1, (2, -1)).square().sum(1))
        if octave < octaves - 1:
            signal = _halve(signal)
    power = torch.cat(responses[::-1], dim=1)
    magnitude = power.clamp(min=1e-30).sqrt()
    return magnitude[0] if single else magnitude


def average_frames(spectrogram, *, factor=100):
    """Mean over groups of frames; an incomplete last group is dropped.

    Parameters
    ----------
    spectrogram : torch.Tensor [shape=(B, F, T) or (F, T)]
        Magnitudes.
    factor : int [frames]
        Size of a group.

    Returns
    -------
    torch.Tensor [shape=(B, F, T // factor)]
    """
    frames = spectrogram.shape[-1] // factor * factor
    return spectrogram[..., :frames].unflatten(-1, (-1, factor)).mean(-1)


def extract(samples, settings=None):
    """Averaged constant-Q spectrogram of a recording.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)] or iterable of np.ndarray
        The samples, or blocks of them in order.
    settings : FeatureSettings

    Returns
    -------
    np.ndarray [shape=(n_bins, frames // averaging), dtype=float32]
    """
    settings = settings or FeatureSettings()
    if not isinstance(samples, np.ndarray):
        samples = np.concatenate(list(samples))
    spectrogram = cqt(
        torch.from_numpy(np.asarray(samples, dtype=np.float32)),
        sr=settings.sample_rate,
        hop_length=settings.hop_length,
        n_bins=settings.n_bins,
        bins_per_octave=settings.bins_per_octave,
        fmin=settings.fmin,
    )
    return average_frames(spectrogram, factor=settings.averaging).numpy()


@lru_cache(maxsize=64)
def _kernel(rate, n_bins, bins_per_octave, fmin, octave):
    """Filters of one octave at its rate: real parts, then imaginary ones (2 bins, 1, taps)."""
    top = n_bins - octave * bins_per_octave
    bins = np.arange(max(0, top - bins_per_octave), top)
    frequencies = fmin * 2.0 ** (bins / bins_per_octave)
    ratio = 2.0 ** (2 / bins_per_octave)
    lengths = (ratio + 1) / (ratio - 1) * rate / frequencies  # Q periods
    half = int(np.ceil(lengths.max() / 2)) + 1
    kernel = np.zeros((len(bins), 2 * half), dtype=complex)
    for row, (length, frequency) in enumerate(zip(lengths, frequencies, strict=True)):
        taps = np.arange(np.floor(-length / 2), np.floor(length / 2))
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(taps)) / len(taps))
        filt = window * np.exp(2j * np.pi * taps * frequency / rate) / window.sum()
        # a wavelet is correlated backwards: sample s relative to the frame's centre
        position = (len(taps) + 1) // 2 - np.arange(len(taps))
        kernel[row, half + position] = filt * np.sqrt(length) * np.sqrt(2.0**octave)
    both = np.concatenate([kernel.real, kernel.imag])[:, None]
    return torch.from_numpy(both).float()


@lru_cache(maxsize=1)
def _lowpass():
    taps = np.arange(-31, 32)
    kernel = 0.5 * np.sinc(taps / 2) * np.kaiser(len(taps), 8.0)
    return torch.from_numpy(kernel / kernel.sum()).float()[None, None]


def _halve(signal):
    signal = F.pad(signal, (31, 32))
    n = (signal.shape[-1] - 63) // 2 + (signal.shape[-1] - 63) % 2
    return F.conv1d(signal[:, None], _lowpass().to(signal), stride=2)[:, 0, :n]


def _check(sr, hop_length, n_bins, bins_per_octave, fmin):
    if min(sr, hop_length, n_bins, bins_per_octave, fmin) <= 0:
        raise FeatureError(
            "sample rate, hop, bins and lowest frequency must be positive"
        )
    ratio = 2.0 ** (2 / bins_per_octave)
    highest = fmin * 2.0 ** ((n_bins - 1) / bins_per_octave)
    cutoff = highest * (1 + 0.75 * (ratio - 1) / (ratio + 1))
    if cutoff > sr / 2:
        raise FeatureError(
            f"the highest bin reaches {cutoff:.0f} Hz, above half the rate ({sr / 2:.0f} Hz): "
            "use fewer bins or a higher rate"
        )
    octaves = math.ceil(n_bins / bins_per_octave)
    if hop_length % 2 ** (octaves - 1):
        raise FeatureError(
            f"hop_length={hop_length} cannot be halved {octaves - 1} times for {octaves} octaves: "
            f"use a multiple of {2 ** (octaves - 1)}"
        )
