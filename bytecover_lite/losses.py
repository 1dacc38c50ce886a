"""What the network is trained with (chapter "The losses").

Which feature gets which loss and which distance:

================  =============================  ==========================  ===================
feature           Euclidean distance             inner product with W        cosine
================  =============================  ==========================  ===================
pooled, f_t       **triplet loss**, in training  nobody                      nobody
embedding, f_c    nobody                         **classification**, in      **retrieval**,
                                                 training                    afterwards
================  =============================  ==========================  ===================

The triplet loss compares differences, so it may move all pooled features together; BNNeck takes
that common shift away. The classifier has no bias and BNNeck's is frozen at zero, so its decision
depends on the direction of the embedding only: the embedding is to be compared by cosine.
"""

import torch
import torch.nn.functional as F

from .errors import BytecoverError


class LossError(BytecoverError):
    """A batch for which a loss is not defined."""


def pairwise_distance(features, *, metric="euclidean"):
    """Distances between all rows of a batch.

    Parameters
    ----------
    features : torch.Tensor [shape=(N, D)]
        One feature a row.
    metric : str
        ``"euclidean"``, or ``"cosine"`` for 1 - cosine of the angle [range 0 to 2].

    Returns
    -------
    torch.Tensor [shape=(N, N)]
        Euclidean ones are made of exact differences, without the product trick: a row has
        distance 0 to its copy, with gradient 0. Cosine ones are right to rounding, so that of a
        copy may be a little below 0.
    """
    if metric == "cosine":
        unit = F.normalize(features)
        return 1 - unit @ unit.T
    if metric == "euclidean":
        return torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    raise LossError(f"metric {metric!r} is unknown: use 'euclidean' or 'cosine'")


def batch_hard_triplet(pooled, cliques, *, margin=0.3):
    """Triplet loss between each version, its farthest match and its nearest non-match.

    Parameters
    ----------
    pooled : torch.Tensor [shape=(N, D)]
        The features f_t, before BNNeck.
    cliques : torch.Tensor [shape=(N,), dtype=int64]
        Clique of each row; every clique needs two rows, and there must be two cliques.
    margin : float [> 0]
        Wanted gap between the two Euclidean distances.

    Returns
    -------
    torch.Tensor [shape=()]
        Mean over all N anchors, those that already keep the margin included as zeros.

    Raises
    ------
    LossError
        If a clique has a single version in the batch, or the batch a single clique.

    References
    ----------
    Hermans et al., In Defense of the Triplet Loss for Person Re-Identification, 2017, equation 5.
    """
    same, other = _match_masks(cliques)
    distances = pairwise_distance(pooled)  # (N, N)
    farthest_match = distances.masked_fill(~same, -torch.inf).amax(dim=1)
    nearest_other = distances.masked_fill(~other, torch.inf).amin(dim=1)
    return F.relu(margin + farthest_match - nearest_other).mean()


def classification(logits, cliques, *, label_smoothing=0.1):
    """Cross-entropy over the training cliques, with smoothed labels.

    Parameters
    ----------
    logits : torch.Tensor [shape=(N, n_classes)]
        From the bias-free layer on the embedding f_c.
    cliques : torch.Tensor [shape=(N,), dtype=int64, range 0 to n_classes - 1]
        Clique of each row.
    label_smoothing : float [range 0 to 1]
        Probability mass spread evenly over all cliques.

    Returns
    -------
    torch.Tensor [shape=()]
        Mean over the batch, in nats.

    Raises
    ------
    LossError
        If the model has no classifier.
    """
    if logits is None:
        raise LossError("the model has no classifier: set n_classes to the number of cliques")
    return F.cross_entropy(logits, cliques, label_smoothing=label_smoothing)


def supervised_contrastive(embeddings, cliques, *, temperature=0.1):
    """Softmax over all pairs of a batch: each match against everything else.

    Parameters
    ----------
    embeddings : torch.Tensor [shape=(N, D)]
        Compared by cosine.
    cliques : torch.Tensor [shape=(N,), dtype=int64]
        Clique of each row; every clique needs two rows.
    temperature : float [> 0]
        Divides the cosines; lower values look at the hardest pairs only.

    Returns
    -------
    torch.Tensor [shape=()]
        Mean over anchors of the mean over their matches, in nats.

    Raises
    ------
    LossError
        If a clique has a single version in the batch, or the batch a single clique.

    References
    ----------
    Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, equation 2.
    """
    same, other = _match_masks(cliques)
    unit = F.normalize(embeddings)
    similarity = unit @ unit.T / temperature  # (N, N)
    log_likelihood = similarity - similarity.masked_fill(~(same | other), -torch.inf).logsumexp(
        dim=1, keepdim=True
    )
    return -(log_likelihood.where(same, 0.0).sum(dim=1) / same.sum(dim=1)).mean()


def multi_loss(
    output,
    cliques,
    *,
    margin=0.3,
    label_smoothing=0.1,
    temperature=0.1,
    classification_weight=1.0,
    triplet_weight=1.0,
    contrastive_weight=0.0,
):
    """ByteCover's loss: classification on the embedding plus triplet on the pooled feature.

    Parameters
    ----------
    output : ByteCoverOutput
        What the model returned for the batch.
    cliques : torch.Tensor [shape=(N,), dtype=int64]
        Clique of each row.
    margin, label_smoothing, temperature : float
        See `batch_hard_triplet`, `classification`, `supervised_contrastive`.
    classification_weight, triplet_weight, contrastive_weight : float [>= 0]
        Weight of each term. The paper's loss is (1, 1, 0); a term of weight 0 is not computed,
        which gives the ablations (1, 0, 0) and (0, 1, 0).

    Returns
    -------
    total : torch.Tensor [shape=()]
        The weighted sum.
    terms : dict of str to torch.Tensor [shape=()]
        The terms that were computed, unweighted, detached.
    """
    weights = {
        "classification": classification_weight,
        "triplet": triplet_weight,
        "contrastive": contrastive_weight,
    }
    compute = {
        "classification": lambda: classification(
            output.logits, cliques, label_smoothing=label_smoothing
        ),
        "triplet": lambda: batch_hard_triplet(output.pooled, cliques, margin=margin),
        "contrastive": lambda: supervised_contrastive(
            output.embedding, cliques, temperature=temperature
        ),
    }
    terms = {name: compute[name]() for name, weight in weights.items() if weight > 0}
    if not terms:
        raise LossError("all loss weights are 0: give at least one term a positive weight")
    total = sum(weights[name] * term for name, term in terms.items())
    return total, {name: term.detach() for name, term in terms.items()}


def _match_masks(cliques):
    """Two (N, N) masks: another row of the same clique; a row of another clique."""
    equal = cliques[:, None] == cliques[None, :]
    same = equal ^ torch.eye(len(cliques), dtype=torch.bool, device=cliques.device)
    lonely = cliques[~same.any(dim=1)]
    if len(lonely):
        raise LossError(
            f"clique {lonely[0].item()} has a single version in the batch: "
            "draw at least two versions of every clique"
        )
    if bool(equal.all()):
        raise LossError(
            f"the batch holds clique {cliques[0].item()} only: draw at least two cliques"
        )
    return same, ~equal
