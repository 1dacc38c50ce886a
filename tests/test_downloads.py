"""Laws of downloads: the whole file or none, every byte asked for once, nothing but https."""

import errno
import hashlib

import pytest

from bytecover_lite import downloads
from bytecover_lite.downloads import DeadLink, DownloadError, WrongChecksum, download

DATA = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def naps():
    return []


@pytest.fixture
def fetch(source, naps, tmp_path):
    source.files["a.bin"] = DATA

    def run(name="a.bin", **options):
        return download(
            f"{source.address}/{name}", tmp_path / "a.bin", sleep=naps.append, **options
        )

    return run


def left(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_a_file_comes_whole_and_leaves_nothing_else(fetch, tmp_path):
    assert fetch(sha256=SHA256).read_bytes() == DATA
    assert left(tmp_path) == ["a.bin"]


def test_a_broken_transfer_goes_on_where_it_stood(fetch, source, naps, tmp_path):
    source.faults["a.bin"] = [("cut", 100_000), ("cut", 50_000)]
    assert fetch(sha256=SHA256).read_bytes() == DATA
    assert [asked for _, asked in source.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert naps == [1, 2]
    assert left(tmp_path) == ["a.bin"]


def test_a_run_that_was_given_up_is_continued_by_the_next(fetch, source, tmp_path):
    source.faults["a.bin"] = [("cut", 100_000)]
    with pytest.raises(DownloadError, match=r"broke off after 100000 of 256000 bytes"):
        fetch(attempts=1)
    assert not (tmp_path / "a.bin").exists()
    assert fetch().read_bytes() == DATA
    assert source.asked[-1][1] == "bytes=100000-"


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(fetch, source):
    source.faults["a.bin"] = [("cut", 100_000)]
    with pytest.raises(DownloadError):
        fetch(attempts=1)
    source.files["a.bin"] = DATA[::-1]
    assert fetch().read_bytes() == DATA[::-1]


def test_a_wrong_checksum_leaves_no_file(fetch, tmp_path):
    with pytest.raises(WrongChecksum, match=SHA256):
        fetch(sha256="0" * 64)
    assert left(tmp_path) == []


def test_a_file_of_the_user_is_checked_and_never_removed(fetch, source, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"mine")
    assert fetch().read_bytes() == b"mine"
    with pytest.raises(WrongChecksum):
        fetch(sha256=SHA256)
    assert (tmp_path / "a.bin").read_bytes() == b"mine"
    assert not source.asked


def test_a_dead_link_is_not_asked_again(fetch, source, naps, tmp_path):
    with pytest.raises(DeadLink, match="404"):
        fetch("nowhere.bin")
    assert len(source.asked) == 1
    assert not naps
    assert left(tmp_path) == []


def test_a_busy_server_is_obeyed(fetch, source, naps):
    source.faults["a.bin"] = [503, 429]
    source.headers["a.bin"] = {"Retry-After": "7"}
    assert fetch().read_bytes() == DATA
    assert naps == [7, 7]


def test_a_server_that_stays_away_ends_the_attempts(tmp_path, naps):
    with pytest.raises(DownloadError, match="2 attempts"):
        download("http://127.0.0.1:9/a", tmp_path / "a", attempts=2, sleep=naps.append)
    assert naps == [1]


@pytest.mark.parametrize("address", ["http://example.org/a", "ftp://example.org/a", "file:///a"])
def test_nothing_but_https_is_asked(address, tmp_path):
    with pytest.raises(DownloadError, match="only https"):
        download(address, tmp_path / "a")


def test_nothing_but_https_is_redirected_to(fetch, source):
    source.faults["a.bin"] = [302]
    source.headers["a.bin"] = {"Location": "http://example.org/a"}
    with pytest.raises(DownloadError, match=r"http://example\.org/a: only https"):
        fetch()


def test_a_full_disk_leaves_a_state_to_resume(fetch, source, tmp_path, monkeypatch):
    original, blocks = downloads.os.fsync, []

    def full(_):
        blocks.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloads.os, "fsync", full)
    source.faults["a.bin"] = [("cut", 100_000)]
    with pytest.raises(DownloadError, match="disk is full"):
        fetch()
    assert blocks
    assert not (tmp_path / "a.bin").exists()
    monkeypatch.setattr(downloads.os, "fsync", original)
    assert fetch(sha256=SHA256).read_bytes() == DATA
    assert source.asked[-1][1] == "bytes=100000-"
