"""The tables of the page "Your own corpus": spreads, sets, calibration, agreement.

Written into the page by ``readme.py``.
"""

import json
from pathlib import Path

from bytecover_lite.recipes import SHIPPED
from bytecover_lite.songbook import corpus, style

ROOT = Path(__file__).resolve().parents[2]
_STAGE_SETS = {
    "hymns": "validation hymns, mostly in four parts",
    "polyphony": "the same, parts that move",
    "school": "validation psalms, parts led by rule",
    "tunes": "validation songs, only the tune in common",
    "session": "the same, few players",
    "songbook-real": "test songs, `real`",
    "songbook-hard": "test songs, `hard`",
    "chorales": "Bach chorales",
    "chorales-soprano": "the same performances, sopranos alone",
    "chorales-lower": "the same, all but the sopranos",
    "folk": "folk tunes",
}
_STAGES = ("played", "voices", "textures", "invented")  # those of which there are scores
_SMOOTH = "voices"  # the last that heard smooth instruments alone
_ELSEWHERE = {  # a set, the same on other instruments, what they are
    "songbook-real": ("songbook-real-sampled", "test songs, `real`; FluidSynth"),
    "chorales": ("chorales-sampled", "Bach chorales; FluidSynth"),
    "folk": ("folk-sampled", "folk tunes; FluidSynth"),
    "school": ("rough", "validation psalms; every second version rough"),
}
_BASELINES = {"chroma": "global chroma", "two_dftm": "2DFTM", "qmax": "Qmax"}
_ENGINES = {"own": "own synthesizer", "fluidsynth": "FluidSynth"}
_BANDS = {
    "smooth": "own, smooth",
    "rough": "own, rough",
    "invented": "own, invented",
    "sampled": "FluidSynth",
}
_UNEVENNESS = {
    "spread": "overtones around the line",
    "fundamental": "fundamental above the line",
    "register": "change of a harmonic over an octave",
}
_STEPS = {  # of obstacles.ladder
    "rough": "on rough instruments",
    "drawn": "as they are",
    "dry": "in tune, without room, equaliser, noise",
    "piano": "all parts on one plain piano, no drums",
    "flute": "all parts on one plain flute, no drums",
    "louder": "the tune {louder_db:g} dB louder",
    "alone": "nothing but the tune",
    "in time": "at one tempo",
}
_PROPERTIES = {  # of exchange.exchanged
    "own": "own synthesizer",
    "levels": "the same, each part as loud as FluidSynth plays it",
    "envelopes": "instead: swelling and fading as FluidSynth's parts do",
    "harmonics": "instead: with the harmonics of FluidSynth's notes",
    "all": "with all three",
    "sampled": "FluidSynth",
}
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
            kinds = ", ".join([*block.difficulties, *_timbres(block)])
            what = next((w for w in ("tunes", "hymns", "psalms") if w in block.seeds), "songs")
            works = f"{block.works:,} {what}"
            lines.append(f"| `{name}` | {block.split} | {works} | {block.versions} | {kinds} |")
    for name in ("chorales", "folk"):
        table = ROOT / "bytecover_lite" / "songbook" / f"{name}.csv"
        families = [line.split(",")[0] for line in table.read_text("utf-8").splitlines()[1:]]
        each = f"{len(families)} in all"
        lines.append(
            f"| `bytecover {name}` | test | {len(set(families))} tunes | {each} | real variation |"
        )
    return "\n".join([*lines, ""])


def _timbres(block):
    kinds = [take.timbres for take in block.takes()]
    found = sorted(set(kinds) - {"smooth"})
    return [f"{kinds.count(kind)} of {block.versions} {kind}" for kind in found]


def stages():
    """Return what each stage of the training gives, an alignment, and what the last one gained."""
    lines = ["| MAP | Qmax | " + " | ".join(f"after `{name}`" for name in _STAGES) + " | gain |"]
    lines.append("|---" * (len(_STAGES) + 3) + "|")
    for file, name in _STAGE_SETS.items():
        shipped, last = _rows(f"scores_{file}"), _rows(f"gain_{file}")
        earlier = [_rows(f"{stage}_{file}")["model"] for stage in _STAGES[:-2]]
        scores = [shipped["qmax"], *earlier, last["against"], shipped["model"]]
        lines.append(f"{_scores(name, scores)} {_gain(last)} |")
    return "\n".join([*lines, ""])


def elsewhere():
    """Return what other instruments do to the scores of the shipped network and of Qmax."""
    lines = [f"| MAP | Qmax | there | after `{_SMOOTH}` | there | network | there | gain there |"]
    lines.append("|---" * 8 + "|")
    for home, (away, name) in _ELSEWHERE.items():
        runs = (("scores", "qmax"), (_SMOOTH, "model"), ("scores", "model"))
        found = [_rows(f"{run}_{file}")[key] for run, key in runs for file in (home, away)]
        lines.append(f"{_scores(name, found)} {_gain(_rows(f'gain_{away}'))} |")
    return "\n".join([*lines, ""])


def _gain(rows):
    gain = rows["model"]["gain"]
    return interval(f"{gain['difference']:+.3f}", f"{gain['low']:+.3f}", f"{gain['high']:+.3f}")


def _scores(name, rows):
    cells = [score(f"{row['map']:.3f}", row) for row in rows]
    return f"| {name} | " + " | ".join(cells) + " |"


def score(shown, row):
    """Return a cell of a MAP, with its interval in small print below it."""
    return interval(shown, f"{row['map_low']:.3f}", f"{row['map_high']:.3f}")


def interval(shown, low, high):
    """Return a cell with an interval in small print below a number; none of chance, it is exact."""
    if low == shown == high:
        return shown
    return f"{shown}<br><small>{low}&nbsp;to&nbsp;{high}</small>"


def training():
    """Return what each recipe of the shipped checkpoint took."""
    lines = ["| recipe | steps | seconds | on | best MAP on validation |", "|---" * 5 + "|"]
    for name in (recipe.__name__ for recipe in SHIPPED):
        path = ROOT / "book" / "results" / f"training_{name}.json"
        run = json.loads(path.read_text(encoding="utf-8"))
        seconds = f"{run['seconds']:,.0f}" if "seconds" in run else "not noted"
        device = run["provenance"]["device"]
        lines.append(f"| `{name}` | {run['steps']:,} | {seconds} | {device} | {run['best']:.3f} |")
    return "\n".join([*lines, ""])


def _rows(file):
    """Return the rows of a results file of ``bytecover evaluate``, by system."""
    path = ROOT / "book" / "results" / f"{file}.json"
    return {row["system"]: row for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}


def calibration():
    """Return where the classical baselines land, beside where they land on real sets."""
    found = _calibrated()
    bands = found["bands_for_real"]
    rows = {}
    for name, row in found["difficulties"].items():
        sizes = found["real_by_works"] if name == "real" else {found["works"]: row}
        rows |= {f"`{name}`, {works} works": scores for works, scores in sizes.items()}
    lines = ["| MAP | " + " | ".join(_BASELINES.values()) + " |"]
    lines.append("|---" * (len(_BASELINES) + 1) + "|")
    for name, row in rows.items():
        lines.append(_scores(name, [row[baseline] for baseline in _BASELINES]))
    known = ["{:.2f} to {:.2f}".format(*bands[name]) for name in _BASELINES]
    lines += ["| real sets | " + " | ".join(known) + " |", ""]
    lines += [_beside_bands(found), "", _distinctness(found), ""]
    return "\n".join([*lines, origin(found), ""])


def _beside_bands(found):
    """Say which scores of the difficulty ``real`` miss the band of real sets, and by how much."""
    missed = []
    for works, row in found["real_by_works"].items():
        for name, (low, high) in found["bands_for_real"].items():
            score = row[name]["map"]
            if not low <= score <= high:
                side = f"{score - high:.2g} above" if score > high else f"{low - score:.2g} below"
                missed.append(f"{_BASELINES[name]} at {works} works ({side})")
    if not missed:
        return "Every score of `real` lies within the band of real sets."
    total = len(found["real_by_works"]) * len(found["bands_for_real"])
    return (
        f"Of the {total} scores of `real`, {total - len(missed)} lie within the band of real sets. "
        f"Outside: {', '.join(missed)}."
    )


def _distinctness(found):
    distinct = found["distinctness"]
    return (
        f"Every work has {found['versions_per_work']} versions. Of "
        f"{distinct['train_works']:,} training works {distinct['rejected_of_train']} were too near "
        f"an earlier one (similarity above {distinct['limit']}) and rejected; the nearest that any "
        f"of {distinct['test_works']} test works comes to a training work is "
        f"{distinct['test_to_train']['1.0']:.2f}, half of them stay below "
        f"{distinct['test_to_train']['0.5']:.2f}."
    )


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


def partials():
    """Return how uneven the harmonics of instruments are, smooth, rough and sampled."""
    path = ROOT / "book" / "results" / "partials.json"
    measured = json.loads(path.read_text(encoding="utf-8"))
    bands = measured["unevenness"]
    lines = ["| dB | " + " | ".join(_BANDS[name] for name in bands) + " |"]
    lines.append("|---" * (len(bands) + 1) + "|")
    for key, name in _UNEVENNESS.items():
        cells = [f"{band[key]:.1f}" for band in bands.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", origin(measured), ""])


def exchange():
    """Return what the shipped network finds when sounds have one property of sampled ones."""
    path = ROOT / "book" / "results" / "exchange.json"
    measured = json.loads(path.read_text(encoding="utf-8"))
    lines = ["| MAP | " + " | ".join(f"`{name}` | difference" for name in measured["sets"]) + " |"]
    lines.append("|---" * (2 * len(measured["sets"]) + 1) + "|")
    for step, name in _PROPERTIES.items():
        cells = [_against(found[step]) for found in measured["sets"].values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", origin(measured), ""])


def _against(row):
    """Return a score and its paired difference, if it has one, as two cells."""
    if "difference" not in row:
        return f"{row['map']:.3f} | "
    numbers = [f"{row['difference' + end]:+.3f}" for end in ("", "_low", "_high")]
    return f"{row['map']:.3f} | {interval(*numbers)}"


def obstacles():
    """Return what the shipped network finds when less and less is in its way."""
    path = ROOT / "book" / "results" / "obstacles.json"
    measured = json.loads(path.read_text(encoding="utf-8"))
    lines = ["| MAP | " + " | ".join(f"`{name}`" for name in measured["sets"]) + " |"]
    lines.append("|---" * (len(measured["sets"]) + 1) + "|")
    for step, name in _STEPS.items():
        rows = [found[step] for found in measured["sets"].values()]
        lines.append(_scores(name.format(**measured), rows))
    return "\n".join([*lines, "", origin(measured), ""])


def _calibrated():
    path = ROOT / "book" / "results" / "songbook_calibration.json"
    return json.loads(path.read_text(encoding="utf-8"))


def origin(found):
    """Return device, commit and date of a results file."""
    source = found["provenance"]
    return f"{source['device']}, commit {source['commit']}, {source['date'][:10]}."


WRITERS = (
    spreads,
    sets,
    stages,
    training,
    calibration,
    agreement,
    elsewhere,
    partials,
    exchange,
    obstacles,
)
