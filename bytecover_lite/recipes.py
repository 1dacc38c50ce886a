"""The training recipes, as data (book chapter "Training", table of ambiguities).

``TrainConfig()`` is the paper as far as it is known: every field carries its source, or says that
it is an assumption. ``lite`` is a small set of differences that two CPU cores can train in minutes,
``long`` the same for an hour or more, the rest of ``SHIPPED`` what comes after it, ``ablation``
what the ablations share.
"""

from dataclasses import dataclass, field, replace

from .augment import Augmentation
from .cqt import FeatureSettings
from .errors import BytecoverError
from .model import ByteCoverConfig


class RecipeError(BytecoverError):
    """A training configuration that cannot be run."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides how a model is trained; the defaults are the paper's.

    Attributes
    ----------
    model : ByteCoverConfig
        The network; ``n_classes`` is set to the number of training works.
    cliques_per_batch, versions_per_clique : int
        P and K. Assumption: 16 x 4, from the re-identification work that BNNeck comes from.
    crop_frames : int
        Averaged frames a training crop has. Assumption: 100 (232 s at the paper's averaging).
    steps : int
        Optimiser steps. Assumption: the paper does not say.
    optimizer : str
        ``"adamw"``, or ``"muon"`` for the kernels of the convolutions and AdamW for the rest.
        Assumption: AdamW (Adam in the source of BNNeck).
    learning_rate, warmup_steps, weight_decay : float, int, float
        Linear warm-up, then a cosine to zero. Assumptions (3.5e-4 in the source of BNNeck).
    margin, label_smoothing : float
        Triplet margin 0.3 and smoothing 0.1 (both re-implementations; the paper is not explicit).
    classification_weight, triplet_weight : float
        Weights of the two losses. Paper: the plain sum.
    contrastive_weight, contrastive_steps, temperature : float, int, float
        A helping term that the paper does not have: supervised contrastive loss on the embedding.
        It stands in for the triplet term at first and hands over to it during the second half of
        ``contrastive_steps``. Paper: 0.
    augmentation : Augmentation
        Changes of the crops. Assumption: none.
    precision : str
        ``"32-true"`` or ``"bf16-mixed"`` (Lightning Fabric's names); ``"auto"`` is the latter on
        processors that compute in bfloat16, where it halves the time.
    validate_every : int
        Steps between two measurements of the validation MAP; the best model is kept.
    patience : int
        Stop after this many validations without a better MAP; 0 never stops early.
    seed : int
        Of the initialisation and of every batch.
    start_from : str
        Checkpoint file whose weights training begins with, of a model with the same configuration
        but perhaps another averaging; the classifier begins anew. Empty: random weights.
        Assumption: none.
    imprint : bool
        Whether the row of each work in the classifier begins as the work's mean embedding, and
        learns by plain gradient descent (`make_optimizers`). Assumption: no, rows begin at random.
    """

    model: ByteCoverConfig = field(default_factory=ByteCoverConfig)
    cliques_per_batch: int = 16
    versions_per_clique: int = 4
    crop_frames: int = 100
    steps: int = 60_000
    optimizer: str = "adamw"
    learning_rate: float = 3.5e-4
    warmup_steps: int = 5_000
    weight_decay: float = 5e-4
    margin: float = 0.3
    label_smoothing: float = 0.1
    classification_weight: float = 1.0
    triplet_weight: float = 1.0
    contrastive_weight: float = 0.0
    contrastive_steps: int = 0
    temperature: float = 0.1
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: str = "32-true"
    validate_every: int = 1_000
    patience: int = 0
    seed: int = 0
    start_from: str = ""
    imprint: bool = False

    def __post_init__(self):
        """Refuse values that make no sense together."""
        positive = ("cliques_per_batch", "versions_per_clique", "crop_frames", "steps")
        for name in (*positive, "validate_every"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} is {getattr(self, name)}: it must be at least 1")
        if self.versions_per_clique < 2 and (self.triplet_weight or self.contrastive_weight):
            raise RecipeError("a pairwise loss needs versions_per_clique of at least 2")
        if self.optimizer not in ("adamw", "muon"):
            raise RecipeError(f"optimizer {self.optimizer!r} is unknown: use 'adamw' or 'muon'")
        if self.imprint and not self.classification_weight:
            raise RecipeError("imprint needs a classifier: give a classification_weight above 0")
        if not self.learning_rate > 0:
            raise RecipeError(f"learning_rate is {self.learning_rate}: it must be positive")


def paper(**changes):
    """Return the recipe nearest to the paper: ResNet50-IBN, multi-loss, for a GPU."""
    return replace(TrainConfig(precision="auto"), **changes)


def lite(**changes):
    """Return the small recipe: what two CPU cores train in a few minutes."""
    steps = 1_800
    config = _small(
        compression="contrast",
        cliques_per_batch=22,
        versions_per_clique=3,
        steps=steps,
        optimizer="muon",
        learning_rate=4e-3,
        warmup_steps=50,
        classification_weight=0.25,
        contrastive_steps=3 * steps // 2,
        validate_every=300,
    )
    folded = replace(config.model, octaves="folded", pool_stride=1)
    return replace(config, **{"model": folded} | changes)


def long(**changes):
    """Return the recipe of the shipped checkpoint: wider than ``lite``, for an hour or more."""
    steps = 5_000
    config = _small(
        width=0.375,
        steps=steps,
        optimizer="muon",
        learning_rate=3e-3,
        contrastive_steps=steps,
        validate_every=250,
    )
    return replace(config, **changes)


def wide(**changes):
    """Return the recipe that goes on from ``long``, with songs of which only the tune is common."""
    steps = 3_000
    config = long(steps=steps, contrastive_steps=steps, learning_rate=2e-3, validate_every=250)
    return replace(config, **changes)


def fine(**changes):
    """Return the recipe that goes on from ``wide`` with frames of half the length."""
    steps = 900
    config = wide(steps=steps, contrastive_steps=steps, crop_frames=256, validate_every=300)
    config = replace(config, model=replace(config.model, features=FeatureSettings(averaging=20)))
    return replace(config, **changes)


def parts(**changes):
    """Return the recipe that goes on from ``fine``, with tunes in four parts."""
    steps = 1_500
    config = fine(steps=steps, contrastive_steps=steps, validate_every=250)
    return replace(config, **{"cliques_per_batch": 32, "versions_per_clique": 2} | changes)


def played(**changes):
    """Return the recipe that goes on from ``parts``: parts that move, tunes among a few players."""
    steps = 2_200
    config = parts(steps=steps, contrastive_steps=steps, validate_every=275)
    return replace(config, **changes)


def voices(**changes):
    """Return the recipe that goes on from ``played``: four parts of which three are independent."""
    steps = 3_300
    config = played(steps=steps, contrastive_steps=steps)
    return replace(config, **changes)


def timbres(**changes):
    """Return the recipe that goes on from ``voices``: instruments as uneven as real ones."""
    steps = 2_500
    config = voices(
        steps=steps,
        contrastive_steps=steps,
        learning_rate=1e-3,
        imprint=True,
        validate_every=250,
    )
    return replace(config, **changes)


def uneven(**changes):
    """Return the recipe that goes on from ``timbres``: most versions on uneven instruments."""
    steps = 4_000
    config = timbres(steps=steps, contrastive_steps=steps, learning_rate=1.5e-3)
    return replace(config, **changes)


def plenty(**changes):
    """Return the recipe that goes on from ``uneven``: the same with more works, for longer."""
    steps = 5_000
    config = uneven(steps=steps, contrastive_steps=steps, learning_rate=2e-3)
    return replace(config, **changes)


def textures(**changes):
    """Return the recipe that goes on from ``plenty``: tunes, hymns and psalms in every texture."""
    steps = 6_500
    config = plenty(steps=steps, contrastive_steps=steps, learning_rate=2.5e-3)
    return replace(config, **changes)


def invented(**changes):
    """Return the recipe that goes on from ``textures``: half of the versions on any instruments."""
    steps = 7_500
    config = textures(steps=steps, contrastive_steps=steps)
    return replace(config, **changes)


def ablation(**changes):
    """Return what the ablations keep the same: frames so long that 80 runs take a day."""
    steps = 600
    config = _small(
        averaging=100,
        crop_frames=50,
        steps=steps,
        optimizer="muon",
        contrastive_steps=steps,
        warmup_steps=60,
        validate_every=steps,
    )
    return replace(config, **changes)


def _small(*, width=0.25, averaging=40, compression="log", **changes):
    config = TrainConfig(
        model=ByteCoverConfig(
            depth=18,
            width=width,
            freq_stride=1,
            compression=compression,
            features=FeatureSettings(averaging=averaging),
        ),
        crop_frames=128,
        learning_rate=2e-3,
        warmup_steps=100,
        contrastive_weight=1.0,
        precision="auto",
    )
    return replace(config, **changes)


# The stages of the shipped checkpoint, in their order.
SHIPPED = (long, wide, fine, parts, played, voices, timbres, uneven, plenty, textures, invented)
PRESETS = {f.__name__: f for f in (lite, *SHIPPED, ablation, paper)}
