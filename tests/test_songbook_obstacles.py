"""Laws of the ladder: each step takes away one thing, and says so by what is left."""

from dataclasses import replace

import numpy as np
import pytest

from bytecover_lite.data import read_versions
from bytecover_lite.embed import embed_versions
from bytecover_lite.model import ByteCover
from bytecover_lite.retrieval import evaluate_embeddings
from bytecover_lite.songbook import corpus
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import PRESETS, SEEDS, Block, build
from bytecover_lite.songbook.obstacles import FLUTE, LOUDER, PIANO, SETS, ladder, measure
from bytecover_lite.songbook.timbre import roughened
from bytecover_lite.songbook.version import Production
from bytecover_lite.store import FeatureStore

WORK = compose(SEEDS["example"][0])
STEPS = ["rough", "drawn", "dry", "piano", "flute", "louder", "alone", "in time"]


def band(number=1):
    """Return a version with tune, other parts and drums."""
    version = arrange(WORK, number)
    names = {part.name for part in version.parts}
    assert {"lead", "drums", "bass"} <= names, names
    return version


def test_each_step_takes_away_one_thing_more():
    version = band()
    steps = ladder(version)
    assert list(steps) == STEPS
    assert steps["drawn"] is version
    assert steps["rough"].parts == roughened(version).parts
    assert steps["dry"].production == Production() != version.production
    assert steps["dry"].parts == version.parts
    assert steps["dry"].notes is version.notes
    for name in STEPS[3:]:
        assert steps[name].production == Production()
        heard = {steps[name].parts[i] for i in steps[name].notes["part"]}
        assert {(part.program, part.colour, part.drums) for part in heard} == {
            (PIANO if name == "piano" else FLUTE, 0, False)
        }


@pytest.mark.parametrize("step", ["piano", "flute"])
def test_one_instrument_plays_every_note_but_the_drums(step):
    version = band()
    pitched = ~np.array([part.drums for part in version.parts])
    alike = ladder(version)[step]
    assert np.array_equal(alike.notes, version.notes[pitched[version.notes["part"]]])
    assert [part.gain for part in alike.parts] == [part.gain for part in version.parts]


def test_the_tune_alone_is_raised():
    steps = ladder(band())
    for before, after in zip(steps["flute"].parts, steps["louder"].parts, strict=True):
        raised = 20 * np.log10(after.gain / before.gain)
        assert raised == pytest.approx(LOUDER if before.name == "lead" else 0.0)


def test_alone_is_the_tune_and_nothing_else():
    version = band()
    alone = ladder(version)["alone"]
    leads = np.array([part.name == "lead" for part in version.parts])
    assert np.array_equal(alone.notes, version.notes[leads[version.notes["part"]]])
    assert alone.duration == version.duration


def test_in_time_undoes_a_change_of_tempo():
    slow, fast = (arrange(WORK, 1, vary={"tempo": amount}) for amount in (0.0, 0.5))
    assert fast.tempo_factor != pytest.approx(slow.tempo_factor, rel=0.1)
    one, other = (ladder(version)["in time"] for version in (slow, fast))
    assert one.tempo_factor == other.tempo_factor == 1
    assert one.duration == pytest.approx(other.duration, abs=1.5)
    assert np.array_equal(one.notes["pitch"], other.notes["pitch"])
    # how loosely people play is a matter of seconds, not of beats
    assert np.abs(one.notes["start"] - other.notes["start"]).max() < 0.2


def test_a_step_that_would_leave_silence_changes_nothing():
    version = band()
    leads = np.array([part.name == "lead" for part in version.parts])
    without = replace(version, notes=version.notes[~leads[version.notes["part"]]])
    steps = ladder(without)
    assert np.array_equal(steps["alone"].notes, steps["louder"].notes)
    drums = np.array([part.drums for part in version.parts])
    beat = replace(version, notes=version.notes[drums[version.notes["part"]]])
    assert np.array_equal(ladder(beat)["flute"].notes, beat.notes)


def test_measure_scores_what_is_drawn_like_a_corpus_of_it(tmp_path, monkeypatch):
    block = Block("validation", "example", 6, 2, ("easy", "hard"))
    found = measure(block, against="drawn", jobs=1)
    assert list(found) == STEPS
    for step, row in found.items():
        assert 0 < row["map_low"] <= row["map"] <= row["map_high"] <= 1
        assert ("difference" in row) == (step != "drawn")
        if "difference" in row:
            assert row["difference"] == pytest.approx(row["map"] - found["drawn"]["map"])
            assert row["difference_low"] <= row["difference"] <= row["difference_high"]
    monkeypatch.setitem(corpus.PRESETS, "drawn", (block,))
    network = ByteCover.from_pretrained("lite")
    build("drawn", tmp_path, settings=network.config.features, jobs=1)
    table, store = (
        read_versions(tmp_path / "versions.csv"),
        FeatureStore.open(tmp_path / "features"),
    )
    vectors = embed_versions(network, store, table["version"], device="cpu").vectors
    assert found["drawn"]["map"] == pytest.approx(evaluate_embeddings(vectors, table["clique"]).map)


def test_the_sets_are_the_validation_sets_of_the_shipped_recipe():
    seeds = [block.seeds for block in PRESETS["timbres"] if block.split == "validation"]
    assert list(SETS) == seeds
