"""Speed and memory of the constant-Q transform, beside librosa's and nnAudio's."""

import contextlib
import io
import math

import numpy as np
import torch

from bytecover_lite.cqt import C1, cqt, extract
from bytecover_lite.filterbank import OUTPUTS, make_plan
from tests.benchmarks.memory import printed_by
from tests.benchmarks.timing import interleaved, matmul_rate

SR, HOP, BINS = 22050, 512, 84

HOURS = """
import sys
import numpy as np
from bytecover_lite.cqt import extract
from tests.benchmarks.memory import peak

block = np.random.default_rng(0).standard_normal(30 * 22050).astype(np.float32)
extract(iter([block] * 4))
before = peak()
extract(block for _ in range(120 * int(sys.argv[1])))
print(peak() - before)
"""


def rows(quick=False):
    """Measure on one thread.

    Parameters
    ----------
    quick : bool
        Seconds of signal instead of minutes, one round: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit; baseline and ratio (baseline's time over this one); floor.
    """
    seconds, repeats, hours = (10, 1, 0) if quick else (240, 9, 3)
    torch.set_num_threads(1)
    signal = np.random.default_rng(0).standard_normal(seconds * SR).astype(np.float32) / 10
    with torch.inference_mode():
        times = interleaved(_candidates(signal), repeats=repeats)
    floor = operations(seconds) / matmul_rate()
    baseline = "librosa.cqt"
    table = [
        {
            "what": f"{name}, {seconds} s of audio",
            "value": time,
            "unit": "s",
            "baseline": baseline,
            "ratio": times[baseline] / time,
            "floor": floor,
        }
        for name, time in times.items()
    ]
    return [*table, _memory(hours)]


def operations(seconds):
    """Arithmetic of the plan: what its products would cost if no matrix had zeros in it.

    Parameters
    ----------
    seconds : float
        Duration of the signal.

    Returns
    -------
    float
        Operations, two a multiplication with addition.
    """
    plan = make_plan(SR, HOP, BINS, 12, C1, torch.device("cpu"), torch.float32)
    frames = 1 + seconds * SR // HOP
    total = 0
    rate = SR
    for stage in plan:
        total += sum(2 * kernel.numel() * frames for kernel in stage.kernels)
        if stage.decimator is not None:
            lowpass = stage.decimator.shape[1] - stage.factor * (OUTPUTS - 1)
            rate /= stage.factor
            total += 2 * lowpass * math.ceil(seconds * rate)
    return total


def _candidates(signal):
    import librosa
    from nnAudio.features import CQT1992v2, CQT2010v2

    tensor = torch.from_numpy(signal)
    settings = {"sr": SR, "hop_length": HOP, "fmin": C1, "n_bins": BINS, "verbose": False}
    with contextlib.redirect_stdout(io.StringIO()):
        direct, pyramid = CQT1992v2(**settings), CQT2010v2(**settings)
    return {
        "extract (CQT and averaging)": lambda: extract(signal),
        "cqt": lambda: cqt(tensor),
        "librosa.cqt": lambda: np.abs(librosa.cqt(signal, sr=SR)),
        "nnAudio CQT1992v2": lambda: direct(tensor),
        "nnAudio CQT2010v2": lambda: pyramid(tensor),
    }


def _memory(hours):
    """Peak memory of a long stream beyond that of two minutes."""
    return {
        "what": f"extract, peak memory of {hours} h beyond that of 2 min",
        "value": printed_by(HOURS, hours)[0],
        "unit": "MiB",
    }
