"""Answers in words: a table in which somebody enters points and comments (instructor's guide)."""

import csv

from ..files import format_csv
from .sources import GradingError

COLUMNS = ("student", "assignment", "name", "max", "points", "comment", "answer")


def grade_essays(grade, assignment, steps, entered):
    """Return the essays of a submission with the points that were entered for them.

    Parameters
    ----------
    grade : Grade
    assignment : Assignment
    steps : sequence of Step
    entered : dict
        From `read_essays`.

    Returns
    -------
    list of dict
        See `verdicts.Grade`; an essay in which nothing was written has 0 points.
    """
    released = {cell.name: cell.released.strip() for cell in assignment.cells}
    return [
        _essay(step, entered.get((grade.student, grade.assignment, step.name)), released[step.name])
        for step in steps
        if step.kind == "essay"
    ]


def read_essays(path):
    """Read the table again, with what was entered; empty if it was never written.

    Raises
    ------
    GradingError
        If it lacks a column.
    """
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = set(COLUMNS) - set(rows[0] if rows else COLUMNS)
    if missing:
        raise GradingError(f"{path}: lacks the columns {', '.join(sorted(missing))}")
    return {(row["student"], row["assignment"], row["name"]): row for row in rows}


def format_essays(grades):
    """Return the table of all essays as csv."""
    essays = [
        essay | {"student": grade.student, "assignment": grade.assignment}
        for grade in grades
        for essay in grade.essays
    ]
    rows = [["" if essay[c] is None else essay[c] for c in COLUMNS] for essay in essays]
    return format_csv(COLUMNS, rows)


def _essay(step, former, released):
    essay = {"name": step.name, "max": step.points, "points": None, "comment": ""}
    essay["answer"] = step.source
    if step.source.strip() == released:
        return essay | {"points": 0.0, "comment": "nothing was written"}
    if former and former["points"].strip() and former["answer"].strip() == step.source.strip():
        return essay | {"points": _points(former, step), "comment": former["comment"]}
    return essay


def _points(former, step):
    try:
        points = float(former["points"].replace(",", "."))
    except ValueError:
        points = -1.0
    if not 0 <= points <= step.points:
        raise GradingError(
            f"essays.csv: points {former['points']!r} of {former['student']}, "
            f"{former['assignment']}, {step.name}: enter 0 to {step.points:g}"
        )
    return points
