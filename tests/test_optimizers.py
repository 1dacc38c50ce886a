"""Laws of the optimisers."""

import pytest
import torch

from bytecover_lite.model import ByteCover, ByteCoverConfig
from bytecover_lite.optimizers import CLASSIFIER_RATE, Muon, make_optimizers, orthogonalised
from bytecover_lite.recipes import TrainConfig


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (16, 16), (1, 49)])
def test_an_orthogonalised_matrix_keeps_its_singular_vectors_and_levels_its_values(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape, dtype=torch.float64)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    leveled = left.T @ orthogonalised(matrix) @ right.T
    values = torch.diagonal(leveled)
    assert 0.6 < values.min() and values.max() < 1.3
    assert torch.allclose(leveled, torch.diag(values), atol=1e-10)


def test_the_scale_of_a_gradient_does_not_matter_and_zeros_stay_zeros():
    matrix = torch.randn(4, 9, dtype=torch.float64)
    assert torch.allclose(orthogonalised(matrix), orthogonalised(1e-3 * matrix), atol=1e-6)
    assert not orthogonalised(torch.zeros(4, 9)).any()


def test_muon_equals_that_of_torch_up_to_its_bfloat16():
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Parameter(torch.zeros(12, 36)) for _ in range(2))
    lr, decay = 0.01, 0.1
    mine = Muon([ours], lr=lr, weight_decay=decay)
    library = torch.optim.Muon(
        [theirs],
        lr=lr / 0.2,  # the RMS that "match_rms_adamw" aims at
        weight_decay=decay * 0.2,
        momentum=0.85,
        adjust_lr_fn="match_rms_adamw",
    )
    for _ in range(4):
        gradient = torch.randn(12, 36)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        library.step()
    assert torch.linalg.norm(ours - theirs) < 0.02 * torch.linalg.norm(theirs)


def test_a_kernel_is_moved_as_the_matrix_of_its_output_channels():
    torch.manual_seed(0)
    values = torch.randn(6, 4, 3, 3)
    kernel = torch.nn.Parameter(values.clone(memory_format=torch.channels_last))
    matrix = torch.nn.Parameter(values.flatten(1).clone())
    gradient = torch.randn(6, 4, 3, 3)
    kernel.grad, matrix.grad = gradient, gradient.flatten(1)
    before = matrix.detach().clone()
    Muon([kernel, matrix], lr=0.1).step()
    assert torch.allclose(kernel.flatten(1), matrix, atol=1e-6)
    moved = (matrix - before).square().mean().sqrt().item()
    assert moved == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize(("name", "count"), [("adamw", 1), ("muon", 2)])
def test_every_parameter_has_one_optimizer_and_muon_has_the_kernels(name, count):
    model = ByteCover(ByteCoverConfig(depth=18, width=0.125, n_classes=3))
    optimizers = make_optimizers(model, TrainConfig(optimizer=name))
    taken = [w for one in optimizers for group in one.param_groups for w in group["params"]]
    assert len(optimizers) == count
    assert sorted(map(id, taken)) == sorted(map(id, model.parameters()))
    if name == "muon":
        kernels = optimizers[1].param_groups[0]["params"]
        assert {w.ndim for w in kernels} == {4}
        assert 4 not in {w.ndim for w in optimizers[0].param_groups[0]["params"]}


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_step_leaves_the_imprinted_rows_of_works_that_are_far_away(name):
    """AdamW would move every row by the learning rate, whatever the size of its gradient."""
    torch.manual_seed(0)
    config = TrainConfig(optimizer=name, imprint=True, learning_rate=1e-3, weight_decay=0)
    model = ByteCover(ByteCoverConfig(depth=18, width=0.125, n_classes=3))
    optimizers = make_optimizers(model, config)
    taken = [w for one in optimizers for group in one.param_groups for w in group["params"]]
    assert sorted(map(id, taken)) == sorted(map(id, model.parameters()))
    (group,) = optimizers[-1].param_groups
    assert group["params"] == [model.classifier.weight] and group["scale"] == CLASSIFIER_RATE
    rows = model.classifier.weight
    with torch.no_grad():
        rows.copy_(torch.eye(3, model.embedding_size) * 20)
    before = rows.detach().clone()
    logits = torch.eye(2, model.embedding_size) @ rows.T  # works 0 and 1, sure
    torch.nn.functional.cross_entropy(logits, torch.tensor([1, 0])).backward()  # and mistaken
    optimizers[-1].step()
    moved = (rows - before).norm(dim=1)
    assert moved[2] < 1e-6 < 1e-4 < moved[:2].min()
