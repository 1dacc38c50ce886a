"""Whole datasets of composed songs: presets, splits, building (chapter: your own corpus).

A preset is a list of blocks; each block takes its works from one range of seeds. Ranges never
overlap, so a song of the test set was never trained on, and the blocks' works are checked to be
different songs, not only different seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.errors import BytecoverError

from .arrange import arrange
from .compose import HYMNS, PSALMS, THROUGH_COMPOSED, TUNES, Work, compose
from .distinct import NEAR, fingerprint, nearest
from .render import draw
from .timbre import invented, roughened
from .version import Version


class CorpusError(BytecoverError):
    """A preset that does not exist, or a block that its seed range cannot fill."""


# Reserved for ever: changing one changes every published figure.
SEEDS = {
    "train": range(0, 10_000_000),
    "validation": range(10_000_000, 11_000_000),
    "test": range(11_000_000, 12_000_000),
    "datacos": range(12_000_000, 13_000_000),
    "invariance": range(13_000_000, 14_000_000),
    "example": range(14_000_000, 15_000_000),
    "tunes": TUNES[:9_000_000],
    "validation tunes": TUNES[9_000_000:],
    "hymns": HYMNS[:9_000_000],
    "validation hymns": HYMNS[9_000_000:],
    "psalms": PSALMS[:9_000_000],
    "validation psalms": PSALMS[9_000_000:],
    "through-composed": THROUGH_COMPOSED,
}
for _a, _b in combinations(SEEDS.values(), 2):
    if max(_a.start, _b.start) < min(_a.stop, _b.stop):
        raise AssertionError(f"seed ranges overlap: {_a} and {_b}")
TIMBRES = {"rough": roughened, "invented": invented}  # what is done to a version
CHUNK = 16  # works that a process draws before it hands them over


class Take(NamedTuple):
    """How one version of a work is drawn, see `arrange` and ``TIMBRES``."""

    number: int
    difficulty: str = "real"
    timbres: str = "smooth"
    vary: Mapping[str, float] | None = None

    def version_of(self, work: Work) -> Version:
        """Arrange this version of a work."""
        version = arrange(work, self.number, difficulty=self.difficulty, vary=self.vary)
        return TIMBRES[self.timbres](version) if self.timbres in TIMBRES else version

    def __str__(self) -> str:
        """Return what stands for the artist in a versions table."""
        kind = "" if self.timbres == "smooth" else f"{self.timbres} "
        return f"{kind}{self.difficulty} {self.number}"


@dataclass(frozen=True)
class Block:
    """Works of one kind within a preset.

    Parameters
    ----------
    split : str
        What the versions table says.
    seeds : str
        A key of ``SEEDS``.
    works, versions : int
        How many works, and versions of each.
    difficulties : tuple of str
        Version ``i`` of a work takes number ``i`` of them, around and around.
    skip : int
        Works of the range that other blocks of the preset use.
    timbres : tuple of str
        Version ``i`` is played by number ``i`` of them, around and around: ``"smooth"``
        instruments or a key of ``TIMBRES``.
    """

    split: str
    seeds: str
    works: int
    versions: int
    difficulties: tuple[str, ...] = ("real",)
    skip: int = 0
    timbres: tuple[str, ...] = ("smooth",)

    def takes(self) -> list[Take]:
        """Return how each version of a work is drawn."""
        each = zip(cycle(self.difficulties), cycle(self.timbres), strict=False)
        return [Take(i, *how) for i, how in enumerate(islice(each, self.versions), 1)]


def _validation(timbres=("smooth",)) -> tuple[Block, ...]:
    """Return the validation works of the stages from ``voices`` on, a block of each kind."""
    return (
        Block("validation", "validation", 80, 4, ("real", "hard"), timbres=timbres),
        Block("validation", "validation tunes", 80, 4, ("session",), skip=80, timbres=timbres),
        Block("validation", "validation hymns", 80, 4, ("polyphony",), skip=80, timbres=timbres),
        Block("validation", "validation psalms", 80, 4, ("school",), timbres=timbres),
    )


HALF = ("rough", "smooth")
MOST = ("rough", "rough", "rough", "smooth")
_ANY = ("invented", "rough", "invented", "smooth", "invented", "rough")
_MIXED_TUNES = ("session", "session", "tune", "setting")
_MIXED_HYMNS = ("school", "polyphony", "setting")
_SCHOOLED = ("school", "school", "polyphony")
PRESETS = {
    "lite": (
        Block("train", "train", 4000, 6, ("easy", "real", "hard")),
        Block("validation", "validation", 80, 4, ("real", "hard")),
        Block("test", "test", 80, 4, ("real",)),
    ),
    "ablation": (
        Block("train", "train", 3000, 6, ("easy", "real", "hard")),
        Block("validation", "validation", 80, 4, ("real", "hard")),
    ),
    "large": (
        Block("train", "train", 12000, 6, ("easy", "real", "hard")),
        Block("validation", "validation", 80, 4, ("real", "hard")),
    ),
    "wide": (
        Block("train", "train", 8000, 6, ("easy", "real", "hard"), skip=12000),
        Block("train", "tunes", 4000, 6, ("tune",)),
        Block("validation", "validation", 80, 4, ("real", "hard")),
        Block("validation", "validation tunes", 80, 4, ("tune",)),
    ),
    "parts": (
        Block("train", "train", 4000, 6, ("easy", "real", "hard"), skip=20000),
        Block("train", "tunes", 3000, 6, ("tune", "setting"), skip=4000),
        Block("train", "hymns", 5000, 6, ("setting",)),
        Block("validation", "validation", 80, 4, ("real", "hard")),
        Block("validation", "validation tunes", 80, 4, ("tune",)),
        Block("validation", "validation hymns", 80, 4, ("setting",)),
    ),
    "played": (
        Block("train", "train", 3000, 6, ("easy", "real", "hard"), skip=24000),
        Block("train", "tunes", 4000, 6, ("session", "session", "tune"), skip=7000),
        Block("train", "hymns", 5000, 6, ("polyphony", "polyphony", "setting"), skip=5000),
        Block("validation", "validation", 80, 4, ("real", "hard")),
        Block("validation", "validation tunes", 80, 4, ("session",), skip=80),
        Block("validation", "validation hymns", 80, 4, ("polyphony",), skip=80),
    ),
    "voices": (
        Block("train", "train", 2500, 6, ("easy", "real", "hard"), skip=27000),
        Block("train", "tunes", 3000, 6, ("session", "session", "tune"), skip=11000),
        Block("train", "hymns", 2500, 6, _SCHOOLED, skip=10000),
        Block("train", "psalms", 5000, 6, ("school",)),
        *_validation(),
    ),
    "timbres": (
        Block("train", "train", 2500, 6, ("easy", "real", "hard"), skip=29500, timbres=HALF),
        Block("train", "tunes", 2500, 6, ("session", "session", "tune"), skip=14000, timbres=HALF),
        Block("train", "hymns", 2500, 6, _SCHOOLED, skip=12500, timbres=HALF),
        Block("train", "psalms", 3500, 6, ("school",), skip=5000, timbres=HALF),
        *_validation(HALF),
    ),
    "uneven": (
        Block("train", "train", 3000, 6, ("easy", "real", "hard"), skip=32000, timbres=MOST),
        Block("train", "tunes", 4000, 6, ("session", "session", "tune"), skip=16500, timbres=MOST),
        Block("train", "hymns", 3000, 6, _SCHOOLED, skip=15000, timbres=MOST),
        Block("train", "psalms", 5000, 6, ("school",), skip=8500, timbres=MOST),
        *_validation(HALF),
    ),
    "plenty": (
        Block("train", "train", 4500, 6, ("easy", "real", "hard"), skip=35000, timbres=MOST),
        Block("train", "tunes", 6000, 6, ("session", "session", "tune"), skip=20500, timbres=MOST),
        Block("train", "hymns", 3500, 6, _SCHOOLED, skip=18000, timbres=MOST),
        Block("train", "psalms", 6000, 6, ("school",), skip=13500, timbres=MOST),
        *_validation(HALF),
    ),
    "textures": (
        Block("train", "train", 4000, 6, ("easy", "real", "hard"), skip=39500, timbres=MOST),
        Block("train", "tunes", 5500, 6, _MIXED_TUNES, skip=26500, timbres=MOST),
        Block("train", "hymns", 4500, 6, _MIXED_HYMNS, skip=21500, timbres=MOST),
        Block("train", "psalms", 6000, 6, _SCHOOLED, skip=19500, timbres=MOST),
        *_validation(HALF),
    ),
    "invented": (
        Block("train", "train", 4000, 6, ("easy", "real", "hard"), skip=43500, timbres=_ANY),
        Block("train", "tunes", 5500, 6, _MIXED_TUNES, skip=32000, timbres=_ANY),
        Block("train", "hymns", 4500, 6, _MIXED_HYMNS, skip=26000, timbres=_ANY),
        Block("train", "psalms", 6000, 6, _SCHOOLED, skip=25500, timbres=_ANY),
        *_validation(HALF),
    ),
    "tunes": (Block("validation", "validation tunes", 80, 4, ("tune",)),),
    "hymns": (Block("validation", "validation hymns", 80, 4, ("setting",)),),
    "session": (Block("validation", "validation tunes", 80, 4, ("session",), skip=80),),
    "polyphony": (Block("validation", "validation hymns", 80, 4, ("polyphony",), skip=80),),
    "school": (Block("validation", "validation psalms", 80, 4, ("school",)),),
    "rough": (Block("validation", "validation psalms", 80, 4, ("school",), timbres=HALF),),
    "scaling": (Block("train", "train", 16000, 4, ("easy", "real", "hard")),),
    "easy": (Block("test", "test", 80, 4, ("easy",)),),
    "real": (Block("test", "test", 80, 4, ("real",)),),
    "hard": (Block("test", "test", 80, 4, ("hard",)),),
    "datacos": (
        Block("test", "datacos", 1000, 13),
        Block("test", "datacos", 2000, 1, skip=1000),
    ),
    "tiny": (
        Block("train", "example", 8, 3),
        Block("validation", "example", 4, 2, skip=8),
        Block("test", "example", 4, 2, skip=12),
    ),
}


def build(
    preset: str,
    out,
    *,
    settings: FeatureSettings | None = None,
    jobs: int = 2,
    progress: bool = False,
) -> Path:
    """Write a corpus of drawn songs; a build that was killed is taken up where it stood.

    Parameters
    ----------
    preset : str
        A key of ``PRESETS``.
    out : path-like
        Directory for ``versions.csv`` and the feature store ``features``.
    settings : FeatureSettings, optional
        Default: the paper's.
    jobs : int, >= 1
        Processes.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    CorpusError
        If the preset does not exist.
    """
    from tqdm import tqdm

    if preset not in PRESETS:
        raise CorpusError(f"preset {preset!r} is not one of {', '.join(PRESETS)}")
    tasks = []
    for block in tqdm(PRESETS[preset], "works", unit="block", disable=not progress):
        for seed in works_of(block, jobs=jobs):
            tasks.append((seed, block.split, f"songbook {preset}", block.takes()))
    settings = settings or FeatureSettings()
    return write(tasks, out, settings=settings, jobs=jobs, progress=progress)


def invariance_set(
    vary: Mapping[str, float],
    out,
    *,
    works: int = 80,
    versions: int = 4,
    settings: FeatureSettings | None = None,
    jobs: int = 2,
) -> Path:
    """Write a test corpus in which only some attributes differ between versions of a work.

    Parameters
    ----------
    vary : mapping of str to float
        How much each of some of ``style.ATTRIBUTES`` changes, see `arrange`: the first version of a
        work is its base version, the others change by these amounts.
    out : path-like
        Corpus directory.
    works, versions : int
    settings : FeatureSettings, optional
    jobs : int

    Returns
    -------
    Path
        ``out``.
    """
    chosen = works_of(Block("test", "invariance", works, versions), jobs=jobs)
    takes = [Take(i, vary=dict(vary) if i else {}) for i in range(versions)]
    source = "songbook " + ", ".join(f"{name} {amount:g}" for name, amount in vary.items())
    tasks = [(seed, "test", source, takes) for seed in chosen]
    return write(tasks, out, settings=settings or FeatureSettings(), jobs=jobs)


def works_of(block: Block, *, jobs: int = 1) -> list[int]:
    """Return the seeds of a block's works: the first of its range that are different songs."""
    from joblib import Parallel, delayed

    seeds = SEEDS[block.seeds]
    wanted = block.skip + block.works
    tried = seeds[: wanted + wanted // 20 + 20]
    chunks = [tried[i : i + 250] for i in range(0, len(tried), 250)]
    found = Parallel(n_jobs=jobs if len(chunks) > 1 else 1)(delayed(_prints)(c) for c in chunks)
    kept = [s for s, near in zip(tried, nearest(np.concatenate(found)), strict=True) if near < NEAR]
    if len(kept) < wanted:
        raise CorpusError(f"seeds {seeds} gave {len(kept)} different works of {wanted}")
    return kept[block.skip : wanted]


def _prints(seeds) -> np.ndarray:
    return np.stack([fingerprint(compose(seed)) for seed in seeds])


def write(tasks, out, *, settings: FeatureSettings, jobs: int, progress: bool = False) -> Path:
    """Draw works in processes and write them in the order of ``tasks`` from this one.

    Parameters
    ----------
    tasks : list of (int, str, str, list of Take)
        Seed, split, source and takes of each work.
    out : path-like
        Corpus directory.
    settings : FeatureSettings
    jobs : int, >= 1
    progress : bool

    Returns
    -------
    Path
        ``out``.
    """
    import pandas as pd
    from joblib import Parallel, delayed
    from tqdm import tqdm

    from bytecover_lite.data import write_versions
    from bytecover_lite.store import StoreWriter

    out, titles = Path(out), {}
    with StoreWriter.create_or_resume(out / "features", settings) as writer:
        missing = [t for t in tasks if not all(_name(t[0], take.number) in writer for take in t[3])]
        chunks = [missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)]
        parallel = Parallel(n_jobs=jobs if len(chunks) > 1 else 1, return_as="generator")
        works = parallel(delayed(_draw_works)(chunk, settings) for chunk in chunks)
        done = len(tasks) - len(missing)
        with tqdm(
            total=len(tasks), initial=done, desc="drawing", unit="work", disable=not progress
        ) as bar:
            for seed, title, drawn in (work for chunk in works for work in chunk):
                titles[seed] = title
                for version, features in drawn:
                    if version not in writer:
                        writer.add(version, features)
                bar.update()
    rows = []
    for seed, split, source, takes in tasks:
        title = titles[seed] if seed in titles else compose(seed).title
        for take in takes:
            row = (_name(seed, take.number), f"s{seed}", split, title, str(take), source, "")
            rows.append(row)
    columns = ["version", "clique", "split", "title", "artist", "source", "path"]
    write_versions(pd.DataFrame(rows, columns=columns), out / "versions.csv")
    return out


def _name(seed: int, number: int) -> str:
    return f"s{seed}-{number}"


def _draw_works(tasks, settings) -> list[tuple[int, str, list[tuple[str, np.ndarray]]]]:
    works = []
    for seed, _, _, takes in tasks:
        work, drawn = compose(seed), []
        for take in takes:
            features = draw(take.version_of(work), settings).astype(np.float16)
            drawn.append((_name(seed, take.number), features))
        works.append((seed, work.title, drawn))
    return works
