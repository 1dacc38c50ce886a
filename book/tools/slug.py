"""Show or change the name under which the project is published.

The name, ``owner/name`` on GitHub, is kept once: in ``Repository`` under ``[project.urls]`` in
``pyproject.toml``. Badges, links and the Colab set-up cells carry copies; this command rewrites
them all::

    python book/tools/slug.py               # show it
    python book/tools/slug.py me/my-fork    # publish under another name
"""

import os
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SUFFIXES = {".md", ".toml", ".yml", ".yaml", ".cff", ".ipynb", ".py", ".json", ".html"}
_GENERATED = {".git", ".venv", "build", "web", "dist", "results"}


def current():
    """Return the present ``owner/name``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].removeprefix("https://github.com/")


def site(slug):
    """Return the address of the rendered book on GitHub Pages."""
    owner, name = slug.split("/")
    return f"https://{owner}.github.io/{name}"


def rewrite(new):
    """Replace the present name by ``new`` in every file and return the files that changed."""
    if not re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", new):
        raise SystemExit(f"{new!r} is not of the form owner/name")
    old = current()
    pairs = [
        (re.compile(rf"github(\.com)?/{re.escape(old)}(?![\w-])"), rf"github\1/{new}"),
        (re.compile(re.escape(site(old)) + r"(?![\w-])"), site(new)),
    ]
    return [path for path in _files() if _replace(path, pairs)]


def _files():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - _GENERATED)
        yield from (Path(folder) / name for name in sorted(names) if Path(name).suffix in _SUFFIXES)


def _replace(path, pairs):
    before = after = path.read_text(encoding="utf-8")
    for pattern, replacement in pairs:
        after = pattern.sub(replacement, after)
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(current())
    else:
        for changed in rewrite(sys.argv[1]):
            print("changed", changed.relative_to(ROOT))
