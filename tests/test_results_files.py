"""Results files say which code made them."""

import subprocess

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
