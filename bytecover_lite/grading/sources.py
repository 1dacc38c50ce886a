"""Assignments: the instructor's notebook and what a student gets of it (instructor's guide).

A source is a notebook with nbgrader's metadata, solutions between ``BEGIN SOLUTION`` and ``END
SOLUTION`` and hidden tests between ``BEGIN HIDDEN TESTS`` and ``END HIDDEN TESTS``.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

from ..errors import BytecoverError

_FORBIDDEN = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN", "END HIDDEN")


class GradingError(BytecoverError):
    """An assignment, a folder or an option that cannot be graded with."""


@dataclass(frozen=True)
class Cell:
    """One cell of an assignment.

    Attributes
    ----------
    name : str
        nbgrader's ``grade_id``; empty for text and for code that belongs to nobody.
    kind : str
        ``"text"``, ``"plain"`` (code without metadata, such as the student's id), ``"given"``
        (locked code), ``"answer"`` (code to write), ``"test"`` or ``"essay"`` (graded by hand).
    source, released : str
        What the instructor has and what the student gets.
    points : float
        0 unless a test or an essay.
    """

    name: str
    kind: str
    source: str
    released: str
    points: float

    @property
    def is_code(self):
        """Whether the cell is executed."""
        return self.kind not in ("text", "essay")


@dataclass(frozen=True)
class Assignment:
    """An assignment as the grader needs it.

    Attributes
    ----------
    name : str
        Name of its folder and notebook.
    cells : tuple of Cell
    release : dict
        The student's notebook, nbformat 4.5.
    """

    name: str
    cells: tuple[Cell, ...]
    release: dict

    def points(self, kind):
        """Return the points of all cells of a kind, ``"test"`` or ``"essay"``."""
        return sum(cell.points for cell in self.cells if cell.kind == kind)


def read_assignments(folder):
    """Read every assignment below ``folder``, laid out as nbgrader's ``source`` directory.

    Parameters
    ----------
    folder : path-like
        Holds ``NAME/NAME.ipynb`` for every assignment.

    Returns
    -------
    dict of str to Assignment

    Raises
    ------
    GradingError
        If there is none, or nbgrader is not installed.
    """
    paths = sorted(path for path in Path(folder).glob("*/*.ipynb") if path.stem == path.parent.name)
    if not paths:
        raise GradingError(
            f"{folder}: holds no NAME/NAME.ipynb; give the instructor's notebooks, which are "
            "book/assignments of the project or what `make assignments` wrote"
        )
    return {path.stem: read_assignment(path) for path in paths}


def read_assignment(path):
    """Read one instructor's notebook; see `read_assignments`."""
    notebook = json.loads(Path(path).read_text(encoding="utf-8"))
    release = student_version(notebook)
    pairs = zip(notebook["cells"], release["cells"], strict=True)
    cells = tuple(_cell(source, released) for source, released in pairs)
    names = [cell.name for cell in cells if cell.name]
    if len(set(names)) < len(names):
        raise GradingError(f"{path}: two cells have the same grade_id")
    return Assignment(Path(path).stem, cells, release)


def student_version(notebook):
    """Take solutions, hidden tests and outputs out of a notebook, as nbgrader does.

    Parameters
    ----------
    notebook : dict
        The instructor's, nbformat 4.5. It is left as it is.

    Returns
    -------
    dict
        With nbgrader's checksums and locks.

    Raises
    ------
    GradingError
        If nbgrader is not installed, or something of a solution or hidden test would be left.
    """
    nbformat, steps = _nbgrader()
    released, resources = nbformat.reads(json.dumps(notebook), as_version=4), {}
    for step in steps:
        released, resources = step.preprocess(released, resources)
    released = json.loads(nbformat.writes(released))
    for cell in released["cells"]:
        text = "".join(cell["source"])
        if any(word in text for word in _FORBIDDEN):
            raise GradingError(f"a solution or hidden test would be handed out: {text[:60]!r}")
    return released


def text_of(cell):
    """Return the source of a notebook's cell as one string."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def writable(text):
    """Return text with an escape for what JSON and file names can hold, and no table."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _nbgrader():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its dependencies, not of ours
            import nbformat
            from nbgrader import preprocessors as p
    except ImportError as error:
        raise GradingError(
            f"{error.name} is missing: pip install 'bytecover-lite[grade]'"
        ) from error
    order = (p.LockCells, p.ClearSolutions, p.ClearOutput, p.ClearHiddenTests, p.ComputeChecksums)
    return nbformat, [step() for step in order]


def _cell(source, released):
    marks = source["metadata"].get("nbgrader", {})
    is_code = source["cell_type"] == "code"
    if marks.get("solution"):
        kind = "answer" if is_code else "essay"
    elif marks.get("grade"):
        kind = "test"
    elif is_code:
        kind = "given" if marks.get("locked") else "plain"
    else:
        kind = "text"
    points = float(marks.get("points", 0)) if marks.get("grade") else 0.0
    texts = text_of(source), text_of(released)
    return Cell(marks.get("grade_id", ""), kind, *texts, points)
