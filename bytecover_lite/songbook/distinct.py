"""Are two works the same song? (chapter: your own corpus).

Songs may share a chord loop; they may not share a tune. A work's fingerprint counts the short turns
of its melodies (three intervals in a row, with the length of the middle note), and two works whose
fingerprints point the same way are near-duplicates.
"""

from __future__ import annotations

import numpy as np

from .compose import Work

SIZE = 1024
NEAR = 0.6  # cosine above which two works count as the same song


def fingerprint(work: Work) -> np.ndarray:
    """Count the turns of a work's melodies.

    Parameters
    ----------
    work : Work

    Returns
    -------
    np.ndarray [shape=(SIZE,), dtype=float32]
        Of length 1; does not depend on key or tempo.
    """
    counts = np.zeros(SIZE, np.float32)
    for section in work.sections.values():
        if len(section.melody) < 4:
            continue
        interval = np.diff(section.melody["pitch"]).astype(np.int64)
        length = (np.diff(section.melody["start"]) * 4).astype(np.int64)
        word = interval[:-2] + 37 * interval[1:-1] + 1369 * interval[2:] + 50653 * length[1:-1]
        np.add.at(counts, (word * 2654435761 >> 8) % SIZE, 1)
    return counts / max(float(np.sqrt((counts**2).sum())), 1e-9)


def nearest(fingerprints: np.ndarray) -> np.ndarray:
    """Return each work's largest similarity to an earlier one, float32 [shape=(n,)]."""
    best = np.zeros(len(fingerprints), np.float32)
    for start in range(0, len(fingerprints), 1024):
        rows = fingerprints[start : start + 1024]
        similar = rows @ fingerprints[: start + len(rows)].T
        earlier = np.arange(similar.shape[1])[None] < np.arange(start, start + len(rows))[:, None]
        best[start : start + len(rows)] = np.where(earlier, similar, 0).max(axis=1)
    return best
