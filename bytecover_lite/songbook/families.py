"""Tune families: which scores are versions of one work (chapter: your own corpus).

A family table (csv) holds facts about an installed corpus - file, number, family, agreement - and
no music. `find_families` makes it; building a test set only reads it.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from bytecover_lite.errors import BytecoverError


class FamilyError(BytecoverError):
    """A family table that is missing or damaged, or a number of families it cannot give."""


@dataclass(frozen=True)
class Member:
    """One score of a family.

    Parameters
    ----------
    family : str
    file : str
        Path below the music21 corpus folder.
    number : int or None
        Tune in a file that holds many.
    semitones : int
        How far it is noted above the family's first member.
    score : float, 0..1
        Lowest alignment with another member.
    """

    family: str
    file: str
    number: int | None
    semitones: int
    score: float


def find_families(
    count: int,
    pairs: Iterable,
    *,
    threshold: float,
    apart: float,
    duplicates: Iterable[tuple[int, int]],
) -> list[list[int]]:
    """Group melodies so that within a family all agree and between families none nearly do.

    Duplicates are dropped first (of two, the later one). Then complete linkage: a family is a set
    in which every pair reaches ``threshold``. Last, where melodies of two families come closer than
    ``apart``, one is dropped, so that no doubtful pair counts as a wrong answer in a test.

    Parameters
    ----------
    count : int
        Number of melodies.
    pairs : iterable of alignment.Pair
        All that score at least ``min(threshold, apart)``.
    threshold, apart : float
    duplicates : iterable of (int, int)
        Pairs of melodies that are copies rather than versions.

    Returns
    -------
    list of list of int
        Families of at least two, in order of their first members.
    """
    kept = _without_duplicates(count, duplicates)
    pairs = [p for p in pairs if p.first in kept and p.second in kept]
    family = _complete_linkage(pairs, threshold)
    for pair in sorted(pairs, key=lambda p: (-p.score, p.first, p.second)):
        one, two = family.get(pair.first), family.get(pair.second)
        if one is None or two is None or one == two or pair.score < apart:
            continue
        sizes = Counter(family.values())
        dropped = pair.first if sizes[one] > sizes[two] else pair.second
        left = [m for m, f in family.items() if f == family[dropped] and m != dropped]
        for melody in [dropped] if len(left) > 1 else [dropped, *left]:
            del family[melody]
    groups = defaultdict(list)
    for melody in sorted(family):
        groups[family[melody]].append(melody)
    return sorted(groups.values())


def _without_duplicates(count: int, duplicates) -> set[int]:
    earlier = defaultdict(set)
    for one, two in duplicates:
        earlier[max(one, two)].add(min(one, two))
    kept: set[int] = set()
    for melody in range(count):
        if not earlier[melody] & kept:
            kept.add(melody)
    return kept


def _complete_linkage(pairs, threshold: float) -> dict[int, int]:
    """Return the family of every melody that has one."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    close = [p for p in pairs if p.score >= threshold]
    if not close:
        return {}
    melodies = sorted({m for p in close for m in (p.first, p.second)})
    place = {melody: i for i, melody in enumerate(melodies)}
    distance = np.full((len(melodies), len(melodies)), 2.0)
    np.fill_diagonal(distance, 0.0)
    for p in close:
        one, two = place[p.first], place[p.second]
        distance[one, two] = distance[two, one] = 1 - p.score
    tree = linkage(squareform(distance), "complete")
    labels = fcluster(tree, 1 - threshold + 1e-9, "distance").tolist()
    sizes = Counter(labels)
    return {m: f for m, f in zip(melodies, labels, strict=True) if sizes[f] > 1}


def describe(prefix: str, names, families, pairs) -> list[Member]:
    """Turn families of positions into table rows.

    Parameters
    ----------
    prefix : str
        Families are called ``prefix001`` and so on.
    names : list of (str, int or None)
        File and number of each melody.
    families : list of list of int
    pairs : iterable of alignment.Pair

    Returns
    -------
    list of Member
    """
    known = {(p.first, p.second): p for p in pairs}
    members = []
    for number, family in enumerate(families, 1):
        for melody in family:
            others = [known[min(melody, m), max(melody, m)] for m in family if m != melody]
            shift = 0 if melody == family[0] else known[family[0], melody].shift
            score = round(min(p.score for p in others), 3)
            members.append(Member(f"{prefix}{number:03d}", *names[melody], shift, score))
    return members


def write_table(members: Iterable[Member], path) -> None:
    """Write a family table."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Member))
        for member in members:
            writer.writerow("" if value is None else value for value in astuple(member))


def read_table(path, *, limit_families: int | None = None) -> list[Member]:
    """Read a family table.

    Parameters
    ----------
    path : path-like
    limit_families : int, optional
        Read so many families, spread evenly over the table.

    Returns
    -------
    list of Member

    Raises
    ------
    FamilyError
        If the table is missing or damaged, or holds fewer families.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        members = [_member(row) for row in rows]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise FamilyError(
            f"{path} is no family table ({error!r}): reinstall the package"
        ) from error
    if not members:
        raise FamilyError(f"{path} is an empty family table; reinstall")
    names = list(dict.fromkeys(member.family for member in members))
    if limit_families is None:
        return members
    if not 0 < limit_families <= len(names):
        raise FamilyError(f"{limit_families} families asked for: choose 1 to {len(names)}")
    places = np.linspace(0, len(names) - 1, limit_families).round().astype(int)
    chosen = {names[place] for place in places}
    return [member for member in members if member.family in chosen]


def _member(row) -> Member:
    number = int(row["number"]) if row["number"] else None
    return Member(row["family"], row["file"], number, int(row["semitones"]), float(row["score"]))
