"""Results files: what a run measured, and everything needed to run it again.

Every figure in the book is read from such a file; none is typed by hand.
"""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from .errors import BytecoverError

_STAMPED = ("torch", "torchaudio", "numpy", "librosa")


class ResultsError(BytecoverError):
    """A results file is missing or unreadable."""


def write_result(name, payload, *, directory=None):
    """Write a measurement as JSON together with where it came from.

    Parameters
    ----------
    name : str
        File name without ``.json``.
    payload : dict
        What was measured; must be serialisable and free of NaN. Seeds belong in here.
    directory : path-like, optional
        Default: ``book/results`` of the checkout the command runs in, else ``results/`` of the
        current directory.

    Returns
    -------
    Path
        The file written (atomically: a reader never sees half of it).
    """
    directory = Path(directory) if directory else (_checkout_results() or Path.cwd() / "results")
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    text = json.dumps({"provenance": provenance(), **payload}, indent=1, allow_nan=False)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(text + "\n", encoding="utf-8")
    os.replace(partial, path)
    return path


def read_result(name):
    """Read the results file ``name``.

    Looks in ``results/`` of the current directory (a notebook's folder), then in ``book/results``
    of the checkout, then among the files that the installed package carries.

    Raises
    ------
    ResultsError
        If no such file exists in any of the places, or the first one holds something else.
    """
    for found in read_results(name):
        return found
    raise ResultsError(f"no results file {name}.json: run the command that measures it first")


def read_results(name):
    """Yield the results files ``name`` of all places where :func:`read_result` looks."""
    places = [Path.cwd() / "results", _checkout_results(), Path(__file__).parent / "results_data"]
    for place in places:
        path = place / f"{name}.json" if place else None
        if not path or not path.is_file():
            continue
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ResultsError(
                f"{path}: no results file ({error}): run the command that measures it again"
            ) from error
        yield found


def provenance():
    """Return command, commit, date (UTC), versions and device of the running process."""
    import torch

    return {
        "command": " ".join([_program(), *sys.argv[1:]]),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _STAMPED},
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else _processor(),
        "threads": torch.get_num_threads(),
    }


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _program():
    """Return what one types to start the running process, without its arguments."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return Path(sys.argv[0]).name or "python"
    module = spec.name.removesuffix(".__main__")
    return "bytecover" if module == __package__ else f"python -m {module}"


def _commit():
    """Return the commit, with "-dirty" where files other than results differ from it."""
    git = ["git", "-C", str(Path(__file__).parents[1])]
    clean = ["diff", "--quiet", "HEAD", "--", ".", ":(exclude)book/results"]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
        differs = subprocess.run([*git, *clean], capture_output=True, timeout=10).returncode
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("-dirty" if differs else "")


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        return f"{names[0]} x {len(names)}"
    except (OSError, IndexError):
        return f"{platform.processor() or platform.machine()} x {os.cpu_count()}"


def _checkout_results():
    candidate = Path(__file__).parent.parent / "book" / "results"
    return candidate if candidate.parent.is_dir() else None
