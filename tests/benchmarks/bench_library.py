"""A user's library: searching a million embeddings, and indexing beside bare decoding.

The vectors have the length that the shipped checkpoint makes. Two kinds are searched. "Works" lie
in groups of ten around centres, about as near as versions of a work are to each other. "Noise" has
no structure at all, the worst case for cells: every border runs between equals.

All but the lines that say "all cores" is done by one thread, and what is told is processor time, so
that other work on the machine does not enter. Two cores need no more than one does. What all cores
do is told by the clock, and wants a machine that does nothing else.
"""

import os
import statistics
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

QUERIES = 50
NEAREST = 10
VERSIONS = 10
ROUNDS = 9


def rows(quick=False):
    """Measure the search of a million vectors, and the indexing beside decoding.

    Parameters
    ----------
    quick : bool
        Thousands of vectors instead of a million, seconds instead of minutes: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit; baseline and ratio (the baseline's time over this one).
    """
    size = open_model("lite").embedding_size
    table = _indexing(*((2, 5.0) if quick else (6, 240.0)))
    table += _indexing_everywhere(*((2, 5.0) if quick else (12, 240.0)))
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        for kind, draw in {"works": _works, "noise": _noise}.items():
            table += _search(kind, draw(5_000 if quick else 1_000_000, size))
    faiss.omp_set_num_threads(threads)
    return table


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
    start = time.process_time()
    cells = sort_into_cells(vectors)
    sorting = time.process_time() - start
    names = tuple(map(str, range(count)))
    collection = Collection.of(Embeddings(names, vectors), cells)
    times, found = {True: [], False: []}, {True: [], False: []}
    for row in np.random.default_rng(1).integers(0, count, QUERIES):
        for exact in times:
            start = time.process_time()
            near, _ = collection.nearest(vectors[row : row + 1], NEAREST + 1, exact=exact)
            times[exact].append(time.process_time() - start)
            found[exact].append(set(near) - {row})
    pairs = zip(found[True], found[False], strict=True)
    recall = np.mean([len(one & other) / len(one) for one, other in pairs])
    what = f"{count} x {size} {kind}, one thread"
    milliseconds = {exact: 1000 * statistics.median(some) for exact, some in times.items()}
    return [
        {"what": f"one query, exact, {what}", "value": milliseconds[True], "unit": "ms"},
        {
            "what": f"one query, cells, {what}",
            "value": milliseconds[False],
            "unit": "ms",
            "slowest": 1000 * max(times[False]),
            "baseline": "exact",
            "ratio": milliseconds[True] / milliseconds[False],
        },
        {"what": f"recall of the nearest ten, cells, {what}", "value": 100 * recall, "unit": "%"},
        {"what": f"sorting into {len(cells.centres)} cells, {what}", "value": sorting, "unit": "s"},
    ]


def _indexing(files, seconds):
    """Index mp3 files (44.1 kHz, stereo) and, for comparison, only decode and resample them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = {"decoding": [], "indexing": []}
    with tempfile.TemporaryDirectory() as scratch:
        music = Path(scratch) / "music"
        _make_music(music, files, seconds)
        for number in range(2 if files < 5 else ROUNDS):  # the first round does not count
            start = time.process_time()
            for path in sorted(music.iterdir()):
                _decode(path)
            between = time.process_time()
            Library.create(Path(scratch) / f"{number}.index", music, jobs=1)
            times["decoding"].append(between - start)
            times["indexing"].append(time.process_time() - between)
    torch.set_num_threads(threads)
    decoding, indexing = (statistics.median(times[name][1:]) for name in times)
    what = f"{files} mp3 files of {seconds:g} s, one core"
    return [
        {"what": f"decoding to 22.05 kHz mono, {what}", "value": decoding, "unit": "s"},
        {"what": f"indexing, {what}", "value": indexing, "unit": "s"},
        {"what": f"indexing over decoding, {what}", "value": indexing / decoding, "unit": "times"},
    ]


def _indexing_everywhere(files, seconds):
    """Index mp3 files with a process a core and, for comparison, only decode and resample them."""
    from joblib import Parallel, delayed

    cores, threads = os.cpu_count(), torch.get_num_threads()
    torch.set_num_threads(cores)
    times = {"decoding": [], "indexing": []}
    with tempfile.TemporaryDirectory() as scratch:
        music = Path(scratch) / "music"
        _make_music(music, files, seconds)
        for number in range(2 if files < 5 else ROUNDS):  # the first round does not count
            start = time.perf_counter()
            Parallel(n_jobs=cores)(delayed(_decode)(path) for path in sorted(music.iterdir()))
            between = time.perf_counter()
            Library.create(Path(scratch) / f"{number}.index", music, jobs=cores)
            times["decoding"].append(between - start)
            times["indexing"].append(time.perf_counter() - between)
    torch.set_num_threads(threads)
    decoding, indexing = (statistics.median(times[name][1:]) for name in times)
    what = f"{files} mp3 files of {seconds:g} s, all {cores} cores, by the clock"
    return [
        {"what": f"decoding to 22.05 kHz mono, {what}", "value": decoding, "unit": "s"},
        {"what": f"indexing, {what}", "value": indexing, "unit": "s"},
        {"what": f"indexing over decoding, {what}", "value": indexing / decoding, "unit": "times"},
    ]


def _decode(path):
    return sum(len(block) for block in stream_audio(path))


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
