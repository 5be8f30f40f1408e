"""A linear map over nodes with its normalisation: the "1x1 convolution, BN, ReLU" of which RGA is made."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LinearNorm(nn.Module):
    """The paper's "1x1 convolution, BN, ReLU" over nodes: a linear map without bias, batch normalisation of each output, ReLU.

    When the normalisation is in evaluation mode it is folded into the linear map.

    Args:
        inputs: numbers per node that come in.
        outputs: numbers per node that go out.
        relu: end with the ReLU.
    """

    def __init__(self, inputs: int, outputs: int, relu: bool = True) -> None:
        super().__init__()
        self.relu = relu
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.norm = nn.BatchNorm1d(outputs)
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # PyTorch's default for convolutions, as in the reference

    def linear(self, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Weight (outputs, inputs) and bias (outputs) of the linear map, with the normalisation folded in when it is in evaluation mode."""
        weight = self.weight.to(dtype)
        norm = self.norm
        if norm.training or norm.running_mean is None or norm.running_var is None:
            return weight, None
        scale = norm.weight.to(dtype) * torch.rsqrt(norm.running_var.to(dtype) + norm.eps)
        return weight * scale[:, None], norm.bias.to(dtype) - norm.running_mean.to(dtype) * scale

    def normalise(self, y: Tensor) -> Tensor:
        """What is left to do on the fresh product that ``linear`` gave, (B, M, outputs) -> the same."""
        norm = self.norm
        if norm.training or norm.running_mean is None:
            rows = y.flatten(0, 1).to(norm.weight.dtype)  # (B, M, outputs) -> (B*M, outputs)
            normalised: Tensor = norm(rows)
            # in place before it becomes a view: autograd copies what is changed through a view
            return (normalised.relu_() if self.relu else normalised).to(y.dtype).view_as(y)
        return y.relu_() if self.relu else y

    def forward(self, x: Tensor) -> Tensor:
        """Nodes (B, M, inputs) -> (B, M, outputs)."""
        weight, bias = self.linear(x.dtype)
        return self.normalise(project(x, weight, bias))


def project(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The linear map of nodes (B, M, D) by a weight (F, D): (B, M, F).

    The nodes may be a transposed view, as the positions of a map are. They are read as they lie: one product per image, or, where
    the weight is larger than the map and its gradient per image would cost more than the map, a convolution.
    """
    nodes, features = x.shape[1:]
    if x.stride(-1) == 1:
        return nn.functional.linear(x, weight, bias)
    if features >= nodes:
        return nn.functional.conv1d(x.mT, weight[..., None], bias).mT  # (B, D, M) -> (B, F, M) -> (B, M, F)
    weight = weight.t().expand(x.shape[0], -1, -1)  # (F, D) -> (B, D, F)
    return torch.bmm(x, weight) if bias is None else torch.baddbmm(bias, x, weight)
