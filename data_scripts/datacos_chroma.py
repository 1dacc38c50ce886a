"""Da-TACOS without audio: score the baselines on the chroma that is published with it.

https://zenodo.org/records/3520368 offers da-tacos_benchmark_subset_hpcp.zip and ..._crema.zip;
unpacked they are folders of 15,000 h5 files. Every file is checked against its md5.

    python data_scripts/datacos_chroma.py FOLDER --feature hpcp --system 2dftm
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Literal

import numpy as np
from datacos import DatacosError, load_index

from bytecover_lite.errors import BytecoverError

DATASET = {"hpcp": "hpcp", "crema": "crema", "cens": "chroma_cens"}  # its name inside the file


def read_chroma(path, feature="hpcp", *, average=40, md5=None):
    """Read a published chroma file.

    Parameters
    ----------
    path : path-like
        h5 file of one performance.
    feature : {"hpcp", "crema", "cens"}
    average : int
        Frames to average. The files have hops of 512 samples at 44.1 kHz, so 40 gives 0.46 s.
    md5 : str, optional
        What the file's checksum must be.

    Returns
    -------
    np.ndarray [shape=(12, T // average), float32]

    Raises
    ------
    DatacosError
        If the file is missing, broken, another file or too short.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise DatacosError(f"{path}: missing")
    if md5 and hashlib.md5(path.read_bytes()).hexdigest() != md5:
        raise DatacosError(f"{path}: wrong checksum, fetch it again")
    try:
        with h5py.File(path, "r") as file:
            frames = np.asarray(file[DATASET[feature]][()], dtype=np.float32)  # (T, 12)
    except (OSError, KeyError) as error:
        raise DatacosError(f"{path}: no readable h5 file with {feature} ({error})") from error
    if frames.ndim != 2 or frames.shape[1] != 12 or not np.isfinite(frames).all():
        raise DatacosError(f"{path}: {feature} of shape {frames.shape} is no finite (T, 12)")
    count = len(frames) // average
    if not count:
        raise DatacosError(f"{path}: {len(frames)} frames are fewer than {average}")
    return frames[: count * average].reshape(count, average, 12).mean(1).T


def read_features(folder, feature="hpcp", *, subset="benchmark", works=None, average=40):
    """Read the chroma of all performances; what cannot be read is reported, not fatal.

    Parameters
    ----------
    folder : path-like
        The unpacked ``da-tacos_benchmark_subset_FEATURE`` folder, or the one that contains it.
    feature : {"hpcp", "crema", "cens"}
    subset : {"benchmark", "coveranalysis"}
    works : int, optional
        Read the first works only.
    average : int
        See :func:`read_chroma`.

    Returns
    -------
    chroma : list of np.ndarray [shape=(12, T)]
    cliques, versions : list of str
        Work and performance of each.
    failed : list of str
        One message a file that could not be used.
    """
    from tqdm import tqdm

    rows = load_index(subset)
    if works:
        chosen = set(list(dict.fromkeys(work for work, _, _ in rows))[:works])
        rows = [row for row in rows if row[0] in chosen]
    folder = Path(folder)
    chroma, cliques, versions, failed = [], [], [], []
    for work, performance, files in tqdm(rows, unit="file", disable=None):
        name, md5 = files[feature]
        path = folder / name
        if not path.is_file():
            path = folder / Path(name).relative_to(Path(name).parts[0])
        try:
            chroma.append(read_chroma(path, feature, average=average, md5=md5))
        except DatacosError as error:
            failed.append(str(error))
        else:
            cliques.append(work)
            versions.append(performance)
    return chroma, cliques, versions, failed


def score_features(
    folder,
    feature="hpcp",
    system="2dftm",
    *,
    subset="benchmark",
    works=None,
    average=40,
):
    """Score a baseline on published chroma by the canonical rules.

    Parameters
    ----------
    folder, feature, subset, works, average
        See :func:`read_features`.
    system : {"chroma", "2dftm", "qmax"}

    Returns
    -------
    dict
        The summary of the evaluation and how many files were found and failed: a score on a part
        of the set is not a score on the set.
    failed : list of str
        See :func:`read_features`.
    """
    from bytecover_lite.baselines import chroma_distances, two_dftm_distances
    from bytecover_lite.qmax import qmax_distances
    from bytecover_lite.retrieval import evaluate

    compare = {"chroma": chroma_distances, "2dftm": two_dftm_distances, "qmax": qmax_distances}
    chroma, cliques, versions, failed = read_features(
        folder, feature, subset=subset, works=works, average=average
    )
    if not chroma:
        raise DatacosError(f"{folder}: not one file could be used; the first: {failed[0]}")
    scores = evaluate(compare[system](chroma), cliques, query_ids=versions)
    found = {"dataset": f"da-tacos {subset}", "feature": feature, "system": system}
    found |= {"files_used": len(chroma), "files_failed": len(failed)}
    return found | scores.summary(), failed


def main(
    folder: Path,
    /,
    *,
    feature: Literal["hpcp", "crema", "cens"] = "hpcp",
    system: Literal["chroma", "2dftm", "qmax"] = "2dftm",
    subset: Literal["benchmark", "coveranalysis"] = "benchmark",
    works: int | None = None,
    average: int = 40,
    out: Path | None = None,
):
    """Score a baseline on published chroma.

    Parameters
    ----------
    folder
        Unpacked feature folder.
    feature
        Which chroma it holds.
    system
        Qmax takes days for the whole benchmark (112 million pairs): give --works as well.
    subset
        The benchmark or the cover analysis set.
    works
        Take the first works only.
    average
        Frames to average; 40 gives 0.46 s.
    out
        Folder for the results file datacos-FEATURE-SYSTEM.json.
    """
    from bytecover_lite.results import write_result

    summary, failed = score_features(
        folder, feature, system, subset=subset, works=works, average=average
    )
    for message in failed[:20]:
        print(f"left out {message}", file=sys.stderr)
    print(json.dumps(summary, indent=1))
    if out:
        print(
            write_result(
                f"datacos-{feature}-{system}", {**summary, "failed": failed}, directory=out
            )
        )


if __name__ == "__main__":
    import tyro

    try:
        tyro.cli(main, description=__doc__)
    except BytecoverError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
