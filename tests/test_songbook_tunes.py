"""Laws of works that are a tune alone: every version finds its own chords, none its own tune."""

import numpy as np
import pytest

from bytecover_lite.songbook import perform
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.cast import GROUPS
from bytecover_lite.songbook.choir import _walk, write_choir
from bytecover_lite.songbook.compose import HYMNS, METERS, TUNES, compose, harmonised_anew
from bytecover_lite.songbook.harmonise import harmonise, mixed
from bytecover_lite.songbook.song import Score, Song
from bytecover_lite.songbook.style import choose_style
from bytecover_lite.songbook.theory import CHORD_MEMBERS, LINE_DTYPE, MODES
from bytecover_lite.songbook.timeline import lay_out

SEEDS = [*TUNES[:24], *HYMNS[:24]]


def taste(seed):
    return np.random.Generator(np.random.PCG64(seed))


def in_chord(line, chords):
    """Return the share of the singing that is in tones of the chord below it."""
    chord = chords[np.searchsorted(chords["start"], line["start"] + 1e-3) - 1]
    inside = CHORD_MEMBERS[chord["kind"], (line["pitch"].astype(int) - chord["root"]) % 12]
    return float((inside * line["duration"]).sum() / line["duration"].sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tune_fills_its_bars_in_its_scale(seed):
    work = compose(seed)
    scale = {degree % 12 for degree in MODES[work.mode]}
    for name in {"verse", "chorus", "bridge"} & set(work.sections):
        section = work.sections[name]
        ends = section.melody["start"] + section.melody["duration"]
        assert section.beats % METERS[work.meter] == 0 and ends.max() <= section.beats
        assert (np.diff(section.melody["start"]) > 0).all()
        assert {int(p) % 12 for p in section.melody["pitch"]} <= scale
        assert section.melody["pitch"][-1] % 12 == 0  # strains end at home


def test_kinds_and_meters_all_occur():
    works = [compose(seed) for seed in TUNES[:60]]
    assert {w.idiom for w in works} == {"hymn", "dance", "air"}
    assert {w.meter for w in works} == set(METERS)


def test_chords_cover_the_tune_without_gaps_and_fit_it_better_than_another_one():
    own, other = [], []
    for seed in SEEDS:
        work = compose(seed)
        verse, bar = work.sections["verse"], METERS[work.meter]
        chords = harmonise(verse.melody, verse.beats, bar, work.mode, taste(seed))
        ends = chords["start"] + chords["duration"]
        assert chords["start"][0] == 0 and ends[-1] == verse.beats
        assert np.array_equal(chords["start"][1:], ends[:-1])
        moved = verse.melody.copy()
        moved["pitch"] += 1
        own.append(in_chord(verse.melody, chords))
        other.append(in_chord(moved, chords))
    assert np.mean(own) > 0.6 > 0.4 > np.mean(other)


def test_a_taste_is_one_harmonisation_and_another_taste_another():
    work = compose(TUNES[0])
    same = [harmonised_anew(work, taste(1)).sections["verse"].chords for _ in range(2)]
    assert np.array_equal(*same)
    roots = []
    for seed in range(8):
        again = harmonised_anew(work, taste(seed))
        assert np.array_equal(again.sections["verse"].melody, work.sections["verse"].melody)
        chords = again.sections["verse"].chords
        beats = np.arange(int(again.sections["verse"].beats))
        roots.append(chords["root"][np.searchsorted(chords["start"], beats + 1e-3) - 1])
    agreement = [np.mean(a == b) for i, a in enumerate(roots) for b in roots[:i]]
    assert np.mean(agreement) < 0.6


def test_versions_of_a_song_for_its_tune_alone_keep_the_tune_and_not_the_chords():
    """A difficulty for training: the songs whose chords are theirs keep nothing but the tune."""
    chosen = [arrange(compose(7), seed, difficulty="tune") for seed in range(1, 9)]
    assert all(len(v.notes) for v in chosen)
    assert len({v.notes.tobytes() for v in chosen}) == len(chosen)
    again = arrange(compose(7), 3, difficulty="tune")
    assert again.notes.tobytes() == chosen[2].notes.tobytes()


def test_a_choir_sings_tones_of_the_chords_below_the_tune():
    work = compose(TUNES[2])
    style = choose_style(work, 1, "tune", None)
    plan = lay_out(work, tuple((name, 0) for name in work.form))
    rngs = {name: taste(number) for number, name in enumerate(style.seeds)}
    song = Song(style, plan, plan.chords, 0, 0, work.meter, rngs)
    score = Score()
    write_choir(score, song)
    start, length, pitch, _, part = score.table()
    assert {p.name for p in score.parts} == {"alto", "tenor", "low"}
    chord = song.chords[song.chord_of(start)]
    on_beat = np.isclose(start, chord["start"])
    inside = CHORD_MEMBERS[chord["kind"], (pitch.astype(int) - chord["root"]) % 12]
    assert inside[on_beat].all() and (length > 0).all()
    means = {p.name: pitch[part == i].mean() for i, p in enumerate(score.parts)}
    assert means["alto"] > means["tenor"] > means["low"] + 5


def test_a_consort_plays_four_parts_alike_and_in_order():
    """Settings as printed: the lead is one of the group, and no part crosses the one above."""
    drawn = ((seed, k) for seed in HYMNS[:30] for k in (1, 2))
    chosen = [(seed, choose_style(compose(seed), k, "setting", None), k) for seed, k in drawn]
    consorts = [c for c in chosen if c[1].consort is not None and c[1].accompanied]
    assert 0.4 < len(consorts) / len(chosen) < 0.75
    for seed, style, k in consorts:
        version = arrange(compose(seed), k, difficulty="setting")
        names = ("lead", "alto", "tenor", "low")
        first = [next(i for i, p in enumerate(version.parts) if p.name == name) for name in names]
        assert tuple(version.parts[i].program for i in first) == GROUPS[style.consort]
        assert all(0.4 < version.parts[i].gain < 2.5 for i in first)
        pitches = [version.notes["pitch"][version.notes["part"] == i] for i in first]
        means = [p.mean() for p in pitches]
        assert means == sorted(means, reverse=True) and means[0] - means[3] > 12


def test_a_part_walks_without_gaps_or_overlaps_through_notes_next_to_its_own():
    """Passing notes lie between their neighbours, suspensions repeat the note before."""
    line = np.zeros(200, LINE_DTYPE)
    line["start"], line["duration"] = np.arange(200), 1
    line["pitch"] = np.cumsum(taste(0).choice([-4, -2, 0, 1, 3], 200))
    walked = _walk(line.copy(), taste(1))
    walked = walked[np.argsort(walked["start"])]
    assert 275 > len(walked) > 230
    ends = walked["start"] + walked["duration"]
    assert np.array_equal(ends[:-1], walked["start"][1:])
    at = walked["start"].astype(int)
    first = walked["start"] == at
    moved = walked["pitch"] != line["pitch"][at]
    assert np.array_equal(walked["pitch"][first & moved], line["pitch"][at - 1][first & moved])
    passing = ~first & moved
    before, after = line["pitch"][at[passing]], line["pitch"][at[passing] + 1]
    assert passing.any() and (first & moved).any()
    assert ((walked["pitch"][passing] - before) * (after - walked["pitch"][passing]) > 0).all()


def test_a_hymn_is_set_again_bar_by_bar():
    """A share of the bars gets other chords, the rest keeps its own; the tune stays."""
    for seed in HYMNS[:6]:
        work = compose(seed)
        bar = METERS[work.meter]
        changed = []
        for share in (0.0, 0.4, 1.0):
            again = harmonised_anew(work, taste(3), share)
            for name, section in work.sections.items():
                other = again.sections[name]
                assert np.array_equal(other.melody, section.melody)
                assert other.chords["duration"].sum() == section.beats
            roots = [w.sections["verse"].chords["root"] for w in (work, again)]
            assert len(roots[0]) == len(roots[1]) == work.sections["verse"].beats
            per_bar = (roots[0] != roots[1]).reshape(-1, int(bar)).any(axis=1)
            changed.append(per_bar.mean())
        assert changed[0] == 0 and changed[1] <= changed[2] and changed[2] > 0.4


def test_mixing_takes_whole_bars_of_either_harmonisation():
    work = compose(HYMNS[1])
    own, bar = work.sections["verse"], METERS[work.meter]
    other = harmonised_anew(work, taste(5)).sections["verse"].chords
    both = mixed(own.chords, other, own.beats, bar, 0.5, taste(0))
    bars = [both, own.chords, other]
    bars = [chords[["root", "kind"]].reshape(-1, int(bar)) for chords in bars]
    same = [(bars[0] == source).all(axis=1) for source in bars[1:]]
    assert (same[0] | same[1]).all() and same[0].any() and same[1].any()


def test_long_notes_are_held_in_some_settings_and_the_rest_stays_in_time(monkeypatch):
    """Fermatas: without them the same notes come, as early or earlier."""
    works = [compose(seed) for seed in HYMNS[:24]]
    held = [arrange(work, 1, difficulty="setting") for work in works]
    drawn = perform._held
    monkeypatch.setattr(perform, "_held", lambda song, rng: 0 * drawn(song, rng))
    later = []
    for version, work in zip(held, works, strict=True):
        plain = arrange(work, 1, difficulty="setting")
        assert np.array_equal(version.notes["pitch"], plain.notes["pitch"])
        assert version.parts[0].name == "lead"
        late = version.notes["start"] - plain.notes["start"]
        assert abs(late[np.argmin(plain.notes["start"])]) < 1e-4  # nothing long came before
        assert late.min() > -1e-3
        later.append(late.max())
    unheld = np.array(later) < 1e-3
    assert 4 < unheld.sum() < 20 and max(later) > 2


def test_chords_alone_can_be_found_anew_and_nothing_else_changes():
    work = compose(7)
    base, *others = (arrange(work, seed, vary={"harmony": 1.0}) for seed in range(1, 7))
    for other in others:
        assert other.parts == base.parts
        drums, tune = (
            [v.notes[np.isin(v.notes["part"], [i for i, p in enumerate(v.parts) if keep(p)])]
             for v in (base, other)]
            for keep in (lambda p: p.drums, lambda p: p.name == "lead")
        )  # fmt: skip
        assert np.array_equal(drums[0]["start"], drums[1]["start"])
        assert np.array_equal(tune[0]["start"], tune[1]["start"])
    assert len({v.notes["pitch"].tobytes() for v in (base, *others)}) == 6
