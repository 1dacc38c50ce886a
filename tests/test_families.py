"""Laws of alignment, families, their tables, and of reading scores."""

import re
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytecover_lite.songbook import chorales, folk, tables
from bytecover_lite.songbook.alignment import Pair, alignment_score, similar_pairs
from bytecover_lite.songbook.families import (
    FamilyError,
    Member,
    find_families,
    read_table,
    write_table,
)
from bytecover_lite.songbook.scores import ScoreError, corpus_folder, playing_order, read_score

SETS = pytest.mark.parametrize("module", [chorales, folk], ids=["chorales", "folk"])
melodies = st.lists(st.integers(50, 80), min_size=1, max_size=12).map(np.array)


def align_by_recursion(first, second):
    if not len(first) or not len(second):
        return -0.5 * (len(first) + len(second))
    return max(
        align_by_recursion(first[1:], second[1:]) + (1 if first[0] == second[0] else -1),
        align_by_recursion(first[1:], second) - 0.5,
        align_by_recursion(first, second[1:]) - 0.5,
    )


@given(melodies.map(lambda m: m[:6]), melodies.map(lambda m: m[:6]), st.integers(-9, 9))
@settings(max_examples=40, deadline=None)
def test_alignment_equals_the_recursion_of_its_definition(first, second, shift):
    expected = align_by_recursion((first + shift).tolist(), second.tolist())
    assert alignment_score(first, second, shift) * max(len(first), len(second)) == expected


@given(melodies, melodies, st.integers(-9, 9))
@settings(max_examples=40, deadline=None)
def test_alignment_is_symmetric_and_one_only_for_the_same_notes(first, second, shift):
    forth, back = (
        alignment_score(first, second, shift),
        alignment_score(second, first, -shift),
    )
    assert forth == back <= 1
    assert (forth == 1) == np.array_equal(first + shift, second)


def test_transposed_melodies_are_found_with_their_transposition():
    rng = np.random.default_rng(0)
    tune, other = rng.integers(60, 72, (2, 40))
    changed = tune.copy()
    changed[[7, 23]] += 2
    assert similar_pairs([tune, other, changed + 5], least=0.5) == [Pair(0, 2, 0.9, 5)]


def test_families_are_complete_apart_and_without_copies():
    pairs = [
        Pair(0, 1, 0.7, 0),
        Pair(1, 2, 0.6, 0),  # but not 0 and 2: no family of three
        Pair(2, 3, 0.65, 0),
        Pair(4, 5, 0.9, 0),
        Pair(5, 6, 0.99, 0),  # a copy
        Pair(4, 7, 0.45, 0),  # too close to call
        Pair(7, 8, 0.8, 0),
    ]
    found = find_families(9, pairs, threshold=0.6, apart=0.4, duplicates=[(5, 6)])
    assert found == [[0, 1], [4, 5]]
    apart = find_families(9, pairs, threshold=0.6, apart=1.0, duplicates=[(5, 6)])
    assert apart == [[0, 1], [2, 3], [4, 5], [7, 8]]


@SETS
def test_every_row_is_a_score_of_the_installed_corpus(module):
    members, texts = module.families(), {}
    for member in members:
        path = corpus_folder() / member.file
        assert path.is_file()
        if member.number is not None:
            text = texts.setdefault(path, path.read_text(encoding="utf-8", errors="replace"))
            assert re.search(rf"(?m)^X:\s*0*{member.number}\s*$", text)
    assert len({(m.file, m.number) for m in members}) == len(members)


@SETS
def test_families_have_at_least_two_members_that_agree(module):
    sizes, least = defaultdict(int), {"chorales": 0.6, "folk": 0.5}
    for member in module.families():
        sizes[member.family] += 1
        assert least[module.__name__.rsplit(".", 1)[1]] <= member.score <= 1
    assert min(sizes.values()) >= 2


def read_sample(module, count):
    """Read the melodies of some families; return their rows too."""
    members = module.families(count)
    read = tables.read_voices if module is chorales else tables.read_tune
    return members, {(m.file, m.number): read(m.file, m.number) for m in members}


@pytest.fixture(scope="module", params=[chorales, folk], ids=["chorales", "folk"])
def sample(request):
    group = {chorales: tables.group_chorales, folk: tables.group_folk_tunes}
    return *read_sample(request.param, 8), group[request.param]


def partition(members):
    groups = defaultdict(set)
    for member in members:
        groups[member.family].add((member.file, member.number))
    return sorted(map(sorted, groups.values()), key=str)


def test_the_table_is_what_detection_finds(sample):
    members, scores, group = sample
    found = group(scores)
    assert partition(found) == partition(members)
    details = {(m.file, m.number): (m.semitones, m.score) for m in members}
    assert {(m.file, m.number): (m.semitones, m.score) for m in found} == details


def test_families_do_not_change_when_scores_are_transposed(sample):
    members, scores, group = sample
    moved = {
        name: [voice + 3 * (i % 4) - 5 for voice in voices]
        for i, (name, voices) in enumerate(scores.items())
    }
    found = group(moved)
    assert partition(found) == partition(members)
    assert {m.score for m in found} == {m.score for m in members}


def test_a_copy_in_another_key_is_dropped(sample):
    members, scores, group = sample
    copies = {("copy of " + f, n): [v + 4 for v in vs] for (f, n), vs in scores.items()}
    assert partition(group(scores | copies)) == partition(members)


def test_tables_survive_writing_and_reading(tmp_path):
    members = [Member("a", "x.mxl", None, 0, 0.75), Member("a", "y.abc", 7, -3, 0.75)]
    write_table(members, tmp_path / "table.csv")
    assert read_table(tmp_path / "table.csv") == members


@pytest.mark.parametrize(
    "text", [None, "", "family,file\na,b\n", "family,file,number,semitones,score\na,b,c,d,e\n"]
)
def test_a_damaged_table_is_named(tmp_path, text):
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FamilyError, match=r"table\.csv"):
        read_table(path)


@SETS
def test_a_limit_takes_whole_families(module):
    sizes = defaultdict(int)
    for member in module.families():
        sizes[member.family] += 1
    some = defaultdict(int)
    for member in module.families(5):
        some[member.family] += 1
    assert len(some) == 5
    assert all(sizes[family] == size for family, size in some.items())
    with pytest.raises(FamilyError, match="choose 1 to"):
        module.families(len(sizes) + 1)


def test_repeats_are_played_once_more_with_their_second_ending():
    marks = {"starts": {1}, "ends": {3, 6}, "sections": {5}, "firsts": {3}}
    assert playing_order(8, **marks) == [0, 1, 2, 3, 1, 2, 4, 5, 6, 5, 6, 7]


def test_an_unfolded_tune_is_the_printed_one_with_repeats():
    printed = read_score("ryansMammoth/AcaciaReel.abc", 1, unfold=False)
    played = read_score("ryansMammoth/AcaciaReel.abc", 1)
    (short,), (long,) = printed.voices.values(), played.voices.values()
    assert len(printed.bars) < len(played.bars) <= 2 * len(printed.bars)
    assert set(short["pitch"]) == set(long["pitch"])
    assert (np.diff(long["start"]) > 0).all()


def test_voices_of_a_chorale_lie_one_above_the_other():
    score = read_score("bach/bwv66.6.mxl")
    heights = [voice["pitch"].mean() for voice in chorales.satb(score)]
    assert heights == sorted(heights, reverse=True)
    ends = {float(voice["start"][-1] + voice["duration"][-1]) for voice in score.voices.values()}
    assert ends == {36.0}


@pytest.mark.parametrize(
    ("file", "number"), [("bach/none.mxl", None), ("airdsAirs/book1.abc", 9999)]
)
def test_a_missing_score_is_named(file, number):
    with pytest.raises(ScoreError, match=file):
        read_score(file, number)
