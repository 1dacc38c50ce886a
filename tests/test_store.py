"""Laws of the feature store: what goes in comes out, nothing is lost, nothing half-made is seen."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bytecover_lite import files, store_writer
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.store import FeatureStore, StoreError, StoreWriter

SETTINGS = FeatureSettings()
fuzz = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def features(version, frames=None):
    """Features that depend on nothing but the version."""
    generator = np.random.default_rng(list(version.encode("utf-8", "surrogateescape")))
    return generator.random((84, frames or 3 + len(version) % 5), dtype=np.float32)


def write(path, versions, writer_settings=SETTINGS):
    with StoreWriter.create_or_resume(path, writer_settings) as writer:
        for version in versions:
            if version not in writer:
                writer.add(version, features(version))


def content(path):
    return {file.name: file.read_bytes() for file in Path(path).iterdir()}


VERSIONS = ["a", "bb", "ccc", "dddd", "eeeee"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "undisturbed"
    write(path, VERSIONS)
    return path


@pytest.fixture
def finished(tmp_path, undisturbed):
    return shutil.copytree(undisturbed, tmp_path / "finished")


def test_what_was_added_is_read_back_as_float16(undisturbed):
    store = FeatureStore.open(undisturbed, settings=SETTINGS)
    assert store.versions == VERSIONS and len(store) == len(VERSIONS)
    for version in VERSIONS:
        assert version in store
        np.testing.assert_array_equal(store[version], features(version).astype(np.float16))
    assert store.frames.sum() == len(store.rows)
    assert not store["a"].flags.writeable


def test_the_features_are_a_plain_numpy_array(undisturbed):
    rows = np.load(undisturbed / "features.npy", mmap_mode="r", allow_pickle=False)
    np.testing.assert_array_equal(rows, FeatureStore.open(undisturbed).rows)


@pytest.mark.parametrize(
    "version",
    ["line\nbreak", 'quote " and , comma', "日本語 🎵", "\udcff bytes", " ", "-1", "\r\0"],
)
def test_any_text_is_a_version_id(tmp_path, version):
    write(tmp_path, [version, "other"])
    store = FeatureStore.open(tmp_path)
    assert store.versions == [version, "other"]
    np.testing.assert_array_equal(store[version], features(version).astype(np.float16))


@pytest.mark.parametrize("version", ["", None, 7, "\ud800"])
def test_what_is_no_text_is_no_version_id(tmp_path, version):
    with StoreWriter.create_or_resume(tmp_path, SETTINGS) as writer:
        with pytest.raises(StoreError, match="version id"):
            writer.add(version, features("a"))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.full((84, 3), np.nan), "NaN"),
        (np.full((84, 3), np.inf), "infinity"),
        (np.full((84, 3), 1e6), "65504"),
        (np.zeros((84, 0)), "at least one frame"),
        (np.zeros((83, 3)), "84"),
        (np.zeros(84), "84"),
    ],
)
def test_features_that_cannot_be_stored_are_refused_by_name_and_the_writer_goes_on(
    tmp_path, bad, words
):
    with StoreWriter.create_or_resume(tmp_path, SETTINGS) as writer:
        with pytest.raises(StoreError, match=f"'bad'.*{words}"):
            writer.add("bad", bad)
        writer.add("good", features("good"))
    assert FeatureStore.open(tmp_path).versions == ["good"]


def test_a_version_is_added_once(tmp_path):
    with StoreWriter.create_or_resume(tmp_path, SETTINGS) as writer:
        writer.add("a", features("a"))
        with pytest.raises(StoreError, match="'a' is in the store already"):
            writer.add("a", features("a"))


def test_the_hash_of_the_source_is_kept(tmp_path):
    with StoreWriter.create_or_resume(tmp_path, SETTINGS) as writer:
        writer.add("a", features("a"), source_sha256="5" * 64)
        writer.add("b", features("b"))
    assert FeatureStore.open(tmp_path).source_sha256 == ["5" * 64, ""]


def test_an_unknown_version_is_named(undisturbed):
    with pytest.raises(StoreError, match="'nobody' is not in the feature store"):
        FeatureStore.open(undisturbed)["nobody"]


def test_an_empty_store_is_a_store(tmp_path):
    write(tmp_path, [])
    assert len(FeatureStore.open(tmp_path)) == 0
    write(tmp_path, ["a"])
    assert FeatureStore.open(tmp_path).versions == ["a"]


def test_other_settings_are_refused_with_both_in_the_message(undisturbed):
    other = replace(SETTINGS, averaging=20)
    for attempt in (
        lambda: FeatureStore.open(undisturbed, settings=other),
        lambda: write(undisturbed, ["new"], other),
    ):
        with pytest.raises(StoreError, match=r"'averaging': 100.*'averaging': 20"):
            attempt()


def test_a_store_crosses_to_another_process_without_its_features(undisturbed):
    store = FeatureStore.open(undisturbed)
    sent = pickle.dumps(store)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent)["ccc"], store["ccc"])


def test_a_finished_store_grows_while_its_readers_see_the_former_state(finished, caplog):
    before = FeatureStore.open(finished)
    with StoreWriter.create_or_resume(finished, SETTINGS) as writer:
        writer.add("new", features("new"))
        assert FeatureStore.open(finished).versions == VERSIONS
        assert "has not finished" in caplog.text
    assert FeatureStore.open(finished).versions == [*VERSIONS, "new"]
    np.testing.assert_array_equal(before["ccc"], features("ccc").astype(np.float16))
    FeatureStore.open(finished).verify()


def test_nothing_but_the_three_files_is_left(undisturbed):
    assert set(content(undisturbed)) == {"features.npy", "index.csv", "settings.json"}


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


OPERATIONS = [
    (files.os, "fsync"),
    (files.os, "replace"),
    (store_writer, "_append"),
    (store_writer, "make_header"),
    (store_writer, "write_index"),
    (store_writer, "read_settings"),
]


@pytest.mark.parametrize("former", [[], VERSIONS[:2]], ids=["a new store", "one that is added to"])
def test_killed_at_any_operation_and_resumed_the_store_has_the_same_bytes(
    tmp_path, undisturbed, monkeypatch, former
):
    point = 0
    while True:
        path = tmp_path / str(point)
        if former:
            write(path, former)
        left = [point]

        def counted(operation, left=left):
            def call(*arguments, **keywords):
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
                return operation(*arguments, **keywords)

            return call

        with monkeypatch.context() as patch:
            for module, name in OPERATIONS:
                patch.setattr(module, name, counted(getattr(module, name)))
            try:
                write(path, VERSIONS)
            except Killed:
                killed = True
            else:
                killed = False
        if not former and killed and not (path / "index.csv").exists():
            with pytest.raises(StoreError):
                FeatureStore.open(path)
        (path / "index.csv.99.partial").write_text("of another process, killed")
        write(path, VERSIONS)
        assert content(path) == content(undisturbed)
        if not killed:
            break
        point += 1
    assert point > 10


@fuzz
@given(cut=st.integers(0, 700), lost=st.integers(0, 4000), noise=st.binary(max_size=40))
def test_a_journal_torn_at_any_byte_costs_only_what_it_no_longer_holds(
    tmp_path_factory, undisturbed, cut, lost, noise
):
    path = tmp_path_factory.mktemp("torn")
    with pytest.raises(Killed), StoreWriter.create_or_resume(path, SETTINGS) as writer:
        for version in VERSIONS:
            writer.add(version, features(version))
        raise Killed
    journal, rows = path / store_writer.JOURNAL, path / "features.npy"
    journal.write_bytes(journal.read_bytes()[:cut] + noise)
    rows.write_bytes(rows.read_bytes()[: max(128, rows.stat().st_size - lost)])
    write(path, VERSIONS)
    assert content(path) == content(undisturbed)


CHILD = """
import sys, numpy as np
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.store import StoreWriter
with StoreWriter.create_or_resume(sys.argv[1], FeatureSettings()) as writer:
    print("ready", flush=True)
    for number in range(10**6):
        writer.add(str(number), np.full((84, 4), number % 1000, dtype=np.float32))
        if number == 200:
            print("writing", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a signal of POSIX systems")
def test_a_second_writer_is_refused_until_the_first_one_is_dead_and_then_goes_on(tmp_path):
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        with pytest.raises(StoreError, match=f"another writer is at work .process {child.pid} on"):
            write(tmp_path, ["a"])
        assert child.stdout.readline() == "writing\n"
        child.send_signal(signal.SIGKILL)
    with StoreWriter.create_or_resume(tmp_path, SETTINGS) as writer:
        kept = len(writer)
        assert kept > 200
    store = FeatureStore.open(tmp_path)
    store.verify()
    assert store.versions == [str(number) for number in range(kept)]
    assert all((store[str(number)] == number % 1000).all() for number in range(kept))


@pytest.mark.skipif(os.name == "nt", reason="the size limit is a resource limit of POSIX systems")
def test_a_full_disk_leaves_a_store_that_can_be_resumed(tmp_path, undisturbed):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (128 + 84 * 2 * 8, hard))
    try:
        with pytest.raises(StoreError, match=r"stopped after 1 versions \(File too large\).*kept"):
            write(tmp_path, VERSIONS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(StoreError, match="half-written"):
        FeatureStore.open(tmp_path)
    write(tmp_path, VERSIONS)
    assert content(tmp_path) == content(undisturbed)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot write .*file"):
        write(tmp_path / "file" / "store", ["a"])


def test_a_flipped_bit_is_found_and_its_version_named(finished):
    file = finished / "features.npy"
    data = bytearray(file.read_bytes())
    data[128 + 2 * 84 * 5] ^= 1
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"features of 1 versions are damaged, the first is 'bb'"):
        FeatureStore.open(finished).verify()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: shutil.rmtree(path), "not a feature store"),
        (lambda path: (path / "index.csv").unlink(), "half-written"),
        (lambda path: (path / "features.npy").unlink(), "features.npy is missing"),
        (lambda path: os.truncate(path / "features.npy", 600), "truncated: 2 of"),
        (lambda path: os.truncate(path / "features.npy", 60), "84 bins"),
        (lambda path: (path / "settings.json").write_text("{}"), "settings.json"),
        (lambda path: (path / "index.csv").write_text(""), "columns"),
    ],
)
def test_a_damaged_store_is_refused_by_name(finished, damage, words):
    damage(finished)
    with pytest.raises(StoreError, match=words) as caught:
        FeatureStore.open(finished)
    assert str(finished) in str(caught.value) and "\n" not in str(caught.value)


def test_a_store_of_another_format_is_refused(finished):
    stamp = json.loads((finished / "settings.json").read_text())
    (finished / "settings.json").write_text(json.dumps(stamp | {"format": 99}))
    with pytest.raises(StoreError, match=r"format 99.*reads format 1"):
        FeatureStore.open(finished)


@fuzz
@given(data=st.data(), name=st.sampled_from(["index.csv", "features.npy", "settings.json"]))
def test_whatever_stands_in_a_file_the_store_opens_or_is_refused(undisturbed, tmp_path, data, name):
    path = tmp_path / "fuzzed"
    shutil.copytree(undisturbed, path, dirs_exist_ok=True)
    original = (path / name).read_bytes()[:400]
    place = data.draw(st.integers(0, len(original)))
    replaced = data.draw(st.one_of(st.binary(max_size=30), st.text(max_size=30).map(str.encode)))
    tail = original[place + data.draw(st.integers(0, 30)) :]
    (path / name).write_bytes(original[:place] + replaced + tail)
    try:
        store = FeatureStore.open(path)
    except StoreError as error:
        assert str(path) in str(error)
    else:
        assert all(store[version].shape[1] > 0 for version in store.versions)
