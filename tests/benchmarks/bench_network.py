"""Cost of a training step and of an embedding, beside what the processor could do."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import torch
from torch.utils.flop_counter import FlopCounterMode

from bytecover_lite.allocator import keep_freed_memory
from bytecover_lite.losses import multi_loss
from bytecover_lite.model import ByteCover, ByteCoverConfig
from tests.benchmarks.timing import interleaved, matmul_rate

SMALL = ByteCoverConfig(depth=18, width=0.25, freq_stride=1, n_classes=1000, compression="log")


def rows(quick=False):
    """Measure on one thread.

    Parameters
    ----------
    quick : bool
        Tiny batches, one round: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit; floor: time at the rate of a large matrix product here.
    """
    torch.set_num_threads(1)
    batch, frames, repeats = (8, 10, 1) if quick else (64, 100, 5)
    peak = matmul_rate()
    table = _small_steps(batch, frames, repeats, peak) + _kept_memory(batch, frames, repeats)
    return table + _embedding(frames, repeats, peak)


def step_operations(config, batch, frames):
    """Operations of a forward and a backward pass: three forward passes, by the usual count."""
    model = ByteCover(config).eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, config.features.n_bins, frames))
    return 3 * batch * counter.get_total_flops()


def make_step(
    config, batch, frames, *, device="cpu", channels_last=False, bfloat16=False, recorded=False
):
    """Return a function that trains a new model for one step on random input.

    A recorded one replays its passes as CUDA graphs; for that the device is a GPU.
    """
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = ByteCover(config).to(device, memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters())
    spectrograms = torch.rand(batch, 84, frames, device=device)
    cliques = torch.arange(batch, device=device) // 4
    if recorded:
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16, cache_enabled=False):
            model = torch.cuda.make_graphed_callables(model, (spectrograms.clone(),))

    def step():
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            output = model(spectrograms)
        multi_loss(output, cliques)[0].backward()
        optimizer.step()

    return step


def _small_steps(batch, frames, repeats, peak):
    variants = {
        "contiguous": {},
        "channels_last": {"channels_last": True},
        "channels_last, bfloat16": {"channels_last": True, "bfloat16": True},
    }
    times = interleaved(
        {name: make_step(SMALL, batch, frames, **variant) for name, variant in variants.items()},
        repeats=repeats,
    )
    floor = step_operations(SMALL, batch, frames) / peak
    return [
        {
            "what": f"training step, ResNet18-IBN width .25, {batch} x {frames} frames, {name}",
            "value": time,
            "unit": "s",
            "baseline": "contiguous",
            "ratio": times["contiguous"] / time,
            "floor": floor,  # of a float32 product
        }
        for name, time in times.items()
    ]


def _kept_memory(batch, frames, repeats):
    """Measure the same step in two processes, of which one keeps the memory that it frees."""
    from tests.benchmarks import bench_network as here  # under a name that other processes know

    spawn, pools = multiprocessing.get_context("spawn"), {}
    for name, keep in (("given back", False), ("kept", True)):
        settings = (keep, batch, frames)
        pools[name] = ProcessPoolExecutor(1, spawn, initializer=here._prepare, initargs=settings)
    steps = {
        name: lambda pool=pool: pool.submit(here._run).result() for name, pool in pools.items()
    }
    times = interleaved(steps, repeats=repeats)
    for pool in pools.values():
        pool.shutdown()
    return [
        {
            "what": f"training step, ResNet18-IBN width .25, {batch} x {frames} frames, "
            f"channels_last, bfloat16, freed memory {name}",
            "value": time,
            "unit": "s",
            "baseline": "given back",
            "ratio": times["given back"] / time,
        }
        for name, time in times.items()
    ]


def _prepare(keep, batch, frames):
    global _run_step
    torch.set_num_threads(1)
    if keep:
        keep_freed_memory()
    _run_step = make_step(SMALL, batch, frames, channels_last=True, bfloat16=True)


def _run():
    _run_step()


def _embedding(frames, repeats, peak):
    model = ByteCover(ByteCoverConfig()).to(memory_format=torch.channels_last).eval()
    spectrograms = torch.rand(1, 84, frames)
    with torch.inference_mode():
        time = interleaved({"embed": lambda: model(spectrograms)}, repeats=repeats)["embed"]
    return [
        {
            "what": f"embedding of one track of {frames} frames, ResNet50-IBN",
            "value": time,
            "unit": "s",
            "floor": step_operations(model.config, 1, frames) / 3 / peak,
        }
    ]
