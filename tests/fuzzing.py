"""Damaged and hostile files for every reader of the package, drawn by hypothesis.

A case starts from a good file and changes it in a few places, or is noise from the first byte on.
Files that carry a header of their own length are also changed within it, so that the change gets
past the first check. Whatever comes out, a reader returns something usable or raises the package's
own error; everything else counts as a defect.
"""

import contextlib
import dataclasses
import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import torch
from hypothesis import strategies

from bytecover_lite.archives import unpack
from bytecover_lite.checkpoint import read_checkpoint
from bytecover_lite.coverage import read_set, write_set
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.embed import Embeddings
from bytecover_lite.errors import BytecoverError
from bytecover_lite.library_files import read_files, read_stamp, write_files, write_stamp
from bytecover_lite.model import ByteCover, ByteCoverConfig, load_model, save_model
from bytecover_lite.neighbours import Cells
from bytecover_lite.pipeline import read_scores
from bytecover_lite.recipes import lite
from bytecover_lite.store import FeatureStore, StoreWriter
from bytecover_lite.training_state import load_state, read_run, save_state
from bytecover_lite.versions import read_versions
from tests.test_archives import make_tar, make_zip

TOKENS = [
    *(b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\\", b"\\u0000", b"\\ud800"),
    *(b"NaN", b"Infinity", b"-1", b"0", b"1e999", b"9" * 30, b"0.5", b"true", b"null", b"''"),
    *(b"[]", b"{}", b"[", b"{" * 50, b"\x80\x04", b"PK\x03\x04", b"../", b"1" * 5000),
]
HANG = 30  # s that one case may take
SETTINGS = FeatureSettings(averaging=40)


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader, the good file to begin with, and its place.

    ``make`` fills a directory, ``read`` reads it and uses what it read; ``file`` is the one that is
    changed; ``framed`` tells that its first 8 bytes are the length of its header.
    """

    make: Callable
    read: Callable
    file: str
    cases: int
    framed: bool = False


def change(data, edits):
    """Apply edits to bytes; places are taken modulo the length."""
    data = bytearray(data)
    for kind, place, length, token in edits:
        start = place % (len(data) + 1)
        if kind == "cut":
            del data[start:]
        elif kind == "flip" and data:
            data[start % len(data)] ^= 1 + length % 255
        elif kind == "insert":
            data[start:start] = token
        elif kind == "replace":
            data[start : start + length % 16] = token
        elif kind == "delete":
            del data[start : start + 1 + length % 64]
        elif kind == "copy":
            other = length * 31 % (len(data) + 1)
            data[start:start] = data[other : other + 64]
    return bytes(data)


def edits():
    """Draw a few edits."""
    kinds = strategies.sampled_from(["cut", "flip", "insert", "replace", "delete", "copy"])
    tokens = strategies.sampled_from(TOKENS) | strategies.binary(max_size=6)
    one = strategies.tuples(
        kinds, strategies.integers(0, 2**20), strategies.integers(0, 2**12), tokens
    )
    return strategies.lists(one, min_size=1, max_size=4)


def cases(good, framed):
    """Draw contents of the file."""
    damaged = edits().map(lambda drawn: change(good, drawn))
    if framed:
        end = 8 + int.from_bytes(good[:8], "little")

        def in_header(drawn):
            header = change(good[8:end], drawn)
            return len(header).to_bytes(8, "little") + header + good[end:]

        damaged = damaged | edits().map(in_header) | edits().map(in_header)
    return damaged | damaged | damaged | strategies.binary(max_size=300)


def fuzz(target, scratch, count):
    """Try ``count`` cases.

    Returns
    -------
    dict
        ``cases``, how many were ``used`` and ``refused``, the ``slowest`` [s], and ``defects``: the
        first few cases that ended in something else than the package's error.
    """
    folder = Path(scratch)
    target.make(folder)
    file = folder / target.file
    good = file.read_bytes()
    pristine = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = {"cases": 0, "used": 0, "refused": 0, "slowest": 0.0, "defects": []}

    @hypothesis.seed(0)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases(good, target.framed))
    def attempt(data):
        for path, content in pristine.items():  # a reader that resumes changes other files
            if path != file and (not path.exists() or path.read_bytes() != content):
                path.write_bytes(content)
        file.write_bytes(data)
        start = time.perf_counter()
        try:
            with _limited(HANG):
                target.read(folder)
            found["used"] += 1
        except BytecoverError:
            found["refused"] += 1
        except (Exception, Hang) as error:
            found["defects"].append(f"{type(error).__name__}: {error}"[:200])
        found["slowest"] = max(found["slowest"], time.perf_counter() - start)
        found["cases"] += 1

    target.make(folder)
    _read_good(target, folder)
    attempt()
    found["n_defects"] = len(found["defects"])
    return found | {"slowest": round(found["slowest"], 3), "defects": found["defects"][:5]}


def _read_good(target, folder):
    """Make sure that the good file is read: else every case would be refused for another reason."""
    target.read(folder)


class Hang(BaseException):
    """What the clock raises in a reader that does not come to an end."""


@contextlib.contextmanager
def _limited(seconds):
    """Interrupt the body after some time, on systems with such a clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number, frame):
        raise Hang(f"more than {seconds} s")

    former = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _make_store(folder):
    shutil.rmtree(folder / "store", ignore_errors=True)
    rng = np.random.default_rng(0)
    with StoreWriter.create_or_resume(folder / "store", SETTINGS) as writer:
        for name in ("a", "b,\n", "c"):
            writer.add(name, rng.random((84, 3)), source_sha256="0" * 64)


def _make_journal(folder):
    _make_store(folder)
    with contextlib.suppress(KeyboardInterrupt):
        with StoreWriter.create_or_resume(folder / "store", SETTINGS) as writer:
            writer.add("d", np.ones((84, 2)))
            writer.add("e", np.ones((84, 1)))
            raise KeyboardInterrupt


def _read_store(folder):
    store = FeatureStore.open(folder / "store")
    for version in store.versions:
        assert store[version].shape[0] == store.settings.n_bins
    with contextlib.suppress(BytecoverError):
        store.verify()


def _resume_store(folder):
    """Go on; what was finished before must be there whatever the journal says."""
    with StoreWriter.create_or_resume(folder / "store", SETTINGS) as writer:
        assert all(name in writer for name in ("a", "b,\n", "c"))
    FeatureStore.open(folder / "store").verify()


def _make_versions(folder):
    rows = "version,clique,split,title,artist,source,path\na,w,test,T,A,s,a.wav\n"
    (folder / "versions.csv").write_text(rows + '"b\n,",w,train,"x ""y""",é,s,\n', "utf-8")


def _read_versions(folder):
    for row in read_versions(folder / "versions.csv").itertuples():
        assert row.version and row.clique


def _make_index(folder):
    write_stamp(folder, {"folder": "/music", "model": "lite", "checkpoint": "0" * 64})
    write_files(folder, [("a.wav", "1" * 64, ""), ("b\n.mp3", "", "no sound, 'at all'")])


def _make_embeddings(folder):
    vectors = np.random.default_rng(0).random((3, 4), dtype=np.float32)
    Embeddings(("a", "a@0", "b"), vectors).save(folder / "e.safetensors")


def _read_embeddings(folder):
    found = Embeddings.load(folder / "e.safetensors")
    assert found.vectors.dtype == np.float32 and found.vectors.ndim == 2
    assert all(isinstance(version, str) for version in found.versions)
    found.select(found.versions[:1])


def _make_cells(folder):
    cells = Cells(np.eye(4, dtype=np.float32), np.arange(4))
    cells.save(folder / "c.safetensors")


def _read_cells(folder):
    cells = Cells.load(folder / "c.safetensors", 4)
    assert cells is None or cells.centres[cells.cell_of].shape[1] == 4


def _make_checkpoint(folder):
    if not (folder / "m.safetensors").exists():
        config = ByteCoverConfig(depth=18, width=0.0625, freq_stride=1, features=SETTINGS)
        save_model(ByteCover(config), folder / "m.safetensors")


def _read_checkpoint(folder):
    tensors, config = read_checkpoint(folder / "m.safetensors")
    assert isinstance(config, dict) and all(len(t.shape) >= 0 for t in tensors.values())


def _load_model(folder):
    model = load_model(folder / "m.safetensors")
    with torch.inference_mode():
        assert torch.isfinite(model(torch.ones(1, 84, 3)).embedding).all()


def _small_run():
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)
    return model, torch.optim.AdamW(model.parameters())


def _make_state(folder):
    model, optimizer = _small_run()
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    facts = {"step": 1, "best": 0.5, "waited": 0, "rows": [{"step": 0, "loss": 1.0}]}
    save_state(folder / "state.safetensors", lite(), model, optimizer, facts)


def _load_state(folder):
    facts = load_state(folder / "state.safetensors", lite(), *_small_run())
    assert facts["step"] >= 0 and isinstance(facts["rows"], list)


def _make_scores(folder):
    rows = [{"system": "random", "map": 0.1, "map_low": 0.0, "map_high": 0.2}]
    (folder / "scores.json").write_text(json.dumps({"rows": rows}))


TARGETS = {
    "settings of a store": Target(_make_store, _read_store, "store/settings.json", 10_000),
    "index of a store": Target(_make_store, _read_store, "store/index.csv", 10_000),
    "features of a store": Target(_make_store, _read_store, "store/features.npy", 10_000),
    "journal of a store": Target(_make_journal, _resume_store, "store/index.partial.jsonl", 6_000),
    "versions table": Target(_make_versions, _read_versions, "versions.csv", 12_000),
    "stamp of a library": Target(_make_index, read_stamp, "index.json", 10_000),
    "files of a library": Target(_make_index, read_files, "files.csv", 10_000),
    "embeddings": Target(_make_embeddings, _read_embeddings, "e.safetensors", 10_000, True),
    "cells": Target(_make_cells, _read_cells, "c.safetensors", 6_000, True),
    "checkpoint": Target(_make_checkpoint, _read_checkpoint, "m.safetensors", 6_000, True),
    "model": Target(_make_checkpoint, _load_model, "m.safetensors", 2_000, True),
    "training state": Target(_make_state, _load_state, "state.safetensors", 6_000, True),
    "log of a run": Target(_make_state, read_run, "state.safetensors", 3_000, True),
    "description of a set": Target(
        lambda folder: write_set(folder, "S", {"test": (3, 2)}), read_set, "set.json", 4_000
    ),
    "scores": Target(
        _make_scores, lambda folder: read_scores(folder / "scores.json"), "scores.json", 4_000
    ),
    "zip archive": Target(
        lambda folder: make_zip(folder / "x.zip", [("a/b", b"1" * 99), ("c", b"2")]),
        lambda folder: _unpack(folder, "x.zip"),
        "x.zip",
        2_000,
    ),
    "tar archive": Target(
        lambda folder: make_tar(folder / "x.tgz", [("a/b", b"1" * 99), ("c", b"2")]),
        lambda folder: _unpack(folder, "x.tgz"),
        "x.tgz",
        2_000,
    ),
}


def _unpack(folder, name):
    before = sorted(path for path in folder.iterdir() if path.name != "out")
    shutil.rmtree(folder / "out", ignore_errors=True)
    try:
        unpack(folder / name, folder / "out", largest=10**6)
    finally:
        assert sorted(path for path in folder.iterdir() if path.name != "out") == before


def measure(scratch, share=1.0):
    """Fuzz every reader.

    Parameters
    ----------
    scratch : Path
    share : float
        Of the cases of each target.

    Returns
    -------
    dict
        ``n_cases``, ``n_defects``, ``seconds`` and, by reader, what :func:`fuzz` returns.
    """
    readers, start = {}, time.perf_counter()
    for number, (name, target) in enumerate(TARGETS.items()):
        folder = scratch / str(number)
        folder.mkdir()
        readers[name] = fuzz(target, folder, max(1, int(share * target.cases)))
    return {
        "n_cases": sum(one["cases"] for one in readers.values()),
        "n_defects": sum(one["n_defects"] for one in readers.values()),
        "seconds": round(time.perf_counter() - start, 1),
        "readers": readers,
    }
