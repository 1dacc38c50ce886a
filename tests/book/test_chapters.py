"""Laws of the chapters' sources and of the tools that check and execute them."""

import ast
import json
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cells
import execute
import lint

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("*.ipynb"))
SOUND_CHAPTER = """\
%% md
# A title

**Question.** What is one?

**The file.** [`errors.py`](https://github.com/x/y)

**Time.** A minute.

**Prerequisites.** None.

**You will be able to**

- count
%% md
## The idea

## Symbols and shapes

## The source

## Experiment: does it count?
%% code alt: One point.
plt.show()
%% md
*Figure: a point is a point.*

## Check

## Exercises

### Exercise 1: add

<details><summary>Solution</summary>

```python
two = 1 + 1
assert two == 2
```

</details>

### Exercise 2: add again

<details><summary>Solution</summary>

It is three.

</details>

## Recap

## References

- [the paper](https://arxiv.org/abs/2010.14022)
"""

chapters = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


@chapters
def test_chapter_keeps_to_the_form(chapter):
    assert lint.check(chapter) == []


@chapters
def test_chapter_is_written_deterministically(chapter, tmp_path):
    """Reading a chapter's source and writing it again gives the same bytes; no output is kept."""
    cells.write(cells.build(cells.read(chapter), chapter.name), tmp_path / chapter.name)
    assert (tmp_path / chapter.name).read_bytes() == chapter.read_bytes()


@chapters
def test_figure_comes_before_its_code(chapter):
    """Code that draws is folded, on every page alike."""
    for cell in json.loads(chapter.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and "plt.show()" in "".join(cell["source"]):
            assert cell["metadata"].get("tags") == ["hide-input"], cell["source"]


@chapters
def test_chapter_is_stripped(chapter):
    command = [sys.executable, "-m", "nbstripout", "--verify", str(chapter)]
    assert subprocess.run(command, capture_output=True).returncode == 0


@chapters
def test_chapter_imports_only_what_colab_gets(chapter):
    """Everything imported is the standard library's, Jupyter's or a declared dependency."""
    allowed = {"bytecover-lite", "ipython"} | installed_with_the_package()
    providers = packages_distributions() | {"bytecover_lite": ["bytecover-lite"]}
    undeclared = [
        name
        for name in imports(chapter) - sys.stdlib_module_names
        if not allowed & set(map(canonicalize_name, providers.get(name, ())))
    ]
    assert undeclared == []


def installed_with_the_package():
    """Return what pip installs with the package and its songbook, however indirectly."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = project["dependencies"] + project["optional-dependencies"]["songbook"]
    found = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        applies = not requirement.marker or requirement.marker.evaluate({"extra": ""})
        if applies and name not in found:
            found.add(name)
            waiting += requires(name) or ()
    return found


def imports(chapter):
    found = set()
    for cell in json.loads(chapter.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        text = "".join(cell["source"]).replace("%pip install", "pass  #")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.split(".")[0])
    return found


def test_contents_list_every_page():
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text())
    listed = {contents["root"]}
    listed |= {page["file"] for part in contents["parts"] for page in part["chapters"]}
    pages = {path.stem for path in BOOK.iterdir() if path.suffix in (".md", ".ipynb")}
    assert listed == pages


def test_setup_cell_leaves_numpy_and_torch_alone():
    (setup,) = [line for line in cells.SETUP.splitlines() if "pip install" in line]
    assert setup.count('"') == 2
    assert setup.split('"')[1].startswith("bytecover-lite[songbook] @ git+https://")
    assert "--upgrade" not in setup and "-U" not in setup.split()


def write_chapter(directory, source):
    path = directory / "sample.ipynb"
    cells.write(cells.build(source, path.name), path)
    return path


def test_a_sound_chapter_passes(tmp_path):
    assert lint.check(write_chapter(tmp_path, SOUND_CHAPTER)) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("# A title", "A title", "# Title"),
        ("**Time.**", "Time:", "in this order"),
        ("## Recap\n", "", "sections are"),
        ("## Check", "## The check", "sections are"),
        ("### Exercise 2: add again", "", "1 exercises"),
        ("assert two == 2", "two", "asserts nothing"),
        (" alt: One point.", "", "alternative text"),
        ("plt.show()", "\n".join(["x = 1"] * 16), "16 lines"),
        ("plt.show()", "!ls", "runs a command"),
        ("*Figure: a", "A", "without a caption"),
        ("plt.show()", "%pip install numpy==1.0", "installs something"),
        ("## The idea", "{cite}`du2021bytecover`", "MyST"),
        ("arxiv.org/abs/2010.14022", "arxiv.org/abs/9999.99999", "references.bib"),
        ("It is three.", "</details>\n\nOur MAP is 0.53.", "results file"),
        ("## The idea", "## The idea\n\nTen epochs raise the score by 4 %.", "results file"),
    ],
)
def test_a_departure_from_the_form_is_named(tmp_path, old, new, complaint):
    found = lint.check(write_chapter(tmp_path, SOUND_CHAPTER.replace(old, new, 1)))
    assert any(complaint in line for line in found), found


@pytest.mark.parametrize(
    "sentence",
    [
        "The paper claims a MAP of .714.",
        "Published scores: MAP .126 and .534.",
        "MAP with its 95 % interval.",
        "The scores have a margin of $m = 0.3$.",
        "`margin=0.3` lowers the score.",
    ],
)
def test_a_number_with_a_source_passes(tmp_path, sentence):
    source = SOUND_CHAPTER.replace("## The idea", f"## The idea\n\n{sentence}", 1)
    assert lint.check(write_chapter(tmp_path, source)) == []


def test_a_foreign_setup_cell_is_named(tmp_path):
    path = write_chapter(tmp_path, SOUND_CHAPTER)
    path.write_text(path.read_text().replace("git+https", "hg+https"))
    assert any("set-up cell differs" in line for line in lint.check(path))


def test_source_and_notebook_are_two_writings_of_the_same(tmp_path):
    path = write_chapter(tmp_path, SOUND_CHAPTER)
    once = path.read_bytes()
    assert write_chapter(tmp_path, cells.read(path)).read_bytes() == once


def test_code_of_a_folded_solution_runs_where_it_stands_and_stays_hidden(tmp_path):
    executed = execute.with_solutions(write_chapter(tmp_path, SOUND_CHAPTER))["cells"]
    (position,) = [
        number for number, cell in enumerate(executed) if "two = 1 + 1" in cell["source"][0]
    ]
    assert executed[position]["metadata"] == {"tags": ["remove-cell"]}
    assert "### Exercise 1" in "".join(executed[position - 1]["source"])


@pytest.mark.slow
def test_execution_far_from_the_checkout_keeps_results_and_names_failures(tmp_path, monkeypatch):
    """A good chapter is not run again; one that fails and one that warns are named."""
    monkeypatch.setattr(execute, "BOOK", tmp_path / "book")
    monkeypatch.setattr(execute, "COPY", tmp_path / "copy")
    monkeypatch.setattr(execute, "_KEYS", tmp_path / "copy" / ".executed")
    (tmp_path / "book" / "results").mkdir(parents=True)
    where = "import bytecover_lite, os\nprint(bytecover_lite.__file__, os.getcwd())"
    for name, code in {
        "good": where,
        "bad": "1 / 0",
        "loud": "import sys\nsys.stderr.write('x')",
    }.items():
        notebook = cells.build("%% md\n# One\n%% code\n" + code, f"{name}.ipynb")
        notebook["cells"].pop(2)  # the set-up cell imports torch, which takes its time
        cells.write(notebook, tmp_path / "book" / f"{name}.ipynb")
    problems = execute.execute(jobs=1)
    assert [line.split(",")[0] for line in problems] == ["bad.ipynb", "loud.ipynb"]
    assert "ZeroDivisionError" in problems[0] and "stderr" in problems[1]
    shown = (tmp_path / "copy" / "good.ipynb").read_text()
    assert "site-packages" in shown and str(ROOT / "bytecover_lite") not in shown
    assert execute.execute(["good"], jobs=1) == []
