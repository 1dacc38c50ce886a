"""A feature store seen through longer averaged frames (book chapter "Ablation: one loss or two").

The mean over 100 frames is the mean of ten means over 10, so one fine store serves every coarser
setting that its own divides.
"""

from dataclasses import replace

from .cqt import average_frames
from .store import StoreError


class CoarserStore:
    """A view of a feature store whose frames are means over several of its own.

    Parameters
    ----------
    store : FeatureStore
        The finer store.
    averaging : int [frames]
        Of the view; a multiple of the store's.

    Attributes
    ----------
    settings : FeatureSettings
        The store's, with the view's averaging.
    versions : list of str
        The store's.

    Raises
    ------
    StoreError
        If ``averaging`` is not a multiple of the store's.
    """

    def __init__(self, store, averaging):
        own = store.settings.averaging
        if averaging % own:
            raise StoreError(
                f"{store.path}: means over {own} frames give no means over {averaging}: "
                f"choose a multiple of {own}, or make the corpus with `--averaging {averaging}`"
            )
        self._store, self._factor = store, averaging // own
        self.settings = replace(store.settings, averaging=averaging)
        self.path, self.versions, self.row = store.path, store.versions, store.row

    def __contains__(self, version):
        """Tell whether the features of ``version`` are there."""
        return version in self._store

    def __getitem__(self, version):
        """Return the averaged features of ``version`` [shape=(n_bins, frames), dtype=float16].

        Raises
        ------
        StoreError
            If it is shorter than one frame.
        """
        import torch

        fine = torch.from_numpy(self._store[version].astype("float32"))
        if fine.shape[1] < self._factor:
            raise StoreError(
                f"{self.path}: version {version!r} has {fine.shape[1]} frames, too few for one "
                f"over {self.settings.averaging}: leave it out of the versions table"
            )
        return average_frames(fine[None], factor=self._factor)[0].half().numpy()


def coarsened(store, settings):
    """Return a store as a model with other settings sees it, as far as that can be.

    Parameters
    ----------
    store : FeatureStore
    settings : FeatureSettings
        Wanted.

    Returns
    -------
    FeatureStore or CoarserStore
        A view of the store if its frames are a fraction of the wanted ones and all else agrees;
        if not, the store itself.
    """
    own = store.settings
    shorter = own.averaging < settings.averaging and settings.averaging % own.averaging == 0
    if shorter and replace(own, averaging=settings.averaging) == settings:
        return CoarserStore(store, settings.averaging)
    return store
