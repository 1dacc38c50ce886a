"""The chapters that do more on a GPU do it to the end."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"


def program(path):
    """Return the code of a chapter without what only a notebook understands."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    plain = re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", "\n\n".join(code))
    return f"display = print\n\n{plain}"


PROGRAMS = {path.stem: program(path) for path in sorted(BOOK.glob("[0-9]*.ipynb"))}
SCALED = [name for name, code in PROGRAMS.items() if '"gpu": ' in code]


def test_the_chapters_that_train_choose_a_scale():
    assert {"06_training", "08_ablation_norm", "09_ablation_loss"} <= set(SCALED)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_chapter_is_a_program(name):
    assert len(ast.parse(PROGRAMS[name]).body) > 10


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.parametrize("name", SCALED)
def test_a_chapter_runs_at_the_scale_of_a_gpu(name, tmp_path):
    file = tmp_path / f"{name}.py"
    file.write_text(PROGRAMS[name], encoding="utf-8")
    paths = os.pathsep.join([str(BOOK.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    surroundings = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, str(file)], cwd=BOOK, env=surroundings, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
