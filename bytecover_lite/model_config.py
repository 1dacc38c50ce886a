"""What a model is made of, as data (chapter "GeM and BNNeck").

A checkpoint carries its configuration, input settings included, so that a model cannot be fed
features it was not trained on.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal, get_args, get_origin, get_type_hints

from .cqt import FeatureSettings
from .resnet_ibn import NetworkError

Compression = Literal["none", "sqrt", "log", "contrast"]
COMPRESSIONS = get_args(Compression)
_ADDED = {"pool_stride": 2, "octaves": "apart"}  # what models were before they could be otherwise


@dataclass(frozen=True)
class ByteCoverConfig:
    """Everything that decides the shape and the computation of a model.

    The defaults are the paper's network; "assumption" marks what the paper does not say.

    Attributes
    ----------
    depth : int
        Layers of the ResNet: 18, 34 or 50. Paper: 50.
    width : float
        Factor on every channel count. Paper: 1.
    norm : str
        What replaces the first BatchNorm of every block in ``ibn_stages``: ``"ibn"`` (paper),
        ``"bn"`` or ``"in"`` (the ablations of its first claim).
    ibn_stages : tuple of int
        Stages, of 1 to 4, in which ``norm`` acts. Paper: 1, 2, 3.
    neck : str
        ``"bnneck"`` (paper), or ``"none"``: the embedding is the pooled feature.
    freq_stride : int
        Stride of stem and pool along frequency. Assumption: 2, as for images; small models learn
        only with 1, which keeps semitones apart.
    pool_stride : int
        Stride of the stem's pool along time. Assumption: 2, as for images.
    octaves : str
        ``"apart"`` (paper), or ``"folded"``: the map after the stem is averaged over the octaves,
        and the stages work on a ring of pitch classes, which a transposition only rotates.
    n_classes : int
        Training cliques; 0 leaves the classifier out.
    gem_p : float
        First value of GeM's learned exponent. Assumption: 3, as in re-implementations.
    compression : str
        ``"none"`` feeds the magnitudes (assumption); ``"sqrt"`` and ``"log"`` divide them by the
        mean of the track, so that loudness does not matter, and compress them; ``"contrast"``
        leaves of the log what each bin has more than its neighbours in pitch. See `compress`.
    min_frames : int [averaged frames, at least 1]
        Shorter inputs are surrounded by silence up to this length. Training does so with its crops,
        and sets this to their length, so that a short recording looks the same when it is embedded.
        Assumption: the paper does not speak of short recordings.
    features : FeatureSettings
        What the input is made with.

    Raises
    ------
    NetworkError
        If no such network exists.
    """

    depth: Literal[18, 34, 50] = 50
    width: float = 1.0
    norm: Literal["ibn", "bn", "in"] = "ibn"
    ibn_stages: tuple[int, ...] = (1, 2, 3)
    neck: Literal["bnneck", "none"] = "bnneck"
    freq_stride: Literal[1, 2] = 2
    pool_stride: Literal[1, 2] = 2
    octaves: Literal["apart", "folded"] = "apart"
    n_classes: int = 0
    gem_p: float = 3.0
    compression: Compression = "none"
    min_frames: int = 1
    features: FeatureSettings = field(default_factory=FeatureSettings)

    def __post_init__(self):
        """Validate the values."""
        for name, hint in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if get_origin(hint) is Literal and value not in get_args(hint):
                raise NetworkError(f"{name}={value!r}: choose from {get_args(hint)}")
        if not self.gem_p > 0 or self.n_classes < 0:
            raise NetworkError(
                f"gem_p={self.gem_p}, n_classes={self.n_classes}: give a positive exponent and "
                "no negative number of classes"
            )
        if self.compression == "contrast" and self.features.bins_per_octave < 4:
            raise NetworkError(
                f"{self.features.bins_per_octave} bins an octave leave a bin no neighbours within "
                "a quarter of one, and contrast nothing at all: use at least 4"
            )
        if self.min_frames < 1:
            raise NetworkError(f"min_frames={self.min_frames}: give at least 1")
        if self.octaves == "folded":
            self._check_folding()
        elif self.features.n_bins <= 4 * self.freq_stride**2:
            raise NetworkError(
                f"{self.features.n_bins} bins leave one row at stage 3, which instance "
                f"normalisation would zero: use more than {4 * self.freq_stride**2} bins"
            )

    def _check_folding(self):
        octave, bins = self.features.bins_per_octave, self.features.n_bins
        if self.freq_stride != 1 or bins % octave or octave < 2:
            raise NetworkError(
                f"octaves='folded' with freq_stride={self.freq_stride} and {bins} bins, {octave} "
                "an octave: folding needs freq_stride=1 and whole octaves of at least 2 bins"
            )


def config_from_dict(values):
    """Rebuild a configuration from ``dataclasses.asdict`` of one, as JSON returns it.

    Parameters
    ----------
    values : dict
        Fields and their values. ``pool_stride`` and ``octaves`` may be missing: older files have
        neither.

    Returns
    -------
    ByteCoverConfig

    Raises
    ------
    TypeError, KeyError, ValueError
        If fields are unknown or missing, or values are impossible.
    """
    values = {**_ADDED, **values}
    unexpected = set(values) ^ {f.name for f in dataclasses.fields(ByteCoverConfig)}
    if unexpected:
        raise KeyError(f"unknown or missing: {', '.join(sorted(unexpected))}")
    features = FeatureSettings(**values["features"])
    stages = tuple(values["ibn_stages"])
    return ByteCoverConfig(**{**values, "ibn_stages": stages, "features": features})


def differences(found, wanted):
    """Describe in words the fields in which two configurations differ.

    Parameters
    ----------
    found, wanted : ByteCoverConfig

    Returns
    -------
    str
        ``"depth=18 (not 50), ..."``.
    """
    names = [f.name for f in dataclasses.fields(found)]
    return ", ".join(
        f"{name}={getattr(found, name)!r} (not {getattr(wanted, name)!r})"
        for name in names
        if getattr(found, name) != getattr(wanted, name)
    )
