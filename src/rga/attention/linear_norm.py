"""A linear map over nodes with its normalisation: the "1x1 convolution, BN, ReLU" of which RGA is made."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rga.attention.precision import wide_type

FOLDED = (nn.BatchNorm1d.forward, nn.SyncBatchNorm.forward)
"""What a normalisation does that is folded; any other is called."""


class LinearNorm(nn.Module):
    """The paper's "1x1 convolution, BN, ReLU" over nodes: a linear map without bias, batch normalisation of each output, ReLU.

    A batch normalisation that goes by its running statistics is folded into the linear map. ``norm`` may be replaced by a normalisation of
    another kind, which is called on rows (B*M, outputs).

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
        """Weight (outputs, inputs) and bias (outputs) of the linear map, with the normalisation folded in where that is possible."""
        weight = self.weight.to(dtype)
        if not self.folds:
            return weight, None
        norm = self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = torch.rsqrt(norm.running_var.to(dtype) + norm.eps)
        if norm.weight is not None:
            scale = norm.weight.to(dtype) * scale
        shift = -norm.running_mean.to(dtype) * scale
        return weight * scale[:, None], shift if norm.bias is None else norm.bias.to(dtype) + shift

    @property
    def folds(self) -> bool:
        """Whether the normalisation is one fixed linear map for now: then, and only then, no image's output depends on another image."""
        return goes_by_running_statistics(self.norm) and type(self.norm).forward in FOLDED and not hooked(self.norm)

    def normalise(self, y: Tensor, folded: bool) -> Tensor:
        """What is left to do on the fresh product that ``linear`` gave, (B, M, outputs) -> the same.

        Args:
            y: the product.
            folded: whether ``linear`` returned a bias: then the normalisation is done.
        """
        if folded:
            return y.relu_() if self.relu else y
        weight = getattr(self.norm, "weight", None)
        rows = y.flatten(0, 1)  # (B, M, outputs) -> (B*M, outputs)
        normalised: Tensor = self.norm(rows if weight is None else rows.to(wide_type(weight.dtype)))
        # in place before it becomes a view: autograd copies what is changed through a view
        return (normalised.relu_() if self.relu else normalised).to(y.dtype).view_as(y)

    def forward(self, x: Tensor) -> Tensor:
        """Nodes (B, M, inputs) -> (B, M, outputs)."""
        weight, bias = self.linear(x.dtype)
        return self.normalise(project(x, weight, bias), bias is not None)


def goes_by_running_statistics(norm: nn.Module) -> bool:
    """Whether a normalisation is a batch normalisation that, as it stands, takes no statistics of the batch."""
    return isinstance(norm, _BatchNorm) and not norm.training and norm.running_mean is not None and norm.running_var is not None


def hooked(module: nn.Module) -> bool:
    """Whether somebody waits for a module's calls, which must then not be left out."""
    return bool(module._forward_hooks or module._forward_pre_hooks)  # noqa: SLF001  PyTorch has no public way to ask


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
