"""A user's own folder and Covers80: what is there is found, what is not is said."""

import io
import json
import tarfile

import pandas as pd
import pytest

from bytecover_lite.archives import ArchiveError
from bytecover_lite.downloads import WrongChecksum
from bytecover_lite.errors import BytecoverError
from bytecover_lite.pipeline import open_corpus, score_corpus
from bytecover_lite.versions import read_versions


def states(out):
    report = pd.read_csv(out / "recordings.csv", keep_default_na=False)
    return dict(zip(report["version"], report["status"], strict=True))


def test_a_folder_of_works_becomes_a_corpus(script, place, tmp_path, capsys):
    folder = script("folder")
    for number, name in enumerate(["one/Ann - Song.wav", "one/Bob - Song.wav", "two/x/deep.wav"]):
        place(tmp_path / "music" / name, number)
    place(tmp_path / "music" / "two" / "copy.wav", 2)
    (tmp_path / "music" / "two" / "broken.mp3").write_bytes(b"no sound")
    (tmp_path / "music" / "two" / "cover.jpg").write_bytes(b"a picture")
    folder.main(tmp_path / "out", music=tmp_path / "music", extract="lite", jobs=1)
    table, store = open_corpus(tmp_path / "out")
    assert list(table["clique"]) == ["one", "one", "two", "two"]
    assert list(table["title"]) == ["Song", "Song", "copy", "deep"]
    assert list(table["artist"]) == ["Ann", "Bob", "", ""]
    assert all(version in store for version in table["version"])
    assert states(tmp_path / "out") == {
        "one/Ann_-_Song": "found",
        "one/Bob_-_Song": "found",
        "two/broken": "broken",
        "two/copy": "found",
        "two/x/deep": "duplicate",
    }
    assert "duplicate" in capsys.readouterr().out
    row = score_corpus(tmp_path / "out", ["model"])[0]  # as the next line of the README does
    assert row["n_queries"] == 4


def test_a_csv_says_what_belongs_together(script, place, tmp_path):
    folder = script("folder")
    place(tmp_path / "a" / "x.wav", 0)
    rows = "path,clique,split\na/x.wav,w1,train\na/gone.wav,w1,test\n"
    (tmp_path / "mine.csv").write_text(rows)
    folder.main(tmp_path / "out", table=tmp_path / "mine.csv", jobs=1)
    assert states(tmp_path / "out") == {"a/x": "found", "a/gone": "missing"}
    table = read_versions(tmp_path / "out" / "versions.csv")
    assert list(table["split"]) == ["train"]


def test_a_row_without_a_file_is_missing(script, place, tmp_path):
    folder = script("folder")
    place(tmp_path / "a.wav", 0)
    (tmp_path / "mine.csv").write_text("path,clique\na.wav,w1\n,w1\n")
    folder.main(tmp_path / "out", table=tmp_path / "mine.csv", jobs=1)
    assert states(tmp_path / "out") == {"a": "found", "row 3": "missing"}


@pytest.mark.parametrize("name", [".", "/"])
def test_a_path_that_names_no_file_is_broken(name, script, place, tmp_path):
    folder = script("folder")
    place(tmp_path / "a.wav", 0)
    (tmp_path / "mine.csv").write_text(f"path,clique\na.wav,w1\n{name},w1\n")
    folder.main(tmp_path / "out", table=tmp_path / "mine.csv", jobs=1)
    assert states(tmp_path / "out") == {"a": "found", "row 3": "broken"}


def test_a_truncated_recording_is_heard_only_by_listening(script, place, tmp_path):
    folder = script("folder")
    place(tmp_path / "music" / "w" / "whole.wav", 0)
    cut = place(tmp_path / "music" / "w" / "cut.wav", 1)
    cut.write_bytes(cut.read_bytes()[:50_000])
    folder.main(tmp_path / "quick", music=tmp_path / "music", jobs=1)
    folder.main(tmp_path / "slow", music=tmp_path / "music", listen=True, jobs=1)
    assert states(tmp_path / "quick") == {"w/whole": "found", "w/cut": "found"}
    assert states(tmp_path / "slow") == {"w/whole": "found", "w/cut": "broken"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "either --music or --table"),
        ({"music": "."}, "no audio file"),
        ({"table": "bad.csv"}, "no column clique"),
        ({"table": "nowhere.csv"}, "no readable csv"),
        ({"table": "comma.csv"}, "quotation marks around a field with a comma"),
        ({"table": "header.csv"}, "not one recording"),
    ],
)
def test_mistakes_are_one_clear_line(options, said, script, tmp_path):
    (tmp_path / "bad.csv").write_text("path\nx.wav\n")
    (tmp_path / "comma.csv").write_text("path,clique\nOh, my.wav,w1\nOh, me.wav,w1\n")
    (tmp_path / "header.csv").write_text("path,clique\n")
    options = {name: tmp_path / value for name, value in options.items()}
    with pytest.raises(BytecoverError, match=said):
        script("folder").main(tmp_path / "out", **options)


def covers80_files(tone):
    """Five works laid out like Covers80: three of two recordings, one of three, one of four."""
    files, lists = {}, ([], [])
    for work, count in enumerate((2, 2, 2, 3, 4)):
        for take in range(count):
            name = f"Song_{work}/artist_{take}+Album+0{take + 1}-Song_{work}"
            files[f"coversongs/covers32k/{name}.mp3"] = tone(4 * work + take)
            if take < 2:
                lists[take].append(name)
    for number in (0, 1):
        text = "\n".join(lists[number]) + "\n"
        files[f"coversongs/list{number + 1}.list"] = text.encode()
    return files


def pack(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def test_the_lists_of_covers80_leave_out_further_recordings(script, tone, source, tmp_path):
    covers80 = script("covers80")
    source.files["covers80.tgz"] = pack(covers80_files(tone))
    address = f"{source.address}/covers80.tgz"
    covers80.main(tmp_path / "out", address=address, jobs=1)
    table = read_versions(tmp_path / "out" / "versions.csv")
    assert len(table) == 10
    assert set(table.groupby("clique").size()) == {2}
    assert table["title"][0] == "Song 0"
    assert table["artist"][1] == "artist 1"
    found = json.loads((tmp_path / "out" / "set.json").read_text())
    assert found == {"name": "Covers80 (usual)", "published": {"test": [160, 80]}}
    covers80.main(tmp_path / "all", folder=tmp_path / "out" / "archive", tracks="all", jobs=1)
    assert len(read_versions(tmp_path / "all" / "versions.csv")) == 13


def test_an_archive_that_leads_out_and_a_wrong_checksum_leave_nothing(
    script, tone, source, tmp_path
):
    covers80 = script("covers80")
    files = covers80_files(tone)
    source.files["good.tgz"] = pack(files)
    source.files["evil.tgz"] = pack(files | {"../../evil.mp3": b"evil"})
    with pytest.raises(WrongChecksum):
        covers80.main(tmp_path / "a", address=f"{source.address}/good.tgz", sha256="0" * 64)
    with pytest.raises(ArchiveError, match=r"evil\.mp3"):
        covers80.main(tmp_path / "b" / "c", address=f"{source.address}/evil.tgz")
    assert not list(tmp_path.rglob("*.mp3"))


def test_a_dry_run_of_covers80_asks_nobody(script, source, tmp_path, capsys):
    script("covers80").main(tmp_path / "out", address=source.address, dry_run=True)
    assert "160 tracks" in capsys.readouterr().out
    assert not source.asked
    assert not (tmp_path / "out").exists()


def test_a_listed_recording_that_is_not_there_is_missing(script, tone, tmp_path):
    covers80 = script("covers80")
    for name, data in covers80_files(tone).items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "Song_2/artist_1" not in name:
            path.write_bytes(data)
    covers80.main(tmp_path / "out", folder=tmp_path / "in", jobs=1)
    assert sorted(states(tmp_path / "out").values()) == ["found"] * 9 + ["missing"]


def test_lists_of_different_works_are_refused(script, tmp_path):
    (tmp_path / "list1.list").write_text("A/x\nB/y\n")
    (tmp_path / "list2.list").write_text("A/z\n")
    with pytest.raises(BytecoverError, match="do not name one version of each work"):
        script("covers80").versions_table(tmp_path)
