"""Laws of the calibration: what it scores, and that its results file describes today's songs."""

import json
from pathlib import Path

import numpy as np
import pytest

from bytecover_lite.baselines import chroma_distances
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.retrieval import evaluate
from bytecover_lite.songbook.arrange import arrange
from bytecover_lite.songbook.calibration import BANDS, difficulty_scores
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import Block, works_of
from bytecover_lite.songbook.genres import GENRES
from bytecover_lite.songbook.render import draw

RESULTS = Path(__file__).parents[1] / "book" / "results" / "songbook_calibration.json"


@pytest.fixture(scope="module")
def published():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def test_a_smaller_set_is_the_beginning_of_a_larger_one():
    both = difficulty_scores("real", works=(3, 4), versions=2)
    assert list(both) == [3, 4]
    assert both[3] == difficulty_scores("real", works=(3,), versions=2)[3]
    assert both[3] != both[4]


def test_published_scores_are_those_of_the_songs_that_are_composed_today(published):
    versions = published["versions_per_work"]
    seeds = works_of(Block("test", "test", published["works"], versions))
    settings = FeatureSettings(averaging=20)
    features = [
        draw(arrange(compose(seed), number), settings)
        for seed in seeds
        for number in range(1, versions + 1)
    ]
    found = evaluate(chroma_distances(features), np.repeat(seeds, versions))
    assert found.map == pytest.approx(published["difficulties"]["real"]["chroma"]["map"], abs=2e-3)


def test_published_sizes_of_real_span_those_of_the_published_sets(published):
    sizes = sorted(map(int, published["real_by_works"]))
    assert sizes[0] == published["works"] == 80
    assert len(sizes) >= 3
    assert published["real_by_works"]["80"] == published["difficulties"]["real"]
    assert {name: tuple(band) for name, band in published["bands_for_real"].items()} == BANDS


def test_difficulties_are_in_order_for_every_method_that_learns_nothing(published):
    for method in BANDS:
        easy, real, hard = (
            published["difficulties"][name][method]["map"] for name in ("easy", "real", "hard")
        )
        assert easy > real > hard > published["difficulties"]["hard"]["random"]["map"]


def test_published_agreement_of_the_renderers_is_good_in_every_genre(published):
    own = published["agreement"]["own"]
    assert set(own["genres"]) == set(GENRES)
    assert own["median"] >= 0.95
    assert min(own["genres"].values()) >= 0.85


def test_no_published_test_work_is_near_a_training_work(published):
    distinct = published["distinctness"]
    assert distinct["test_to_train"]["1.0"] < distinct["limit"]
    assert distinct["rejected_of_train"] < 0.02 * distinct["train_works"]
