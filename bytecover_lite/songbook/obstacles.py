"""What stands between a network and the works it does not find? (your own corpus).

``python -m bytecover_lite.songbook.obstacles`` draws the composed validation works again and again,
each time with one thing less in the way, embeds them with the shipped checkpoint, and writes
``book/results/obstacles.json``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from .compose import compose
from .corpus import PRESETS, Block, works_of
from .draw import draw
from .timbre import roughened
from .version import Production, Version

PIANO, FLUTE = 0, 73  # General MIDI programs: many overtones, hardly any
LOUDER = 6.0  # dB
SETS = {  # by the seeds of the validation blocks of `timbres`
    "validation": "songs",
    "validation tunes": "session",
    "validation hymns": "polyphony",
    "validation psalms": "school",
}


def ladder(version: Version) -> dict[str, Version]:
    """Make a version easier to know again, step by step.

    Parameters
    ----------
    version : Version

    Returns
    -------
    dict of str to Version
        ``rough``: on instruments as uneven as sampled ones; ``drawn``: as it is; then, each with
        all that came before it, ``dry``: in tune, without room, equaliser, noise and loss;
        ``piano``: all parts on the same plain piano, no drums; ``flute``: on the same plain flute
        instead, whose overtones are weak; ``louder``: the tune raised by
        ``LOUDER``; ``alone``: nothing but the tune; ``in time``: at the tempo of the work. A step
        that would leave nothing to hear (drums alone, no tune) changes nothing.
    """
    steps = {"rough": roughened(version), "drawn": version}
    for name, step in _STEPS.items():
        version = step(version)
        steps[name] = version
    return steps


def _dry(version: Version) -> Version:
    return replace(version, production=Production())


def _on_one(program: int, version: Version) -> Version:
    version = _only(version, [not part.drums for part in version.parts])
    parts = [p if p.drums else replace(p, program=program, colour=0) for p in version.parts]
    return replace(version, parts=tuple(parts))


def _louder(version: Version) -> Version:
    gain = 10 ** (LOUDER / 20)
    parts = [replace(p, gain=p.gain * gain) if _leads(p) else p for p in version.parts]
    return replace(version, parts=tuple(parts))


def _alone(version: Version) -> Version:
    return _only(version, [_leads(part) for part in version.parts])


def _in_time(version: Version) -> Version:
    factor, notes = version.tempo_factor, version.notes.copy()
    notes["start"] *= factor
    notes["duration"] *= factor
    return replace(version, notes=notes, duration=version.duration * factor, tempo_factor=1.0)


_STEPS = {
    "dry": _dry,
    "piano": partial(_on_one, PIANO),
    "flute": partial(_on_one, FLUTE),
    "louder": _louder,
    "alone": _alone,
    "in time": _in_time,
}


def _leads(part) -> bool:
    return part.name == "lead"


def _only(version: Version, wanted: list[bool]) -> Version:
    kept = version.notes[np.array(wanted)[version.notes["part"]]]
    return replace(version, notes=kept) if len(kept) else version


def drawn(version: Version, settings) -> dict[str, np.ndarray]:
    """Draw a version at every step of the `ladder` (n_bins, frames)."""
    return {step: draw(changed, settings) for step, changed in ladder(version).items()}


def measure(
    block: Block,
    *,
    steps=drawn,
    works: int | None = None,
    against: str | None = None,
    model: str = "lite",
    jobs: int = 2,
) -> dict[str, dict]:
    """Score a model on the works of a block, changed in several ways.

    Parameters
    ----------
    block : Block
    steps : callable
        ``steps(version, settings)`` returns features by the name of a step, as `drawn` does.
    works : int, optional
        The first so many works; default all.
    against : str, optional
        A step to compare the others with, query by query.
    model : str
        A checkpoint file, or the name of a shipped one.
    jobs : int, >= 1
        Processes.

    Returns
    -------
    dict of str to dict
        ``map``, ``map_low`` and ``map_high`` of each step, by the canonical rules; with ``against``
        ``difference``, ``difference_low`` and ``difference_high`` of its MAP from that step's.
    """
    from joblib import Parallel, delayed

    from bytecover_lite.bootstrap import compare
    from bytecover_lite.retrieval import evaluate_embeddings

    seeds = works_of(block, jobs=jobs)[:works]
    embed = delayed(_embed_work)
    embedded = Parallel(n_jobs=jobs)(embed(seed, block, steps, model) for seed in seeds)
    cliques = np.repeat([f"s{seed}" for seed in seeds], block.versions)
    found, scores = {}, {}
    for step in embedded[0]:
        vectors = np.concatenate([work[step] for work in embedded])  # (works * versions, D)
        scores[step] = evaluate_embeddings(vectors, cliques)
        summary = scores[step].summary()
        found[step] = {key: summary[key] for key in ("map", "map_low", "map_high")}
    for step in set(scores) - {against} if against else ():
        gain = compare(scores[step], scores[against])
        found[step]["difference"] = gain.difference
        found[step] |= {"difference_low": gain.low, "difference_high": gain.high}
    return found


def _embed_work(seed: int, block: Block, steps, model: str) -> dict[str, np.ndarray]:
    import torch

    from bytecover_lite.pipeline import open_model

    network, work, found = open_model(model), compose(seed), {}
    for take in block.takes():
        version = take.version_of(work)
        for step, features in steps(version, network.config.features).items():
            with torch.inference_mode():
                embedding = network(torch.from_numpy(features)[None]).embedding[0]
            found.setdefault(step, []).append(embedding.numpy())
    return {step: np.stack(vectors) for step, vectors in found.items()}


def main() -> None:
    """Measure and write the results file."""
    from bytecover_lite.results import write_result

    blocks = [block for block in PRESETS["voices"] if block.split == "validation"]
    found = {SETS[block.seeds]: measure(block) for block in blocks}
    print(write_result("obstacles", {"model": "lite", "louder_db": LOUDER, "sets": found}))


if __name__ == "__main__":
    main()
