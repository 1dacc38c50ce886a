"""What is said about a submission, by name, the gravest first (instructor's guide)."""

import re
from dataclasses import dataclass, field

VERDICTS = {
    "failed": "the grader itself failed on it",
    "unreadable": "no notebook, or a broken one; no score",
    "forged": "it reported results beside those of its cells; no score",
    "missing": "nothing was handed in; no score",
    "unrepairable": "metadata is gone and the answers cannot be found; no score",
    "timeout": "a cell, or all of it, took too long; what was finished counts",
    "memory": "it wanted more memory than allowed; what was finished counts",
    "processes": "it started too many processes; what was finished counts",
    "disk": "it wrote more than allowed; what was finished counts",
    "crashed": "its process ended before its last cell; what was finished counts",
    "given cell": "a given cell failed, and with it what needs it: look before you use the score",
    "tampered": "locked cells were changed (and restored), or stored outputs do not come again",
    "syntax error": "a cell is no Python; the others were graded",
    "repaired": "metadata was gone; cells were found by their content",
    "incomplete": "cells to answer in were deleted; they count as not answered",
    "duplicate": "several files; the newest readable one was graded",
    "renamed": "the file has another name; it was recognised by its content",
    "late": "handed in after the deadline; the score is not reduced",
    "other id": "STUDENT in the notebook is not in the folder's name",
    "untouched": "nothing was written",
    "graded": "nothing to remark",
}
NO_SCORE = ("failed", "unreadable", "forged", "missing", "unrepairable")


@dataclass
class Grade:
    """What came of one student's submission of one assignment.

    Attributes
    ----------
    student, assignment : str
    file : str
        The file that was graded; empty if there was none.
    findings : dict of str to str
        Names from `VERDICTS`, each with a sentence.
    tests : list of dict
        ``name``, ``points``, ``max``, ``message`` for each test.
    essays : list of dict
        ``name``, ``points`` (None until somebody has read it), ``max``, ``answer``, ``digest``,
        ``comment``.
    seconds : float
        How long it ran.
    """

    student: str
    assignment: str
    file: str = ""
    findings: dict[str, str] = field(default_factory=dict)
    tests: list[dict] = field(default_factory=list)
    essays: list[dict] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def verdict(self):
        """The gravest finding."""
        return min(self.findings or {"graded": ""}, key=list(VERDICTS).index)

    @property
    def has_score(self):
        """Whether its points mean anything; a missing file is not a 0."""
        return self.verdict not in NO_SCORE

    def row(self):
        """Return the row of ``grades.csv``."""
        order = sorted(self.findings, key=list(VERDICTS).index)
        read = [essay for essay in self.essays if essay["points"] is not None]
        points = {
            "tests": sum(test["points"] for test in self.tests),
            "tests_max": sum(test["max"] for test in self.tests),
            "essays": sum(essay["points"] for essay in read),
            "essays_max": sum(essay["max"] for essay in self.essays),
            "essays_to_read": len(self.essays) - len(read),
        }
        return {
            "student": self.student,
            "assignment": self.assignment,
            "verdict": self.verdict,
            **({name: f"{value:g}" for name, value in points.items()} if self.has_score else {}),
            "seconds": f"{self.seconds:.1f}",
            "file": self.file,
            "remarks": "; ".join(f"{name}: {self.findings[name]}" for name in order),
        }


def judge_match(grade, assignment, match, cells, written):
    """Add what can be said before anything is executed.

    Parameters
    ----------
    grade : Grade
    assignment : Assignment
    match : matching.Match
    cells : sequence of dict
        The submission's.
    written : set of str
        Answers and essays in which something was written.
    """
    wanted = {i for i, c in enumerate(assignment.cells) if c.kind in ("answer", "essay")}
    lost = [assignment.cells[i].name for i in sorted(wanted - set(match.where))]
    named = [i for i, c in enumerate(assignment.cells) if c.name]
    stripped = [i for i in named if i in match.by_content]
    if lost and len(lost) > len(wanted) / 2:
        grade.findings["unrepairable"] = f"answers not found: {', '.join(lost)}"
    elif lost:
        grade.findings["incomplete"] = f"deleted cells: {', '.join(lost)}"
    if stripped:
        count = len(stripped)
        grade.findings["repaired"] = f"{count} of {len(named)} cells were found by their content"
    if match.changed:
        grade.findings["tampered"] = f"restored locked cells: {', '.join(match.changed)}"
    if not written:
        grade.findings["untouched"] = "every answer is as it was handed out"
    found = re.search(
        r"^STUDENT\s*=\s*[\"'](.*)[\"']", "\n".join(cell["source"] for cell in cells), re.MULTILINE
    )
    if found and written and found[1].lower() not in grade.student.lower():
        grade.findings["other id"] = f"STUDENT is {found[1]!r}"


def judge_run(grade, run, steps, stored):
    """Add points, and what the execution has shown.

    Parameters
    ----------
    grade : Grade
    run : running.Run
    steps : sequence of merging.Step
        The executed ones.
    stored : dict of str to str
        Text output that the submission shows below each test.
    """
    if run.ended != "done":
        name = _label(steps, len(run.results))
        grade.findings[run.ended] = f"at {name}"
    if run.ended == "forged":
        return
    names = {"CellTimeout": "timeout", "MemoryError": "memory", "SyntaxError": "syntax error"}
    names |= dict.fromkeys(("IndentationError", "TabError"), "syntax error")
    for number, (step, result) in enumerate(zip(steps, run.results, strict=False)):
        if result["error"] and step.kind == "given":
            said = f"{step.name}: {result['error']}: {result['message']}"
            grade.findings.setdefault("given cell", said)
        elif result["error"] in names:
            grade.findings.setdefault(names[result["error"]], f"in {_label(steps, number)}")
    results = list(run.results) + [None] * (len(steps) - len(run.results))
    false = []
    for step, result in zip(steps, results, strict=True):
        if step.kind == "test":
            grade.tests.append(_test(step, result, steps))
            printed = result["printed"] if result else ""
            if stored.get(step.name, "").strip() and stored[step.name].strip() != printed.strip():
                false.append(step.name)
    if false:
        said = f"stored outputs that did not come again: {', '.join(false)}"
        before = grade.findings.get("tampered")
        grade.findings["tampered"] = f"{before}; {said}" if before else said


def _test(step, result, steps):
    earned, message = 0.0, "was not reached"
    if result and result["error"]:
        message = result["message"]
        if result["error"] != "AssertionError":
            message = f"{result['error']}: {message} ({_place(result['place'], steps)})"
    elif result:
        earned, message = step.points, ""
        if result["value"] is not None:  # nbgrader's partial credit
            earned = min(max(result["value"], 0.0), step.points)
    return {"name": step.name, "points": earned, "max": step.points, "message": message}


def _place(place, steps):
    found = re.match(r"cell (\d+)(.*)", place)
    return f"in {_label(steps, int(found[1]))}{found[2]}" if found else "outside the notebook"


def _label(steps, number):
    if number >= len(steps):
        return "the last cell"
    return f"cell {steps[number].name}" if steps[number].name else "a cell of your own"
