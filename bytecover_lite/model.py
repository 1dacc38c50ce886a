"""ByteCover: backbone, GeM pooling, BNNeck and classifier (chapter "GeM and BNNeck").

The pooled feature f_t goes to the triplet loss; its batch-normalised copy f_c is the embedding,
which a bias-free linear layer classifies and which retrieval compares by cosine.
"""

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import nn

from .cqt import FeatureSettings
from .errors import BytecoverError
from .resnet_ibn import NetworkError, ResNetIBN

FORMAT = "bytecover-lite 1"


class CheckpointError(BytecoverError):
    """A checkpoint file that cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True)
class ByteCoverConfig:
    """Everything that decides the shape and the computation of a model.

    The defaults are the paper's network; "assumption" marks what the paper does not say.

    Attributes
    ----------
    depth : int
        Layers of the ResNet: 18, 34 or 50 (paper: 50).
    width : float
        Factor on every channel count (paper: 1).
    norm : str
        What replaces the first BatchNorm of a block in ``ibn_stages``: ``"ibn"`` (paper),
        ``"bn"`` or ``"in"`` (the ablations of its first claim).
    ibn_stages : tuple of int
        Stages 1 to 4 in which ``norm`` acts (paper: 1, 2, 3).
    neck : str
        ``"bnneck"`` (paper) or ``"none"``: the embedding is the pooled feature.
    freq_stride : int
        Stride of stem and pool along frequency, 2 (assumption; an image ResNet) or 1 (small
        models learn only with this).
    n_classes : int
        Training cliques; 0 leaves the classifier out.
    gem_p : float
        Initial exponent of GeM pooling, learned (assumption: 3).
    compression : str
        ``"none"`` feeds the magnitude (assumption); ``"sqrt"`` and ``"log"`` divide by the mean
        of the track first, so that loudness does not matter, then compress.
    features : FeatureSettings
        What the input was made with.
    """

    depth: Literal[18, 34, 50] = 50
    width: float = 1.0
    norm: Literal["ibn", "bn", "in"] = "ibn"
    ibn_stages: tuple[int, ...] = (1, 2, 3)
    neck: Literal["bnneck", "none"] = "bnneck"
    freq_stride: Literal[1, 2] = 2
    n_classes: int = 0
    gem_p: float = 3.0
    compression: Literal["none", "sqrt", "log"] = "none"
    features: FeatureSettings = field(default_factory=FeatureSettings)


class ByteCoverOutput(NamedTuple):
    """What a model returns for a batch.

    Attributes
    ----------
    pooled : torch.Tensor [shape=(B, D)]
        f_t, for the triplet loss (Euclidean).
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

    ``p = 1`` is the mean, ``p -> infinity`` the maximum.

    Parameters
    ----------
    p : float [> 0]
        Initial exponent.
    floor : float [> 0]
        Smaller activations count as this, so that powers and roots stay differentiable.

    References
    ----------
    Radenovic et al., Fine-tuning CNN Image Retrieval with No Human Annotation, 2018, equation 3.
    """

    def __init__(self, p=3.0, *, floor=1e-6):
        super().__init__()
        self.p = nn.Parameter(torch.tensor(float(p)))
        self.floor = floor

    def forward(self, x):
        """Pool ``x`` [shape=(B, C, F, T)] to (B, C)."""
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

    Parameters
    ----------
    config : ByteCoverConfig
        Shape and computation of the model.
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
        )
        self.embedding_size = self.backbone.out_channels
        self.pool = GeM(config.gem_p)
        self.neck = (
            BNNeck(self.embedding_size) if config.neck == "bnneck" else nn.Identity()
        )
        self.classifier = None
        if config.n_classes:
            self.classifier = nn.Linear(
                self.embedding_size, config.n_classes, bias=False
            )
            nn.init.normal_(self.classifier.weight, std=0.001)

    def forward(self, spectrogram):
        """Embed averaged constant-Q spectrograms of equal length.

        Parameters
        ----------
        spectrogram : torch.Tensor [shape=(B, n_bins, T), non-negative, T >= 1]
            Magnitudes as `average_frames` returns them.

        Returns
        -------
        ByteCoverOutput
        """
        if spectrogram.ndim != 3 or spectrogram.shape[1] != self.config.features.n_bins:
            raise NetworkError(
                f"spectrogram has shape {tuple(spectrogram.shape)}: "
                f"give (batch, {self.config.features.n_bins}, frames)"
            )
        if spectrogram.shape[2] < 1:
            raise NetworkError(
                "spectrogram has no frames: give at least one averaged frame"
            )
        x = compress(spectrogram, self.config.compression)
        x = self.backbone(x[:, None])  # (B, D, F', T')
        pooled = self.pool(x)  # (B, D)
        embedding = self.neck(pooled)
        logits = None if self.classifier is None else self.classifier(embedding)
        return ByteCoverOutput(pooled, embedding, logits)

    @classmethod
    def from_pretrained(cls, name="lite"):
        """Load a checkpoint that ships with the package; nothing is downloaded.

        Raises
        ------
        CheckpointError
            If there is no checkpoint of that name.
        """
        folder = Path(__file__).parent / "checkpoints"
        path = folder / f"{name}.safetensors"
        if not path.is_file():
            names = sorted(found.stem for found in folder.glob("*.safetensors"))
            raise CheckpointError(
                f"{path}: there is no shipped checkpoint {name!r}: "
                + (
                    f"choose from {', '.join(names)}"
                    if names
                    else "train one and use load_model"
                )
            )
        return load_model(path)


def compress(spectrogram, kind):
    """Make the input less dominated by its loudest bins.

    Parameters
    ----------
    spectrogram : torch.Tensor [shape=(B, n_bins, T), non-negative]
        Magnitudes.
    kind : str
        ``"none"`` returns them as they are; ``"sqrt"`` and ``"log"`` act on the magnitudes
        divided by their mean over the track, so that gain has no effect. Silence stays 0.

    Returns
    -------
    torch.Tensor [shape=(B, n_bins, T)]
    """
    if kind == "none":
        return spectrogram
    mean = spectrogram.mean(dim=(1, 2), keepdim=True)
    relative = spectrogram / mean.clamp(min=1e-8)
    return (
        torch.log1p(10 * relative)
        if kind == "log"
        else relative.clamp(min=1e-12).sqrt()
    )


def save_model(model, path):
    """Write weights and configuration to one safetensors file, atomically.

    Parameters
    ----------
    model : ByteCover
        Its device and mode are left alone.
    path : str or Path
        Where to; its folder is made if needed.
    """
    from safetensors.torch import save_file

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    config = json.dumps(dataclasses.asdict(model.config))
    save_file(tensors, partial, {"format": FORMAT, "config": config})
    os.replace(partial, path)


def load_model(path, *, config=None):
    """Read a model written by `save_model`, on the CPU and in evaluation mode.

    Parameters
    ----------
    path : str or Path
        The checkpoint.
    config : ByteCoverConfig, optional
        Refuse the checkpoint if it holds another configuration.

    Returns
    -------
    ByteCover

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, a pickle or anything else than such a checkpoint, or if
        its configuration or weights are not the ones asked for.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    if metadata.get("format") != FORMAT or "config" not in metadata:
        raise CheckpointError(
            f"{path}: safetensors, but not a ByteCover checkpoint of format {FORMAT!r}: "
            "write it with save_model"
        )
    model = ByteCover(_config_from_json(path, metadata["config"]))
    if config is not None and config != model.config:
        raise CheckpointError(
            f"{path}: made with {_differences(model.config, config)}: "
            "load it without a config or train a model with the wanted one"
        )
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(
            f"{path}: weights do not fit its own configuration ({reason}): save the model again"
        ) from error
    return model.eval()


def _read(path):
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such checkpoint: check the path or train a model"
        )
    head = path.read_bytes()[:2] if path.stat().st_size < 2 else path.open("rb").read(2)
    if head[:2] == b"PK" or head[:1] == b"\x80":
        raise CheckpointError(
            f"{path}: a pickle file, which can run code when read: convert it with save_model "
            "where it was made"
        )
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {
                name: file.get_tensor(name) for name in file.keys()
            }
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: truncated or not a safetensors file ({error}): fetch or write it again"
        ) from error


def _config_from_json(path, text):
    try:
        values = json.loads(text)
        values["ibn_stages"] = tuple(values["ibn_stages"])
        values["features"] = FeatureSettings(**values["features"])
        return ByteCoverConfig(**values)
    except (TypeError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path}: its configuration is not one of this version ({error}): "
            "use the version of bytecover-lite that wrote it"
        ) from error


def _differences(found, wanted):
    pairs = [
        (f.name, getattr(found, f.name), getattr(wanted, f.name))
        for f in dataclasses.fields(found)
    ]
    return ", ".join(f"{name}={a!r}, not {b!r}" for name, a, b in pairs if a != b)
