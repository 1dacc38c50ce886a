"""Covers80: 80 works, 164 recordings, of which the usual list takes 160 (D. P. W. Ellis, 2007).

Commercial recordings as mp3 at 16 kHz, mono, 32 kbit/s: nothing above 8 kHz, which every report of
``bytecover features`` says of them. They are not ours to give: bring the archive or the unpacked
folder, or let the script try the published address.

    python data_scripts/covers80.py build/covers80 --archive covers80.tgz
    python data_scripts/covers80.py build/covers80 --folder coversongs
    python data_scripts/covers80.py build/covers80 --dry-run

Every work is a folder of mp3 files ``ARTIST+ALBUM+NN-TITLE.mp3``; ``list1`` and ``list2`` (suffix
``.list`` or ``.txt``) name one version of each work, without mp3. 77 works have two recordings,
two have three and one has four.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Literal

import command
from finish import SUFFIXES, SetError, finish

from bytecover_lite.archives import unpack
from bytecover_lite.downloads import download
from bytecover_lite.versions import COLUMNS

ADDRESS = "https://labrosa.ee.columbia.edu/projects/coversongs/covers80/covers80.tgz"
MEGABYTES = 164
WORKS = 80
COUNTS = {"usual": 160, "all": 164}


def versions_table(folder, *, tracks="usual"):
    """Make the versions table of the unpacked archive.

    Parameters
    ----------
    folder : path-like
        Where ``list1.list``, ``list2.list`` and the folders of the works are, at any depth.
    tracks : {"usual", "all"}
        What the two lists name, or every recording of the archive.

    Returns
    -------
    pandas.DataFrame
        ``path`` is empty where a listed recording is not there.

    Raises
    ------
    SetError
        If there are no lists, or they do not name the same works.
    """
    import pandas as pd

    files = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            files[f"{path.parent.name}/{path.stem}"] = path.resolve()
    listed = _lists(folder)
    names = listed if tracks == "usual" else sorted(set(listed) | set(files))
    rows = []
    for name in names:
        work, _, stem = name.partition("/")
        artist, album, title = [*stem.split("+"), "", ""][:3]
        source = "covers80, 16 kHz mono mp3" + (f", {album}" if album else "")
        path = str(files.get(name, ""))
        rows.append(
            (
                name,
                work,
                "test",
                _words(re.sub(r"^\d+-", "", title) or work),
                _words(artist),
                source,
                path,
            )
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _lists(folder):
    """Return the names in the two lists, in their order."""
    found = [sorted(Path(folder).rglob(f"list{number}.*")) for number in (1, 2)]
    if not all(found):
        raise SetError(f"{folder}: list1.list and list2.list are not below it; get the archive")
    lists = [
        [line.strip() for line in paths[0].read_text(encoding="utf-8").splitlines() if line.strip()]
        for paths in found
    ]
    lists = [[_without_suffix(name) for name in names] for names in lists]
    works = [Counter(name.partition("/")[0] for name in names) for names in lists]
    if works[0] != works[1] or set(works[0].values()) != {1}:
        raise SetError(f"{folder}: list1.list and list2.list do not name one version of each work")
    return [name for pair in zip(*lists, strict=True) for name in pair]


def _without_suffix(name):
    path = Path(name)
    stem = path.with_suffix("") if path.suffix.lower() in SUFFIXES else path
    return "/".join(stem.parts[-2:])


def _words(name):
    return name.replace("_", " ").strip()


def fetch(out, *, address=ADDRESS, sha256="", sleep=None):
    """Download and unpack the archive; return the folder.

    Parameters
    ----------
    out : path-like
        ``covers80.tgz`` and ``archive/`` are put there.
    address, sha256 : str
        See :func:`bytecover_lite.downloads.download`.
    sleep : callable, optional
        Waits between attempts.
    """
    waits = {"sleep": sleep} if sleep else {}
    archive = download(address, Path(out) / "covers80.tgz", sha256=sha256, progress=True, **waits)
    return unpack(archive, Path(out) / "archive")


def main(
    out: Path,
    /,
    *,
    archive: Path | None = None,
    folder: Path | None = None,
    address: str = ADDRESS,
    sha256: str = "",
    tracks: Literal["usual", "all"] = "usual",
    dry_run: bool = False,
    listen: bool = False,
    extract: command.Extract = "no",
    jobs: int = 2,
):
    """Write OUT/versions.csv and OUT/recordings.csv of Covers80.

    Parameters
    ----------
    out
        Folder to write to.
    archive
        covers80.tgz as you have it.
    folder
        Or the folder that it unpacks to.
    address
        Where to download the archive from if you give neither.
    sha256
        What its checksum must be; none is published.
    tracks
        usual: the 160 of the two lists. all: 164.
    dry_run
        Only say what would be fetched.
    listen
        Decode every file to its end; otherwise files are only opened.
    extract
        Extract the features that this recipe's network listens to as well.
    jobs
        Processes.
    """
    if dry_run:
        print(f"would fetch {address} ({MEGABYTES} MB): {COUNTS[tracks]} tracks, {WORKS} works")
        return
    if archive:
        folder = unpack(archive, out / "archive")
    found = versions_table(folder or fetch(out, address=address, sha256=sha256), tracks=tracks)
    counts = {"test": (COUNTS[tracks], WORKS)}
    finish(found, out, name=f"Covers80 ({tracks})", published=counts, listen=listen, jobs=jobs)
    command.extract(out, extract, jobs=jobs)


if __name__ == "__main__":
    command.run(main, __doc__)
