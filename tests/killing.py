"""Runs that are killed at random moments and taken up again."""

import shutil
import time

import numpy as np

from tests import jobs


def measure(scratch, kills):
    """Kill runs of every kind, resume them and compare with an undisturbed one.

    Parameters
    ----------
    scratch : Path
    kills : int
        Of each kind.

    Returns
    -------
    dict
        By kind: ``kills``, which hit a run before its end; ``resumed_identical``; ``half_visible``,
        in how many a reader saw something broken; ``too_late``, runs that ended first and count
        for nothing; ``seconds`` of an undisturbed run.
    """
    jobs.prepare(scratch)
    rng = np.random.default_rng(0)
    kinds = (*jobs.KINDS, *jobs.ON_A_FORMER_STATE)
    return {kind: _kill(kind, scratch, kills, rng) for kind in kinds}


def _kill(kind, scratch, kills, rng):
    expected, seconds = _undisturbed(kind, scratch)
    found = {"kills": 0, "resumed_identical": 0, "half_visible": 0, "too_late": 0}
    target = scratch / f"{kind}.killed"
    while found["kills"] < kills:
        shutil.rmtree(target, ignore_errors=True)
        run = jobs.start(kind, scratch, target).begun()
        time.sleep(rng.uniform(0, seconds))
        run.process.kill()
        if run.outcome() == "done":
            found["too_late"] += 1
            continue
        found["kills"] += 1
        try:
            jobs.check_visible(kind, target)
        except Exception:
            found["half_visible"] += 1
        again = jobs.start(kind, scratch, target).begun()
        done = again.outcome() == "done"
        found["resumed_identical"] += done and jobs.result(kind, target) == expected
    return found | {"seconds": round(seconds, 2)}


def _undisturbed(kind, scratch):
    """Do the run twice: the results must agree; the second one's time counts."""
    results = []
    for number in range(2):
        target = scratch / f"{kind}.{number}"
        run = jobs.start(kind, scratch, target).begun()
        start = time.perf_counter()
        outcome = run.outcome()
        seconds = time.perf_counter() - start
        assert outcome == "done", outcome
        results.append(jobs.result(kind, target))
    assert results[0] == results[1] and results[0]
    return results[0], seconds
