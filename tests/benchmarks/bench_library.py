"""A user's library: searching a million embeddings, and indexing beside bare decoding.

The vectors have the length that the shipped checkpoint makes. Two kinds are searched. "Works" lie
in groups of ten around centres, about as near as versions of a work are to each other. "Noise" has
no structure at all, the worst case for cells: every border runs between equals.
"""

import os
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
import threadpoolctl
import torch

from bytecover_lite.audio import stream_audio
from bytecover_lite.embed import Embeddings
from bytecover_lite.library import Library
from bytecover_lite.neighbours import sort_into_cells
from bytecover_lite.passages import Collection, unit
from bytecover_lite.pipeline import open_model
from tests.benchmarks.timing import interleaved

QUERIES = 50
NEAREST = 10
VERSIONS = 10


def rows(quick=False):
    """Measure the search on two threads, and the indexing on all cores.

    Parameters
    ----------
    quick : bool
        Thousands of vectors instead of a million, seconds instead of minutes: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit; baseline and ratio (value over the baseline's).
    """
    size = open_model("lite").embedding_size
    table, threads = [], faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(2)
    with threadpoolctl.threadpool_limits(2):
        for kind, draw in {"works": _works, "noise": _noise}.items():
            table += _search(kind, draw(5_000 if quick else 1_000_000, size))
    faiss.omp_set_num_threads(threads)
    return table + _indexing(*((2, 5.0) if quick else (24, 240.0)))


def _works(count, size):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((count // VERSIONS, size), dtype=np.float32)
    vectors = np.repeat(centres, VERSIONS, axis=0)
    vectors += rng.standard_normal(vectors.shape, dtype=np.float32)
    return unit(vectors)


def _noise(count, size):
    return unit(np.random.default_rng(0).standard_normal((count, size), dtype=np.float32))


def _search(kind, vectors):
    """Search with vectors that are there; the first result is the query itself."""
    count, size = vectors.shape
    start = time.perf_counter()
    cells = sort_into_cells(vectors)
    sorting = time.perf_counter() - start
    names = tuple(map(str, range(count)))
    collection = Collection.of(Embeddings(names, vectors), cells)
    times, found = {True: [], False: []}, {True: [], False: []}
    for row in np.random.default_rng(1).integers(0, count, QUERIES):
        for exact in times:
            start = time.perf_counter()
            near, _ = collection.nearest(vectors[row : row + 1], NEAREST + 1, exact=exact)
            times[exact].append(time.perf_counter() - start)
            found[exact].append(set(near) - {row})
    pairs = zip(found[True], found[False], strict=True)
    recall = np.mean([len(one & other) / len(one) for one, other in pairs])
    what = f"{count} x {size} {kind}, two threads"
    milliseconds = {exact: 1000 * float(np.median(some)) for exact, some in times.items()}
    return [
        {"what": f"one query, exact, {what}", "value": milliseconds[True], "unit": "ms"},
        {
            "what": f"one query, cells, {what}",
            "value": milliseconds[False],
            "unit": "ms",
            "slowest": 1000 * max(times[False]),
            "baseline": "exact",
            "ratio": milliseconds[False] / milliseconds[True],
        },
        {"what": f"recall of the nearest ten, cells, {what}", "value": 100 * recall, "unit": "%"},
        {"what": f"sorting into {len(cells.centres)} cells, {what}", "value": sorting, "unit": "s"},
    ]


def _indexing(files, seconds):
    """Index mp3 files (44.1 kHz, stereo) and, for comparison, only decode and resample them."""
    threads, jobs = torch.get_num_threads(), os.cpu_count()
    torch.set_num_threads(jobs)
    with tempfile.TemporaryDirectory() as scratch:
        music, rounds = Path(scratch) / "music", iter(range(100))
        _make_music(music, files, seconds)
        times = interleaved(
            {
                "decoding": lambda: _decode(music, jobs),
                "indexing": lambda: Library.create(
                    Path(scratch) / f"{next(rounds)}.index", music, jobs=jobs
                ),
            },
            repeats=1 if files < 10 else 3,
        )
    torch.set_num_threads(threads)
    what = f"{files} mp3 files of {seconds:g} s, {jobs} cores"
    ratio = times["indexing"] / times["decoding"]
    return [
        {"what": f"decoding to 22.05 kHz mono, {what}", "value": times["decoding"], "unit": "s"},
        {
            "what": f"indexing, {what}",
            "value": times["indexing"],
            "unit": "s",
            "baseline": "decoding",
            "ratio": ratio,
        },
        {"what": f"indexing over decoding, {what}", "value": ratio, "unit": "times"},
    ]


def _make_music(folder, files, seconds):
    import soundfile

    folder.mkdir()
    rng, rate = np.random.default_rng(0), 44100
    time_axis = np.arange(int(seconds * rate)) / rate
    for number in range(files):
        tones = rng.uniform(80, 2000, (6, 2))
        sound = sum(np.sin(2 * np.pi * tone * time_axis[:, None]) for tone in tones)
        sound += rng.standard_normal(sound.shape)
        soundfile.write(folder / f"{number}.mp3", 0.05 * sound, rate, format="MP3")


def _decode(folder, jobs):
    import joblib

    with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        joblib.Parallel(batch_size=1)(
            joblib.delayed(_decode_file)(path) for path in sorted(folder.iterdir())
        )


def _decode_file(path):
    return sum(len(block) for block in stream_audio(path))
