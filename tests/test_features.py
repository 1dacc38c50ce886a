"""Laws of extraction: every file is done once or named, whoever dies meanwhile."""

import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import torch

from bytecover_lite import features
from bytecover_lite.audio import AudioTooShort, load_audio, write_wav
from bytecover_lite.cqt import FeatureSettings, average_frames, cqt
from bytecover_lite.features import FeaturesError, extract_features, extract_file
from bytecover_lite.store import FeatureStore, StoreError
from bytecover_lite.store_writer import JOURNAL
from bytecover_lite.versions import COLUMNS, VersionsError

SETTINGS = FeatureSettings(averaging=20)
COUNT = 6


def make_tones(folder, count, seconds):
    time_axis = np.arange(int(22050 * seconds)) / 22050
    for number in range(count):
        tone = 0.3 * np.sin(2 * np.pi * 110 * 2 ** (number / 12) * time_axis)
        write_wav(folder / f"tone{number:02d}.wav", tone)
    return sorted(folder.glob("tone*.wav"))


def make_table(paths):
    table = pd.DataFrame(dict.fromkeys(COLUMNS, ""), index=range(len(paths)), dtype=object)
    names = [f"v{number:02d}" for number in range(len(paths))]
    return table.assign(version=names, clique="c", path=pd.Series(paths, dtype=object))


def run(table, out, *, jobs=1, cluster=None):
    return extract_features(table, out, SETTINGS, jobs=jobs, cluster=cluster, progress=False)


def content(path):
    return {file.name: file.read_bytes() for file in Path(path).iterdir()}


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    return list(map(str, make_tones(tmp_path_factory.mktemp("tones"), COUNT, 1.5)))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, tones):
    path = tmp_path_factory.mktemp("features") / "undisturbed"
    run(make_table(tones), path)
    return path


def test_a_store_holds_the_averaged_cqt_of_each_file(undisturbed, tones):
    store = FeatureStore.open(undisturbed, settings=SETTINGS)
    store.verify()
    for version, path in zip(store.versions, tones, strict=True):
        whole = cqt(torch.from_numpy(load_audio(path))[None])
        expected = average_frames(whole, factor=20)[0].numpy()
        np.testing.assert_allclose(store[version], expected, rtol=2e-3, atol=1e-4)
        assert store[version].mean(1).argmax() == 21 + store.row(version)  # 110 Hz is A2


def test_every_file_has_one_line_in_the_report_and_bad_ones_end_nothing(tmp_path, tones):
    write_wav(tmp_path / "short.wav", np.full(9000, 0.1))
    write_wav(tmp_path / "silent.wav", np.zeros(44100))
    write_wav(tmp_path / "rate.wav", 0.5 * np.sin(np.arange(48000)), sr=16000)
    (tmp_path / "text.mp3").write_text("no sound")
    bad = [tmp_path / name for name in ("short.wav", "silent.wav", "text.mp3", "nowhere.ogg")]
    paths = [tones[0], *map(str, bad), str(tmp_path), "", str(tmp_path / "rate.wav"), tones[1]]
    report = run(make_table(paths), tmp_path / "store")
    assert list(report.columns) == ["version", "status", "reason", "note"]
    assert list(report["status"]) == ["extracted", *["failed"] * 6, "extracted", "extracted"]
    for path, reason in zip(bad, report["reason"][1:], strict=False):
        assert str(path) in reason and "\n" not in reason
    assert "names no file" in report["reason"][6]
    assert report["note"][7] == "resampled from 16000 to 22050 Hz, nothing above 8000 Hz"
    assert list(report["reason"] == "") == list(report["status"] != "failed")
    assert FeatureStore.open(tmp_path / "store").versions == ["v00", "v07", "v08"]


def test_one_averaged_frame_is_enough_and_less_is_refused(tmp_path):
    enough = 19 * 512  # a frame stands at sample 0 and at every 512th
    write_wav(tmp_path / "enough.wav", np.full(enough, 0.1))
    write_wav(tmp_path / "short.wav", np.full(enough - 1, 0.1))
    assert extract_file(tmp_path / "enough.wav", SETTINGS)[0].shape == (84, 1)
    with pytest.raises(AudioTooShort, match=r"short.wav: 0\.44 s are too short .* of 0\.46 s"):
        extract_file(tmp_path / "short.wav", SETTINGS)


def test_a_second_run_does_only_what_failed_before(tmp_path, tones, undisturbed):
    paths = [*tones[:-1], str(tmp_path / "late.wav")]
    assert list(run(make_table(paths), tmp_path / "store")["status"])[-1] == "failed"
    shutil.copy(tones[-1], tmp_path / "late.wav")
    second = run(make_table(paths), tmp_path / "store")
    assert list(second["status"]) == ["present"] * (COUNT - 1) + ["extracted"]
    assert content(tmp_path / "store") == content(undisturbed)


def test_interrupted_and_resumed_a_run_makes_the_same_bytes(
    tmp_path, tones, undisturbed, monkeypatch
):
    original = features.extract_file

    def interrupted(path, settings):
        if path == tones[3]:
            raise KeyboardInterrupt
        return original(path, settings)

    monkeypatch.setattr(features, "extract_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(make_table(tones), tmp_path)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="half-written"):
        FeatureStore.open(tmp_path)
    assert list(run(make_table(tones), tmp_path)["status"]) == ["present"] * 3 + ["extracted"] * 3
    assert content(tmp_path) == content(undisturbed)


def test_a_defect_in_a_library_is_reported_with_the_file_it_met(tmp_path, tones, monkeypatch):
    def broken(path, settings):
        raise RuntimeError("something else")

    monkeypatch.setattr(features, "extract_file", broken)
    report = run(make_table(tones[:1]), tmp_path)
    assert report["reason"][0] == f"{tones[0]}: unexpected RuntimeError: something else"


def test_the_callers_threads_are_left_as_they_were(tmp_path, tones):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run(make_table(tones[:1]), tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_what_cannot_start_is_refused_before_anything_is_written(tmp_path, tones, monkeypatch):
    monkeypatch.setattr(features, "CONNECT_SECONDS", 0.3)
    table = make_table(tones)
    with pytest.raises(FeaturesError, match="jobs=0"):
        run(table, tmp_path / "store", jobs=0)
    with pytest.raises(VersionsError, match="lack"):
        run(table.drop(columns="path"), tmp_path / "store")
    with pytest.raises(FeaturesError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:9'"):
        run(table, tmp_path / "store", cluster="tcp://127.0.0.1:9")
    assert not (tmp_path / "store").exists()


class Deadly(str):
    """A path that ends the process which looks at it."""

    def __bool__(self):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a signal of POSIX systems")
def test_a_file_that_kills_its_process_is_named_and_the_others_are_done(tmp_path, tones):
    paths = [*tones[:3], Deadly("/music/deadly.mp3"), *tones[3:]]
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        report = run(make_table(paths), tmp_path / "store", jobs=2)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert list(report["status"] == "failed") == [path == "/music/deadly.mp3" for path in paths]
    assert "/music/deadly.mp3: the process that read it died" in report["reason"][3]
    store = FeatureStore.open(tmp_path / "store")
    assert store.versions == [version for version in report["version"] if version != "v03"]
    store.verify()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a signal of POSIX systems")
def test_a_cluster_that_loses_a_worker_does_every_file_once(tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra [cluster]")
    table = make_table(list(map(str, make_tones(tmp_path, 24, 40.0))))
    run(table, tmp_path / "alone")
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2, timeout=60)
        victim, survivor = client.run(os.getpid).values()
        killer = threading.Thread(
            target=kill_when_begun, args=(victim, tmp_path / "store" / JOURNAL)
        )
        killer.start()
        report = run(table, tmp_path / "store", cluster=cluster.scheduler_address)
        killer.join()
        workers = client.run(os.getpid, on_error="ignore").values()  # one may be starting
    assert survivor in workers and victim not in workers
    assert list(report["status"]) == ["extracted"] * len(table)
    assert content(tmp_path / "store") == content(tmp_path / "alone")


def kill_when_begun(process, journal):
    while not journal.exists() or journal.read_bytes().count(b"\n") < 4:
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
