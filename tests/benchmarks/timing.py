"""How benchmarks measure: medians of interleaved runs, beside the rate the machine can reach."""

import statistics
import time

import torch


def interleaved(candidates, *, repeats):
    """Time several functions in turn, so that a busy machine slows all of them alike.

    Parameters
    ----------
    candidates : dict of str to callable
        What to time; each is called once beforehand.
    repeats : int
        Rounds.

    Returns
    -------
    dict of str to float
        Median of each [seconds].
    """
    for function in candidates.values():
        function()
    times = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, function in candidates.items():
            synchronise()
            start = time.perf_counter()
            function()
            synchronise()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def matmul_rate(*, size=1024, device="cpu", dtype=torch.float32, repeats=9):
    """Measure how many operations a second a large matrix product reaches here.

    Returns
    -------
    float
        Operations a second, two a multiplication with addition.
    """
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    seconds = interleaved({"product": lambda: a @ b}, repeats=repeats)["product"]
    return 2 * size**3 / seconds


def synchronise():
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
