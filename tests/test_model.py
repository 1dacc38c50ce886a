"""Laws of the model: what depends on what, pooling, BNNeck, configuration and checkpoints."""

import dataclasses
import pickle
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from bytecover_lite.checkpoint import read_checkpoint, write_checkpoint
from bytecover_lite.cqt import FeatureSettings
from bytecover_lite.losses import multi_loss
from bytecover_lite.model import (
    BNNeck,
    ByteCover,
    ByteCoverConfig,
    CheckpointError,
    GeM,
    NetworkError,
    compress,
    load_model,
    save_model,
    without_classifier,
)

SMALL = ByteCoverConfig(depth=18, width=0.125, n_classes=5)


def _spectrograms(batch=4, frames=12, seed=0):
    return torch.rand(batch, 84, frames, generator=torch.Generator().manual_seed(seed))


def _model(**changes):
    torch.manual_seed(0)
    model = ByteCover(replace(SMALL, **changes))
    model.train()(_spectrograms(8))  # running statistics that are no longer 0 and 1
    return model.eval()


def test_defaults_are_the_papers_network():
    model = ByteCover(ByteCoverConfig(n_classes=1000))
    assert model.embedding_size == 2048
    sizes = {
        name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()
    }
    assert sizes == {
        "backbone": 23_501_760,
        "pool": 1,
        "neck": 2 * 2048,
        "classifier": 2048 * 1000,
    }


def test_outputs_have_the_promised_shapes():
    output = _model()(_spectrograms())
    assert output.pooled.shape == output.embedding.shape == (4, 64)
    assert output.logits.shape == (4, 5)
    assert _model(n_classes=0)(_spectrograms()).logits is None


@pytest.mark.parametrize("norm", ["ibn", "bn", "in"])
def test_an_embedding_never_depends_on_its_neighbours(norm):
    """Bit for bit with other neighbours, and to rounding when alone or in another order."""
    model = _model(norm=norm)
    batch = _spectrograms()
    expected = model(batch).embedding
    others = torch.cat([batch[:1], 100 * _spectrograms(3, seed=9)])
    assert model(others).embedding[0].equal(expected[0])
    torch.testing.assert_close(model(batch[:1]).embedding, expected[:1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model(batch.flip(0)).embedding.flip(0), expected)


@pytest.mark.parametrize("freq_stride", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 5, 300])
def test_any_number_of_frames_gives_one_finite_embedding(frames, freq_stride):
    embedding = _model(freq_stride=freq_stride)(_spectrograms(2, frames)).embedding
    assert embedding.shape == (2, 64)
    assert embedding.isfinite().all()


@pytest.mark.parametrize("compression", ["none", "sqrt", "log", "contrast"])
def test_silence_gives_a_finite_embedding(compression):
    assert _model(compression=compression)(torch.zeros(2, 84, 9)).embedding.isfinite().all()


@pytest.mark.parametrize("shape", [(84, 10), (2, 83, 10), (2, 84, 0), (2, 1, 84, 10)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(NetworkError, match="give \\(batch, 84, frames\\)"):
        _model()(torch.zeros(shape))


def test_gem_lies_between_mean_and_maximum():
    """Exponent 1 is the mean, a large one the maximum, and it grows with the exponent."""
    x = torch.rand(3, 4, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(GeM(1.0)(x), x.mean(dim=(2, 3)))
    torch.testing.assert_close(GeM(400.0)(x), x.amax(dim=(2, 3)), rtol=1e-2, atol=0)
    pooled = [GeM(p)(x) for p in (1.0, 2.0, 3.0, 10.0)]
    assert all((more > less).all() for less, more in pairwise(pooled))


def test_gem_equals_its_formula_and_has_right_gradients():
    x = torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    gem = GeM(3.0).double()
    expected = [[np.mean(c.numpy() ** 3) ** (1 / 3) for c in item] for item in x]
    torch.testing.assert_close(gem(x), torch.tensor(np.array(expected)))
    gem.p.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, p: torch.func.functional_call(gem, {"p": p}, (x,)),
        (x.requires_grad_(), gem.p),
        fast_mode=True,
    )


def test_gem_stays_finite_where_nothing_is_active():
    x = torch.zeros(2, 3, 4, 5, requires_grad=True)
    GeM()(x).sum().backward()
    assert x.grad.isfinite().all()


def test_half_precision_reaches_the_losses_in_single():
    """Pooled features in bfloat16 would carry three digits, less than the margin needs."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = _model()(_spectrograms())
    assert output.pooled.dtype == output.embedding.dtype == torch.float32


def test_bnneck_standardises_and_keeps_its_shift_frozen():
    neck = BNNeck(6).train()
    features = 3 + 5 * torch.randn(32, 6, generator=torch.Generator().manual_seed(0))
    standardised = (features - features.mean(0)) / features.std(0, unbiased=False)
    torch.testing.assert_close(neck(features), standardised, rtol=1e-4, atol=1e-4)
    assert [name for name, p in neck.named_parameters() if p.requires_grad] == ["weight"]
    assert neck.bias.eq(0).all()


def test_without_bnneck_the_embedding_is_the_pooled_feature():
    output = _model(neck="none")(_spectrograms())
    assert output.embedding is output.pooled


def test_the_classifier_has_no_bias():
    model = _model()
    output = model(_spectrograms())
    torch.testing.assert_close(output.logits, output.embedding @ model.classifier.weight.T)


def test_the_multi_loss_moves_every_parameter_but_bnnecks_shift():
    torch.manual_seed(0)
    model = ByteCover(SMALL)
    total, _ = multi_loss(model(_spectrograms(8)), torch.arange(8) // 2)
    total.backward()
    still = {name for name, p in model.named_parameters() if p.grad is None or p.grad.eq(0).all()}
    assert still == {"neck.bias"}


def test_the_seed_decides_the_weights():
    first, second = (_model().state_dict() for _ in range(2))
    assert all(value.equal(second[name]) for name, value in first.items())


@pytest.mark.parametrize("frames", [1, 20, 31, 32, 50])
def test_short_inputs_are_surrounded_by_silence_as_in_training(frames):
    model = _model(compression="log", min_frames=32).eval()
    spectrogram = _spectrograms(frames=frames)
    missing = max(0, 32 - frames)
    longer = torch.nn.functional.pad(spectrogram, (missing // 2, missing - missing // 2))
    embedding = model(spectrogram).embedding
    assert embedding.equal(model(longer).embedding)
    plain = _model(compression="log").eval()
    plain.load_state_dict(model.state_dict())
    assert embedding.equal(plain(longer).embedding)
    assert embedding.equal(plain(spectrogram).embedding) == (frames >= 32)


@pytest.mark.parametrize("kind", ["sqrt", "log"])
def test_compression_ignores_gain_and_keeps_order(kind):
    spectrogram = _spectrograms()
    compressed = compress(spectrogram, kind)
    torch.testing.assert_close(compress(1e-4 * spectrogram, kind), compressed)
    flat, order = compressed.flatten(1), spectrogram.flatten(1).argsort(dim=1)
    assert flat.gather(1, order).diff(dim=1).ge(0).all()
    assert compress(spectrogram, "none") is spectrogram


@pytest.mark.parametrize("bins_per_octave", [12, 24, 36])
def test_contrast_is_what_a_bin_has_more_than_those_around_it(bins_per_octave):
    spectrogram = _spectrograms()
    log = compress(spectrogram, "log")
    found = compress(spectrogram, "contrast", bins_per_octave=bins_per_octave)
    reach = bins_per_octave // 4
    for place in (0, 2, 40, 83):
        around = log[:, max(0, place - reach) : place + reach + 1].mean(dim=1)
        torch.testing.assert_close(found[:, place], log[:, place] - around)
    torch.testing.assert_close(
        compress(1e-4 * spectrogram, "contrast", bins_per_octave=bins_per_octave), found
    )


def test_an_unknown_compression_is_refused():
    with pytest.raises(NetworkError, match="'mel': choose from"):
        compress(_spectrograms(), "mel")


def test_contrast_hardly_hears_an_equaliser():
    spectrogram = _spectrograms() + 1.0
    slope = torch.logspace(0, 1, 84)[None, :, None]  # 20 dB from the lowest to the highest bin
    changed = {}
    for kind in ("log", "contrast"):
        plain, equalised = compress(spectrogram, kind), compress(slope * spectrogram, kind)
        changed[kind] = float((plain - equalised).std() / plain.std())
    assert changed["contrast"] < 0.3 * changed["log"]


def test_a_model_takes_its_contrast_from_its_own_bins():
    features = FeatureSettings(bins_per_octave=24, n_bins=168)
    config = ByteCoverConfig(depth=18, width=0.125, compression="contrast", features=features)
    model = ByteCover(config).eval()
    spectrogram = torch.rand(1, 168, 20)
    seen = []
    model.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model(spectrogram)
    expected = compress(spectrogram, "contrast", bins_per_octave=24)[:, None]
    assert seen[0].equal(expected)
    assert not seen[0].equal(compress(spectrogram, "contrast")[:, None])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 101}, "depth=101"),
        ({"norm": "gn"}, "norm='gn'"),
        ({"neck": "bnnneck"}, "neck='bnnneck'"),
        ({"freq_stride": 3}, "freq_stride=3"),
        ({"compression": "mel"}, "compression='mel'"),
        (
            {
                "compression": "contrast",
                "features": FeatureSettings(bins_per_octave=3, n_bins=21),
            },
            "use at least 4",
        ),
        ({"gem_p": 0.0}, "gem_p=0.0"),
        ({"n_classes": -1}, "n_classes=-1"),
        ({"min_frames": 0}, "min_frames=0"),
        ({"features": FeatureSettings(n_bins=12)}, "12 bins"),
        ({"pool_stride": 4}, "pool_stride=4"),
        ({"octaves": "stacked"}, "octaves='stacked'"),
        ({"octaves": "folded"}, "needs freq_stride=1"),
        (
            {"octaves": "folded", "freq_stride": 1, "features": FeatureSettings(n_bins=80)},
            "whole octaves",
        ),
    ],
)
def test_impossible_configurations_are_refused(changes, message):
    with pytest.raises(NetworkError, match=message):
        ByteCoverConfig(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"norm": "in", "ibn_stages": (1, 2), "freq_stride": 1, "n_classes": 0, "depth": 34},
        {"neck": "none", "compression": "log", "features": FeatureSettings(averaging=40)},
        {"octaves": "folded", "freq_stride": 1, "pool_stride": 1},
    ],
)
def test_a_saved_model_comes_back(tmp_path, changes):
    """Same configuration, same output bit for bit, in evaluation mode."""
    model = _model(**changes)
    path = tmp_path / "new folder" / "model.safetensors"
    save_model(model, path)
    loaded = load_model(path, config=model.config)
    assert loaded.config == model.config
    assert not loaded.training
    assert loaded(_spectrograms()).embedding.equal(model(_spectrograms()).embedding)
    assert [file.name for file in path.parent.iterdir()] == ["model.safetensors"]


def test_a_checkpoint_from_before_octaves_could_be_folded_is_read(tmp_path):
    model = _model()
    values = dataclasses.asdict(model.config)
    del values["octaves"], values["pool_stride"]
    write_checkpoint(tmp_path / "old.safetensors", model.state_dict(), values)
    loaded = load_model(tmp_path / "old.safetensors", config=model.config)
    assert loaded(_spectrograms()).embedding.equal(model(_spectrograms()).embedding)


def test_a_folded_model_hardly_notices_a_new_key():
    """But for the rim of the range; a model that keeps octaves apart does notice."""
    spectrogram = torch.zeros(1, 84, 40)
    spectrogram[:, 30:42] = torch.rand(1, 12, 40, generator=torch.Generator().manual_seed(0))
    moved = spectrogram.roll(5, dims=1)
    for octaves, same in (("folded", True), ("apart", False)):
        model = _model(octaves=octaves, freq_stride=1, compression="contrast").eval()
        found, expected = (model(x).embedding for x in (moved, spectrogram))
        close = (found - expected).abs().max() < 1e-4 * expected.abs().max()
        assert bool(close) == same


def test_saving_ignores_the_memory_layout(tmp_path):
    model = _model()
    save_model(model, tmp_path / "a")
    save_model(model.to(memory_format=torch.channels_last), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_another_configuration_is_refused_and_named(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(_model(), path)
    wanted = replace(SMALL, norm="bn", features=FeatureSettings(averaging=40))
    with pytest.raises(CheckpointError, match=r"norm='ibn' \(not 'bn'\), features=.*averaging=100"):
        load_model(path, config=wanted)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.safetensors: cannot be read"):
        load_model(tmp_path / "nothing.safetensors")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_model(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path, share):
    path = tmp_path / "model.safetensors"
    save_model(_model(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: truncated"):
        load_model(path)


class _Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('the pickle was run')",)


@pytest.mark.parametrize("kind", ["zip", "legacy", "plain"])
def test_a_pickle_is_refused_without_running_it(tmp_path, kind):
    path = tmp_path / "model.pt"
    if kind == "plain":
        path.write_bytes(pickle.dumps(_Bomb()))
    else:
        torch.save(_Bomb(), path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(CheckpointError, match=r"model\.pt: a pickle.*save_model"):
        load_model(path)


def test_no_header_length_is_taken_for_a_pickle(tmp_path):
    """The length that a safetensors file begins with may look like a pickle's first byte."""
    path = tmp_path / "model.safetensors"
    for padding in range(0, 256, 8):
        write_checkpoint(path, {"x" * (1 + padding): torch.zeros(1)}, {"a": 1})
        tensors, config = read_checkpoint(path)
        assert (len(tensors), config) == (1, {"a": 1})
        if path.read_bytes()[0] == 0x80:
            return
    pytest.fail("no file began with 0x80")


def test_other_tensors_are_refused(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="tensors of unknown origin"):
        load_model(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors, config: config.update(colour="red"), "colour"),
        (lambda tensors, config: config.pop("norm"), "norm"),
        (lambda tensors, config: config.update(depth=19), "depth=19"),
        (lambda tensors, config: config["features"].update(hop=1), "hop"),
        (lambda tensors, config: config.update(width=0.25), "size mismatch"),
        (lambda tensors, config: tensors.pop("pool.p"), "pool.p"),
        (lambda tensors, config: tensors.update(extra=torch.zeros(1)), "extra"),
    ],
)
def test_an_altered_checkpoint_is_refused(tmp_path, change, message):
    path = tmp_path / "model.safetensors"
    save_model(_model(), path)
    tensors, config = read_checkpoint(path)
    change(tensors, config)
    write_checkpoint(path, tensors, config)
    with pytest.raises(CheckpointError, match=rf"model\.safetensors.*{message}"):
        load_model(path)


def test_the_shipped_checkpoint_embeds_and_ignores_gain():
    model = ByteCover.from_pretrained()
    spectrograms = _spectrograms()
    expected = model(spectrograms).embedding
    assert expected.shape == (4, model.embedding_size)
    torch.testing.assert_close(model(100 * spectrograms).embedding, expected, rtol=1e-3, atol=1e-3)
    assert torch.pdist(torch.nn.functional.normalize(expected)).min() > 0


def test_a_shipped_checkpoint_that_is_not_there_is_named():
    with pytest.raises(CheckpointError, match=r"nobody\.safetensors: no such checkpoint"):
        ByteCover.from_pretrained("nobody")


def test_importing_the_method_loads_torch_and_numpy_only():
    """What the notebook's first cell and the command line wait for."""
    code = (
        "import sys, bytecover_lite as b, bytecover_lite.cqt, bytecover_lite.model\n"
        "import bytecover_lite.losses\n"
        "assert b.cqt.cqt and b.ByteCover is b.model.ByteCover and set(dir(b)) >= {'evaluate'}\n"
        "heavy = {'librosa', 'pandas', 'scipy', 'matplotlib', 'music21', 'soundfile', 'numba'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_is_shipped_embeds_the_same_and_does_not_classify():
    model = _model()
    shipped = without_classifier(model)
    spectrograms = _spectrograms()
    assert shipped(spectrograms).logits is None and shipped.config.n_classes == 0
    assert torch.equal(shipped(spectrograms).embedding, model(spectrograms).embedding)


@pytest.mark.parametrize("make", [lambda: ByteCover(SMALL), ByteCover.from_pretrained])
def test_made_or_loaded_a_model_lies_channels_last(make):
    """Loading assigns the file's tensors, whose layout is the other one, a quarter slower."""
    weight = make().backbone.layer1[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
