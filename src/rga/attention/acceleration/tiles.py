"""varphi and W1 in training on a CPU, tile by tile, without ever holding varphi's output.

varphi's output is by far the largest tensor of RGA, F numbers for each node, and W1 is linear. So its output is computed tile by tile,
some rows of one image, small enough to stay in the cache: once for its variance, once to apply W1, and once more in the backward pass,
where the tiles add up to the sums of which all gradients consist.

With C = [theta, phi] and S their factor (see ``gate``), per image b, mapped = C S and the normalisation's p = weight / deviation, the
gradient of mapped is that of every batch normalisation (Ioffe, Szegedy, arXiv 1502.03167):

    d mapped = p g - e - k (mapped - mean of the image)
    e = p sum(g) / n + k (mean of the image - mean)
    k = p sum(g (mapped - mean)) / (n deviation^2)

with g the gradient before the ReLU and n the number of all nodes of the batch. As mapped - mean of the image = (C - mean(C)) S, its
products with S and C follow from those of g, and from matrices of C alone. All values are centred before they are summed, so that no
digits are lost by cancellation.

Gain: a training step takes 11 % longer without it and holds 114 instead of 83 MiB; measured as ``rga.attention.acceleration`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rga.attention.acceleration.plain import is_plain
from rga.attention.acceleration.products import again
from rga.attention.precision import without_autocast
from rga.attention.tracing import differentiated_by_parts, differentiates_eagerly

TILE_BYTES = 2 << 20
"""Size of a tile, about."""


def can_tile(theta_phi: Tensor, norm: nn.BatchNorm1d) -> bool:
    """Whether ``varphi_and_w1_in_tiles`` applies: in eager training on a CPU, with the statistics of this process's batch.

    varphi's output (B, M, F) must also be larger than ``theta_phi`` (B, M, K). Otherwise it is small, and matrices of K x K are not.
    """
    eager = differentiates_eagerly() and theta_phi.device.type == "cpu"
    plain = is_plain(norm, nn.BatchNorm1d) and norm.training and norm.affine and norm.weight.dtype == theta_phi.dtype
    return eager and plain and norm.num_features > theta_phi.shape[2] and theta_phi.shape[:2].numel() > 1


def varphi_and_w1_in_tiles(theta_phi: Tensor, factor: Tensor, norm: nn.BatchNorm1d, weight: Tensor) -> Tensor:
    """ReLU(norm(theta_phi @ factor)) @ weight.T; the norm's running statistics are updated.

    Args:
        theta_phi: C (B, M, K).
        factor: S (B, K, F).
        norm: over F features, in training mode.
        weight: of W1, (H, F).

    Returns:
        (B, M, H).
    """
    outputs: tuple[Tensor, ...] = VarphiAndW1.apply(theta_phi, factor, norm.weight, norm.bias, weight, norm.eps)
    hidden, mean, variance = outputs
    update_running_statistics(norm, mean, variance, theta_phi.shape[:2].numel())
    return hidden


@torch.no_grad()
def update_running_statistics(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor, count: int) -> None:
    """What ``nn.BatchNorm1d`` does with the mean and the (biased) variance of a batch of ``count`` rows."""
    if not norm.track_running_stats or norm.running_mean is None or norm.running_var is None:
        return
    share = norm.momentum or 0.0
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
        share = 1 / int(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean, share)
    norm.running_var.lerp_(variance * (count / (count - 1)), share)


def at_once(theta_phi: Tensor, factor: Tensor, scale: Tensor, shift: Tensor, weight: Tensor, *, eps: float) -> Tensor:
    """``varphi_and_w1_in_tiles`` by PyTorch's operations."""
    rows = F.batch_norm(torch.bmm(theta_phi, factor).flatten(0, 1), None, None, scale, shift, training=True, eps=eps)
    out: Tensor = F.linear(rows.relu(), weight).unflatten(0, theta_phi.shape[:2])
    return out


class VarphiAndW1(torch.autograd.Function):
    """``varphi_and_w1_in_tiles``, with the batch's mean and variance."""

    @staticmethod
    def forward(  # noqa: D102, PLR0917
        ctx: Any, theta_phi: Tensor, factor: Tensor, scale: Tensor, shift: Tensor, weight: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        images, nodes, _ = theta_phi.shape
        centres = theta_phi.mean(1, keepdim=True)  # (B, 1, K)
        image_means = torch.bmm(centres, factor).squeeze(1)  # means of mapped by image, (B, F)
        mean = image_means.mean(0)
        squares = torch.zeros_like(image_means)
        tiles = Tiles(theta_phi, factor)
        for image, rows in tiles:
            squares[image] += tiles.product(theta_phi[image, rows] - centres[image], factor[image]).square_().sum(0)
        variance = (squares / nodes + (image_means - mean).square()).mean(0)
        deviation = (variance + eps).sqrt()
        normalised = scale / deviation
        folded, bias = factor * normalised, shift - mean * normalised
        hidden = theta_phi.new_empty(images, nodes, len(weight))
        for image, rows in tiles:
            torch.mm(tiles.product(theta_phi[image, rows], folded[image], bias).relu_(), weight.t(), out=hidden[image, rows])
        ctx.save_for_backward(theta_phi, factor, scale, shift, weight, centres, image_means, mean, deviation)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        return hidden, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        gradient, saved, needed = gradients[0], ctx.saved_tensors, ctx.needs_input_grad[:5]
        with without_autocast(gradient.device):
            if differentiated_by_parts(gradient):
                return *again(partial(at_once, eps=ctx.eps), saved[:5], needed, gradient), None
            return *VarphiAndW1.grad_operands(gradient.contiguous(), saved, needed), None

    @staticmethod
    def grad_operands(gradient: Tensor, saved: Sequence[Tensor], needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        """The gradients of the operands that are needed, from that of the output (B, M, H) and from what ``forward`` kept."""
        theta_phi, factor, scale, shift, weight, centres, image_means, mean, deviation = saved
        images, nodes, _ = theta_phi.shape
        count = images * nodes
        normalised = scale / deviation  # p
        folded, bias = factor * normalised, shift - mean * normalised
        of_theta_phi, of_factor, *_, of_weight = needed
        before = any(needed[:4])  # something is needed from before W1
        centred = theta_phi - centres
        grad_theta_phi = torch.empty_like(centred) if of_theta_phi else None
        grad_weight = torch.zeros_like(weight) if of_weight else None
        sums, moments = torch.zeros_like(image_means), torch.zeros_like(factor)  # of g by image, and of (C - mean(C)).T g
        tiles, gradient_tiles = Tiles(theta_phi, factor), Tiles(theta_phi, factor)
        for image, rows in tiles:
            features = tiles.product(theta_phi[image, rows], folded[image], bias).relu_()
            if grad_weight is not None:
                grad_weight.addmm_(gradient[image, rows].t(), features)
            if not before:
                continue
            g = gradient_tiles.product(gradient[image, rows], weight)
            torch.ops.aten.threshold_backward.grad_input(g, features, 0, grad_input=g)
            sums[image] += g.sum(0)
            moments[image].addmm_(centred[image, rows].t(), g)
            if grad_theta_phi is not None:
                torch.mm(g, folded[image].t(), out=grad_theta_phi[image, rows])
        if not before:
            return None, None, None, None, grad_weight
        offsets = image_means - mean
        grad_shift = sums.sum(0)
        grad_scale = ((factor * moments).sum((0, 1)) + (offsets * sums).sum(0)) / deviation
        k = normalised * grad_scale / (deviation * count)
        e = normalised * grad_shift / count + k * offsets  # (B, F)
        grad_factor = None
        if of_factor:
            gram = torch.bmm(centred.mT, centred)  # (B, K, K)
            grad_factor = normalised * moments - k * torch.bmm(gram, factor)
            grad_factor += centres.mT * (normalised * sums - nodes * e)[:, None]
        if grad_theta_phi is not None:
            grad_theta_phi.baddbmm_(centred, torch.bmm(factor * k, factor.mT), alpha=-1)
            grad_theta_phi -= torch.bmm(factor, e[..., None]).mT
        return grad_theta_phi, grad_factor, grad_scale, grad_shift, grad_weight


class Tiles:
    """The rows of all images in tiles, and a buffer for a tile's features (rows, F).

    Args:
        theta_phi: C (B, M, K).
        factor: S (B, K, F).
    """

    def __init__(self, theta_phi: Tensor, factor: Tensor) -> None:
        self.images, self.nodes = theta_phi.shape[:2]
        features = factor.shape[-1]
        self.rows = min(self.nodes, max(1, TILE_BYTES // (features * factor.element_size())))
        self.buffer = factor.new_empty(self.rows, features)

    def __iter__(self) -> Iterator[tuple[int, slice]]:
        """Image and rows of each tile."""
        for image in range(self.images):
            for start in range(0, self.nodes, self.rows):
                yield image, slice(start, min(start + self.rows, self.nodes))

    def product(self, left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
        """The product left @ right (+ bias) in the buffer, which the next product overwrites."""
        buffer = self.buffer[: len(left)]
        return torch.mm(left, right, out=buffer) if bias is None else torch.addmm(bias, left, right, out=buffer)
