"""Laws of works: what a song is, that seeds decide it, and that two seeds are two songs."""

import numpy as np
import pytest

from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import METERS, THROUGH_COMPOSED, compose
from bytecover_lite.songbook.distinct import NEAR, fingerprint, nearest
from bytecover_lite.songbook.idioms import IDIOMS
from bytecover_lite.songbook.patterns import BASSES, COMPING, FILLS, GROOVES, parse_bar
from bytecover_lite.songbook.theory import CHORD_MEMBERS, KINDS, parse_progression, pitch_classes

SEEDS = range(14_500_000, 14_500_200)


@pytest.fixture(scope="module")
def works():
    return [compose(seed) for seed in SEEDS]


def _same(a, b):
    names = a.sections.keys()
    return (a.form, a.tempo, a.tonic, names) == (
        b.form,
        b.tempo,
        b.tonic,
        b.sections.keys(),
    ) and all(
        a.sections[n].melody.tobytes() == b.sections[n].melody.tobytes()
        and a.sections[n].chords.tobytes() == b.sections[n].chords.tobytes()
        for n in names
    )


def test_a_seed_decides_every_byte(works):
    assert all(_same(compose(seed), work) for seed, work in zip(SEEDS[:20], works, strict=False))
    assert not any(_same(works[0], other) for other in works[1:])


def test_works_last_two_to_five_minutes(works):
    for work in works:
        beats = sum(work.sections[name].beats for name in work.form)
        assert 120 <= beats * 60 / work.tempo <= 300, work.seed


def test_no_section_of_a_through_composed_work_comes_back():
    for seed in THROUGH_COMPOSED[:60]:
        work = compose(seed)
        sung = [name for name in work.form if len(work.sections[name].melody)]
        tunes = {work.sections[name].melody.tobytes() for name in sung}
        assert len(set(work.form)) == len(work.form) and len(tunes) == len(sung) >= 3
        beats = sum(work.sections[name].beats for name in work.form)
        assert 120 <= beats * 60 / work.tempo <= 300, seed
        assert len(arrange(work, 1).notes)


def test_sections_are_whole_bars_tiled_by_chords(works):
    for work in works:
        for section in work.sections.values():
            chords = section.chords
            ends = chords["start"] + chords["duration"]
            assert section.beats % METERS[work.meter] == 0
            assert chords["start"][0] == 0 and ends[-1] == section.beats
            assert np.array_equal(chords["start"][1:], ends[:-1])


def test_tunes_stay_in_their_section_and_within_a_singers_range(works):
    for work in works:
        for section in work.sections.values():
            if len(section.melody):
                assert section.melody["start"].min() >= 0
                assert section.melody["start"].max() < section.beats
                assert np.ptp(section.melody["pitch"]) <= 31


def test_long_tones_on_strong_beats_belong_to_their_chord(works):
    hits = total = 0
    for work in works:
        for section in work.sections.values():
            line = section.melody
            strong = line[(line["start"] % METERS[work.meter] == 0) & (line["duration"] >= 0.7)]
            at = np.searchsorted(section.chords["start"], strong["start"] + 1e-3) - 1
            chord = section.chords[at]
            inside = CHORD_MEMBERS[
                chord["kind"], (strong["pitch"].astype(int) - chord["root"]) % 12
            ]
            hits, total = hits + inside.sum(), total + len(inside)
    assert total > 500
    assert hits / total > 0.95


def test_most_notes_belong_to_the_mode(works):
    for work in works:
        notes = np.concatenate([s.melody["pitch"] for s in work.sections.values()]).astype(int)
        assert pitch_classes(work.mode)[notes % 12].mean() > 0.6, (work.seed, work.mode)


def test_all_meters_and_idioms_occur(works):
    assert {work.meter for work in works} == set(METERS)
    assert {work.idiom for work in works} == {idiom.name for idiom in IDIOMS}


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.name)
def test_every_progression_can_be_read(idiom):
    for text in idiom.progressions:
        chords = parse_progression(text)
        assert len(chords) == len(text.split())
        assert all(0 <= root < 12 and 0 <= kind < len(KINDS) for root, kind in chords)


def test_every_pattern_fills_its_bar():
    bars = [text for table in (COMPING, BASSES) for meters in table.values() for text in meters]
    bars += [text for meters in GROOVES.values() for kit in meters for text in kit.values()]
    bars += [text for fill in FILLS for text in fill.values()]
    for text in bars:
        events = parse_bar(text)
        assert events, text
        first = events[0][0]
        assert first + sum(event[1] for event in events) == pytest.approx(1), text


def test_fingerprints_ignore_key_and_tempo_and_find_the_same_tune(works):
    prints = np.stack([fingerprint(work) for work in works])
    moved = works[3].sections
    for section in moved.values():
        section.melody["pitch"] += 5
    again = fingerprint(works[3])
    for section in moved.values():
        section.melody["pitch"] -= 5
    assert again @ prints[3] == pytest.approx(1, abs=1e-5)
    assert nearest(np.concatenate([prints, again[None]]))[-1] > NEAR


def test_different_seeds_are_different_songs(works):
    similar = nearest(np.stack([fingerprint(work) for work in works]))
    assert (similar > NEAR).mean() < 0.02
    assert np.median(similar) < 0.4
