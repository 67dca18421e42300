"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/), for many small matrices on a CPU.

torch.optim.Muon updates matrices one by one in bfloat16, which took 70 % of the training time on a CPU without bfloat16.
Here all matrices of one shape are updated together in float32.
"""

from collections.abc import Iterable

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic Newton-Schulz iteration, as published


class Muon(torch.optim.Optimizer):
    """Momentum with nearly orthogonal updates; only for parameters with two dimensions."""

    def __init__(
        self, matrices: Iterable[torch.nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        by_shape: dict[torch.Size, list[torch.nn.Parameter]] = {}
        for matrix in matrices:
            by_shape.setdefault(matrix.shape, []).append(matrix)
        groups = [{"params": alike} for alike in by_shape.values()]
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Take one step with the current gradients."""
        for group in self.param_groups:
            matrices, momentum = group["params"], group["momentum"]
            gradient = torch.stack([matrix.grad for matrix in matrices])
            average = self.state[matrices[0]].setdefault("average", torch.zeros_like(gradient))
            average.lerp_(gradient, 1 - momentum)
            rows, columns = matrices[0].shape
            change = orthogonal(gradient.lerp(average, momentum)) * max(1, rows / columns) ** 0.5
            for matrix, step in zip(matrices, change, strict=True):
                matrix.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step, alpha=group["lr"])


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Return matrices (count, rows, columns) with the same singular vectors and all singular values near 1."""
    a, b, c = COEFFICIENTS
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    wide = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        square = wide @ wide.mT
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide if wide.shape == matrices.shape else wide.mT
