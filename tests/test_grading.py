"""Laws of grading: every submission gets its verdict, and none stops or betters another."""

import csv
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import psutil
import pytest

import assignments
from bytecover_lite.cli import main
from bytecover_lite.grading import worker
from bytecover_lite.grading.batch import grade_folder
from bytecover_lite.grading.container import container_command
from bytecover_lite.grading.feedback import file_name
from bytecover_lite.grading.merging import Step
from bytecover_lite.grading.running import Limits, run
from bytecover_lite.grading.sources import GradingError

from . import grading_samples as samples

LIMITS = Limits(seconds=20, cell_seconds=2, memory=1.5, processes=8)
DEADLINE = datetime(2025, 1, 1, tzinfo=UTC)
# student: verdict, points of the tests (of 5)
EXPECTED = {
    "good": ("other id", 5),
    "untouched": ("untouched", 0),
    "half": ("other id", 2),
    "stripped": ("repaired", 5),
    "stripped-untouched": ("repaired", 0),
    "colab": ("repaired", 5),
    "title-only": ("unrepairable", None),
    "deleted": ("incomplete", 3),
    "deleted-tests": ("other id", 5),
    "swapped": ("other id", 5),
    "formatted": ("other id", 5),
    "syntax": ("syntax error", 3),
    "loop": ("timeout", 3),
    "memory": ("memory", 3),
    "slow-memory": ("memory", 3),
    "exits": ("crashed", 2),
    "stops": ("other id", 3),
    "recursion": ("other id", 3),
    "flood": ("other id", 5),
    "weak-tests": ("tampered", 5),
    "points": ("tampered", 5),
    "false-output": ("tampered", 2),
    "breaks-assert": (None, None),
    "leftover": ("other id", 5),
    "hard-loop": ("timeout", 2),
    "own-id": ("graded", 5),
    "wrong-id": ("other id", 5),
    "<b>&amp; Zoë": ("other id", 5),
    "empty": ("unreadable", None),
    "text": ("unreadable", None),
    "cut": ("unreadable", None),
    "bytes": ("unreadable", None),
    "list": ("unreadable", None),
    "cells": ("unreadable", None),
    "deep": ("unreadable", None),
    "old-format": ("unreadable", None),
    "nothing": ("missing", None),
    "absent": ("missing", None),
    "late": ("late", 5),
    "renamed": ("renamed", 5),
    "twice": ("duplicate", 5),
    "twice-broken": ("duplicate", 5),
    "nested": ("other id", 5),
    "stamped": ("late", 5),
    "": ("renamed", 5),
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    return folder, samples.write_tiny(folder)


@pytest.fixture(scope="module")
def graded(tiny, tmp_path_factory):
    """Everything that may be handed in, graded in one batch: folder and grades by student."""
    source, assignment = tiny
    folder = tmp_path_factory.mktemp("graded")
    samples.hand_in_everything(folder / "in", assignment, folder)
    grades = grade_folder(
        folder / "in",
        assignments=source,
        out=folder / "out",
        deadline=DEADLINE,
        roster=["absent", "good"],
        limits=LIMITS,
        jobs=2,
    )
    return folder, {(grade.student, grade.assignment): grade for grade in grades}


@pytest.mark.slow
@pytest.mark.parametrize("student", EXPECTED)
def test_every_submission_gets_its_verdict_and_its_points(student, graded):
    grade = graded[1][student, "tiny"]
    verdict, points = EXPECTED[student]
    assert grade.verdict == (verdict or grade.verdict), grade.findings
    if verdict in ("unreadable", "missing", "unrepairable"):
        assert "tests" not in grade.row()
    elif points is not None:
        assert grade.row()["tests"] == str(points), grade.tests


@pytest.mark.slow
def test_a_notebook_of_something_else_is_listed(graded):
    assert graded[1]["other", ""].verdict == "unreadable"
    assert graded[1]["other", "tiny"].verdict == "missing"


@pytest.mark.slow
def test_a_submission_leaves_no_process_behind(graded):
    pid = int((graded[0] / "pid").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_the_table_has_a_row_for_everybody(graded):
    with (graded[0] / "out" / "grades.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(graded[1])
    assert {row["student"] for row in rows} == {student for student, _ in graded[1]}
    silent = [row for row in rows if row["tests"] == "0" and row["verdict"] == "graded"]
    assert silent == []


@pytest.mark.slow
def test_feedback_is_safe_html_without_hidden_tests(graded):
    folder = graded[0] / "out" / "feedback"
    page = (folder / file_name("half")).read_text(encoding="utf-8")
    assert "thrice one" not in page and "other numbers count, too" in page
    assert "NUMBER" not in page
    awkward = (folder / file_name("<b>&amp; Zoë")).read_text(encoding="utf-8")
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed(awkward)
    assert "b" not in tags and "script" not in tags and "&amp;amp; Zoë" in awkward
    assert "http" not in awkward


@pytest.mark.slow
def test_essays_are_read_by_hand_and_what_was_entered_is_kept(tiny, tmp_path):
    source, assignment = tiny
    notebook = samples.solved(assignment, words="An answer\r\nin two lines", plain='STUDENT = "a"')
    samples.hand_in(tmp_path / "in", "a", notebook)
    arguments = ["grade", str(tmp_path / "in"), "--assignments", str(source)]
    arguments += ["--out", str(tmp_path / "out")]
    main(arguments)
    table = tmp_path / "out" / "essays.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["points"] for row in rows] == [""]
    rows[0] |= {"points": "3,5", "comment": "Well argued."}
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    main(arguments)
    with (tmp_path / "out" / "grades.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert (row["tests"], row["essays"], row["essays_to_read"]) == ("5", "3.5", "0")
    assert "Well argued." in (tmp_path / "out" / "feedback" / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["no/such/folder", "--assignments", "SOURCE"], "no/such/folder"),
        (["IN", "--assignments", "IN"], "NAME.ipynb"),
        (["IN", "--assignments", "SOURCE", "--roster", "no/list.txt"], "no/list.txt"),
        (["IN", "--assignments", "SOURCE", "--container", "i", "--engine", "nocker"], "nocker"),
    ],
)
def test_a_teachers_mistake_is_one_line(arguments, named, tiny, tmp_path, capsys):
    samples.hand_in(tmp_path / "in", "a", samples.solved(tiny[1]))
    places = {"SOURCE": str(tiny[0]), "IN": str(tmp_path / "in")}
    arguments = [places.get(argument, argument) for argument in arguments]
    with pytest.raises(SystemExit) as stop:
        main(["grade", *arguments, "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and named in said and len(said.splitlines()) == 1


def test_a_container_gets_no_network_no_files_and_the_limits():
    command = container_command("image:1", Limits(memory=2.0, processes=10), name="abc")
    text = " ".join(command)
    assert command[:2] == ["docker", "run"]
    for part in (
        *("--rm", "--interactive", "--name abc", "--network none", "--read-only"),
        *("--memory 2000m", "--memory-swap 2000m", "--cap-drop ALL", "--user 65534:65534"),
        *("--security-opt no-new-privileges", "--pids-limit 74", "--env=CUDA_VISIBLE_DEVICES="),
    ):
        assert f" {part} " in text
    assert not {"--volume", "-v", "--mount", "--privileged"} & set(command)
    assert text.endswith("image:1 python -P -m bytecover_lite.grading.worker")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_the_container_command_is_what_runs(tmp_path, monkeypatch):
    # no container here: a stand-in drops everything up to the image and runs the rest
    engine = tmp_path / "podman"
    engine.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/log\n[ "$1" = run ] || exit 0\n'
        f'while [ "$1" != picture ]; do shift; done\nshift 2\nexec {sys.executable} "$@"\n'
    )
    engine.chmod(engine.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    steps = [Step("", "extra", "x = 20"), Step("t", "test", "x + 1.5", 1)]
    done = run(steps, Limits(seconds=30), container="picture", engine="podman")
    assert done.ended == "done" and [one["value"] for one in done.results] == [None, 21.5]
    endless = [Step("", "extra", samples.HARD_LOOP)]
    done = run(endless, Limits(seconds=2), container="picture", engine="podman")
    log = (tmp_path / "log").read_text().splitlines()
    assert done.ended == "timeout" and log[-1].startswith("rm --force ")
    assert log[-1].split()[-1] in log[-2]


def test_a_submission_sees_neither_secrets_nor_a_console(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    code = "import os, sys\nassert 'SECRET_TOKEN' not in os.environ\nassert sys.stdin.read() == ''"
    folder = "import os\nassert os.listdir() == []\nopen('own', 'w').close()"
    done = run([Step("", "extra", code), Step("", "extra", folder)], LIMITS)
    assert [one["error"] for one in done.results] == ["", ""]


def test_cells_share_names_and_an_error_stops_only_its_cell():
    cells = ["x = 1", "1 / 0", "%matplotlib inline\n!ls\nx += 1", "x", "import inspect", "def f(:"]
    results = list(worker.execute([(cell, 5) for cell in cells]))
    assert [one["error"] for one in results] == ["", "ZeroDivisionError", "", "", "", "SyntaxError"]
    assert results[3]["value"] == 2 and results[1]["place"] == "cell 1, line 1"


def test_a_student_can_read_the_source_of_an_own_function():
    cells = ["def f():\n    return 7", "import inspect\nassert '7' in inspect.getsource(f)"]
    assert [one["error"] for one in worker.execute([(cell, 5) for cell in cells])] == ["", ""]


def test_nbgrader_itself_gives_the_same_points(tiny, graded, tmp_path):
    """Both paths: ours, and nbgrader's own on the repaired notebooks that ours leaves."""
    names = ("good", "untouched", "half", "stripped", "deleted-tests")
    for name in names:
        target = tmp_path / "submitted" / name / "tiny"
        target.mkdir(parents=True)
        notebook = graded[0] / "out" / "submitted" / name / "tiny" / "tiny.ipynb"
        (target / "tiny.ipynb").write_bytes(notebook.read_bytes())
    source = tmp_path / "source" / "tiny" / "tiny.ipynb"
    source.parent.mkdir(parents=True)
    source.write_bytes((tiny[0] / "tiny" / "tiny.ipynb").read_bytes())
    programs = str(Path(sys.executable).parent)  # nbgrader calls alembic by its name
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    for step in (["generate_assignment", "tiny"], ["autograde", "tiny"], ["export"]):
        command = [sys.executable, "-m", "nbgrader", *step]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    with (tmp_path / "grades.csv").open(encoding="utf-8") as file:
        theirs = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    ours = {name: float(graded[1][name, "tiny"].row()["tests"]) for name in names}
    assert theirs == ours


def test_two_cells_of_one_name_are_refused(tmp_path):
    path = tmp_path / "x" / "x.ipynb"
    text = samples.TINY.replace("%% answer triple", "%% answer double")
    path.parent.mkdir()
    path.write_text(json.dumps(assignments.build(text)))
    with pytest.raises(GradingError, match="grade_id"):
        grade_folder(tmp_path, assignments=tmp_path, out=tmp_path / "out")
