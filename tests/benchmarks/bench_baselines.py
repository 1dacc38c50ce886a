"""What the classical baselines cost, for a pair of versions and for whole collections."""

import numba
import numpy as np
import threadpoolctl

from bytecover_lite.baselines import chroma_distances, two_dftm, two_dftm_distances
from bytecover_lite.qmax import qmax_distances
from tests.benchmarks.timing import interleaved


def rows(quick=False):
    """Measure on one thread.

    Parameters
    ----------
    quick : bool
        Fewer versions, one round: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit.
    """
    versions, repeats = (3, 1) if quick else (20, 3)
    generator = np.random.default_rng(0)
    minutes4 = [generator.random((84, 517), dtype=np.float32) for _ in range(versions)]
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        times = interleaved(
            {
                "describe": lambda: [two_dftm(one) for one in minutes4],
                "global chroma": lambda: chroma_distances(minutes4),
                "2DFTM": lambda: two_dftm_distances(minutes4),
                "Qmax": lambda: qmax_distances(minutes4),
            },
            repeats=repeats,
        )
    numba.set_num_threads(threads)
    describe = {"what": "2DFTM, describing a version of 4 min", "unit": "s"}
    return [describe | {"value": times.pop("describe") / versions}, *_pairs(times, versions)]


def _pairs(times, versions):
    """Cost of a pair, with what it takes to describe the two; Qmax of the sets at this rate."""
    pairs = versions * (versions - 1) / 2
    table = [
        {
            "what": f"{name}, a pair of {versions} versions of 4 min in frames of 0.46 s",
            "value": seconds / pairs,
            "unit": "s",
        }
        for name, seconds in times.items()
    ]
    qmax = times["Qmax"] / pairs / 3600
    for count in (320, 15_000):
        what = f"Qmax, {count} versions on one thread, at the rate of a pair"
        table.append({"what": what, "value": qmax * count * (count - 1) / 2, "unit": "h"})
    return table
