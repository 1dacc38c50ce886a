"""Run one submission in a process of its own, with limits, or in a container (instructor's guide).

The process gets a bare environment, an empty folder to work in and no input; whatever it starts is
found by a mark in its environment and ended with it. It can still read what the user can read: who
does not trust the code gives a container.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from .container import WORKER, container_command, settings
from .sources import GradingError

MARK = "BYTECOVER_GRADING"
_KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_STEP = 0.1  # seconds between two looks at a running submission


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes
    ----------
    seconds : float
        For the whole notebook, start included.
    cell_seconds : float
        For one cell; the cells after it still run.
    memory : float [GB]
        Of all its processes together.
    processes : int
        How many there may be.
    """

    seconds: float = 300.0
    cell_seconds: float = 120.0
    memory: float = 4.0
    processes: int = 32


@dataclass(frozen=True)
class Run:
    """What came of it.

    Attributes
    ----------
    results : list of dict
        One for each cell that was finished, in order; see `worker.execute`.
    ended : str
        ``"done"``, ``"timeout"``, ``"memory"``, ``"processes"`` or ``"crashed"``.
    seconds : float
    """

    results: list = field(repr=False)
    ended: str
    seconds: float


def run(steps, limits, *, container="", engine="docker"):
    """Execute cells under limits.

    Parameters
    ----------
    steps : sequence of merging.Step
        Those with code.
    limits : Limits
    container : str
        Image to run in; empty for a plain process.
    engine : str
        ``"docker"`` or ``"podman"``.

    Returns
    -------
    Run

    Raises
    ------
    GradingError
        If the container's engine is not installed.
    """
    mark = uuid.uuid4().hex
    command = [sys.executable, "-P", *WORKER]
    if container:
        command = container_command(container, limits, name=mark, engine=engine)
        if not shutil.which(engine):
            raise GradingError(f"{engine}: no such program; install it or grade without container")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ended = _watch(command, _job(steps, limits), Path(folder), mark, limits)
        if container and ended != "done":
            subprocess.run([engine, "rm", "--force", mark], capture_output=True)
        results = _read(Path(folder) / "results")
    if ended == "done" and len(results) < len(steps):
        ended = "crashed"
    return Run(results[: len(steps)], ended, time.monotonic() - start)


def _job(steps, limits):
    # A given cell is the instructor's and may load torch on a busy machine: no limit of its own.
    seconds = {"given": limits.seconds}
    cells = [(step.source, seconds.get(step.kind, limits.cell_seconds)) for step in steps]
    job = {"cells": cells, "memory": int(limits.memory * 1e9), "file_size": 10**8}
    return json.dumps(job).encode()


def _watch(command, job, folder, mark, limits):
    scratch = folder / "scratch"
    scratch.mkdir()
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment = {**kept, **settings(str(scratch)), MARK: mark}
    (folder / "job").write_bytes(job)
    with (folder / "job").open("rb") as given, (folder / "results").open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=out,
            stderr=subprocess.DEVNULL,
            cwd=scratch,
            env=environment,
            start_new_session=True,
        )
    try:
        return _wait(process, limits)
    finally:
        _end(process, mark)


def _wait(process, limits):
    last = time.monotonic() + limits.seconds
    while process.poll() is None:
        if time.monotonic() > last:
            return "timeout"
        memory, processes = _use(process.pid)
        if memory > limits.memory * 1e9:
            return "memory"
        if processes > limits.processes:
            return "processes"
        time.sleep(_STEP)
    return "crashed" if process.returncode else "done"


def _use(pid):
    import psutil

    memory = processes = 0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for one in [parent, *parent.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                memory += one.memory_info().rss
                processes += 1
    return memory, processes


def _end(process, mark):
    import psutil

    process.kill()
    process.wait()
    for _ in range(10):  # what was just being started is found in the next round
        left = [one for one in psutil.process_iter() if _has_mark(one, mark)]
        if not left:
            return
        for one in left:
            with contextlib.suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(left, timeout=1)


def _has_mark(process, mark):
    import psutil

    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False


def _read(path):
    results = []
    for line in path.read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            results.append(json.loads(line))
    return [one for one in results if isinstance(one, dict) and "error" in one]
