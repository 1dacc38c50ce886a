"""The three files of a feature store, and every way they can be wrong (chapter "Training").

``features.npy``
    All versions end to end, float16, one frame a row, so that a crop is one contiguous read.
``index.csv``
    One row a version: ``version, offset, frames, sha256, source_sha256``. ``sha256`` is the hash of
    the stored bytes, which ``FeatureStore.verify`` checks; ``source_sha256`` is that of the file
    they came from, empty for drawn features.
``settings.json``
    The settings of the features, the format of the store and the package version that made it.

The index alone says what is in a store: until a writer has finished there is none.
"""

import csv
import hashlib
import io
import json
from dataclasses import asdict, fields

import numpy as np

from . import __version__
from .cqt import FeatureSettings
from .errors import BytecoverError
from .files import format_csv, replace_file

FORMAT = 1
HEADER_BYTES = 128
COLUMNS = ("version", "offset", "frames", "sha256", "source_sha256")


class StoreError(BytecoverError):
    """A feature store is missing, damaged, unfinished, in use or made with other settings."""


def hash_features(rows):
    """Return the sha256 of features as they are stored [shape=(frames, n_bins)], float16."""
    return hashlib.sha256(np.ascontiguousarray(rows, dtype="<f2")).hexdigest()


def read_settings(path):
    """Return the settings that the store in the directory ``path`` is stamped with.

    Raises
    ------
    StoreError
        If there is no store, or its format is not the one this package version reads.
    """
    file = path / "settings.json"
    if not file.is_file():
        raise StoreError(
            f"{path} is not a feature store (it has no settings.json); "
            "make one with `bytecover features` or `bytecover songbook`"
        )
    try:
        stamp = json.loads(file.read_text(encoding="utf-8"))
        if stamp["format"] == FORMAT:
            return FeatureSettings(**{f.name: stamp[f.name] for f in fields(FeatureSettings)})
        problem = f"format {stamp['format']!r}, this package version reads format {FORMAT}"
    except (
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        problem = f"{error!r}"
    raise StoreError(
        f"{file}: not the settings of a feature store that can be read ({problem}); "
        "extract the store again or install the package version that made it"
    )


def write_settings(path, settings):
    """Stamp the store in the directory ``path`` with ``settings``."""
    stamp = {"format": FORMAT, "package_version": __version__, **asdict(settings)}
    replace_file(path / "settings.json", json.dumps(stamp, indent=1).encode() + b"\n")


def check_settings(path, found, wanted):
    """Raise StoreError, naming both settings, unless they are equal."""
    if found != wanted:
        raise StoreError(
            f"{path} was made with {asdict(found)}, wanted is {asdict(wanted)}; "
            "extract the features again with the wanted settings, into another directory"
        )


def read_index(path):
    """Return the columns of ``index.csv``: versions, offsets, frames and both hashes.

    Raises
    ------
    StoreError
        If no writer has finished the store in the directory ``path``, or the index is damaged.
    """
    file = path / "index.csv"
    if not file.is_file():
        raise StoreError(
            f"{path} is a half-written feature store; "
            "run the command that makes it again, it goes on where it stood"
        )
    try:
        with file.open(newline="", encoding="utf-8", errors="surrogateescape") as lines:
            return _parse_index(csv.reader(lines, strict=True))
    except (ValueError, OverflowError, csv.Error) as error:
        raise StoreError(
            f"{file}: not the index of a feature store ({error}); "
            "restore it from a copy, or delete the store and extract it again"
        ) from error


def _parse_index(rows):
    if tuple(next(rows, ())) != COLUMNS:
        raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
    columns = versions, offsets, frames, sha256, source_sha256 = [], [], [], [], []
    for row in rows:  # a list of all rows would take twice as long to build
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    offsets, frames = np.array(offsets, dtype=np.int64), np.array(frames, dtype=np.int64)
    ends = np.cumsum(frames)
    if (np.diff(ends, prepend=0) < 1).any() or (offsets != ends - frames).any():
        raise ValueError("the versions do not lie end to end")
    if len(set(versions)) != len(versions):
        raise ValueError("a version is listed twice")
    return versions, offsets, frames, sha256, source_sha256


def write_index(path, entries):
    """Put ``index.csv`` in place in one step; ``entries`` holds the columns of each version."""
    replace_file(path / "index.csv", format_csv(COLUMNS, entries))


def map_rows(path, n_bins):
    """Map ``features.npy`` read-only [shape=(rows, n_bins), dtype=float16].

    The file's size tells how many rows there are: the header is written when a writer finishes.

    Raises
    ------
    StoreError
        If the file is missing or is no array of that width.
    """
    file = path / "features.npy"
    if not file.is_file():
        raise StoreError(f"{file} is missing; restore it from a copy or extract the store again")
    with file.open("rb") as stream:
        check_header(file, stream.read(HEADER_BYTES), n_bins)
    count = (file.stat().st_size - HEADER_BYTES) // (2 * n_bins)
    if not count:
        return np.zeros((0, n_bins), dtype=np.float16)  # an empty file cannot be mapped
    mapped = np.memmap(file, "<f2", "r", offset=HEADER_BYTES, shape=(count, n_bins))
    return mapped.view(np.ndarray)  # slicing the subclass costs several times as much


def make_header(rows, n_bins):
    """Return the NumPy header of ``rows`` frames; it has the same size for any number of them."""
    stream = io.BytesIO()
    description = {"descr": "<f2", "fortran_order": False, "shape": (rows, n_bins)}
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()


def check_header(file, head, n_bins):
    """Raise StoreError unless ``head`` is a header that :func:`make_header` writes."""
    rows = head[:HEADER_BYTES].rpartition(b"'shape': (")[2].split(b",")[0]
    if not rows.isdigit() or len(rows) > 18 or head != make_header(int(rows), n_bins):
        raise StoreError(
            f"{file}: not the features of a store with {n_bins} bins; "
            "restore it from a copy, or delete the store and extract it again"
        )
