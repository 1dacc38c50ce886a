"""Discogs-VI, the scale target: lists only (Araz, Serra and Bogdanov, ISMIR 2024).

About 348,000 works of 1.9 million versions; 98,000 works of 493,000 versions are matched to videos.
Metadata CC BY-NC-SA 4.0, from https://doi.org/10.5281/zenodo.13983028: of ``main.zip`` (1.4 GB,
21 GB unpacked) this script reads the light files ``...light.json.train``, ``.val`` and ``.test``:
``{clique: [{"version_id": ..., "youtube_id": ...}, ...]}``.

    python data_scripts/discogs_vi.py build/discogs-vi --lists main
    python data_scripts/discogs_vi.py build/discogs-vi --lists main --audio FOLDER

Without recordings the table can label embeddings made elsewhere, and ``bytecover reproduce --plan``
says what the set would cost. Recordings are files named by their YouTube id.
"""

import json
from pathlib import Path

import command
from finish import SetError, finish, recordings

from bytecover_lite.coverage import write_set
from bytecover_lite.versions import COLUMNS, write_versions

NAME = "Discogs-VI-YT"
SPLITS = {
    "train": "*light*.json.train",
    "validation": "*light*.json.val",
    "test": "*light*.json.test",
}


def read_set(lists):
    """Read the light lists.

    Parameters
    ----------
    lists : path-like
        Folder that holds them, at any depth.

    Returns
    -------
    pandas.DataFrame
        Versions table without paths; sources are ``youtube:ID``.

    Raises
    ------
    SetError
        If a list is missing, there twice, or has another layout.
    """
    import pandas as pd

    rows = []
    for split, pattern in SPLITS.items():
        paths = sorted(Path(lists).rglob(pattern))
        if len(paths) != 1:
            raise SetError(f"{lists}: {len(paths)} files are named {pattern}; unpack main.zip")
        try:
            cliques = json.loads(paths[0].read_text(encoding="utf-8"))
            for clique, versions in cliques.items():
                for version in versions:
                    source = f"youtube:{version['youtube_id']}"
                    rows.append((str(version["version_id"]), clique, split, "", "", source, ""))
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise SetError(f"{paths[0]}: not a light list of Discogs-VI ({error!r})") from error
    return pd.DataFrame(rows, columns=COLUMNS)


def main(
    out: Path,
    /,
    *,
    lists: Path,
    audio: Path | None = None,
    listen: bool = False,
    extract: command.Extract = "no",
    jobs: int = 2,
    cluster: str | None = None,
):
    """Write OUT/versions.csv; with --audio only of the recordings that are there.

    Parameters
    ----------
    out
        Folder to write to.
    lists
        Folder of the unpacked metadata.
    audio
        Folder of your recordings, named by YouTube id.
    listen
        Decode every file to its end; otherwise files are only opened.
    extract
        Extract the features that this recipe's network listens to as well.
    jobs
        Processes.
    cluster
        Address of a dask scheduler, for the extraction.
    """
    table = read_set(lists)
    parts = table.groupby("split", sort=False)
    published = {split: (len(part), part["clique"].nunique()) for split, part in parts}
    for split, (versions, works) in published.items():
        print(f"{split}: {versions} versions of {works} works")
    if audio is None:
        write_set(out, NAME, published)
        write_versions(table, out / "versions.csv")
        print(f"{out / 'versions.csv'}: labels without recordings")
        return
    files = recordings(audio)
    names = [source.removeprefix("youtube:") for source in table["source"]]
    table = table.assign(path=[str(files.get(name, "")) for name in names])
    finish(table, out, name=NAME, published=published, listen=listen, jobs=jobs)
    command.extract(out, extract, jobs=jobs, cluster=cluster)


if __name__ == "__main__":
    command.run(main, __doc__)
