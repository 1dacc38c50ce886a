"""Small runs of features, indexing and training, each in a process that may be disturbed.

A fourth kind brings an index up to date with a folder in which files were added, changed, moved and
deleted.

Processes come from a server that has imported most things, so that what is disturbed is the work
and not the imports. Numba is not among them: its threads do not survive the way to a new process.
"""

import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bytecover_lite.audio import write_wav
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.errors import BytecoverError
from bytecover_lite.store import StoreWriter
from bytecover_lite.versions import COLUMNS

KINDS = ("features", "indexing", "training")
ON_A_FORMER_STATE = ("updating",)
SETTINGS = FeatureSettings(averaging=40)
SONGS = 6
UPDATED = ("2.wav", "3.wav", "4.wav")
PRELOADED = """
    tests.jobs bytecover_lite.library bytecover_lite.train bytecover_lite.decoders lightning_fabric
    joblib soundfile soxr av tqdm tensorboardX safetensors.torch safetensors.numpy torch.utils.data
""".split()


def prepare(scratch):
    """Make the recordings and the corpus that all runs share."""
    rng = np.random.default_rng(0)
    (scratch / "music").mkdir()
    (scratch / "changing").mkdir()
    time_axis = np.arange(22050 * 8) / 22050
    for number in range(SONGS):
        tones = rng.uniform(100, 1000, 3)
        sound = sum(np.sin(2 * np.pi * tone * time_axis) for tone in tones)
        write_wav(scratch / "music" / f"{number}.wav", 0.2 * sound)
    _prepare_update(scratch / "music", scratch / "changing", scratch / "former")
    with StoreWriter.create_or_resume(scratch / "corpus", SETTINGS) as writer:
        for number in range(12):
            writer.add(f"v{number}", rng.random((84, 10)))


def _prepare_update(music, folder, former):
    """Make an index of a folder, then change the folder."""
    from bytecover_lite.library import Library

    for name, source in {"0": "0", "1": "1", "2": "2", "3": "5"}.items():
        shutil.copy(music / f"{source}.wav", folder / f"{name}.wav")
    Library.create(former, folder, jobs=1)
    (folder / "0.wav").rename(folder / "moved.wav")
    (folder / "1.wav").unlink()
    for name in ("3", "4"):
        shutil.copy(music / f"{name}.wav", folder)


def work(kind, scratch, out):
    """Do one run; ``out`` is its target."""
    if kind == "features":
        from bytecover_lite.features import extract_features

        paths = sorted((scratch / "music").iterdir())
        rows = [(path.stem, path.stem, "test", "", "", "", str(path)) for path in paths]
        table = pd.DataFrame(rows, columns=COLUMNS, dtype=str)
        extract_features(table, out, SETTINGS, jobs=1, progress=False)
    elif kind == "indexing":
        from bytecover_lite.library import Library

        Library.create(out, scratch / "music", jobs=1)
    elif kind == "updating":
        from bytecover_lite.library import Library

        Library.open(out).update(jobs=1)
    else:
        _train(scratch, out)


def _train(scratch, out):
    from bytecover_lite.model import ByteCoverConfig
    from bytecover_lite.recipes import TrainConfig
    from bytecover_lite.store import FeatureStore
    from bytecover_lite.train import train

    # half the width, and torch 2.11 writes past its memory on processors without AVX-512
    model = ByteCoverConfig(depth=18, width=0.125, freq_stride=1, features=SETTINGS)
    config = TrainConfig(
        model=model,
        cliques_per_batch=2,
        versions_per_clique=2,
        crop_frames=8,
        steps=4,
        warmup_steps=2,
        validate_every=1,
    )
    splits = ["train"] * 8 + ["validation"] * 4
    rows = [(f"v{n}", f"w{n // 2}", split, "", "", "", "") for n, split in enumerate(splits)]
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=str)
    store = FeatureStore.open(scratch / "corpus")
    train(config, store, table, out=out, accelerator="cpu", progress=False)


@dataclasses.dataclass
class Run:
    """A process at work; ``begun`` and ``outcome`` come through its pipe."""

    process: multiprocessing.Process
    pipe: multiprocessing.connection.Connection

    def begun(self):
        """Wait until the work itself begins."""
        assert self.pipe.recv() == "begun"
        return self

    def outcome(self):
        """Wait for the end; return "done", the package's error as text, or "killed"."""
        try:
            found = self.pipe.recv()
        except EOFError:
            found = "killed"
        self.process.join()
        return found


def start(kind, scratch, out, disturb=None, *arguments):
    """Start a run; ``disturb(*arguments)``, if given, is called in its process beforehand."""
    if kind in ON_A_FORMER_STATE and not out.exists():
        shutil.copytree(scratch / "former", out)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    here, there = context.Pipe()
    arguments = (there, kind, str(scratch), str(out), disturb, arguments)
    process = context.Process(target=_run, args=arguments, daemon=True)
    process.start()
    there.close()  # so that the end of the process is the end of the pipe
    return Run(process, here)


def _run(pipe, kind, scratch, out, disturb, arguments):
    import torch

    torch.set_num_threads(1)
    sys.stderr = open("/dev/null", "w")  # what it says is said by its outcome
    if disturb:
        disturb(*arguments)
    pipe.send("begun")
    try:
        work(kind, Path(scratch), Path(out))
        pipe.send("done")
    except BytecoverError as error:
        pipe.send(str(error))


def result(kind, out):
    """Return what a run made, comparable with what another made."""
    return {
        str(path.relative_to(out)): _content(path)
        for path in sorted(out.rglob("*"))
        if path.is_file() and not _belongs_to_the_run(path)
    }


def _belongs_to_the_run(path):
    """Tell files that a run leaves behind from those that are its result."""
    return path.name == "lock" or path.suffix == ".partial" or path.parent.name == "tensorboard"


def _content(path):
    """Return the hash of a file; of a training state's header in any order, without its clock."""
    data = path.read_bytes()
    if path.name == "state.safetensors":
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        facts = json.loads(header["__metadata__"]["facts"])
        assert facts.pop("seconds") > 0
        header["__metadata__"]["facts"] = facts
        data = json.dumps(header, sort_keys=True).encode() + data[end:]
    return hashlib.sha256(data).hexdigest()


def check_visible(kind, out):
    """Use what a reader sees of a disturbed run: all of a former state, or a refusal."""
    from bytecover_lite.library import Library
    from bytecover_lite.model import load_model
    from bytecover_lite.store import FeatureStore
    from bytecover_lite.training_state import read_run

    with contextlib.suppress(BytecoverError):  # refused in one sentence
        if kind == "features":
            FeatureStore.open(out).verify()
        elif kind == "indexing":
            library = Library.open(out)
            assert len(library.collection) == SONGS
    if kind == "updating":  # whatever happens, readers have one of the two states
        names = {path for path, _, reason in Library.open(out).files if not reason}
        assert names in ({"0.wav", "1.wav", "2.wav", "3.wav"}, {"moved.wav", *UPDATED})
    if kind == "training":
        if (out / "state.safetensors").exists():
            read_run(out)
            assert (out / "model.safetensors").exists() and (out / "log.csv").exists()
        if (out / "model.safetensors").exists():
            load_model(out / "model.safetensors")
