"""Makes the family tables of the chorales and the folk tunes (chapter: your own corpus).

``python -m bytecover_lite.songbook.tables chorales`` (or ``folk``) reads every score of the
installed corpus, aligns all with all and writes the table that the package carries. Nobody needs it
to use the tables; it takes minutes.
"""

from __future__ import annotations

import re

import numpy as np

from . import chorales, folk
from .alignment import alignment_score, similar_pairs
from .families import Member, describe, find_families, write_table
from .scores import ScoreError, corpus_folder, read_score

SAME_TUNE = {"chorales": 0.6, "folk": 0.5}  # both where the fewest pairs lie
APART = {"chorales": 0.5, "folk": 0.4}  # so close, two families are not told apart for certain
SAME_SETTING = 0.7  # chorales: the lower voices agree so well that one is a copy of the other
SAME_PRINT = 0.95  # folk tunes: one book has it from the other, or from itself


def find_chorales(*, jobs: int = 2) -> list[Member]:
    """Find the families of chorales in the installed corpus.

    Parameters
    ----------
    jobs : int
        Processes.

    Returns
    -------
    list of Member
    """
    files = sorted(path.name for path in (corpus_folder() / "bach").glob("*.mxl"))
    return group_chorales(_read(read_voices, [(f"bach/{file}", None) for file in files], jobs))


def find_folk_tunes(*, jobs: int = 2) -> list[Member]:
    """Find the families of folk tunes in the installed corpus.

    Tunes that stand twice in one printed collection (O'Neill's files overlap) are read once.

    Parameters
    ----------
    jobs : int
        Processes.

    Returns
    -------
    list of Member
    """
    return group_folk_tunes(_read(read_tune, list(_numbers()), jobs))


def group_chorales(scores: dict[tuple, list[np.ndarray]]) -> list[Member]:
    """Group chorales by their soprano; drop settings that are copies of another.

    Parameters
    ----------
    scores : dict of (file, None) to list of np.ndarray
        Pitches of soprano, alto, tenor and bass.

    Returns
    -------
    list of Member
    """
    voices = list(scores.values())
    pairs = similar_pairs([own[0] for own in voices], least=APART["chorales"])
    copies = []
    for pair in (p for p in pairs if p.score >= SAME_TUNE["chorales"]):
        lower = zip(voices[pair.first][1:], voices[pair.second][1:], strict=True)
        if np.mean([alignment_score(a, b, pair.shift) for a, b in lower]) >= SAME_SETTING:
            copies.append((pair.first, pair.second))
    return _group("chorales", "chorale", list(scores), pairs, copies)


def group_folk_tunes(scores: dict[tuple, list[np.ndarray]]) -> list[Member]:
    """Group folk tunes; drop those that are nearly the same print.

    Parameters
    ----------
    scores : dict of (file, number) to list of np.ndarray
        Pitches of the tune.

    Returns
    -------
    list of Member
    """
    pairs = similar_pairs([own[0] for own in scores.values()], least=APART["folk"])
    copies = [(p.first, p.second) for p in pairs if p.score >= SAME_PRINT]
    return _group("folk", "folk", list(scores), pairs, copies)


def _group(kind, prefix, names, pairs, copies):
    found = find_families(
        len(names), pairs, threshold=SAME_TUNE[kind], apart=APART[kind], duplicates=copies
    )
    return describe(prefix, names, found, pairs)


def _read(function, names, jobs: int) -> dict[tuple, list[np.ndarray]]:
    from joblib import Parallel, delayed
    from tqdm import tqdm

    run = Parallel(n_jobs=jobs, return_as="generator")
    found = tqdm(run(delayed(function)(*name) for name in names), "reading", len(names))
    return {name: melodies for name, melodies in zip(names, found, strict=True) if melodies}


def read_voices(file: str, number: None = None) -> list[np.ndarray]:
    """Read the pitches of soprano, alto, tenor and bass; nothing when the score is no chorale."""
    return [notes["pitch"] for notes in chorales.satb(read_score(file))]


def read_tune(file: str, number: int) -> list[np.ndarray]:
    """Read the pitches of a tune as printed, without repeats: some books write them out.

    A tune that music21 cannot read is left out, by name.
    """
    try:
        score = read_score(file, number, unfold=False)
    except ScoreError as error:
        print(f"left out: {error}")
        return []
    return [notes["pitch"] for notes in score.voices.values()][:1]


def _numbers():
    seen = set()
    for collection in folk.COLLECTIONS:
        for path in sorted((corpus_folder() / collection).glob("*.abc")):
            text = path.read_text(encoding="utf-8", errors="replace")
            book = collection if collection == "oneills1850" else path.name
            for found in re.findall(r"(?m)^X:\s*(\d+)", text):
                if (book, int(found)) not in seen:
                    seen.add((book, int(found)))
                    yield f"{collection}/{path.name}", int(found)


def main() -> None:
    """Make one of the two tables."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m bytecover_lite.songbook.tables")
    parser.description = "Find tune families in the installed music21 corpus, write their table."
    parser.add_argument("kind", choices=("chorales", "folk"))
    parser.add_argument("--out", help="csv file to write; default: the package's own table")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    chosen = parser.parse_args()
    find, module = {
        "chorales": (find_chorales, chorales),
        "folk": (find_folk_tunes, folk),
    }[chosen.kind]
    members = find(jobs=chosen.jobs)
    write_table(members, chosen.out or module.TABLE)
    print(f"{len({m.family for m in members})} families, {len(members)} scores")


if __name__ == "__main__":
    main()
