"""Audio to constant-Q magnitude to means over 100 frames (chapter "From sound to CQT").

Bins are a semitone apart and every filter spans the same number of periods, so a transposition is
a shift along the frequency axis. The transform is a few dozen matrix products on overlapping views
of the signal: the same on a CPU and a GPU, with gradients, in blocks of constant size.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from .errors import BytecoverError
from .filterbank import make_plan, samples_needed, stride_apart

C1 = 32.70319566257483  # Hz
CPU_BLOCK = 2**20  # samples computed at once: what a block needs fits the cache
GPU_BLOCK = 2**25  # enough to keep a GPU busy
SMALLEST = 1e-36  # of a power that has a gradient


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
        Distance of two frames before averaging.
    n_bins : int
        Number of constant-Q bins; 84 are seven octaves.
    bins_per_octave : int
        12 bins are semitones.
    fmin : float [Hz]
        Centre of the lowest bin, C1.
    averaging : int [frames]
        How many frames are averaged into one.

    Raises
    ------
    FeatureError
        If a value is not positive or a bin exceeds half the sample rate.
    """

    sample_rate: int = 22050
    hop_length: int = 512
    n_bins: int = 84
    bins_per_octave: int = 12
    fmin: float = C1
    averaging: int = 100

    def __post_init__(self):
        """Validate the values."""
        _check_count(averaging=self.averaging)
        _check(self.sample_rate, self.hop_length, self.n_bins, self.bins_per_octave, self.fmin)

    @property
    def seconds_per_frame(self):
        """Duration of one averaged frame, in seconds (2.32 at the defaults)."""
        return self.averaging * self.hop_length / self.sample_rate

    @property
    def highest(self):
        """Frequency above which no bin hears anything, in Hz: two bins above the last one."""
        return self.fmin * 2 ** ((self.n_bins + 1) / self.bins_per_octave)


def cqt(audio, *, sr=22050, hop_length=512, n_bins=84, bins_per_octave=12, fmin=C1):
    """Constant-Q magnitude, scaled like ``abs(librosa.cqt(audio))``.

    Parameters
    ----------
    audio : torch.Tensor [shape=(B, n) or (n,), float]
        Mono signals of equal length, on any device.
    sr : float [Hz]
        Sampling rate.
    hop_length : int [samples]
        Distance of two frames.
    n_bins, bins_per_octave : int
        Number and spacing of the bins.
    fmin : float [Hz]
        Centre of the lowest bin.

    Returns
    -------
    torch.Tensor [shape=(B, n_bins, 1 + n // hop_length), non-negative]
        float32 (float64 for float64 audio). Frame t is centred on sample ``t * hop_length``. A
        sine of amplitude a in the centre of a bin gives a / 2 times the square root of the
        length of the bin's filter in samples. Silence gives 0, with gradient 0.

    Raises
    ------
    FeatureError
        If a value is not positive, a bin exceeds half the rate or the audio is not float.

    References
    ----------
    Schörkhuber and Klapuri, Constant-Q Transform Toolbox for Music Processing, 2010.
    """
    _check(sr, hop_length, n_bins, bins_per_octave, fmin)
    if audio.ndim not in (1, 2) or not audio.is_floating_point():
        raise FeatureError(
            f"audio is {audio.dtype} of shape {tuple(audio.shape)}: give float samples "
            "of shape (n,) or (batch, n)"
        )
    dtype = torch.float64 if audio.dtype == torch.float64 else torch.float32
    plan = make_plan(sr, hop_length, n_bins, bins_per_octave, fmin, audio.device, dtype)
    frames = 1 + audio.shape[-1] // hop_length
    if audio.ndim == 2 and not len(audio):
        return audio.new_zeros((0, n_bins, frames), dtype=dtype)
    if audio.ndim == 1:
        return _magnitudes_in_blocks(audio.to(dtype), plan, frames)
    # A batch is one long signal, with silence between that no filter reaches across.
    slot = frames + math.ceil(plan[0].margin / hop_length) + 1
    signal = F.pad(audio.to(dtype), (0, slot * hop_length - audio.shape[-1])).flatten()
    spectrogram = _magnitudes_in_blocks(signal, plan, len(audio) * slot)
    return spectrogram.unflatten(1, (len(audio), slot)).transpose(0, 1)[..., :frames].contiguous()


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
    torch.Tensor [shape=(B, F, T // factor) or (F, T // factor)]
    """
    _check_count(factor=factor)
    frames = spectrogram.shape[-1] // factor
    return spectrogram[..., : frames * factor].unflatten(-1, (frames, factor)).mean(-1)


def extract(samples, settings=None, *, multiple=1):
    """Averaged constant-Q spectrogram of a recording of any length, in constant memory.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,), float] or iterable of such
        The recording, or its blocks in order (of any lengths).
    settings : FeatureSettings, optional
        Default: the paper's.
    multiple : int
        The samples have so many times the settings' rate. Coming down from it costs less here
        than by a resampler, which cannot know that nothing above the highest bin is looked at.

    Returns
    -------
    np.ndarray [shape=(n_bins, frames // averaging), dtype=float32]
        Equal to ``average_frames(cqt(whole recording))``, with frames = 1 + n // hop_length.
        From a multiple of the rate: as after resampling, but for 1e-3.

    Raises
    ------
    FeatureError
        If the samples are not float or not mono, or ``multiple`` is not a count.
    """
    _check_count(multiple=multiple)
    settings = settings or FeatureSettings()
    plan = make_plan(
        settings.sample_rate,
        settings.hop_length,
        settings.n_bins,
        settings.bins_per_octave,
        settings.fmin,
        torch.device("cpu"),
        torch.float32,
        multiple,
    )
    size = max(1, CPU_BLOCK // (settings.averaging * plan[0].hop)) * settings.averaging
    if isinstance(samples, np.ndarray):
        signal = _mono(samples)
        windows = _windows(signal, plan, 1 + len(signal) // plan[0].hop, size)
    else:
        windows = _windows_of_stream(samples, plan, size)
    means = bytearray()  # grows as one piece; kept results of every window would riddle the heap
    with torch.inference_mode():
        for window, frames in windows:
            whole = frames // settings.averaging * settings.averaging
            spectrogram = _magnitudes(window, plan, whole)
            averaged = average_frames(spectrogram, factor=settings.averaging)
            means += averaged.T.contiguous().numpy().tobytes()
    found = np.frombuffer(means, dtype=np.float32).reshape(-1, settings.n_bins)
    return np.ascontiguousarray(found.T)


def _magnitudes_in_blocks(signal, plan, frames):
    size = max(1, (CPU_BLOCK if signal.device.type == "cpu" else GPU_BLOCK) // plan[0].hop)
    windows = _windows(signal, plan, frames, size)
    return torch.cat([_magnitudes(window, plan, count) for window, count in windows], dim=1)


def _windows(signal, plan, frames, size):
    """Cut ``signal`` into what runs of at most ``size`` frames need; silence around it."""
    for first in range(0, frames, size):
        count = min(size, frames - first)
        start = first * plan[0].hop - plan[0].margin
        stop = start + samples_needed(plan, count)
        window = signal[max(0, start) : stop]
        if len(window) < stop - start:
            window = F.pad(window, (max(0, -start), max(0, stop - len(signal))))
        yield window, count


def _windows_of_stream(blocks, plan, size):
    """Do the same for a signal that comes in blocks, holding one run's samples at a time."""
    needed = samples_needed(plan, size)
    pending = [torch.zeros(plan[0].margin)]
    waiting = plan[0].margin
    for block in blocks:
        pending.append(_mono(block))
        waiting += len(block)
        if waiting < needed:
            continue
        signal = torch.cat(pending)
        while len(signal) >= needed:
            yield signal[:needed], size
            signal = signal[size * plan[0].hop :]
        pending, waiting = [signal], len(signal)
    signal = torch.cat(pending)
    frames = 1 + (waiting - plan[0].margin) // plan[0].hop
    yield F.pad(signal, (0, samples_needed(plan, frames) - waiting)), frames


def _mono(samples):
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise FeatureError(
            f"samples are {samples.dtype} of shape {samples.shape}: give mono float samples (n,)"
        )
    return torch.from_numpy(samples.astype(np.float32, copy=False))


def _magnitudes(signal, plan, frames):
    """Constant-Q magnitude of ``frames`` frames [shape=(n_bins, frames)], octave by octave."""
    octaves = []
    for stage in plan:
        for kernel in stage.kernels:
            start = stage.margin - kernel.shape[1] // 2
            octaves.append(_respond(signal[start:], kernel, stage.hop, frames))
        if stage.decimator is not None:
            signal = _decimate(signal, stage.decimator, stage.factor)
    return torch.cat(octaves[::-1])


def _respond(signal, kernel, hop, frames):
    """Magnitude of one octave's filters, a window every ``hop`` samples [shape=(bins, frames)]."""
    windows = _views(signal, kernel.shape[1], hop, frames)  # (step, taps, rows)
    response = torch.bmm(kernel.expand(len(windows), -1, -1), windows)  # (step, 2 bins, rows)
    real, imaginary = response.chunk(2, dim=1)
    power = real.square().addcmul(imaginary, imaginary)
    if power.requires_grad:
        power = power.clamp(min=SMALLEST)  # the root's slope is infinite at 0
    return power.sqrt().permute(1, 2, 0).flatten(1)[:, :frames]  # frame = row * step + which


def _decimate(signal, decimator, factor):
    """Low-pass ``signal`` and keep every ``factor``-th sample."""
    outputs, taps = decimator.shape
    step = stride_apart(taps, factor * outputs)
    rows = ((len(signal) - taps) // (factor * outputs) + 1) // step
    windows = _views(signal, taps, factor * outputs, rows * step)  # (step, taps, rows)
    decimated = signal.new_empty(rows, step, outputs)
    # written in the order of time, which saves a copy
    decimated.transpose(0, 1).baddbmm_(
        windows.transpose(1, 2), decimator.T.expand(step, -1, -1), beta=0
    )
    return decimated.flatten()


def _views(signal, taps, hop, frames):
    """Overlapping windows of ``signal``, none copied [shape=(step, taps, rows)].

    A matrix product reads rows in place only if they do not overlap, so window ``row * step + i``
    stands in the i-th of ``step`` matrices.
    """
    step = stride_apart(taps, hop)
    return signal.as_strided((step, taps, -(-frames // step)), (hop, 1, step * hop))


def _check_count(**counts):
    for name, value in counts.items():
        if not (isinstance(value, int | np.integer) and value >= 1):
            raise FeatureError(f"{name}={value}: give a whole number of at least 1")


def _check(sr, hop_length, n_bins, bins_per_octave, fmin):
    _check_count(hop_length=hop_length, n_bins=n_bins, bins_per_octave=bins_per_octave)
    if not (sr > 0 and fmin > 0):
        raise FeatureError(f"sr={sr}, fmin={fmin}: give positive frequencies in Hz")
    highest = fmin * 2.0 ** ((n_bins - 1) / bins_per_octave)
    if highest * 2.0 ** (0.75 / bins_per_octave) > sr / 2:
        raise FeatureError(
            f"the highest bin lies at {highest:.0f} Hz, too close to half the rate of {sr:g} Hz: "
            "use fewer bins or a higher rate"
        )
