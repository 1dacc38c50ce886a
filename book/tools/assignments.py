"""Write the assignments' notebooks from text, read them back, and make what is handed out.

A source is a text file of cells; a line that starts with ``%% `` opens one::

    %% md
    # Title
    %% plain
    STUDENT = "nobody"
    %% given data
    rng = np.random.default_rng(student_seed(STUDENT, "1_cqt"))
    %% answer transpose
    def transpose(spectrogram, k):
        ### BEGIN SOLUTION
        ...
        ### END SOLUTION
    %% test test_transpose 3
    assert ...
    ### BEGIN HIDDEN TESTS
    ...
    ### END HIDDEN TESTS
    %% essay conclusion 5
    What you would write.

Given cells, answers, tests and essays get nbgrader's metadata.

Commands: ``python book/tools/assignments.py write SOURCE NAME``, which makes
``book/assignments/NAME/NAME.ipynb``, ``... read NAME`` and ``... bundle FOLDER``.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import cells
from bytecover_lite.grading.sources import student_version
from execute import BOOK

FOLDER = BOOK / "assignments"
_OPENING = re.compile(r"^%% (md|plain|given|answer|test|essay)(?: (\w+))?(?: ([\d.]+))?$")
_CONFIG = """\
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "bytecover"
c.Execute.timeout = 120
"""


def build(text):
    """Turn a source into a notebook (a dictionary in nbformat 4.5)."""
    parts = []
    for line in text.strip("\n").splitlines():
        opening = _OPENING.match(line)
        if opening:
            parts.append((opening.groups(), []))
        elif not parts or line.startswith("%% "):
            raise SystemExit(f"not a cell opening: {line!r}")
        else:
            parts[-1][1].append(line)
    built = [_cell(*opening, "\n".join(lines).strip("\n")) for opening, lines in parts]
    for position, cell in enumerate(built):
        cell["id"] = str(position)  # as nbstripout numbers them
    metadata = cells.METADATA
    return {"cells": built, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def unbuild(notebook):
    """Return the source from which a notebook was built."""
    return "\n\n".join(_unparse(cell) for cell in notebook["cells"]) + "\n"


def bundle(folder):
    """Write student versions, the instructor's course and the Colab set, each with a zip file.

    Parameters
    ----------
    folder : path-like
        Gets ``student/``, ``instructor/`` (nbgrader's layout: ``source/``, ``release/`` and its
        configuration) and ``colab/`` (with the chapters' set-up cell).

    Returns
    -------
    list of Path
        The notebooks for students.
    """
    folder, made = Path(folder), []
    shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(FOLDER.glob("*/*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        release = student_version(notebook)
        inside = Path(path.parent.name, path.name)
        _write(notebook, folder / "instructor" / "source" / inside)
        _write(release, folder / "instructor" / "release" / inside)
        made.append(_write(release, folder / "student" / path.name))
        made.append(_write(for_colab(release), folder / "colab" / path.name))
    (folder / "instructor" / "nbgrader_config.py").write_text(_CONFIG, encoding="utf-8")
    for name in ("student", "instructor", "colab"):
        shutil.make_archive(str(folder / name), "zip", folder / name)
    return made


def for_colab(notebook):
    """Put the chapters' set-up cell, which installs the package, behind a notebook's title."""
    setup = cells.frame_cells("")[1]
    changed = [notebook["cells"][0], setup, *notebook["cells"][1:]]
    changed = [cell | {"id": str(position)} for position, cell in enumerate(changed)]
    return notebook | {"cells": changed}


def _cell(kind, name, points, source):
    marks = {
        "given": {"grade": False, "locked": True, "solution": False},
        "answer": {"grade": False, "locked": False, "solution": True},
        "test": {"grade": True, "locked": True, "solution": False},
        "essay": {"grade": True, "locked": False, "solution": True},
    }.get(kind)
    metadata = {}
    if marks:
        metadata = {"nbgrader": marks | {"grade_id": name, "schema_version": 3, "task": False}}
        if marks["grade"]:
            metadata["nbgrader"]["points"] = float(points)
    is_code = kind not in ("md", "essay")
    cell = {"cell_type": "code" if is_code else "markdown", "metadata": metadata}
    if is_code:
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": source.splitlines(keepends=True)}


def _unparse(cell):
    marks, is_code = cell["metadata"].get("nbgrader"), cell["cell_type"] == "code"
    if not marks:
        opening = "plain" if is_code else "md"
    elif marks["grade"]:
        kind = "test" if is_code else "essay"
        opening = f"{kind} {marks['grade_id']} {marks['points']:g}"
    else:
        opening = f"{'answer' if marks['solution'] else 'given'} {marks['grade_id']}"
    return f"%% {opening}\n" + "".join(cell["source"])


def _write(notebook, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cells.write(notebook, path)
    return path


def main(arguments):
    """Run ``write SOURCE NAME``, ``read NAME`` or ``bundle FOLDER``."""
    if len(arguments) == 3 and arguments[0] == "write":
        notebook = build(Path(arguments[1]).read_text(encoding="utf-8"))
        _write(notebook, FOLDER / arguments[2] / f"{arguments[2]}.ipynb")
    elif len(arguments) == 2 and arguments[0] == "read":
        path = FOLDER / arguments[1] / f"{arguments[1]}.ipynb"
        print(unbuild(json.loads(path.read_text(encoding="utf-8"))), end="")
    elif len(arguments) == 2 and arguments[0] == "bundle":
        print(f"{len(bundle(arguments[1]))} notebooks for students in {arguments[1]}")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
