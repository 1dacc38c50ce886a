"""Files that are there whole or not at all, and tables that hold any text (chapter "Training")."""

import contextlib
import csv
import io
import os
from pathlib import Path


def replace_file(path, data):
    """Put ``data`` in the file ``path`` in one step, on the disk before its name appears.

    Parameters
    ----------
    path : path-like
        File to make or replace.
    data : bytes
        Its content.

    Raises
    ------
    OSError
        If it cannot be written; a former file is left as it was.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def format_csv(columns, rows):
    """Return a table as csv in UTF-8; bytes of paths that are no UTF-8 come back as they were.

    Parameters
    ----------
    columns : sequence of str
        Names in the first row.
    rows : iterable of sequence
        Any text, with line breaks too.

    Returns
    -------
    bytes
    """
    text = io.StringIO()
    rows = list(rows)
    # the csv module leaves a carriage return unquoted, and reads it as the end of the row
    returns = any("\r" in value for row in rows for value in row if isinstance(value, str))
    quoting = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    writer = csv.writer(text, lineterminator="\n", quoting=quoting)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")
