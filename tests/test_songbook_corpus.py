"""Laws of corpora: splits never meet, builds can be resumed, bytes depend on seeds alone."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.data import read_versions
from bytecover_lite.songbook import corpus
from bytecover_lite.songbook.arrange import GUESTS
from bytecover_lite.songbook.compose import compose
from bytecover_lite.songbook.corpus import PRESETS, SEEDS, CorpusError, build, invariance_set
from bytecover_lite.songbook.distinct import NEAR, fingerprint
from bytecover_lite.store import FeatureStore

SETTINGS = FeatureSettings(averaging=100)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return build("tiny", tmp_path_factory.mktemp("tiny"), settings=SETTINGS, jobs=1)


def _bytes(path):
    return {f.name: f.read_bytes() for f in (path / "features").iterdir() if f.suffix != ".json"}


def test_seed_ranges_never_overlap():
    """Nor do those of the songs that only end medleys."""
    for one, other in combinations([*SEEDS.values(), GUESTS], 2):
        assert one.stop <= other.start or other.stop <= one.start


@pytest.mark.parametrize("preset", PRESETS)
def test_blocks_of_a_preset_share_no_work_between_splits(preset):
    taken = {}
    for block in PRESETS[preset]:
        taken.setdefault(block.seeds, []).append((block.skip, block.skip + block.works))
    for spans in taken.values():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(spans)))


def test_training_works_come_from_no_range_that_is_tested():
    used = {"train": set(), "test": set(), "validation": set()}
    for name, blocks in PRESETS.items():
        for block in blocks:
            if name != "tiny":
                used[block.split].add(block.seeds)
    assert not used["train"] & (used["test"] | used["validation"])
    assert not used["validation"] & used["test"]


def test_no_work_that_is_tested_is_near_one_that_was_trained_on():
    train, *others = (
        np.stack([fingerprint(compose(seed)) for seed in SEEDS[name][:count]])
        for name, count in (("train", 500), ("validation", 80), ("test", 80), ("datacos", 80))
    )
    for prints in others:
        assert (prints @ train.T).max() < NEAR


def test_a_work_that_is_near_an_earlier_one_is_left_out(monkeypatch):
    prints, (first, second, third, again, last) = corpus._prints, SEEDS["example"][:5]
    copied = {again: second}
    monkeypatch.setattr(corpus, "_prints", lambda seeds: prints([copied.get(s, s) for s in seeds]))
    block = corpus.Block("test", "example", 4, 1)
    assert corpus.works_of(block) == [first, second, third, last]


def test_datacos_has_the_shape_of_the_benchmark():
    counts = [(block.works, block.versions) for block in PRESETS["datacos"]]
    assert counts == [(1000, 13), (2000, 1)]


def test_a_corpus_has_its_works_and_versions(tiny):
    table = read_versions(tiny / "versions.csv")
    store = FeatureStore.open(tiny / "features", settings=SETTINGS)
    assert list(table["version"]) == list(store.versions)
    sizes = table.groupby("clique").size()
    assert sorted(sizes) == [2] * 8 + [3] * 8
    assert (table.groupby("clique")["split"].nunique() == 1).all()
    for version in table["version"]:
        features = np.asarray(store[version], np.float32)
        assert np.isfinite(features).all() and features.max() > 0
        assert 15 < features.shape[1] < 260


def test_a_corpus_depends_on_nothing_but_its_seeds(tiny, tmp_path):
    again = build("tiny", tmp_path, settings=SETTINGS, jobs=2)
    assert _bytes(again) == _bytes(tiny)
    assert (again / "versions.csv").read_bytes() == (tiny / "versions.csv").read_bytes()


def test_a_build_that_was_killed_is_taken_up_where_it_stood(tiny, tmp_path, monkeypatch):
    whole, calls = corpus._draw_works, []

    def dies(tasks, settings):
        calls.append(len(tasks))
        if len(calls) == 1:
            return whole(tasks[:5], settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus, "CHUNK", 5)
    monkeypatch.setattr(corpus, "_draw_works", dies)
    with pytest.raises(KeyboardInterrupt):
        build("tiny", tmp_path, settings=SETTINGS, jobs=1)
    monkeypatch.setattr(corpus, "_draw_works", whole)
    assert _bytes(build("tiny", tmp_path, settings=SETTINGS, jobs=1)) == _bytes(tiny)


@pytest.mark.parametrize("vary", [{"key": 3}, {"key": 0.0, "tempo": 0.0}])
def test_invariance_sets_start_from_the_base_version(tmp_path, vary):
    path = invariance_set(vary, tmp_path, works=3, versions=3, settings=SETTINGS)
    table = read_versions(path / "versions.csv")
    store = FeatureStore.open(path / "features")
    assert table.groupby("clique").size().tolist() == [3, 3, 3]
    for _, rows in table.groupby("clique"):
        base, *others = (np.asarray(store[version]) for version in rows["version"])
        same = [other.shape == base.shape and np.array_equal(other, base) for other in others]
        assert all(same) == (not any(vary.values()))


def test_unknown_presets_are_named(tmp_path):
    with pytest.raises(CorpusError, match="tiny"):
        build("huge", tmp_path)
