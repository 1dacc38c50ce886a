"""What two sets share: recordings by id, by title and artist, by title, by how they sound.

    python data_scripts/overlap.py build/shs100k build/da-tacos --out overlap.csv
    python data_scripts/overlap.py build/a build/b --embeddings a.safetensors b.safetensors

A pair that is found by its title only is a hint: different works may share a title. Pairs by
embedding distance are recordings that the network hears as the same.
"""

from pathlib import Path

import command
from finish import SetError

from bytecover_lite.data import read_versions
from bytecover_lite.embed import Embeddings
from bytecover_lite.files import format_csv, replace_file
from bytecover_lite.overlap import COLUMNS, find_overlap, nearest_pairs


def compare(left, right, *, embeddings=None, distance=0.05):
    """List all pairs that two sets share.

    Parameters
    ----------
    left, right : pandas.DataFrame
        Versions tables.
    embeddings : (Embeddings, Embeddings), optional
    distance : float
        Largest cosine distance to list.

    Returns
    -------
    pandas.DataFrame
        See :func:`bytecover_lite.overlap.find_overlap`; ``by`` may be ``sound`` too.
    """
    import pandas as pd

    found = find_overlap(left, right, by=("id", "name", "title"))
    if not embeddings:
        return found
    work = [dict(zip(side["version"], side["clique"], strict=True)) for side in (left, right)]
    rows = [
        ("sound", one, other, work[0][one], work[1][other], f"{apart:.4f}")
        for one, other, apart in nearest_pairs(*embeddings, distance=distance)
        if one in work[0] and other in work[1]
    ]
    return pd.concat([found, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True)


def main(
    left: Path,
    right: Path,
    /,
    *,
    embeddings: tuple[Path, Path] | None = None,
    distance: float = 0.05,
    split: str = "",
    out: Path | None = None,
):
    """Print how many recordings and works two sets share, by every evidence.

    Parameters
    ----------
    left
        Folder with a versions.csv.
    right
        The other one.
    embeddings
        Their embeddings by the same network, made with bytecover embed.
    distance
        Largest cosine distance at which two recordings are taken for the same.
    split
        Of the left set, only this one, such as train.
    out
        Table of all pairs to write (csv).
    """
    tables = [read_versions(folder / "versions.csv") for folder in (left, right)]
    if split:
        tables[0] = tables[0][tables[0]["split"] == split]
    if tables[0].empty:
        raise SetError(f"{left}: no row of split {split!r}")
    loaded = [Embeddings.load(path) for path in embeddings] if embeddings else None
    found = compare(*tables, embeddings=loaded, distance=distance)
    for kind, part in found.groupby("by", sort=False):
        print(
            f"{kind}: {part['left'].nunique()} recordings of {part['left_clique'].nunique()} works "
            f"in {left}, {part['right'].nunique()} of {part['right_clique'].nunique()} in {right}"
        )
    if found.empty:
        print("nothing in common")
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, format_csv(COLUMNS, found.itertuples(index=False)))
        print(out)


if __name__ == "__main__":
    command.run(main, __doc__)
