"""Laws of the assignments: what students get, what a right and a wrong answer earn."""

import csv
import functools
import json

import pytest

import assignments
from bytecover_lite import assignments as package
from bytecover_lite.cli import main
from bytecover_lite.grading import worker
from bytecover_lite.grading.merging import Step
from bytecover_lite.grading.running import Run
from bytecover_lite.grading.sources import read_assignment, student_version
from bytecover_lite.grading.verdicts import Grade, judge_run
from bytecover_lite.songbook import arrange, compose, render

NAMES = ("1_cqt", "2_ibn", "3_losses", "4_scoring", "5_ablation")
MARKS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")

# assignment: (what a student may do wrong, in the solution replace, by, the message must say)
MISTAKES = {
    "1_cqt": [
        ("steps in hertz", "2.0 ** (np.arange(n_bins) / bins_per_octave)",
         "(1 + np.arange(n_bins) / bins_per_octave)", "same ratio"),
        ("Q forgets the 1", "q = 1 / (2 ** (1 / bins_per_octave) - 1)",
         "q = 1 / 2 ** (1 / bins_per_octave)", "Q is about 16.8"),
        ("window not normalised", "window / window.sum()", "window", "must add up to 1"),
        ("wraps around", "moved = np.zeros_like(spectrogram)",
         "return np.roll(spectrogram, k, axis=0)", "come back at the bottom"),
        ("one frame of each group", ".mean(axis=2)", "[:, :, 0]", "not their mean"),
        ("wrong direction", "return min(shifts, key=", "return -min(shifts, key=",
         "the wrong direction"),
        ("kernel starts at centre", "start = centre + pad - len(wave) // 2",
         "start = centre + pad", "second half of the kernel"),
    ],
    "2_ibn": [
        ("instance over the batch", "mean = x.mean(dim=(2, 3), keepdim=True)",
         "mean = x.mean(dim=(0, 2, 3), keepdim=True)", "over which dimensions"),
        ("variance of a sample", "x.var(dim=(2, 3), keepdim=True, unbiased=False)",
         "x.var(dim=(2, 3), keepdim=True)", "which variance"),
        ("halves exchanged", "[instance_normalise(first), batch_normalise(rest)]",
         "[batch_normalise(first), instance_normalise(rest)]", "halves exchanged"),
        ("weight unused", "x * self.weight[:, None, None] + self.bias", "x + self.bias",
         "weight 2 and bias 1"),
        ("halves measured together", "(slice(half), slice(half, None))\n    )\n    ### END",
         "(slice(None), slice(None))\n    )\n    ### END", "gain and offset"),
        ("changes its input", "changed = x.clone()", "changed = x", "copy it first"),
    ],
    "3_losses": [
        ("squared distances", ".add(1e-12).sqrt()", "", "squared"),
        ("infinite gradient", ".add(1e-12).sqrt()", ".sqrt()", "gradient"),
        ("easiest pairs", "torch.where(same, apart, -torch.inf).amax(dim=1)",
         "torch.where(same & (apart > 1e-5), apart, torch.inf).amin(dim=1)", "your own batch"),
        ("mean over active anchors", "(margin + farthest - nearest).clamp(min=0).mean()",
         "(lambda x: x[x > 0].mean())(margin + farthest - nearest)", "count them as zeros"),
        ("smoothing over the others", "smoothing * likelihood.mean(dim=1)",
         "smoothing * (likelihood.sum(dim=1) - right) / (logits.shape[1] - 1)", "wrong works only"),
        ("bias is learned", ", requires_grad=False", "", "the bias is learned"),
        ("triplet on the embedding", "+ triplet(pooled, cliques)",
         "+ triplet(embedding, cliques)", "ten times as wide"),
        ("classification on pooled", "classification(embedding @", "classification(pooled @",
         "moving all features together"),
    ],
    "4_scoring": [
        ("ranks from 0", "ranks = np.flatnonzero(hits) + 1",
         "ranks = np.flatnonzero(hits)", "rank 1, not 0"),
        ("divided by hits found", "/ ranks) / n_matches)", "/ ranks) / max(len(ranks), 1))",
         "hiding them must cost"),
        ("finds itself", "np.flatnonzero(np.arange(len(cliques)) != query)",
         "np.arange(len(cliques))", "no match at all"),
        ("MR1 from 0", "hits.argmax() + 1", "hits.argmax()", "where do ranks start"),
        ("optimistic ties", "np.lexsort((is_match,", "np.lexsort((~is_match,", "what do ties do"),
        ("two letters exchanged", "for letter, scorer in SCORERS.items()}",
         "for letter, scorer in SCORERS.items()}\n"
         'DIAGNOSIS["A"], DIAGNOSIS["C"] = DIAGNOSIS["C"], DIAGNOSIS["A"]', "something else"),
        ("an example that shows nothing", "distances[:] = 1.0", "pass", "equally distant to show"),
    ],
    "5_ablation": [
        ("folds the wrong way", ".reshape(7, 12).sum(axis=0)", ".reshape(12, 7).sum(axis=1)",
         "how do you fold"),
        ("tries six keys", "keys = range(12) if", "keys = range(4) if", "a song in another key"),
        ("switch not passed on", 'variant == "keys")', "True)", "without search"),
        ("resamples queries", "np.unique(np.asarray(works), return_inverse=True)",
         "np.unique(np.arange(len(works)), return_inverse=True)", "not 25 independent"),
        ("two intervals subtracted",
         'LOW, HIGH = bootstrap(gains, 100 * pairs["seed"] + pairs["clique"])',
         'works = 100 * pairs["seed"] + pairs["clique"]\n'
         'ends = [bootstrap(pairs[name], works) for name in ("keys", "no keys")]\n'
         "LOW, HIGH = ends[0][0] - ends[1][1], ends[0][1] - ends[1][0]", "wrong width"),
        ("sign", 'pairs["keys"] - pairs["no keys"]', 'pairs["no keys"] - pairs["keys"]',
         "wrong way"),
        ("conclusion against the interval", '"helps" if LOW > 0 else', '"hurts" if LOW > 0 else',
         "contradicts"),
    ],
}  # fmt: skip
ALL = [(name, *mistake) for name, mistakes in MISTAKES.items() for mistake in mistakes]
each = pytest.mark.parametrize("name", NAMES)


@functools.cache
def source(name):
    return read_assignment(assignments.FOLDER / name / f"{name}.ipynb")


@pytest.fixture(scope="module", autouse=True)
def songs_are_drawn_once():
    """Keep the composed songs; the assignments ask for the same ones in every run."""
    with pytest.MonkeyPatch.context() as patch:
        for module, function in ((compose, "compose"), (arrange, "arrange"), (render, "draw")):
            patch.setattr(module, function, functools.cache(getattr(module, function)))
        yield


def steps_of(name, *, student="teacher", replace=("", ""), released=False):
    """Return the cells of a solution, with one change, or of the untouched release."""
    steps = []
    for cell in source(name).cells:
        if not cell.is_code:
            continue
        text = cell.released if released and cell.kind != "test" else cell.source
        if cell.kind == "plain":
            text = text.replace("nobody", student)
        if cell.kind == "answer" and replace[0]:
            text = text.replace(*replace, 1)
        steps.append(Step(cell.name, cell.kind, text, cell.points))
    return steps


def points(name, **options):
    """Execute in this process, as the worker does; return the share of points and messages."""
    steps = steps_of(name, **options)
    results = list(worker.execute([(step.source, 100) for step in steps]))
    grade = Grade("student", name)
    judge_run(grade, Run(results, "done", 0.0), steps, {})
    assert "given cell" not in grade.findings, grade.findings
    earned = sum(test["points"] for test in grade.tests)
    return earned / source(name).points("test"), [test["message"] for test in grade.tests]


@each
def test_students_get_no_solution_and_no_hidden_test(name):
    path = assignments.FOLDER / name / f"{name}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    released = ["".join(cell["source"]) for cell in student_version(notebook)["cells"]]
    text = "\n".join(released)
    assert not any(mark in text for mark in MARKS)
    secret, inside = [], False
    for cell in notebook["cells"]:
        for line in "".join(cell["source"]).splitlines():
            if any(mark in line for mark in MARKS):
                inside = "BEGIN" in line
            elif inside and len(line.strip()) > 20:
                secret.append(line.strip())
    shared = [line for line in secret if line in text]
    assert len(secret) > 15 and len(shared) < len(secret) / 8, shared
    assert not any("assert" in line for line in shared)


@each
def test_a_release_states_time_and_points_and_locks_what_is_given(name):
    assignment = source(name)
    title = assignment.cells[0].source
    assert (
        "**Time:** " in title and "| points |" in title and "STUDENT" in assignment.cells[1].source
    )
    assert assignment.points("test") + assignment.points("essay") == 25
    stated = [line.split("|")[2].strip() for line in title.splitlines() if line.count("|") == 4]
    assert sum(int(points) for points in stated if points.isdigit()) == 25
    for cell in assignment.release["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("locked"):
            assert cell["metadata"]["editable"] is False and marks["checksum"]


@each
def test_a_source_is_what_its_text_gives(name):
    path = assignments.FOLDER / name / f"{name}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert assignments.build(assignments.unbuild(notebook)) == notebook


@each
@pytest.mark.parametrize("student", ["ada", "Zoë 7"])
def test_the_solution_earns_everything_for_every_student(name, student):
    share, messages = points(name, student=student)
    assert share == 1.0 and not any(messages)


@each
def test_students_get_different_data(name):
    given = [
        "".join(one["printed"] for one in worker.execute([(s.source, 100) for s in steps[:2]]))
        for steps in (steps_of(name, student=who) for who in ("ada", "bob", "ADA "))
    ]
    assert given[0] == given[2]
    assert given[0] != given[1] or name == "5_ablation"  # which prints sizes only


@each
def test_the_untouched_release_earns_nothing_and_says_why(name):
    share, messages = points(name, released=True)
    assert share == 0 and all(messages)


@pytest.mark.parametrize(("name", "what", "old", "new", "said"), ALL, ids=lambda x: str(x)[:25])
def test_a_typical_mistake_costs_something_and_is_named(name, what, old, new, said):
    text = "\n".join(cell.source for cell in source(name).cells if cell.kind == "answer")
    assert old in text, "the solution has changed: change the mistake, too"
    share, messages = points(name, replace=(old, new))
    assert 0 < share < 1
    assert any(said in message for message in messages), messages


def test_there_are_three_mistakes_for_each():
    assert set(MISTAKES) == set(NAMES) and all(len(one) >= 3 for one in MISTAKES.values())


@pytest.mark.slow
def test_the_bundles_are_graded_from_end_to_end(tmp_path):
    """Hand out, hand in, grade: solutions in the students' own notebooks, and untouched ones."""
    assignments.bundle(tmp_path / "bundle")
    for name in NAMES:
        handed_out = json.loads(
            (tmp_path / "bundle" / "colab" / f"{name}.ipynb").read_text("utf-8")
        )
        answers = {cell.name: cell.source for cell in source(name).cells}
        for student in ("ada", "nobody"):
            target = tmp_path / "in" / student / f"{name}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            notebook = json.loads(json.dumps(handed_out))
            for cell in notebook["cells"] if student == "ada" else ():
                marks = cell["metadata"].get("nbgrader", {})
                if marks.get("solution"):
                    cell["source"] = answers[marks["grade_id"]]
                elif not marks and cell["cell_type"] == "code":
                    cell["source"] = "".join(cell["source"]).replace("nobody", "ada")
                if name == "3_losses":
                    cell["metadata"] = {}  # as some editors leave it
            target.write_text(json.dumps(notebook), encoding="utf-8")
    source_folder = tmp_path / "bundle" / "instructor" / "source"
    out = tmp_path / "out"
    arguments = ["--assignments", str(source_folder), "--out", str(out)]
    arguments += ["--seconds", "900", "--cell-seconds", "600"]  # this machine may be busy
    main(["grade", str(tmp_path / "in"), *arguments])
    with (out / "grades.csv").open(encoding="utf-8") as file:
        rows = {(row["student"], row["assignment"]): row for row in csv.DictReader(file)}
    for name in NAMES:
        best, none = rows["ada", name], rows["nobody", name]
        assert best["verdict"] == ("repaired" if name == "3_losses" else "graded"), best["remarks"]
        assert best["tests"] == best["tests_max"] and best["essays_to_read"] == "1"
        assert none["verdict"] == "untouched" and none["tests"] == none["essays"] == "0"


def test_the_colab_set_installs_the_package_and_changes_nothing_else(tmp_path):
    assignments.bundle(tmp_path)
    for name in NAMES:
        colab = json.loads((tmp_path / "colab" / f"{name}.ipynb").read_text("utf-8"))["cells"]
        plain = json.loads((tmp_path / "student" / f"{name}.ipynb").read_text("utf-8"))["cells"]
        assert "pip install" in "".join(colab[1]["source"])
        kept = [cell["source"] for number, cell in enumerate(colab) if number != 1]
        assert kept == [cell["source"] for cell in plain]
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == [
        "colab.zip",
        "instructor.zip",
        "student.zip",
    ]


def test_a_seed_depends_on_student_assignment_and_term_only():
    seed = package.student_seed("Ada", "1_cqt")
    assert seed == package.student_seed(" ada ", "1_cqt")
    others = [("Ada", "2_ibn", ""), ("Bob", "1_cqt", ""), ("Ada", "1_cqt", "2027")]
    assert len({seed, *(package.student_seed(a, b, term=c) for a, b, c in others)}) == 4
    for nobody in ("", "  ", None, 7):
        with pytest.raises(package.AssignmentError, match="STUDENT"):
            package.student_seed(nobody, "1_cqt")
