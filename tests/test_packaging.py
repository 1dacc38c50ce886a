"""Laws of what is shipped: wheel, lock file, conda environment, names, licence."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import colab
import readme
import slug

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = [
    Requirement(line)
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if not line.startswith("#")
]


def declared():
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for text in sum(extras, PROJECT["dependencies"])]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return zipfile.ZipFile(colab.build_wheel(tmp_path_factory.mktemp("wheel")))


def tracked(folder, *suffixes):
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True)
    return [name for name in listed.stdout.split() if name.endswith(suffixes)]


def test_wheel_carries_every_module_table_and_checkpoint(wheel):
    expected = set(tracked("bytecover_lite", ".py", ".csv", ".safetensors", ".md"))
    assert len(expected) > 10
    assert expected <= set(wheel.namelist())


def test_wheel_carries_every_results_file(wheel):
    expected = [Path(name).name for name in tracked("book/results", ".json", ".csv")]
    packed = {Path(name).name for name in wheel.namelist() if "/results_data/" in name}
    assert set(expected) <= packed


def test_wheel_holds_nothing_but_the_package(wheel):
    assert {name.split("/")[0].split("-")[0] for name in wheel.namelist()} == {"bytecover_lite"}


def test_lock_pins_the_tested_pair():
    pins = {requirement.name: str(requirement.specifier) for requirement in LOCK}
    assert (pins["torch"], pins["torchaudio"]) == ("==2.11.0", "==2.11.0")


def test_lock_names_no_place():
    assert not re.search(r"://|^-|^/|@", (ROOT / "requirements.lock").read_text(), re.MULTILINE)


@pytest.mark.parametrize("requirement", declared(), ids=lambda requirement: requirement.name)
def test_lock_satisfies_every_declared_dependency(requirement):
    name = canonicalize_name(requirement.name)
    pins = [pin for pin in LOCK if canonicalize_name(pin.name) == name]
    assert pins, f"{requirement} is not in requirements.lock: run `make lock`"
    for pin in pins:
        (version,) = [part.version for part in pin.specifier]
        assert requirement.specifier.contains(version, prereleases=True)


def test_conda_specifications_parse_and_agree_with_the_project():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [part for part in environment["dependencies"] if isinstance(part, str)]
    (pip,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    specifications = {spec.name.normalized: spec for spec in map(rattler.MatchSpec, conda)}
    assert str(specifications["python"].version) == PROJECT["requires-python"]
    assert "pip" in specifications
    assert pip == ["-r requirements.lock"]


def test_repository_name_stands_once():
    """Every copy of the name follows from the one in pyproject.toml."""
    name = slug.current()
    config = yaml.safe_load((ROOT / "book" / "_config.yml").read_text())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (
        config["repository"]["url"] == citation["repository-code"] == f"https://github.com/{name}"
    )
    assert config["html"]["baseurl"] == citation["url"] == slug.site(name)
    assert PROJECT["urls"]["Documentation"] == slug.site(name)


def test_renaming_rewrites_every_copy_and_can_be_undone(tmp_path, monkeypatch):
    old = slug.current()
    for name in tracked(".", ".md", ".toml", ".yml", ".cff", ".ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(slug, "ROOT", tmp_path)
    changed = slug.rewrite("somebody/a.fork")
    assert slug.current() == "somebody/a.fork"
    assert len(changed) >= 4
    left = [path for path in before if f"github.com/{old}" in path.read_text(encoding="utf-8")]
    assert left == []
    slug.rewrite(old)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["noslash", "a/b/c", "a b/c", ""])
def test_a_malformed_repository_name_is_refused(name):
    with pytest.raises(SystemExit, match="owner/name"):
        slug.rewrite(name)


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_book_takes_every_step_in_order():
    """Also: every file that the Makefile names as a step's cause exists."""
    command = ["make", "--dry-run", "--always-make", "book"]
    planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    steps = ["requirements.lock", "bytecover songbook", "bytecover train", "bytecover evaluate"]
    steps += ["execute.py", "render.py", "bytecover summary"]
    places = [planned.stdout.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("page", readme.PAGES, ids=lambda page: page.name)
def test_generated_parts_are_current(page):
    text = page.read_text(encoding="utf-8")
    assert any(f"<!-- end of {name} -->" in text for name in readme.PARTS)
    assert readme.fill(text) == text, "run `make readme`"


def test_citation_names_the_shipped_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"


def test_import_needs_torch_and_numpy_only():
    program = "import sys, bytecover_lite; print(*{name.split('.')[0] for name in sys.modules})"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    heavy = {"librosa", "pandas", "music21", "matplotlib", "scipy", "soundfile", "lightning"}
    assert shown.returncode == 0, shown.stderr
    assert not heavy & set(shown.stdout.split())
