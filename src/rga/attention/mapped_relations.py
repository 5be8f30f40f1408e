"""varphi's normalisation and W1 of all nodes at once, in training on a CPU, without ever holding varphi's output.

Of all that RGA computes varphi's output is by far the largest, F numbers for each node, and all that follows is linear in it but for the
ReLU. So it is made tile by tile, some rows of one image, small enough to stay in the cache: once for its variance, once to go on from, and
once more in the backward pass, whose tiles give the sums of which all gradients are made.

With C the compared features and S their summary (see ``rga.attention.relation``), per image b, mapped = C S and the normalisation's
p = weight / deviation, the gradient of mapped is that of every batch normalisation (Ioffe, Szegedy, arXiv 1502.03167):

    d mapped = p g - e - k (mapped - mean of the image)
    e = p sum(g) / n + k (mean of the image - mean)
    k = p sum(g (mapped - mean)) / (n deviation^2)

with g what W1 and the ReLU hand back and n the number of all nodes of the batch. As mapped - mean of the image = (C - mean(C)) S, its
products with S and C follow from those of g, and from matrices of C alone. Everything is centred before it is summed: nothing cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rga.attention.autograd import differentiates_eagerly
from rga.attention.linear_norm import hooked
from rga.attention.precision import without_autocast

TILE_BYTES = 2 << 20
"""About what a tile takes."""


def tiles_serve(compared: Tensor, norm: nn.BatchNorm1d) -> bool:
    """Whether ``mapped_relations`` is at home: eager training on a CPU, with statistics of this process's batch.

    And varphi's output is larger than what is compared: (B, M, F) than (B, M, K). Otherwise it is small, and matrices of K x K are not.
    """
    ours = differentiates_eagerly() and compared.device.type == "cpu"
    plain = type(norm) is nn.BatchNorm1d and norm.training and norm.affine and norm.weight.dtype == compared.dtype
    return ours and plain and not hooked(norm) and norm.num_features > compared.shape[2] and compared.shape[:2].numel() > 1


def mapped_relations(compared: Tensor, summary: Tensor, norm: nn.BatchNorm1d, weight: Tensor) -> Tensor:
    """ReLU(norm(compared @ summary)) @ weight.T; the norm's running statistics are updated.

    Args:
        compared: C (B, M, K).
        summary: S (B, K, F).
        norm: over F features, in training mode.
        weight: of W1, (H, F).

    Returns:
        (B, M, H).
    """
    made: tuple[Tensor, ...] = MappedRelations.apply(compared, summary, norm.weight, norm.bias, weight, norm.eps)
    hidden, mean, variance = made
    update_running_statistics(norm, mean, variance, compared.shape[:2].numel())
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


def at_once(compared: Tensor, summary: Tensor, scale: Tensor, shift: Tensor, weight: Tensor, *, eps: float) -> Tensor:
    """``mapped_relations`` by PyTorch's operations."""
    rows = F.batch_norm(torch.bmm(compared, summary).flatten(0, 1), None, None, scale, shift, training=True, eps=eps)
    out: Tensor = F.linear(rows.relu(), weight).unflatten(0, compared.shape[:2])
    return out


class MappedRelations(torch.autograd.Function):
    """``mapped_relations``, with the batch's mean and variance."""

    @staticmethod
    def forward(  # noqa: D102, PLR0917
        ctx: Any, compared: Tensor, summary: Tensor, scale: Tensor, shift: Tensor, weight: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        images, nodes, _ = compared.shape
        centres = compared.mean(1, keepdim=True)  # (B, 1, K)
        of_images = torch.bmm(centres, summary).squeeze(1)  # means of mapped by image, (B, F)
        mean = of_images.mean(0)
        squares = torch.zeros_like(of_images)
        tiled = Tiles(compared, summary)
        for image, rows in tiled:
            squares[image] += tiled.product(compared[image, rows] - centres[image], summary[image]).square_().sum(0)
        variance = (squares / nodes + (of_images - mean).square()).mean(0)
        deviation = (variance + eps).sqrt()
        normalised = scale / deviation
        folded, bias = summary * normalised, shift - mean * normalised
        hidden = compared.new_empty(images, nodes, len(weight))
        for image, rows in tiled:
            torch.mm(tiled.product(compared[image, rows], folded[image], bias).relu_(), weight.t(), out=hidden[image, rows])
        ctx.save_for_backward(compared, summary, scale, shift, weight, centres, of_images, mean, deviation)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        return hidden, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        gradient, saved = gradients[0], ctx.saved_tensors
        with without_autocast(gradient.device):
            if not torch.is_grad_enabled():
                return *MappedRelations.of_operands(gradient.contiguous(), saved), None
            operands = saved[:5]  # second derivatives are wanted
            learning = [operand for operand in operands if operand.requires_grad]
            found = iter(torch.autograd.grad(at_once(*operands, eps=ctx.eps), learning, gradient, create_graph=True))
            return *(next(found) if operand.requires_grad else None for operand in operands), None

    @staticmethod
    def of_operands(gradient: Tensor, saved: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The gradients of the operands, from that of the output (B, M, H) and from what ``forward`` kept."""
        compared, summary, scale, shift, weight, centres, of_images, mean, deviation = saved
        images, nodes, _ = compared.shape
        count = images * nodes
        normalised = scale / deviation  # p
        folded, bias = summary * normalised, shift - mean * normalised
        centred = compared - centres
        of_compared, of_weight = torch.empty_like(centred), torch.zeros_like(weight)
        sums, moments = torch.zeros_like(of_images), torch.zeros_like(summary)  # of g by image, and of (C - mean(C)).T g
        tiled, handed_back = Tiles(compared, summary), Tiles(compared, summary)
        for image, rows in tiled:
            features = tiled.product(compared[image, rows], folded[image], bias).relu_()
            of_weight.addmm_(gradient[image, rows].t(), features)
            g = handed_back.product(gradient[image, rows], weight)
            torch.ops.aten.threshold_backward.grad_input(g, features, 0, grad_input=g)
            sums[image] += g.sum(0)
            moments[image].addmm_(centred[image, rows].t(), g)
            torch.mm(g, folded[image].t(), out=of_compared[image, rows])
        offsets = of_images - mean
        of_shift = sums.sum(0)
        of_scale = ((summary * moments).sum((0, 1)) + (offsets * sums).sum(0)) / deviation
        k = normalised * of_scale / (deviation * count)
        e = normalised * of_shift / count + k * offsets  # (B, F)
        gram = torch.bmm(centred.mT, centred)  # (B, K, K)
        of_summary = normalised * moments - k * torch.bmm(gram, summary)
        of_summary += centres.mT * (normalised * sums - nodes * e)[:, None]
        of_compared.baddbmm_(centred, torch.bmm(summary * k, summary.mT), alpha=-1)
        of_compared -= torch.bmm(summary, e[..., None]).mT
        return of_compared, of_summary, of_scale, of_shift, of_weight


class Tiles:
    """The rows of all images in tiles, and the place where a tile's features (rows, F) are made.

    Args:
        compared: C (B, M, K).
        summary: S (B, K, F).
    """

    def __init__(self, compared: Tensor, summary: Tensor) -> None:
        self.images, self.nodes = compared.shape[:2]
        features = summary.shape[-1]
        self.rows = min(self.nodes, max(1, TILE_BYTES // (features * summary.element_size())))
        self.place = summary.new_empty(self.rows, features)

    def __iter__(self) -> Iterator[tuple[int, slice]]:
        """Image and rows of each tile."""
        for image in range(self.images):
            for start in range(0, self.nodes, self.rows):
                yield image, slice(start, min(start + self.rows, self.nodes))

    def product(self, left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
        """The product left @ right (+ bias) in the tile's place, which the next product overwrites."""
        place = self.place[: len(left)]
        return torch.mm(left, right, out=place) if bias is None else torch.addmm(bias, left, right, out=place)
