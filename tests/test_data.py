"""Laws of the versions table, of the sampler and of the batches."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bytecover_lite.augment import Augmentation, AugmentationError
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.data import (
    CliqueDataset,
    CliqueSampler,
    VersionsError,
    check_versions,
    read_versions,
    write_versions,
)
from bytecover_lite.store import FeatureStore, StoreError, StoreWriter
from bytecover_lite.versions import COLUMNS

fuzz = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PAIRS = [f"{c}{v}" for c in "abcdefg" for v in range(2 + ord(c) % 4)]  # 2 to 5 versions a clique


def make_table(versions=PAIRS, **columns):
    table = pd.DataFrame(dict.fromkeys(COLUMNS, ""), index=range(len(versions)))
    return table.assign(version=versions, clique=[v[0] for v in versions], **columns)


def make_sampler(table=None, *, p=3, k=4, seed=0):
    cliques = list((make_table() if table is None else table)["clique"])
    return CliqueSampler(cliques, cliques_per_batch=p, versions_per_clique=k, seed=seed)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "features"
    generator = np.random.default_rng(0)
    with StoreWriter.create_or_resume(path, FeatureSettings()) as writer:
        for version in PAIRS:
            writer.add(version, 1 + generator.random((84, int(generator.integers(5, 60)))))
    return FeatureStore.open(path)


def make_dataset(store, **changes):
    sizes = {"cliques_per_batch": 3, "versions_per_clique": 2, "crop_frames": 20}
    return CliqueDataset(store, make_table(), **(sizes | changes))


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@fuzz
@given(title=text, artist=text, version=text.filter(bool), path=text)
def test_a_table_of_any_text_comes_back(tmp_path, title, artist, version, path):
    table = make_table(["a1"], title=[title], artist=[artist], path=[""]).assign(version=[version])
    write_versions(table, tmp_path / "versions.csv")
    back = read_versions(tmp_path / "versions.csv")
    assert back.to_dict("records") == table.to_dict("records")
    write_versions(back, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "versions.csv").read_bytes()


def test_files_below_the_table_are_found_after_both_have_moved(tmp_path):
    paths = [str(tmp_path / "here/audio/é\n.mp3"), "/elsewhere/b.mp3", "", "audio/\udcff.mp3"]
    write_versions(make_table(["a1", "a2", "a3", "a4"], path=paths), tmp_path / "here/versions.csv")
    shutil.move(tmp_path / "here", tmp_path / "there")
    found = read_versions(tmp_path / "there/versions.csv")["path"]
    there = str(tmp_path / "there")
    assert list(found) == [
        f"{there}/audio/é\n.mp3",
        "/elsewhere/b.mp3",
        "",
        f"{there}/audio/\udcff.mp3",
    ]


def test_columns_of_the_users_own_are_kept(tmp_path):
    write_versions(make_table(["a1"], year=["1967"]), tmp_path / "versions.csv")
    assert list(read_versions(tmp_path / "versions.csv")["year"]) == ["1967"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "lack"),
        (b"version,clique\na,b\n", "lack.*split"),
        (",".join(COLUMNS).encode() + b",path\n", "once"),
        (",".join(COLUMNS).encode() + b"\na,b,c\n", "'a,b,c' has not the 7 fields"),
        (",".join(COLUMNS).encode() + b"\na,c,,,,,\na,c,,,,,\n", "'a' is listed twice"),
        (",".join(COLUMNS).encode() + b"\n,c,,,,,\n", "row 1 has no version"),
        (",".join(COLUMNS).encode() + b"\na,,,,,,\n", "row 1 has no clique"),
        (",".join(COLUMNS).encode() + b"\na,c,,caf\xe9,,,\n", "title.*UTF-8"),
        (",".join(COLUMNS).encode() + b'\n"a', "not a csv file"),
    ],
)
def test_what_is_no_versions_table_is_refused_with_its_name(tmp_path, content, words):
    file = tmp_path / "versions.csv"
    file.write_bytes(content)
    with pytest.raises(VersionsError, match=words) as caught:
        read_versions(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["nowhere.csv", "."])
def test_a_table_that_cannot_be_read_is_named(tmp_path, path):
    with pytest.raises(VersionsError, match="no readable versions table"):
        read_versions(tmp_path / path)


@fuzz
@given(noise=st.binary(max_size=200), header=st.booleans())
def test_whatever_stands_in_the_file_it_is_a_table_or_refused(tmp_path, noise, header):
    file = tmp_path / "versions.csv"
    file.write_bytes((",".join(COLUMNS).encode() + b"\n") * header + noise)
    try:
        check_versions(read_versions(file))
    except VersionsError as error:
        assert str(file) in str(error)


def test_a_table_with_numbers_is_refused_before_a_file_is_touched(tmp_path):
    (tmp_path / "versions.csv").write_text("before")
    with pytest.raises(VersionsError, match=r"title of 'a1' is 7; give text"):
        write_versions(make_table(["a1"], title=[7]), tmp_path / "versions.csv")
    assert (tmp_path / "versions.csv").read_text() == "before"


def test_an_epoch_visits_every_clique_and_every_batch_has_p_different_ones_with_k_versions():
    table = make_table()
    sampler, cliques = make_sampler(table), table["clique"].to_numpy()
    assert sampler.steps_per_epoch == 3
    for epoch in range(20):
        visited = []
        for step in range(3 * epoch, 3 * epoch + 3):
            batch = cliques[sampler.batch(step)].reshape(3, 4)
            assert (batch == batch[:, :1]).all() and len(set(batch[:, 0])) == 3
            visited += list(batch[:, 0])
        assert set(visited) == set("abcdefg")
        assert set(visited[:7]) == set("abcdefg")  # only the filling of the last batch repeats


def test_versions_of_a_clique_repeat_only_when_there_are_too_few_and_then_equally_often():
    table = make_table()
    sampler = make_sampler(table)
    sizes = table.groupby("clique").size()
    for step in range(60):
        for chosen in sampler.batch(step).reshape(3, 4):
            times = np.unique(chosen, return_counts=True)[1]
            assert len(times) == min(4, sizes[table["clique"].iloc[chosen[0]]])
            assert times.max() - times.min() <= 1


def test_a_batch_is_a_pure_function_of_seed_and_step():
    forward = [make_sampler().batch(step) for step in range(12)]
    sampler = make_sampler()
    backward = [sampler.batch(step) for step in reversed(range(12))][::-1]
    np.testing.assert_array_equal(forward, backward)
    assert not np.array_equal(forward[0], forward[3])
    assert not np.array_equal(forward[0], make_sampler(seed=1).batch(0))


def test_a_clique_of_one_version_is_named():
    with pytest.raises(VersionsError, match=r"2 cliques have a single version \(x, y\)"):
        make_sampler(make_table(["a1", "a2", "x1", "y1", "b1", "b2"]))


@pytest.mark.parametrize(("p", "k"), [(8, 2), (1, 2), (2, 1)])
def test_a_batch_that_cannot_be_filled_is_refused(p, k):
    with pytest.raises(VersionsError, match=f"7 cliques cannot fill batches of {p} cliques x {k}"):
        make_sampler(p=p, k=k)


def test_a_batch_holds_crops_of_its_versions_and_their_classes(store):
    dataset = make_dataset(store)
    for step in range(10):
        crops, cliques, versions = dataset[step]
        assert crops.shape == (6, 84, 20) and crops.dtype == torch.float32
        assert cliques.dtype == torch.int64
        assert [dataset.cliques[c] for c in cliques] == [version[0] for version in versions]
        for crop, version in zip(crops.numpy(), versions, strict=True):
            cut = crop[:, crop.any(0)]  # features of this store are 1 or more
            assert cut.shape[1] == min(20, store[version].shape[1])
            pieces = np.lib.stride_tricks.sliding_window_view(store[version], cut.shape[1], axis=1)
            assert (pieces == cut[:, None]).all((0, 2)).sum() == 1


@pytest.mark.parametrize("augmentation", [None, Augmentation(3, (0.8, 1.2), 5, 5)])
def test_batches_are_the_same_from_any_process_after_any_step(store, augmentation):
    changes = {"augmentation": augmentation, "crop_frames": (10, 20, 30), "seed": 5}
    expected = [make_dataset(store, **changes)[step] for step in range(4)]
    resumed = torch.utils.data.DataLoader(
        pickle.loads(pickle.dumps(make_dataset(store, **changes))),  # as a process receives it
        batch_size=None,
        sampler=range(1, 4),
    )
    for (crops, cliques, versions), batch in zip(resumed, expected[1:], strict=True):
        assert torch.equal(crops, batch[0]) and torch.equal(cliques, batch[1])
        assert list(versions) == batch[2]


def test_of_several_crop_lengths_every_one_is_used(store):
    dataset = make_dataset(store, crop_frames=(10, 20, 30))
    assert {dataset[step][0].shape[2] for step in range(40)} == {10, 20, 30}


def test_a_version_without_features_is_named_before_training_begins(store):
    table = make_table([*PAIRS, "z1", "z2"])
    with pytest.raises(StoreError, match="'z1' is not in the feature store"):
        CliqueDataset(store, table, cliques_per_batch=2, versions_per_clique=2, crop_frames=9)


@pytest.mark.parametrize("bins", [6, 18])
def test_keys_are_not_changed_where_a_semitone_is_no_number_of_bins(tmp_path, bins):
    with StoreWriter.create_or_resume(
        tmp_path, FeatureSettings(n_bins=24, bins_per_octave=bins)
    ) as writer:
        for version in PAIRS:
            writer.add(version, np.ones((24, 30)))
    coarse = FeatureStore.open(tmp_path)
    with pytest.raises(AugmentationError, match=f"{bins} bins an octave"):
        make_dataset(coarse, augmentation=Augmentation(transpose_semitones=2))
    assert make_dataset(coarse)[0][0].shape[1] == 24


def test_the_table_may_stand_in_the_directory_of_its_store(tmp_path):
    with StoreWriter.create_or_resume(tmp_path, FeatureSettings()) as writer:
        writer.add("a1", np.ones((84, 3)))
    write_versions(make_table(["a1"]), tmp_path / "versions.csv")
    assert FeatureStore.open(tmp_path).versions == list(
        read_versions(Path(tmp_path) / "versions.csv")["version"]
    )
