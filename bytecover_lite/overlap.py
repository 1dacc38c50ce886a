"""What two sets share, so that nothing is tested on what was trained on (chapter "Full scale").

8,373 recordings of SHS100K are in Da-TACOS too, and the two scores that are published for ByteCover
on Da-TACOS differ by them.
"""

import re
import unicodedata

import numpy as np

from .errors import BytecoverError

COLUMNS = ("by", "left", "right", "left_clique", "right_clique", "distance")
_PERFORMANCE = re.compile(r"P_\d+")
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]|\b(?:feat|ft|featuring)\b.*")


class OverlapError(BytecoverError):
    """Training and test works are the same."""


def find_overlap(left, right, *, by=("id", "name")):
    """Find the recordings that two sets share.

    Parameters
    ----------
    left, right : pandas.DataFrame
        Versions tables.
    by : sequence of str
        ``"id"``: the same video (a source ``youtube:ID``), the same performance of SecondHandSongs
        (a version ``P_546633``), or the same name of the work. ``"name"``: the same title and
        artist, but for case, accents, punctuation and asides in brackets. ``"title"``: the same
        title, which is a hint only: different works may share it.

    Returns
    -------
    pandas.DataFrame
        One row a pair: ``by`` (``video``, ``performance``, ``work``, ``name``, ``title``),
        ``left`` and ``right`` (versions), their cliques, ``distance`` (empty). A pair that is found
        twice is listed by the first of these.
    """
    import pandas as pd

    keys = []
    if "id" in by:
        keys += [("video", _video), ("performance", _performance), ("work", _work)]
    keys += [(kind, key) for kind, key in (("name", _name), ("title", _title)) if kind in by]
    pairs = {}
    for kind, key in keys:
        index = {}
        for row in right.itertuples(index=False):
            if key(row):
                index.setdefault(key(row), []).append(row)
        for row in left.itertuples(index=False):
            for other in index.get(key(row), ()):
                pair = (row.version, other.version)
                pairs.setdefault(pair, (kind, *pair, row.clique, other.clique, ""))
    return pd.DataFrame(pairs.values(), columns=COLUMNS)


def _video(row):
    return row.source if row.source.startswith("youtube:") else ""


def _performance(row):
    return row.version if _PERFORMANCE.fullmatch(row.version) else ""


def _work(row):
    return row.clique


def _name(row):
    title, artist = _title(row), plain(row.artist)
    return (title, artist) if title and artist else ()


def _title(row):
    # composed songs carry their seed as the name of the work; their titles are drawn from few words
    return "" if row.source.startswith("songbook") else plain(row.title)


def plain(text):
    """Return a title or a name without case, accents, punctuation, articles and asides."""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(character for character in text if not unicodedata.combining(character))
    words = re.findall(r"\w+", _ASIDE.sub(" ", text).replace("'", "").replace("_", " "))
    return " ".join(word for word in words if word not in ("the", "a", "and"))


def nearest_pairs(left, right, *, distance=0.05, block=1024):
    """Find recordings of two sets that sound alike to a network: the same one, or a close copy.

    Parameters
    ----------
    left, right : Embeddings
    distance : float
        Largest cosine distance to list. Assumption: 0.05.
    block : int
        Rows of ``left`` at once.

    Returns
    -------
    list of (str, str, float)
        Version, version, distance; nearest first.
    """
    units = [_unit(side.vectors) for side in (left, right)]
    pairs = []
    for start in range(0, len(units[0]), block):
        distances = 1 - units[0][start : start + block] @ units[1].T  # (block, R)
        for row, column in zip(*np.nonzero(distances <= distance), strict=True):
            found = max(0.0, float(distances[row, column]))
            pairs.append((left.versions[start + row], right.versions[column], found))
    return sorted(pairs, key=lambda pair: pair[2])


def _unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def separate(table, tests, *, overlap="refuse"):
    """Keep works of test sets out of a training split.

    Parameters
    ----------
    table : pandas.DataFrame
        Versions table with the split ``train``; its own other splits are test sets too, compared
        by id only.
    tests : dict
        Name: versions table, of which every row is a test.
    overlap : {"refuse", "drop", "allow"}
        Refuse to train; leave the works out of the training, with all their versions; or train.

    Returns
    -------
    table : pandas.DataFrame
        What may be trained on.
    found : pandas.DataFrame
        The pairs, as :func:`find_overlap` returns them, with a column ``test``.

    Raises
    ------
    OverlapError
        If works are shared and ``overlap`` is ``"refuse"``.
    """
    import pandas as pd

    training = table[table["split"] == "train"]
    others = table[table["split"] != "train"]
    parts = [find_overlap(training, others, by=("id",)).assign(test="its own other splits")]
    parts += [find_overlap(training, test).assign(test=name) for name, test in tests.items()]
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    if len(found) and overlap == "refuse":
        first = found.iloc[0]
        raise OverlapError(
            f"{found['left'].nunique()} recordings of {found['left_clique'].nunique()} training "
            f"works are in a test set too, the first is {first['left']!r} ({first['test']}: "
            f"{first['right']!r}, same {first['by']}): leave these works out (--overlap drop) or "
            "train on them knowingly (--overlap allow)"
        )
    if overlap == "drop":
        shared = (table["split"] == "train") & table["clique"].isin(found["left_clique"])
        table = table[~shared].reset_index(drop=True)
    return table, found
