"""Speed and memory of the data path: file to feature beside the decoder, store beside the disk."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bytecover_lite.audio import load_audio
from bytecover_lite.augment import Augmentation
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.data import CliqueDataset
from bytecover_lite.decoders import open_reader
from bytecover_lite.features import extract_file
from bytecover_lite.store import FeatureStore, StoreWriter
from tests.benchmarks.memory import printed_by
from tests.benchmarks.timing import interleaved

RATE, SETTINGS = 44100, FeatureSettings()
FORMATS = ("mp3", "m4a", "ogg", "flac", "wav")
FULL = Augmentation(transpose_semitones=6, tempo=(0.7, 1.3), mask_frequency=12, mask_time=20)
MEMORY = """
import sys
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.features import extract_file
from tests.benchmarks.memory import peak

extract_file(sys.argv[1], FeatureSettings())
before = peak()
extract_file(sys.argv[2], FeatureSettings())
print(peak() - before)
"""


def rows(quick=False):
    """Measure on one thread.

    Parameters
    ----------
    quick : bool
        Seconds of sound and hundreds of tracks, one round: for the tests.

    Returns
    -------
    list of dict
        Keys what, value, unit; baseline and ratio (baseline's time over this one); floor (what the
        bare decoder, copy or read costs, in the same unit).
    """
    torch.set_num_threads(1)
    seconds, hours, tracks, repeats = (4, 0.1, 300, 1) if quick else (240, 3, 100_000, 9)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        table = [
            row for name in FORMATS for row in _file_to_feature(folder, name, seconds, repeats)
        ]
        return [*table, _memory(folder, hours), *_store(folder, tracks, repeats)]


def _file_to_feature(folder, suffix, seconds, repeats):
    path = folder / f"music.{suffix}"
    _encode(path, _music(seconds))
    candidates = {
        "decoder alone": lambda: _decode(path),
        "load_audio": lambda: load_audio(path),
        "file to feature": lambda: extract_file(path, SETTINGS),
    }
    if suffix == "mp3":  # the other decoder that could read it
        candidates["FFmpeg's decoder alone"] = lambda: _decode_by_ffmpeg(path)
    if suffix == "ogg":
        candidates["libsndfile's decoder alone"] = lambda: _decode_by_libsndfile(path)
    if suffix != "m4a":  # librosa needs the ffmpeg program for it
        import librosa

        candidates["librosa.load"] = lambda: librosa.load(path, sr=22050)
    times = interleaved(candidates, repeats=repeats)
    floor = times["decoder alone"]
    return [
        {
            "what": f"{suffix}: {name}, {seconds} s of stereo",
            "value": 1e3 * time,
            "unit": "ms",
            "baseline": "decoder alone",
            "ratio": floor / time,
            "floor": 1e3 * floor,
        }
        for name, time in times.items()
    ]


def _decode(path):
    """Decode and throw away, as the decoders' own tools do when they are timed."""
    with contextlib.closing(open_reader(path)) as reader:
        name = reader.name
    {"FFmpeg": _decode_by_ffmpeg, "libsndfile": _decode_by_libsndfile}[name](path)


def _decode_by_ffmpeg(path):
    import av

    with av.open(str(path)) as container:
        for _ in container.decode(audio=0):
            pass


def _decode_by_libsndfile(path):
    import soundfile

    with soundfile.SoundFile(path) as file:
        buffer = np.empty((1 << 16, file.channels), dtype=np.float32)
        while len(file.read(out=buffer)):
            pass


def _music(seconds):
    """Return chords that come and go, with some noise [shape=(n, 2)]."""
    generator = np.random.default_rng(0)
    time = np.arange(seconds * RATE, dtype=np.float32) / RATE
    samples = generator.normal(0, 0.01, (len(time), 2)).astype(np.float32)
    for _ in range(12):
        pitch, pace, phase = 55 * 2 ** generator.uniform(0, 5), *generator.uniform(0.1, 1, 2)
        swell = np.clip(np.sin(2 * np.pi * (pace * time + phase)), 0, 1)
        note = 0.06 * swell * np.sin(2 * np.pi * pitch * time)
        samples += note[:, None] * generator.uniform(0.5, 1, 2).astype(np.float32)
    return samples


def _encode(path, samples):
    if path.suffix != ".m4a":
        import soundfile

        with soundfile.SoundFile(path, "w", RATE, 2) as file:
            for start in range(0, len(samples), RATE):  # libsndfile fails on long Vorbis writes
                file.write(samples[start : start + RATE])
        return
    import av

    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=RATE, layout="stereo")
        for start in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[start : start + 1024].T)
            frame = av.AudioFrame.from_ndarray(block, "fltp", "stereo")
            frame.sample_rate = RATE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _memory(folder, hours):
    """Peak memory of a long file beyond that of one of two minutes."""
    import soundfile

    for name, length in (("short.wav", 120), ("long.wav", int(3600 * hours))):
        with soundfile.SoundFile(folder / name, "w", RATE, 2) as file:
            file.write(np.full((RATE, 2), 0.1))
            file.seek((length - 1) * RATE)
            file.write(np.full((RATE, 2), 0.1))
    return {
        "what": f"file to feature, peak memory of {hours} h beyond that of 2 min",
        "value": printed_by(MEMORY, folder / "short.wav", folder / "long.wav")[0],
        "unit": "MiB",
    }


def _store(folder, tracks, repeats):
    path = folder / "features"
    features = np.random.default_rng(0).random((84, 103), dtype=np.float32)
    ids = [f"track{number:06d}" for number in range(tracks)]

    def write():
        with StoreWriter.create_or_resume(path, SETTINGS) as writer:
            for version in ids:
                if version not in writer:
                    writer.add(version, features)

    write()
    opening = interleaved(
        {
            "FeatureStore.open": lambda: FeatureStore.open(path),
            "pandas.read_csv of its index": lambda: pd.read_csv(path / "index.csv"),
            "reading its index": lambda: (path / "index.csv").read_bytes(),
        },
        repeats=repeats,
    )
    table = [
        {
            "what": f"{name}, {tracks} tracks",
            "value": 1e3 * time,
            "unit": "ms",
            "baseline": "pandas.read_csv of its index",
            "ratio": opening["pandas.read_csv of its index"] / time,
            "floor": 1e3 * opening["reading its index"],
        }
        for name, time in opening.items()
    ]
    return table + _batches(FeatureStore.open(path), ids, repeats)


def _batches(store, ids, repeats):
    table = pd.DataFrame({"version": ids, "clique": [name[:-1] for name in ids]})
    rounds = 10 * repeats
    sizes = {"cliques_per_batch": 16, "versions_per_clique": 4, "crop_frames": 100}
    plain = CliqueDataset(store, table, **sizes)
    changed = CliqueDataset(store, table, augmentation=FULL, **sizes)
    starts = np.random.default_rng(0).integers(0, len(store.rows) - 100, (1000, 64))
    crops = np.empty((64, 100, 84), dtype=np.float16)
    steps = {"copy": 0, "plain": 0, "augmented": 0}

    def copy():
        steps["copy"] = (steps["copy"] + 1) % len(starts)
        for crop, start in zip(crops, starts[steps["copy"]], strict=True):
            crop[:] = store.rows[start : start + 100]
        return torch.from_numpy(crops).transpose(1, 2).contiguous().float()

    def load(name, dataset):
        steps[name] += 1
        return dataset[steps[name]]

    times = interleaved(
        {
            "64 crops of 100 frames, copied and converted": copy,
            "dataset[step], 64 crops of 100 frames": lambda: load("plain", plain),
            "the same with every augmentation": lambda: load("augmented", changed),
        },
        repeats=rounds,
    )
    floor = times["64 crops of 100 frames, copied and converted"]
    return [
        {"what": name, "value": 64 / time, "unit": "crops/s", "floor": 64 / floor}
        for name, time in times.items()
    ]
