"""A folder of your own music: one sub-folder a work, or a csv that says what belongs together.

    python data_scripts/folder.py build/mine --music FOLDER
    python data_scripts/folder.py build/mine --table mine.csv

The csv has the columns ``path`` and ``clique`` and, if you like, ``version``, ``split``, ``title``
and ``artist``; relative paths count from the csv. Without ``split`` everything is ``test``.
"""

import re
from pathlib import Path

import command
from finish import SUFFIXES, SetError, finish, read_csv

from bytecover_lite.versions import COLUMNS


def from_folder(music):
    """Make the versions table of a folder with one sub-folder a work.

    Parameters
    ----------
    music : path-like
        ``music/WORK/ARTIST - TITLE.mp3``; deeper folders belong to the work above them.

    Returns
    -------
    pandas.DataFrame
        Versions are named ``WORK/FILE`` with everything odd replaced by ``_``.

    Raises
    ------
    SetError
        If there is no audio file in a sub-folder.
    """
    import pandas as pd

    music = Path(music)
    files = [path for path in sorted(music.rglob("*")) if path.suffix.lower() in SUFFIXES]
    files = [path for path in files if path.is_file() and path.parent != music]
    if not files:
        raise SetError(f"{music}: no audio file in a sub-folder; make one sub-folder a work")
    rows, taken = [], {}
    for path in files:
        place = path.relative_to(music)
        version = _unique(re.sub(r"[^\w./-]", "_", place.with_suffix("").as_posix()), taken)
        artist, _, title = place.stem.rpartition(" - ")
        rows.append((version, place.parts[0], "test", title, artist, "folder", str(path.resolve())))
    return pd.DataFrame(rows, columns=COLUMNS)


def _unique(name, taken):
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}~{taken[name]}"


def from_table(path):
    """Make the versions table of a csv file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    SetError
        If :func:`finish.read_csv` refuses the file.
    """
    path = Path(path)
    table = read_csv(path, ("path", "clique"))
    folder = path.resolve().parent
    files = [folder / name if name else None for name in table["path"]]
    names = {
        "version": [
            Path(name).with_suffix("").as_posix() if Path(name).name else f"row {row}"
            for row, name in enumerate(table["path"], 2)
        ]
    }
    defaults = names | {"split": "test", "title": "", "artist": "", "source": "folder"}
    for column, value in defaults.items():
        if column not in table:
            table[column] = value
    return table.assign(path=[str(file) if file else "" for file in files])[list(COLUMNS)]


def main(
    out: Path,
    /,
    *,
    music: Path | None = None,
    table: Path | None = None,
    listen: bool = False,
    extract: command.Extract = "no",
    jobs: int = 2,
):
    """Write OUT/versions.csv and OUT/recordings.csv of your own recordings.

    Parameters
    ----------
    out
        Folder to write to.
    music
        Folder with one sub-folder a work.
    table
        Or a csv file with the columns path and clique.
    listen
        Decode every file to its end; otherwise files are only opened.
    extract
        Extract the features that this recipe's network listens to as well.
    jobs
        Processes.
    """
    if (music is None) == (table is None):
        raise SetError("give either --music or --table")
    found = from_folder(music) if music else from_table(table)
    finish(found, out, name=f"folder {out.name}", published={}, listen=listen, jobs=jobs)
    command.extract(out, extract, jobs=jobs)


if __name__ == "__main__":
    command.run(main, __doc__)
