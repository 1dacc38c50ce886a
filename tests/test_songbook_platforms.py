"""Laws of the songbook on other machines: the same notes, the same features to rounding."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.render import draw

ROOT = Path(__file__).parents[1]
TOLERANCE = 1e-5  # of the largest value of a version's features; the page of the songbook says so
ELSEWHERE = """
import sys
from tests.test_songbook_platforms import write
write(sys.argv[1])
"""


def write(path):
    """Save the notes and features of some songs."""
    versions = [arrange(compose(14_700_000 + i), 1, difficulty="hard") for i in range(4)]
    settings = FeatureSettings(averaging=20)
    arrays = {f"notes {i}": version.notes for i, version in enumerate(versions)}
    arrays |= {f"drawn {i}": draw(version, settings) for i, version in enumerate(versions)}
    np.savez(path, **arrays)


def test_a_plainer_processor_gives_the_same_songs_to_rounding(tmp_path):
    """Machine code for the plainest processor of this family, numpy without its faster paths."""
    faster = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    plain |= {"NUMBA_CACHE_DIR": str(tmp_path), "NPY_DISABLE_CPU_FEATURES": " ".join(faster)}
    command = [sys.executable, "-c", ELSEWHERE, tmp_path / "there.npz"]
    subprocess.run(command, env=os.environ | plain, cwd=ROOT, check=True)
    write(tmp_path / "here.npz")
    here, there = (np.load(tmp_path / name) for name in ("here.npz", "there.npz"))
    for name in here.files:
        if name.startswith("notes"):
            assert here[name].tobytes() == there[name].tobytes()
        else:
            assert np.abs(here[name] - there[name]).max() <= TOLERANCE * here[name].max()
