"""Laws of overlap and coverage: what is shared is found, and a part is never called the whole."""

import json

import numpy as np
import pandas as pd
import pytest

from bytecover_lite.cli import main
from bytecover_lite.coverage import CoverageError, coverage, label, read_set, write_set
from bytecover_lite.data import read_versions, write_versions
from bytecover_lite.embed import Embeddings
from bytecover_lite.overlap import OverlapError, find_overlap, nearest_pairs, plain, separate
from bytecover_lite.versions import COLUMNS


def table(*rows):
    """Rows of version, clique, split, title, artist, source."""
    return pd.DataFrame([(*row, "") for row in rows], columns=COLUMNS)


TRAIN = table(
    ("1_0", "shs1", "train", "Help!", "The Beatles", "youtube:aaaaaaaaaaa"),
    ("1_1", "shs1", "train", "Help", "Deep Purple", "youtube:bbbbbbbbbbb"),
    ("2_0", "shs2", "train", "Yesterday (Live)", "Ray Charles", "youtube:ccccccccccc"),
    ("3_0", "shs3", "train", "Imagine", "John Lennon", "youtube:ddddddddddd"),
    ("3_1", "shs3", "train", "Imagine", "Diana Ross", "youtube:eeeeeeeeeee"),
)
TEST = table(
    ("P_1", "W_1", "test", "HELP", "Beatles", "da-tacos benchmark"),
    ("P_2", "W_2", "test", "Yesterday", "Ray  Chárles", "da-tacos benchmark"),
    ("P_3", "W_3", "test", "Imagine", "Nobody", "da-tacos benchmark"),
    ("P_4", "W_4", "test", "", "", "youtube:eeeeeeeeeee"),
)


def test_recordings_are_found_by_video_and_by_name():
    found = find_overlap(TRAIN, TEST)
    assert set(found[["by", "left", "right"]].itertuples(index=False, name=None)) == {
        ("video", "3_1", "P_4"),
        ("name", "1_0", "P_1"),
        ("name", "2_0", "P_2"),
    }


def test_a_title_alone_is_a_hint_and_has_to_be_asked_for():
    found = find_overlap(TRAIN, TEST, by=("title",))
    assert set(zip(found["left"], found["right"], strict=True)) >= {("3_0", "P_3"), ("1_1", "P_1")}
    assert "title" not in set(find_overlap(TRAIN, TEST)["by"])


def test_overlap_is_symmetric():
    one, other = find_overlap(TRAIN, TEST), find_overlap(TEST, TRAIN)
    assert set(zip(one["left"], one["right"], strict=True)) == set(
        zip(other["right"], other["left"], strict=True)
    )


def test_performances_are_the_same_under_any_work():
    moved = TEST.assign(clique="other", title="", artist="", source="")
    found = find_overlap(TEST, moved)
    assert set(found["by"]) == {"performance"}
    assert len(found) == len(TEST)


def test_numbers_of_two_sets_mean_different_recordings():
    other = TRAIN.assign(clique="x", title="", artist="", source="")
    assert find_overlap(TRAIN, other).empty


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Beatles", "beatles"),
        ("Ain't No Sunshine", "aint no sunshine"),
        ("Café (Remastered 2009) [Live]", "cafe"),
        ("Song feat. Somebody", "song"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
    ],
)
def test_spellings(one, other):
    assert plain(one) == plain(other) != ""


def test_training_refuses_works_of_a_test_set():
    with pytest.raises(OverlapError, match=r"3 recordings of 3 training works .*--overlap drop"):
        separate(TRAIN, {"da-tacos": TEST})


def test_dropped_works_go_with_all_their_versions():
    kept, found = separate(TRAIN, {"da-tacos": TEST[:1]}, overlap="drop")
    assert list(kept["version"]) == ["2_0", "3_0", "3_1"]
    assert list(found["left"]) == ["1_0"]
    assert separate(kept, {"da-tacos": TEST[:1]})[1].empty


def test_what_is_allowed_is_reported_all_the_same():
    kept, found = separate(TRAIN, {"da-tacos": TEST}, overlap="allow")
    assert len(kept) == len(TRAIN)
    assert len(found) == 3


def test_a_video_in_two_splits_is_refused():
    both = pd.concat([TRAIN, TRAIN[:1].assign(version="9_0", clique="shs9", split="test")])
    with pytest.raises(OverlapError, match=r"its own other splits: '9_0', same video"):
        separate(both, {})


def test_sets_without_anything_in_common_pass():
    kept, found = separate(TRAIN, {"da-tacos": TEST[2:3]})
    assert kept.equals(TRAIN)
    assert found.empty


def test_close_copies_are_found_by_ear_whatever_their_level():
    rng = np.random.default_rng(0)
    left = rng.normal(size=(30, 16)).astype(np.float32)
    right = rng.normal(size=(20, 16)).astype(np.float32)
    right[7] = 3 * left[11] + 0.01 * rng.normal(size=16)
    names = [tuple(f"{side}{i}" for i in range(n)) for side, n in (("l", 30), ("r", 20))]
    pairs = nearest_pairs(Embeddings(names[0], left), Embeddings(names[1], right), block=7)
    assert [pair[:2] for pair in pairs] == [("l11", "r7")]
    assert 0 <= pairs[0][2] < 0.01


def test_the_command_refuses_and_drops(tmp_path, capsys):
    main(["songbook", str(tmp_path / "songs"), "--preset", "tiny", "--jobs", "1"])
    songs = read_versions(tmp_path / "songs" / "versions.csv")
    shared = songs[songs["split"] == "train"][:1].assign(split="test")
    write_versions(shared, tmp_path / "test" / "versions.csv")
    small = "--model.depth 18 --model.width 0.125 --cliques-per-batch 2 --versions-per-clique 2"
    small += " --crop-frames 16 --steps 1 --validate-every 1 --accelerator cpu"
    options = [str(tmp_path / "songs"), str(tmp_path / "run"), *small.split()]
    options += ["--tests", str(tmp_path / "test")]
    with pytest.raises(SystemExit) as stop:
        main(["train", *options])
    assert stop.value.code == 2
    assert "training works are in a test set too" in capsys.readouterr().err
    main(["train", *options, "--overlap", "drop"])
    assert "3 recordings of 1 training works" in capsys.readouterr().out
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_a_set_is_never_mixed_with_another(tmp_path):
    write_set(tmp_path, "one", {"test": (10, 2)})
    write_set(tmp_path, "one", {"test": (10, 2)})
    assert read_set(tmp_path) == {"name": "one", "published": {"test": (10, 2)}}
    with pytest.raises(CoverageError, match="holds one, not two"):
        write_set(tmp_path, "two", {})


def test_a_damaged_description_is_an_error(tmp_path):
    (tmp_path / "set.json").write_text(json.dumps({"name": "x", "published": [1]}))
    with pytest.raises(CoverageError, match="no description of a set"):
        read_set(tmp_path)


@pytest.mark.parametrize(
    ("share", "text"), [(None, ""), (1.0, ""), (0.5, "50.0 %"), (0.99999, "99.9 %"), (0, "0.0 %")]
)
def test_a_part_is_never_called_the_whole(share, text):
    assert label(share).startswith(text)
    assert bool(label(share)) == bool(text)


def test_a_score_on_a_part_says_so(tmp_path, capsys):
    main(["songbook", str(tmp_path), "--preset", "tiny", "--jobs", "1"])
    write_set(tmp_path, "songs", {"test": (16, 8)})
    songs = read_versions(tmp_path / "versions.csv")
    assert coverage(tmp_path, songs, "test") == 0.5
    assert coverage(tmp_path, songs, "train") is None
    out = tmp_path / "scores.json"
    main(["evaluate", str(tmp_path), "--systems", "random", "--out", str(out)])
    assert "50.0 % of the set" in capsys.readouterr().out
    assert json.loads(out.read_text())["rows"][0]["coverage"] == 0.5
