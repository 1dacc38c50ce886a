"""Laws of what an index is made of: passages, keys, probabilities, groups."""

import math

import numpy as np
import pytest

from bytecover_lite import results
from bytecover_lite.alignment import SPAN, TEMPI, relate
from bytecover_lite.comparison import compare, listen
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.embed import Embeddings
from bytecover_lite.passages import HOP, LONG, WHOLE, WINDOW, Collection, Passages, recording_of
from bytecover_lite.pipeline import open_model
from bytecover_lite.results import write_result
from bytecover_lite.same_work import SameWork, fit_same_work, read_same_work, reliability
from bytecover_lite.version_groups import group_versions
from tests.test_library import make_song

SETTINGS = FeatureSettings(averaging=40)


def passages_of(frames):
    return Passages({"a": np.arange(84 * frames).reshape(84, frames)}, SETTINGS)


@pytest.mark.parametrize("seconds", [1, LONG - 5, LONG + 1, 700, 4000])
def test_windows_cover_a_long_recording_and_leave_a_song_alone(seconds):
    frames = max(1, int(seconds / SETTINGS.seconds_per_frame))
    passages = passages_of(frames)
    whole, *windows = passages.names("a")
    assert passages[whole].shape[1] == min(frames, round(WHOLE / SETTINGS.seconds_per_frame))
    assert bool(windows) == (seconds > LONG)
    covered = set()
    for name in windows:
        columns = passages[name][0]
        assert len(columns) == passages.window
        assert passages.start(name) == pytest.approx(columns[0] * SETTINGS.seconds_per_frame)
        covered |= set(columns)
    assert not windows or covered == set(range(frames))


def test_a_recording_may_have_the_sign_of_a_window_in_its_name():
    assert recording_of("live@home") == ("live@home", None)
    assert recording_of("live@home@450") == ("live@home", 450)
    assert recording_of("@12") == ("@12", None)
    source = {"live@home": np.zeros((84, 10), np.float32)}
    assert Passages(source, SETTINGS)["live@home"].shape == (84, 10)
    embeddings = Embeddings(("live@home", "b", "b@90"), np.ones((3, 2), np.float32))
    assert Collection.of(embeddings).recordings == ["live@home", "b"]


def test_every_stretch_of_half_a_window_lies_whole_within_a_window():
    passages = passages_of(1500)
    starts = [passages.start(name) for name in passages.names("a")[1:]]
    frame = SETTINGS.seconds_per_frame
    for place in np.arange(0, 1500 * frame - (WINDOW - HOP) - frame, 7.0):
        inside = [s <= place and place + WINDOW - HOP <= s + WINDOW + 2 * frame for s in starts]
        assert any(inside)


def test_the_distance_is_that_of_the_nearest_passages():
    rng = np.random.default_rng(0)
    names = ("a", "a@0", "a@9", "b", "c", "c@0", "c@9", "c@18")
    vectors = rng.standard_normal((len(names), 5)).astype(np.float32)
    collection = Collection.of(Embeddings(names, vectors))
    query = Collection.of(Embeddings(("q", "q@0"), rng.standard_normal((2, 5)).astype(np.float32)))
    found = collection.distances(query.vectors)
    assert collection.recordings == ["a", "b", "c"]
    for number, recording in enumerate(collection.recordings):
        pairs = {
            (name, other): 1
            - (vectors[row] @ vector) / (np.linalg.norm(vectors[row]) * np.linalg.norm(vector))
            for row, name in enumerate(names)
            if name[0] == recording
            for other, vector in zip(query.passages, query.vectors, strict=True)
        }
        assert found[number] == pytest.approx(min(pairs.values()), abs=1e-6)
        assert collection.best_passages(number, query) == min(pairs, key=pairs.get)


def chords(count, frames_each, seed=1):
    """Return a sequence of triads, some longer than others [shape=(84, T)]."""
    rng = np.random.default_rng(seed)
    features = np.zeros((84, 0), dtype=np.float32)
    for root, length in zip(rng.integers(24, 48, count), rng.integers(1, 4, count), strict=True):
        chord = np.zeros((84, round(length * frames_each)), dtype=np.float32)
        chord[[root, root + 4, root + 7]] = 1
        features = np.concatenate([features, chord], axis=1)
    return features + 0.05 * rng.random(features.shape, dtype=np.float32)


@pytest.mark.parametrize("semitones", range(-5, 7))
def test_a_transposition_is_told(semitones):
    song = chords(30, 2)
    found = relate(song, np.roll(song, semitones, axis=0), seconds_per_frame=0.93)
    assert found.semitones == semitones
    assert found.tempo == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("tempo", [0.65, 0.8, 0.95, 1.05, 1.25, 1.6])
def test_a_tempo_is_told_in_another_key_and_order(tempo):
    song = chords(40, 4)
    places = np.round(np.arange(0, song.shape[1] - 1, tempo)).astype(int)
    other = np.roll(song[:, places], 3, axis=0)
    other = np.roll(other, other.shape[1] // 2, axis=1)  # the second half comes first
    found = relate(song, other, seconds_per_frame=0.93)
    assert found.semitones == 3
    assert found.tempo == pytest.approx(tempo, rel=0.015)
    back = relate(other, song, seconds_per_frame=0.93)
    assert back.semitones == -3 and back.tempo * found.tempo == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("finer", [2, 3])
def test_finer_bins_tell_the_same_key(finer):
    song = np.repeat(chords(30, 2), finer, axis=0)
    song = np.roll(song, -((finer - 1) // 2), axis=0)  # three bins lie around their semitone
    other = np.roll(song, 3 * finer, axis=0)[: 80 * finer]  # and the last octave is not whole
    found = relate(song, other, seconds_per_frame=0.93, bins_per_octave=12 * finer)
    assert found.semitones == 3


@pytest.mark.parametrize("frames", [(1, 1), (1, 300), (2, 3), (40, 500)])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_anything_has_a_finite_relation(frames, level):
    first, second = (np.full((84, count), level, dtype=np.float16) for count in frames)
    found = relate(first, second, seconds_per_frame=0.93)
    assert (found.tempo is None) == (min(frames) * 0.93 < SPAN) and -1 <= found.fit <= 1.001
    assert found.tempo is None or TEMPI[0] <= found.tempo <= TEMPI[-1]


def test_a_comparison_the_other_way_round_is_the_same(tmp_path):
    model, paths = open_model("lite"), [tmp_path / f"{number}.wav" for number in range(2)]
    for number, path in enumerate(paths):
        make_song(path, number)
    first, second = (listen(path, model) for path in paths)
    there, back = compare(first, second), compare(second, first)
    assert there.distance == pytest.approx(back.distance, abs=1e-6)
    assert (there.semitones + back.semitones) % 12 == 0
    assert there.tempo is None and back.tempo is None  # three seconds tell none
    assert there.probability is None
    itself = compare(first, first, same_work=SameWork(1.0, -1.0), prior=0.5)
    assert itself.distance == pytest.approx(0, abs=1e-5) and itself.semitones == 0
    assert itself.probability == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-4)


def draw_pairs(count, *, share, offset=6.0, slope=-10.0, seed=0):
    """Draw distances, and whether a pair is the same, by the law that is to be found again."""
    rng = np.random.default_rng(seed)
    distances = rng.uniform(0, 1.5, count)
    chance = SameWork(offset, slope).probability(distances, prior=share)
    return distances, rng.random(count) < chance


def log_ratio(law, distances):
    chance = law.probability(distances, prior=0.5)
    return np.log(chance / (1 - chance))


def test_the_fit_finds_the_law_of_the_pairs_at_any_share_of_matches():
    distances, same = draw_pairs(200_000, share=0.5)
    grid = np.linspace(0.3, 0.9, 7)
    # the law was stated with even prior odds, the fit takes those of the sample out
    expected = 6 - 10 * grid - math.log(same.mean() / (1 - same.mean()))
    fewer = ~same | (np.random.default_rng(1).random(len(same)) < 0.1)
    for some in (slice(None), fewer):
        found = fit_same_work(distances[some], same[some])
        np.testing.assert_allclose(log_ratio(found, grid), expected, atol=0.2)


def test_classes_that_do_not_overlap_give_finite_numbers():
    found = fit_same_work(np.array([0.1, 0.2, 0.8, 0.9]), np.array([True, True, False, False]))
    assert found.probability(0.1, prior=0.5) > 0.9 > 0.1 > found.probability(0.9, prior=0.5)


def test_a_probability_falls_with_distance_and_rises_with_the_prior():
    law = SameWork(6.0, -10.0)
    for one, strict in ((law, True), (SameWork(6.0, -10.0, 4.0), False)):
        steps = np.diff(one.probability(np.linspace(0, 2, 50), prior=0.1))
        assert (steps < 0).all() if strict else (steps <= 0).all() and steps[0] < 0
    assert law.probability(0.6, prior=0.3) == pytest.approx(0.3)  # where the ratio is 1
    assert law.probability(0.4, prior=0.3) > law.probability(0.4, prior=0.01)


def test_a_calibration_is_found_by_its_checkpoint(tmp_path, monkeypatch):
    law = {"slope": -10.0, "intercept": 3.0}
    law = {name: law.get(name, 1.0) for name in SameWork.__dataclass_fields__}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "_checkout_results", lambda: None)
    for name, checkpoint in (("calibration", "a" * 64), ("calibration_bbbbbbbb", "b" * 64)):
        write_result(name, {"checkpoint": checkpoint, "same_work": law})
        assert (tmp_path / "results" / f"{name}.json").is_file()
    assert read_same_work("a" * 64) == read_same_work("b" * 64) == SameWork(**law)
    assert read_same_work("c" * 64) is None
    for damage in ("{", '{"checkpoint": "' + "a" * 64 + '"}', "[]"):
        (tmp_path / "results" / "calibration.json").write_text(damage)
        with pytest.raises(results.ResultsError, match=r"calibration\.json.* again"):
            read_same_work("a" * 64)


def test_reliability_tells_the_honest_from_the_boastful():
    distances, same = draw_pairs(100_000, share=0.5)
    honest = SameWork(6.0, -10.0).probability(distances, prior=0.5)
    boast = SameWork(9.0, -10.0).probability(distances, prior=0.5)
    good, bad = reliability(honest, same), reliability(boast, same)
    assert good["error"] < 0.01 < 0.05 < bad["error"]
    assert good["brier"] < bad["brier"] < 1 and good["brier"] < good["brier_of_prior"]
    assert sum(one["pairs"] for one in good["bins"]) == len(same)
    for one in good["bins"]:
        assert one["low"] <= one["stated"] <= one["high"]


def test_groups_are_joined_through_others_and_nobody_is_lost():
    angles = np.array([0.0, 0.1, 0.2, 1.5, 1.6, 3.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    collection = Collection.of(Embeddings(tuple("abcdef"), vectors))

    def near(distances):
        return (np.asarray(distances) < 1 - math.cos(0.15)).astype(float)

    groups = group_versions(collection, near, 0.5)
    assert [sorted(member[0] for member in group) for group in groups] == [
        ["a", "b", "c"],
        ["d", "e"],
        ["f"],
    ]
    assert groups[2] == [("f", None, None)]
    assert groups[1][0][1] == pytest.approx(1 - math.cos(0.1), abs=1e-6)
