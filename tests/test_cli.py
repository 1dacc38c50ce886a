"""Laws of the command line: the whole line works, and every mistake is one clear line."""

import io
import json
import os
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from bytecover_lite.audio import write_wav
from bytecover_lite.cli import main
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.files import format_csv
from bytecover_lite.library_files import hash_checkpoint
from bytecover_lite.model import ByteCover, ByteCoverConfig, save_model
from bytecover_lite.pipeline import open_model
from bytecover_lite.store import FeatureStore

SMALL = (
    "--model.depth 18 --model.width 0.125 --cliques-per-batch 4 --versions-per-clique 2 "
    "--crop-frames 16 --steps 2 --validate-every 1 --accelerator cpu"
).split()
NOISE = 0.1 * np.random.default_rng(0).standard_normal(22050 * 6)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "tiny"
    main(["songbook", str(path), "--preset", "tiny", "--jobs", "1"])
    return path


def failure(capsys, *arguments):
    """Run a command that must fail; return what it said."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_the_whole_line_from_songbook_to_scores(corpus, tmp_path, capsys):
    main(["train", str(corpus), str(tmp_path / "run"), *SMALL])
    model = tmp_path / "run" / "model.safetensors"
    main(["embed", str(corpus), str(tmp_path / "e.safetensors"), "--model", str(model)])
    scores = tmp_path / "scores.json"
    common = ["evaluate", str(corpus), "--model", str(model), "--out", str(scores)]
    main([*common, "--systems", "random", "chroma", "2dftm", "model"])
    fresh = json.loads(scores.read_text())["rows"]
    assert [row["system"] for row in fresh] == ["random", "chroma", "2dftm", "model"]
    assert all(0 < row["map_low"] <= row["map"] <= row["map_high"] <= 1 for row in fresh)
    main([*common, "--systems", "model", "--embeddings", str(tmp_path / "e.safetensors")])
    stored = json.loads(scores.read_text())["rows"]
    assert stored[0]["map"] == pytest.approx(fresh[3]["map"], abs=1e-9)
    log = tmp_path / "training.json"
    main(["export", str(tmp_path / "run"), str(tmp_path / "m.safetensors"), "--result", str(log)])
    assert len(json.loads(log.read_text())["rows"]) == 2
    capsys.readouterr()
    main(["summary", str(scores)])
    assert f"{stored[0]['map']:.3f}" in capsys.readouterr().out


def test_features_of_audio_files_keep_the_good_and_report_the_bad(tmp_path, capsys):
    rng = np.random.default_rng(0)
    write_wav(tmp_path / "good.wav", 0.1 * rng.standard_normal(22050 * 6), sr=22050)
    (tmp_path / "empty.wav").touch()
    names = ["version", "clique", "split", "title", "artist", "source", "path"]
    rows = [(name, "w", "test", "", "", "", f"{name}.wav") for name in ("good", "empty", "absent")]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "versions.csv", index=False)
    main(["features", str(tmp_path / "versions.csv"), str(tmp_path / "out"), "--jobs", "1"])
    assert FeatureStore.open(tmp_path / "out" / "features").versions == ["good"]
    report = pd.read_csv(tmp_path / "out" / "report.csv", index_col="version")
    assert "empty" in report.loc["empty", "reason"] and report.loc["absent", "reason"]
    assert "left out empty" in capsys.readouterr().out


def test_no_usable_file_at_all_is_an_error_and_leaves_no_store(tmp_path, capsys):
    names = "version,clique,split,title,artist,source,path\n"
    (tmp_path / "versions.csv").write_text(names + "a,w,test,,,,a.wav\n")
    said = failure(capsys, "features", tmp_path / "versions.csv", tmp_path / "out", "--jobs", "1")
    assert "report.csv" in said and not (tmp_path / "out" / "features").exists()


def test_a_second_table_without_a_usable_file_takes_nothing_from_the_first(tmp_path, capsys):
    names = "version,clique,split,title,artist,source,path\n"
    write_wav(
        tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(22050 * 6), sr=22050
    )
    (tmp_path / "versions.csv").write_text(names + "a,w,test,,,,a.wav\n")
    main(["features", str(tmp_path / "versions.csv"), str(tmp_path / "out"), "--jobs", "1"])
    (tmp_path / "versions.csv").write_text(names + "b,w,test,,,,away/b.wav\n")
    failure(capsys, "features", tmp_path / "versions.csv", tmp_path / "out", "--jobs", "1")
    assert FeatureStore.open(tmp_path / "out" / "features").versions == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="names on Windows are text")
def test_a_file_whose_name_is_no_text_is_reported_like_others(tmp_path, capsys):
    columns = ["version", "clique", "split", "title", "artist", "source", "path"]
    write_wav(
        tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(22050 * 6), sr=22050
    )
    odd = os.fsdecode(b"caf\xe9.mp3")
    rows = [("a", "w", "test", "", "", "", "a.wav"), ("b", "w", "test", "", "", "", odd)]
    rows.append(("c", "w", "test", "", "", "", ""))
    (tmp_path / "versions.csv").write_bytes(format_csv(columns, rows))
    main(["features", str(tmp_path / "versions.csv"), str(tmp_path / "out"), "--jobs", "1"])
    said = capsys.readouterr().out
    assert "left out b" in said and "caf\\udce9.mp3" in said and "1 of 3 versions usable" in said
    report = (tmp_path / "out" / "report.csv").read_bytes()
    assert b"caf\xe9.mp3" in report and b"names no file" in report


def test_a_folder_named_like_the_checkpoint_does_not_hide_it(corpus, tmp_path, monkeypatch):
    (tmp_path / "lite").mkdir()
    monkeypatch.chdir(tmp_path)
    assert open_model("lite") and hash_checkpoint("lite")


def test_names_outside_the_code_page_are_printed_escaped(corpus, tmp_path, monkeypatch):
    row = {"corpus": "愛", "system": "model", "n_queries": 1, "seconds": 1}
    for name in ("map", "mr1", "p_at_k"):
        row |= {name: 1.0, f"{name}_low": 1.0, f"{name}_high": 1.0}
    (tmp_path / "r.json").write_text(json.dumps({"rows": [row]}))
    page = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", page)
    main(["summary", str(tmp_path / "r.json")])
    page.flush()
    assert b"\\u611b" in page.buffer.getvalue()


def test_what_cannot_be_written_is_said_in_one_line(corpus, tmp_path, capsys):
    (tmp_path / "file").touch()
    said = failure(
        capsys, "evaluate", corpus, "--systems", "random", "--out", tmp_path / "file/r.json"
    )
    assert str(tmp_path / "file") in said and "cannot be read or written" in said


def test_a_checkpoint_of_other_settings_is_refused_with_both(corpus, tmp_path, capsys):
    torch.manual_seed(0)
    settings = FeatureSettings(averaging=30)
    model = ByteCover(ByteCoverConfig(depth=18, width=0.125, freq_stride=1, features=settings))
    save_model(model, tmp_path / "m.safetensors")
    said = failure(
        capsys, "evaluate", corpus, "--systems", "model", "--model", tmp_path / "m.safetensors"
    )
    assert "averaging=20" in said and "averaging=30" in said


def test_a_half_written_store_is_refused(corpus, tmp_path, capsys):
    half = tmp_path / "half"
    (half / "features").mkdir(parents=True)
    (half / "versions.csv").write_bytes((corpus / "versions.csv").read_bytes())
    (half / "features" / "settings.json").write_bytes(
        (corpus / "features" / "settings.json").read_bytes()
    )
    assert str(half / "features") in failure(capsys, "evaluate", half, "--systems", "random")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["evaluate", "/no/such/corpus"], "/no/such/corpus"),
        (["songbook", "OUT", "--preset", "nothing"], "nothing"),
        (["evaluate", "CORPUS", "--systems", "oracle"], "oracle"),
        (["evaluate", "CORPUS", "--systems", "model", "--model", "nobody"], "nobody"),
        (["evaluate", "CORPUS", "--split", "moon"], "moon"),
        (["summary", "CORPUS/versions.csv"], "versions.csv"),
        (["summary", "OTHER"], "other.json"),
        (["evaluate", "CORPUS", "--systems", "model", "--device", "gpu"], "'gpu'"),
        (["train", "CORPUS", "OUT", "--steps", "0"], "steps"),
        (["ablate", "norm", "CORPUS", "OUT", "--tests", "CORPUS", "CORPUS"], "the same name"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(arguments, named, corpus, tmp_path, capsys):
    (tmp_path / "other.json").write_text('{"rows": [{"set": "of another command"}]}')
    places = {"CORPUS": str(corpus), "OUT": str(tmp_path / "out")}
    places["OTHER"] = str(tmp_path / "other.json")
    for word, place in places.items():
        arguments = [argument.replace(word, place) for argument in arguments]
    said = failure(capsys, *arguments)
    assert named in said


def test_an_unknown_option_is_refused_by_name(corpus, capsys):
    assert "--colour" in failure(capsys, "evaluate", corpus, "--colour", "red")


@pytest.mark.parametrize("preset", ["lite", "paper"])
def test_help_of_train_shows_the_presets_own_defaults(preset, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--preset", preset, "--help"])
    shown = capsys.readouterr().out
    assert {"lite": "0.25", "paper": "60000"}[preset] in shown.replace(",", "").replace("_", "")
