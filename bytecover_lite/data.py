"""Training batches of P cliques x K versions (chapter "Training").

A batch is a pure function of ``(seed, step)``, so that a run can be resumed at any step, by any
number of loader processes.
"""

import numpy as np
import torch

from .augment import Augmentation, AugmentationError, augment
from .versions import VersionsError, check_versions, read_versions, write_versions

__all__ = [
    "CliqueDataset",
    "CliqueSampler",
    "VersionsError",
    "check_versions",
    "read_versions",
    "write_versions",
]


class CliqueSampler:
    """Choose P cliques and K versions of each, batch by batch.

    An epoch visits every clique once, in random order; its last batch is filled up with cliques
    visited earlier in it. The K versions of a clique differ as long as there are enough; a clique
    with fewer repeats each equally often (to within one).

    Parameters
    ----------
    cliques : sequence
        Clique of each version; a batch holds positions in it.
    cliques_per_batch : int
        P.
    versions_per_clique : int
        K.
    seed : int
        A batch is a pure function of it and of the step.

    Raises
    ------
    VersionsError
        If a clique has one version only (the first ones are named), or there are fewer than P.
    """

    def __init__(self, cliques, *, cliques_per_batch, versions_per_clique, seed):
        self.names, classes = np.unique(np.asarray(cliques, dtype=object), return_inverse=True)
        self.classes = classes.astype(np.int64)
        order = np.argsort(self.classes, kind="stable")
        counts = np.bincount(self.classes, minlength=len(self.names))
        self.members = np.split(order, np.cumsum(counts)[:-1])
        self.p, self.k, self.seed = cliques_per_batch, versions_per_clique, seed
        lonely = [str(name) for name in self.names[counts < 2]]
        if lonely:
            raise VersionsError(
                f"{len(lonely)} cliques have a single version ({', '.join(lonely[:5])}): "
                "they have no match to learn from, leave them out of the training split"
            )
        if len(self.names) < self.p or self.k < 2 or self.p < 2:
            raise VersionsError(
                f"{len(self.names)} cliques cannot fill batches of {self.p} cliques x {self.k} "
                "versions; give at least 2 x 2, and no more cliques a batch than there are"
            )
        self._epoch, self._permutation = None, None

    @property
    def steps_per_epoch(self):
        """Number of batches in which every clique is visited once."""
        return -(-len(self.names) // self.p)

    def batch(self, step):
        """Return the positions of the versions of batch ``step`` [shape=(P*K,), dtype=int64].

        Versions of a clique stand together.
        """
        epoch, place = divmod(step, self.steps_per_epoch)
        generator = np.random.default_rng([self.seed, 0, step])
        permutation = self._permute(epoch)
        cliques = permutation[place * self.p : (place + 1) * self.p]
        if len(cliques) < self.p:
            earlier = permutation[: place * self.p]
            filling = generator.choice(earlier, self.p - len(cliques), replace=False)
            cliques = np.concatenate([cliques, filling])
        return np.concatenate([self._choose(self.members[c], generator) for c in cliques])

    def _permute(self, epoch):
        if self._epoch != epoch:  # kept because it takes milliseconds when there are many cliques
            generator = np.random.default_rng([self.seed, 1, epoch])
            self._epoch, self._permutation = (
                epoch,
                generator.permutation(len(self.names)),
            )
        return self._permutation

    def _choose(self, members, generator):
        rounds = -(-self.k // len(members))
        drawn = [generator.permutation(members) for _ in range(rounds)]
        return np.concatenate(drawn)[: self.k]


class CliqueDataset(torch.utils.data.Dataset):
    """Training batches; ``dataset[step]`` is a pure function of the seed and the step.

    Hand it to ``DataLoader(dataset, batch_size=None, sampler=range(first, last))``: a run that is
    resumed at a step needs no state of the loader.

    Parameters
    ----------
    store : FeatureStore
        Holds every version of the table.
    versions_table : pandas.DataFrame
        The training split.
    cliques_per_batch, versions_per_clique : int
        P and K.
    crop_frames : int or sequence of int
        Averaged frames of a crop; of several lengths each batch takes one at random. A recording
        that is shorter is surrounded by zeros, at a random place.
    augmentation : Augmentation, optional
        Changes of the crops. Default: none.
    seed : int
        Of every choice.

    Attributes
    ----------
    cliques : list of str
        Name of each class, sorted.

    Raises
    ------
    StoreError
        If a version of the table is not in the store.
    VersionsError
        If the table cannot fill a batch; see :class:`CliqueSampler`.
    AugmentationError
        If keys are to be changed and the store's bins are no whole parts of a semitone.
    """

    def __init__(
        self,
        store,
        versions_table,
        *,
        cliques_per_batch,
        versions_per_clique,
        crop_frames,
        augmentation=None,
        seed=0,
    ):
        self.store, self.seed = store, seed
        self.versions = list(versions_table["version"])
        self.crop_frames = np.atleast_1d(crop_frames).tolist()
        self.augmentation = augmentation or Augmentation()
        self.sampler = CliqueSampler(
            list(versions_table["clique"]),
            cliques_per_batch=cliques_per_batch,
            versions_per_clique=versions_per_clique,
            seed=seed,
        )
        if self.augmentation.transpose_semitones and store.settings.bins_per_octave % 12:
            raise AugmentationError(
                f"transpose_semitones={self.augmentation.transpose_semitones}: no semitone is a "
                f"whole number of bins at {store.settings.bins_per_octave} bins an octave; set it "
                "to 0 or extract with a multiple of 12"
            )
        self.cliques = [str(name) for name in self.sampler.names]
        for version in self.versions:
            store.row(version)

    def __getitem__(self, step):
        """Return batch ``step``.

        Returns
        -------
        spectrograms : torch.Tensor [shape=(P*K, n_bins, crop), dtype=float32]
        cliques : torch.Tensor [shape=(P*K,), dtype=int64]
            Class of each row: its position in ``cliques``.
        versions : list of str
        """
        indices = self.sampler.batch(step)  # (P*K,)
        generator = np.random.default_rng([self.seed, 2, step])
        versions = [self.versions[index] for index in indices]
        crops = augment(
            [self.store[version] for version in versions],
            self.augmentation,
            generator,
            frames=int(generator.choice(self.crop_frames)),
            bins_per_semitone=self.store.settings.bins_per_octave // 12,
        )
        return crops, torch.from_numpy(self.sampler.classes[indices]), versions
