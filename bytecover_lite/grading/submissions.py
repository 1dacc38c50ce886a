"""Find what students handed in, and read files that may be anything (instructor's guide).

Layout: ``FOLDER/STUDENT/.../NAME.ipynb``. The first folder is the student; below it a learning
platform may have put further ones.
"""

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .sources import GradingError, text_of

LARGEST = 20 * 2**20  # bytes; a submission with outputs has some hundred thousand

MOST_CELLS = 1000


class NotANotebook(GradingError):
    """A submitted file that cannot be read as a notebook; the message says why."""


@dataclass(frozen=True)
class Submission:
    """One file that somebody handed in.

    Attributes
    ----------
    student : str
        Name of the folder; empty for a file that lies in no student's folder.
    path : Path
    time : datetime
        When it was handed in, with time zone: ``timestamp.txt`` beside it, as nbgrader writes it,
        else the file's own time.
    cells : tuple of dict
        ``type``, ``name`` (nbgrader's grade_id or empty), ``points`` (or None), ``source`` and
        ``printed`` (its stored text output).
    problem : str
        Why it cannot be read; empty if it can.
    """

    student: str
    path: Path
    time: datetime
    cells: tuple[dict, ...]
    problem: str


def find_submissions(folder):
    """Return every submitted notebook below ``folder``, and the students that have a folder.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    submissions : list of Submission
    students : list of str

    Raises
    ------
    GradingError
        If ``folder`` is not a directory.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise GradingError(f"{folder}: no such folder of submissions")
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    students = [path.name for path in entries if path.is_dir()]
    loose = [path for path in entries if path.is_file() and path.suffix == ".ipynb"]
    found = [_submission("", path) for path in loose]
    for student in students:
        paths = sorted((folder / student).rglob("*.ipynb"))
        hidden = [any(part.startswith(".") for part in p.relative_to(folder).parts) for p in paths]
        found += [
            _submission(student, p) for p, skip in zip(paths, hidden, strict=True) if not skip
        ]
    return found, students


def read_notebook(path):
    """Return the cells of a notebook, whatever the file may be.

    Raises
    ------
    NotANotebook
        If it cannot be read.
    """
    path = Path(path)
    if path.is_symlink() or not path.is_file():
        raise NotANotebook("it is a link or a folder, not a file")
    if path.stat().st_size > LARGEST:
        raise NotANotebook(f"it is larger than {LARGEST >> 20} MB: clear its outputs")
    try:
        notebook = json.loads(path.read_bytes().decode("utf-8-sig"))
        cells = tuple(_cell(cell) for cell in notebook["cells"])
    except (KeyError, TypeError, AttributeError) as error:
        raise NotANotebook("it is no notebook of format 4: save it with Jupyter again") from error
    except (ValueError, RecursionError, OSError) as error:
        raise NotANotebook("it is no notebook, or only a part of one") from error
    if len(cells) > MOST_CELLS:
        raise NotANotebook(f"it has {len(cells)} cells; an assignment has about 40")
    return cells


def _is_hidden(path):
    return any(part.startswith(".") for part in path.parts)  # such as .ipynb_checkpoints


def _submission(student, path):
    try:
        return Submission(student, path, _time(path), read_notebook(path), "")
    except NotANotebook as error:
        return Submission(student, path, _time(path), (), str(error))


def _time(path):
    with contextlib.suppress(OSError, ValueError):
        stamp = path.with_name("timestamp.txt").read_text(encoding="utf-8").strip()
        return with_zone(datetime.fromisoformat(stamp.removesuffix(" UTC")), stamp)
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC)


def with_zone(time, text=""):
    """Give a time without a zone one: UTC if ``text`` says so, else that of this machine."""
    if time.tzinfo:
        return time
    return time.replace(tzinfo=UTC) if text.endswith("UTC") else time.astimezone()


def _cell(cell):
    marks = cell.get("metadata", {}).get("nbgrader") or {}
    name = marks.get("grade_id", "")
    if not isinstance(cell["source"], str | list):
        raise TypeError
    return {
        "type": str(cell["cell_type"]),
        "name": name if isinstance(name, str) else "",
        "points": marks.get("points"),
        "source": str(text_of(cell)),
        "printed": "".join(_printed(cell)),
    }


def _printed(cell):
    for output in cell.get("outputs", ()):
        if output.get("output_type") == "stream" and output.get("name") == "stdout":
            text = output.get("text", "")
            yield text if isinstance(text, str) else "".join(text)
