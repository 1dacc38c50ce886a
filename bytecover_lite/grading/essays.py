"""Answers in words: a table in which somebody enters points and comments (instructor's guide).

A spreadsheet may change what it opens: it takes an answer that begins with a sign for a formula,
cuts a long one, and saves letters in another encoding. So answers are known by a digest, and a
former table is kept wherever points in it would be lost.
"""

import csv
import hashlib
import io

from ..files import format_csv
from .sources import GradingError

COLUMNS = ("student", "assignment", "name", "max", "points", "comment", "digest", "answer")
NOTHING = "nothing was written"
LONGEST = 30_000  # characters of an answer in the table; spreadsheets cut a cell soon after


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
        If it is no such table.
    """
    if not path.is_file():
        return {}
    try:
        reader = csv.DictReader(io.StringIO(_decode(path.read_bytes()), newline=""), restval="")
        rows, columns = list(reader), reader.fieldnames or ()
    except (OSError, csv.Error) as error:
        raise GradingError(f"{path}: cannot be read ({error}); restore or remove it") from error
    missing = set(COLUMNS) - set(columns)
    if missing:
        raise GradingError(
            f"{path}: lacks the columns {', '.join(sorted(missing))}; "
            "save it as csv with commas, with the columns that it had"
        )
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


def would_be_lost(entered, grades):
    """Return the keys of rows with points that do not belong to an answer of the grades any more.

    Parameters
    ----------
    entered : dict
        From `read_essays`.
    grades : sequence of Grade

    Returns
    -------
    list of (str, str, str)
        Student, assignment, name.
    """
    kept = {
        (grade.student, grade.assignment, essay["name"], essay["digest"])
        for grade in grades
        for essay in grade.essays
    }
    return [
        key
        for key, row in entered.items()
        if row["points"].strip()
        and row["comment"] != NOTHING
        and (*key, row["digest"].strip()) not in kept
    ]


def _decode(data):
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # spreadsheets on Windows have another one
        return data.decode("cp1252", "replace")


def _essay(step, former, released):
    essay = {"name": step.name, "max": step.points, "points": None, "comment": ""}
    answer = step.source.strip()
    essay |= {"answer": _as_text(answer), "digest": _digest(answer)}
    if answer == released:
        return essay | {"points": 0.0, "comment": NOTHING}
    if former and former["points"].strip() and former["digest"].strip() == essay["digest"]:
        return essay | {"points": _points(former, step), "comment": former["comment"]}
    return essay


def _digest(answer):
    """Return some letters, which no spreadsheet takes for a number."""
    return "x" + hashlib.sha256(answer.encode()).hexdigest()[:12]


def _as_text(answer):
    """Return an answer that no spreadsheet takes for a formula or cuts without a word."""
    if len(answer) > LONGEST:
        answer = f"{answer[:LONGEST]} (the rest is in submitted/)"
    return f"'{answer}" if answer.startswith(("=", "+", "-", "@")) else answer


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
