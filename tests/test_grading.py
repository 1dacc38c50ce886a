"""Laws of grading: every submission gets its verdict, and none stops or betters another."""

import csv
import dataclasses
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
from bytecover_lite.grading import batch, worker
from bytecover_lite.grading.batch import grade_folder
from bytecover_lite.grading.container import container_command
from bytecover_lite.grading.essays import (
    format_essays,
    grade_essays,
    read_essays,
    would_be_lost,
)
from bytecover_lite.grading.feedback import file_name
from bytecover_lite.grading.merging import Step
from bytecover_lite.grading.running import Limits, run
from bytecover_lite.grading.sources import GradingError
from bytecover_lite.grading.verdicts import NO_SCORE, VERDICTS, Grade

from . import grading_samples as samples

LIMITS = Limits(seconds=20, cell_seconds=2, memory=1.5, processes=8, disk=0.1)
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
    "processes": ("processes", 0),
    "disk": ("disk", 0),
    "false-report": ("forged", None),
    "empty-id": ("given cell", 0),
    "half-characters": ("other id", 2),
    "endless-words": ("other id", 5),
    samples.LONG_NAME: ("other id", 5),
    "year-30000": ("late", 5),
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
if sys.platform == "linux":
    EXPECTED |= dict.fromkeys((r"caf\udce9", "pipe"), ("other id", 5))


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
@pytest.mark.parametrize("student", EXPECTED, ids=ascii)
def test_every_submission_gets_its_verdict_and_its_points(student, graded):
    grade = graded[1][student, "tiny"]
    verdict, points = EXPECTED[student]
    assert grade.verdict == (verdict or grade.verdict), grade.findings
    if verdict in NO_SCORE:
        assert "tests" not in grade.row()
    elif points is not None:
        assert grade.row()["tests"] == str(points), grade.tests


@pytest.mark.slow
def test_every_verdict_is_given(graded):
    given = {finding for grade in graded[1].values() for finding in grade.findings}
    assert given == set(VERDICTS) - {"failed", "graded"}


def test_a_defect_of_the_grader_is_a_verdict_and_no_score(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "match", None)
    samples.hand_in(tmp_path / "in", "a", samples.solved(tiny[1]))
    (grade,) = grade_folder(tmp_path / "in", assignments=tiny[0], out=tmp_path / "out")
    assert grade.verdict == "failed" and "TypeError" in grade.findings["failed"]
    assert "tests" not in grade.row()


def test_an_assignment_that_nobody_handed_in_is_not_asked_for(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "_grade", lambda student, own, *rest: (student, own.name))
    later = tiny[1], dataclasses.replace(tiny[1], name="later", cells=())
    monkeypatch.setattr(batch, "read_assignments", lambda _: {one.name: one for one in later})
    monkeypatch.setattr(batch, "_keep_points", lambda *_: None)
    monkeypatch.setattr(batch, "_write", lambda *_: None)
    (tmp_path / "in" / "b").mkdir(parents=True)
    options = {"assignments": "", "out": tmp_path, "roster": ["c"]}
    assert len(grade_folder(tmp_path / "in", **options)) == 4  # nothing is there: all of both
    samples.hand_in(tmp_path / "in", "a", samples.solved(tiny[1]))
    found = grade_folder(tmp_path / "in", **options)
    assert found == [("a", "tiny"), ("b", "tiny"), ("c", "tiny")]


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


def essays_of(assignment, answer, entered=None):
    grade, steps = Grade("a", "tiny"), [Step("words", "essay", answer, 4)]
    grade.essays = grade_essays(grade, assignment, steps, entered or {})
    return grade


@pytest.mark.parametrize("answer", ["=1+1", "- a\n- b", "@x", "+", "w " * 40_000, "\r\n", "ä;\"'"])
def test_points_survive_a_spreadsheet_that_changes_the_answer(answer, tiny, tmp_path):
    table = tmp_path / "essays.csv"
    table.write_bytes(format_essays([essays_of(tiny[1], answer)]))
    with table.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert len(row["answer"]) < 32_767 and row["answer"][:1] not in ("=", "+", "-", "@")
    row |= {"points": "3", "comment": "Yes.", "answer": "#NAME?"}
    with table.open("w", encoding="cp1252", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    again = essays_of(tiny[1], answer, read_essays(table)).essays[0]
    assert (again["points"], again["comment"]) == (3, "Yes.")
    other = essays_of(tiny[1], f"{answer} and more", read_essays(table))
    assert other.essays[0]["points"] is None
    assert would_be_lost(read_essays(table), [other]) == [("a", "tiny", "words")]


@pytest.mark.slow
def test_points_that_no_longer_fit_stay_in_a_table_of_their_own(tiny, tmp_path, caplog):
    source, assignment = tiny
    for number, words in enumerate(("One answer", "Another answer")):
        samples.hand_in(tmp_path / "in", "a", samples.solved(assignment, words=words))
        grade_folder(tmp_path / "in", assignments=source, out=tmp_path / "out", limits=LIMITS)
        former = tmp_path / "out" / "essays.1.csv"
        assert former.exists() == bool(number) == bool(caplog.messages)
        table = tmp_path / "out" / "essays.csv"
        if not number:
            table.write_text(table.read_text().replace(",4.0,,", ",4.0,3,"))
    assert ",4.0,3," in former.read_text() and ",4.0,3," not in table.read_text()


@pytest.mark.parametrize("text", ["student;points\na;1\n", "\0", "a" * 200_000, ""])
def test_a_table_of_essays_that_is_none_is_named(text, tmp_path):
    (tmp_path / "essays.csv").write_text(text)
    with pytest.raises(GradingError, match=r"essays\.csv"):
        read_essays(tmp_path / "essays.csv")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["no/such/folder", "--assignments", "SOURCE"], "no/such/folder"),
        (["IN", "--assignments", "IN"], "NAME.ipynb"),
        (["IN", "--assignments", "SOURCE", "--jobs", "0"], "jobs=0"),
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
        *(
            "--log-driver none",
            "--rm",
            "--interactive",
            "--name abc",
            "--network none",
            "--read-only",
        ),
        *("--read-only", "--memory 2000m", "--memory-swap 2000m", "--cap-drop ALL"),
        *("--user 65534:65534", "--security-opt no-new-privileges", "--pids-limit 74"),
        "--env=CUDA_VISIBLE_DEVICES=",
    ):
        assert f" {part} " in text
    assert not {"--volume", "-v", "--mount", "--privileged"} & set(command)
    assert text.endswith("image:1 python -P -m bytecover_lite.grading.worker")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_the_container_command_is_what_runs(tmp_path, monkeypatch):
    # no container here: a stand-in drops everything up to the image and runs the rest
    engine = tmp_path / "podman"
    engine.write_text(
        f'#!/bin/sh\necho "$HOME $@" >> {tmp_path}/log\n[ "$1" = run ] || exit 0\n'
        f'while [ "$1" != picture ]; do shift; done\nshift 2\nexec {sys.executable} "$@"\n'
    )
    engine.chmod(engine.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", "/the/callers")  # where an engine keeps images and settings
    steps = [Step("", "extra", "x = 20"), Step("t", "test", "x + 1.5", 1)]
    done = run(steps, Limits(seconds=30), container="picture", engine="podman")
    assert done.ended == "done" and [one["value"] for one in done.results] == [None, 21.5]
    endless = [Step("", "extra", samples.HARD_LOOP)]
    done = run(endless, Limits(seconds=2), container="picture", engine="podman")
    log = (tmp_path / "log").read_text().splitlines()
    assert done.ended == "timeout" and log[-1].startswith("/the/callers rm --force ")
    assert all(line.startswith("/the/callers ") for line in log)
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
