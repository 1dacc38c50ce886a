"""Write a chapter's notebook from a plain text source, and read it back.

A source is a text file of cells; a line that starts with ``%% `` opens one::

    %% md
    # Title
    %% code
    print("hello")
    %% code alt: What the figure shows, for those who cannot see it.
    plt.plot(curve)
    %% code tags: hide-input
    show_source(cqt)

The badge and the set-up cell, which are the same on every page, are put in after the first cell. A
cell with an ``alt`` draws a figure: the page shows the figure and folds its code.
The notebook is what is committed; writing the same source twice gives the same bytes.

Commands: ``python book/tools/cells.py write SOURCE NOTEBOOK`` and ``... read NOTEBOOK``.
"""

import json
import re
import sys
from pathlib import Path

import slug

SETUP = """\
# Installs the package where it is missing, as on Colab; numpy and torch stay as they are.
from importlib.util import find_spec

if find_spec("bytecover_lite") is None:
    %pip install -q "bytecover-lite[songbook] @ git+https://github.com/{slug}"

from bytecover_lite.notebook import choose_scale

SCALE = choose_scale()"""
BADGE = (
    "[![Open this chapter in Colab](assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{slug}/blob/main/book/{name})"
)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_OPENING = re.compile(r"^%% (md|code)(?: (alt|tags): (.+))?$")


def frame_cells(name):
    """Return the cells that every chapter has: the badge and the set-up cell."""
    repository = slug.current()
    return [
        _cell("md", BADGE.format(slug=repository, name=name)),
        _cell("code", SETUP.format(slug=repository)),
    ]


def build(text, name):
    """Turn a source into a notebook (a dictionary in nbformat 4.5).

    Parameters
    ----------
    text : str
        The source, see the module's docstring.
    name : str
        File name of the notebook, for its Colab link.
    """
    cells = _parse(text)
    cells[1:1] = frame_cells(name)
    for position, cell in enumerate(cells):
        cell["id"] = str(position)  # as nbstripout numbers them
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def write(notebook, path):
    """Write a notebook the way Jupyter and nbstripout do: one space of indent, sorted keys."""
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def read(path):
    """Return the source from which ``path`` was written."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(_unparse(cell) for cell in cells[:1] + cells[3:]) + "\n"


def _parse(text):
    cells = []
    for line in text.strip("\n").splitlines():
        opening = _OPENING.match(line)
        if opening:
            cells.append([opening.groups(), []])
        elif not cells or line.startswith("%% "):
            raise SystemExit(f"not a cell opening: {line!r} (use '%% md' or '%% code')")
        else:
            cells[-1][1].append(line)
    return [
        _cell(kind, "\n".join(lines).strip("\n"), key, value) for (kind, key, value), lines in cells
    ]


def _cell(kind, source, key=None, value=None):
    metadata = {}
    if key == "alt":
        metadata = {"mystnb": {"image": {"alt": value}}, "tags": ["hide-input"]}
    elif key == "tags":
        metadata = {"tags": value.split()}
    cell = {"cell_type": "code" if kind == "code" else "markdown", "metadata": metadata}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": source.splitlines(keepends=True)}


def _unparse(cell):
    opening = "%% code" if cell["cell_type"] == "code" else "%% md"
    if "mystnb" in cell["metadata"]:
        opening += f" alt: {cell['metadata']['mystnb']['image']['alt']}"
    elif "tags" in cell["metadata"]:
        opening += f" tags: {' '.join(cell['metadata']['tags'])}"
    return opening + "\n" + "".join(cell["source"])


def main(arguments):
    """Run ``write SOURCE NOTEBOOK`` or ``read NOTEBOOK``."""
    if len(arguments) == 3 and arguments[0] == "write":
        text = Path(arguments[1]).read_text(encoding="utf-8")
        write(build(text, Path(arguments[2]).name), arguments[2])
    elif len(arguments) == 2 and arguments[0] == "read":
        print(read(arguments[1]), end="")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
