"""Laws of the chorale set, from score to features."""

import numpy as np
import pytest

from bytecover_lite import commands_corpus
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.pipeline import open_corpus
from bytecover_lite.songbook import chorales, fluid, recordings
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import HYMNS, TUNES, compose
from bytecover_lite.songbook.families import Member
from bytecover_lite.songbook.scores import read_score
from bytecover_lite.songbook.unheard import RESERVED

SETTINGS = FeatureSettings(averaging=20)
CHORALE = Member("chorale", "bach/bwv66.6.mxl", None, 0, 1.0)


def build(out, **changes):
    return chorales.build(out, SETTINGS, limit_families=1, jobs=1, **changes)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return build(tmp_path_factory.mktemp("chorales"))


def test_a_performance_has_the_notes_of_the_score():
    version = chorales.play(CHORALE, 0)
    for part, notes in enumerate(chorales.satb(read_score(CHORALE.file))):
        played = version.notes[version.notes["part"] == part]
        assert np.array_equal(played["pitch"], notes["pitch"])


def test_performances_are_a_pure_function_of_the_seed():
    first, again, other = (chorales.play(CHORALE, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.notes, again.notes)
    assert (first.parts, first.production) == (again.parts, again.production)
    assert first.production != other.production
    assert first.duration != other.duration


def test_whoever_sings_the_others_only_fall_silent():
    everybody, heard = chorales.play(CHORALE, 0), []
    for place, voice in enumerate(chorales.VOICES):
        alone = chorales.play(CHORALE, 0, (voice,))
        assert alone.production == everybody.production
        assert alone.duration == everybody.duration
        assert alone.parts[0] == everybody.parts[place]
        for part, player in enumerate(alone.parts):
            mine, same = (
                version.notes[version.notes["part"] == version.parts.index(player)]
                for version in (alone, everybody)
            )
            assert (mine["part"] == part).all()
            for name in ("start", "duration", "pitch", "velocity"):
                assert np.array_equal(mine[name], same[name])
        heard += alone.parts
    assert sorted(heard, key=repr) == sorted(everybody.parts, key=repr)


def test_the_books_own_synthesizer_plays_unless_another_is_asked_for(corpus):
    assert '"engine": "own"' in (corpus / "recording.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [commands_corpus.chorales, commands_corpus.folk])
def test_a_set_that_cannot_be_played_leaves_nothing_behind(command, tmp_path, monkeypatch):
    monkeypatch.setattr(fluid, "available", lambda: False)
    with pytest.raises(fluid.SynthesizerError, match="soundfont is missing"):
        command(tmp_path / "set", families=1, engine="fluidsynth")
    assert not (tmp_path / "set").exists()


def test_a_set_of_one_voice_is_not_mixed_with_the_whole(corpus):
    with pytest.raises(recordings.RecordingError, match="Soprano alone"):
        build(corpus, voices=("Soprano",))


@pytest.mark.parametrize("voices", [(), ("Descant",), ("Soprano", "soprano")])
def test_voices_that_no_chorale_has_are_refused(voices, tmp_path):
    with pytest.raises(chorales.VoicesError, match="give some of Soprano, Alto"):
        build(tmp_path, voices=voices)


def test_a_fermata_is_held():
    version = chorales.play(CHORALE, 0)
    soprano = read_score(CHORALE.file).voices["Soprano"]
    starts = version.notes["start"][version.notes["part"] == 0]
    quarters = np.diff(starts) / np.diff(soprano["start"])
    held = soprano["fermata"][:-1]
    assert np.median(quarters[held]) > 1.1 * np.median(quarters[~held])


def test_no_instrument_is_one_of_the_training_songs():
    heard = {part.program for seed in range(6) for part in chorales.play(CHORALE, seed).parts}
    assert heard <= RESERVED
    kinds = (
        ("hard", range(40)),
        ("tune", range(40)),
        ("tune", TUNES[:40]),
        ("setting", HYMNS[:40]),
        ("polyphony", HYMNS[:80]),
        ("session", TUNES[:80]),
    )
    for difficulty, seeds in kinds:
        for seed in seeds:
            parts = arrange(compose(seed), seed, difficulty=difficulty).parts
            assert not RESERVED & {part.program for part in parts if not part.drums}


def test_a_build_is_a_corpus_of_audio_files(corpus):
    table, store = open_corpus(corpus)
    members = chorales.families(1)
    assert table["version"].tolist() == [recordings.version_name(m) for m in members]
    assert table["clique"].tolist() == [m.family for m in members]
    assert set(table["split"]) == {"test"}
    for row in table.itertuples():
        seconds = store[row.version].shape[1] * SETTINGS.seconds_per_frame
        version = chorales.play(next(m for m in members if m.family == row.clique), 0)
        assert row.path.endswith(".mp3")
        assert seconds > 15
        assert store[row.version].max() > 0
        assert version.title.startswith("BWV")


def test_an_identical_build_has_identical_features(corpus, tmp_path):
    build(tmp_path)
    for name in ("features/features.npy", "versions.csv"):
        assert (tmp_path / name).read_bytes() == (corpus / name).read_bytes()


def test_a_build_that_was_stopped_is_taken_up(corpus, tmp_path, monkeypatch):
    recorded = []

    def stop_at_the_second(member, seed, **voices):
        recorded.append(member)
        if len(recorded) == 2:
            raise KeyboardInterrupt
        return play(member, seed, **voices)

    play = chorales.play
    monkeypatch.setattr(chorales, "play", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path)
    assert not (tmp_path / "versions.csv").exists()
    first = len(recorded)
    monkeypatch.setattr(chorales, "play", lambda m, s, **v: recorded.append(m) or play(m, s, **v))
    build(tmp_path)
    assert len(recorded) == first - 1 + len(chorales.families(1))
    name = "features/features.npy"
    assert (tmp_path / name).read_bytes() == (corpus / name).read_bytes()


def test_recordings_of_another_seed_are_not_mixed_in(corpus):
    with pytest.raises(recordings.RecordingError, match="choose another directory"):
        build(corpus, seed=1)
