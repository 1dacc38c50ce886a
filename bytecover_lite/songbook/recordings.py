"""Versions -> encoded audio files -> features, as with anybody's music (your own corpus).

The songs for training are drawn; the sets of real variation go the long way: synthesized, encoded
to mp3, decoded, and through the CQT of the network.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.errors import BytecoverError

from . import fluid
from .families import Member


class RecordingError(BytecoverError):
    """A directory that holds recordings made otherwise, or a recording that cannot be used."""


def record(
    members: list[Member],
    perform: Callable,
    title: Callable,
    out,
    settings: FeatureSettings,
    *,
    source: str,
    jobs: int,
    seed: int,
    engine: str,
) -> Path:
    """Record a version of every member and extract its features.

    A run that was killed is taken up where it stood.

    Parameters
    ----------
    members : list of Member
    perform : callable
        ``perform(member, seed)`` returns a Version; the same one every time.
    title : callable
        ``title(member)`` returns the title for the versions table.
    out : path-like
        Corpus directory: ``versions.csv``, ``features``, ``audio``.
    settings : FeatureSettings
    source : str
        For the versions table.
    jobs : int
        Processes.
    seed : int
        Of the performances.
    engine : str
        Of `render.synthesize`.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    RecordingError
        If ``out`` holds recordings of another seed or engine.
    SynthesizerError
        If the engine is not known or not installed.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    from bytecover_lite.features import extract_features

    out = Path(out)
    engine = fluid.engine_for(engine)  # before anything is written
    _stamp(out, {"source": source, "seed": seed, "engine": engine})
    table = _table(members, title, out, f"{source}, {engine}")
    tasks = [t for t in zip(members, table["path"], strict=True) if not Path(t[1]).exists()]
    run = Parallel(n_jobs=jobs, return_as="generator_unordered")
    done = run(delayed(_record)(perform, member, seed, path, engine) for member, path in tasks)
    bar = tqdm(done, "recording", len(members), initial=len(members) - len(tasks), unit="file")
    for _ in bar:
        pass
    report = extract_features(table, out / "features", settings, jobs=jobs)
    failed = report[report["reason"] != ""]
    if len(failed):
        raise RecordingError(f"{failed['reason'].iloc[0]} (and {len(failed) - 1} more)")
    return _finish(table, out)


def _finish(table, out: Path) -> Path:
    from bytecover_lite.data import write_versions

    write_versions(table, out / "versions.csv")
    return out


def _stamp(out: Path, made: dict) -> None:
    """Refuse to mix recordings that were made differently."""
    path = out / "recording.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before != made:
            raise RecordingError(f"{out} holds {before}, not {made}: choose another directory")
        return
    (out / "audio").mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps(made) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _table(members, title, out: Path, source: str):
    import pandas as pd

    rows = []
    for member in members:
        name = version_name(member)
        path = str((out / "audio" / f"{name}.mp3").resolve())
        rows.append((name, member.family, "test", title(member), "traditional", source, path))
    columns = ["version", "clique", "split", "title", "artist", "source", "path"]
    return pd.DataFrame(rows, columns=columns)


def version_name(member: Member) -> str:
    """Name a member's version after its score: ``bwv66.6``, ``book1-17``."""
    stem = Path(member.file).stem
    name = stem if member.number is None else f"{stem}-{member.number}"
    return re.sub(r"[^\w.-]", "_", name)


def _record(perform, member: Member, seed: int, path: str, engine: str) -> None:
    from bytecover_lite.audio import encode_mp3

    from .render import synthesize

    encoded = encode_mp3(synthesize(perform(member, seed), engine=engine))
    partial = f"{path}.{os.getpid()}.partial"
    Path(partial).write_bytes(encoded)
    os.replace(partial, path)
