"""Execute the chapters whose outcome may have changed.

The committed notebooks have no outputs. They are executed the way Colab does it (``colab.py``),
each in its own kernel with one thread, and the outcome is put into ``build/book``, from which the
site is rendered. Code in a folded solution is executed too, in a cell that the site leaves out. A
chapter is executed again when its notebook, the package, a shipped checkpoint or a results file has
changed.

Command: ``python book/tools/execute.py [--jobs N] [NAME ...]``, names as in ``02_cqt``.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import colab

ROOT = Path(__file__).resolve().parents[2]
BOOK, COPY = ROOT / "book", ROOT / "build" / "book"
_KEYS = COPY / ".executed"
_SOLUTION = re.compile(r"<details>.*?</details>", re.DOTALL)
_TAKES = re.compile(r"about (\d+) (s|minutes) to run")
_CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def execute(names=(), *, jobs=2):
    """Bring ``build/book`` up to date.

    Parameters
    ----------
    names : sequence of str
        Only these chapters; default all.
    jobs : int
        Chapters executed at the same time.

    Returns
    -------
    list of str
        What went wrong, one line each.
    """
    copy_pages()
    chapters = [path for path in sorted(BOOK.glob("*.ipynb")) if not names or path.stem in names]
    keys = {path: fingerprint(path) for path in chapters}
    stale = [path for path in chapters if not _is_fresh(path, keys[path])]
    print(f"chapters: {len(chapters)}, to execute: {len(stale)}", flush=True)
    if not stale:
        return []
    with tempfile.TemporaryDirectory(prefix="bytecover-book-") as elsewhere:
        _run(stale, Path(elsewhere), jobs)
    return [problem for path in stale for problem in _settle(path, keys[path])]


def copy_pages():
    """Copy everything but notebooks and tools; drop copies whose original is gone."""
    COPY.mkdir(parents=True, exist_ok=True)
    _KEYS.mkdir(exist_ok=True)
    wanted = {path.relative_to(BOOK) for path in BOOK.rglob("*") if path.is_file()}
    wanted = {path for path in wanted if path.parts[0] not in ("tools", "assignments")}
    for path in list(COPY.rglob("*")):
        inside = path.relative_to(COPY)
        if path.is_file() and inside.parts[0] != ".executed" and inside not in wanted:
            path.unlink()
    for path in wanted:
        source, target = BOOK / path, COPY / path
        if path.suffix != ".ipynb" and not _same(source, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def fingerprint(chapter):
    """Return a digest of everything that decides what executing ``chapter`` shows."""
    digest = hashlib.sha256(chapter.read_bytes())
    package = ROOT / "bytecover_lite"
    files = [*package.rglob("*.py"), *package.rglob("*.csv"), *package.rglob("*.safetensors")]
    for path in sorted(files + list((BOOK / "results").glob("*"))):
        digest.update(f"{path.relative_to(ROOT)}".encode() + path.read_bytes())
    return digest.hexdigest()


def with_solutions(chapter):
    """Return the notebook with every folded solution's code in a cell of its own, run in place."""
    notebook = json.loads(chapter.read_text(encoding="utf-8"))
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        if cell["cell_type"] == "markdown":
            cells += [_hidden_cell(code) for code in solutions("".join(cell["source"]))]
    for position, cell in enumerate(cells):
        cell["id"] = str(position)
    return notebook | {"cells": cells}


def solutions(markdown):
    """Return the Python blocks inside the folded parts of a Markdown text."""
    return [code for fold in _SOLUTION.findall(markdown) for code in _CODE.findall(fold)]


def _hidden_cell(code):
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": ["remove-cell"]},
        "outputs": [],
        "source": code.strip("\n").splitlines(keepends=True),
    }


def _run(chapters, elsewhere, jobs):
    _, environment = colab.imitate(elsewhere / "colab")
    pages = elsewhere / "content"
    pages.mkdir()
    for path in chapters:
        (pages / path.name).write_text(json.dumps(with_solutions(path), indent=1), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(pages)]
    command += ["--nbmake", "--overwrite", "--nbmake-timeout=600", "-q"]
    command += ["-n", str(jobs), "--maxschedchunk=1"]  # in the order that is given
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    longest_first = sorted(chapters, key=_seconds, reverse=True)
    command += ["-p", "no:cacheprovider", *(str(pages / path.name) for path in longest_first)]
    subprocess.run(command, cwd=pages, env={**environment, **threads}, check=False)
    for path in chapters:
        shutil.move(pages / path.name, COPY / path.name)


def _seconds(chapter):
    """Return how long the chapter says that it runs; one that does not say is taken for long."""
    says = _TAKES.search(chapter.read_text(encoding="utf-8"))
    return int(says[1]) * {"s": 1, "minutes": 60}[says[2]] if says else float("inf")


def _settle(chapter, key):
    cells = json.loads((COPY / chapter.name).read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    problems = [
        f"{chapter.name}, cell {cell['id']}: {problem}"
        for cell in code
        for problem in _problems(cell)
    ]
    if not problems:
        (_KEYS / chapter.stem).write_text(key, encoding="utf-8")
    return problems


def _problems(cell):
    if cell["execution_count"] is None:
        yield "was not executed"
    for output in cell["outputs"]:
        if output["output_type"] == "error":
            yield f"{output['ename']}: {output['evalue']}"
        elif output.get("name") == "stderr":
            yield "writes to stderr: " + "".join(output["text"]).strip()


def _is_fresh(chapter, key):
    stored = _KEYS / chapter.stem
    return (COPY / chapter.name).is_file() and stored.is_file() and stored.read_text("utf-8") == key


def _same(source, target):
    return target.is_file() and target.read_bytes() == source.read_bytes()


def main():
    """Execute and report; the exit status is 1 if any chapter failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="chapters, as in 02_cqt; default all")
    parser.add_argument("--jobs", type=int, default=2, help="chapters at the same time")
    given = parser.parse_args()
    problems = execute(given.names, jobs=given.jobs)
    print("\n".join(problems), end="\n" if problems else "")
    raise SystemExit(bool(problems))


if __name__ == "__main__":
    main()
