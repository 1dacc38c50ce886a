"""Grade a whole folder: one bad submission never stops the others (instructor's guide)."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..files import format_csv, replace_file
from .essays import format_essays, grade_essays, read_essays, would_be_lost
from .feedback import write_feedback
from .matching import match, similarity
from .merging import answered, merge, repaired_notebook
from .running import Limits, run
from .sources import GradingError, read_assignments, writable
from .submissions import find_submissions
from .verdicts import Grade, judge_match, judge_run

COLUMNS = (
    *("student", "assignment", "verdict", "tests", "tests_max", "essays", "essays_max"),
    *("essays_to_read", "seconds", "file", "remarks"),
)
_log = logging.getLogger(__name__)


def grade_folder(
    folder,
    *,
    assignments,
    out,
    deadline=None,
    roster=(),
    limits=None,
    jobs=2,
    container="",
    engine="docker",
):
    """Grade every submission in a folder.

    Parameters
    ----------
    folder : path-like
        Submissions, ``FOLDER/STUDENT/.../NAME.ipynb``.
    assignments : path-like
        The instructor's notebooks, ``ASSIGNMENTS/NAME/NAME.ipynb``.
    out : path-like
        Gets ``grades.csv``, ``essays.csv``, ``feedback/STUDENT.html`` and ``submitted/``, the
        repaired notebooks laid out for nbgrader. Points and comments that somebody has entered in
        ``essays.csv`` are kept as long as the answer is the same; the table is kept under
        another name if the answer is not.
    deadline : datetime, optional
        With time zone.
    roster : sequence of str
        Students who are expected, besides those who have a folder.
    limits : Limits, optional
    jobs : int
        Submissions at the same time.
    container, engine : str
        See `running.run`.

    Returns
    -------
    list of Grade

    Raises
    ------
    GradingError
        If the folder or the assignments cannot be used, or ``jobs`` is below 1; never because of a
        submission.
    """
    if jobs < 1:
        raise GradingError(f"jobs={jobs}: give the number of submissions at a time, 1 or more")
    assignments, out = read_assignments(assignments), Path(out)
    submissions, students = find_submissions(folder)
    work = _sort(submissions, sorted({*students, *roster}), assignments)
    entered = read_essays(out / "essays.csv")
    options = {"limits": limits or Limits(), "container": container, "engine": engine}

    def grade_one(item):
        student, name, files = item
        try:
            return _grade(student, assignments.get(name), files, deadline, entered, out, options)
        except GradingError:
            raise  # the caller's mistake, such as a container engine that is not there
        except Exception as error:  # whatever a submission makes the grader do, the others go on
            said = {"failed": writable(f"{type(error).__name__}: {error}")}
            return Grade(student, name, writable(str(files[0].path)) if files else "", said)

    with ThreadPoolExecutor(jobs) as pool:
        grades = list(pool.map(grade_one, work))
    _keep_points(out, entered, grades)
    _write(out, grades)
    return grades


def recognise(submission, assignments):
    """Return the name of the assignment that a file is a submission of; empty if of none.

    The content decides; the file's name counts only where the content says nothing.
    """
    share = {name: similarity(one, submission.cells) for name, one in assignments.items()}
    best = max(share, key=share.get)
    if share[best] >= 0.3:
        return best
    return next((name for name in assignments if submission.path.stem.startswith(name)), "")


def _sort(submissions, students, assignments):
    """List (student, assignment, files), newest readable file first; files may be none.

    What nobody has handed in is not asked for yet, unless nothing at all is there.
    """
    named = [(recognise(one, assignments), one) for one in submissions]
    there = {name for name, _ in named} & set(assignments) or set(assignments)
    wanted = [name for name in assignments if name in there]
    groups = {(student, name): [] for student in students for name in wanted}
    for name, one in named:
        groups.setdefault((one.student, name), []).append(one)
    for files in groups.values():
        files.sort(key=lambda one: (not one.problem, one.time, one.path), reverse=True)
    return [(student, name, files) for (student, name), files in groups.items()]


def _grade(student, assignment, files, deadline, entered, out, options):
    grade = Grade(student, assignment.name if assignment else "")
    if not files:
        grade.findings["missing"] = "no file"
        return grade
    chosen = files[0]
    grade.file = writable(str(chosen.path))
    if chosen.problem or assignment is None:
        grade.findings["unreadable"] = chosen.problem or "it belongs to none of the assignments"
        return grade
    _judge_files(grade, assignment, files, deadline)
    found = match(assignment, chosen.cells)
    steps = merge(assignment, chosen.cells, found)
    judge_match(grade, assignment, found, chosen.cells, answered(assignment, steps))
    if not grade.has_score:
        return grade
    _keep(out / "submitted" / student / assignment.name, assignment, steps)
    code = [step for step in steps if step.kind != "essay"]
    done = run(code, **options)
    grade.seconds = done.seconds
    judge_run(grade, done, code, _stored(assignment, found, chosen.cells))
    grade.essays = grade_essays(grade, assignment, steps, entered)
    return grade


def _judge_files(grade, assignment, files, deadline):
    chosen = files[0]
    if len(files) > 1:
        others = ", ".join(one.path.name for one in files[1:])
        grade.findings["duplicate"] = writable(f"{chosen.path.name} was graded, not {others}")
    if chosen.path.stem != assignment.name:
        grade.findings["renamed"] = writable(chosen.path.name)
    if deadline and chosen.time > deadline:
        grade.findings["late"] = f"by {str(chosen.time - deadline).partition('.')[0]}"


def _stored(assignment, found, cells):
    return {
        assignment.cells[position].name: cells[there]["printed"]
        for position, there in found.where.items()
        if assignment.cells[position].kind == "test"
    }


def _keep(folder, assignment, steps):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(repaired_notebook(assignment, steps), indent=1, sort_keys=True)
    replace_file(folder / f"{assignment.name}.ipynb", text.encode())


def _keep_points(out, entered, grades):
    """Keep the former table of essays where it holds points that the new one does not."""
    lost = would_be_lost(entered, grades)
    if lost:
        number = next(n for n in range(1, 10_000) if not (out / f"essays.{n}.csv").exists())
        (out / "essays.csv").rename(out / f"essays.{number}.csv")
        _log.warning(
            "%s: points of %d answers that changed or are not in this folder stay in essays.%d.csv",
            out,
            len(lost),
            number,
        )


def _write(out, grades):
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    rows = [grade.row() for grade in grades]
    table = [[row.get(column, "") for column in COLUMNS] for row in rows]
    replace_file(out / "grades.csv", format_csv(COLUMNS, table))
    replace_file(out / "essays.csv", format_essays(grades))
    for student in sorted({grade.student for grade in grades if grade.student}):
        own = [grade for grade in grades if grade.student == student]
        write_feedback(out / "feedback", student, own)
