"""The tables of the page "Your own corpus": spreads, sets, calibration, agreement.

Written into the page by ``readme.py``.
"""

import json
from pathlib import Path

from bytecover_lite.songbook import corpus, style

ROOT = Path(__file__).resolve().parents[2]
_BASELINES = {"chroma": "global chroma", "two_dftm": "2DFTM", "qmax": "Qmax"}
_ENGINES = {"own": "own synthesizer", "fluidsynth": "FluidSynth"}
_UNITS = {
    "key": "semitones, at most",
    "tempo": "octaves of speed, at most",
    "genre": "chance of another one",
    "timbre": "share of the parts on other instruments",
    "form": "edits, on average",
    "harmony": "share of the chords",
    "melody": "share of the notes",
    "performance": "looseness, 0 to 1",
    "mix": "production, 0 to 1",
    "noise": "noise and loss, 0 to 1",
    "tuning": "cents, at most",
}


def spreads():
    """Return how much each attribute may change at each difficulty."""
    lines = ["| attribute | " + " | ".join(style.DIFFICULTIES) + " |", "|---|---|---|---|"]
    for name in style.ATTRIBUTES:
        amounts = [f"{getattr(spread, name):g}" for spread in style.DIFFICULTIES.values()]
        lines.append(f"| {name}: {_UNITS[name]} | " + " | ".join(amounts) + " |")
    return "\n".join([*lines, ""])


def sets():
    """Return the presets of the songbook and the sets of real variation."""
    lines = ["| set | split | works | versions of each | difficulties |", "|---|---|---|---|---|"]
    for name, blocks in corpus.PRESETS.items():
        for block in blocks:
            kinds = ", ".join(block.difficulties)
            lines.append(
                f"| `{name}` | {block.split} | {block.works:,} | {block.versions} | {kinds} |"
            )
    for name in ("chorales", "folk"):
        table = ROOT / "bytecover_lite" / "songbook" / f"{name}.csv"
        families = [line.split(",")[0] for line in table.read_text("utf-8").splitlines()[1:]]
        each = f"{len(families)} in all"
        lines.append(
            f"| `bytecover {name}` | test | {len(set(families))} | {each} | real variation |"
        )
    return "\n".join([*lines, ""])


def calibration():
    """Return where the classical baselines land, beside where they land on real sets."""
    found = _calibrated()
    lines = ["| MAP | " + " | ".join(found["difficulties"]) + " | real sets | inside |"]
    lines.append("|---" * (len(found["difficulties"]) + 3) + "|")
    for name, band in found["bands_for_real"].items():
        rows = [scores[name] for scores in found["difficulties"].values()]
        cells = [f"{r['map']:.3f} [{r['map_low']:.3f}, {r['map_high']:.3f}]" for r in rows]
        inside = "yes" if found["real_within_bands"][name] else "no"
        cells += [f"{band[0]:.2f} to {band[1]:.2f}", inside]
        lines.append(f"| {_BASELINES[name]} | " + " | ".join(cells) + " |")
    distinct = found["distinctness"]
    note = (
        f"{found['works']} works, {found['versions_per_work']} versions each. Of "
        f"{distinct['train_works']:,} training works {distinct['rejected_of_train']} were too near "
        f"an earlier one (similarity above {distinct['limit']}) and rejected; the nearest that any "
        f"of {distinct['test_works']} test works comes to a training work is "
        f"{distinct['test_to_train']['1.0']:.2f}, half of them stay below "
        f"{distinct['test_to_train']['0.5']:.2f}."
    )
    return "\n".join([*lines, "", note, "", origin(found), ""])


def agreement():
    """Return the correlation of drawn and played features of each genre, worst first."""
    engines = _calibrated()["agreement"]
    lines = ["| genre | " + " | ".join(_ENGINES[name] for name in engines) + " |"]
    lines.append("|---" * (len(engines) + 1) + "|")
    for genre in next(iter(engines.values()))["genres"]:
        cells = [f"{found['genres'][genre]:.3f}" for found in engines.values()]
        lines.append(f"| {genre} | " + " | ".join(cells) + " |")
    medians = [f"**{found['median']:.3f}**" for found in engines.values()]
    return "\n".join([*lines, "| **median** | " + " | ".join(medians) + " |", ""])


def _calibrated():
    path = ROOT / "book" / "results" / "songbook_calibration.json"
    return json.loads(path.read_text(encoding="utf-8"))


def origin(found):
    """Return device, commit and date of a results file."""
    source = found["provenance"]
    return f"{source['device']}, commit {source['commit']}, {source['date'][:10]}."


WRITERS = (spreads, sets, calibration, agreement)
