"""Versions table: the only thing that a data set has to produce (chapter "Training").

One row a recording or rendering: ``version`` (its id), ``clique`` (its work), ``split``, ``title``,
``artist``, ``source`` and ``path`` (its audio file, empty if the features were drawn).
"""

import csv
import os
from pathlib import Path

import numpy as np

from .errors import BytecoverError
from .files import format_csv, replace_file

COLUMNS = ("version", "clique", "split", "title", "artist", "source", "path")


class VersionsError(BytecoverError):
    """A versions table is missing, damaged or unfit for what is asked of it."""


def read_versions(path):
    """Read a versions table.

    Parameters
    ----------
    path : path-like
        A csv file (UTF-8) with the columns ``version, clique, split, title, artist, source, path``.

    Returns
    -------
    pandas.DataFrame
        All columns are text. Relative paths of audio files, which count from the table's
        directory, have become absolute.

    Raises
    ------
    VersionsError
        If the file cannot be read or :func:`check_versions` refuses its content.
    """
    import pandas as pd

    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as lines:
            header, *rows = [row for row in csv.reader(lines, strict=True) if row] or [[]]
    except OSError as error:
        raise VersionsError(f"{path}: no readable versions table ({error.strerror})") from error
    except csv.Error as error:
        raise VersionsError(f"{path}: not a csv file ({error}); export the table again") from error
    ragged = [row for row in rows if len(row) != len(header)]
    if ragged:
        raise VersionsError(
            f"{path}: the row {','.join(ragged[0])!r} has not the {len(header)} fields of the "
            "header; mend it"
        )
    table = pd.DataFrame(rows, columns=header, dtype=str)
    check_versions(table, name=path)
    folder = path.resolve().parent
    return table.assign(path=[os.path.join(folder, p) if p else "" for p in table["path"]])


def write_versions(table, path):
    """Write a versions table in one step.

    Paths of audio files below the table's directory are written relative to it, so that the
    directory may be moved.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`check_versions` wants it.
    path : path-like
        The csv file.

    Raises
    ------
    VersionsError
        If it is no versions table or the file cannot be written; a former file is left as it was.
    """
    check_versions(table)
    path = Path(path)
    folder = path.resolve().parent
    table = table.assign(path=[_relative(name, folder) for name in table["path"]])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, format_csv(table.columns, table.itertuples(index=False)))
    except OSError as error:
        raise VersionsError(f"{path}: cannot be written ({error.strerror})") from error


def check_versions(table, *, name="versions table"):
    """Check that a table is a versions table.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``version, clique, split, title, artist, source, path``, all text.
    name : str or path-like
        What to call it in the message.

    Raises
    ------
    VersionsError
        If a column is missing, a value is no text, a version or clique is empty, or a version id
        occurs twice.
    """
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing or not table.columns.is_unique:
        raise VersionsError(
            f"{name}: columns {list(table.columns)} lack {missing or 'nothing, but repeat one'}; "
            f"give each of {', '.join(COLUMNS)} once"
        )
    for column in COLUMNS:
        for version, value in zip(table["version"], table[column], strict=True):
            if not isinstance(value, str):
                raise VersionsError(f"{name}: {column} of {version!r} is {value!r}; give text")
            if column != "path" and not _is_unicode(value):  # a path may hold any bytes
                raise VersionsError(
                    f"{name}: {column} {value!r} is not UTF-8; save the table in that encoding"
                )
    for column in ("version", "clique"):
        if (table[column] == "").any():
            row = int(np.argmax(table[column] == ""))
            raise VersionsError(f"{name}: row {row + 1} has no {column}; give it one")
    twice = table["version"][table["version"].duplicated()]
    if len(twice):
        raise VersionsError(f"{name}: version {twice.iloc[0]!r} is listed twice; ids are unique")


def _is_unicode(text):
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _relative(name, folder):
    path = Path(name)
    inside = name and path.is_absolute() and path.is_relative_to(folder)
    return str(path.relative_to(folder)) if inside else name
