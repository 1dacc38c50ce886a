"""A tiny assignment, and submissions of it that a teacher may get."""

import copy
import json
import os
import sys

import assignments
from bytecover_lite.grading.sources import read_assignment

TINY = """\
%% md
# A tiny assignment
%% plain
STUDENT = "nobody"
%% given data
from bytecover_lite.assignments import student_seed

NUMBER = 1 + student_seed(STUDENT, "tiny") % 100
%% md
## 1. Twice
%% answer double
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
%% test test_double 2
assert double(2) == 4, "twice two is four"
print("The visible checks of double pass.")
### BEGIN HIDDEN TESTS
assert double(-NUMBER) == -2 * NUMBER, "negative numbers count, too"
### END HIDDEN TESTS
%% md
## 2. Thrice
%% answer triple
def triple(x):
    ### BEGIN SOLUTION
    return 3 * x
    ### END SOLUTION
%% test test_triple 3
assert triple(1) == 3, "thrice one is three"
print("The visible checks of triple pass.")
### BEGIN HIDDEN TESTS
assert triple(NUMBER) == 3 * NUMBER, "other numbers count, too"
### END HIDDEN TESTS
%% md
## 3. In words
%% essay words 4
### BEGIN SOLUTION
Because.
### END SOLUTION
"""
GROWING = """\
import numpy
x = []
while True:
    x.append(numpy.zeros(10**7))"""
HARD_LOOP = """\
while True:
    try:
        while True:
            pass
    except BaseException:
        pass"""
FORK = """\
import subprocess, sys
LEFT = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                        start_new_session=True)
print(LEFT.pid, file=open("/tmp/PID", "w"))
def double(x):
    return 2 * x"""
MANY_PROCESSES = """\
import subprocess, sys, time
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STARTED = [subprocess.Popen(SLEEP) for _ in range(20)]
time.sleep(600)"""
FULL_DISK = """\
import time
for number in range(3):
    with open(f"{number}.bin", "wb") as file:
        file.write(bytes(5 * 10**7))
time.sleep(600)"""
FALSE_REPORT = """\
import os
for descriptor in range(3, 10):
    try:
        os.write(descriptor, b'{"error": ""}\\n')
    except OSError:
        pass"""
LONG_NAME = "Константин Константинович Константинопольский-Задунайский, вольнослушатель"
OLD_FORMAT = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}]}


def write_tiny(folder):
    """Write the tiny assignment's source below ``folder`` and return it as the grader reads it."""
    path = folder / "tiny" / "tiny.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(assignments.build(TINY)))
    return read_assignment(path)


def solved(assignment, **answers):
    """Return the student's notebook with solutions, or with other answers where given."""
    notebook = copy.deepcopy(assignment.release)
    for cell, own in zip(notebook["cells"], assignment.cells, strict=True):
        if own.kind in ("answer", "essay"):
            cell["source"] = answers.get(own.name, own.source)
        elif own.kind == "plain":
            cell["source"] = answers.get("plain", own.source)
    return notebook


def stripped(notebook):
    """Return a notebook as Colab may save it: no metadata of nbgrader, other ids."""
    cells = [cell | {"metadata": {}, "id": f"x{i}"} for i, cell in enumerate(notebook["cells"])]
    return notebook | {"cells": cells}


def changed(notebook, name, **fields):
    """Return a notebook with other fields in the cell of a name."""
    notebook = copy.deepcopy(notebook)
    next(
        cell
        for cell in notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == name
    ).update(fields)
    return notebook


def without(notebook, *names):
    """Return a notebook without the cells of these names."""
    kept = [
        cell
        for cell in notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") not in names
    ]
    return notebook | {"cells": kept}


def hand_in(folder, student, content, *, name="tiny.ipynb", time=1_000_000_000):
    """Put a file into a student's folder: a notebook, text or bytes."""
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        os.utime(path, (time, time))
    except (OSError, OverflowError):  # a file system without such dates
        os.utime(path, (2**31 - 1, 2**31 - 1))


def hand_in_everything(folder, tiny, scratch):
    """Fill ``folder`` with good and hostile submissions, a student each, named by what it is."""
    good = solved(tiny)
    printed = {"output_type": "stream", "name": "stdout", "text": "The visible checks pass."}
    colab = stripped(good)
    setup = {"cell_type": "code", "metadata": {}, "source": "x = 1\n%pip install nothing"}
    colab["cells"].insert(1, setup)
    samples = {
        "good": good,
        "untouched": tiny.release,
        "half": solved(tiny, triple="def triple(x):\n    return x + 2"),
        "stripped": stripped(good),
        "stripped-untouched": stripped(tiny.release),
        "colab": colab,
        "title-only": stripped(good) | {"cells": stripped(good)["cells"][:1]},
        "deleted": without(good, "double"),
        "deleted-tests": without(good, "test_double", "data"),
        "swapped": good | {"cells": good["cells"][::-1]},
        "formatted": changed(good, "test_double", source=_formatted(tiny)),
        "syntax": solved(tiny, double="def double(x)\n    return"),
        "loop": solved(tiny, double="while True:\n    pass"),
        "memory": solved(tiny, double="x = bytearray(4 * 10**9)"),
        "slow-memory": solved(tiny, double=GROWING),
        "exits": solved(tiny, triple="import os\nos._exit(0)"),
        "stops": solved(tiny, double="raise SystemExit"),
        "recursion": solved(tiny, double="def double(x):\n    return double(x)"),
        "flood": solved(tiny, double="def double(x):\n    return 2 * x\nprint('x' * 10**8)"),
        "weak-tests": changed(good, "test_double", source="assert True"),
        "points": changed(good, "test_double", metadata=_points(good, 200)),
        "false-output": changed(
            solved(tiny, triple="triple = None"), "test_triple", outputs=[printed]
        ),
        "breaks-assert": solved(tiny, double="import sys\nsys.modules.clear()"),
        "leftover": solved(tiny, double=FORK.replace("/tmp/PID", str(scratch / "pid"))),
        "hard-loop": solved(tiny, triple=HARD_LOOP),
        "own-id": solved(tiny, plain='STUDENT = "own-id"'),
        "wrong-id": solved(tiny, plain='STUDENT = "somebody"'),
        "<b>&amp; Zoë": good,
        "processes": solved(tiny, double=MANY_PROCESSES),
        "disk": solved(tiny, double=FULL_DISK),
        "false-report": solved(tiny, triple=FALSE_REPORT),
        "empty-id": solved(tiny, plain='STUDENT = ""'),
        "half-characters": solved(tiny, triple="raise ValueError('\\ud800')", words="\ud800"),
        "endless-words": solved(tiny, words="- " + "words " * 50_000),
        LONG_NAME: good,
    }
    for student, notebook in samples.items():
        hand_in(folder, student, notebook)
    for student, content in {
        "empty": "",
        "text": "I did my homework",
        "cut": json.dumps(good)[:500],
        "bytes": b"\xff\x00\xfe" * 99,
        "list": "[1, 2]",
        "cells": '{"cells": [{"cell_type": "code", "source": {"a": 1}}]}',
        "deep": "[" * 100_000,
        "old-format": OLD_FORMAT,
        "other": {"nbformat": 4, "cells": [{"cell_type": "markdown", "source": "hello"}]},
    }.items():
        hand_in(folder, student, content, name="x.ipynb" if student == "other" else "tiny.ipynb")
    (folder / "nothing").mkdir()
    hand_in(folder, "late", good, time=2_000_000_000)
    hand_in(folder, "renamed", good, name="homework (final).ipynb")
    hand_in(folder, "twice", tiny.release, name="tiny.ipynb")
    hand_in(folder, "twice", good, name="tiny-Copy1.ipynb", time=1_000_000_100)
    hand_in(folder, "twice-broken", good, name="tiny.ipynb")
    hand_in(folder, "twice-broken", "oops", name="tiny (1).ipynb", time=1_000_000_100)
    hand_in(folder, "nested", good, name="attempt 1/tiny.ipynb")
    hand_in(folder, "stamped", good)
    (folder / "stamped" / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
    hand_in(folder, "year-30000", good, time=10**12)
    if sys.platform == "linux":
        hand_in(folder, os.fsdecode(b"caf\xe9"), good)
        hand_in(folder, "pipe", good)
        os.mkfifo(folder / "pipe" / "timestamp.txt")
    hand_in(folder, ".", good, name="loose.ipynb")


def _formatted(tiny):
    source = next(cell.released for cell in tiny.cells if cell.name == "test_double")
    return "# looked at it\n" + source.replace('"', "'")


def _points(notebook, points):
    cell = next(
        cell
        for cell in notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "test_double"
    )
    marks = cell["metadata"]["nbgrader"] | {"points": points}
    return {"nbgrader": marks}
