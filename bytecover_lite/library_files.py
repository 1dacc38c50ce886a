"""Which recordings a folder holds, and how an index remembers them (chapter "Your own music").

Recordings are known by their content, not by name or date: a file that was moved, copied or touched
is the same recording, and a file whose bytes changed is another one.

``index.json``
    The folder, the checkpoint with its sha256, the format and the package version.
``files.csv``
    One row a file: ``path`` below the folder, ``sha256``, and the ``reason`` if it is unusable.
"""

import hashlib
import json
import os
import stat
from pathlib import Path

from . import __version__
from .audio import check_file
from .errors import BytecoverError
from .files import format_csv, replace_file

FORMAT = 1
COLUMNS = ("path", "sha256", "reason")
# File names that promise one of the formats that decoders.py reads
SUFFIXES = frozenset(
    ".3g2 .3gp .aac .ac3 .aif .aifc .aiff .amr .ape .asf .au .bwf .caf .dsf .dts .eac3 .flac .m4a "
    ".m4b .mka .mkv .mov .mp2 .mp3 .mp4 .mpc .oga .ogg .opus .rf64 .snd .tak .tta .w64 .wav .wave "
    ".webm .wma .wv".split()
)


class LibraryError(BytecoverError):
    """An index that is missing, damaged or made otherwise, or a folder that cannot be indexed."""


def list_recordings(folder):
    """List the files below ``folder`` whose names promise sound.

    Links are followed, a directory is entered once however many ways lead to it.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    paths : list of str
        Relative to ``folder``, in an order that depends on the names alone.
    others : int
        How many files have other endings.
    closed : dict of str to str
        Directories that cannot be listed, with the reason.

    Raises
    ------
    LibraryError
        If there is no such folder.
    """
    if not os.path.isdir(folder):
        raise LibraryError(f"{folder}: no such folder; give the one that holds the recordings")
    paths, closed, seen, others = [], {}, set(), 0
    waiting = [""]
    while waiting:
        place = waiting.pop()
        whole = os.path.join(folder, place)
        try:
            status = os.stat(whole)
            names = sorted(os.listdir(whole))
        except OSError as error:
            closed[place or "."] = f"{whole}: cannot be listed ({error.strerror})"
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        directories = []
        for name in names:
            path = os.path.join(place, name)
            if os.path.isdir(os.path.join(folder, path)):
                directories.append(path)
            elif os.path.splitext(name)[1].lower() in SUFFIXES:
                paths.append(path)
            else:
                others += 1
        waiting += reversed(directories)
    return sorted(paths), others, closed


def hash_files(folder, paths, *, jobs, progress=False):
    """Hash the content of files.

    Parameters
    ----------
    folder : path-like
    paths : sequence of str
        Relative to ``folder``.
    jobs : int
        Threads.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    list of (str, str)
        sha256 and "", or "" and the reason why the file cannot be read.
    """
    import joblib
    from tqdm import tqdm

    run = joblib.Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
    found = run(joblib.delayed(_try_hash)(os.path.join(folder, path)) for path in paths)
    return list(tqdm(found, "reading", len(paths), unit="file", disable=not progress))


def _try_hash(path):
    try:
        return hash_file(path), ""
    except BytecoverError as error:
        return "", str(error)


def hash_file(path):
    """Return the sha256 of an audio file's bytes.

    Raises
    ------
    AudioError
        If it is no file that can be read.
    LibraryError
        If reading stops midway.
    """
    check_file(path)
    try:
        # without blocking: in the meantime the name may have become that of a pipe
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LibraryError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    raise LibraryError(f"{path} is no longer a file; check what replaced it")


def hash_checkpoint(name):
    """Return the sha256 of the checkpoint that ``open_model(name)`` reads."""
    from .model import SHIPPED, CheckpointError

    is_file = Path(name).suffix == ".safetensors" or Path(name).is_file()
    path = Path(name) if is_file else SHIPPED / f"{name}.safetensors"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}): give a checkpoint file or the name of a "
            "shipped one"
        ) from error


def write_stamp(path, stamp):
    """Put ``index.json`` in the index directory ``path``."""
    stamp = {"format": FORMAT, "package_version": __version__, **stamp}
    replace_file(path / "index.json", json.dumps(stamp, indent=1).encode() + b"\n")


def read_stamp(path):
    """Read ``index.json``: ``folder``, ``model`` and ``checkpoint``, all text.

    Raises
    ------
    LibraryError
        If ``path`` is no index that this package version reads.
    """
    file = path / "index.json"
    try:
        stamp = json.loads(file.read_text(encoding="utf-8"))
        if stamp["format"] == FORMAT:
            values = {name: stamp[name] for name in ("folder", "model", "checkpoint")}
            if all(isinstance(value, str) for value in values.values()):
                return values
        problem = f"format {stamp['format']!r}, this package version reads {FORMAT}"
    except OSError as error:
        problem = error.strerror
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        problem = repr(error)
    raise LibraryError(
        f"{path} is no index that can be read ({file.name}: {problem}); "
        "make one with `bytecover index FOLDER --out INDEX`"
    )


def write_files(path, rows):
    """Put ``files.csv`` in the index directory ``path``."""
    replace_file(path / "files.csv", format_csv(COLUMNS, rows))


def read_files(path):
    """Read ``files.csv``; empty if no run has finished.

    Returns
    -------
    list of (str, str, str)
        Path, sha256 and reason of every file.

    Raises
    ------
    LibraryError
        If the table is damaged.
    """
    import csv

    file = path / "files.csv"
    if not file.exists():
        return []
    try:
        with file.open(newline="", encoding="utf-8", errors="surrogateescape") as lines:
            header, *rows = [tuple(row) for row in csv.reader(lines, strict=True)]
        if header == COLUMNS and all(len(row) == len(COLUMNS) for row in rows):
            return rows
        problem = f"its columns are not {', '.join(COLUMNS)}"
    except (OSError, ValueError, csv.Error) as error:
        problem = error
    raise LibraryError(
        f"{file} is damaged ({problem}); remove it and run `bytecover index` again, "
        "which keeps what was computed"
    )
