"""Render the executed book to a static site.

``build/book`` (made by ``execute.py``) becomes ``web/site``. Every warning of the renderer is an
error. Command: ``python book/tools/render.py``.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import home

ROOT = Path(__file__).resolve().parents[2]
COPY, WORK, SITE = ROOT / "build" / "book", ROOT / "build" / "site", ROOT / "web" / "site"


def render():
    """Render ``build/book`` to ``web/site``.

    Returns
    -------
    int
        Exit status of Jupyter Book: 0, or not 0 after any warning.
    """
    status = jupyter_book(WORK, "--warningiserror", "--nitpick")
    if status == 0:
        publish(WORK / "_build" / "html")
    return status


def jupyter_book(work, *options):
    """Furnish the home page, run Jupyter Book on ``build/book`` and return its exit status."""
    home.furnish(COPY)
    start = "from jupyter_book.cli.main import main; main()"  # it has no __main__
    command = [sys.executable, "-c", start, "build", str(COPY)]
    command += ["--path-output", str(work), "--keep-going", "-q", *options]
    return subprocess.run(command, env={**os.environ, "PYTHONWARNINGS": "ignore"}).returncode


def publish(pages):
    """Copy the rendered pages to ``web/site`` as one step."""
    fresh = SITE.with_name("site.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(pages, fresh, ignore=shutil.ignore_patterns(".doctrees"))
    mend(fresh / "bibliography.html")
    (fresh / ".nojekyll").touch()  # GitHub Pages would drop directories that start with "_"
    shutil.rmtree(SITE, ignore_errors=True)
    fresh.rename(SITE)


def mend(page):
    """Take back a role that docutils gives a list of citations whose entries are no list items."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace('<div role="list" class="citation-list">', "<div>"), "utf-8")


if __name__ == "__main__":
    raise SystemExit(render())
