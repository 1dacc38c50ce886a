"""YouTube350: 50 works x 7 recordings, 250 queries against 100 references.

Five recordings of each work are queries and two are references, so that the precision among the
first ten can reach 0.2 at most. The list is not part of this project; bring it as a csv with the
columns ``clique``, ``role`` (``query`` or ``reference``) and ``path`` or ``address`` (of a YouTube
video, or its id), and ``version``, ``title`` and ``artist`` if you like.

    python data_scripts/youtube350.py build/youtube350 --table youtube350.csv --dry-run
    python data_scripts/youtube350.py build/youtube350 --table youtube350.csv --fetch-audio

``versions.csv`` has the splits ``query`` and ``reference``; ``bytecover reproduce`` scores one
against the other.
"""

from pathlib import Path

import command
from fetching import fetch, plan, read_dead, youtube_id
from finish import SetError, finish, read_csv, recordings

from bytecover_lite.coverage import write_set
from bytecover_lite.versions import COLUMNS

NAME = "YouTube350"
WORKS = 50
COUNTS = {"query": 5, "reference": 2}  # of each work


def read_table(path):
    """Read the list.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    table : pandas.DataFrame
        Versions table; split is the role.
    addresses : dict
        Version: address.

    Raises
    ------
    SetError
        If :func:`finish.read_csv` refuses the file, or the set has not its shape.
    """
    path = Path(path)
    table = read_csv(path, ("clique", "role"))
    for column in ("path", "address", "title", "artist"):
        table[column] = table.get(column, "")
    shape = table.groupby(["clique", "role"]).size().to_dict()
    wanted = {(work, role): n for work in set(table["clique"]) for role, n in COUNTS.items()}
    if shape != wanted or table["clique"].nunique() != WORKS:
        raise SetError(
            f"{path}: not {WORKS} works of {COUNTS['query']} queries and {COUNTS['reference']} "
            "references each"
        )
    if "version" not in table:
        number = table.groupby("clique").cumcount().astype(str)
        table["version"] = table["clique"] + "_" + number
    found = [youtube_id(address) for address in table["address"]]
    table["source"] = [f"youtube:{name}" if name else NAME for name in found]
    folder = path.resolve().parent
    table["path"] = [str(folder / name) if name else "" for name in table["path"]]
    addresses = dict(zip(table["version"], table["address"], strict=True))
    return table.assign(split=table["role"])[list(COLUMNS)], {
        k: a for k, a in addresses.items() if a
    }


def main(
    out: Path,
    /,
    *,
    table: Path,
    fetch_audio: bool = False,
    per_minute: float = 10.0,
    again: bool = False,
    dry_run: bool = False,
    listen: bool = False,
    extract: command.Extract = "no",
    jobs: int = 2,
):
    """Write OUT/versions.csv and OUT/recordings.csv of YouTube350.

    Parameters
    ----------
    out
        Folder to write to.
    table
        The list, see above.
    fetch_audio
        Ask yt-dlp for what has no path, on your responsibility.
    per_minute
        Recordings asked for in a minute, at most.
    again
        Ask for those that were dead before too.
    dry_run
        Say what would be fetched.
    listen
        Decode every file to its end; otherwise files are only opened.
    extract
        Extract the features that this recipe's network listens to as well.
    jobs
        Processes.
    """
    found, addresses = read_table(table)
    lacking = set(found["version"][found["path"] == ""])
    addresses = {version: address for version, address in addresses.items() if version in lacking}
    folder = out / "audio"
    if dry_run:
        plan(addresses, folder, per_minute=per_minute, again=again)
        return
    published = {role: (count * WORKS, WORKS) for role, count in COUNTS.items()}
    write_set(out, NAME, published)
    if fetch_audio:
        fetch(addresses, folder, per_minute=per_minute, again=again)
    files = recordings(folder) if folder.is_dir() else {}
    pairs = zip(found["version"], found["path"], strict=True)
    found["path"] = [path or str(files.get(version, "")) for version, path in pairs]
    dead = read_dead(folder / "dead.csv")
    finish(found, out, name=NAME, published=published, dead=dead, listen=listen, jobs=jobs)
    command.extract(out, extract, jobs=jobs)


if __name__ == "__main__":
    command.run(main, __doc__)
