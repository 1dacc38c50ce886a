"""Laws of the losses: equal to plain loops and to a second implementation, right gradients."""

import math

import pytest
import torch
from pytorch_metric_learning import distances, losses, miners, reducers

from bytecover_lite.losses import (
    LossError,
    batch_hard_triplet,
    classification,
    multi_loss,
    pairwise_distance,
    supervised_contrastive,
)
from bytecover_lite.model import ByteCover, ByteCoverConfig, ByteCoverOutput

CLIQUES = torch.tensor([3, 3, 3, 1, 1, 7, 7, 7, 7, 2, 2])


def _features(n=11, d=5, seed=0, dtype=torch.float64, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, d, dtype=dtype, generator=generator)


def _output(pooled, *, n_classes=8):
    embedding = (pooled - pooled.mean(0)) / pooled.std(0)
    weight = _features(n_classes, pooled.shape[1], seed=5)
    return ByteCoverOutput(pooled, embedding, embedding @ weight.T)


def test_euclidean_distance_equals_plain_loops():
    features = _features()
    expected = [[math.dist(a, b) for b in features.tolist()] for a in features.tolist()]
    torch.testing.assert_close(pairwise_distance(features), torch.tensor(expected).double())


def test_cosine_distance_equals_plain_loops():
    features = _features()
    cosine = torch.nn.functional.cosine_similarity
    expected = torch.stack(
        [torch.stack([1 - cosine(a, b, dim=0) for b in features]) for a in features]
    )
    torch.testing.assert_close(pairwise_distance(features, metric="cosine"), expected)


def test_copies_have_distance_zero_and_gradient_zero():
    """Also far from the origin, where a product formula in float32 would lose the difference."""
    features = (_features(dtype=torch.float32)[[0, 0, 1]] + 1000).requires_grad_()
    distance = pairwise_distance(features)
    assert distance[0, 1] == 0
    assert distance.diagonal().eq(0).all()
    distance[0, 1].backward()
    assert features.grad.eq(0).all()


def test_an_unknown_metric_is_refused():
    with pytest.raises(LossError, match="manhattan"):
        pairwise_distance(_features(), metric="manhattan")


@pytest.mark.parametrize("scale", [0.05, 1.0, 5.0])  # all, some and hardly any within the margin
def test_batch_hard_triplet_equals_plain_loops(scale):
    pooled, margin = _features(scale=scale), 0.3
    total = 0.0
    for i, anchor in enumerate(pooled):
        match = [
            math.dist(anchor, pooled[j])
            for j in range(len(pooled))
            if j != i and CLIQUES[j] == CLIQUES[i]
        ]
        other = [
            math.dist(anchor, pooled[j]) for j in range(len(pooled)) if CLIQUES[j] != CLIQUES[i]
        ]
        total += max(0.0, margin + max(match) - min(other))
    found = batch_hard_triplet(pooled, CLIQUES, margin=margin)
    assert found.item() == pytest.approx(total / len(pooled))


@pytest.mark.parametrize("scale", [0.05, 1.0, 5.0])
def test_batch_hard_triplet_equals_pytorch_metric_learning(scale):
    pooled = _features(scale=scale, dtype=torch.float32)
    euclidean = distances.LpDistance(normalize_embeddings=False)
    reference = losses.TripletMarginLoss(
        margin=0.3, distance=euclidean, reducer=reducers.MeanReducer()
    )
    triplets = miners.BatchHardMiner(distance=euclidean)(pooled, CLIQUES)
    torch.testing.assert_close(
        batch_hard_triplet(pooled, CLIQUES, margin=0.3), reference(pooled, CLIQUES, triplets)
    )


def test_triplet_is_the_margin_at_collapse_and_zero_when_cliques_are_apart():
    assert batch_hard_triplet(torch.ones(11, 5), CLIQUES, margin=0.3).item() == pytest.approx(0.3)
    apart = 10 * torch.nn.functional.one_hot(CLIQUES, 8).double() + _features(d=8, scale=0.01)
    assert batch_hard_triplet(apart, CLIQUES, margin=0.3) == 0


def test_triplet_sees_distances_only():
    """It ignores where the features lie, how they are turned, their order and the labels' names."""
    pooled = _features()
    expected = batch_hard_triplet(pooled, CLIQUES)
    rotation = torch.linalg.qr(_features(5, 5, seed=2)).Q
    order = torch.randperm(len(pooled), generator=torch.Generator().manual_seed(3))
    for changed, cliques in (
        (pooled + 100, CLIQUES),
        (pooled @ rotation, CLIQUES),
        (pooled[order], CLIQUES[order]),
        (pooled, 10 - CLIQUES),
    ):
        torch.testing.assert_close(batch_hard_triplet(changed, cliques), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_classification_equals_plain_loops(smoothing):
    logits = _features(d=8)
    total = 0.0
    for row, clique in zip(logits.tolist(), CLIQUES.tolist(), strict=True):
        normaliser = math.log(sum(math.exp(value) for value in row))
        for c, value in enumerate(row):
            wanted = smoothing / len(row) + (1 - smoothing) * (c == clique)
            total -= wanted * (value - normaliser)
    found = classification(logits, CLIQUES, label_smoothing=smoothing)
    assert found.item() == pytest.approx(total / len(logits))


def test_supervised_contrastive_equals_plain_loops():
    features, temperature = _features(), 0.2
    cosine = torch.nn.functional.cosine_similarity
    total = 0.0
    for i, anchor in enumerate(features):
        others = [j for j in range(len(features)) if j != i]
        exponents = {j: cosine(anchor, features[j], dim=0).item() / temperature for j in others}
        normaliser = math.log(sum(math.exp(value) for value in exponents.values()))
        matches = [j for j in others if CLIQUES[j] == CLIQUES[i]]
        total -= sum(exponents[j] - normaliser for j in matches) / len(matches)
    found = supervised_contrastive(features, CLIQUES, temperature=temperature)
    assert found.item() == pytest.approx(total / len(features))


def test_supervised_contrastive_equals_pytorch_metric_learning():
    features = _features(dtype=torch.float32)
    torch.testing.assert_close(
        supervised_contrastive(features, CLIQUES, temperature=0.1),
        losses.SupConLoss(temperature=0.1, reducer=reducers.MeanReducer())(features, CLIQUES),
    )


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: pairwise_distance(x).triu(1),
        lambda x: pairwise_distance(x, metric="cosine"),
        lambda x: batch_hard_triplet(x, CLIQUES),
        lambda x: classification(x, CLIQUES % 5),
        lambda x: supervised_contrastive(x, CLIQUES),
        lambda x: multi_loss(_output(x), CLIQUES, contrastive_weight=0.5)[0],
    ],
    ids=["euclidean", "cosine", "triplet", "classification", "contrastive", "multi"],
)
def test_gradients_are_right(loss):
    assert torch.autograd.gradcheck(loss, (_features().requires_grad_(),))


@pytest.mark.parametrize("loss", [batch_hard_triplet, supervised_contrastive])
def test_a_clique_of_one_version_is_named(loss):
    with pytest.raises(LossError, match="clique 42 has a single version"):
        loss(_features(3), torch.tensor([5, 5, 42]))


@pytest.mark.parametrize("loss", [batch_hard_triplet, supervised_contrastive])
def test_a_batch_of_one_clique_is_refused(loss):
    with pytest.raises(LossError, match="holds clique 5 only"):
        loss(_features(3), torch.tensor([5, 5, 5]))


def test_a_model_without_classifier_cannot_be_classified():
    with pytest.raises(LossError, match="n_classes"):
        classification(None, CLIQUES)


def test_multi_loss_is_the_sum_of_its_terms():
    output = _output(_features())
    expected = {
        "classification": classification(output.logits, CLIQUES),
        "triplet": batch_hard_triplet(output.pooled, CLIQUES),
        "contrastive": supervised_contrastive(output.embedding, CLIQUES),
    }
    total, terms = multi_loss(output, CLIQUES)
    assert terms == {name: expected[name] for name in ("classification", "triplet")}
    torch.testing.assert_close(total, expected["classification"] + expected["triplet"])
    total, terms = multi_loss(output, CLIQUES, triplet_weight=0.5, contrastive_weight=2.0)
    assert terms == expected
    weighted = expected["classification"] + 0.5 * expected["triplet"] + 2 * expected["contrastive"]
    torch.testing.assert_close(total, weighted)


@pytest.mark.parametrize("name", ["classification", "triplet", "contrastive"])
def test_each_term_can_be_the_only_one(name):
    """The paper's ablations; what is left out needs neither logits nor matches."""
    output = _output(_features())
    weights = {
        f"{other}_weight": float(other == name)
        for other in ("classification", "triplet", "contrastive")
    }
    cliques = CLIQUES
    if name == "classification":
        cliques = torch.arange(11) % 8
    else:
        output = output._replace(logits=None)
    total, terms = multi_loss(output, cliques, **weights)
    assert terms == {name: total}


def test_no_term_at_all_is_refused():
    with pytest.raises(LossError, match="all loss weights are 0"):
        multi_loss(_output(_features()), CLIQUES, classification_weight=0, triplet_weight=0)


@pytest.fixture(scope="module")
def trained_batch():
    """A small model in training mode and what it returned, with gradients kept."""
    torch.manual_seed(0)
    model = ByteCover(ByteCoverConfig(depth=18, width=0.125, n_classes=8)).train()
    output = model(torch.rand(11, 84, 12))
    output.pooled.retain_grad()
    output.embedding.retain_grad()
    return model, output


def _moved(model, output, loss):
    """Which tensors a loss would move."""
    tensors = {
        "f_t": output.pooled,
        "f_c": output.embedding,
        "neck": model.neck.weight,
        "classifier": model.classifier.weight,
    }
    gradients = torch.autograd.grad(loss, tensors.values(), retain_graph=True, allow_unused=True)
    return {name for name, g in zip(tensors, gradients, strict=True) if g is not None}


def test_triplet_trains_the_pooled_feature_and_classification_the_embedding(trained_batch):
    """The rows of the 2 x 2 table: the triplet loss acts before BNNeck, classification after."""
    model, output = trained_batch
    triplet = batch_hard_triplet(output.pooled, CLIQUES)
    assert _moved(model, output, triplet) == {"f_t"}
    assert _moved(model, output, classification(output.logits, CLIQUES)) == {
        "f_t",
        "f_c",
        "neck",
        "classifier",
    }


def test_only_euclidean_distance_is_settled_for_the_pooled_feature(trained_batch):
    """The triplet loss leaves a common shift of f_t open, which Euclidean distances do not see.

    Cosines do. BNNeck removes the shift, so that nothing about f_c depends on it.
    """
    model, output = trained_batch
    pooled = output.pooled.detach()
    shifted = pooled + 3 * pooled.mean()
    euclidean, cosine = (
        (pairwise_distance(shifted, metric=m) - pairwise_distance(pooled, metric=m)).abs().max()
        for m in ("euclidean", "cosine")
    )
    assert euclidean < 1e-4
    assert cosine > 0.5 * pairwise_distance(pooled, metric="cosine").max()
    torch.testing.assert_close(model.neck(shifted), model.neck(pooled), rtol=1e-3, atol=1e-3)


def test_only_cosine_is_settled_for_the_embedding(trained_batch):
    """The classifier has no bias: the length of f_c is left open, cosines do not see it."""
    model, output = trained_batch
    embedding = output.embedding.detach()
    longer = embedding * torch.linspace(1, 5, len(embedding))[:, None]
    decisions = model.classifier(embedding).argmax(dim=1)
    assert model.classifier(longer).argmax(dim=1).equal(decisions)
    euclidean, cosine = (
        (pairwise_distance(longer, metric=m) - pairwise_distance(embedding, metric=m)).abs().max()
        for m in ("euclidean", "cosine")
    )
    assert cosine < 1e-5
    assert euclidean > pairwise_distance(embedding).max()


@pytest.mark.gpu
def test_the_gpu_agrees_with_the_cpu():
    output = _output(_features())
    on_gpu = ByteCoverOutput(*(tensor.cuda() for tensor in output))
    found, _ = multi_loss(on_gpu, CLIQUES.cuda(), contrastive_weight=1.0)
    expected, _ = multi_loss(output, CLIQUES, contrastive_weight=1.0)
    torch.testing.assert_close(found.cpu(), expected)
