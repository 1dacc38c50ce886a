"""The arms of every ablation, as data (book chapters "Ablation").

The first arm of an ablation is the one that the others are compared with.
"""

from dataclasses import dataclass, field, replace

from .errors import BytecoverError


class AblationError(BytecoverError):
    """An ablation that does not exist or cannot be run on the corpora at hand."""


@dataclass(frozen=True)
class Arm:
    """What one arm of an ablation changes.

    Attributes
    ----------
    model, training : dict
        Fields of the model's and the training's configuration to replace.
    works : int or None
        Train on the first so many works only.
    averaging : int or None
        Frames averaged into one; the crop keeps its length in seconds.
    """

    model: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)
    works: int | None = None
    averaging: int | None = None

    def configured(self, config, seed):
        """Return the recipe of this arm for one seed."""
        model, changes = replace(config.model, **self.model), dict(self.training)
        if self.averaging:
            own = config.model.features
            model = replace(model, features=replace(own, averaging=self.averaging))
            changes["crop_frames"] = round(config.crop_frames * own.averaging / self.averaging)
        return replace(config, seed=seed, model=model, **changes)

    def restricted(self, table):
        """Return the versions table with the works that this arm trains on.

        Raises
        ------
        AblationError
            If the corpus has too few.
        """
        if self.works is None:
            return table
        names = table.loc[table["split"] == "train", "clique"].drop_duplicates()
        if len(names) < self.works:
            raise AblationError(
                f"the corpus has {len(names)} training works, {self.works} are needed: "
                "give a larger one (`bytecover songbook --preset scaling`)"
            )
        kept = set(names[: self.works])
        return table[(table["split"] != "train") | table["clique"].isin(kept)]


def _loss(classification, triplet, contrastive, **model):
    weights = {
        "classification_weight": float(classification),
        "triplet_weight": float(triplet),
        "contrastive_weight": float(contrastive),
    }
    return Arm(model, weights)


def _steps(optimizer, learning_rate):
    return Arm(training={"optimizer": optimizer, "learning_rate": learning_rate})


ABLATIONS = {
    "norm": {name: Arm({"norm": name}) for name in ("ibn", "bn", "in")},
    "placement": {
        f"stages {'-'.join(map(str, sorted({1, last})))}": Arm(
            {"ibn_stages": tuple(range(1, last + 1))}
        )
        for last in (3, 1, 2, 4)
    },
    "loss": {
        "multi-loss": _loss(1, 1, 1),
        "multi-loss, no help": _loss(1, 1, 0),
        "classification": _loss(1, 0, 0),
        "triplet": _loss(0, 1, 0),
        "multi-loss, no BNNeck": _loss(1, 1, 1, neck="none"),
    },
    "compression": {
        name: Arm({"compression": name}) for name in ("log", "none", "sqrt", "contrast")
    },
    "stride": {
        f"frequency stride {s}": Arm({"freq_stride": s, "octaves": "apart"}) for s in (1, 2)
    },  # folded octaves go with stride 1 only
    "octaves": {
        f"{octaves}, pool stride {stride}": Arm({"octaves": octaves, "pool_stride": stride})
        for octaves in ("apart", "folded")
        for stride in (2, 1)
    },
    "optimizer": {
        "AdamW": _steps("adamw", 2e-3),
        "AdamW, twice the rate": _steps("adamw", 4e-3),
        "Muon": _steps("muon", 2e-3),
    },
    "averaging": {f"{frames} frames": Arm(averaging=frames) for frames in (100, 50, 20)},
    "works": {f"{works} works": Arm(works=works) for works in (250, 1000, 4000, 16000)},
}
# What is compared, and by what distance: f_c is the embedding, f_t the pooled feature.
READINGS = {
    "loss": tuple((f, m) for f in ("embedding", "pooled") for m in ("cosine", "euclidean")),
}


def arms_of(name):
    """Return the arms of an ablation by their labels.

    Raises
    ------
    AblationError
        If there is no such ablation.
    """
    if name not in ABLATIONS:
        raise AblationError(f"no ablation {name!r}: choose from {', '.join(ABLATIONS)}")
    return ABLATIONS[name]
