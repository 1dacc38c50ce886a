"""From a corpus to scores: parts, shorter frames, tables, labels without features."""

import json
import re
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch

from bytecover_lite.cli import main
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.embed import Embeddings, EmbeddingsError, embed_versions
from bytecover_lite.expansion import expand
from bytecover_lite.hubs import scale_locally
from bytecover_lite.model import ByteCover, save_model
from bytecover_lite.model_config import ByteCoverConfig
from bytecover_lite.passages import unit
from bytecover_lite.pipeline import (
    PipelineError,
    open_corpus,
    part_of,
    print_scores,
    score_corpus,
)
from bytecover_lite.retrieval import score
from bytecover_lite.songbook.corpus import build
from bytecover_lite.store import StoreError
from bytecover_lite.systems import Similarity, from_baseline, from_tempi


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """The same songs in frames of two lengths."""
    folder = tmp_path_factory.mktemp("corpora")
    return [
        build("tiny", folder / name, settings=FeatureSettings(averaging=averaging), jobs=1)
        for name, averaging in (("coarse", 20), ("fine", 10))
    ]


def test_a_part_keeps_the_shape_of_the_whole():
    """Every fifth work of 13 versions and every fifth of one."""
    cliques = [f"a{i}" for i in range(20) for _ in range(13)] + [f"b{i}" for i in range(40)]
    part = part_of(pd.DataFrame({"clique": cliques}), 5)
    assert part.groupby("clique").size().value_counts().to_dict() == {13: 4, 1: 8}
    assert len(part_of(pd.DataFrame({"clique": cliques}), 1)) == len(cliques)


def test_a_share_of_nothing_is_an_error():
    with pytest.raises(PipelineError, match="share is 0"):
        part_of(pd.DataFrame({"clique": ["a"]}), 0)


def test_the_model_hears_means_of_shorter_frames(corpora):
    """One corpus serves the network and the baselines; only the former sees the same in both."""
    model = ByteCover.from_pretrained("lite")
    coarse, fine = (unit(embed_versions(model, open_corpus(one)[1]).vectors) for one in corpora)
    assert ((coarse * fine).sum(1) > 0.999).all()
    rows = [score_corpus(corpus, ["2dftm", "model"]) for corpus in corpora]
    assert rows[0][0]["map"] != rows[1][0]["map"]
    assert rows[0][1]["map"] == pytest.approx(rows[1][1]["map"], abs=0.01)


def test_a_table_has_one_row_a_query(corpora, tmp_path):
    row = score_corpus(corpora[0], ["random"], tables=tmp_path / "tables")[0]
    table = pd.read_csv(tmp_path / "tables" / "random.csv")
    assert len(table) == row["n_queries"]
    assert table["average_precision"].mean() == pytest.approx(row["map"])


def test_details_come_when_asked_for(corpora):
    plain, told = (score_corpus(corpora[0], ["chroma"], details=one)[0] for one in (False, True))
    assert set(told) - set(plain) == {"details"}
    assert sum(told["details"]["first_ranks"]["queries"]) == told["n_queries"]


def test_gains_are_over_the_systems_before(corpora):
    rows = score_corpus(corpora[0], ["random", "chroma", "2dftm"], details=True)
    assert [set(row["details"]["gains"]) for row in rows] == [
        set(),
        {"random"},
        {"random", "chroma"},
    ]
    gain = rows[2]["details"]["gains"]["random"]
    assert gain["difference"] == pytest.approx(rows[2]["map"] - rows[0]["map"])
    assert gain["low"] <= gain["difference"] <= gain["high"]


def test_a_second_checkpoint_is_compared_query_by_query(corpora, tmp_path, capsys):
    torch.manual_seed(0)
    other = tmp_path / "other.safetensors"
    save_model(
        ByteCover(ByteCoverConfig(depth=18, width=0.125, features=FeatureSettings(averaging=20))),
        other,
    )
    rows = score_corpus(corpora[0], ["chroma", "model"], model="lite", against=str(other))
    assert [row["system"] for row in rows] == ["against", "chroma", "model"]
    alone = score_corpus(corpora[0], ["model"], model=str(other))[0]
    assert rows[0]["map"] == alone["map"]
    assert "gain" not in rows[0] | alone
    for row in rows[1:]:
        assert row["gain"]["difference"] == pytest.approx(row["map"] - rows[0]["map"])
        assert row["gain"]["low"] <= row["gain"]["difference"] <= row["gain"]["high"]
    main(["evaluate", str(corpora[0]), "--systems", "model", "--against", "lite"])
    assert "MAP of model over against, paired by query: +0.000 [+0.000, +0.000]" in (
        capsys.readouterr().out
    )
    with pytest.raises(PipelineError, match="'against'"):
        score_corpus(corpora[0], ["against"])


def test_labels_are_enough_when_embeddings_are_given(corpora, tmp_path):
    (tmp_path / "versions.csv").write_bytes((corpora[0] / "versions.csv").read_bytes())
    versions = pd.read_csv(tmp_path / "versions.csv")["version"]
    vectors = np.random.default_rng(0).standard_normal((len(versions), 8)).astype(np.float32)
    Embeddings(tuple(versions), vectors).save(tmp_path / "e.safetensors")
    given = {"embeddings": tmp_path / "e.safetensors"}
    rows = score_corpus(tmp_path, ["random", "model"], **given)
    assert rows[1]["map"] == score_corpus(corpora[0], ["model"], **given)[0]["map"]
    beside = score_corpus(corpora[0], ["model"], against="lite", **given)
    assert [row["map"] for row in beside[1:]] == [rows[1]["map"]]
    with pytest.raises(StoreError, match="features"):  # labels are not enough for a network
        score_corpus(tmp_path, ["model"], against="lite", **given)
    with pytest.raises(PipelineError, match=r"versions.csv does not exist"):
        score_corpus(tmp_path / "nowhere", ["model"], **given)
    with pytest.raises(PipelineError, match="one tempo"):  # else another network might answer
        score_corpus(corpora[0], ["model", "tempi+csls"], **given)


def test_the_command_passes_everything_on(corpora, tmp_path):
    out, tables = tmp_path / "scores.json", tmp_path / "tables"
    common = ["evaluate", str(corpora[0]), "--out", str(out)]
    main([*common, "--systems", "2dftm", "--share", "2", "--details", "--tables", str(tables)])
    row = json.loads(out.read_text())["rows"][0]
    assert row["corpus"] == "coarse 1/2"
    assert row["n_queries"] == len(pd.read_csv(tables / "2dftm.csv")) == 4
    assert row["details"]["by_size"][0]["map"] == row["map"]


def test_the_system_tempi_compares_all_pairs_of_tempi(corpora, tmp_path):
    """Against a loop over the pairs of versions, from what `bytecover embed` writes."""
    corpus, table, tempi = str(corpora[0]), open_corpus(corpora[0])[0], ("0.5", "1", "1.6")
    heard = []
    for tempo in tempi:
        main(["embed", corpus, str(tmp_path / "e.safetensors"), "--tempo", tempo])
        heard.append(unit(Embeddings.load(tmp_path / "e.safetensors").vectors).astype(float))
    found = from_tempi(open_corpus(corpus)[1], list(table["version"]), tempi=(0.5, 1, 1.6))
    for a, b in combinations(range(len(table)), 2):
        pairs = [one[a] @ other[b] for one in heard for other in heard]
        assert min(pairs) <= 1 - found.distances[a, b] <= max(pairs)
        soft = 0.1 * np.log(np.mean(np.exp(np.array(pairs) / 0.1)))
        assert 1 - found.distances[a, b] == pytest.approx(soft, abs=1e-4)
    command = ["evaluate", corpus, "--systems", "model", "tempi", "--tempi", *tempi, "--details"]
    main([*command, "--out", str(tmp_path / "scores.json")])
    plain, several = json.loads((tmp_path / "scores.json").read_text())["rows"]
    gain = several["details"]["gains"]["model"]["difference"]
    assert gain == pytest.approx(several["map"] - plain["map"])
    with pytest.raises(EmbeddingsError, match="tempi is empty"):
        from_tempi(open_corpus(corpus)[1], list(table["version"]), tempi=())
    testing = table[table["split"] == "test"]
    ranks = from_tempi(open_corpus(corpus)[1], list(testing["version"]), tempi=(0.5, 1, 1.6)).ranks(
        list(testing["clique"]), list(testing["version"])
    )
    assert several["map"] == pytest.approx(score(ranks).map)


def test_any_system_may_be_scaled_locally(corpora):
    rows = score_corpus(corpora[0], ["2dftm", "2dftm+csls", "model+csls", "model"])
    assert [row["system"] for row in rows] == ["2dftm", "2dftm+csls", "model+csls", "model"]
    table, store = open_corpus(corpora[0])
    testing = table[table["split"] == "test"]
    cliques, versions = list(testing["clique"]), list(testing["version"])
    distances = from_baseline("2dftm", store, versions).distances
    alone = Similarity(distances=scale_locally(distances)).ranks(cliques, versions)
    assert rows[1]["map"] == pytest.approx(score(alone).map)
    for system in ("model+hubs", "model+qe+csls", "+qe"):
        with pytest.raises(PipelineError, match=re.escape(f"'{system}'") + r".*\+csls, \+qe"):
            score_corpus(corpora[0], [system])


def test_any_system_may_be_expanded_scaled_or_not(corpora):
    systems = ["2dftm", "2dftm+qe", "2dftm+csls+qe", "model+qe"]
    rows = score_corpus(corpora[0], systems)
    assert [row["system"] for row in rows] == systems
    table, store = open_corpus(corpora[0])
    testing = table[table["split"] == "test"]
    cliques, versions = list(testing["clique"]), list(testing["version"])
    distances = from_baseline("2dftm", store, versions).distances
    both = expand(scale_locally(distances), distances)
    for row, expected in ((1, expand(distances)), (2, both)):
        alone = Similarity(distances=expected).ranks(cliques, versions)
        assert rows[row]["map"] == pytest.approx(score(alone).map)


def test_columns_of_printed_scores_stay_apart_however_long_a_name_is(capsys):
    measures = {
        name + end: 0.5 for name in ("map", "mr1", "p_at_k") for end in ("", "_low", "_high")
    }
    rows = [
        {"corpus": corpus, "system": system, "n_queries": 3, "seconds": 1.0} | measures
        for corpus, system in (("a" * 30, "model"), ("b", "tempi+csls+qe-and-more"))
    ]
    print_scores(rows)
    head, *lines = capsys.readouterr().out.splitlines()
    for row, line in zip(rows, lines, strict=True):
        assert line.split()[:2] == [row["corpus"], row["system"]]
        assert line.index(row["system"]) == head.index("system")
