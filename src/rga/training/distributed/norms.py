"""Batch normalisation over the batches of all processes.

PyTorch's ``SyncBatchNorm``, where it can be: on GPUs. Here is the same for the CPU, on which two processes are compared with one.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import BatchNormAct2d, convert_sync_batchnorm
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from rga.errors import InputError
from rga.training.distributed import processes


class Normalised(torch.autograd.Function):
    """Numbers normalised by mean and variance over all processes."""

    @staticmethod
    def forward(context: Any, x: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, C, ...) -> the same normalised, mean (C), variance (C), and how many numbers a channel has in all processes."""
        axes = [axis for axis in range(x.ndim) if axis != 1]
        own_variance, own_mean = torch.var_mean(x, axes, correction=0)
        own_count = torch.tensor(x.numel() / x.shape[1], dtype=x.dtype)
        everyone = [torch.empty(2 * x.shape[1] + 1, dtype=x.dtype) for _ in range(processes.count())]
        distributed.all_gather(everyone, torch.cat([own_mean, own_variance, own_count[None]]))
        means, variances, counts = torch.stack(everyone).split([x.shape[1], x.shape[1], 1], dim=1)  # (processes, C), (processes, C), ...
        total = counts.sum()
        mean = (counts * means).sum(0) / total
        variance = (counts * (variances + (means - mean).square())).sum(0) / total  # Chan, Golub, LeVeque 1979
        scale = torch.rsqrt(variance + eps)
        normalised = (x - across(mean, x)) * across(scale, x)
        context.save_for_backward(normalised, scale, total)
        context.mark_non_differentiable(mean, variance, total)
        return normalised, mean, variance, total

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, None]:
        """The gradient, through the statistics of all processes."""
        normalised, scale, total = context.saved_tensors
        axes = [axis for axis in range(gradient.ndim) if axis != 1]
        sums = torch.stack([gradient.sum(axes), (gradient * normalised).sum(axes)])
        distributed.all_reduce(sums)
        mean, slope = sums / total
        return (gradient - across(mean, gradient) - normalised * across(slope, gradient)) * across(scale, gradient), None


def across(channels: Tensor, x: Tensor) -> Tensor:
    """A number for each channel (C), so that it meets (B, C, ...)."""
    return channels.view(1, -1, *(1,) * (x.ndim - 2))


def at_least_float32(x: Tensor) -> Tensor:
    """Numbers in a precision in which sums over a batch can be taken."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class GatheredBatchNorm(_BatchNorm):
    """Batch normalisation over all processes, on the CPU; weights and statistics are those of the layer that it takes the place of."""

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var, self.num_batches_tracked = norm.running_mean, norm.running_var, norm.num_batches_tracked
        self.train(norm.training)
        if isinstance(norm, BatchNormAct2d):
            self.drop, self.act = norm.drop, norm.act

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  # PyTorch's name
        if input.ndim < 2:
            raise InputError(f"expected a batch (B, C, ...), got {tuple(input.shape)}")

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> the same."""
        if not (self.training and processes.together()):
            return self.then(super().forward(x))
        normalised, mean, variance, total = Normalised.apply(at_least_float32(x), self.eps)
        if self.track_running_stats and self.running_mean is not None and self.running_var is not None:
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
            share = 1 / float(self.num_batches_tracked or 1) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * total / (total - 1), share)
        if self.affine:
            normalised = normalised * across(self.weight, x) + across(self.bias, x)
        return self.then(normalised.to(x.dtype))

    def then(self, normalised: Tensor) -> Tensor:
        """What timm's ``BatchNormAct2d`` does besides."""
        if hasattr(self, "act"):
            activated: Tensor = self.act(self.drop(normalised))
            return activated
        return normalised


def synchronise_norms(model: nn.Module, device: torch.device) -> None:
    """Lets the batch normalisations of a model take their statistics over all processes, in place; keys and attached attention stay."""
    if device.type == "cuda":
        convert_sync_batchnorm(model)
    else:
        for module in list(model.modules()):
            for name, child in module.named_children():
                if isinstance(child, _BatchNorm) and not isinstance(child, GatheredBatchNorm):
                    setattr(module, name, GatheredBatchNorm(child))
