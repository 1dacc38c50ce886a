"""Are two melodies the same tune? Alignment that no transposition changes (your own corpus).

A melody is a sequence of pitches, without rhythm: books note one tune in different metres. Two
melodies are compared note by note, after the transposition under which most short motifs agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

_MOTIF = 5  # notes
_REACH = 30  # semitones of transposition that are looked at
_MISMATCH, _GAP = -1.0, -0.5


@dataclass(frozen=True)
class Pair:
    """Two melodies that agree.

    Parameters
    ----------
    first, second : int
        Positions in the list of melodies, ``first < second``.
    score : float, <= 1
        See `alignment_score`.
    shift : int
        Semitones from the first melody up to the second.
    """

    first: int
    second: int
    score: float
    shift: int


def alignment_score(first: np.ndarray, second: np.ndarray, shift: int) -> float:
    """Align two melodies from end to end (Needleman and Wunsch 1970).

    A pair of equal notes counts 1, of different ones -1, a note without partner -1/2. The best sum
    is divided by the length of the longer melody: 1 means the same notes, unrelated tunes lie
    around 0.

    Parameters
    ----------
    first, second : np.ndarray [shape=(n,), dtype=int]
        MIDI numbers; at least one each.
    shift : int
        Semitones that the first is raised by before it is compared.

    Returns
    -------
    float, <= 1
    """
    best = _align(first.astype(np.int64), second.astype(np.int64), shift)
    return best / max(len(first), len(second))


def similar_pairs(
    melodies: list[np.ndarray], *, least: float, motifs: int = 5, progress: bool = False
) -> list[Pair]:
    """Find all pairs of melodies that align well.

    Parameters
    ----------
    melodies : list of np.ndarray [shape=(n,), dtype=int]
        MIDI numbers.
    least : float
        Lowest score of interest.
    motifs : int, >= 1
        Pairs that share fewer motifs of five notes (as intervals, counted at the transposition that
        most of them agree on) are not aligned: they never reach a score of interest.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    list of Pair
        In order of their positions.
    """
    from tqdm import tqdm

    index = _index_motifs(melodies)
    lengths = [len(melody) for melody in melodies]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    notes = np.concatenate(melodies).astype(np.int64)
    pairs = []
    for first in tqdm(range(len(melodies)), desc="aligning", disable=not progress):
        found = _partners(first, notes, offsets, *index, motifs, least)
        pairs += [Pair(first, int(j), float(s), int(t)) for j, s, t in zip(*found, strict=True)]
    return pairs


def _index_motifs(melodies):
    """List each melody's different motifs, and for each motif who has it at which height."""
    names: dict[tuple, int] = {}
    rows = []  # motif, melody, first pitch
    for melody, pitches in enumerate(melodies):
        own = set()
        for at in range(len(pitches) - _MOTIF + 1):
            intervals = tuple(np.diff(pitches[at : at + _MOTIF]).tolist())
            own.add((names.setdefault(intervals, len(names)), melody, int(pitches[at])))
        rows += sorted(own)
    table = np.array(rows, np.int64).reshape(-1, 3)
    bounds = np.searchsorted(table[:, 1], np.arange(len(melodies) + 1))
    by_motif = table[np.argsort(table[:, 0], kind="stable")]
    starts = np.searchsorted(by_motif[:, 0], np.arange(len(names) + 1))
    return table, bounds, by_motif, starts


@njit(cache=True)
def _partners(first, notes, offsets, table, bounds, by_motif, starts, motifs, least):
    """Count common motifs by transposition; align with every later melody that shares enough."""
    count = len(offsets) - 1
    votes = np.zeros((count, 2 * _REACH + 1), np.int32)
    for row in range(bounds[first], bounds[first + 1]):
        for other in range(starts[table[row, 0]], starts[table[row, 0] + 1]):
            shift = by_motif[other, 2] - table[row, 2]
            if by_motif[other, 1] > first and abs(shift) <= _REACH:
                votes[by_motif[other, 1], shift + _REACH] += 1
    seconds, scores, shifts = [], [], []
    own = notes[offsets[first] : offsets[first + 1]]
    for second in range(first + 1, count):
        best = np.argmax(votes[second])
        if votes[second, best] >= motifs:
            other_notes = notes[offsets[second] : offsets[second + 1]]
            score = _align(own, other_notes, best - _REACH) / max(len(own), len(other_notes))
            if score >= least:
                seconds.append(second)
                scores.append(score)
                shifts.append(best - _REACH)
    return seconds, scores, shifts


@njit(cache=True)
def _align(first, second, shift):
    last = _GAP * np.arange(len(second) + 1)
    row = np.empty_like(last)
    for i in range(len(first)):
        row[0] = _GAP * (i + 1)
        for j in range(len(second)):
            same = 1.0 if first[i] + shift == second[j] else _MISMATCH
            row[j + 1] = max(last[j] + same, max(last[j + 1], row[j]) + _GAP)
        last, row = row, last
    return last[-1]
