"""Write the parts of pages that follow from other files: file tree, results, measured effects.

Command: ``python book/tools/readme.py`` rewrites them; with ``--check`` it only says whether they
are out of date.
"""

import ast
import json
import re
import sys
from pathlib import Path

import songbook_tables
from bytecover_lite.coverage import label

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
_FILLED = ("index.md", "ambiguities.md", "speed.md", "own_corpus.md")
CARD = ROOT / "bytecover_lite" / "checkpoints" / "lite.md"
PAGES = (README, CARD, *(ROOT / "book" / name for name in _FILLED))
_ENDS = ("", "_low", "_high")
CORPORA = {  # those of the home page's table, in its order
    "real": "composed songs",
    "hard": "the same, harder",
    "chorales": "Bach chorales",
    "folk": "folk tunes",
    "datacos": "in the shape of Da-TACOS",
    "datacos 1/50": "a fiftieth of that",
}
SYSTEMS = {
    "random": "chance",
    "chroma": "chroma, best of twelve keys",
    "2dftm": "2DFTM",
    "qmax": "Qmax",
    "model": "ByteCover, as it comes with the package",
    "tempi+csls": "the same, at three tempi, scaled locally",
    "tempi+csls+qe": "that with query expansion",
}
_FOLDERS = {
    "book/": "the chapters (notebooks without outputs), assets, results/ and tools/",
    "data_scripts/": "one script a dataset, each ending in the same corpus format",
    "tests/": "laws the code obeys; benchmarks/ measures its speed",
    "Makefile": "every command; requirements.lock pins what was tested",
}


def fill(text):
    """Return a page with its generated parts replaced by current ones."""
    for name, write in PARTS.items():
        pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)"
        text = re.sub(pattern, lambda found, w=write: found[1] + w() + found[2], text, flags=re.S)
    return text


def tree():
    """Return the file tree; a module's comment is the first sentence of its docstring."""
    package = ROOT / "bytecover_lite"
    lines = ["bytecover_lite/"]
    for path in sorted(package.glob("*.py")):
        if not path.name.startswith("__"):
            lines.append(_line("  " + path.name, summary(path)))
    for folder in sorted(path.parent for path in package.glob("*/__init__.py")):
        lines.append(_line(f"  {folder.name}/", summary(folder / "__init__.py")))
    if (package / "checkpoints").is_dir():
        lines.append(_line("  checkpoints/", "the shipped weights"))
    lines += [_line(name, text) for name, text in _FOLDERS.items() if (ROOT / name).exists()]
    return "\n".join(["```", *lines, "```", ""])


def summary(path):
    """Return the first line of a module's docstring without its chapter's name."""
    first = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).split("\n")[0]
    first = re.sub(r"\s*\([^)]*chapter[^)]*\)|:\w+:|``|`", "", first)
    return first.rstrip(".")


def results():
    """Return a table of every ``book/results/scores_*.json`` that ``bytecover evaluate`` wrote."""
    files = score_files()
    if not files:
        return ""
    lines = ["| corpus | system | MAP | MR1 | P@10 | commit, date |", "|---|---|---|---|---|---|"]
    for path in files:
        result = json.loads(path.read_text(encoding="utf-8"))
        source = result["provenance"]
        origin = f"{source['commit']}, {source['date'][:10]}"
        lines += [_score(row, origin) for row in result["rows"]]
    return "\n".join([*lines, "", "In brackets: 95 % intervals.", ""])


def score_files():
    """Return the results files of ``bytecover evaluate``."""
    return sorted((ROOT / "book" / "results").glob("scores_*.json"))


def glance():
    """Return MAP in one table: a row for each system, a column for each corpus."""
    paths = [*score_files(), *sorted((ROOT / "book" / "results").glob("testtime_*.json"))]
    files = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    rows = {}  # a score that several files hold is that of the first
    for row in (row for result in files for row in result["rows"]):
        rows.setdefault((_corpus(row), row["system"]), row)
    corpora = [name for name in CORPORA if any(corpus == name for corpus, _ in rows)]
    systems = [name for name in SYSTEMS if any(system == name for _, system in rows)]
    if not corpora:
        return ""
    best = {
        name: max(
            row["map"] for (corpus, s), row in rows.items() if corpus == name and s in SYSTEMS
        )
        for name in corpora
    }
    sizes = {corpus: row["n_references"] for (corpus, _), row in rows.items()}
    lines = [
        "| | " + " | ".join(f"{CORPORA[name]}<br>{sizes[name]:,}" for name in corpora) + " |",
        "|---" * (len(corpora) + 1) + "|",
    ]
    for system in systems:
        cells = [_cell(rows.get((name, system)), best[name]) for name in corpora]
        lines.append(f"| {SYSTEMS[system]} | " + " | ".join(cells) + " |")
    dates = sorted(result["provenance"]["date"][:10] for result in files)
    measured = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    note = (
        "MAP with its 95 % interval over works (chance is computed, not drawn); in the head, how "
        "many versions there are. Bold:"
    )
    runs = "The last two rows are of another run; on another processor a digit may change."
    return "\n".join([*lines, "", note, f"the best of a column. Measured {measured}.", runs, ""])


def effects():
    """Return a table of what every arm of every committed ablation scores and by how much."""
    head = "| ablation | arm | easy | real | hard | difference on hard | seeds, date |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for path in sorted((ROOT / "book" / "results").glob("ablation_*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        arms = found["readings"]["embedding cosine"]
        origin = f"{len(found['seeds'])}, {found['provenance']['date'][:10]}"
        for number, (arm, tests) in enumerate(arms.items()):
            cells = [f"{tests[name]['mean']:.3f}" for name in ("easy", "real", "hard")]
            cells.append(_difference(tests["hard"]) if number else "the others against this one")
            lines.append(f"| {found['ablation']} | {arm} | " + " | ".join([*cells, origin]) + " |")
    return "\n".join([*lines, ""])


def _difference(row):
    low, high = row["difference_interval"]
    return f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


def speed():
    """Return a table of each benchmark of ``book/results/benchmark.json``."""
    path = ROOT / "book" / "results" / "benchmark.json"
    lines = []
    for name, one in json.loads(path.read_text(encoding="utf-8"))["benchmarks"].items():
        lines += [f"## {name.capitalize()}", ""]
        lines += ["| what | measured | against | floor |", "|---|---|---|---|"]
        lines += [_speed(row) for row in one["rows"]]
        lines += ["", songbook_tables.origin(one), ""]
    return "\n".join(lines)


def _speed(row):
    against = f"{row['baseline']}: {row['ratio']:.2f}" if "ratio" in row else ""
    floor = _number(row["floor"]) if "floor" in row else ""
    value, unit = row["value"], row["unit"]
    if unit == "s" and value < 1e-3:
        value, unit = value * 1e6, "µs"
    return f"| {row['what']} | {_number(value)} {unit} | {against} | {floor} |"


def _number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.6f}"


def _cell(row, best):
    if row is None:
        return "not run"
    score = f"{row['map']:.3f}"
    return songbook_tables.score(f"**{score}**" if row["map"] == best else score, row)


def _corpus(row):
    return f"{row['corpus']} {label(row.get('coverage'))}".strip()


def _score(row, origin):
    measures = [
        "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(*(row[name + end] for end in _ENDS), d=digits)
        for name, digits in (("map", 3), ("mr1", 1), ("p_at_k", 3))
    ]
    return "| " + " | ".join([_corpus(row), row["system"], *measures, origin]) + " |"


def _line(name, comment):
    return f"{name:<26}{comment}"


def beginnings():
    """Return a table of the first steps at the paper's size, an arm a row."""
    path = ROOT / "book" / "results" / "paper_start.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    head = [f"{steps:,}" for steps in found["steps"]]
    lines = ["| arm; MAP after steps | " + " | ".join(head) + " |", "|---" * (1 + len(head)) + "|"]
    path = ROOT / "book" / "results" / "scores_songbook-hard.json"  # as many works and versions
    scores = {row["system"]: row["map"] for row in json.loads(path.read_text("utf-8"))["rows"]}
    arms = {"a random order": {"map": [scores["random"]] * len(head)}} | found["arms"]
    for arm, values in arms.items():
        cells = ["no value" if value is None else f"{value:.3f}" for value in values["map"]]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", found["note"], songbook_tables.origin(found), ""])


_WRITERS = (tree, results, glance, effects, beginnings, speed, *songbook_tables.WRITERS)
PARTS = {writer.__name__: writer for writer in _WRITERS}

if __name__ == "__main__":
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        new = fill(old)
        if new != old and "--check" in sys.argv:
            raise SystemExit(f"{page.name} is out of date: run `make readme`")
        page.write_text(new, encoding="utf-8")
