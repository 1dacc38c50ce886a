"""The command that runs a submission in a container (instructor's guide).

The worker needs no file of the host: its job comes through standard input and its results leave
through standard output, so nothing is mounted.
"""

WORKER = ("-m", "bytecover_lite.grading.worker")


def container_command(image, limits, *, name, engine="docker"):
    """Return the command that runs the worker without network, on a read-only file system.

    Parameters
    ----------
    image : str
        Has Python and ``bytecover-lite[grade]``.
    limits : Limits
    name : str
        Of the container, so that it can be removed.
    engine : str

    Returns
    -------
    list of str
    """
    memory = f"{round(limits.memory * 1000)}m"
    return [
        *(engine, "run", "--rm", "--interactive", "--name", name),
        *("--log-driver", "none"),  # else the engine keeps all that a submission says
        *("--network", "none", "--read-only", "--tmpfs", "/tmp:rw,size=512m,mode=1777"),
        *("--memory", memory, "--memory-swap", memory, "--cpus", "1"),
        *("--pids-limit", str(limits.processes + 64)),  # here threads count, too
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "65534:65534"),
        *("--workdir", "/tmp"),
        *(f"--env={key}={value}" for key, value in settings("/tmp").items()),
        *(image, "python", "-P", *WORKER),
    ]


def settings(home):
    """Return the environment of a submission: one thread, no GPU, files in ``home``."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    places = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "NUMBA_CACHE_DIR"), home)
    return {**threads, **places, "MPLBACKEND": "agg", "CUDA_VISIBLE_DEVICES": ""}
