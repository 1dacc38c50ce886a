"""What every script of this folder ends with: a report, and a versions table of what is usable.

``recordings.csv`` has one row a version of the set: ``found``, ``missing`` (no file), ``dead`` (the
source is gone), ``broken`` (no audio in it) or ``duplicate`` (the bytes of another version; it is
used all the same, as published). ``versions.csv`` has the rows that can be used, and ``set.json``
how large the set was when published.
"""

import hashlib
from collections import defaultdict
from pathlib import Path

from bytecover_lite.audio import check_file, stream_audio
from bytecover_lite.coverage import write_set
from bytecover_lite.errors import BytecoverError
from bytecover_lite.files import format_csv, replace_file
from bytecover_lite.versions import COLUMNS, write_versions

SUFFIXES = (".mp3", ".m4a", ".opus", ".ogg", ".flac", ".wav", ".aac", ".wma", ".webm", ".mp4")
STATES = ("found", "missing", "dead", "broken", "duplicate")
REPORT = ("version", "clique", "split", "status", "reason", "path")


class SetError(BytecoverError):
    """A data set is not what it should be."""


def recordings(folder):
    """Return the audio files anywhere below a folder by their name without suffix.

    Raises
    ------
    SetError
        If there is no such folder, or two files have the same name.
    """
    if not Path(folder).is_dir():
        raise SetError(f"{folder}: no such folder")
    files = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            if path.stem in files:
                raise SetError(f"{path} and {files[path.stem]} have the same name: keep one")
            files[path.stem] = path.resolve()
    return files


def read_csv(path, columns):
    """Read a table that a user brings.

    Parameters
    ----------
    path : path-like
    columns : sequence of str
        That it must have.

    Returns
    -------
    pandas.DataFrame
        All text.

    Raises
    ------
    SetError
        If it is no csv, lacks a column, or has more fields in a row than in its header.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SetError(f"{path}: no readable csv file ({error})") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas has moved the columns
        raise SetError(
            f"{path}: its rows have more fields than its header; "
            "put quotation marks around a field with a comma in it"
        )
    missing = [column for column in columns if column not in table]
    if missing:
        raise SetError(f"{path}: has no column {', '.join(missing)}")
    return table


def finish(table, out, *, name, published, dead=None, listen=False, jobs=1):
    """Check the recordings of a set, report on every one and write what can be used.

    Parameters
    ----------
    table : pandas.DataFrame
        Versions table of the whole set; ``path`` is empty where there is no recording.
    out : path-like
        Folder for ``versions.csv``, ``recordings.csv`` and ``set.json``.
    name : str
        Of the set.
    published : dict
        Split: (recordings, works), for the coverage of scores.
    dead : dict, optional
        Version: why its source is gone.
    listen : bool
        Decode every file to its end; otherwise it is only opened.
    jobs : int
        Processes.

    Returns
    -------
    pandas.DataFrame
        The report.

    Raises
    ------
    SetError
        If there is not one usable recording.
    """
    import pandas as pd

    out, dead = Path(out), dead or {}
    write_set(out, name, published)
    states = _states(table, dead, listen, jobs)
    report = table.assign(
        status=[state for state, _ in states], reason=[reason for _, reason in states]
    )[list(REPORT)]
    replace_file(out / "recordings.csv", format_csv(REPORT, report.itertuples(index=False)))
    counts = pd.crosstab(report["split"], report["status"]).reindex(
        columns=list(STATES), fill_value=0
    )
    print(counts.assign(of=[published.get(split, ("",))[0] for split in counts.index]))
    usable = table[report["status"].isin(("found", "duplicate"))][list(COLUMNS)]
    if usable.empty:
        raise SetError(f"{out / 'recordings.csv'}: not one recording can be used")
    write_versions(usable, out / "versions.csv")
    print(f"{out / 'versions.csv'}: {len(usable)} versions of {usable['clique'].nunique()} works")
    return report


def _states(table, dead, listen, jobs):
    from joblib import Parallel, delayed
    from tqdm import tqdm

    tasks = (delayed(_examine)(path, listen) for path in table["path"])
    found = Parallel(n_jobs=jobs, return_as="generator", batch_size="auto")(tasks)
    bar = tqdm(found, total=len(table), desc="check", unit="file", disable=None)
    versions = list(table["version"])
    states = [
        ("dead", dead[version]) if state == "missing" and version in dead else (state, reason)
        for version, (state, reason) in zip(versions, bar, strict=True)
    ]
    twins = _duplicates(list(table["path"]), [state for state, _ in states])
    for row, twin in twins.items():
        states[row] = ("duplicate", f"the same bytes as {versions[twin]}")
    return states


def _examine(path, listen):
    if not path:
        return "missing", "no recording"
    try:
        check_file(path)
        blocks = iter(stream_audio(path, block_seconds=1.0))
        for _ in blocks:
            if not listen:
                blocks.close()
                break
    except BytecoverError as error:
        return ("broken" if Path(path).exists() else "missing"), str(error)
    return "found", ""


def _duplicates(paths, states):
    """Return, for every file that repeats an earlier one, the row of that one."""
    by_size = defaultdict(list)
    for row, (path, state) in enumerate(zip(paths, states, strict=True)):
        if state == "found":
            by_size[Path(path).stat().st_size].append(row)
    twins, first = {}, {}
    for rows in by_size.values():
        for row in rows if len(rows) > 1 else ():
            with open(paths[row], "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if first.setdefault(digest, row) != row:
                twins[row] = first[digest]
    return twins
