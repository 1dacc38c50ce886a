"""Da-TACOS: the versions table of its benchmark.

Labels: Yesiler et al., ISMIR 2019, CC BY-NC-SA 4.0, read from the index of the installed package
mirdata (extra ``data``); nothing is downloaded. The set has neither audio nor constant-Q
features: bring your own recordings, and extract features from the table. What can be scored
without any audio is in ``datacos_chroma.py``.

    python data_scripts/datacos.py build/datacos --audio FOLDER
    bytecover features build/datacos/versions.csv build/datacos
"""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Literal

from bytecover_lite.errors import BytecoverError

INDEX = "datasets/indexes/da_tacos_index_1.1_full.json"
COUNTS = {"benchmark": {13: 1000, 1: 2000}, "coveranalysis": {2: 5000}}  # size of works: works
AUDIO = (".mp3", ".m4a", ".opus", ".ogg", ".flac", ".wav", ".aac", ".wma", ".webm", ".mp4")


class DatacosError(BytecoverError):
    """Da-TACOS is not where it should be, or is not what it should be."""


def load_index(subset="benchmark"):
    """Read which performances belong to which work.

    Parameters
    ----------
    subset : {"benchmark", "coveranalysis"}

    Returns
    -------
    list of (str, str, dict)
        Work (``W_163930``), performance (``P_546633``), and for every feature the path of its
        file and its md5.

    Raises
    ------
    DatacosError
        If mirdata is not installed, or the numbers of works and versions are not the published
        ones: 1,000 x 13 + 2,000 x 1, and 5,000 x 2.
    """
    found = importlib.util.find_spec("mirdata")  # importing it would load half of the field
    if found is None:
        raise DatacosError('mirdata is not installed: pip install "bytecover-lite[data]"')
    path = Path(found.origin).parent / INDEX
    if not path.is_file():
        raise DatacosError(f"{path} does not exist: pip install mirdata==0.3.8")
    tracks = json.loads(path.read_text(encoding="utf-8"))["tracks"]
    names = [name.split("#") for name in tracks]
    rows = [
        (work, performance, files)
        for (part, work, performance), files in zip(names, tracks.values(), strict=True)
        if part == subset
    ]
    sizes = Counter(Counter(work for work, _, _ in rows).values())
    if sizes != COUNTS[subset]:
        raise DatacosError(f"{path}: works by size are {dict(sizes)}, not {COUNTS[subset]}")
    return rows


def versions_table(subset="benchmark", *, audio=None, metadata=None):
    """Make the versions table of a subset.

    Parameters
    ----------
    subset : {"benchmark", "coveranalysis"}
    audio : path-like, optional
        Folder with a user's own recordings, anywhere below it, named by performance:
        ``P_546633.mp3``.
    metadata : path-like, optional
        ``da-tacos_benchmark_subset_metadata.json`` as published, for titles and artists.

    Returns
    -------
    pandas.DataFrame
        One row a performance; ``path`` is empty where there is no recording.

    Raises
    ------
    DatacosError
        If the folder holds two recordings of a performance, or none of any, or the metadata cannot
        be read.
    """
    import pandas as pd

    files = _recordings(audio) if audio else {}
    texts = _texts(metadata) if metadata else {}
    rows = []
    for work, performance, _ in load_index(subset):
        text = texts.get(work, {}).get(performance, {})
        rows.append(
            {
                "version": performance,
                "clique": work,
                "split": "test",
                "title": str(text.get("perf_title", "")),
                "artist": str(text.get("perf_artist", "")),
                "source": f"da-tacos {subset}",
                "path": str(files.get(performance, "")),
            }
        )
    table = pd.DataFrame(rows)
    if audio and not (table["path"] != "").any():
        raise DatacosError(f"{audio}: no recording is named by a performance, like P_546633.mp3")
    return table


def _texts(path):
    try:
        texts = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatacosError(f"{path}: no readable json file ({error})") from error
    if not isinstance(texts, dict):
        raise DatacosError(f"{path}: not the published metadata, whose keys are works")
    return texts


def _recordings(folder):
    files = {}
    for path in sorted(Path(folder).rglob("P_*")):
        if path.suffix.lower() in AUDIO:
            if path.stem in files:
                raise DatacosError(f"{path} and {files[path.stem]} are the same performance")
            files[path.stem] = path.resolve()
    return files


def main(
    out: Path,
    /,
    *,
    subset: Literal["benchmark", "coveranalysis"] = "benchmark",
    audio: Path | None = None,
    metadata: Path | None = None,
):
    """Write OUT/versions.csv; with --audio, OUT/missing.csv lists performances without one.

    Parameters
    ----------
    out
        Folder to write to.
    subset
        The benchmark (15,000 performances) or the cover analysis set (10,000).
    audio
        Folder with your own recordings, named like P_546633.mp3. Rows without one are left out.
    metadata
        Published metadata file, for titles and artists.
    """
    from bytecover_lite.data import write_versions

    found = versions_table(subset, audio=audio, metadata=metadata)
    out.mkdir(parents=True, exist_ok=True)
    if audio:
        missing = found[found["path"] == ""]
        missing[["version", "clique"]].to_csv(out / "missing.csv", index=False)
        print(f"{len(found) - len(missing)} of {len(found)} performances have a recording")
        found = found[found["path"] != ""]
    write_versions(found, out / "versions.csv")
    print(f"{out / 'versions.csv'}: {len(found)} versions of {found['clique'].nunique()} works")


if __name__ == "__main__":
    import tyro

    try:
        tyro.cli(main, description=__doc__)
    except BytecoverError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
