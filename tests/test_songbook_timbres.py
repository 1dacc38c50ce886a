"""Laws of rough timbres: as uneven as sampled instruments, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.data import read_versions
from bytecover_lite.songbook import corpus, fluid, synth
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import PRESETS, SEEDS, Block, build
from bytecover_lite.songbook.partials import HARMONICS, PITCHES, levels, measure, unevenness
from bytecover_lite.songbook.timbre import ROUGH, instrument, roughened, timbre
from bytecover_lite.songbook.version import Part
from bytecover_lite.store import FeatureStore

SETTINGS = FeatureSettings(averaging=100)
PROGRAMS = (0, 24, 40, 48, 56, 73, 80)


def played(bit):
    parts = [Part("", program, colour=c | bit) for program in PROGRAMS for c in (1, 2, 3)]
    return unevenness(np.stack([levels(synth.play, part) for part in parts]))


def test_rough_timbres_are_more_uneven_and_their_fundamental_is_weak():
    smooth, rough = played(0), played(ROUGH)
    assert rough["spread"] > smooth["spread"] + 1
    assert rough["register"] > 1.6 * smooth["register"]
    assert rough["fundamental"] < smooth["fundamental"] - 3


@pytest.mark.skipif(not fluid.available(), reason="FluidSynth and a soundfont are not installed")
def test_sampled_instruments_are_nearer_to_rough_than_to_smooth_ones():
    sampled = unevenness(np.stack([levels(fluid.play, Part("", p)) for p in PROGRAMS]))
    smooth, rough = played(0), played(ROUGH)
    for name, value in sampled.items():
        assert abs(value - rough[name]) < abs(value - smooth[name]), name


def test_a_straight_line_is_even():
    line = -6.0 * np.log2(np.arange(1, HARMONICS + 1))
    even = np.tile(line, (2, len(PITCHES), 1))
    assert unevenness(even) == pytest.approx({"spread": 0, "fundamental": 0, "register": 0})
    even[:, 1, 4] += 12.0  # one harmonic of the middle register
    found = unevenness(even)
    assert found["spread"] > 1 and found["register"] > 2


def test_a_part_without_colour_is_not_changed_at_all():
    family, octaves = instrument(0), np.log2(np.arange(1, len(timbre(0, 0).harmonics) + 1))
    even = 10 ** (family.slope * octaves / 20)
    even[1::2] *= family.even
    assert timbre(0, 0).harmonics == pytest.approx(even / np.linalg.norm(even), rel=1e-5)
    assert timbre(0, ROUGH).harmonics != pytest.approx(even / np.linalg.norm(even), rel=0.1)


def test_roughened_versions_play_the_same_notes_on_the_same_kinds_of_instruments():
    version = arrange(compose(SEEDS["example"][0]), 1)
    rough = roughened(version)
    assert np.array_equal(rough.notes, version.notes) and rough.production == version.production
    changed = 0
    for before, after in zip(version.parts, rough.parts, strict=True):
        assert (before.name, before.program, before.drums) == (
            after.name,
            after.program,
            after.drums,
        )
        assert (after == before) == before.drums
        if not before.drums:
            assert after.colour == before.colour | ROUGH
            assert abs(20 * np.log10(after.gain / before.gain)) < 15
            changed += 1
    assert changed and roughened(version).parts == rough.parts


def test_every_second_version_of_a_rough_block_is_rough(tmp_path, monkeypatch):
    for name, rough in (("smooth", (False,)), ("rough", (True, False))):
        block = Block("test", "example", 2, 4, rough=rough)
        monkeypatch.setitem(corpus.PRESETS, name, (block,))
        build(name, tmp_path / name, settings=SETTINGS, jobs=1)
    smooth, rough = (FeatureStore.open(tmp_path / n / "features") for n in ("smooth", "rough"))
    table = read_versions(tmp_path / "rough" / "versions.csv")
    assert list(table["artist"][:4]) == ["rough real 1", "real 2", "rough real 3", "real 4"]
    for number, version in enumerate(table["version"]):
        assert np.array_equal(smooth[version], rough[version]) == bool(number % 2)


def test_the_rough_set_has_the_works_of_the_set_that_it_is_compared_with():
    (rough,), (smooth,) = PRESETS["rough"], PRESETS["school"]
    assert any(rough.rough) and not any(smooth.rough)
    assert replace(rough, rough=(False,)) == smooth


def test_measuring_without_a_soundfont_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(fluid, "available", lambda: False)
    monkeypatch.setattr(synth, "play", lambda version, sr: pytest.fail("played for nothing"))
    with pytest.raises(fluid.SynthesizerError, match="soundfont is missing"):
        measure()
