"""Laws of an index: it knows files by their content, loses nothing and never mixes checkpoints."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from bytecover_lite import features, indexing, library
from bytecover_lite.audio import AudioError, write_wav
from bytecover_lite.library import Library, LibraryError
from bytecover_lite.library_files import hash_file, list_recordings
from bytecover_lite.lock import Lock, LockError
from bytecover_lite.model import CheckpointError, save_model
from bytecover_lite.pipeline import open_model
from bytecover_lite.same_work import SameWork
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import SEEDS
from bytecover_lite.songbook.render import synthesize

COUNT = 4


def make_song(path, number, seconds=3.0):
    """Write a chord sequence that depends on ``number``."""
    time_axis = np.arange(int(22050 * seconds)) / 22050
    notes = np.random.default_rng(number).integers(0, 24, 3)
    sound = sum(np.sin(2 * np.pi * 130.8 * 2 ** (note / 12) * time_axis) for note in notes)
    write_wav(path, 0.2 * sound)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for number in range(COUNT):
        make_song(folder / f"song{number}.wav", number)
    return folder


@pytest.fixture(scope="module")
def undisturbed(songs, tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "undisturbed"
    Library.create(path, songs, jobs=1)
    return path


@pytest.fixture
def folder(songs, tmp_path):
    """A copy of the songs that a test may change."""
    return shutil.copytree(songs, tmp_path / "music")


def fates(report):
    return dict(zip(report["path"], report["status"], strict=True))


def content(path):
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


def test_every_file_has_a_fate_and_bad_ones_end_nothing(folder, tmp_path):
    (folder / "text.mp3").write_text("no sound")
    (folder / "empty.flac").touch()
    (folder / "album.mp3").mkdir()
    shutil.move(folder / "song3.wav", folder / "album.mp3" / "line\nbreak.WAV")
    (folder / "cover.jpg").write_bytes(b"\xff\xd8")
    if os.name != "nt":
        os.mkfifo(folder / "pipe.ogg")
        (folder / "album.mp3" / "loop").symlink_to(folder)
        (folder / "dangling.m4a").symlink_to(folder / "nowhere")
    made, report = Library.create(tmp_path / "index", folder, jobs=1)
    found = fates(report)
    bad = {"text.mp3", "empty.flac", "pipe.ogg", "dangling.m4a"} & set(found)
    assert {path for path, status in found.items() if status == "failed"} == bad
    assert {path for path, status in found.items() if status == "new"} == {
        "song0.wav",
        "song1.wav",
        "song2.wav",
        os.path.join("album.mp3", "line\nbreak.WAV"),
    }
    for row in report[report["status"] == "failed"].itertuples():
        assert row.path in row.reason
    assert len(made.collection) == COUNT


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are Unicode")
def test_a_name_that_is_no_text_is_kept_byte_for_byte(songs, tmp_path):
    name = os.fsencode(tmp_path / "music") + b"/caf\xe9.wav"
    (tmp_path / "music").mkdir()
    shutil.copy(songs / "song0.wav", os.fsdecode(name))
    made, _ = Library.create(tmp_path / "index", tmp_path / "music", jobs=1)
    again = Library.open(tmp_path / "index")
    assert [os.fsencode(path) for path in again.paths(made.collection.recordings[0])] == [name]


def test_a_directory_is_entered_once_and_the_order_depends_on_names(folder):
    paths, others, closed = list_recordings(folder)
    assert paths == [f"song{number}.wav" for number in range(COUNT)]
    assert (others, closed) == (0, {})


def test_a_second_run_listens_to_nothing(undisturbed, songs, tmp_path, monkeypatch):
    shutil.copytree(undisturbed, tmp_path / "index")
    monkeypatch.setattr(features, "extract_file", None)
    monkeypatch.setattr(indexing.Passages, "embed", None)
    _, report = Library.create(tmp_path / "index", songs, jobs=1)
    assert set(report["status"]) == {"unchanged"}
    assert content(tmp_path / "index") == content(undisturbed)


def test_an_update_knows_new_changed_moved_and_deleted_files(undisturbed, folder, tmp_path):
    made, _ = Library.create(tmp_path / "index", folder, jobs=1)
    make_song(folder / "song0.wav", 100)
    (folder / "deep").mkdir()
    shutil.move(folder / "song1.wav", folder / "deep" / "elsewhere.wav")
    (folder / "song2.wav").unlink()
    os.utime(folder / "song3.wav", (0, 0))  # another date, the same content
    make_song(folder / "song9.wav", 9)
    report = made.update(jobs=1)
    moved = os.path.join("deep", "elsewhere.wav")
    assert fates(report) == {
        "song0.wav": "changed",
        moved: "moved",
        "song2.wav": "deleted",
        "song3.wav": "unchanged",
        "song9.wav": "new",
    }
    assert report.set_index("path").loc[moved, "note"] == "song1.wav"
    fresh, _ = Library.create(tmp_path / "fresh", folder, jobs=1)
    query = folder / "song9.wav"
    assert made.find(query) == fresh.find(query) == Library.open(tmp_path / "index").find(query)


class Killed(BaseException):
    """What a process that is killed does not catch."""


@pytest.mark.parametrize("moment", range(0, 14, 2))
def test_interrupted_and_resumed_an_index_has_the_same_bytes(
    moment, undisturbed, songs, tmp_path, monkeypatch
):
    """The moments are those at which a file is put in its place or features are appended."""
    left = [moment]

    def counted(original):
        def run(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return original(*arguments, **options)

        return run

    monkeypatch.setattr(os, "replace", counted(os.replace))
    monkeypatch.setattr("bytecover_lite.store_writer._append", counted(_append()))
    with pytest.raises(Killed):
        Library.create(tmp_path / "index", songs, jobs=1)
    monkeypatch.undo()
    with pytest.raises(LibraryError):
        Library.open(tmp_path / "index")
    Library.create(tmp_path / "index", songs, jobs=1)
    assert without_leftovers(tmp_path / "index") == content(undisturbed)


def _append():
    from bytecover_lite import store_writer

    return store_writer._append


def without_leftovers(path):
    """Leave out files that a killed process was writing: they bear its number and no meaning."""
    return {name: data for name, data in content(path).items() if not name.endswith(".partial")}


KILL = """
import os, signal, sys
from bytecover_lite.library import Library
from bytecover_lite import indexing
def killed(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
indexing.write_files = killed
Library.create(sys.argv[1], sys.argv[2], jobs=1)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a signal of POSIX systems")
def test_killed_and_resumed_an_index_has_the_same_bytes(undisturbed, songs, tmp_path):
    command = [sys.executable, "-c", KILL, str(tmp_path / "index"), str(songs)]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    Library.create(tmp_path / "index", songs, jobs=1)
    assert content(tmp_path / "index") == content(undisturbed)


def test_the_query_is_left_out_by_its_content_and_copies_are_listed_once(folder, tmp_path):
    shutil.copy(folder / "song0.wav", folder / "copy.wav")
    shutil.copy(folder / "song1.wav", folder / "again.wav")
    shutil.copy(folder / "song0.wav", tmp_path / "outside.wav")
    made, _ = Library.create(tmp_path / "index", folder, jobs=1)
    found = made.find(tmp_path / "outside.wav")
    assert len(found) == COUNT - 1
    assert all("song0" not in one["path"] and "copy" not in one["path"] for one in found)
    copies = [one for one in found if one["copies"]]
    assert [one["path"] for one in copies] == [str(folder / "again.wav")]
    assert copies[0]["copies"] == [str(folder / "song1.wav")]
    assert [one["distance"] for one in found] == sorted(one["distance"] for one in found)
    assert made.find(tmp_path / "outside.wav", k=2) == found[:2]


def test_an_almost_identical_recording_is_the_nearest(tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    works = [compose(seed) for seed in SEEDS["example"][:COUNT]]
    sounds = [synthesize(arrange(work, 1), engine="own")[22050 * 20 :] for work in works]
    for number, sound in enumerate(sounds):
        write_wav(music / f"song{number}.wav", sound[: 22050 * 3])
    made, _ = Library.create(tmp_path / "index", music, jobs=1)
    for seconds, clearly in ((3.2, 4), (3.5, 2)):  # as many averaged frames; one more
        for number, sound in enumerate(sounds):
            write_wav(tmp_path / "longer.wav", sound[: int(22050 * seconds)])
            best, second, *_ = made.find(tmp_path / "longer.wav")
            assert best["path"].endswith(f"song{number}.wav") and best["semitones"] == 0
            assert best["distance"] < second["distance"] / clearly


def test_another_checkpoint_is_refused_in_one_line(undisturbed, songs, tmp_path):
    changed = open_model("lite")
    with torch.no_grad():
        changed.neck.weight[0] += 1e-3
    save_model(changed, tmp_path / "other.safetensors")
    for open_it in (
        lambda: Library.open(undisturbed, model=tmp_path / "other.safetensors"),
        lambda: Library.create(undisturbed, songs, model=str(tmp_path / "other.safetensors")),
    ):
        with pytest.raises(LibraryError, match=r"made with checkpoint \w{12} \(lite\).*other") as e:
            open_it()
        assert "\n" not in str(e.value)
    with pytest.raises(CheckpointError, match="nobody"):
        Library.create(tmp_path / "index", songs, model="nobody")
    assert not (tmp_path / "index").exists()


def test_what_is_no_index_is_refused_by_name(undisturbed, songs, tmp_path):
    with pytest.raises(LibraryError, match=r"no index that can be read \(index.json: No such file"):
        Library.open(songs)
    with pytest.raises(LibraryError, match="no such folder"):
        Library.create(tmp_path / "index", tmp_path / "nowhere")
    assert not (tmp_path / "index").exists()
    with pytest.raises(LibraryError, match="is an index of"):
        Library.create(undisturbed, tmp_path)
    damaged = shutil.copytree(undisturbed, tmp_path / "damaged")
    (damaged / "embeddings.safetensors").write_bytes(b"\x80\x04")
    with pytest.raises(LibraryError, match="embeddings"):
        Library.open(damaged)
    for junk in (b"\0", b"path,sha256\n", b'path,sha256,reason\n"'):
        (damaged / "files.csv").write_bytes(junk)
        with pytest.raises(LibraryError, match=r"files.csv is damaged"):
            Library.open(damaged)
    for junk in (b"", b"[]", b"{}", b'{"format": 2}', b"[" * 100_000):
        (damaged / "index.json").write_bytes(junk)
        with pytest.raises(LibraryError, match="damaged is no index"):
            Library.open(damaged)


def test_two_runs_at_once_are_refused(undisturbed, songs):
    lock = Lock(undisturbed / "lock")
    try:
        with pytest.raises(LockError, match="another writer is at work"):
            Library.create(undisturbed, songs, jobs=1)
    finally:
        lock.close()


def test_an_empty_library_finds_nothing(songs, tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "text.mp3").write_text("no sound")
    made, report = Library.create(tmp_path / "index", tmp_path / "music", jobs=1)
    assert list(report["status"]) == ["failed"]
    assert made.find(songs / "song0.wav") == []


def test_a_recording_that_cannot_be_used_is_named(undisturbed, tmp_path):
    with pytest.raises(AudioError, match=r"nowhere.wav"):
        Library.open(undisturbed).find(tmp_path / "nowhere.wav")


def test_duplicates_are_versions_and_copies(folder, tmp_path):
    make_song(folder / "version.wav", 2, seconds=3.2)
    shutil.copy(folder / "song0.wav", folder / "copy.wav")
    made, _ = Library.create(tmp_path / "index", folder, jobs=1)
    made.same_work = None
    with pytest.raises(LibraryError, match="no calibration"):
        made.duplicates()
    made.same_work = SameWork(offset=10.0, slope=-10_000.0)  # within about 0.001
    groups = [
        {os.path.basename(path) for one in group for path in (one["path"], *one["copies"])}
        for group in made.duplicates()
    ]
    assert groups == [{"song2.wav", "version.wav"}, {"song0.wav", "copy.wav"}]


def test_the_calibration_counts_for_its_checkpoint_only(undisturbed, monkeypatch):
    asked = []
    monkeypatch.setattr(library, "read_same_work", asked.append)
    Library.open(undisturbed)
    from bytecover_lite.model import SHIPPED

    assert asked == [hash_file(SHIPPED / "lite.safetensors")]
