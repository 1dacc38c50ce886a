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
from .sources import GradingError, writable

MARK = "BYTECOVER_GRADING"
_KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
LARGEST = 10**8  # bytes of one file, and of what a submission may report
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
    disk : float [GB]
        Of all files in the folder that it works in.
    """

    seconds: float = 300.0
    cell_seconds: float = 120.0
    memory: float = 4.0
    processes: int = 32
    disk: float = 1.0


@dataclass(frozen=True)
class Run:
    """What came of it.

    Attributes
    ----------
    results : list of dict
        One for each cell that was finished, in order; see `worker.execute`.
    ended : str
        ``"done"``, ``"timeout"``, ``"memory"``, ``"processes"``, ``"disk"``, ``"crashed"`` or
        ``"forged"``, if there is a result that no cell has.
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
    if container:  # the engine itself is the caller's program, and needs the caller's settings
        command = container_command(container, limits, name=mark, engine=engine)
        if not shutil.which(engine):
            raise GradingError(f"{engine}: no such program; install it or grade without container")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = dict(os.environ) if container else _bare(folder)
        environment[MARK] = mark
        ended = _watch(command, _job(steps, limits), Path(folder), environment, limits)
        if container and ended != "done":
            subprocess.run([engine, "rm", "--force", mark], capture_output=True)
        results = _read(Path(folder) / "results")
    if ended == "done" and len(results) < len(steps):
        ended = "crashed"
    numbers = [one.get("cell") for one in results]
    if numbers != list(range(len(results))) or len(results) > len(steps):
        ended = "forged"
    return Run(results[: len(steps)], ended, time.monotonic() - start)


def _job(steps, limits):
    # A given cell is the instructor's and may load torch on a busy machine: no limit of its own.
    seconds = {"given": limits.seconds}
    cells = [(step.source, seconds.get(step.kind, limits.cell_seconds)) for step in steps]
    job = {"cells": cells, "memory": int(limits.memory * 1e9), "file_size": LARGEST}
    return json.dumps(job).encode()


def _bare(folder):
    """Return the environment of a submission that runs as a plain process."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, **settings(str(Path(folder) / "scratch"))}


def _watch(command, job, folder, environment, limits):
    scratch = folder / "scratch"
    scratch.mkdir()
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
        return _wait(process, folder, limits)
    finally:
        _end(process, environment[MARK])


def _wait(process, folder, limits):
    last = time.monotonic() + limits.seconds
    while process.poll() is None:
        if time.monotonic() > last:
            return "timeout"
        memory, processes = _use(process.pid)
        if memory > limits.memory * 1e9:
            return "memory"
        if processes > limits.processes:
            return "processes"
        if _size(folder) > limits.disk * 1e9:
            return "disk"
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


def _size(folder):
    """Return the bytes of all files below a folder; of a container, only what it reports."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(place, name)).st_size
    return size


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
    with path.open("rb") as file:
        lines = file.read(LARGEST).splitlines()
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            results.append(json.loads(line))
    return [
        {key: writable(value) if isinstance(value, str) else value for key, value in one.items()}
        for one in results
        if isinstance(one, dict) and "error" in one
    ]
