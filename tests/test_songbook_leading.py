"""Laws of voice leading, and of the tunes that are heard above it (your own corpus)."""

import numpy as np
import pytest

from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import HYMNS, PSALMS, compose, harmonised_anew
from bytecover_lite.songbook.leading import COMPASSES, lead_voices
from bytecover_lite.songbook.reharmonise import harmony_below
from bytecover_lite.songbook.song import tonic_near
from bytecover_lite.songbook.style import choose_style
from bytecover_lite.songbook.theory import CHORD_DTYPE, CHORD_MEMBERS, KINDS, MODES

SEEDS = [*PSALMS[:12], *HYMNS[:12]]


def taste(seed):
    return np.random.Generator(np.random.PCG64(seed))


def at_chords(tune, chords):
    """Return the tune's pitch at the beginning of each chord."""
    place = np.searchsorted(tune["start"], chords["start"] + 1e-3) - 1
    return tune["pitch"][np.maximum(place, 0)]


def led(seed, freedom=0.3, octave=66):
    """Return the tune at each chord of a verse, its chords, and the voices under it."""
    section = compose(seed).sections["verse"]
    tune = at_chords(section.melody, section.chords) + octave
    return (
        tune,
        section.chords,
        lead_voices(tune, section.chords, octave % 12, freedom, taste(seed)),
    )


@pytest.mark.parametrize("octave", [60, 66, 72])
def test_voices_sing_the_chord_in_their_compass_each_below_the_next(octave):
    for seed in SEEDS:
        tune, chords, voices = led(seed, octave=octave)
        classes = (voices - octave - chords["root"][:, None]) % 12
        assert CHORD_MEMBERS[chords["kind"][:, None], classes].all()
        assert (voices >= COMPASSES[:, 0]).all() and (voices <= COMPASSES[:, 1]).all()
        assert (voices[:, 0] >= voices[:, 1]).all() and (voices[:, 1] >= voices[:, 2]).all()
        high = tune >= COMPASSES[0, 0] + 7
        assert (voices[high, 0] <= tune[high]).all()


def test_voices_are_led_as_one_learns_to():
    """Most chords are whole, most roots in the bass, most steps small, parallels are rare."""
    whole, bass, steps, parallel, moves = [], [], [], 0, 0
    for seed in SEEDS:
        tune, chords, voices = led(seed, freedom=0.1)
        parts = np.column_stack([np.round(tune).astype(int), voices])
        third = np.where(CHORD_MEMBERS[chords["kind"], 3], 3, 4)
        has = CHORD_MEMBERS[chords["kind"], third]
        found = ((parts - 66 - (chords["root"] + third)[:, None]) % 12 == 0).any(axis=1)
        whole += found[has].tolist()
        bass += ((voices[:, 2] - 66 - chords["root"]) % 12 == 0).tolist()
        steps += np.abs(np.diff(voices[:, :2], axis=0)).ravel().tolist()
        for i, j in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)):
            apart = (parts[:, i] - parts[:, j]) % 12
            moved = (np.diff(parts[:, i]) != 0) & (np.diff(parts[:, j]) != 0)
            same = (apart[1:] == apart[:-1]) & np.isin(apart[1:], (0, 7))
            parallel, moves = parallel + (moved & same).sum(), moves + moved.sum()
    assert np.mean(whole) > 0.97 and 0.5 < np.mean(bass) < 0.95
    assert np.mean(np.array(steps) <= 4) > 0.9
    assert parallel < 0.02 * moves


@pytest.mark.parametrize("kind", range(len(KINDS)))
@pytest.mark.parametrize("pitch", [30, 60, 95])
def test_every_chord_under_every_tune_finds_its_voices(kind, pitch):
    chords = np.zeros(12, CHORD_DTYPE)
    chords["root"], chords["kind"] = np.arange(12), kind
    voices = lead_voices(np.full(12, pitch), chords, 0, 1.0, taste(0))
    assert (voices >= COMPASSES[:, 0]).all() and (voices <= COMPASSES[:, 1]).all()
    assert CHORD_MEMBERS[kind, (voices - chords["root"][:, None]) % 12].all()


def test_without_freedom_the_same_chords_are_set_the_same_way():
    section = compose(PSALMS[0]).sections["verse"]
    tune = at_chords(section.melody, section.chords) + 66
    one, other = (lead_voices(tune, section.chords, 6, 0.0, taste(i)) for i in (1, 2))
    free = lead_voices(tune, section.chords, 6, 1.0, taste(1))
    assert np.array_equal(one, other) and not np.array_equal(one, free)


def test_a_led_alto_does_not_sing_the_contour_of_the_tune_as_a_second_voice_does():
    follows, leads = [], []
    for seed in SEEDS:
        tune, chords, voices = led(seed)
        line = compose(seed).sections["verse"].melody
        second = at_chords(harmony_below(line, chords), chords)
        follows.append(np.corrcoef(np.diff(tune), np.diff(second))[0, 1])
        leads.append(np.corrcoef(np.diff(tune), np.diff(voices[:, 0]))[0, 1])
    assert np.mean(follows) > 0.8
    assert abs(np.mean(leads)) < 0.6 * np.mean(follows)


@pytest.mark.parametrize(("tonic", "octave"), [(t, o) for t in range(12) for o in (48, 51, 63, 66)])
def test_the_tonic_nearest_to_an_octave_is_a_tonic(tonic, octave):
    assert (tonic_near(tonic, octave) - tonic) % 12 == 0 and abs(
        tonic_near(tonic, octave) - octave
    ) <= 6


@pytest.mark.parametrize("difficulty", ["setting", "polyphony", "school"])
def test_all_four_parts_are_in_the_same_key(difficulty):
    heard = {"lead": [], "alto": [], "tenor": [], "low": []}
    for seed in HYMNS[:60]:
        work, style = compose(seed), choose_style(compose(seed), 1, difficulty, None)
        if style.consort is None or not style.accompanied or work.mode != "major":
            continue
        version = arrange(work, 1, difficulty=difficulty)
        for index, part in enumerate(version.parts):
            pitch = np.round(version.notes["pitch"][version.notes["part"] == index])
            heard.get(part.name, []).extend((pitch - work.tonic - style.key_shift) % 12)
    for notes in heard.values():
        keys = [np.isin((np.array(notes) - key) % 12, MODES["major"]).mean() for key in range(12)]
        assert np.argmax(keys) == 0


def test_in_a_school_no_part_is_doubled_by_its_own_player():
    consorts = 0
    for seed in PSALMS[:20]:
        for number in (1, 2):
            style = choose_style(compose(seed), number, "school", None)
            names = [p.name for p in arrange(compose(seed), number, difficulty="school").parts]
            if style.consort is not None and style.accompanied:
                consorts += 1
                assert names.count("lead") == 1 and 1 <= names.count("alto") <= 2
    assert consorts > 30


def test_psalms_are_alike_in_rhythm_and_in_harmony():
    def agreement(seeds):
        same = []
        for seed in seeds:
            one, other = (harmonised_anew(compose(seed), taste(i)) for i in (1, 2))
            chords = [work.sections["verse"].chords for work in (one, other)]
            assert len(chords[0]) == len(chords[1])
            same.append(np.mean((chords[0]["root"] - chords[1]["root"]) % 12 == 0))
        return np.mean(same)

    assert agreement(PSALMS[:20]) > agreement(HYMNS[:20]) + 0.1
    lengths = [compose(seed).sections["verse"].melody["duration"] for seed in PSALMS[:20]]
    assert np.mean(np.abs(np.concatenate(lengths) - 0.95) < 0.01) > 0.7
    assert {compose(seed).meter for seed in PSALMS[:20]} == {"4/4"}
