"""Check that the chapters keep to the book's form.

Command: ``python book/tools/lint.py [NOTEBOOK ...]``; without names, all chapters.
"""

import json
import re
import sys
from pathlib import Path

import links
from cells import frame_cells
from execute import BOOK, solutions

SECTIONS = (
    "The idea",
    "Symbols and shapes",
    "The source",
    "Experiment",
    "Check",
    "Exercises",
    "Recap",
    "References",
)
OPENING = (
    "**Question.**",
    "**The file.**",
    "**Time.**",
    "**Prerequisites.**",
    "**You will be able to**",
)
MAXIMAL_LINES = 15
_LINK = re.compile(r"\]\((https?://[^)\s]+)\)")
DEFINED = {"6 %", "2.3", "2.32", "95 %"}  # a semitone, an averaged frame, an interval: definitions
_SCORE = re.compile(r"(?<![\w.])(?:\d*\.\d+|\d+(?:\.\d+)? ?%)(?!\w|\.\d)")
_ATTRIBUTED = re.compile(r"\b(the paper|published|claimed?|authors)\b", re.IGNORECASE)
_NOT_PROSE = re.compile(
    r"<details>.*?</details>|```.*?```|\$\$.*?\$\$|\$[^$\n]*\$|`[^`\n]*`|\[[^]\n]*\]\([^)\n]*\)"
    r"|^## Symbols and shapes.*?(?=^## |\Z)",
    re.DOTALL | re.MULTILINE,
)
_MEASURED = re.compile(r"\b(MAP|MR1|MRR|AP|P@\d+|accura\w+|errors?|faster|slower|score\w*)\b")
_FORBIDDEN = re.compile(r"^\s*[!%]|\bpip install\b", re.MULTILINE)


def check(path, bibliography=None):
    """Return the chapter's departures from the form, one line each.

    Parameters
    ----------
    path : path-like
        A notebook.
    bibliography : str, optional
        Text of the bibliography; default the book's.
    """
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    bibliography = bibliography or (BOOK / "references.bib").read_text(encoding="utf-8")
    problems = [
        *_check_opening(cells),
        *_check_frame(cells, Path(path).name),
        *_check_sections(cells),
        *_check_exercises(cells),
        *_check_references(cells, bibliography),
        *_check_numbers(cells),
        *_check_captions(cells),
        *(problem for cell in cells[3:] for problem in _check_cell(cell)),
    ]
    return [f"{Path(path).name}: {problem}" for problem in problems]


def _check_opening(cells):
    text = _text(cells[0])
    if not text.startswith("# "):
        yield "the first cell must start with '# Title'"
    places = [text.find(part) for part in OPENING]
    if -1 in places or places != sorted(places):
        yield f"the first cell must have {', '.join(OPENING)} in this order"


def _check_frame(cells, name):
    for cell, expected in zip(cells[1:3], frame_cells(name), strict=False):
        if _text(cell) != _text(expected):
            yield "badge or set-up cell differs: write the page with book/tools/cells.py"


def _check_sections(cells):
    headings = re.findall(r"^## (.+)$", _prose(cells), re.MULTILINE)
    found = [
        section
        for heading in headings
        for section in SECTIONS
        if re.match(rf"{section}(:|$)", heading)
    ]
    if found != list(SECTIONS):
        yield f"sections are {found}, expected {list(SECTIONS)}"


def _check_exercises(cells):
    prose = _prose(cells)
    tasks = re.findall(r"^### Exercise \d", prose, re.MULTILINE)
    if not 2 <= len(tasks) <= 4:
        yield f"{len(tasks)} exercises; write two to four, '### Exercise 1: ...'"
    if len(re.findall(r"^<details><summary>Solution", prose, re.MULTILINE)) < len(tasks):
        yield "an exercise has no folded solution ('<details><summary>Solution</summary>')"
    for code in solutions(prose):
        if "assert" not in code:
            yield f"a solution asserts nothing: {code.strip().splitlines()[-1]!r}"


def _check_references(cells, bibliography):
    links = _LINK.findall(_prose(cells).split("## References")[-1])
    if not links:
        yield "the references have no link"
    for link in links:
        name = re.sub(r"^https://(doi\.org|arxiv\.org/abs)/", "", link)
        if name not in bibliography:
            yield f"{link} is not in references.bib"


def _check_numbers(cells):
    """Name numbers that look measured but come neither from a file nor from a publication."""
    for paragraph in re.split(r"\n\s*\n", _NOT_PROSE.sub(" ", _prose(cells))):
        loose = set(_SCORE.findall(paragraph)) - DEFINED
        if loose and _MEASURED.search(paragraph) and not _ATTRIBUTED.search(paragraph):
            yield (
                f"{', '.join(sorted(loose))}: print what was measured here from a results file, "
                f"or say who published it: {paragraph.strip()[:60]!r}"
            )


def _check_captions(cells):
    for cell, below in zip(cells, [*cells[1:], {"source": []}], strict=True):
        drawn = cell["cell_type"] == "code" and "plt.show()" in _text(cell)
        if drawn and not _text(below).startswith("*Figure: "):
            yield f"a figure without a caption ('*Figure: ...*') below: {_text(cell)[:60]!r}"


def _check_cell(cell):
    text = _text(cell)
    if cell["cell_type"] == "markdown":
        if re.search(r"^```\{|^:::|\{[a-z:-]+\}`", text, re.MULTILINE):
            yield f"MyST syntax shows as text on Colab: {text[:60]!r}"
        return
    if len(text.splitlines()) > MAXIMAL_LINES:
        yield f"a cell of {len(text.splitlines())} lines: {text.splitlines()[0]!r}"
    if _FORBIDDEN.search(text):
        yield f"a cell runs a command or installs something: {text.splitlines()[0]!r}"
    alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt")
    if "plt.show()" in text and not alt:
        yield f"a figure without alternative text: {text.splitlines()[0]!r}"
    if cell["outputs"]:
        yield "has outputs: run nbstripout"


def _text(cell):
    return "".join(cell["source"])


def _prose(cells):
    return "\n\n".join(_text(cell) for cell in cells if cell["cell_type"] == "markdown")


if __name__ == "__main__":
    found = [line for path in sys.argv[1:] or sorted(BOOK.glob("*.ipynb")) for line in check(path)]
    found += [line for path in links.pages() for line in links.problems(path)]
    print("\n".join(found) or "every chapter keeps to the form")
    raise SystemExit(bool(found))
