"""Features to embeddings: one vector a version (book chapter "GeM and BNNeck").

Tracks of equal length share a batch and none is padded to the length of another, so the embedding
of a version never depends on the other versions it happens to be computed with.
"""

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from .augment import change_tempo
from .coarser import coarsened
from .errors import BytecoverError
from .files import replace_file

FEATURES = ("embedding", "pooled")


class EmbeddingsError(BytecoverError):
    """An embeddings file or a request for embeddings is unusable."""


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of many versions.

    Attributes
    ----------
    versions : tuple of str
        Version ids, in the order of the rows.
    vectors : np.ndarray [shape=(N, D), dtype=float32]
        The embeddings f_c, not normalised.
    """

    versions: tuple
    vectors: np.ndarray

    def __post_init__(self):
        """Refuse values that make no sense together."""
        if len(self.versions) != len(self.vectors):
            raise EmbeddingsError(
                f"{len(self.versions)} version ids for {len(self.vectors)} vectors: "
                "give one id a row"
            )

    def select(self, versions):
        """Return the embeddings of ``versions`` in that order.

        Raises
        ------
        EmbeddingsError
            If a version has no embedding; the first such version is named.
        """
        rows = {version: row for row, version in enumerate(self.versions)}
        missing = [version for version in versions if version not in rows]
        if missing:
            raise EmbeddingsError(
                f"{len(missing)} versions have no embedding, the first is {missing[0]!r}: "
                "run `bytecover embed` on their feature store"
            )
        return Embeddings(tuple(versions), self.vectors[[rows[version] for version in versions]])

    def save(self, path):
        """Write to ``path`` (safetensors, atomically)."""
        from safetensors.numpy import save

        Path(path).parent.mkdir(parents=True, exist_ok=True)
        vectors = np.ascontiguousarray(self.vectors, dtype=np.float32)
        named = {"versions": json.dumps(list(self.versions))}
        replace_file(path, save({"vectors": vectors}, named))

    @classmethod
    def load(cls, path):
        """Read embeddings written by :meth:`save`; no pickle is involved.

        Raises
        ------
        EmbeddingsError
            If the file is missing, truncated or something else.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                versions = json.loads(file.metadata()["versions"])
                return cls(tuple(versions), file.get_tensor("vectors"))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise EmbeddingsError(
                f"{path}: not a readable embeddings file ({error}): "
                "make it again with `bytecover embed`"
            ) from error


def embed_versions(
    model,
    store,
    versions=None,
    *,
    feature="embedding",
    tempo=1.0,
    device="auto",
    batch_frames=12_800,
    progress=False,
):
    """Embed versions of a feature store.

    Parameters
    ----------
    model : ByteCover
        Its ``config.features`` are the store's settings, or averages of several of its frames.
    store : FeatureStore
        Where the averaged CQTs come from.
    versions : sequence of str, optional
        Which versions, in which order. Default: all of the store.
    feature : {"embedding", "pooled"}
        f_c after BNNeck, which is what ByteCover compares, or f_t before it.
    tempo : float
        The model hears each version as if played so many times as fast; 1 is as it is.
    device : str
        ``"auto"`` (a GPU if there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``...
    batch_frames : int
        At most this many averaged frames in one batch (a single longer track passes alone).
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Embeddings
        One row a version [shape=(N, D)].

    Raises
    ------
    EmbeddingsError
        If a version is not in the store, the store was made with settings that the model cannot
        hear, there is no such feature, or ``tempo`` is not a positive number.
    """
    if feature not in FEATURES:
        raise EmbeddingsError(f"no feature {feature!r}: choose from {', '.join(FEATURES)}")
    if not 0 < tempo < math.inf:
        raise EmbeddingsError(f"tempo is {tempo}: give a positive number; 2 is twice as fast")
    store = coarsened(store, model.config.features)
    check_settings(model, store)
    versions = list(store.versions if versions is None else versions)
    missing = [version for version in versions if version not in store]
    if missing:
        raise EmbeddingsError(
            f"{len(missing)} versions are not in the feature store, the first is {missing[0]!r}: "
            "extract their features first (`bytecover features`)"
        )
    device = resolve_device(device)
    was_training = model.training
    model = model.to(device).eval()
    try:
        hear = partial(_hear, model, feature, tempo)
        batch_frames = int(batch_frames * tempo)  # what is slowed down is longer
        vectors = np.empty((len(versions), model.embedding_size), dtype=np.float32)
        _embed_in_groups(hear, store, versions, vectors, device, batch_frames, progress)
    finally:
        model.train(was_training)
    return Embeddings(tuple(versions), vectors)


def check_settings(model, store):
    """Refuse a store whose features were made with other settings than the model's.

    Raises
    ------
    EmbeddingsError
        With both settings in the message.
    """
    if store.settings != model.config.features:
        raise EmbeddingsError(
            f"the feature store was made with {store.settings}, the model expects "
            f"{model.config.features}: extract the features again with the model's settings"
        )


def resolve_device(device):
    """Turn ``"auto"`` into the device to use and check that a named one exists."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise EmbeddingsError(f"device {device!r} is unknown: give auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EmbeddingsError(f"no GPU is visible, so device {str(device)!r} cannot be used")
    return device


def _embed_in_groups(hear, store, versions, vectors, device, batch_frames, progress):
    from tqdm import tqdm

    groups = defaultdict(list)
    for row, version in enumerate(versions):
        groups[store[version].shape[-1]].append(row)
    bar = tqdm(total=len(versions), desc="embed", unit="version", disable=not progress)
    with torch.inference_mode(), bar:
        for frames, rows in sorted(groups.items()):
            size = max(1, batch_frames // max(1, frames))
            for start in range(0, len(rows), size):
                some = rows[start : start + size]
                batch = np.stack([store[versions[row]] for row in some]).astype(np.float32)
                vectors[some] = hear(torch.from_numpy(batch).to(device)).cpu().numpy()  # (b, D)
                bar.update(len(some))


def _hear(model, feature, tempo, batch):
    """Return the vectors (b, D) of spectrograms (b, F, T)."""
    if tempo != 1:
        batch = change_tempo(batch.flatten(0, 1), tempo).unflatten(0, batch.shape[:2])
    return getattr(model(batch), feature).float()
