"""Laws of the training loop."""

import dataclasses
import math
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import normalize

from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.data import CliqueDataset, write_versions
from bytecover_lite.embed import EmbeddingsError
from bytecover_lite.imprint import imprint
from bytecover_lite.model import ByteCover, ByteCoverConfig, load_model
from bytecover_lite.recipes import RecipeError, TrainConfig, lite, paper
from bytecover_lite.store import FeatureStore, StoreWriter
from bytecover_lite.train import (
    TrainingError,
    _check_shares,
    _launch,
    learning_rate,
    pairwise_weights,
    train,
)
from bytecover_lite.training_state import ResumeError, read_run

SETTINGS = FeatureSettings()
SMALL = TrainConfig(
    model=ByteCoverConfig(depth=18, width=0.125, freq_stride=1, compression="log"),
    cliques_per_batch=4,
    versions_per_clique=2,
    crop_frames=12,
    steps=6,
    learning_rate=1e-3,
    warmup_steps=1,
    validate_every=2,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eight training works and four validation works of three versions: shifted, noisy patterns."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    rows = []
    with StoreWriter.create_or_resume(folder / "features", SETTINGS) as writer:
        for work in range(12):
            pattern = rng.random((84, 16)) ** 4
            for take in range(3):
                version = f"w{work}-{take}"
                writer.add(version, np.roll(pattern, take, axis=0) + 0.02 * rng.random((84, 16)))
                split = "train" if work < 8 else "validation"
                rows.append((version, f"w{work}", split, "", "", "test", ""))
    columns = ["version", "clique", "split", "title", "artist", "source", "path"]
    table = pd.DataFrame(rows, columns=columns)
    write_versions(table, folder / "versions.csv")
    return folder, table, FeatureStore.open(folder / "features")


def run(corpus, out, config=SMALL):
    return train(config, corpus[2], corpus[1], out=out, accelerator="cpu", progress=False)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("imprinted", [False, True])
def test_a_resumed_run_equals_an_undisturbed_one_bit_for_bit(
    corpus, tmp_path, monkeypatch, optimizer, imprinted
):
    config = dataclasses.replace(SMALL, optimizer=optimizer, imprint=imprinted)
    whole = load_model(run(corpus, tmp_path / "whole", config))

    def killed(self, step):
        if step == 3:
            raise KeyboardInterrupt
        return original(self, step)

    original = CliqueDataset.__getitem__
    monkeypatch.setattr(CliqueDataset, "__getitem__", killed)
    with pytest.raises(KeyboardInterrupt):
        run(corpus, tmp_path / "killed", config)
    monkeypatch.undo()
    resumed = load_model(run(corpus, tmp_path / "killed", config))
    assert (tmp_path / "killed/log.csv").read_text() == (tmp_path / "whole/log.csv").read_text()
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_run_tells_its_model_how_long_crops_are_and_its_reader_how_long_it_took(corpus, tmp_path):
    assert load_model(run(corpus, tmp_path)).config.min_frames == SMALL.crop_frames
    first = read_run(tmp_path)["seconds"]
    run(corpus, tmp_path)  # nothing left to do
    assert 0 < first == read_run(tmp_path)["seconds"]


def test_training_lowers_the_loss_and_separates_the_works(corpus, tmp_path):
    config = dataclasses.replace(
        SMALL, steps=80, learning_rate=1e-2, warmup_steps=5, validate_every=80
    )
    run(corpus, tmp_path, config)
    log = pd.read_csv(tmp_path / "log.csv")
    assert log["classification"].iloc[-10:].mean() < 0.6 * log["classification"].iloc[:10].mean()
    assert log["validation_map"].iloc[-1] > 0.6  # chance is about 0.3


def test_a_non_finite_loss_names_the_versions_of_the_batch(corpus, tmp_path):
    config = dataclasses.replace(SMALL, learning_rate=1e30, warmup_steps=0)
    with pytest.raises(TrainingError, match=r"w\d-\d, w\d-\d"):
        run(corpus, tmp_path, config)


def test_a_non_finite_gradient_of_a_finite_loss_is_found_before_it_reaches_the_weights(
    corpus, tmp_path, monkeypatch
):
    norm = torch.nn.utils.get_total_norm
    seen = []

    def spoilt(gradients):
        seen.append(norm(gradients))
        return seen[-1] if len(seen) < 4 else torch.tensor(float("nan"))

    monkeypatch.setattr(torch.nn.utils, "get_total_norm", spoilt)
    with pytest.raises(TrainingError, match=r"gradient became nan at step 3; .*w\d-\d, w\d-\d"):
        run(corpus, tmp_path)
    assert all(torch.isfinite(one) and one > 0 for one in seen)
    model = load_model(tmp_path / "model.safetensors")  # that of the last validation
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_a_work_in_two_splits_is_refused(corpus, tmp_path):
    table = corpus[1].copy()
    table.loc[table["version"] == "w0-0", "split"] = "validation"
    with pytest.raises(TrainingError, match="'w0'"):
        train(SMALL, corpus[2], table, out=tmp_path, accelerator="cpu", progress=False)


def test_another_configuration_in_the_same_directory_is_refused(corpus, tmp_path):
    run(corpus, tmp_path)
    with pytest.raises(ResumeError, match=r"margin: 0.3 there, 0.5 now"):
        run(corpus, tmp_path, dataclasses.replace(SMALL, margin=0.5))


def test_a_state_whose_moments_belong_to_another_optimizer_is_refused(corpus, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    config = dataclasses.replace(SMALL, optimizer="muon")
    run(corpus, tmp_path, config)
    path = tmp_path / "state.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    tensors["optimizer.1.0.exp_avg"] = tensors.pop("optimizer.1.0.momentum")
    save_file(tensors, path, metadata)
    with pytest.raises(ResumeError, match=r"moments of parameter 0.*delete it"):
        run(corpus, tmp_path, config)


def test_early_stop_waits_for_patience_validations(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("bytecover_lite.train._validate", lambda *_: 0.5)
    run(corpus, tmp_path, dataclasses.replace(SMALL, validate_every=1, patience=2))
    assert len(pd.read_csv(tmp_path / "log.csv")) == 3
    before = (tmp_path / "model.safetensors").read_bytes()
    monkeypatch.setattr("bytecover_lite.train._validate", lambda *_: 0.9)
    run(corpus, tmp_path, dataclasses.replace(SMALL, validate_every=1, patience=2))
    assert len(pd.read_csv(tmp_path / "log.csv")) == 3  # it had ended
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    config = dataclasses.replace(SMALL, cliques_per_batch=22, versions_per_clique=3)
    for processes in (1, 2, 3, 6, 11):
        _check_shares(config, processes)
    with pytest.raises(TrainingError, match=r"22 x 3 .* by 4 processes: .* divides 66: 1, 2, 3, 6"):
        _check_shares(config, 4)


def test_training_counts_its_processes_before_it_makes_anything(corpus, tmp_path, monkeypatch):
    launched = types.SimpleNamespace(world_size=3, device=torch.device("cpu"))
    monkeypatch.setattr("bytecover_lite.train._launch", lambda *_: launched)
    with pytest.raises(TrainingError, match=r"4 x 2 .* by 3 processes"):
        run(corpus, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("accelerator", "precision"), [("cuda", "32-true"), ("abacus", "32-true"), ("cpu", "half")]
)
def test_what_cannot_compute_here_is_refused_by_name(corpus, tmp_path, accelerator, precision):
    if accelerator == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(TrainingError, match=rf"'{accelerator}'.*'{precision}'.*give auto"):
        train(
            dataclasses.replace(SMALL, precision=precision),
            corpus[2],
            corpus[1],
            out=tmp_path,
            accelerator=accelerator,
            progress=False,
        )


def test_the_accelerator_of_choice_is_never_one_without_gradients(monkeypatch):
    asked = {}

    class Fabric:
        def __init__(self, **options):
            asked.update(options)

        def launch(self):
            pass

    monkeypatch.setattr("lightning_fabric.Fabric", Fabric)
    _launch("auto", 1, 1, "32-true")
    assert asked["accelerator"] == ("cuda" if torch.cuda.is_available() else "cpu")


def test_validation_works_without_a_second_version_are_refused_before_training(corpus, tmp_path):
    folder, table, store = corpus
    lone = table[(table["split"] == "train") | ~table["clique"].duplicated()]
    with pytest.raises(TrainingError, match="'validation' has two versions"):
        run((folder, lone, store), tmp_path)


def test_learning_rate_rises_then_falls_to_zero():
    rates = [learning_rate(step, paper()) for step in range(0, 60_001, 500)]
    top = int(np.argmax(rates))
    assert np.all(np.diff(rates[: top + 1]) > 0) and np.all(np.diff(rates[top:]) < 0)
    assert rates[top] == pytest.approx(3.5e-4) and rates[-1] == pytest.approx(0, abs=1e-12)


def test_the_helping_term_hands_over_to_the_triplet_term():
    config = dataclasses.replace(SMALL, contrastive_weight=2.0, contrastive_steps=100)
    weights = [pairwise_weights(step, config) for step in (0, 50, 75, 100, 1000)]
    assert weights == [(0, 2), (0, 2), (0.5, 1), (1, 0), (1, 0)]


def test_the_papers_recipe_has_only_the_papers_losses():
    config = paper()
    assert (config.classification_weight, config.triplet_weight) == (1, 1)
    assert pairwise_weights(0, config) == (1, 0)


@pytest.mark.parametrize("field", ["steps", "cliques_per_batch", "learning_rate"])
def test_impossible_values_are_refused_by_name(field):
    with pytest.raises(RecipeError, match=field):
        lite(**{field: 0})


def test_imprinting_without_a_classifier_is_refused():
    with pytest.raises(RecipeError, match="imprint needs a classifier"):
        lite(imprint=True, classification_weight=0)


def test_an_unknown_optimizer_is_refused_with_the_known_ones():
    with pytest.raises(RecipeError, match="'sgd' is unknown: use 'adamw' or 'muon'"):
        lite(optimizer="sgd")


@pytest.mark.slow
def test_two_processes_of_half_a_batch_equal_one_process(corpus, tmp_path):
    """Mining and classification see the whole batch; without BatchNorm statistics nothing differs.

    The first step's triplet and classification terms are compared: BatchNorm on a CPU is local,
    so the network runs on identical halves.
    """
    command = [sys.executable, "-m", "bytecover_lite", "train", str(corpus[0])]
    options = (
        "--model.depth 18 --model.width 0.125 --model.freq-stride 1 --model.features.averaging 100 "
        "--cliques-per-batch 4 --versions-per-clique 2 --crop-frames 12 --steps 2 "
        "--validate-every 1 --accelerator cpu"
    ).split()
    for devices in ("1", "2"):
        arguments = [*command, str(tmp_path / devices), *options, "--devices", devices]
        subprocess.run(arguments, check=True, capture_output=True, timeout=170)
    one, two = (pd.read_csv(tmp_path / d / "log.csv") for d in ("1", "2"))
    assert two["classification"][0] == pytest.approx(one["classification"][0], rel=1e-3)
    assert len(two) == 2


def test_training_can_begin_with_a_checkpoint_and_its_classifier_begins_anew(corpus, tmp_path):
    first = run(corpus, tmp_path / "first")
    config = dataclasses.replace(
        SMALL, steps=1, learning_rate=1e-12, validate_every=1, start_from=str(first)
    )
    second = load_model(run(corpus, tmp_path / "second", config)).state_dict()
    for name, weight in load_model(first).named_parameters():
        same = torch.allclose(weight, second[name], atol=1e-6)
        assert same != name.startswith("classifier."), name
    assert first.is_absolute()  # no folder of this machine goes into what is published
    assert read_run(tmp_path / "second")["config"]["start_from"] == first.name


def test_a_recipe_of_longer_frames_trains_on_the_same_corpus_and_from_the_same_weights(
    corpus, tmp_path
):
    first = run(corpus, tmp_path / "first")
    coarse = dataclasses.replace(SMALL.model, features=FeatureSettings(averaging=200))
    config = dataclasses.replace(
        SMALL, model=coarse, crop_frames=6, steps=1, learning_rate=1e-12, validate_every=1,
        start_from=str(first),
    )  # fmt: skip
    second = load_model(run(corpus, tmp_path / "second", config))
    assert second.config.features.averaging == 200 and second.config.min_frames == 6
    torch.testing.assert_close(
        second.backbone.conv1.weight, load_model(first).backbone.conv1.weight
    )
    uneven = dataclasses.replace(coarse, features=FeatureSettings(averaging=150))
    with pytest.raises(EmbeddingsError, match=r"averaging=100.*averaging=150"):
        run(corpus, tmp_path / "third", dataclasses.replace(config, model=uneven))


def test_a_checkpoint_of_another_network_is_no_beginning(corpus, tmp_path):
    first = run(corpus, tmp_path / "first")
    model = dataclasses.replace(SMALL.model, norm="bn")
    config = dataclasses.replace(SMALL, model=model, start_from=str(first))
    with pytest.raises(TrainingError, match=r"start_from .* norm='ibn'.* norm='bn'"):
        run(corpus, tmp_path / "second", config)


def test_an_imprinted_run_begins_with_the_mean_embedding_of_each_work(corpus, tmp_path):
    first = run(corpus, tmp_path / "first")
    config = dataclasses.replace(
        SMALL, steps=1, learning_rate=1e-12, validate_every=1, start_from=str(first), imprint=True
    )
    model = load_model(run(corpus, tmp_path / "second", config))
    rows = model.classifier.weight.detach()  # (8, D)
    training = corpus[1][corpus[1]["split"] == "train"]
    dataset = CliqueDataset(
        corpus[2], training, cliques_per_batch=4, versions_per_clique=2, crop_frames=12, seed=0
    )
    means = torch.zeros_like(rows)
    earlier = load_model(first)
    for step in (2, 3):  # the epoch after the run's only one
        spectrograms, cliques, _ = dataset[step]
        with torch.no_grad():
            means.index_add_(0, cliques, normalize(earlier(spectrograms).embedding))
    torch.testing.assert_close(normalize(rows), normalize(means), rtol=1e-3, atol=1e-4)
    lengths = rows.norm(dim=1).tolist()
    assert max(lengths) == pytest.approx(min(lengths), rel=1e-4)
    assert read_run(tmp_path / "second")["rows"][0]["classification"] < math.log(8)


def test_imprinting_leaves_the_network_and_its_mode_as_they_were(corpus):
    training = corpus[1][corpus[1]["split"] == "train"]
    dataset = CliqueDataset(
        corpus[2], training, cliques_per_batch=4, versions_per_clique=2, crop_frames=12
    )
    model = ByteCover(dataclasses.replace(SMALL.model, n_classes=8)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    imprint(model, dataset, range(2), temperature=0.1)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) != (name == "classifier.weight"), name


@pytest.mark.gpu
@pytest.mark.parametrize("weight", [1.0, 0.0])  # recorded passes, and none without a classifier
def test_a_gpu_trains_as_the_processor_does(corpus, tmp_path, weight):
    config = dataclasses.replace(SMALL, classification_weight=weight, precision="32-true")
    losses = {}
    for device in ("cpu", "cuda"):
        out = tmp_path / device
        train(config, corpus[2], corpus[1], out=out, accelerator=device, progress=False)
        found = read_run(out)
        losses[device] = [row["loss"] for row in found["rows"]]
    assert len(losses["cuda"]) == SMALL.steps
    np.testing.assert_allclose(losses["cuda"], losses["cpu"], rtol=0.02)
    weights = [load_model(tmp_path / device / "model.safetensors") for device in losses]
    means = [model.state_dict()["backbone.bn1.BN.running_mean"] for model in weights]
    torch.testing.assert_close(*means, rtol=0.05, atol=0.01)
