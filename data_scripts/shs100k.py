"""SHS100K: 8,858 works, 108,522 recordings on YouTube, of which many are gone.

The lists are public (github.com/NovaFrost/SHS100K2, and .../SHS100K for version 1, whose numbers
mean other recordings: the two are never mixed). Each is a table without header, separated by tabs:
``list`` (work, version, title, performer, address, status), ``SHS100K-TRAIN``, ``-VAL`` and
``-TEST`` (work, version). The splits are taken as published.

    git clone https://github.com/NovaFrost/SHS100K2
    python data_scripts/shs100k.py build/shs100k --lists SHS100K2 --dry-run
    python data_scripts/shs100k.py build/shs100k --lists SHS100K2 --fetch-audio
    python data_scripts/shs100k.py build/shs100k --lists SHS100K2 --audio FOLDER

No recording comes with the lists. ``--fetch-audio`` asks yt-dlp (extra ``data``) for them, on your
responsibility; ``--audio`` takes files that you have, named ``WORK_VERSION``, such as
``8110_0.mp3``.
"""

from pathlib import Path
from typing import Literal

import command
from fetching import fetch, plan, read_dead, youtube_id
from finish import SetError, finish, recordings

from bytecover_lite.coverage import write_set
from bytecover_lite.downloads import DeadLink, download
from bytecover_lite.versions import COLUMNS

NAMES = {"v2": "SHS100K2", "v1": "SHS100K"}
COUNTS = {  # recordings and works, as published; of version 1 only the test split is known
    "v2": {"train": (87_091, 5_324), "validation": (10_884, 1_842), "test": (10_547, 1_692)},
    "v1": {"test": (2_983, 116)},
}
SPLITS = {"train": "SHS100K-TRAIN", "validation": "SHS100K-VAL", "test": "SHS100K-TEST"}
ADDRESS = "https://raw.githubusercontent.com/NovaFrost"


def read_set(lists, edition="v2"):
    """Read the lists.

    Parameters
    ----------
    lists : path-like
        Folder that holds them, itself or in its folder ``meta``.
    edition : {"v2", "v1"}

    Returns
    -------
    table : pandas.DataFrame
        Versions table without paths: versions ``8110_0``, cliques ``shs8110`` (``shs1-...`` of
        version 1), sources ``youtube:ID``.
    addresses : dict
        Version: address, where the list has one.

    Raises
    ------
    SetError
        If a list is missing or damaged, a version is in two splits, or the counts are not the
        published ones.
    """
    import pandas as pd

    known = _titles(_find(lists, "list"))
    prefix = "shs" if edition == "v2" else "shs1-"
    rows, addresses = [], {}
    for split, name in SPLITS.items():
        for work, number, *_ in _rows(_find(lists, name)):
            version = f"{work}_{number}"
            title, artist, address = known.get(version, ("",) * 5)[2:5]
            found = youtube_id(address)
            source = f"youtube:{found}" if found else address
            rows.append((version, f"{prefix}{work}", split, title, artist, source, ""))
            if address:
                addresses[version] = address
    table = pd.DataFrame(rows, columns=COLUMNS)
    twice = table["version"][table["version"].duplicated()]
    if len(twice):
        raise SetError(f"{lists}: version {twice.iloc[0]} is in two splits, or twice in one")
    _check_counts(table, lists, edition)
    return table, addresses


def _find(lists, name):
    for place in (Path(lists), Path(lists) / "meta"):
        if (place / name).is_file():
            return place / name
    raise SetError(f"{lists}: has no file {name!r}; give a clone of the set's repository")


def _titles(path):
    """Read ``list``; rows that are damaged are counted aloud, their versions have no address."""
    lines = _lines(path)
    good = [row for row in lines if len(row) >= 5 and row[0].isdigit() and row[1].isdigit()]
    if len(good) < len(lines):
        first = next(row for row in lines if row not in good)
        print(f"{path}: {len(lines) - len(good)} damaged rows left out, the first is {first}")
    return {f"{row[0]}_{row[1]}": row for row in good}


def _rows(path):
    rows = _lines(path)
    for number, row in enumerate(rows, 1):
        if len(row) < 2 or not (row[0].isdigit() and row[1].isdigit()):
            raise SetError(f"{path}: row {number} is {row}: not the list as published")
    return rows


def _lines(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    return [
        [field.strip() for field in line.split("\t")] for line in text.split("\n") if line.strip()
    ]


def _check_counts(table, lists, edition):
    for split, published in COUNTS[edition].items():
        part = table[table["split"] == split]
        found = len(part), part["clique"].nunique()
        if found != published:
            raise SetError(
                f"{lists}: {split} has {found[0]} recordings of {found[1]} works; {NAMES[edition]} "
                f"has {published[0]} of {published[1]}: these are other lists"
            )


def counts(table):
    """Return recordings and works of every split of a table."""
    parts = table.groupby("split", sort=False)
    return {split: (len(part), part["clique"].nunique()) for split, part in parts}


def fetch_lists(out, edition="v2", *, address=ADDRESS):
    """Download the lists to ``out/lists``, from the repository's top or its folder ``meta``."""
    folder = Path(out) / "lists"
    for name in ("list", *SPLITS.values()):
        base = f"{address}/{NAMES[edition]}/HEAD"
        try:
            download(f"{base}/{name}", folder / name, progress=True)
        except DeadLink:
            download(f"{base}/meta/{name}", folder / name, progress=True)
    return folder


def main(
    out: Path,
    /,
    *,
    lists: Path | None = None,
    address: str = ADDRESS,
    edition: Literal["v2", "v1"] = "v2",
    audio: Path | None = None,
    fetch_audio: bool = False,
    splits: tuple[Literal["train", "validation", "test"], ...] = ("train", "validation", "test"),
    per_minute: float = 10.0,
    limit: int | None = None,
    again: bool = False,
    dry_run: bool = False,
    listen: bool = False,
    extract: command.Extract = "no",
    jobs: int = 2,
    cluster: str | None = None,
):
    """Write OUT/versions.csv of the recordings that are there, and OUT/recordings.csv of all.

    Parameters
    ----------
    out
        Folder to write to.
    lists
        Clone of the repository of the lists; default: they are downloaded.
    address
        Where to download them from.
    edition
        v2 is what the paper's numbers fit.
    audio
        Folder of your recordings, named WORK_VERSION; default OUT/audio, where --fetch-audio puts
        them.
    fetch_audio
        Ask yt-dlp for what is not there.
    splits
        Only these.
    per_minute
        Recordings asked for in a minute, at most.
    limit
        Ask for so many only.
    again
        Ask for those that were dead before too.
    dry_run
        Say what would be fetched (the lists are, unless you give them).
    listen
        Decode every file to its end; otherwise files are only opened.
    extract
        Extract the features that this recipe's network listens to as well.
    jobs
        Processes.
    cluster
        Address of a dask scheduler, for the extraction.
    """
    table, addresses = read_set(lists or fetch_lists(out, edition, address=address), edition)
    published = counts(table)
    table = table[table["split"].isin(splits)].reset_index(drop=True)
    addresses = {v: addresses[v] for v in table["version"] if v in addresses}
    folder = audio or out / "audio"
    if dry_run:
        plan(addresses, folder, per_minute=per_minute, limit=limit, again=again)
        return
    write_set(out, NAMES[edition], published)
    if fetch_audio:
        fetch(addresses, folder, per_minute=per_minute, limit=limit, again=again)
    files = recordings(folder)
    table = table.assign(path=[str(files.get(version, "")) for version in table["version"]])
    dead = read_dead(folder / "dead.csv")
    options = {"published": published, "dead": dead, "listen": listen, "jobs": jobs}
    finish(table, out, name=NAMES[edition], **options)
    command.extract(out, extract, jobs=jobs, cluster=cluster)


if __name__ == "__main__":
    command.run(main, __doc__)
