"""The nearest vectors of a very large library, without a look at all (chapter "Your own music").

The vectors are sorted into cells, each around a centre that k-means found; a query looks only into
the cells whose centres are nearest to it. The distances that it sees are exact. The one possible
error is to overlook a vector beyond the border of a cell; ``python -m tests.benchmarks library``
measures how often that happens. The library at work is faiss (extra ``index``).

Cells are kept as two arrays, not in faiss' own format: nothing in them can do more harm, when they
are damaged or somebody else's, than to hide a neighbour.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

EXACT = 200_000  # vectors up to which it is quick enough to compare with all of them
PROBES = 4  # one cell in so many is looked into
SAMPLE = 64  # vectors a cell that k-means sees


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of vectors.

    Attributes
    ----------
    centres : np.ndarray [shape=(C, D), dtype=float32]
    cell_of : np.ndarray [shape=(M,), dtype=int64, range=[0, C)]
        The cell of each vector.
    """

    centres: np.ndarray
    cell_of: np.ndarray

    def save(self, path):
        """Write to ``path`` (safetensors), in one step."""
        from safetensors.numpy import save

        from .files import replace_file

        replace_file(path, save({"centres": self.centres, "cell_of": self.cell_of}))

    @classmethod
    def load(cls, path, size):
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        path : path-like
        size : int
            Length of the vectors.

        Returns
        -------
        Cells or None
            None if there is no such file, or it is damaged or for other vectors: it can be made
            again at any time.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            tensors = load(Path(path).read_bytes())
            centres, cell_of = tensors["centres"], tensors["cell_of"]
        except (OSError, SafetensorError, LookupError, ValueError, TypeError):
            return None
        usable = (
            (centres.dtype, cell_of.dtype) == (np.float32, np.int64)
            and centres.ndim == 2
            and cell_of.ndim == 1
            and centres.shape[1] == size
            and len(centres) > 0
            and np.isfinite(centres).all()
            and ((cell_of >= 0) & (cell_of < len(centres))).all()
        )
        return cls(centres, cell_of) if usable else None


def has_faiss():
    """Tell whether the library that sorts and searches is installed."""
    from importlib.util import find_spec

    return find_spec("faiss") is not None


def sort_into_cells(vectors, former=None, *, seed=0):
    """Sort unit vectors into cells.

    Parameters
    ----------
    vectors : np.ndarray [shape=(M, D), dtype=float32]
        Of unit length.
    former : Cells, optional
        Of the first of these vectors: kept while they are at least half of all, so that only new
        ones are sorted.
    seed : int

    Returns
    -------
    Cells
    """
    import faiss

    count, size = vectors.shape
    done = 0 if former is None else len(former.cell_of)
    if not count <= 2 * done <= 2 * count:
        centres = max(1, round(count**0.5))
        kmeans = faiss.Kmeans(
            size, centres, niter=8, seed=seed, spherical=True, max_points_per_centroid=SAMPLE
        )
        kmeans.cp.min_points_per_centroid = 1
        kmeans.train(vectors)
        former, done = Cells(kmeans.centroids.copy(), np.zeros(0, np.int64)), 0
    flat = faiss.IndexFlatIP(size)
    flat.add(former.centres)
    nearest = flat.search(vectors[done:], 1)[1][:, 0] if done < count else np.zeros(0)
    return Cells(former.centres, np.concatenate([former.cell_of, nearest.astype(np.int64)]))


class Neighbours:
    """Unit vectors in cells, ready to be searched.

    Parameters
    ----------
    vectors : np.ndarray [shape=(M, D), dtype=float32]
    cells : Cells
        Of all of these vectors.
    """

    def __init__(self, vectors, cells):
        import faiss

        size, count = vectors.shape[1], len(cells.centres)
        # both are attributes because faiss does not keep them alive
        self._centres = faiss.IndexFlatIP(size)
        self._centres.add(cells.centres)
        self._index = faiss.IndexIVFFlat(self._centres, size, count, faiss.METRIC_INNER_PRODUCT)
        self._index.is_trained = True  # the centres are given
        self._index.nprobe = max(1, count // PROBES)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        cell_of = np.ascontiguousarray(cells.cell_of, dtype=np.int64)
        pointers = faiss.swig_ptr(vectors), None, faiss.swig_ptr(cell_of)
        self._index.add_core(len(vectors), *pointers)

    def search(self, queries, count):
        """Return the rows of near vectors.

        Parameters
        ----------
        queries : np.ndarray [shape=(q, D), dtype=float32]
            Of unit length.
        count : int
            How many for each query at most.

        Returns
        -------
        np.ndarray [shape=(n,), dtype=int64]
            In rising order, each once.
        """
        rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), count)[1]
        return np.unique(rows[rows >= 0])
