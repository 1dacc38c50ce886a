"""Versions table, and training batches of P cliques x K versions (chapter "Training").

A versions table is the only thing a data set has to produce. A batch is a pure function of
``(seed, step)``, so that a run can be resumed at any step, by any number of loader processes.
"""

import csv
import os
from pathlib import Path

import numpy as np
import torch

from .augment import Augmentation, augment
from .errors import BytecoverError

COLUMNS = ("version", "clique", "split", "title", "artist", "source", "path")


class VersionsError(BytecoverError):
    """A versions table is missing, damaged or unfit for what is asked of it."""


def read_versions(path):
    """Read a versions table.

    Parameters
    ----------
    path : path-like
        A csv file (UTF-8) with the columns ``version, clique, split, title, artist, source, path``.

    Returns
    -------
    pandas.DataFrame
        All columns are text. Relative paths of audio files, which count from the table's
        directory, have become absolute.

    Raises
    ------
    VersionsError
        If the file cannot be read or :func:`check_versions` refuses its content.
    """
    import pandas as pd

    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as lines:
            header, *rows = list(csv.reader(lines, strict=True)) or [[]]
        wrong = [number for number, row in enumerate(rows, 2) if len(row) != len(header)]
        if wrong:
            raise VersionsError(
                f"{path}: record {wrong[0]} has not the {len(header)} fields of the header; mend it"
            )
        table = pd.DataFrame(rows, columns=header, dtype=str)
    except OSError as error:
        raise VersionsError(f"{path}: no readable versions table ({error.strerror})") from error
    except csv.Error as error:
        raise VersionsError(f"{path}: not a csv file ({error}); export the table again") from error
    check_versions(table, name=path)
    folder = path.resolve().parent
    return table.assign(path=[str(folder / name) if name else "" for name in table["path"]])


def write_versions(table, path):
    """Write a versions table in one step.

    Paths of audio files below the table's directory are written relative to it, so that the
    directory may be moved.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`check_versions` wants it.
    path : path-like
        The csv file.
    """
    check_versions(table)
    path = Path(path)
    folder = path.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    table = table.assign(path=[_relative(name, folder) for name in table["path"]])
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(table[list(COLUMNS)].itertuples(index=False))
    os.replace(partial, path)


def check_versions(table, *, name="versions table"):
    """Check that a table is a versions table.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``version, clique, split, title, artist, source, path``, all text.
    name : str or path-like
        What to call it in the message.

    Raises
    ------
    VersionsError
        If a column is missing, a value is not text, a version or clique is empty, or a version id
        occurs twice.
    """
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing or not table.columns.is_unique:
        raise VersionsError(
            f"{name}: columns {list(table.columns)} lack {missing or 'nothing, but repeat one'}; "
            f"give each of {', '.join(COLUMNS)} once"
        )
    for column in COLUMNS:
        for version, value in zip(table["version"], table[column], strict=True):
            if not isinstance(value, str):
                raise VersionsError(f"{name}: {column} of {version!r} is {value!r}; give text")
    for column in ("version", "clique"):
        if (table[column] == "").any():
            row = int(np.argmax(table[column] == ""))
            raise VersionsError(f"{name}: row {row + 1} has no {column}; give it one")
    twice = table["version"][table["version"].duplicated()]
    if len(twice):
        raise VersionsError(f"{name}: version {twice.iloc[0]!r} is listed twice; ids are unique")


def _relative(name, folder):
    path = Path(name)
    inside = name and path.is_absolute() and path.is_relative_to(folder)
    return str(path.relative_to(folder)) if inside else name


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
