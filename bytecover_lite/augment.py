"""Crops and changes of averaged CQTs while training (chapter "Training").

A cover is sung in another key, at another tempo, with other parts: the same changes, made on the
features, show the network more of them than the data holds.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from .errors import BytecoverError


class AugmentationError(BytecoverError):
    """A change of the features that cannot be made."""


@dataclass(frozen=True)
class Augmentation:
    """How strongly crops are changed; the defaults change nothing.

    Attributes
    ----------
    transpose_semitones : int
        Transposition by up to this many semitones up or down, uniform over the whole numbers.
    tempo : (float, float)
        Slowest and fastest tempo relative to the recording, uniform on a logarithmic scale.
        CQTNet uses (0.7, 1.3).
    mask_frequency : int [bins]
        Widest band that is set to zero.
    mask_time : int [averaged frames]
        Longest stretch that is set to zero.
    """

    transpose_semitones: int = 0
    tempo: tuple[float, float] = (1.0, 1.0)
    mask_frequency: int = 0
    mask_time: int = 0

    def __post_init__(self):
        """Refuse values without a meaning."""
        for name in ("transpose_semitones", "mask_frequency", "mask_time"):
            if getattr(self, name) < 0:
                raise AugmentationError(f"{name}={getattr(self, name)}: give 0 or more")
        if not 0 < self.tempo[0] <= self.tempo[1] < math.inf:
            raise AugmentationError(f"tempo={self.tempo}: give (slowest, fastest), both above 0")


def augment(spectrograms, augmentation, generator, *, frames, bins_per_semitone=1):
    """Cut one crop of each spectrogram and change it at random.

    In this order: a change of tempo, the crop, a transposition, the masks. Where the crop lies does
    not depend on whether keys are changed or parts are masked.

    Parameters
    ----------
    spectrograms : sequence of B np.ndarray [shape=(F, T_i)]
        Averaged magnitudes of whole recordings, each of its own length.
    augmentation : Augmentation
        How strongly to change them.
    generator : np.random.Generator
        Source of every choice.
    frames : int
        Length of the crops. A recording that is shorter is surrounded by zeros, at a random place.
    bins_per_semitone : int
        1 at 12 bins an octave.

    Returns
    -------
    torch.Tensor [shape=(B, F, frames), dtype=float32]
    """
    tempo, start, shift = generator.random((3, len(spectrograms)))
    slowest, fastest = np.log(augmentation.tempo)
    factors = np.exp(slowest + tempo * (fastest - slowest))
    crops = np.zeros((len(spectrograms), len(spectrograms[0]), frames), dtype=np.float32)
    for crop, spectrogram, factor, place in zip(crops, spectrograms, factors, start, strict=True):
        _fill(crop, spectrogram, float(factor), place)
    crops = torch.from_numpy(crops)  # (B, F, frames)
    if augmentation.transpose_semitones:
        widest = augmentation.transpose_semitones
        steps = np.floor(shift * (2 * widest + 1)).astype(int) - widest
        steps = (steps * bins_per_semitone).tolist()
        crops = torch.stack([transpose(c, k) for c, k in zip(crops, steps, strict=True)])
    return _mask(crops, augmentation, generator)


def transpose(spectrogram, bins):
    """Move a spectrogram up by ``bins`` (down if negative); what enters the band is zero.

    Parameters
    ----------
    spectrogram : torch.Tensor [shape=(..., F, T)]
        Constant-Q magnitudes, on whose scale a transposition is a shift.
    bins : int
        12 bins an octave make this semitones.

    Returns
    -------
    torch.Tensor [shape=(..., F, T)]
        Nothing wraps around: energy that leaves the band is lost. The transposed sound itself is
        softer by a factor of 2 ** (bins / 24), because the transform (like librosa's) scales each
        bin by the square root of its filter's length.
    """
    moved = torch.zeros_like(spectrogram)
    kept = max(0, spectrogram.shape[-2] - abs(bins))
    source = spectrogram.narrow(-2, max(0, -bins) if kept else 0, kept)
    moved.narrow(-2, max(0, bins) if kept else 0, kept).copy_(source)
    return moved


def change_tempo(spectrogram, factor):
    """Play a spectrogram ``factor`` times as fast, by linear interpolation along time.

    Parameters
    ----------
    spectrogram : torch.Tensor [shape=(F, T)]
        Averaged magnitudes; frame t is the mean over [t, t + 1).
    factor : float
        Above 1 is faster. 1 is the identity.

    Returns
    -------
    torch.Tensor [shape=(F, max(1, floor(T / factor)))]
    """
    if spectrogram.shape[-1] < factor:
        return spectrogram.mean(dim=-1, keepdim=True)
    return torch.nn.functional.interpolate(
        spectrogram[None],
        scale_factor=1 / factor,
        mode="linear",
        align_corners=False,  # a frame stands at the middle of the time it covers
        recompute_scale_factor=False,
    )[0]


def _fill(crop, spectrogram, factor, place):
    """Put the part of a recording that starts at ``place`` (0 to 1) into ``crop`` (F, frames)."""
    frames, length = crop.shape[-1], spectrogram.shape[-1]
    if factor != 1:
        wanted = math.ceil(frames * factor) + 1  # one to spare for rounding
        first = int(place * (max(0, length - wanted) + 1))
        window = spectrogram[:, first : first + wanted].astype(np.float32)
        spectrogram = change_tempo(torch.from_numpy(window), factor).numpy()[:, :frames]
        length = spectrogram.shape[-1]
    if length >= frames:
        first = int(place * (length - frames + 1))
        crop[:] = spectrogram[:, first : first + frames]
    else:
        first = int(place * (frames - length + 1))
        crop[:, first : first + length] = spectrogram


def _mask(crops, augmentation, generator):
    if not augmentation.mask_frequency and not augmentation.mask_time:
        return crops
    from torchaudio.functional import mask_along_axis_iid

    with torch.random.fork_rng(devices=[]):  # torchaudio draws from torch's global generator
        torch.random.default_generator.manual_seed(int(generator.integers(1 << 62)))
        crops = mask_along_axis_iid(crops, augmentation.mask_frequency, 0.0, axis=1)
        return mask_along_axis_iid(crops, augmentation.mask_time, 0.0, axis=2)
