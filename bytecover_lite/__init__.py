"""ByteCover, small: learn, reproduce and extend cover song identification.

The names below are imported from their modules on first use, so that ``import bytecover_lite``
stays quick. Two functions share the name of their module and are reached through it:
``bytecover_lite.cqt.cqt`` and ``bytecover_lite.train.train``.
"""

from importlib import import_module

__version__ = "0.1.0"

_NAMES_OF = {
    "audio": ("load_audio", "stream_audio"),
    "cqt": ("FeatureSettings", "average_frames", "extract"),
    "data": ("CliqueDataset", "CliqueSampler", "read_versions", "write_versions"),
    "embed": ("Embeddings", "embed_versions"),
    "errors": ("BytecoverError",),
    "library": ("Library",),
    "losses": (
        "batch_hard_triplet",
        "classification",
        "multi_loss",
        "pairwise_distance",
        "supervised_contrastive",
    ),
    "model": (
        "ByteCover",
        "ByteCoverConfig",
        "ByteCoverOutput",
        "load_model",
        "save_model",
    ),
    "recipes": ("TrainConfig",),
    "retrieval": ("evaluate", "evaluate_embeddings"),
    "store": ("FeatureStore", "StoreWriter"),
}
_MODULE_OF = {name: module for module, names in _NAMES_OF.items() for name in names}


def __getattr__(name):
    if name in _NAMES_OF:
        return import_module(f".{name}", __name__)
    if name in _MODULE_OF:
        return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*_NAMES_OF, *_MODULE_OF, "__version__"])
