"""Laws of the exchange: each mix has one property of the other synthesizer, and no more of it."""

import numpy as np
import pytest

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.songbook import exchange, synth
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import SEEDS
from bytecover_lite.songbook.exchange import exchanged, played
from bytecover_lite.songbook.fluid import available
from bytecover_lite.songbook.timbre import HARMONICS
from bytecover_lite.songbook.version import NOTE_DTYPE, Part, Production, Version

KINDS = ["own", "levels", "envelopes", "harmonics", "all", "sampled"]
FULL = 8.0  # times as loud


def duet(programs=(73, 56)):
    """Return two instruments that take turns, a second each."""
    notes = np.zeros(4, NOTE_DTYPE)
    notes["part"], notes["start"], notes["duration"] = [0, 1, 0, 1], np.arange(4), 0.8
    notes["pitch"], notes["velocity"] = [72, 60, 74, 62], 0.7
    return Version(notes, tuple(Part("lead", p) for p in programs), 4.5, Production())


@pytest.fixture
def other(monkeypatch):
    """Put the own synthesizer in FluidSynth's place: flutes loud and late, all as clarinets."""

    def play(version, sr):
        parts = tuple(Part(p.name, 71, p.drums, p.gain) for p in version.parts)
        sound = synth.play(Version(version.notes, parts, version.duration, Production()), sr)
        if version.parts[0].program == 73:
            sound *= FULL * np.linspace(0, 1, len(sound), dtype=np.float32)
        return sound

    monkeypatch.setattr(exchange.fluid, "play", play)
    exchange._sampled.cache_clear()
    yield
    exchange._sampled.cache_clear()


def second(sound, number):
    return sound[int((number + 0.2) * exchange.RATE) : int((number + 0.7) * exchange.RATE)]


def level(sound):
    return np.sqrt(np.mean(np.square(sound)))


def overtones(sound, pitch):
    """Return the amplitudes of the first four harmonics, the fundamental's being 1."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    bins = [k * hertz * len(sound) / exchange.RATE for k in (1, 2, 3, 4)]
    found = np.array([np.linalg.norm(spectrum[int(0.97 * b) : int(1.03 * b) + 1]) for b in bins])
    return found / found[0]


def test_each_mix_takes_one_property_over(other):
    mixes = exchanged(duet())
    assert list(mixes) == KINDS
    first, last = ({name: level(second(m, i)) for name, m in mixes.items()} for i in (0, 2))
    trumpet = {name: level(second(m, 1)) for name, m in mixes.items()}
    for name in ("own", "levels", "harmonics"):  # the first flute note is as loud as the last
        assert last[name] == pytest.approx(first[name], rel=0.3)
    for name in ("envelopes", "all", "sampled"):
        assert last[name] > 2 * first[name]
    balance = {name: last[name] / trumpet[name] for name in KINDS}
    assert balance["levels"] > 1.5 * balance["own"]
    assert balance["sampled"] == pytest.approx(balance["all"], rel=0.2)
    flute, clarinet = (overtones(second(mixes[name], 2), 74) for name in ("own", "sampled"))
    assert not np.allclose(flute, clarinet, atol=0.1)
    for name in KINDS:
        like = clarinet if name in ("harmonics", "all", "sampled") else flute
        assert np.allclose(overtones(second(mixes[name], 2), 74), like, atol=0.05), name


def test_with_equal_synthesizers_nothing_is_exchanged(monkeypatch):
    monkeypatch.setattr(exchange.fluid, "play", synth.play)
    mixes = exchanged(duet())
    for name in ("levels", "sampled"):
        assert np.allclose(mixes[name], mixes["own"], atol=1e-4)
    assert np.abs(mixes["envelopes"] - mixes["own"]).max() < 0.01 * np.abs(mixes["own"]).max()


def test_drums_are_exchanged_in_the_sampled_mix_alone(monkeypatch):
    version = arrange(compose(SEEDS["example"][0]), 1)
    drums = np.array([part.drums for part in version.parts])[version.notes["part"]]
    assert drums.any()
    only = Version(version.notes[drums], version.parts, version.duration, Production())
    monkeypatch.setattr(exchange.fluid, "play", lambda v, sr: 2 * synth.play(v, sr)[::-1])
    mixes = exchanged(only)
    for name in KINDS[1:-1]:
        assert np.array_equal(mixes[name], mixes["own"])
    assert np.allclose(mixes["sampled"], mixes["own"][::-1], atol=1e-5)


def test_features_have_the_shape_of_the_drawn_ones(other):
    settings = FeatureSettings(averaging=20)
    found = played(duet(), settings)
    assert list(found) == KINDS
    assert {x.shape for x in found.values()} == {(84, int(4.5 * 22050 / 512 + 1) // 20)}


def test_the_sampled_harmonics_of_a_program_are_measured_at_every_pitch(other):
    table = exchange._sampled(56)
    assert table.shape == (len(exchange.PITCHES), HARMONICS)
    assert np.square(table).sum(axis=1) == pytest.approx(1, abs=1e-4)
    low = table[48 - exchange.PITCHES[0]]
    assert low[1] / low[0] < 0.6  # a clarinet has weak even harmonics


@pytest.mark.skipif(not available(), reason="FluidSynth or its soundfont is not installed")
def test_fluidsynth_is_heard_in_the_sampled_mix():
    mixes = exchanged(duet())
    assert len({len(mix) for mix in mixes.values()}) == 1
    assert not np.allclose(mixes["sampled"], mixes["all"], atol=0.01 * np.abs(mixes["own"]).max())
