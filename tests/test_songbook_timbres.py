"""Laws of rough and invented timbres: how they differ, and that nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest

from bytecover_lite.cqt import FeatureSettings, extract
from bytecover_lite.data import read_versions
from bytecover_lite.songbook import corpus, fluid, synth
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import PRESETS, SEEDS, Block, build
from bytecover_lite.songbook.partials import HARMONICS, PITCHES, levels, measure, unevenness
from bytecover_lite.songbook.render import draw, synthesize
from bytecover_lite.songbook.timbre import INVENTED, ROUGH, instrument, invented, roughened, timbre
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


def test_of_an_invented_instrument_the_program_says_nothing():
    tables = [timbre(program, 7 | INVENTED) for program in PROGRAMS]
    for table in tables[1:]:
        assert np.array_equal(table.harmonics, tables[0].harmonics)
        assert np.array_equal(table.body, tables[0].body) and table.envelope == tables[0].envelope
    many = [timbre(0, colour | INVENTED) for colour in range(1, 300)]
    assert all(np.linalg.norm(table.harmonics) == pytest.approx(1, rel=1e-5) for table in many)
    decay, attack = (np.array([table.envelope[i] for table in many]) for i in (0, 2))
    assert 0.3 < (decay > 10).mean() < 0.7  # some hold their tones, some are plucked
    assert attack.min() < 0.004 and attack.max() > 0.2
    fundamental = np.array([table.harmonics[0] for table in many])
    assert fundamental.min() < 0.05 and fundamental.max() > 0.9


def test_what_invented_instruments_play_is_drawn_as_it_sounds():
    found = []
    for seed in SEEDS["example"][:6]:
        version = invented(arrange(compose(seed), 1))
        drawn = np.log(draw(version, SETTINGS) + 1e-2)
        heard = np.log(extract(synthesize(version, engine="own"), SETTINGS) + 1e-2)
        frames = min(drawn.shape[1], heard.shape[1])
        found.append(np.corrcoef(drawn[:, :frames].ravel(), heard[:, :frames].ravel())[0, 1])
    assert np.median(found) > 0.93


@pytest.mark.parametrize(("change", "bit"), [(roughened, ROUGH), (invented, INVENTED)])
def test_versions_play_the_same_notes_on_other_timbres(change, bit):
    version = arrange(compose(SEEDS["example"][0]), 1)
    rough = change(version)
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
            assert after.colour == before.colour | bit
            assert abs(20 * np.log10(after.gain / before.gain)) < 15
            changed += 1
    assert changed and change(version).parts == rough.parts


def test_versions_of_a_block_take_turns_with_their_timbres(tmp_path, monkeypatch):
    for name, timbres in (("smooth", ("smooth",)), ("mixed", ("rough", "smooth", "invented"))):
        block = Block("test", "example", 2, 4, timbres=timbres)
        monkeypatch.setitem(corpus.PRESETS, name, (block,))
        build(name, tmp_path / name, settings=SETTINGS, jobs=1)
    smooth, mixed = (FeatureStore.open(tmp_path / n / "features") for n in ("smooth", "mixed"))
    table = read_versions(tmp_path / "mixed" / "versions.csv")
    assert list(table["artist"][:4]) == [
        "rough real 1",
        "real 2",
        "invented real 3",
        "rough real 4",
    ]
    for version, kind in zip(table["version"], table["artist"], strict=True):
        assert np.array_equal(smooth[version], mixed[version]) == kind.startswith("real")


def test_the_rough_set_has_the_works_of_the_set_that_it_is_compared_with():
    (rough,), (smooth,) = PRESETS["rough"], PRESETS["school"]
    assert "rough" in rough.timbres and smooth.timbres == ("smooth",)
    assert replace(rough, timbres=("smooth",)) == smooth


def test_measuring_without_a_soundfont_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(fluid, "available", lambda: False)
    monkeypatch.setattr(synth, "play", lambda version, sr: pytest.fail("played for nothing"))
    with pytest.raises(fluid.SynthesizerError, match="soundfont is missing"):
        measure()
