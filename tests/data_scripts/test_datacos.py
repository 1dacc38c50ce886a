"""Da-TACOS: published counts, a user's recordings, published chroma."""

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[2] / "data_scripts"

pytest.importorskip("mirdata", reason="mirdata is not installed (extra `data`)")
h5py = pytest.importorskip("h5py", reason="h5py is not installed (extra `data`)")


@pytest.fixture
def scripts(monkeypatch):
    """The two scripts as modules."""
    monkeypatch.syspath_prepend(SCRIPTS)
    for name in ("datacos", "datacos_chroma"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import datacos
    import datacos_chroma

    return datacos, datacos_chroma


def test_benchmark_has_its_published_size(scripts):
    """15,000 performances: 1,000 works x 13 and 2,000 works x 1."""
    from bytecover_lite.data import check_versions

    table = scripts[0].versions_table()
    check_versions(table)
    assert len(table) == 15_000
    assert Counter(table.groupby("clique").size()) == {13: 1000, 1: 2000}


def test_cover_analysis_set_has_its_published_size(scripts):
    table = scripts[0].versions_table("coveranalysis")
    assert Counter(table.groupby("clique").size()) == {2: 5000}


def test_the_two_subsets_share_no_performance(scripts):
    tables = [scripts[0].versions_table(subset) for subset in ("benchmark", "coveranalysis")]
    assert not set(tables[0]["version"]) & set(tables[1]["version"])


def test_another_index_is_refused(scripts, monkeypatch):
    monkeypatch.setitem(scripts[0].COUNTS, "benchmark", {13: 1000, 1: 1999})
    with pytest.raises(scripts[0].DatacosError, match=r"works by size are .*2000.*, not .*1999"):
        scripts[0].load_index()


def test_recordings_are_found_by_performance(scripts, tmp_path):
    rows = scripts[0].load_index()
    (tmp_path / rows[0][0]).mkdir()
    first = tmp_path / rows[0][0] / f"{rows[0][1]}.mp3"
    second = tmp_path / f"{rows[1][1]}.FLAC"
    for path in (first, second, tmp_path / "P_1.txt", tmp_path / "other.mp3"):
        path.touch()
    table = scripts[0].versions_table(audio=tmp_path).set_index("version")
    assert table.loc[rows[0][1], "path"] == str(first)
    assert table.loc[rows[1][1], "path"] == str(second)
    assert (table["path"] != "").sum() == 2


def test_two_recordings_of_a_performance_are_an_error(scripts, tmp_path):
    performance = scripts[0].load_index()[0][1]
    (tmp_path / f"{performance}.mp3").touch()
    (tmp_path / f"{performance}.wav").touch()
    with pytest.raises(scripts[0].DatacosError, match="same performance"):
        scripts[0].versions_table(audio=tmp_path)


def test_a_folder_without_recordings_is_an_error(scripts, tmp_path):
    with pytest.raises(scripts[0].DatacosError, match="no recording is named"):
        scripts[0].versions_table(audio=tmp_path)


def test_titles_come_from_the_published_metadata(scripts, tmp_path):
    work, performance, _ = scripts[0].load_index()[0]
    path = tmp_path / "metadata.json"
    text = {"perf_title": "A song", "perf_artist": "A singer", "release_year": "1971"}
    path.write_text(json.dumps({work: {performance: text}}))
    row = scripts[0].versions_table(metadata=path).set_index("version").loc[performance]
    assert (row["title"], row["artist"], row["clique"]) == ("A song", "A singer", work)


@pytest.mark.parametrize("text", [None, "{", "[1]"])
def test_other_metadata_is_refused(text, scripts, tmp_path):
    path = tmp_path / "metadata.json"
    if text:
        path.write_text(text)
    with pytest.raises(scripts[0].DatacosError, match=r"metadata\.json: (no readable|not the)"):
        scripts[0].versions_table(metadata=path)


def test_command_writes_the_table_and_what_is_missing(scripts, tmp_path, capsys):
    from bytecover_lite.data import read_versions

    performance = scripts[0].load_index()[7][1]
    (tmp_path / f"{performance}.ogg").touch()
    scripts[0].main(tmp_path / "out", audio=tmp_path)
    assert read_versions(tmp_path / "out" / "versions.csv")["version"].tolist() == [performance]
    assert len((tmp_path / "out" / "missing.csv").read_text().splitlines()) == 15_000
    assert "1 of 15000 performances" in capsys.readouterr().out


def write_h5(path, frames, name="hpcp"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file[name] = frames
        file["track_id"] = path.stem
    return hashlib.md5(path.read_bytes()).hexdigest()


def chroma(work, performance):
    """A performance is its work's chords, turned, with noise of its own."""
    chords = np.random.default_rng(work).random((90, 12)) > 0.7
    frames = np.repeat(chords, 40, axis=0) + 0.2 * np.random.default_rng(performance).random(
        (3600, 12)
    )
    return np.roll(frames, performance, axis=1).astype(np.float32)


@pytest.fixture
def published(scripts, tmp_path, monkeypatch):
    """The layout of the published folder in small: 6 works x 3 performances, two alone."""
    rows = []
    sizes = [3] * 6 + [1] * 2
    for work, size in enumerate(sizes):
        for number in range(size):
            performance = 10 * work + number
            name = f"da-tacos_benchmark_subset_hpcp/W_{work}_hpcp/P_{performance}_hpcp.h5"
            md5 = write_h5(tmp_path / name, chroma(work, performance))
            rows.append((f"W_{work}", f"P_{performance}", {"hpcp": [name, md5]}))
    monkeypatch.setattr(scripts[1], "load_index", lambda subset: rows)
    return tmp_path


@pytest.mark.parametrize("system", ["chroma", "2dftm", "qmax"])
def test_baselines_score_published_chroma(scripts, published, system):
    summary, failed = scripts[1].score_features(published, system=system)
    assert failed == []
    assert (summary["files_used"], summary["n_queries"], summary["n_lone"]) == (20, 18, 2)
    assert summary["map"] > (0.5 if system == "chroma" else 0.95)


def test_the_inner_folder_serves_as_well(scripts, published):
    inner = published / "da-tacos_benchmark_subset_hpcp"
    expected, _ = scripts[1].score_features(published, system="chroma")
    assert scripts[1].score_features(inner, system="chroma")[0] == expected


def test_first_works_only(scripts, published):
    _, cliques, versions, failed = scripts[1].read_features(published, works=2)
    assert cliques == ["W_0"] * 3 + ["W_1"] * 3
    assert versions[3] == "P_10"
    assert failed == []


def test_broken_files_are_reported_and_not_fatal(scripts, published):
    folder = published / "da-tacos_benchmark_subset_hpcp"
    (folder / "W_0_hpcp" / "P_0_hpcp.h5").unlink()
    (folder / "W_1_hpcp" / "P_10_hpcp.h5").write_bytes(b"half a file")
    summary, failed = scripts[1].score_features(published, system="chroma")
    assert (summary["files_used"], summary["files_failed"]) == (18, 2)
    assert "P_0_hpcp.h5: missing" in failed[0]
    assert "P_10_hpcp.h5: wrong checksum" in failed[1]


def test_nothing_usable_is_an_error(scripts, published, tmp_path):
    with pytest.raises(scripts[0].DatacosError, match="not one file could be used"):
        scripts[1].score_features(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("message", "frames", "name"),
    [
        ("no readable h5 file with hpcp", np.ones((100, 12)), "mfcc"),
        (r"shape \(12, 100\)", np.ones((12, 100)), "hpcp"),
        ("no finite", np.full((100, 12), np.nan), "hpcp"),
        ("39 frames are fewer than 40", np.ones((39, 12)), "hpcp"),
    ],
)
def test_files_that_are_no_chroma_are_named(scripts, tmp_path, message, frames, name):
    write_h5(tmp_path / "P_1_hpcp.h5", frames, name)
    with pytest.raises(scripts[0].DatacosError, match=f"P_1_hpcp.h5.*{message}"):
        scripts[1].read_chroma(tmp_path / "P_1_hpcp.h5")


def test_frames_are_averaged(scripts, tmp_path):
    frames = np.random.default_rng(0).random((85, 12)).astype(np.float32)
    write_h5(tmp_path / "P_1_crema.h5", frames, "crema")
    found = scripts[1].read_chroma(tmp_path / "P_1_crema.h5", "crema", average=40)
    assert found.shape == (12, 2)
    assert found[:, 1] == pytest.approx(frames[40:80].mean(0))


def test_command_writes_a_results_file(scripts, published, tmp_path):
    scripts[1].main(published, system="chroma", out=tmp_path / "results")
    found = json.loads((tmp_path / "results" / "datacos-hpcp-chroma.json").read_text())
    assert found["dataset"] == "da-tacos benchmark"
    assert found["provenance"]["commit"]


def test_embeddings_of_the_whole_benchmark_are_scored_by_the_command(scripts, tmp_path, capsys):
    """13,000 queries against 14,999 others; 2,000 works are nobody's match."""
    from bytecover_lite.cli import main
    from bytecover_lite.embed import Embeddings

    scripts[0].main(tmp_path)
    table = scripts[0].versions_table()
    generator = np.random.default_rng(0)
    works = generator.standard_normal((3000, 24))[table["clique"].factorize()[0]]
    vectors = (works + 1.5 * generator.standard_normal(works.shape)).astype(np.float32)
    Embeddings(tuple(table["version"]), vectors).save(tmp_path / "e.safetensors")
    given = ["--embeddings", str(tmp_path / "e.safetensors"), "--out", str(tmp_path / "s.json")]
    main(["evaluate", str(tmp_path), "--systems", "model", *given])
    row = json.loads((tmp_path / "s.json").read_text())["rows"][0]
    assert (row["n_queries"], row["n_lone"], row["n_references"]) == (13_000, 2_000, 15_000)
    assert (row["n_works"], row["ceiling"]) == (1_000, 1)
    assert 0.01 < row["map"] < 1
    assert "13000" in capsys.readouterr().out
