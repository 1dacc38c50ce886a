"""Imitate Colab: a Python in which the package is installed from its wheel, far from the checkout.

The heavy packages are borrowed from the running environment through a ``.pth`` file, so this takes
seconds. The checkout's own editable install is not visible there.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build_wheel(directory):
    """Build the package's wheel into ``directory`` and return its path; needs no network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if built.returncode:
        raise SystemExit(f"the wheel could not be built:\n{built.stderr}")
    return next(Path(directory).glob("*.whl"))


def imitate(directory):
    """Make the imitation in ``directory``.

    Returns
    -------
    python : Path
        Its interpreter.
    environment : dict
        Variables with which Jupyter starts this interpreter for the kernel ``python3``.
    """
    directory = Path(directory)
    wheel = build_wheel(directory)
    venv.create(directory / "env", symlinks=os.name != "nt")
    places = {"base": str(directory / "env"), "platbase": str(directory / "env")}
    packages = Path(sysconfig.get_path("purelib", "venv", places))
    zipfile.ZipFile(wheel).extractall(packages)
    _lend_compiled(ROOT / "bytecover_lite", packages / "bytecover_lite")
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "borrowed.pth").write_text("\n".join(sorted(borrowed)), encoding="utf-8")
    python = Path(sysconfig.get_path("scripts", "venv", places)) / Path(sys.executable).name
    return python, {**os.environ, "JUPYTER_PATH": str(_kernel(directory / "jupyter", python))}


def _lend_compiled(source, target):
    """Give a copy of the package what numba has compiled for the original; it goes by file time."""
    for path in source.rglob("*.py"):
        if (target / path.relative_to(source)).exists():
            shutil.copystat(path, target / path.relative_to(source))
    for path in source.rglob("__pycache__/*.nb[ic]"):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(path, copy)


def _kernel(directory, python):
    folder = directory / "kernels" / "python3"
    folder.mkdir(parents=True)
    arguments = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": arguments, "display_name": "Python 3", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(kernel), encoding="utf-8")
    return directory
