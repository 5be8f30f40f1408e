"""``LinearNorm`` without a pass over its output, and without a copy of its input.

- A BN that goes by its running statistics (evaluation, frozen BN) is folded into the linear map: on a CPU, and where a graph is recorded.
  On a GPU folding costs seven small operations, the BN itself one.
- ReLU works in place.
- Nodes that are a transposed view, as the positions of a map are, are read as they lie: ``nn.Linear`` would copy them.
- Nodes in half precision are multiplied in half precision, into float32 (``half_products``).

Gain: inference takes 7 % longer without it; a training step takes 1 % longer and holds 98 instead of 83 MiB. Measured as
``rga.attention.acceleration`` says.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rga.attention.acceleration.folded import Shift
from rga.attention.acceleration.half_products import linear_of_half
from rga.attention.acceleration.plain import is_plain, is_plain_linear, is_unwatched
from rga.attention.precision import NARROW, wide_type
from rga.attention.relation import LinearBias, LinearNorm
from rga.attention.tracing import is_recorded

FOLDABLE = (nn.BatchNorm1d.forward, nn.SyncBatchNorm.forward)
"""The forward passes that are folded. A normalisation with another one is called."""


class FastLinearNorm(LinearNorm):
    """``LinearNorm``: the same function, parameters and keys.

    ``norm`` may be replaced by a normalisation of another kind, which is called on rows (B*M, outputs).
    """

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Nodes (B, M, inputs) -> (B, M, outputs), in float32 at least.

        Args:
            x: nodes.
            weight: in the place of that of ``linear``, which must then be plain: the same in another basis.
        """
        if not is_plain_linear(self.linear):
            return super().forward(x)
        weight, bias = self.linear.weight if weight is None else weight, None
        if x.dtype in NARROW:
            product = linear_of_half(x, weight)
            if not folds(self.norm):
                return finish(product, self.norm, self.relu)
            scale, bias = scale_and_shift(self.norm, product.dtype)  # not folded: rounded weights keep their range
            return finish(product + bias if scale is None else torch.addcmul(bias, product, scale), None, self.relu)
        weight = weight.to(x.dtype)
        if folds(self.norm):
            scale, bias = scale_and_shift(self.norm, x.dtype)
            weight = scaled(weight, scale)
        product = linear_of_nodes(x, weight, bias)
        return finish(product, self.norm if bias is None else None, self.relu)


class FastLinearBias(LinearBias):
    """``LinearBias``: the same function, parameters and keys, and not faster, but weights may be narrower than the nodes as above."""

    def forward(self, x: Tensor) -> Tensor:
        """Nodes (B, M, inputs) -> (B, M, outputs)."""
        linear = self.linear
        if not is_plain(linear, nn.Linear):
            return super().forward(x)
        bias = None if linear.bias is None else linear.bias.to(x.dtype)
        return nn.functional.linear(x, linear.weight.to(x.dtype), bias)


def folds(norm: nn.Module) -> bool:
    """Whether a normalisation is one fixed linear map for now, and worth being folded. Then no image's output depends on another image."""
    fixed = type(norm) is Shift or (goes_by_running_statistics(norm) and type(norm).forward in FOLDABLE and is_worth_folding(norm))
    return fixed and is_unwatched(norm)


def is_worth_folding(norm: nn.Module) -> bool:
    """Whether a pass over the output costs more than the operations that fold a normalisation into the weights before it."""
    assert isinstance(norm.running_mean, Tensor)
    return norm.running_mean.device.type == "cpu" or is_recorded()


def goes_by_running_statistics(norm: nn.Module) -> bool:
    """Whether a normalisation is a batch normalisation that, as it stands, takes no statistics of the batch."""
    return isinstance(norm, _BatchNorm) and not norm.training and norm.running_mean is not None and norm.running_var is not None


def scale_and_shift(norm: nn.Module, dtype: torch.dtype) -> tuple[Tensor | None, Tensor]:
    """The linear map of a normalisation that ``folds``: y * scale + shift, (F,) each; None for a scale that is in the weights already."""
    if isinstance(norm, Shift):
        return None, norm.shift.to(dtype)
    assert isinstance(norm, _BatchNorm)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var.to(dtype) + norm.eps)
    if norm.weight is not None:
        scale = norm.weight.to(dtype) * scale
    shift = -norm.running_mean.to(dtype) * scale
    return scale, shift if norm.bias is None else norm.bias.to(dtype) + shift


def scaled(weight: Tensor, scale: Tensor | None) -> Tensor:
    """A weight (F, D) whose outputs are scaled."""
    return weight if scale is None else weight * scale[:, None]


def finish(product: Tensor, norm: nn.Module | None, relu: bool = True) -> Tensor:
    """Normalisation and ReLU of a fresh product, which may be overwritten.

    Args:
        product: (B, M, F).
        norm: is called; None where it was folded into the product.
        relu: end with the ReLU.

    Returns:
        (B, M, F).
    """
    if norm is None:
        return product.relu_() if relu else product
    weight = getattr(norm, "weight", None)
    rows = product.flatten(0, 1)  # (B, M, F) -> (B*M, F)
    normalised: Tensor = norm(rows if weight is None else rows.to(wide_type(weight.dtype)))
    if relu:  # in place before it becomes a view: autograd copies what is changed through a view; but a hook may have kept the output
        normalised = normalised.relu_() if is_unwatched(norm) else normalised.relu()
    return normalised.to(product.dtype).view_as(product)


def linear_of_nodes(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The linear map of nodes (B, M, D) by a weight (F, D): (B, M, F).

    Nodes that are a transposed view are read as they lie: by one product per image or, where the weight is larger than the map and its
    gradient per image would cost more than the map, by a convolution.
    """
    nodes, features = x.shape[1:]
    if x.stride(-1) == 1:
        return nn.functional.linear(x, weight, bias)
    if features >= nodes:
        return nn.functional.conv1d(x.mT, weight[..., None], bias).mT  # (B, D, M) -> (B, F, M) -> (B, M, F)
    weight = weight.t().expand(x.shape[0], -1, -1)  # (F, D) -> (B, D, F)
    return torch.bmm(x, weight) if bias is None else torch.baddbmm(bias, x, weight)
