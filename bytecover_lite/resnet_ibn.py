"""The backbone: residual networks whose early blocks mix two normalisations (chapter "ResNet-IBN").

Instance normalisation removes what is constant over a track (timbre, loudness, mixing), batch
normalisation keeps what tells tracks apart. An IBN layer applies the first to one half of its
channels and the second to the other half. Attribute names are torchvision's, so its weights load.
"""

import torch
from torch import nn

from .errors import BytecoverError

STEM_CHANNELS = 64


class NetworkError(BytecoverError):
    """A network with these settings, or for this input, cannot exist."""


class IBN(nn.Module):
    """Instance normalisation on the first half of the channels, batch normalisation on the rest.

    Parameters
    ----------
    channels : int [at least 2]
        Number of channels; an odd one goes to the batch-normalised half.

    References
    ----------
    Pan et al., Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net,
    ECCV 2018, section 3.2 (IBN-a).
    """

    def __init__(self, channels):
        super().__init__()
        self.half = channels // 2
        self.IN = nn.InstanceNorm2d(self.half, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.half)

    def forward(self, x):
        """Normalise ``x`` [shape=(B, channels, F, T)]; the shape is kept."""
        last = x.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        instance, batch = x.split([self.half, x.shape[1] - self.half], dim=1)
        mixed = torch.cat([self.IN(instance.contiguous()), self.BN(batch.contiguous())], dim=1)
        return mixed.contiguous(memory_format=layout)  # the next convolution's gradient is faster


class RingConv2d(nn.Conv2d):
    """A convolution whose rows are a ring: after B comes C again.

    Silence is put before and after in time alone. Rotating the rows of the input therefore rotates
    those of the output, at stride 1 along frequency.
    """

    def forward(self, x):
        """Map ``x`` [shape=(B, in_channels, F, T)] to (B, out_channels, F / stride, T / stride)."""
        rows, frames = self.padding
        x = torch.cat([x[:, :, -rows:], x, x[:, :, :rows]], dim=2)
        return nn.functional.conv2d(x, self.weight, stride=self.stride, padding=(0, frames))


NORMS = {
    "ibn": IBN,
    "bn": nn.BatchNorm2d,
    "in": lambda channels: nn.InstanceNorm2d(channels, affine=True),
}


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut: the block of the 18 and 34 layer networks.

    Parameters
    ----------
    in_channels, channels : int
        Channels before and inside the block; it returns ``channels * expansion``.
    stride : int or (int, int)
        Stride of the first convolution, along frequency and time.
    norm : callable
        Makes the first normalisation from a channel count. The second one is always BatchNorm.
    ring : bool
        Whether the rows are a ring: the last one lies below the first (`RingConv2d`).
    """

    expansion = 1

    def __init__(self, in_channels, channels, *, stride=1, norm=nn.BatchNorm2d, ring=False):
        super().__init__()
        self.conv1 = _conv3x3(in_channels, channels, stride, ring)
        self.bn1 = norm(channels)
        self.conv2 = _conv3x3(channels, channels, 1, ring)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels * self.expansion, stride)

    def forward(self, x):
        """Map ``x`` [shape=(B, in_channels, F, T)] to (B, channels, F / stride, T / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        return self.relu(x + shortcut)


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions and a shortcut: the block of the 50 layer network.

    The stride sits in the 3 x 3 convolution, as in torchvision. Parameters as in `BasicBlock`;
    the output has four times ``channels`` channels.
    """

    expansion = 4

    def __init__(self, in_channels, channels, *, stride=1, norm=nn.BatchNorm2d, ring=False):
        super().__init__()
        self.conv1 = _conv1x1(in_channels, channels, 1)
        self.bn1 = norm(channels)
        self.conv2 = _conv3x3(channels, channels, stride, ring)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = _conv1x1(channels, channels * self.expansion, 1)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels * self.expansion, stride)

    def forward(self, x):
        """Map ``x`` [shape=(B, in_channels, F, T)] to (B, 4 channels, F / stride, T / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        return self.relu(x + shortcut)


# depth: block, blocks in each stage (He et al. 2016, table 1)
BLOCKS = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}


class ResNetIBN(nn.Module):
    """A ResNet without its head, with IBN-a, BN or IN after the first convolution of its blocks.

    For one channel of 84 bins x 100 frames, two operations a multiplication with addition:

    =====  ==========  =============  =============  ========================
    depth  parameters  freq_stride=2  freq_stride=1  freq_stride=1 and folded
    =====  ==========  =============  =============  ========================
    18     11,170,240  1.20 G         4.30 G         2.04 G
    34     21,278,400  2.24 G         8.03 G         3.85 G
    50     23,501,760  2.48 G         8.93 G         4.26 G
    =====  ==========  =============  =============  ========================

    Parameters
    ----------
    depth : int
        18 or 34 (basic blocks), 50 (bottlenecks).
    width : float [> 0]
        Factor on every channel count; 1.0 has 64 channels in the stem.
    norm : str
        ``"ibn"``, ``"bn"`` (plain ResNet) or ``"in"`` (instance normalisation of all channels).
    ibn_stages : sequence of int [1 to 4]
        Stages in which ``norm`` replaces the first BatchNorm of every block.
    freq_stride : int
        Stride along frequency of the stem and of its pool, 1 or 2.
    pool_stride : int
        Stride along time of the stem's pool, 1 or 2. That of the stem is always 2.
    fold : int
        Rows of an octave, to replace the map after the stem by its mean over the octaves and to
        treat its rows, the pitch classes, as a ring from there on: a transposition then rotates
        the rows, and their pooled mean stays. 0 keeps the octaves apart (ByteCover).
    in_channels : int
        Channels of the input; 1 for a spectrogram.
    last_stride : int
        Stride of stage 4, 1 (ByteCover) or 2 (torchvision).

    Raises
    ------
    NetworkError
        If there is no such network.
    """

    def __init__(
        self,
        depth=50,
        *,
        width=1.0,
        norm="ibn",
        ibn_stages=(1, 2, 3),
        freq_stride=2,
        pool_stride=2,
        fold=0,
        in_channels=1,
        last_stride=1,
    ):
        super().__init__()
        stem = round(STEM_CHANNELS * width)
        strides = {"freq_stride": freq_stride, "pool_stride": pool_stride}
        _check(depth, stem, norm, ibn_stages, fold, last_stride=last_stride, **strides)
        self.fold = fold
        stride = (freq_stride, 2)
        self.conv1 = nn.Conv2d(in_channels, stem, 7, stride=stride, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=(freq_stride, pool_stride), padding=1)
        norms = [NORMS[norm] if stage in ibn_stages else nn.BatchNorm2d for stage in (1, 2, 3, 4)]
        block, counts = BLOCKS[depth]
        out = [stem * 2**stage * block.expansion for stage in range(4)]
        into = [stem, *out[:3]]
        along_time = (1, 2, 2, last_stride)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _stage(block, counts[i], into[i], out[i], along_time[i], norms[i], ring=bool(fold))
            for i in range(4)
        )
        self.out_channels = out[3]
        self.apply(_initialise)

    def forward(self, x):
        """Map a spectrogram to a feature map.

        Parameters
        ----------
        x : torch.Tensor [shape=(B, in_channels, F, T)]

        Returns
        -------
        torch.Tensor [shape=(B, out_channels, F', T')]
        """
        if x.shape[-1] < 3:  # torch 2.11 errs there on processors with AVX-512: silence, cut off
            x = self.conv1(nn.functional.pad(x, (0, 4)))[..., :1]
        else:
            x = self.conv1(x)  # (B, 64 w, F / s, T / 2)
        x = self.maxpool(self.relu(self.bn1(x)))  # (B, 64 w, F / s^2, T / 2p)
        if self.fold:
            x = self._fold(x)  # (B, 64 w, fold, T / 2p)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        return self.layer4(x)

    def _fold(self, x):
        if x.shape[2] % self.fold:
            raise NetworkError(
                f"{x.shape[2]} rows are no whole number of octaves of {self.fold}: give an input "
                "of whole octaves, or keep them apart"
            )
        return x.unflatten(2, (-1, self.fold)).mean(dim=2)


def _stage(block, count, in_channels, out_channels, stride, norm, *, ring):
    channels = out_channels // block.expansion
    stride = (1 if ring else stride, stride)  # every pitch class stays
    first = block(in_channels, channels, stride=stride, norm=norm, ring=ring)
    rest = [block(out_channels, channels, norm=norm, ring=ring) for _ in range(count - 1)]
    return nn.Sequential(first, *rest)


def _conv1x1(in_channels, channels, stride):
    return nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False)


def _conv3x3(in_channels, channels, stride, ring):
    convolution = RingConv2d if ring else nn.Conv2d
    return convolution(in_channels, channels, 3, stride=stride, padding=1, bias=False)


def _shortcut(in_channels, channels, stride):
    if stride in (1, (1, 1)) and in_channels == channels:
        return None
    return nn.Sequential(_conv1x1(in_channels, channels, stride), nn.BatchNorm2d(channels))


def _initialise(module):
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _check(depth, stem, norm, ibn_stages, fold, **strides):
    if depth not in BLOCKS:
        raise NetworkError(f"depth={depth}: choose from {tuple(BLOCKS)}")
    if norm not in NORMS:
        raise NetworkError(f"norm={norm!r}: choose from {tuple(NORMS)}")
    if not set(ibn_stages) <= {1, 2, 3, 4}:
        raise NetworkError(f"ibn_stages={ibn_stages}: the stages are 1 to 4")
    if stem < 2:
        raise NetworkError(f"width leaves {stem} channels in the stem: IBN needs at least 2")
    for name, stride in strides.items():
        if stride not in (1, 2):
            raise NetworkError(f"{name}={stride}: choose 1 or 2")
    if fold < 0 or fold == 1:
        raise NetworkError(f"fold={fold}: give the rows of an octave, at least 2, or 0")
    if fold and strides["freq_stride"] != 1:
        raise NetworkError(
            f"fold={fold} with freq_stride={strides['freq_stride']}: rows are no pitch classes "
            "any more and cannot be folded, use freq_stride=1"
        )
