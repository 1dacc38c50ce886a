"""What turns gradients into steps (book chapter "Training").

``adamw`` scales the gradient of every weight by itself. ``muon`` treats the kernel of a convolution
as one matrix and gives all its directions the same length. What that is worth at a small budget is
measured by ``bytecover ablate optimizer``.
"""

import math

import torch

MOMENTUM = 0.85
CLASSIFIER_RATE = 50.0  # of an imprinted classifier, over the learning rate
_ROUNDS, _QUINTIC = 5, (3.4445, -4.7750, 2.0315)  # Jordan et al., 2024


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised: a step's matrix has singular values near 1.

    ``torch.optim.Muon`` takes matrices only and computes in bfloat16; this one takes kernels and
    keeps their precision, since processors without bfloat16 are where the small recipes are used.

    Parameters
    ----------
    parameters : iterable of torch.nn.Parameter [shape=(C_out, ...), at least two dimensions]
        Each is taken as a matrix of C_out rows.
    lr : float [> 0]
        Root mean square of the change of a weight in one step. AdamW's is about a fifth of its
        learning rate.
    weight_decay : float [>= 0]
        Decoupled, as AdamW's.

    References
    ----------
    Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024. The scale of a
    step: Liu et al., Muon is Scalable for LLM Training, 2025, section 2.2.
    """

    def __init__(self, parameters, *, lr, weight_decay=0.0):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        """Move every parameter that has a gradient; return what ``closure`` returned, if any."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group["lr"], group["weight_decay"])
        return loss

    def _move(self, weight, lr, weight_decay):
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        average = state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
        ahead = weight.grad.lerp(average, MOMENTUM)  # Nesterov's
        matrix = orthogonalised(ahead.flatten(1))  # (C_out, C_in * kernel)
        weight.mul_(1 - lr * weight_decay)
        rms = 1 / math.sqrt(max(matrix.shape))  # of a matrix whose singular values are 1
        weight.add_(matrix.view_as(weight), alpha=-lr / rms)


def orthogonalised(matrix):
    """Return a matrix with the same singular vectors and all singular values near 1.

    Parameters
    ----------
    matrix : torch.Tensor [shape=(M, N)]
        Its scale does not matter; zeros stay zeros.

    Returns
    -------
    torch.Tensor [shape=(M, N)]
        Singular values in about 0.7 to 1.2 where the given ones are not vanishing.
    """
    a, b, c = _QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-12)
    for _ in range(_ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


def make_optimizers(model, config):
    """Return the optimisers that ``config`` asks for.

    Parameters
    ----------
    model : ByteCover
        Its parameters are divided among the optimisers.
    config : TrainConfig
        ``optimizer``, ``learning_rate``, ``weight_decay`` and ``imprint`` count.

    Returns
    -------
    list of torch.optim.Optimizer
        AdamW for everything; or AdamW for vectors and the classifier, and Muon for the kernels.
        With ``imprint`` the classifier has plain gradient descent of its own, last in the list: a
        batch then moves the rows of its own works. AdamW would move every row a full step, and an
        imprinted one is forgotten before its work is met.
    """
    settings = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    kernels, others, imprinted = [], [], []
    for weight in model.parameters():
        if config.imprint and model.classifier is not None and weight is model.classifier.weight:
            imprinted.append(weight)
            continue
        is_kernel = config.optimizer == "muon" and weight.ndim == 4
        (kernels if is_kernel else others).append(weight)
    optimizers = [torch.optim.AdamW(others, **settings)]
    if kernels:
        optimizers.append(Muon(kernels, **settings))
    if imprinted:
        groups = [{"params": imprinted, "scale": CLASSIFIER_RATE}]
        optimizers.append(torch.optim.SGD(groups, **settings))
    return optimizers
