"""How much of a published set is there, since a part is not the set (chapter "Full scale").

Beside the ``versions.csv`` of a published set stands ``set.json``: its name and, for every split,
how many recordings and works it was published with.
"""

import json
from pathlib import Path

from .errors import BytecoverError
from .files import replace_file

FILE = "set.json"


class CoverageError(BytecoverError):
    """The description of a set is damaged, or belongs to another set."""


def write_set(folder, name, published):
    """Say which set a folder holds.

    Parameters
    ----------
    folder : path-like
    name : str
        ``"SHS100K2"``.
    published : dict
        Split: (recordings, works), as published.

    Raises
    ------
    CoverageError
        If the folder holds another set.
    """
    path = Path(folder) / FILE
    there = read_set(folder)
    if there and there["name"] != name:
        raise CoverageError(f"{folder} holds {there['name']}, not {name}: choose another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"name": name, "published": {k: list(v) for k, v in published.items()}})
    replace_file(path, f"{text}\n".encode())


def read_set(folder):
    """Return name and published counts of the set in a folder, None if it is no published set.

    Raises
    ------
    CoverageError
        If the description cannot be read.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        published = {split: (int(n), int(m)) for split, (n, m) in found["published"].items()}
        return {"name": str(found["name"]), "published": published}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CoverageError(f"{path}: no description of a set ({error}); make it again") from error


def coverage(folder, table, split):
    """Return which share of a split's published recordings a corpus holds.

    Parameters
    ----------
    folder : path-like
        The corpus.
    table : pandas.DataFrame
        Its versions table.
    split : str

    Returns
    -------
    float or None
        Between 0 and 1; None if the corpus is no published set.
    """
    found = read_set(folder)
    if not found or split not in found["published"]:
        return None
    published = found["published"][split][0]
    return min(1.0, float((table["split"] == split).sum() / published)) if published else None


def label(share):
    """Return how to mark a score on a part of a set: ``"94.1 % of the set"``, or nothing.

    A share that is not 1 is never written as 100 %.
    """
    if share is None or share >= 1:
        return ""
    return f"{min(99.9, 100 * share):.1f} % of the set"
