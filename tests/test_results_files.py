"""Results files say which code made them."""

import subprocess
import sys

import pytest

from bytecover_lite import results


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Return a repository of its own that the module believes to lie in."""

    def git(*arguments):
        user = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *user, *arguments], check=True, timeout=30)

    for name in ("bytecover_lite/results.py", "book/results/scores.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    monkeypatch.setattr(results, "__file__", str(tmp_path / "bytecover_lite" / "results.py"))
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "dirty"),
    [
        (None, False),
        ("book/results/scores.json", False),
        ("bytecover_lite/results.py", True),
    ],
)
def test_only_changed_code_makes_a_result_dirty(checkout, changed, dirty):
    if changed:
        (checkout / changed).write_text("changed")
    commit = results.provenance()["commit"]
    assert commit.endswith("-dirty") == dirty
    assert len(commit.removesuffix("-dirty")) == 12


def test_outside_a_repository_no_commit_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "__file__", str(tmp_path / "bytecover_lite" / "results.py"))
    assert results.provenance()["commit"] is None


@pytest.mark.parametrize("package", [True, False])
def test_a_result_names_the_module_that_was_run(tmp_path, package):
    """``sys.argv`` would say ``__main__.py`` or ``measure.py``, which nobody can type."""
    folder = tmp_path / "tools"
    folder.mkdir()
    file = folder / ("__main__.py" if package else "measure.py")
    file.write_text("from bytecover_lite.results import provenance\nprint(provenance()['command'])")
    module = "tools" if package else "tools.measure"
    for start, expected in (["-m", module], f"python -m {module} 3"), ([file], f"{file.name} 3"):
        done = subprocess.run(
            [sys.executable, *start, "3"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
