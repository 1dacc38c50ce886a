"""What the assignments need besides the method: a seed for each student (instructor's guide)."""

import hashlib

from .errors import BytecoverError


class AssignmentError(BytecoverError):
    """A student's id that is none."""


def student_seed(student, assignment, *, term=""):
    """Turn a student's id into a seed, another one for each assignment and term.

    Parameters
    ----------
    student : str
        As the teacher lists it; upper and lower case and outer blanks do not matter.
    assignment : str
        Name of the assignment.
    term : str
        Anything that changes from course to course, so that last year's answers do not fit.

    Returns
    -------
    int [range 0 to 2**32 - 1]

    Raises
    ------
    AssignmentError
        If the id is empty or no text.

    Examples
    --------
    >>> student_seed("Ada", "1_cqt") == student_seed(" ada ", "1_cqt")
    True
    """
    if not isinstance(student, str) or not student.strip():
        raise AssignmentError(f"STUDENT is {student!r}: write your id between quotation marks")
    text = "\n".join((student.strip().casefold(), assignment, term))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
