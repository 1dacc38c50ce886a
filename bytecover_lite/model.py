"""ByteCover: backbone, GeM pooling, BNNeck and classifier (chapter "GeM and BNNeck").

The pooled feature f_t goes to the triplet loss. Its batch-normalised copy f_c is the embedding: a
bias-free linear layer classifies it while training, retrieval compares it by cosine afterwards.
"""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from .checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from .model_config import COMPRESSIONS, ByteCoverConfig, config_from_dict, differences
from .resnet_ibn import NetworkError, ResNetIBN

__all__ = [
    "BNNeck",
    "ByteCover",
    "ByteCoverConfig",
    "ByteCoverOutput",
    "CheckpointError",
    "GeM",
    "NetworkError",
    "load_model",
    "save_model",
]

SHIPPED = Path(__file__).parent / "checkpoints"


class ByteCoverOutput(NamedTuple):
    """What a model returns for a batch.

    Attributes
    ----------
    pooled : torch.Tensor [shape=(B, D)]
        f_t, for the triplet loss (Euclidean distance).
    embedding : torch.Tensor [shape=(B, D)]
        f_c, for retrieval (cosine). Not normalised.
    logits : torch.Tensor [shape=(B, n_classes)] or None
        For classification; None if the model has no classifier.
    """

    pooled: torch.Tensor
    embedding: torch.Tensor
    logits: torch.Tensor | None


class GeM(nn.Module):
    """Generalised-mean pooling over frequency and time with a learned exponent.

    Exponent 1 is the mean; the larger it is, the nearer the result comes to the maximum.

    Parameters
    ----------
    p : float [> 0]
        First value of the exponent.
    floor : float [> 0]
        Smaller activations count as this one, which keeps powers and roots differentiable.

    References
    ----------
    Radenović et al., Fine-tuning CNN Image Retrieval with No Human Annotation, 2018, equation 3.
    """

    def __init__(self, p=3.0, *, floor=1e-6):
        super().__init__()
        self.p = nn.Parameter(torch.tensor(float(p)))
        self.floor = floor

    def forward(self, x):
        """Pool ``x`` [shape=(B, C, F, T)] to (B, C), in float32 or better."""
        if x.dtype != torch.float64:
            x = x.float()  # a cube in half precision would round away what the margin asks for
        return x.clamp(min=self.floor).pow(self.p).mean(dim=(2, 3)).pow(1 / self.p)


class BNNeck(nn.BatchNorm1d):
    """Batch normalisation between the two losses, its shift frozen at zero.

    Parameters
    ----------
    channels : int
        Size of the feature.

    References
    ----------
    Luo et al., Bag of Tricks and a Strong Baseline for Deep Person Re-Identification, 2019,
    section 3.6.
    """

    def __init__(self, channels):
        super().__init__(channels)
        self.bias.requires_grad_(False)


class ByteCover(nn.Module):
    """Spectrogram to pooled feature, embedding and logits.

    With the default configuration the backbone has 23.5 million parameters, BNNeck 4,096 and the
    classifier 2,048 a class; see `ResNetIBN` for the arithmetic.

    Parameters
    ----------
    config : ByteCoverConfig, optional
        Default: the paper's network, without a classifier.

    Attributes
    ----------
    embedding_size : int
        D, 2048 by default.
    """

    def __init__(self, config=None):
        super().__init__()
        self.config = config = config or ByteCoverConfig()
        self.backbone = ResNetIBN(
            config.depth,
            width=config.width,
            norm=config.norm,
            ibn_stages=config.ibn_stages,
            freq_stride=config.freq_stride,
            pool_stride=config.pool_stride,
            fold=config.features.bins_per_octave if config.octaves == "folded" else 0,
        )
        self.embedding_size = self.backbone.out_channels
        self.pool = GeM(config.gem_p)
        self.neck = BNNeck(self.embedding_size) if config.neck == "bnneck" else nn.Identity()
        self.classifier = None
        if config.n_classes:
            self.classifier = nn.Linear(self.embedding_size, config.n_classes, bias=False)
            nn.init.normal_(self.classifier.weight, std=0.001)  # as in BNNeck's source
        _lay_out(self)

    def forward(self, spectrogram):
        """Embed averaged constant-Q spectrograms of equal length.

        Parameters
        ----------
        spectrogram : torch.Tensor [shape=(B, n_bins, T), non-negative, T >= 1]
            Magnitudes as `average_frames` returns them.

        Returns
        -------
        ByteCoverOutput
            In evaluation mode, row i depends on row i of the input alone.

        Raises
        ------
        NetworkError
            If the shape is another one.
        """
        bins = self.config.features.n_bins
        if spectrogram.ndim != 3 or spectrogram.shape[1] != bins or spectrogram.shape[2] < 1:
            raise NetworkError(
                f"spectrogram has shape {tuple(spectrogram.shape)}: give (batch, {bins}, frames) "
                "with at least one frame"
            )
        x = surround(spectrogram, self.config.min_frames)
        x = compress(
            x, self.config.compression, bins_per_octave=self.config.features.bins_per_octave
        )
        x = self.backbone(x[:, None])  # (B, D, F', T')
        pooled = self.pool(x)  # (B, D)
        embedding = self.neck(pooled)
        logits = None if self.classifier is None else self.classifier(embedding)
        return ByteCoverOutput(pooled, embedding, logits)

    @classmethod
    def from_pretrained(cls, name="lite"):
        """Load a checkpoint that comes with the package; nothing is downloaded.

        Parameters
        ----------
        name : str
            Its file name without ending.

        Returns
        -------
        ByteCover
            On the CPU, in evaluation mode.

        Raises
        ------
        CheckpointError
            If there is none of that name.
        """
        shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.safetensors"))}
        if name not in shipped:
            known = ", ".join(shipped) or "none; train one and read it with load_model"
            raise CheckpointError(
                f"{SHIPPED / name}.safetensors: no such checkpoint in this installation: "
                f"choose from those that are ({known})"
            )
        return load_model(shipped[name])


def surround(spectrogram, frames):
    """Put silence before and after a spectrogram that is shorter than ``frames``.

    Parameters
    ----------
    spectrogram : torch.Tensor [shape=(B, n_bins, T)]
    frames : int

    Returns
    -------
    torch.Tensor [shape=(B, n_bins, max(T, frames))]
        The input in the middle; as it is if it is long enough.
    """
    missing = max(0, frames - spectrogram.shape[-1])
    if not missing:
        return spectrogram
    return nn.functional.pad(spectrogram, (missing // 2, missing - missing // 2))


def compress(spectrogram, kind, *, bins_per_octave=12):
    """Make loud bins dominate the input less.

    Parameters
    ----------
    spectrogram : torch.Tensor [shape=(B, n_bins, T), non-negative]
        Magnitudes.
    kind : str
        ``"none"``: as they are. ``"sqrt"``: root of the magnitude over the track's mean.
        ``"log"``: log(1 + 10 times that ratio). ``"contrast"``: the log, minus its mean over the
        bins within a quarter of an octave above and below. All but the first ignore gain.
    bins_per_octave : int
        Bins of one octave, for ``"contrast"``.

    Returns
    -------
    torch.Tensor [shape=(B, n_bins, T)]
        Non-negative, but for ``"contrast"``. Silence gives (nearly) 0.

    Raises
    ------
    NetworkError
        If the kind is another one.

    References
    ----------
    For ``"contrast"``: the subtractive half of local contrast normalisation, Jarrett et al., What
    is the Best Multi-Stage Architecture for Object Recognition?, 2009, section 2.1; here along
    frequency alone, with equal weights.
    """
    if kind not in COMPRESSIONS:
        raise NetworkError(f"compression {kind!r}: choose from {COMPRESSIONS}")
    if kind == "none":
        return spectrogram
    mean = spectrogram.mean(dim=(1, 2), keepdim=True)
    ratio = spectrogram / mean.clamp(min=1e-12)
    if kind == "sqrt":
        return ratio.clamp(min=1e-12).sqrt()
    loudness = torch.log1p(10 * ratio)
    return loudness - _around(loudness, bins_per_octave // 4) if kind == "contrast" else loudness


def _around(spectrogram, reach):
    """Return each bin's mean over itself and ``reach`` bins above and below, as far as there."""
    return nn.functional.avg_pool2d(
        spectrogram, (2 * reach + 1, 1), stride=1, padding=(reach, 0), count_include_pad=False
    )


def without_classifier(model):
    """Return a copy that embeds but does not classify: what is shipped.

    Parameters
    ----------
    model : ByteCover

    Returns
    -------
    ByteCover
        In evaluation mode, with the same embeddings.
    """
    copy = ByteCover(dataclasses.replace(model.config, n_classes=0))
    kept = {k: v for k, v in model.state_dict().items() if not k.startswith("classifier.")}
    copy.load_state_dict(kept)
    return copy.eval()


def save_model(model, path):
    """Write weights and configuration to one safetensors file, in one step.

    Parameters
    ----------
    model : ByteCover
        Left as it is.
    path : path-like
        File to make or replace.
    """
    write_checkpoint(path, model.state_dict(), dataclasses.asdict(model.config))


def load_model(path, *, config=None):
    """Read a model written by `save_model`.

    Parameters
    ----------
    path : path-like
        The checkpoint.
    config : ByteCoverConfig, optional
        Refuse the checkpoint if it was made with another configuration.

    Returns
    -------
    ByteCover
        On the CPU, in evaluation mode.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, a pickle or something else, or if its configuration or
        its weights are not the expected ones.
    """
    tensors, values = read_checkpoint(path)
    try:
        found = config_from_dict(values)
    except (TypeError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path}: its configuration is unknown here ({error}): "
            "use the version of bytecover-lite that wrote it"
        ) from error
    if config is not None and config != found:
        raise CheckpointError(
            f"{path}: made with {differences(found, config)}: "
            "ask for that configuration, or train a model with yours"
        )
    try:
        with torch.device("meta"):  # takes no memory, however large a network the file asks for
            model = ByteCover(found)
        _check_tensors(model.state_dict(), tensors)
        model.load_state_dict(tensors, strict=True, assign=True)
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(
            f"{path}: its weights do not fit its configuration ({reason}): train it again"
        ) from error
    return _lay_out(model).eval()


def _lay_out(model):
    """Put a pixel's channels side by side in memory, which is a fifth faster."""
    if model.config.width < 0.125:  # with 4 channels, torch 2.11 writes past its buffers there
        return model
    return model.to(memory_format=torch.channels_last)


def _check_tensors(expected, found):
    """Raise ValueError where `load_state_dict` would take what is no weight of ours."""
    for name, tensor in found.items():
        if name in expected and tensor.dtype != expected[name].dtype:
            raise ValueError(f"{name} is {tensor.dtype}, not {expected[name].dtype}")
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} holds NaN or infinity")
