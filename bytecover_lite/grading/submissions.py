"""Find what students handed in, and read files that may be anything (instructor's guide).

Layout: ``FOLDER/STUDENT/.../NAME.ipynb``. The first folder is the student; below it a learning
platform may have put further ones.
"""

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .sources import GradingError, text_of, writable

LARGEST = 20 * 2**20  # bytes; a submission with outputs has some hundred thousand
LARGEST_STAMP = 1000  # bytes
MOST_CELLS = 1000


class NotANotebook(GradingError):
    """A submitted file that cannot be read as a notebook; the message says why."""


@dataclass(frozen=True)
class Submission:
    """One file that somebody handed in.

    Attributes
    ----------
    student : str
        Name of the folder, with escapes for bytes that are no text; empty for a file that lies in
        no student's folder.
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
    folders = [path for path in entries if path.is_dir()]
    loose = [path for path in entries if path.is_file() and path.suffix == ".ipynb"]
    found = [_submission("", path) for path in loose]
    for own in folders:
        paths = [path for path in sorted(own.rglob("*.ipynb")) if not _is_hidden(path, folder)]
        found += [_submission(writable(own.name), path) for path in paths]
    return found, [writable(own.name) for own in folders]


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


def _is_hidden(path, folder):
    """Tell whether a file lies in a folder such as .ipynb_checkpoints."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _submission(student, path):
    try:
        return Submission(student, path, _time(path), read_notebook(path), "")
    except NotANotebook as error:
        return Submission(student, path, _time(path), (), str(error))


def _time(path):
    stamp = path.with_name("timestamp.txt")
    with contextlib.suppress(OSError, ValueError):
        if stamp.is_file() and stamp.stat().st_size <= LARGEST_STAMP:
            text = stamp.read_text(encoding="utf-8").strip()
            return with_zone(datetime.fromisoformat(text.removesuffix(" UTC")), text)
    seconds = min(max(path.lstat().st_mtime, 0), 2**33)  # a file may bear a date of no calendar
    return datetime.fromtimestamp(seconds, UTC)


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
        "source": writable(text_of(cell)),
        "printed": writable("".join(_printed(cell))),
    }


def _printed(cell):
    for output in cell.get("outputs", ()):
        if output.get("output_type") == "stream" and output.get("name") == "stdout":
            text = output.get("text", "")
            yield text if isinstance(text, str) else "".join(text)
