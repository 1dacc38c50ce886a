"""Laws of versions: seeds decide them, and exactly the attributes that vary differ."""

from dataclasses import replace

import numpy as np
import pytest

from bytecover_lite.songbook import style
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.genres import GENRES
from bytecover_lite.songbook.style import ATTRIBUTES, DIFFICULTIES, ArrangeError
from bytecover_lite.songbook.version import NOTE_DTYPE, Part, Production, Version, VersionError

WORKS = [compose(seed) for seed in range(14_600_000, 14_600_006)]
NOTES = frozenset(NOTE_DTYPE.names)
# What may differ when one attribute varies. Who plays decides how a part is written, so genre and
# timbre reach the notes; a part that a shorter form never calls for is missing.
CHANGES = {
    "key": {"key_shift", "pitch"},
    "tempo": {"tempo_factor", "start", "duration"},
    "genre": {"genre", "parts", "levels", "production"} | NOTES,
    "timbre": {"parts", "levels"} | NOTES,
    "form": {"form", "parts", "levels"} | NOTES,
    "harmony": {"pitch"},
    "melody": NOTES,
    "performance": NOTES - {"part"},
    "mix": {"production", "levels"},
    "noise": {"production"},
    "tuning": {"production"},
}


def _tones(version):
    drums = np.array([part.drums for part in version.parts])[version.notes["part"]]
    return version.notes[~drums]


def test_a_seed_decides_every_byte():
    for work in WORKS:
        first, again, other = (arrange(work, seed) for seed in (1, 1, 2))
        assert first.notes.tobytes() == again.notes.tobytes()
        assert (first.parts, first.production) == (again.parts, again.production)
        assert first.notes.tobytes() != other.notes.tobytes()


def test_without_variation_all_versions_are_the_base_version():
    for work in WORKS:
        one, two = arrange(work, 1, vary=()), arrange(work, 2, vary={})
        assert one.notes.tobytes() == two.notes.tobytes()
        assert (one.parts, one.production) == (two.parts, two.production)
        assert (one.key_shift, one.tempo_factor, one.form) == (0, 1.0, work.form)


@pytest.mark.parametrize("amount", [1, 3, 6])
def test_key_moves_every_tone_by_the_amount_and_nothing_else(amount):
    for work in WORKS:
        base, moved = arrange(work, 5, vary={}), arrange(work, 5, vary={"key": amount})
        assert abs(moved.key_shift) == amount
        shift = _tones(moved)["pitch"] - _tones(base)["pitch"]
        assert np.allclose(shift, moved.key_shift)
        for name in ("start", "duration", "velocity", "part"):
            assert np.array_equal(base.notes[name], moved.notes[name])
        assert (base.parts, base.production) == (moved.parts, moved.production)


def test_tempo_changes_times_by_the_factor_and_nothing_else():
    for work in WORKS:
        base, faster = arrange(work, 3, vary={}), arrange(work, 3, vary={"tempo": 0.5})
        assert abs(np.log2(faster.tempo_factor)) == pytest.approx(0.5)
        assert np.array_equal(base.notes["pitch"], faster.notes["pitch"])
        ratio = np.ptp(base.notes["start"]) / np.ptp(faster.notes["start"])
        assert ratio == pytest.approx(faster.tempo_factor, rel=0.01)
        assert (base.parts, base.production) == (faster.parts, faster.production)


def test_timbre_changes_instruments_but_no_pitch_class_and_no_time():
    for work in WORKS:
        base, other = arrange(work, 3, vary={}), arrange(work, 3, vary={"timbre"})
        if len(base.notes) == len(other.notes):  # habits of players may add a second voice
            shift = np.abs(base.notes["pitch"] - other.notes["pitch"])
            assert set(np.unique(shift)) <= {0, 12, 24}
            assert np.array_equal(base.notes["start"], other.notes["start"])
        assert [p.program for p in base.parts] != [p.program for p in other.parts] or [
            p.colour for p in base.parts
        ] != [p.colour for p in other.parts]
        assert base.production == other.production


def test_genre_keeps_key_form_and_tune():
    for work in WORKS:
        base, other = arrange(work, 3, vary={}), arrange(work, 3, vary={"genre": 1})
        assert base.genre != other.genre
        assert (base.key_shift, base.form) == (other.key_shift, other.form)
        if base.parts[0].name == other.parts[0].name == "lead":
            tunes = [v.notes["pitch"][v.notes["part"] == 0] for v in (base, other)]
            assert len(tunes[0]) == len(tunes[1])
            assert np.allclose((tunes[0] - tunes[1]) % 12 % 11.999, 0, atol=0.01)


@pytest.mark.parametrize("amount", [1, 2, 4])
def test_form_edits_change_the_form_only(amount):
    changed = 0
    for work in WORKS:
        other = arrange(work, 3, vary={"form": amount})
        base = arrange(work, 3, vary={})
        assert other.parts == base.parts or len(other.parts) != len(base.parts)
        assert (other.tempo_factor, other.key_shift) == (1.0, 0)
        changed += other.form != base.form
    assert changed >= 3


def test_difficulties_are_ordered_by_how_far_versions_lie_apart():
    def spread(difficulty):
        versions = [arrange(w, s, difficulty=difficulty) for w in WORKS[:4] for s in range(6)]
        tempo = np.std([np.log2(v.tempo_factor) for v in versions])
        forms = np.mean([v.form == w.form for w in WORKS for v in versions if v.title == w.title])
        return tempo, 1 - forms

    easy, real, hard = (spread(d) for d in ("easy", "real", "hard"))
    assert easy < real < hard
    assert easy[1] < real[1] < hard[1]


def test_a_spread_of_ones_own_sets_every_reach():
    one, other = (arrange(WORKS[0], 5, difficulty=d) for d in ("hard", DIFFICULTIES["hard"]))
    assert np.array_equal(one.notes, other.notes) and one.production == other.production
    far = replace(DIFFICULTIES["hard"], tempo=0.74, key=2)
    versions = [arrange(WORKS[0], seed, difficulty=far) for seed in range(150)]
    factors = [version.tempo_factor for version in versions]
    assert 0.598 < min(factors) < 0.61 and 1.6 < max(factors) < 1.671
    assert {version.key_shift for version in versions} == set(range(-2, 3))


def test_every_genre_is_chosen_and_can_be_played(monkeypatch):
    assert len(GENRES) >= 12
    for genre in GENRES.values():
        monkeypatch.setattr(style, "GENRES", {genre.name: genre})
        assert arrange(WORKS[0], 1, difficulty="hard", vary={"timbre"}).genre == genre.name


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_an_attribute_that_varies_alone_changes_what_it_stands_for_and_nothing_else(attribute):
    changed = set()
    for work in WORKS:
        base = _facets(arrange(work, 0, vary=()))
        for seed in range(1, 6):
            other = _facets(arrange(work, seed, vary={attribute}))
            changed |= {name for name in base if base[name] != other[name]}
    assert changed == CHANGES[attribute]


def _facets(version):
    """Take a version apart into everything that can differ, each comparable."""
    facets = {name: version.notes[name].tobytes() for name in NOTES}
    facets |= {
        name: getattr(version, name)
        for name in ("genre", "key_shift", "tempo_factor", "form", "production")
    }
    facets["levels"] = [part.gain for part in version.parts]
    facets["parts"] = [replace(part, gain=1.0) for part in version.parts]
    return facets


def test_attributes_that_vary_together_change_as_each_does_alone():
    for work in WORKS:
        key, tempo, both = (
            arrange(work, 3, vary=vary)
            for vary in ({"key": 3}, {"tempo": 0.5}, {"key": 3, "tempo": 0.5})
        )
        assert np.array_equal(both.notes["pitch"], key.notes["pitch"])
        assert np.array_equal(both.notes["start"], tempo.notes["start"])
        assert np.array_equal(both.notes["duration"], tempo.notes["duration"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"difficulty": "harder"}, "harder"),
        ({"vary": {"colour"}}, "colour"),
        ({"vary": {"key": -1}}, ">= 0"),
    ],
)
def test_unknown_wishes_are_named(arguments, message):
    with pytest.raises(ArrangeError, match=message):
        arrange(WORKS[0], 1, **arguments)


def _note(**changes):
    note = np.array([(0.0, 1.0, 60.0, 0.8, 0)], NOTE_DTYPE)
    for name, value in changes.items():
        note[name] = value
    return note


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        (_note(part=1), "part"),
        (_note(duration=0), "duration"),
        (_note(pitch=np.nan), "pitch"),
        (_note(velocity=1.5), "velocity"),
        (_note()[:0], "no notes"),
        (np.zeros((1, 5)), "NOTE_DTYPE"),
    ],
)
def test_versions_refuse_impossible_notes(notes, message):
    with pytest.raises(VersionError, match=message):
        Version(notes, (Part("lead"),), 2.0, Production())
