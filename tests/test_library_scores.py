"""Laws of the measurement behind the probabilities."""

import json

import numpy as np
import pytest

from bytecover_lite import ByteCover, library_scores
from bytecover_lite.cli import main
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.embed import Embeddings
from bytecover_lite.library_files import hash_checkpoint
from bytecover_lite.library_scores import CalibrationError, calibrate, check_calibration
from bytecover_lite.passages import Collection
from bytecover_lite.same_work import SameWork, read_same_work
from bytecover_lite.songbook.corpus import build


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("scores") / "tiny"
    return build("tiny", path, settings=FeatureSettings(averaging=20), jobs=1)


def test_the_command_writes_what_the_other_commands_read(corpus, tmp_path, monkeypatch, capsys):
    relations = library_scores.score_relations
    monkeypatch.setattr(
        library_scores, "score_relations", lambda settings: relations(settings, works=3)
    )
    monkeypatch.chdir(tmp_path)
    main(["calibrate", str(corpus), "--result", "results/calibration.json"])
    found = json.loads((tmp_path / "results" / "calibration.json").read_text())
    assert found["checkpoint"] == hash_checkpoint("lite")
    assert read_same_work(found["checkpoint"]) == SameWork(**found["same_work"])
    assert read_same_work("of another checkpoint") is None
    assert found["same_work"]["slope"] < 0
    assert [row["seconds"] for row in found["short_queries"]] == [10, 20, 30, 60, 120, None]
    assert all(row["n_queries"] == 4 and 0 < row["map"] <= 1 for row in found["short_queries"])
    medleys = found["medleys"]
    assert medleys["queries"] == 3 and medleys["references"] == 7
    for kind in ("whole", "windows"):
        assert 0 <= medleys[kind]["first"] <= medleys[kind]["ten"] <= 1 <= medleys[kind]["median"]
    for told in (found["keys"], found["tempi"]):
        assert told.pop("pairs") == 3 and all(0 <= value <= 1 for value in told.values())
    assert found["tests"][0]["prior"] == pytest.approx(4 / 28)
    assert "off by" in capsys.readouterr().out


def test_a_corpus_without_the_split_is_refused(corpus):
    with pytest.raises(CalibrationError, match="'moon' needs several works"):
        library_scores._embed_split(corpus, "moon", ByteCover.from_pretrained())
    with pytest.raises(ValueError, match="nowhere"):
        calibrate(corpus / "nowhere", [corpus])


def test_a_corpus_of_finer_frames_is_seen_through_the_frames_of_the_model(corpus, tmp_path):
    fine = build("tiny", tmp_path / "fine", settings=FeatureSettings(averaging=10), jobs=1)
    model = ByteCover.from_pretrained()
    (left, works), (right, same_works) = (
        library_scores._embed_split(path, "test", model) for path in (corpus, fine)
    )
    assert left.recordings == right.recordings and (works == same_works).all()
    assert (np.sum(left.vectors * right.vectors, axis=1) > 0.999).all()
    for score in (library_scores.score_short_queries, library_scores.score_medleys):
        assert score(fine, right, works, model)


def test_medleys_are_made_of_works_with_two_versions(corpus):
    model = ByteCover.from_pretrained()
    collection, works = library_scores._embed_split(corpus, "test", model)
    lone = works.copy()
    lone[0] = "alone"  # one of the eight recordings loses its partner
    assert library_scores.score_medleys(corpus, collection, lone, model)["queries"] == 3
    lone[[2, 4]] = "lonely", "left"
    with pytest.raises(CalibrationError, match="medleys need 3 works of two versions"):
        library_scores.score_medleys(corpus, collection, lone, model)


def test_pairs_are_counted_once_and_first_results_once_a_query():
    """Two works of two versions on a circle: the nearest one is always of the same work."""
    angles = np.array([0.0, 0.1, 2.0, 2.2])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    collection = Collection.of(Embeddings(tuple("abcd"), vectors))
    cliques = np.array(["x", "x", "y", "y"])
    found = check_calibration(SameWork(10.0, -100.0), collection, cliques)
    assert found["prior"] == pytest.approx(2 / 6)
    assert sum(one["pairs"] for one in found["pairs"]["bins"]) == 6
    assert sum(one["pairs"] for one in found["first_results"]["bins"]) == 4
    assert found["first_results"]["brier"] < 0.01 and found["pairs"]["error"] < 0.05
