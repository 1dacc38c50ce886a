"""Laws of the backbone: parity with two other implementations, what each norm ignores, its size."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bytecover_lite.resnet_ibn import IBN, BasicBlock, Bottleneck, NetworkError, ResNetIBN


def _images(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _scramble(model, seed=0):
    """Give every parameter and running statistic a value of its own."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d):
            for tensor in (module.weight, module.running_var):
                if tensor is not None:
                    tensor.data.uniform_(0.5, 1.5, generator=generator)
            for tensor in (module.bias, module.running_mean):
                if tensor is not None:
                    tensor.data.uniform_(-0.2, 0.2, generator=generator)
    return model


def _assert_same(found, expected):
    assert (found - expected).abs().max() <= 1e-6 * expected.abs().max()


def _from_pytorchcv(name):
    """Our name of one of pytorchcv's tensors."""
    name = name.replace("features.init_block.conv.", "stem.")
    name = name.replace("stem.conv.", "conv1.").replace("stem.bn.", "bn1.")
    parts = name.replace("features.stage", "layer").split(".")
    if parts[0].startswith("layer"):
        parts[1] = str(int(parts[1].removeprefix("unit")) - 1)
        norm = {"ibn": "bn", "bn": "bn", "conv": "conv"}
        if parts[2] == "body":  # body.conv2.bn.weight -> bn2.weight
            number = parts[3].removeprefix("conv")
            inner = [{"inst_norm": "IN", "batch_norm": "BN"}.get(part, part) for part in parts[5:]]
            parts[2:] = [norm[parts[4]] + number, *inner]
        else:  # identity_conv.bn.weight -> downsample.1.weight
            parts[2:] = ["downsample", {"conv": "0", "bn": "1"}[parts[3]], *parts[4:]]
    return ".".join(parts)


@pytest.mark.parametrize("training", [False, True])
def test_equals_pytorchcv(training):
    """ResNet50-IBN-a at ImageNet's settings, all weights mapped, none left over."""
    from pytorchcv.models.ibnresnet import ibn_resnet50

    reference = _scramble(ibn_resnet50()).features[:-1].train(training)  # without the pool
    ours = ResNetIBN(50, in_channels=3, last_stride=2).train(training)
    tensors = {f"features.{name}": value for name, value in reference.state_dict().items()}
    renamed = {_from_pytorchcv(name): value.clone() for name, value in tensors.items()}
    ours.load_state_dict(renamed, strict=True)
    images = _images(3, 3, 84, 64)
    _assert_same(ours(images), reference(images))
    for name, value in reference.state_dict().items():  # the running statistics have moved alike
        _assert_same(
            ours.state_dict()[_from_pytorchcv(f"features.{name}")].double() + 1, value.double() + 1
        )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("depth", [18, 34, 50])
def test_with_bn_equals_torchvision(depth, training):
    reference = _scramble(getattr(torchvision.models, f"resnet{depth}")())
    ours = ResNetIBN(depth, norm="bn", in_channels=3, last_stride=2).train(training)
    tensors = reference.state_dict()
    ours.load_state_dict(
        {name: value.clone() for name, value in tensors.items() if not name.startswith("fc.")},
        strict=True,
    )
    head = {"avgpool", "fc"}
    body = nn.Sequential(*[part for name, part in reference.named_children() if name not in head])
    images = _images(3, 3, 64, 84)
    _assert_same(ours(images), body.train(training)(images))


def test_ibn_is_its_two_norms_side_by_side():
    layer = _scramble(IBN(7))
    x = _images(4, 7, 5, 6)
    expected = torch.cat([layer.IN(x[:, :3]), layer.BN(x[:, 3:])], dim=1)
    torch.testing.assert_close(layer.eval()(x)[:, :3], expected[:, :3])
    torch.testing.assert_close(layer.train()(x), expected)


def test_instance_normalised_channels_ignore_gain_and_offset_of_each_track():
    """What IBN is for: half of its channels cannot see a filter over the whole track."""
    layer = IBN(8).eval()
    x = _images(2, 8, 5, 50)
    colour = 0.5 + torch.rand(2, 8, 1, 1, generator=torch.Generator().manual_seed(1))
    plain, coloured = layer(x), layer(x * colour + 3)
    torch.testing.assert_close(plain[:, :4], coloured[:, :4], atol=1e-3, rtol=1e-3)
    assert (plain[:, 4:] - coloured[:, 4:]).abs().min() > 1e-2


@pytest.mark.parametrize(("norm", "kind"), [("ibn", IBN), ("in", nn.InstanceNorm2d)])
@pytest.mark.parametrize("stages", [(1, 2, 3), (1,), ()])
def test_norm_acts_in_its_stages_only(norm, kind, stages):
    """The first norm of every block of these stages, and nowhere else."""
    model = ResNetIBN(18, width=0.125, norm=norm, ibn_stages=stages)
    for stage in (1, 2, 3, 4):
        for block in getattr(model, f"layer{stage}"):
            assert isinstance(block.bn1, kind if stage in stages else nn.BatchNorm2d)
            assert isinstance(block.bn2, nn.BatchNorm2d)
    assert isinstance(model.bn1, nn.BatchNorm2d)


@pytest.mark.parametrize("freq_stride", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 3, 17, 100])
def test_any_number_of_frames_works(freq_stride, frames):
    """Frequency is divided by 4 strides squared, time by 16, rounded up."""
    model = ResNetIBN(18, width=0.125, freq_stride=freq_stride)
    features = model(_images(2, 1, 84, frames))
    assert features.shape == (2, 64, -(-84 // (4 * freq_stride**2)), -(-frames // 16))
    assert features.isfinite().all()


@pytest.mark.parametrize(
    ("depth", "freq_stride", "fold", "parameters", "giga"),
    [
        (18, 2, 0, 11_170_240, 1.20),
        (18, 1, 0, 11_170_240, 4.30),
        (18, 1, 12, 11_170_240, 2.04),
        (34, 2, 0, 21_278_400, 2.24),
        (34, 1, 0, 21_278_400, 8.03),
        (34, 1, 12, 21_278_400, 3.85),
        (50, 2, 0, 23_501_760, 2.48),
        (50, 1, 0, 23_501_760, 8.93),
        (50, 1, 12, 23_501_760, 4.26),
    ],
)
def test_size_and_cost_are_as_documented(depth, freq_stride, fold, parameters, giga):
    with torch.device("meta"):
        model = ResNetIBN(depth, freq_stride=freq_stride, fold=fold).eval()
        spectrogram = torch.empty(1, 1, 84, 100)
    with FlopCounterMode(display=False) as counter:
        model(spectrogram)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert counter.get_total_flops() / 1e9 == pytest.approx(giga, abs=0.005)
    for documented in (f"{parameters:,}", f"{giga:.2f} G"):
        assert documented in ResNetIBN.__doc__


@pytest.mark.parametrize("depth", [18, 50])
def test_folded_stages_turn_with_their_input(depth):
    """Rotated pitch classes in, the same map rotated out, in training too."""
    model = _scramble(ResNetIBN(depth, width=0.125, freq_stride=1, fold=12))
    stages = nn.Sequential(model.layer1, model.layer2, model.layer3, model.layer4)
    x = _images(2, 8, 12, 20).relu()
    for turn in (1, 5, 11):
        _assert_same(stages(x.roll(turn, dims=2)), stages(x).roll(turn, dims=2))


def test_a_folded_network_forgets_the_key_and_the_octave():
    """Music that keeps clear of the rim may be moved: the map turns, its mean over rows stays."""
    spectrogram = torch.zeros(1, 1, 84, 40)
    spectrogram[:, :, 30:42] = _images(1, 1, 12, 40).abs()
    folded = ResNetIBN(18, width=0.125, freq_stride=1, fold=12).eval()
    apart = ResNetIBN(18, width=0.125, freq_stride=1).eval()
    for semitones in (-12, -1, 1, 6, 24):
        moved = spectrogram.roll(semitones, dims=2)
        _assert_same(folded(moved), folded(spectrogram).roll(semitones, dims=2))
        means = [apart(x).mean(dim=2) for x in (moved, spectrogram)]
        assert (means[0] - means[1]).abs().max() > 0.01 * means[1].abs().max()


@pytest.mark.parametrize(("pool_stride", "frames"), [(1, 100), (2, 100), (1, 1), (2, 3)])
def test_a_folded_map_has_one_row_a_pitch_class(pool_stride, frames):
    model = ResNetIBN(18, width=0.125, freq_stride=1, fold=24, pool_stride=pool_stride)
    assert model(_images(2, 1, 168, frames)).shape == (2, 64, 24, -(-frames // (8 * pool_stride)))


def test_folding_changes_no_weight():
    """Weights of an unfolded network load, all of them, and compute something else."""
    folded, apart = (ResNetIBN(34, width=0.125, freq_stride=1, fold=n).eval() for n in (12, 0))
    folded.load_state_dict(apart.state_dict(), strict=True)
    for name, weight in apart.state_dict().items():
        assert folded.state_dict()[name].equal(weight), name
    x = _images(1, 1, 84, 20).abs()
    assert [net(x).shape[2] for net in (folded, apart)] == [12, 21]


def test_rows_that_are_no_whole_octaves_are_refused():
    with pytest.raises(NetworkError, match="80 rows are no whole number of octaves of 12"):
        ResNetIBN(18, width=0.125, freq_stride=1, fold=12)(_images(1, 1, 80, 20))


def test_width_scales_all_channels():
    narrow, wide = ResNetIBN(50, width=0.25), ResNetIBN(50)
    assert (narrow.conv1.out_channels, narrow.out_channels) == (16, 512)
    assert (wide.conv1.out_channels, wide.out_channels) == (64, 2048)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_without_a_residue_is_its_shortcut(block):
    """With the last norm's weight at zero a block passes its (non-negative) input through."""
    same = block(8 * block.expansion, 8).eval()
    last = same.bn3 if block is Bottleneck else same.bn2
    nn.init.zeros_(last.weight)
    x = _images(2, 8 * block.expansion, 5, 6).relu()
    torch.testing.assert_close(same(x), x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 101}, "depth=101"),
        ({"norm": "gn"}, "norm='gn'"),
        ({"ibn_stages": (0, 1)}, "ibn_stages"),
        ({"width": 0.01}, "width"),
        ({"freq_stride": 3}, "freq_stride=3"),
        ({"last_stride": 0}, "last_stride=0"),
        ({"pool_stride": 3}, "pool_stride=3"),
        ({"fold": 12}, "use freq_stride=1"),
        ({"fold": 1, "freq_stride": 1}, "fold=1"),
        ({"fold": -12, "freq_stride": 1}, "fold=-12"),
    ],
)
def test_impossible_networks_are_refused(settings, message):
    with pytest.raises(NetworkError, match=message):
        ResNetIBN(**settings)
