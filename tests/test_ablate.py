"""Laws of the ablations: one change an arm, the same budget, pairs by seed, probes that find."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch

from bytecover_lite import ablate as ablation
from bytecover_lite.arms import ABLATIONS, AblationError, Arm
from bytecover_lite.coarser import CoarserStore, coarsened
from bytecover_lite.cqt import FeatureSettings, average_frames
from bytecover_lite.model import ByteCover, ByteCoverConfig
from bytecover_lite.probe import STAGES, probe, stage_statistics
from bytecover_lite.recipes import TrainConfig, lite
from bytecover_lite.store import FeatureStore, StoreError, StoreWriter

FINE = FeatureSettings(averaging=10)
SMALL = TrainConfig(
    model=ByteCoverConfig(
        depth=18,
        width=0.125,
        freq_stride=1,
        compression="log",
        features=FeatureSettings(averaging=40),
    ),
    cliques_per_batch=4,
    versions_per_clique=2,
    crop_frames=12,
    steps=3,
    learning_rate=1e-3,
    warmup_steps=1,
    validate_every=3,
)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Six training works and four test works of three noisy versions, in short frames."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    rows = []
    with StoreWriter.create_or_resume(folder / "features", FINE) as writer:
        for work in range(10):
            pattern = rng.random((84, 64)) ** 4
            for take in range(3):
                writer.add(f"w{work}-{take}", pattern + 0.02 * rng.random((84, 64)))
                split = "train" if work < 6 else "test"
                rows.append((f"w{work}-{take}", f"w{work}", split, "", "", "made", ""))
    columns = ["version", "clique", "split", "title", "artist", "source", "path"]
    table = pd.DataFrame(rows, columns=columns)
    store = FeatureStore.open(folder / "features")
    return (table[table["split"] == "train"], store), (table[table["split"] == "test"], store)


@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_arms_of_an_ablation_differ_in_what_it_is_about_and_in_nothing_else(name):
    allowed = {
        "norm": {"norm"},
        "placement": {"ibn_stages"},
        "loss": {"classification_weight", "triplet_weight", "contrastive_weight", "neck"},
        "stride": {"freq_stride"},
        "octaves": {"octaves", "pool_stride"},
        "compression": {"compression"},
        "optimizer": {"optimizer", "learning_rate"},
        "averaging": {"averaging", "crop_frames"},
        "works": set(),
    }[name]
    arms = [_flat(asdict(arm.configured(lite(), 7))) for arm in ABLATIONS[name].values()]
    different = {key for arm in arms for key in arm if arm[key] != arms[0][key]}
    assert different == allowed
    assert all(arm["seed"] == 7 for arm in arms)


def test_the_crop_of_every_averaging_is_equally_long():
    seconds = [
        (config.crop_frames * config.model.features.seconds_per_frame)
        for config in (arm.configured(lite(), 0) for arm in ABLATIONS["averaging"].values())
    ]
    assert np.ptp(seconds) < 0.02 * seconds[0]


def test_the_first_works_of_a_corpus_are_kept_with_all_their_versions(corpora):
    table = Arm(works=4).restricted(corpora[0][0])
    assert table["clique"].unique().tolist() == ["w0", "w1", "w2", "w3"]
    assert len(table) == 12
    with pytest.raises(AblationError, match="has 6 training works, 7 are needed"):
        Arm(works=7).restricted(corpora[0][0])


def test_a_coarser_view_is_the_mean_of_the_finer_frames(corpora):
    store = corpora[0][1]
    view = CoarserStore(store, 40)
    fine = torch.from_numpy(store["w0-0"].astype(np.float32))[None]
    expected = average_frames(fine, factor=4)[0].numpy()
    np.testing.assert_allclose(view["w0-0"].astype(np.float32), expected, rtol=2e-3, atol=1e-4)
    assert view.settings == replace(FINE, averaging=40) and "w0-0" in view and "x" not in view
    with pytest.raises(StoreError, match="means over 10 frames give no means over 25"):
        CoarserStore(store, 25)
    with pytest.raises(StoreError, match=r"'w0-0' has \d+ frames, too few for one over 100000"):
        CoarserStore(store, 100_000)["w0-0"]


def test_a_store_is_seen_coarser_only_where_nothing_else_differs(corpora):
    store = corpora[0][1]
    assert coarsened(store, replace(FINE, averaging=40)).settings.averaging == 40
    for other in (FINE, replace(FINE, averaging=25), replace(FINE, averaging=5)):
        assert coarsened(store, other) is store
    assert coarsened(store, replace(FINE, averaging=40, n_bins=72)) is store


def test_an_ablation_that_was_killed_ends_as_if_it_had_not_been(corpora, tmp_path, monkeypatch):
    training, testing = corpora
    arguments = ("norm", SMALL, training, {"held out": testing})
    whole = ablation.ablate(*arguments, seeds=1, out=tmp_path / "whole", progress=False)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ablation, "_work_scores", killed)
        ablation.ablate(*arguments, seeds=1, out=tmp_path / "again", progress=False)
    again = ablation.ablate(*arguments, seeds=1, out=tmp_path / "again", progress=False)
    assert again == whole
    first = whole["readings"]["embedding cosine"]["ibn"]["held out"]
    assert first["difference"] == 0 and first["difference_interval"] == [0, 0]
    low, high = first["interval"]
    assert low <= first["mean"] <= high


def test_ablations_share_the_runs_they_have_in_common(corpora, tmp_path, monkeypatch):
    training, testing = corpora
    ablation.ablate("norm", SMALL, training, {"t": testing}, seeds=1, out=tmp_path, progress=False)
    trained = []
    original = ablation.train
    monkeypatch.setattr(
        ablation,
        "train",
        lambda config, *a, **k: trained.append(config) or original(config, *a, **k),
    )
    ablation.ablate(
        "placement", SMALL, training, {"t": testing}, seeds=1, out=tmp_path, progress=False
    )
    assert [config.model.ibn_stages for config in trained] == [(1,), (1, 2), (1, 2, 3, 4)]


def test_the_loss_ablation_reads_both_features_with_both_distances(corpora, tmp_path):
    training, testing = corpora
    found = ablation.ablate(
        "loss", SMALL, training, {"t": testing}, seeds=1, out=tmp_path, progress=False
    )
    assert list(found["readings"]) == [
        "embedding cosine",
        "embedding euclidean",
        "pooled cosine",
        "pooled euclidean",
    ]
    same = [
        found["readings"][f"{f} cosine"]["multi-loss, no BNNeck"]["t"]
        for f in ("embedding", "pooled")
    ]
    assert same[0]["map"] == same[1]["map"]  # without a neck f_c is f_t
    plane = found["planes"]["triplet"]
    assert len(plane["x"]) == len(plane["clique"]) == 12 and 0 < plane["variance"] <= 1


def test_what_was_measured_on_other_data_is_measured_again(corpora, tmp_path, monkeypatch):
    training, (table, store) = corpora
    monkeypatch.setattr(ablation, "arms_of", lambda _: {"only": Arm()})
    trained = []

    def count(config, store, table, *, out, progress):
        trained.append(len(table))
        return train(config, store, table, out=out, progress=progress)

    train = ablation.train
    monkeypatch.setattr(ablation, "train", count)

    def score(training, test):
        found = ablation.ablate(
            "norm", SMALL, training, {"t": test}, seeds=1, out=tmp_path, progress=False
        )
        return found["readings"]["embedding cosine"]["only"]["t"]["map"]

    whole = score(training, (table, store))
    swapped = table.assign(clique=np.roll(table["clique"], 1))  # under the same name
    assert score(training, (swapped, store)) != whole and len(trained) == 1
    assert score(training, (table, store)) == whole and len(trained) == 1
    fewer = training[0][training[0]["clique"] != "w0"]
    score((fewer, training[1]), (table, store))
    assert trained == [18, 15]


def test_a_test_set_of_one_work_is_refused_before_training(corpora, tmp_path):
    training, (table, store) = corpora
    one = table[table["clique"] == "w6"], store
    with pytest.raises(AblationError, match="'t' has one work"):
        ablation.ablate("norm", SMALL, training, {"t": one}, seeds=1, out=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kept", "named"), [(["w6"], "one work"), ([], "no work")])
def test_works_of_a_single_version_do_not_count_as_works_to_score(corpora, tmp_path, kept, named):
    training, (table, store) = corpora
    lone = table[table["clique"].isin(kept) | ~table["clique"].duplicated()]
    with pytest.raises(AblationError, match=f"'t' has {named} of two versions"):
        ablation.ablate("norm", SMALL, training, {"t": (lone, store)}, seeds=1, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_corpus_with_other_features_under_the_same_table_is_another_one(corpora, tmp_path):
    training, (table, store) = corpora
    with StoreWriter.create_or_resume(tmp_path / "features", FINE) as writer:
        for version in store.versions:
            writer.add(
                version, store[version].astype(np.float32) * (0.5 if version == "w6-0" else 1)
            )
    rebuilt = FeatureStore.open(tmp_path / "features")
    assert ablation._digest(table, rebuilt) != ablation._digest(table, store)
    assert ablation._digest(training[0], rebuilt) == ablation._digest(
        *training
    )  # a copy, elsewhere
    shorter = table[table["version"] != "w9-2"]
    assert ablation._digest(shorter, store) != ablation._digest(table, store)


def test_an_unknown_ablation_lists_those_that_exist(corpora, tmp_path):
    with pytest.raises(AblationError, match="choose from norm, placement"):
        ablation.ablate("nrm", SMALL, corpora[0], {}, seeds=1, out=tmp_path)


def test_a_probe_finds_what_is_there_and_only_that():
    rng = np.random.default_rng(0)
    key, tempo = rng.integers(3, size=300), rng.normal(size=300)
    noise = rng.normal(size=(300, 5))
    telling = np.concatenate([noise, key[:, None] == np.arange(3), tempo[:, None]], axis=1)
    assert probe(telling, key)["score"] > 0.95 and probe(telling, tempo)["score"] > 0.95
    blind = probe(noise, key)
    assert blind["score"] < blind["chance"] + 0.15 and probe(noise, tempo)["score"] < 0.1


def test_the_statistics_of_every_stage_are_a_mean_and_a_deviation_of_each_channel():
    torch.manual_seed(0)
    model = ByteCover(ByteCoverConfig(depth=18, width=0.125, freq_stride=1))
    quiet = np.random.default_rng(0).random((84, 32), dtype=np.float32)
    found = stage_statistics(model, [quiet, 2 * quiet])
    assert list(found) == list(STAGES)
    assert found["stage 4"].shape == (2, 2 * model.embedding_size)
    assert np.ptp(found["stem"], axis=0).max() > 0


def _flat(values, found=None):
    found = {} if found is None else found
    for key, value in values.items():
        if isinstance(value, dict):
            _flat(value, found)
        else:
            found[key] = value
    return found
