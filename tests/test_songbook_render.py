"""Laws of the renderers: physics that both obey, and that they agree with each other."""

from dataclasses import replace

import numpy as np
import pytest

from bytecover_lite.cqt import FeatureSettings, extract
from bytecover_lite.songbook import fluid, style
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.drums import KIT
from bytecover_lite.songbook.fluid import SynthesizerError, to_midi
from bytecover_lite.songbook.genres import GENRES
from bytecover_lite.songbook.render import draw, synthesize
from bytecover_lite.songbook.version import NOTE_DTYPE, Part, Production, Version

SETTINGS = FeatureSettings(averaging=20)
DRY = Production(noise_db=-70.0)
FLUTE, PIANO = 73, 0


def _version(pitches, *, program=FLUTE, drums=False, production=DRY, seconds=2.0, velocity=0.8):
    rows = [(0.5 + i * seconds, seconds, p, velocity, 0) for i, p in enumerate(pitches)]
    notes = np.array(rows, NOTE_DTYPE)
    duration = 1.0 + seconds * len(pitches)
    return Version(notes, (Part("lead", program, drums),), duration, production)


def _drawn(version):
    return draw(version, SETTINGS)


def _heard(version):
    return extract(synthesize(version, engine="own"), SETTINGS)


both = pytest.mark.parametrize("features", [_drawn, _heard], ids=["drawn", "heard"])


@both
@pytest.mark.parametrize("midi", [33, 48, 69, 84, 100])
def test_a_tone_peaks_in_the_bin_of_its_pitch(features, midi):
    spectrum = features(_version([midi], seconds=4.0))[:, 2:6].mean(axis=1)
    assert int(spectrum.argmax()) == midi - 24


@both
@pytest.mark.parametrize("program", [PIANO, FLUTE, 40, 30, 53, 80])
def test_a_tone_has_its_harmonics(features, program):
    spectrum = features(_version([57], program=program, seconds=4.0))[:, 2:6].mean(axis=1)
    harmonics = spectrum[[33, 45, 52, 57]]  # 1 to 4 times the frequency
    between = spectrum[[39, 48, 54]]
    assert np.median(harmonics) > 3 * np.median(between)


@both
def test_a_semitone_of_tuning_is_one_bin(features):
    low = features(_version([60]))
    sharp = features(_version([60], production=replace(DRY, tuning_cents=100.0)))
    assert int(low.sum(axis=1).argmax()) + 1 == int(sharp.sum(axis=1).argmax())


@both
def test_struck_strings_fade_and_blown_pipes_do_not(features):
    for program, fades in ((PIANO, True), (FLUTE, False)):
        tone = features(_version([72], program=program, seconds=6.0))[48, 2:12]
        assert (tone[-1] < 0.7 * tone[0]) == fades


@both
def test_a_room_rings_after_the_last_note(features):
    def tail(seconds):
        made = replace(DRY, reverb_seconds=seconds, reverb_mix=0.5)
        version = _version([60], production=made)
        return features(replace(version, duration=5.0))[36, 7:9].mean()

    assert tail(4.0) > 3 * tail(1.0) > 3 * tail(0.3)


@both
def test_band_limits_noise_fades_and_equaliser_do_what_they_say(features):
    tone = _version([57], program=40, seconds=4.0)

    def changed(**made):
        return features(replace(tone, production=replace(DRY, **made)))

    plain = changed()
    assert changed(high_cut_hz=500.0)[70:].mean() < 0.1 * plain[70:].mean()
    assert changed(low_cut_hz=600.0)[33].mean() < 0.2 * plain[33].mean()
    assert changed(noise_db=-20.0)[:20].mean() > 5 * plain[:20].mean()
    assert changed(fade_out=3.0)[33, -3] < 0.7 * plain[33, -3]
    brighter = changed(tilt_db=3.0)
    assert brighter[57].mean() / brighter[33].mean() > 1.5 * plain[57].mean() / plain[33].mean()


@both
def test_loudness_scales_the_whole_recording(features):
    tone = _version([57], program=40, seconds=4.0)
    loud = features(replace(tone, production=replace(DRY, loudness_db=-18.0)))
    soft = features(replace(tone, production=replace(DRY, loudness_db=-38.0)))
    assert np.median(loud[33, 2:6] / soft[33, 2:6]) == pytest.approx(10, rel=0.05)


@both
@pytest.mark.parametrize("drum", KIT)
def test_every_drum_sounds(features, drum):
    quiet = features(_version([60], velocity=0.0, seconds=1.0))
    struck = features(_version([drum], drums=True, seconds=1.0))
    assert struck.sum() > 2 * quiet.sum()


def test_both_renderers_are_deterministic():
    version = arrange(compose(14_700_001), 2, difficulty="hard")
    first = replace(version, notes=version.notes[version.notes["start"] < 6], duration=8.0)
    assert _drawn(first).tobytes() == _drawn(first).tobytes()
    assert synthesize(first, engine="own").tobytes() == synthesize(first, engine="own").tobytes()


def test_sound_stays_within_full_scale_and_has_the_level_asked_for():
    version = arrange(compose(14_700_001), 2, difficulty="hard")
    first = replace(version, notes=version.notes[version.notes["start"] < 6], duration=8.0)
    made = replace(version.production, loudness_db=-12.0, fade_in=0.0, fade_out=0.0)
    sound = synthesize(replace(first, production=made), engine="own")
    assert sound.dtype == np.float32 and len(sound) == 8 * 22050
    assert np.abs(sound).max() <= 1.0
    assert 20 * np.log10(np.sqrt((sound**2).mean())) == pytest.approx(-12, abs=1)


@pytest.mark.parametrize("averaging", [1, 7, 20, 40, 100])
def test_drawn_features_have_the_shape_of_extracted_ones(averaging):
    settings = FeatureSettings(averaging=averaging)
    version = _version([60, 64, 67], seconds=2.3)
    heard = extract(synthesize(version, engine="own"), settings)
    assert draw(version, settings).shape == heard.shape


def test_drawn_and_heard_features_agree_in_every_genre(monkeypatch):
    agreement = {}
    for seed, genre in enumerate(GENRES.values()):
        monkeypatch.setattr(style, "GENRES", {genre.name: genre})
        version = arrange(compose(14_800_000 + seed), 1, vary={"timbre", "mix"})
        start = np.median(version.notes["start"])
        notes = version.notes[
            (version.notes["start"] > start) & (version.notes["start"] < start + 9)
        ]
        notes["start"] -= start
        agreement[genre.name] = _agreement(replace(version, notes=notes, duration=7.0))
    worst = sorted(agreement.items(), key=lambda item: item[1])[:3]
    assert np.median(list(agreement.values())) >= 0.9, worst
    assert worst[0][1] >= 0.75, worst


def _agreement(version):
    drawn, heard = _drawn(version), _heard(version)
    logs = [np.log10(x + 1e-3 * x.max()).ravel() for x in (drawn, heard)]
    return np.corrcoef(*logs)[0, 1]


def test_midi_files_hold_every_note_once():
    version = arrange(compose(14_700_003), 1)
    score = to_midi(version)
    assert score[:4] == b"MThd" and score[14:18] == b"MTrk"
    assert int.from_bytes(score[18:22], "big") == len(score) - 22
    music21 = pytest.importorskip("music21")
    file = music21.midi.MidiFile()
    file.readstr(score)
    kinds = [event.type for event in file.tracks[0].events]
    assert kinds.count(music21.midi.ChannelVoiceMessages.NOTE_ON) == len(version.notes)


def test_more_parts_than_channels_still_play():
    notes = np.array([(0.1 * i, 0.5, 60, 0.8, i) for i in range(40)], NOTE_DTYPE)
    version = Version(notes, tuple(Part(str(i), i) for i in range(40)), 6.0)
    assert b"\x99" not in to_midi(version)  # nothing pitched lands on the drum channel


@pytest.mark.skipif(not fluid.available(), reason="FluidSynth and a soundfont are not installed")
def test_fluidsynth_plays_the_same_pitches():
    version = _version([69], seconds=3.0)
    spectrum = extract(synthesize(version, engine="fluidsynth"), SETTINGS).mean(axis=1)
    assert int(spectrum.argmax()) == 45


def test_a_missing_synthesizer_is_named(monkeypatch):
    monkeypatch.setattr(fluid.shutil, "which", lambda name: None)
    with pytest.raises(SynthesizerError, match="own"):
        synthesize(_version([60]), engine="fluidsynth")
    with pytest.raises(SynthesizerError, match="theremin"):
        synthesize(_version([60]), engine="theremin")
    assert len(synthesize(_version([60]), engine="auto"))
