"""YouTube350, Discogs-VI and the songbook as files."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from bytecover_lite.audio import load_audio
from bytecover_lite.errors import BytecoverError
from bytecover_lite.pipeline import open_corpus, open_model
from bytecover_lite.versions import read_versions


def youtube350_rows(works=50):
    return [
        {"clique": f"w{work}", "role": "query" if take < 5 else "reference", "path": f"{work}.wav"}
        for work in range(works)
        for take in range(7)
    ]


def test_youtube350_has_its_shape(script, place, tmp_path):
    youtube350 = script("youtube350")
    for work in range(2):
        place(tmp_path / f"{work}.wav", work)
    pd.DataFrame(youtube350_rows()).to_csv(tmp_path / "list.csv", index=False)
    youtube350.main(tmp_path / "out", table=tmp_path / "list.csv", jobs=1)
    table = read_versions(tmp_path / "out" / "versions.csv")
    assert table.groupby("split").size().to_dict() == {"query": 10, "reference": 4}
    found = json.loads((tmp_path / "out" / "set.json").read_text())
    assert found["published"] == {"query": [250, 50], "reference": [100, 50]}


@pytest.mark.parametrize("rows", [youtube350_rows(49), youtube350_rows()[1:]])
def test_another_shape_is_no_youtube350(rows, script, tmp_path):
    pd.DataFrame(rows).to_csv(tmp_path / "list.csv", index=False)
    with pytest.raises(BytecoverError, match="not 50 works of 5 queries and 2 references"):
        script("youtube350").read_table(tmp_path / "list.csv")


def test_a_comma_too_many_is_no_youtube350(script, tmp_path):
    text = pd.DataFrame(youtube350_rows()).to_csv(index=False).replace(".wav", ".wav,more")
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(BytecoverError, match="quotation marks around a field with a comma"):
        script("youtube350").read_table(tmp_path / "list.csv")


@pytest.fixture
def discogs(tmp_path):
    """Light lists, laid out as published."""
    for split, first in (("train", 0), ("val", 10), ("test", 20)):
        cliques = {
            f"C-{first + work}": [
                {"version_id": f"V-{first + work}-{take}", "youtube_id": f"{first + work}_{take}"}
                for take in range(2)
            ]
            for work in range(3)
        }
        path = tmp_path / "lists" / f"Discogs-VI-YT-20240701-light.json.{split}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(cliques))
    return tmp_path / "lists"


def test_discogs_vi_gives_labels_without_recordings(script, discogs, tmp_path, capsys):
    script("discogs_vi").main(tmp_path / "out", lists=discogs)
    table = read_versions(tmp_path / "out" / "versions.csv")
    counts = {"train": 6, "validation": 6, "test": 6}
    assert table.groupby("split").size().to_dict() == counts
    assert table["source"][0] == "youtube:0_0"
    assert "train: 6 versions of 3 works" in capsys.readouterr().out


def test_discogs_vi_finds_recordings_by_their_video(script, discogs, place, tmp_path):
    place(tmp_path / "music" / "21_1.wav", 0)
    options = {"lists": discogs, "audio": tmp_path / "music", "jobs": 1}
    script("discogs_vi").main(tmp_path / "out", **options)
    table = read_versions(tmp_path / "out" / "versions.csv")
    assert list(table["version"]) == ["V-21-1"]


@pytest.mark.parametrize("text", ["[1, 2]", "{", '{"C-1": [{"id": 1}]}'])
def test_other_lists_are_no_discogs_vi(text, script, discogs):
    next(discogs.glob("*.val")).write_text(text)
    with pytest.raises(BytecoverError, match="not a light list of Discogs-VI"):
        script("discogs_vi").read_set(discogs)


def test_the_songbook_becomes_files_that_the_network_can_hear(script, monkeypatch, tmp_path):
    from bytecover_lite.songbook import corpus

    whole = corpus.arrange

    def beginning(*args, **options):
        version = whole(*args, **options)
        notes = version.notes[version.notes["start"] + version.notes["duration"] < 6]
        return dataclasses.replace(version, notes=notes, duration=6.0)

    monkeypatch.setattr(corpus, "arrange", beginning)
    monkeypatch.setattr(corpus, "works_of", lambda block, jobs: corpus.SEEDS[block.seeds][:1])
    block = corpus.Block("test", "example", 1, 2, ("easy", "real"))
    monkeypatch.setitem(corpus.PRESETS, "two", (block,))
    songbook = script("songbook")
    options = {"preset": "two", "suffix": "flac", "engine": "own", "jobs": 1}
    songbook.main(tmp_path / "out", **options, extract="lite")
    table, store = open_corpus(tmp_path / "out")
    assert len(table) == 2
    sound = load_audio(table["path"][0])
    midi = sorted((tmp_path / "out" / "midi").rglob("*.mid"))
    assert [path.stem for path in midi] == sorted(table["version"])
    assert all(path.read_bytes()[:4] == b"MThd" for path in midi)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.flac")}
    songbook.main(tmp_path / "out", **options)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.flac")}
    frames = store[table["version"][0]].shape[1]
    assert frames == (len(sound) // 512 + 1) // open_model("lite").config.features.averaging
    assert np.abs(sound).max() > 0.05


def test_rough_versions_of_a_preset_are_rough_in_its_files(script, monkeypatch, tmp_path):
    from bytecover_lite.songbook import corpus, render
    from bytecover_lite.songbook.timbre import ROUGH

    played, noise = [], np.random.default_rng(0).normal(size=22050 * 10) / 10
    monkeypatch.setattr(render, "synthesize", lambda v, **_: played.append(v) or noise)
    block = corpus.Block("test", "example", 1, 2, ("easy", "real"), timbres=corpus.HALF)
    monkeypatch.setitem(corpus.PRESETS, "two", (block,))
    options = {"preset": "two", "suffix": "wav", "engine": "own", "jobs": 1}
    script("songbook").main(tmp_path, **options)
    pitched = [[part.colour for part in v.parts if not part.drums] for v in played]
    assert all(c & ROUGH for c in pitched[0]) and not any(c & ROUGH for c in pitched[1])
    assert list(pd.read_csv(tmp_path / "versions.csv")["artist"]) == ["rough easy 1", "real 2"]
