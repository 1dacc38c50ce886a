"""The whole paper in miniature: sets laid out like the real ones, from sources with bad days.

The songs are the songbook's, a web server on this machine stands for the sources: some videos are
gone, one recording is truncated, one archive wants to write outside of its folder, one checksum is
wrong, and some recordings are in two sets.
"""

import dataclasses
import functools
import io
import json
import tarfile

import numpy as np
import pandas as pd
import pytest

from bytecover_lite import reproduce
from bytecover_lite.archives import ArchiveError
from bytecover_lite.audio import encode_mp3
from bytecover_lite.cli import main
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.downloads import WrongChecksum
from bytecover_lite.recipes import lite
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import SEEDS
from bytecover_lite.songbook.render import synthesize
from bytecover_lite.store import StoreWriter
from bytecover_lite.versions import COLUMNS, write_versions

pytest.importorskip("yt_dlp", reason="yt-dlp is not installed (extra `data`)")

SPLITS = {
    "TRAIN": (1, 4, 2),
    "VAL": (11, 2, 2),
    "TEST": (8110, 3, 3),
}  # first work, works, versions
COUNTS = {"train": (8, 4), "validation": (4, 2), "test": (9, 3)}
SMALL = (
    "--preset lite --model.depth 18 --model.width 0.125 --cliques-per-batch 2 --jobs 1 "
    "--versions-per-clique 2 --crop-frames 8 --steps 2 --validate-every 1 --accelerator cpu "
    "--precision 32-true"  # torch's weight gradients in bfloat16 fail on crops that are this short
).split()


@pytest.fixture(scope="module")
def song():
    """Return the beginning of a version of a song as mp3."""

    @functools.cache
    def make(work, number):
        version = arrange(compose(SEEDS["example"][work % 1000]), number, difficulty="easy")
        notes = version.notes.copy()
        notes["start"] -= notes["start"].min()
        notes = notes[notes["start"] < 5]
        notes["duration"] = np.minimum(notes["duration"], 6 - notes["start"])
        version = dataclasses.replace(version, notes=notes, duration=6.0)
        return encode_mp3(synthesize(version, engine="own"))

    return make


def publish_shs100k(source, song):
    """Lists with tabs and addresses, recordings at the addresses."""
    rows = []
    for name, (first, works, versions) in SPLITS.items():
        pairs = [(first + w, v) for w in range(works) for v in range(versions)]
        lines = "".join(f"{work}\t{v}\n" for work, v in pairs)
        source.files[f"SHS100K2/HEAD/SHS100K-{name}"] = lines.encode()
        for work, v in pairs:
            file = f"{work}_{v}.mp3"
            source.files[file] = song(work, v)
            rows.append(f"{work}\t{v}\tSong {work}\tSinger {v}\t{source.address}/{file}\t1\n")
    source.files["SHS100K2/HEAD/list"] = "".join(rows).encode()
    del source.files["8110_2.mp3"], source.files["4_1.mp3"]
    source.files["8111_0.mp3"] = source.files["8111_0.mp3"][:30]


def covers80_archive(song):
    """Two works of two versions; the first is a work of the training split, by title and artist."""
    files, lists = {}, ([], [])
    for work, title in ((1, "Song_1"), (700, "Other")):
        for take in (0, 1):
            name = f"{title}/singer_{take}+Album+01-{title}"
            files[f"coversongs/covers32k/{name}.mp3"] = song(work, take)
            lists[take].append(name)
    for number in (0, 1):
        files[f"coversongs/list{number + 1}.list"] = "\n".join(lists[number]).encode()
    return files


def pack(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


@pytest.fixture
def data(script, source, song, tmp_path, monkeypatch):
    """The miniature sets, made by their scripts from the server."""
    data = tmp_path / "data"
    shs100k, covers80, youtube350 = map(script, ("shs100k", "covers80", "youtube350"))
    monkeypatch.setitem(shs100k.COUNTS, "v2", COUNTS)
    monkeypatch.setitem(covers80.COUNTS, "usual", 4)
    monkeypatch.setattr(covers80, "WORKS", 2)
    monkeypatch.setattr(youtube350, "WORKS", 2)
    publish_shs100k(source, song)
    options = {"address": source.address, "fetch_audio": True, "per_minute": 1e6, "jobs": 1}
    shs100k.main(data / "shs100k", **options)
    files = covers80_archive(song)
    source.files["good.tgz"] = pack(files)
    source.files["evil.tgz"] = pack(files | {"../../../evil.mp3": b"evil"})
    with pytest.raises(WrongChecksum):
        covers80.main(data / "covers80", address=f"{source.address}/good.tgz", sha256="0" * 64)
    with pytest.raises(ArchiveError):
        covers80.main(tmp_path / "evil", address=f"{source.address}/evil.tgz")
    covers80.main(data / "covers80", address=f"{source.address}/good.tgz", jobs=1)
    rows = []
    for work in (500, 501):
        for take in range(7):
            path = tmp_path / f"{work}-{take}.mp3"
            path.write_bytes(song(work, take % 2))
            role = "query" if take < 5 else "reference"
            rows.append({"clique": f"y{work}", "role": role, "path": str(path)})
    pd.DataFrame(rows).to_csv(tmp_path / "youtube350.csv", index=False)
    youtube350.main(data / "youtube350", table=tmp_path / "youtube350.csv", jobs=1)
    assert not list(tmp_path.parent.rglob("evil.mp3"))
    return data


@pytest.mark.slow
def test_the_whole_paper_in_miniature(data, tmp_path, capsys):
    out = tmp_path / "out"
    main(["reproduce", str(data), str(out), *SMALL])
    said = capsys.readouterr().out
    rows = {row["set"]: row for row in json.loads((out / "reproduce.json").read_text())["rows"]}
    assert list(rows) == ["SHS100K-TEST", "Covers80", "YouTube350"]
    # of nine recordings one is gone and one is truncated
    assert rows["SHS100K-TEST"]["coverage"] == pytest.approx(7 / 9)
    assert "77.8 % of the set" in said
    assert rows["SHS100K-TEST"]["claimed"] == "0.836"
    assert rows["Covers80"]["coverage"] == 1
    youtube = rows["YouTube350"]
    assert (youtube["n_queries"], youtube["n_references"], youtube["ceiling"]) == (10, 4, 0.2)
    # work 1 is in Covers80 too, work 4 has lost a version: two works are trained on
    overlap = pd.read_csv(out / "overlap.csv")
    assert set(overlap["left_clique"]) == {"shs1"}
    assert set(overlap["by"]) == {"name"}
    assert "training: 4 versions" in said
    report = pd.read_csv(out / "shs100k" / "report.csv", keep_default_na=False)
    recordings = pd.read_csv(data / "shs100k" / "recordings.csv", keep_default_na=False)
    assert len(recordings) == 21
    broken = set(recordings[recordings["status"] == "broken"]["version"])
    assert broken | set(report[report["status"] == "failed"]["version"]) == {"8111_0"}
    dead = recordings[recordings["status"] == "dead"]
    assert set(dead["version"]) == {"8110_2", "4_1"}
    assert dead["reason"].str.contains("404").all()

    # again: nothing is extracted or trained anew, and the scores are the same
    before = {path: path.stat().st_mtime_ns for path in out.rglob("features.npy")}
    before[out / "run" / "state.safetensors"] = (
        (out / "run" / "state.safetensors").stat().st_mtime_ns
    )
    main(["reproduce", str(data), str(out), *SMALL])
    assert before == {path: path.stat().st_mtime_ns for path in before}
    again = json.loads((out / "reproduce.json").read_text())["rows"]
    assert again == list(rows.values())


def test_without_the_training_set_nothing_starts(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["reproduce", str(tmp_path), str(tmp_path / "out"), *SMALL])
    assert stop.value.code == 2
    assert "has no versions.csv with recordings" in capsys.readouterr().err


@pytest.mark.parametrize(("averaging", "fits"), [(20, True), (40, True), (30, False)])
def test_frames_that_the_recipe_can_hear_are_not_extracted_again(
    averaging, fits, tmp_path, monkeypatch
):
    versions = pd.DataFrame([("a", "w", "test", "", "", "", "a.wav")], columns=COLUMNS)
    write_versions(versions, tmp_path / "data" / "set" / "versions.csv")
    features, asked = tmp_path / "data" / "set" / "features", []
    with StoreWriter.create_or_resume(features, FeatureSettings(averaging=averaging)) as writer:
        writer.add("a", np.zeros((84, 4)))
    monkeypatch.setattr(reproduce, "extract_corpus", lambda *args, **_: asked.append(args))
    where = reproduce._corpus("set", tmp_path / "data", tmp_path / "out", lite(), 1, None)
    assert where == tmp_path / ("data" if fits else "out") / "set"
    assert bool(asked) != fits


def test_a_report_on_names_that_are_no_utf8_is_read(tmp_path):
    (tmp_path / "report.csv").write_bytes(
        b"version,status,reason,note\na,failed,caf\xe9.wav,\nb,,,\n"
    )
    assert reproduce._tried(tmp_path) == {"a", "b"}


def test_a_plan_multiplies_counts_by_costs():
    from bytecover_lite.plan import plan
    from bytecover_lite.recipes import paper

    costs = {"extract_per_second": 0.001, "audio_bytes": 4e6, "audio_seconds": 240.0}
    costs |= {"step": 0.5, "embed": 0.01, "memory_gb": 8.0, "parameters": 40_000_000}
    costs |= {"embedding_size": 2048, "score_pair": 1e-8}
    sets = {"shs100k": {"train": 900, "validation": 50, "test": 50}, "covers80": {"test": 160}}
    config = paper(steps=7_200, validate_every=1_000)
    one = {row["step"]: row for row in plan(config, sets, costs, jobs=1)}
    assert one["audio"]["count"] == 1160
    assert one["audio"]["disk_gb"] == pytest.approx(1160 * 4e-3)
    assert one["features"]["hours"] == pytest.approx(1160 * 0.24 / 3600)
    assert one["training"]["hours"] == pytest.approx(1.0)
    assert one["embedding"]["count"] == 210
    four = {row["step"]: row for row in plan(config, sets, costs, jobs=4, devices=4)}
    for step in ("features", "training"):
        assert four[step]["hours"] == pytest.approx(one[step]["hours"] / 4)
        assert four[step]["disk_gb"] == one[step]["disk_gb"]


def test_a_plan_is_measured_and_counts_absent_sets_as_published(tmp_path, capsys):
    main(["reproduce", str(tmp_path / "none"), str(tmp_path / "out"), "--plan", *SMALL])
    found = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert found["sets"]["shs100k"] == {"train": 87_091, "validation": 10_884, "test": 10_547}
    assert found["there"] == []
    costs = found["costs"]
    for name in ("extract_per_second", "step", "embed", "score_pair"):
        assert costs[name] > 0
    assert costs["measured_on"] == 0
    assert costs["audio_seconds"] == found["assumed"]["seconds_each"]
    assert "shs100k: 108522 recordings, not there: as published" in capsys.readouterr().out
    assert all(row["hours"] >= 0 and row["disk_gb"] >= 0 for row in found["rows"])


def test_a_plan_for_a_set_of_unknown_size_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["reproduce", str(tmp_path), str(tmp_path / "o"), "--plan", "--dataset", "x", *SMALL])
    assert "its size is not known" in capsys.readouterr().err
