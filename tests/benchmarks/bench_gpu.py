"""What a GPU does a second: constant-Q transforms and training steps, beside its own limits."""

from dataclasses import replace

import torch

from bytecover_lite.cqt import average_frames, cqt
from bytecover_lite.model import ByteCoverConfig
from bytecover_lite.recipes import voices
from tests.benchmarks.bench_cqt import SR, operations
from tests.benchmarks.bench_network import make_step, step_operations
from tests.benchmarks.timing import interleaved, matmul_rate

CLASSES = 8858  # works of SHS100K
BATCHES = (32, 64, 128, 256)


def rows(quick=False):
    """Measure on the GPU.

    Parameters
    ----------
    quick : bool
        One batch, one round: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit; floor: time at the rate of a large matrix product on the same GPU,
        of which ``share_of_peak`` is reached; baseline and ratio.
    """
    peak = matmul_rate(size=8192, device="cuda", dtype=torch.bfloat16)
    seconds, repeats = (10, 1) if quick else (240, 9)
    table = [] if quick else _limits(peak)
    table += _transforms(seconds, repeats)
    paper = ByteCoverConfig(n_classes=CLASSES)
    for batch in BATCHES[: 1 if quick else None]:
        table += _steps("ResNet50-IBN", paper, batch, 100, peak, repeats)
    if not quick:
        small = replace(voices().model, n_classes=CLASSES)
        table += _steps("ResNet18-IBN width .375", small, 256, 256, peak, repeats)
    return table


def _limits(peak):
    source = torch.empty(2**30, dtype=torch.float32, device="cuda")
    target = torch.empty_like(source)
    time = interleaved({"copy": lambda: target.copy_(source)}, repeats=9)["copy"]
    return [
        {"what": "matrix product, 8192, bfloat16", "value": peak / 1e12, "unit": "TFLOP/s"},
        {"what": "copy, bytes read and written", "value": 8 * 2**30 / time / 1e12, "unit": "TB/s"},
    ]


def _transforms(seconds, repeats):
    batch = torch.randn(8, seconds * SR, device="cuda") / 10
    rate = matmul_rate(size=8192, device="cuda")
    with torch.inference_mode():
        times = interleaved(
            {"cqt": lambda: cqt(batch), "cqt and averaging": lambda: average_frames(cqt(batch))},
            repeats=repeats,
        )
    table = []
    for name, time in times.items():
        track = time / len(batch)
        what = f"{name}, {seconds} s of audio, in batches of {len(batch)}"
        floor = operations(seconds) / rate
        table.append({"what": what, "value": track, "unit": "s", "floor": floor})
        table.append({"what": f"{what}: rate", "value": 1 / track, "unit": "tracks/s"})
    return table


def _steps(name, config, batch, frames, peak, repeats):
    how = {"device": "cuda", "channels_last": True, "bfloat16": True}
    variants = {
        "launched anew": make_step(config, batch, frames, **how),
        "recorded": make_step(config, batch, frames, **how, recorded=True),
    }
    times = interleaved(variants, repeats=repeats)
    floor = step_operations(config, batch, frames) / peak
    return [
        {
            "what": f"training step, {name}, {batch} x {frames} frames, bfloat16, {variant}",
            "value": time,
            "unit": "s",
            "floor": floor,
            "share_of_peak": floor / time,
            "baseline": "launched anew",
            "ratio": times["launched anew"] / time,
        }
        for variant, time in times.items()
    ]
