"""Let a classifier begin as what the network already knows (book chapter "Training").

The rows of a new classifier are random: until each has met its work, the classification loss
teaches nothing. An imprinted row begins as the direction in which the network puts the work's
versions.
"""

import torch
from torch.nn.functional import normalize


@torch.no_grad()
def imprint(model, dataset, steps, *, temperature, device="cpu", progress=False):
    """Give each row of the classifier the mean direction of its work's embeddings.

    Afterwards a logit is the cosine of a crop's embedding and its work's mean, over
    ``temperature``, times what the embedding's length is over the mean length.

    Parameters
    ----------
    model : ByteCover
        With a classifier; its other weights, and its mode, stay as they are.
    dataset : CliqueDataset
        Batches of the works that the classifier is for.
    steps : range
        Batches to take the crops from; every work must occur.
    temperature : float [> 0]
    device : torch.device or str
        Where the model is.
    progress : bool
        Whether to show a progress bar.

    References
    ----------
    Qi, Brown and Lowe, Low-Shot Learning with Imprinted Weights, 2018; there the
    embeddings have length 1.
    """
    from tqdm import tqdm

    weight = model.classifier.weight
    sums = torch.zeros_like(weight)  # (n_classes, D)
    lengths = []
    mode = model.training
    model.eval()
    for step in tqdm(steps, desc="imprint", unit="batch", disable=not progress):
        spectrograms, cliques, _ = dataset[step]
        embeddings = model(spectrograms.to(device)).embedding.float()  # (P*K, D)
        lengths.append(embeddings.norm(dim=1).mean())
        sums.index_add_(0, cliques.to(device), normalize(embeddings))
    weight.copy_(normalize(sums) / (temperature * torch.stack(lengths).mean()))
    model.train(mode)
