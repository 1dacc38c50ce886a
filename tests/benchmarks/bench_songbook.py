"""Speed of composing, arranging, drawing and synthesising; time and size of whole corpora."""

import tempfile
import time
from pathlib import Path

from bytecover_lite.commands_corpus import SETTINGS
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import PRESETS, build
from bytecover_lite.songbook.render import draw, synthesize
from tests.benchmarks.timing import interleaved

FIRST = 14_900_000  # of the seeds kept for examples


def rows(quick=False):
    """Measure on one thread, corpora on two processes.

    Parameters
    ----------
    quick : bool
        Fewer songs and only the smallest corpus: for the tests.

    Returns
    -------
    list of dict
        ``what``, ``value``, ``unit``.
    """
    count = 2 if quick else 40
    works = [compose(FIRST + i) for i in range(count)]
    versions = [arrange(work, 1, difficulty="hard") for work in works]
    minutes = sum(version.duration for version in versions) / 60
    fine, coarse = FeatureSettings(averaging=40), FeatureSettings(averaging=100)
    seconds = interleaved(
        {
            "compose a work": lambda: [compose(FIRST + i) for i in range(count)],
            "arrange a version": lambda: [arrange(work, 1, difficulty="hard") for work in works],
            "fine": lambda: [draw(version, fine) for version in versions],
            "coarse": lambda: [draw(version, coarse) for version in versions],
        },
        repeats=1 if quick else 5,
    )
    found = [
        {"what": what, "value": 1000 * seconds[what] / count, "unit": "ms"}
        for what in ("compose a work", "arrange a version")
    ]
    for what, name in (("averaging 40", "fine"), ("averaging 100", "coarse")):
        value = 1000 * seconds[name] / minutes
        found.append({"what": f"draw, {what}", "value": value, "unit": "ms per version-minute"})
    found.append(_synthesis(versions[: 1 if quick else 5]))
    for preset in ("tiny",) if quick else ("tiny", "lite", "datacos"):
        found += _corpus(preset)
    return found


def _synthesis(versions):
    start = time.perf_counter()
    for version in versions:
        synthesize(version, engine="own")
    rate = sum(version.duration for version in versions) / (time.perf_counter() - start)
    return {"what": "synthesize, own engine", "value": rate, "unit": "x real time"}


def _corpus(preset):
    """Build a preset on two processes, as the command does."""
    versions = sum(block.works * block.versions for block in PRESETS[preset])
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        build(preset, folder, settings=SETTINGS, jobs=2)
        seconds = time.perf_counter() - start
        size = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 1e6
    what = f"build {preset} ({versions:,} versions, averaging {SETTINGS.averaging})"
    return [
        {"what": what, "value": seconds, "unit": "s on two processes"},
        {"what": what, "value": size, "unit": "MB"},
    ]
