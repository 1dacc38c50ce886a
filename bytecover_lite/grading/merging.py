"""Put a student's answers among the instructor's cells (instructor's guide).

What runs is the assignment in its own order: given cells and tests are the instructor's, whatever
the submission holds in their place; answers and additional cells are the student's.
"""

import copy
from dataclasses import dataclass

from .sources import text_of

LIBERTY = ("answer", "plain", "extra", "essay")


@dataclass(frozen=True)
class Step:
    """One cell to execute, or an essay to be read.

    Attributes
    ----------
    name : str
        Name in the assignment; empty for plain and additional cells.
    kind : str
        As in `sources.Cell`, or ``"extra"`` for a cell that the student added.
    source : str
    points : float
    """

    name: str
    kind: str
    source: str
    points: float = 0.0


def merge(assignment, cells, match):
    """Return what is to be executed and read, in order.

    Parameters
    ----------
    assignment : Assignment
    cells : sequence of dict
        The submission's.
    match : matching.Match

    Returns
    -------
    list of Step
    """
    taken = {there: position for position, there in match.where.items()}
    extras, position = {}, -1
    for there, cell in enumerate(cells):
        position = taken.get(there, position)
        if there not in taken and cell["type"] == "code" and cell["source"].strip():
            extras.setdefault(position, []).append(Step("", "extra", cell["source"]))
    steps = extras.pop(-1, [])
    for position, own in enumerate(assignment.cells):
        if own.kind != "text":
            source = _source(own, cells, match.where.get(position))
            steps.append(Step(own.name, own.kind, source, own.points))
        steps += extras.get(position, [])
    return steps


def answered(assignment, steps):
    """Return the names of answers and essays in which the student wrote something."""
    released = {cell.name: cell.released.strip() for cell in assignment.cells if cell.name}
    return {
        step.name
        for step in steps
        if step.kind in ("answer", "essay") and step.source.strip() != released[step.name]
    }


def repaired_notebook(assignment, steps):
    """Return a notebook with the release's metadata and the student's answers, for nbgrader.

    Parameters
    ----------
    assignment : Assignment
    steps : sequence of Step
        From `merge`.

    Returns
    -------
    dict
        nbformat 4.5, without outputs.
    """
    notebook = copy.deepcopy(assignment.release)
    own = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]}
    order, plain = [], iter(_plain_cells(assignment, notebook))
    for step in steps:
        if step.kind == "extra":
            cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        else:
            cell = next(plain) if step.kind == "plain" else own[step.name]
        if step.kind in LIBERTY:
            cell["source"] = step.source
        order.append(cell)
    texts = [cell for cell in notebook["cells"] if not any(cell is one for one in order)]
    notebook["cells"] = texts[:1] + order
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = str(number)
    return notebook


def _plain_cells(assignment, notebook):
    pairs = zip(assignment.cells, notebook["cells"], strict=True)
    return [cell for own, cell in pairs if own.kind == "plain"]


def _source(own, cells, there):
    if own.kind in ("given", "test"):
        return own.source
    return own.released if there is None else text_of(cells[there])
