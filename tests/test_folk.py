"""Laws of the folk tune set, from book to features."""

import random

import numpy as np
import pytest

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.pipeline import open_corpus
from bytecover_lite.songbook import folk
from bytecover_lite.songbook.families import Member
from bytecover_lite.songbook.scores import SCORE_DTYPE, corpus_folder, read_score
from bytecover_lite.songbook.unheard import RESERVED

SETTINGS = FeatureSettings(averaging=20)
TUNE = Member("folk", "airdsAirs/book1.abc", 1, 0, 1.0)


def test_the_tune_is_played_as_printed_round_after_round():
    version = folk.play(TUNE, 0)
    (tune,) = read_score(TUNE.file, TUNE.number).voices.values()
    played = version.notes[version.notes["part"] == 0]["pitch"]
    rounds, rest = divmod(len(played), len(tune))
    octaves = played.reshape(rounds, len(tune)) - tune["pitch"]
    assert rest == 0
    assert set(octaves.ravel()) <= {-24.0, -12.0, 0.0, 12.0}
    assert np.ptp(octaves) == 0


def test_performances_are_a_pure_function_of_the_seed():
    first, again = folk.play(TUNE, 5), folk.play(TUNE, 5)
    assert np.array_equal(first.notes, again.notes)
    assert (first.parts, first.production) == (again.parts, again.production)


def test_accompaniments_differ_and_use_reserved_instruments():
    versions = [folk.play(TUNE, seed) for seed in range(12)]
    assert len({tuple(p.name for p in v.parts[1:]) for v in versions}) >= 4
    assert {p.program for v in versions for p in v.parts} <= RESERVED


@pytest.mark.parametrize("seed", range(5))
def test_bars_of_broken_chords_get_these_chords(seed):
    triads = [(0, 4), (5, 4), (7, 4), (9, 3), (2, 3)]  # C, F, G, Am, Dm
    rows = [
        (3 * bar + i, 1.0, 60 + root + above, False)
        for bar, (root, third) in enumerate(triads)
        for i, above in enumerate((0, third, 7))
    ]
    tune, bars = np.array(rows, SCORE_DTYPE), np.arange(0.0, 15.0, 3.0)
    chords = folk.fit_chords(random.Random(seed), tune, bars, 15.0)
    assert [chord[2:] for chord in chords] == triads
    assert [chord[0] for chord in chords] == bars.tolist()


def test_titles_are_those_that_music21_reads():
    from music21 import converter

    for member in folk.families(6):
        path = corpus_folder() / member.file
        parsed = converter.parseFile(
            path, number=member.number, forceSource=True, storePickle=False
        )
        assert folk.title(member) == parsed.metadata.title.strip()


def test_a_build_goes_through_audio_files_and_repeats_exactly(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for out in (one, two):
        folk.build(out, SETTINGS, limit_families=1, jobs=1, engine="own")
    table, store = open_corpus(one)
    assert table["clique"].nunique() == 1 < len(table)
    assert all(path.endswith(".mp3") for path in table["path"])
    assert all(store[version].max() > 0 for version in table["version"])
    name = "features/features.npy"
    assert (one / name).read_bytes() == (two / name).read_bytes()
