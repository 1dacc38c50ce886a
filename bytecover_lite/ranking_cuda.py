"""The counting of :mod:`bytecover_lite.ranking_embeddings` in torch, for a GPU's memory.

Chapter: scoring a ranking.
"""

import contextlib

import numpy as np
import torch


def count_on_device(queries, references, relevance, scale, shift, slack, tile):
    """Count the non-matches in front of every match, on the tensors' own device.

    Parameters
    ----------
    queries, references : torch.Tensor [shape=(Q, D) and (R, D)]
    relevance : Relevance
    scale, shift : np.ndarray [shape=(R,), float64]
        The distance is ``shift - scale * product``.
    slack : np.ndarray [shape=(Q,), float64]
        More than any rounding error of a float32 distance.
    tile : (int, int)

    Returns
    -------
    found : np.ndarray [shape=(M,), float64]
    nearer, not_farther : np.ndarray [shape=(M,), int64]
    """
    queries, references = queries.detach().float(), references.detach().float()
    device = queries.device
    scale, shift, slack = (torch.as_tensor(one, device=device) for one in (scale, shift, slack))
    found, nearer, not_farther = [], [], []
    with _full_float32():
        for top in range(0, len(queries), tile[0]):
            some = slice(top, min(top + tile[0], len(queries)))
            counts = _count_queries(
                queries[some], references, relevance, some, scale, shift, slack[some], tile[1]
            )
            for kept, new in zip((found, nearer, not_farther), counts, strict=True):
                kept.append(new.cpu().numpy())
    return np.concatenate(found), np.concatenate(nearer), np.concatenate(not_farther)


def _count_queries(queries, references, relevance, some, scale, shift, slack, width):
    # Matches of the queries as a padded matrix (q, m); padding never counts: nothing is < -inf.
    rows, places, columns = _padded(relevance, some, queries.device)
    size = (len(queries), int(places.max()) + 1 if len(places) else 0)
    thresholds = queries.new_full(size, -torch.inf, dtype=torch.float64)
    exact = _exact(queries, references, scale, shift, rows, columns)
    thresholds[rows, places] = exact
    order = thresholds.sort(dim=1, descending=True).values  # nearest last, padding at the end
    nearer = torch.zeros(size, dtype=torch.int64, device=queries.device)
    not_farther = torch.zeros_like(nearer)
    own = torch.as_tensor(relevance.own[some], device=queries.device)
    for left in range(0, len(references), width):
        part = slice(left, min(left + width, len(references)))
        distances = queries @ references[part].T
        distances = shift[part].float() - scale[part].float() * distances
        for row, column in ((rows, columns), (torch.arange(len(own), device=own.device), own)):
            inside = (column >= part.start) & (column < part.stop)
            distances[row[inside], column[inside] - left] = torch.inf
        _count_tile(
            distances, order, slack, queries, references, scale, shift, left, nearer, not_farther
        )
    filled = torch.isfinite(order)
    # Ascending within a query, as everywhere else.
    return (one.flip(1)[filled.flip(1)] for one in (order, nearer, not_farther))


def _count_tile(
    distances, order, slack, queries, references, scale, shift, left, nearer, not_farther
):
    for place in range(order.shape[1]):
        threshold = order[:, place]
        low = (threshold - slack).float()[:, None]
        high = (threshold + slack).float()[:, None]
        below = (distances < low).sum(1)
        close = (distances >= low) & (distances <= high)
        nearer[:, place] += below
        not_farther[:, place] += below
        rows, columns = close.nonzero(as_tuple=True)
        exact = _exact(queries, references, scale, shift, rows, columns + left)
        nearer[:, place].index_add_(0, rows, (exact < threshold[rows]).long())
        not_farther[:, place].index_add_(0, rows, (exact <= threshold[rows]).long())


def _exact(queries, references, scale, shift, rows, columns, pairs=65536):
    parts = [queries.new_empty(0, dtype=torch.float64)]
    for start in range(0, len(rows), pairs):
        row, column = rows[start : start + pairs], columns[start : start + pairs]
        products = (queries[row].double() * references[column].double()).sum(1)
        parts.append(shift[column] - scale[column] * products)
    return torch.cat(parts)


def _padded(relevance, some, device):
    offsets = relevance.offsets[some.start : some.stop + 1]
    lengths = np.diff(offsets)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(offsets[-1] - offsets[0]) - np.repeat(offsets[:-1] - offsets[0], lengths)
    columns = relevance.columns[offsets[0] : offsets[-1]]
    return (torch.as_tensor(one, device=device) for one in (rows, places, columns))


@contextlib.contextmanager
def _full_float32():
    # TensorFloat-32, which training may have switched on, is far coarser than the slack.
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
