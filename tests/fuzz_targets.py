"""The readers of the package, each with a good file that is damaged before it is read."""

import contextlib
import dataclasses
import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from bytecover_lite.archives import unpack
from bytecover_lite.checkpoint import read_checkpoint
from bytecover_lite.coverage import read_set, write_set
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.embed import Embeddings
from bytecover_lite.errors import BytecoverError
from bytecover_lite.files import format_csv
from bytecover_lite.grading.essays import COLUMNS as ESSAY_COLUMNS
from bytecover_lite.grading.essays import format_essays, grade_essays, read_essays
from bytecover_lite.grading.matching import match
from bytecover_lite.grading.merging import answered, merge, repaired_notebook
from bytecover_lite.grading.sources import read_assignment
from bytecover_lite.grading.submissions import read_notebook
from bytecover_lite.grading.verdicts import Grade, judge_match
from bytecover_lite.library_files import read_files, read_stamp, write_files, write_stamp
from bytecover_lite.model import ByteCover, ByteCoverConfig, load_model, save_model
from bytecover_lite.neighbours import Cells
from bytecover_lite.optimizers import make_optimizers
from bytecover_lite.pipeline import read_scores
from bytecover_lite.recipes import lite
from bytecover_lite.store import FeatureStore, StoreWriter
from bytecover_lite.training_state import load_state, read_run, save_state
from bytecover_lite.versions import read_versions
from tests.test_archives import make_tar, make_zip

ASSIGNMENTS = Path(__file__).parents[1] / "book" / "assignments"
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
    model = torch.nn.Conv2d(1, 2, 2)
    return model, make_optimizers(model, lite())


def _make_state(folder):
    model, optimizers = _small_run()
    model(torch.ones(1, 1, 2, 2)).sum().backward()
    for optimizer in optimizers:
        optimizer.step()
    facts = {"step": 1, "best": 0.5, "waited": 0, "seconds": 1.0}
    facts["rows"] = [{"step": 0, "loss": 1.0}]
    save_state(folder / "state.safetensors", lite(), model, optimizers, facts)


def _load_state(folder):
    facts = load_state(folder / "state.safetensors", lite(), *_small_run())
    assert facts["step"] >= 0 and isinstance(facts["rows"], list)


@functools.cache
def _assignment():
    return read_assignment(ASSIGNMENTS / "2_ibn" / "2_ibn.ipynb")


def _read_submission(folder):
    """Do all that is done with a submission before it is executed."""
    assignment, cells = _assignment(), read_notebook(folder / "2_ibn.ipynb")
    found, grade = match(assignment, cells), Grade("ada", "2_ibn")
    steps = merge(assignment, cells, found)
    judge_match(grade, assignment, found, cells, answered(assignment, steps))
    grade.essays = grade_essays(grade, assignment, steps, {})
    json.dumps(repaired_notebook(assignment, steps)).encode()
    assert format_essays([grade]).decode() and "\n" not in grade.verdict


def _make_essays(folder):
    row = ["ada", "2_ibn", "own_words", "5", "4,5", 'Well, "argued".', "x0", "One\ntwo"]
    (folder / "essays.csv").write_bytes(format_csv(ESSAY_COLUMNS, [row]))


def _read_essays(folder):
    for row in read_essays(folder / "essays.csv").values():
        assert all(isinstance(row[column], str) for column in ESSAY_COLUMNS)


def _make_scores(folder):
    rows = [{"corpus": "c", "system": "model", "map": 0.1, "map_low": 0.0, "map_high": 0.2}]
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
    "submission": Target(
        lambda folder: (folder / "2_ibn.ipynb").write_text(json.dumps(_assignment().release)),
        _read_submission,
        "2_ibn.ipynb",
        2_000,
    ),
    "table of essays": Target(_make_essays, _read_essays, "essays.csv", 4_000),
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
