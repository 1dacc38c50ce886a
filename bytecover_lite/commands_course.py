"""The command for teachers: grade a folder of submitted assignments."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import tyro

from .errors import BytecoverError
from .grading.running import Limits

Unprefixed = tyro.conf.arg(name="")
LIMITS = Limits()


def grade(
    folder: Path,
    /,
    assignments: Path = Path("book/assignments"),
    out: Path = Path("grades"),
    deadline: datetime | None = None,
    roster: Path | None = None,
    limits: Annotated[Limits, Unprefixed] = LIMITS,
    jobs: int = 2,
    container: str = "",
    engine: str = "docker",
):
    """Grade a folder of submissions into grades.csv and a page of feedback a student.

    Student code is executed: without --container it can read and delete what you can.

    Parameters
    ----------
    folder
        Submissions, FOLDER/STUDENT/.../NAME.ipynb.
    assignments
        The instructor's notebooks, ASSIGNMENTS/NAME/NAME.ipynb.
    out
        Where the results go; essays.csv in it has a column for the points that you give by hand.
    deadline
        Such as 2026-12-01T23:59, in the time of this machine; later files are marked late.
    roster
        Text file with a student's id a line; who has handed in nothing is listed as missing.
    limits
        What one submission may use.
    jobs
        Submissions graded at the same time.
    container
        Image to run submissions in, without network; it needs bytecover-lite[grade].
    engine
        Program that runs it: docker or podman.
    """
    from .grading.batch import grade_folder
    from .grading.submissions import with_zone
    from .library_report import printable

    grades = grade_folder(
        folder,
        assignments=assignments,
        out=out,
        deadline=deadline and with_zone(deadline),
        roster=_read_roster(roster),
        limits=limits,
        jobs=jobs,
        container=container,
        engine=engine,
    )
    for row in (one.row() for one in grades):
        points = f"{row['tests']}/{row['tests_max']}" if "tests" in row else "-"
        who = printable(f"{row['student']:<20} {row['assignment']:<16}")
        print(f"{who} {points:>8}  {printable(row['remarks'] or row['verdict'])}")
    print(f"{len(grades)} submissions: {printable(out / 'grades.csv')}")


def _read_roster(path):
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise BytecoverError(f"{path}: cannot be read ({error.strerror})") from error
    students = tuple(line.strip() for line in lines if line.strip())
    for student in students:
        if "/" in student or "\\" in student:
            raise BytecoverError(f"{path}: {student!r} cannot be the name of a student's folder")
    return students
