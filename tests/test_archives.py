"""Laws of archives: everything or nothing, and nothing outside of the folder."""

import io
import tarfile
import zipfile

import numpy as np
import pytest

from bytecover_lite.archives import ArchiveError, unpack

BAD_NAMES = ["../evil", "a/../../evil", "/evil", "C:/evil", "a\\..\\evil"]


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as file:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name), data)
    return path


MAKERS = {"tgz": make_tar, "zip": make_zip}


@pytest.mark.parametrize("kind", MAKERS)
def test_what_went_in_comes_out(kind, tmp_path):
    members = [("a/b.txt", b"one"), ("c.txt", b"two")]
    archive = MAKERS[kind](tmp_path / f"x.{kind}", members)
    folder = unpack(archive, tmp_path / "out")
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.txt")}
    assert found == dict(members)
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leads_out_is_refused_before_anything_is_written(kind, name, tmp_path):
    archive = MAKERS[kind](tmp_path / f"x.{kind}", [("good.txt", b"good"), (name, b"evil")])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ArchiveError, match="outside of the target folder"):
        unpack(archive, tmp_path / "deep" / "out")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(kind, tmp_path):
    link = tarfile.TarInfo("link")
    link.type, link.linkname = kind, "/etc/passwd"
    archive = make_tar(tmp_path / "x.tgz", [(link, b"")])
    with pytest.raises(ArchiveError, match="a link or device"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveError, match="a link or device"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_a_member_without_a_name_is_refused(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("a", b"1")])
    data = archive.read_bytes()
    at = data.index(b"PK\x01\x02")  # its entry in the table of contents gets a name of no length
    data = data[: at + 28] + b"\0\0" + data[at + 30 : at + 46] + data[at + 47 :]
    archive.write_bytes(data)
    with pytest.raises(ArchiveError):
        unpack(archive, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == [archive]


def test_a_name_that_comes_twice_is_refused(tmp_path):
    archive = make_tar(tmp_path / "x.tgz", [("a", b"1"), ("./a", b"2")])
    with pytest.raises(ArchiveError, match="there twice"):
        unpack(archive, tmp_path / "out")


def test_more_than_is_allowed_is_refused(tmp_path):
    archive = make_tar(tmp_path / "x.tgz", [("a", b"0" * 1000)])
    with pytest.raises(ArchiveError, match="1000 bytes unpacked, 999 are allowed"):
        unpack(archive, tmp_path / "out", largest=999)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_truncated_archive_leaves_nothing(kind, tmp_path):
    content = [(f"{i}", bytes(range(256)) * 40) for i in range(20)]
    archive = MAKERS[kind](tmp_path / f"x.{kind}", content)
    archive.write_bytes(archive.read_bytes()[:600])
    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == [archive]


def test_a_damaged_archive_of_any_compression_is_refused_by_name(tmp_path):
    for kind in ("gz", "bz2", "xz"):
        archive = tmp_path / f"x.tar.{kind}"
        with tarfile.open(archive, f"w:{kind}") as file:
            info = tarfile.TarInfo("a")
            info.size = 100_000
            file.addfile(info, io.BytesIO(np.random.default_rng(0).bytes(100_000)))
        data = bytearray(archive.read_bytes())
        data[20_000:20_400] = bytes(400)
        archive.write_bytes(data)
        with pytest.raises(ArchiveError, match="cannot be unpacked"):
            unpack(archive, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_zip_archive_with_a_damaged_name_is_refused(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("é", b"1")])
    data = archive.read_bytes()
    for place in (data.index("é".encode()), data.rindex("é".encode())):  # of the file, of the table
        archive.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
        with pytest.raises(ArchiveError, match="cannot be unpacked"):
            unpack(archive, tmp_path / "out")
        assert sorted(tmp_path.iterdir()) == [archive]


def test_what_was_unpacked_before_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    assert unpack(tmp_path / "nowhere.tgz", tmp_path / "out") == tmp_path / "out"
