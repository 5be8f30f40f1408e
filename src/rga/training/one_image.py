"""A batch whose parts hold one image: batch normalisation cannot train on one value a channel, which is noticed before the training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rga.errors import InputError

TORCH_REFUSES = "Expected more than 1 value per channel"
"""How PyTorch's error begins, which names neither the layer nor what to do."""


class OneValueError(InputError):
    """A batch normalisation would take the variance of one value."""


def check_one_image(model: nn.Module, size: tuple[int, int], why: str) -> None:
    """Runs a model once on one image in training mode, and leaves it as it was.

    Args:
        model: on the CPU.
        size: (height, width) of its images.
        why: a batch comes in parts of one image, and what makes them that small.

    Raises:
        OneValueError: a batch normalisation has one value a channel; its layer is named.
    """
    try:
        with unchanged(model), refusing_one_value(model), torch.no_grad():
            model.train()
            model(torch.zeros(1, 3, *size))
    except OneValueError as error:
        raise OneValueError(f"{why}, and {error}. Let each part have 2 images or more") from error
    except ValueError as error:
        if not str(error).startswith(TORCH_REFUSES):
            raise
        raise OneValueError(
            f"{why}, and a batch normalisation has one value a channel there, which has no variance. Let each part have 2 images or more"
        ) from error


@contextmanager
def refusing_one_value(model: nn.Module) -> Iterator[None]:
    """Within the block a batch normalisation in training mode raises a OneValueError for one value a channel."""

    def watch(name: str) -> object:
        def check(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if module.training and inputs[0].numel() == inputs[0].shape[1]:
                raise OneValueError(f"the batch normalisation {name} has one value a channel there, which has no variance")

        return check

    norms = [(name, module) for name, module in model.named_modules() if isinstance(module, _BatchNorm)]
    handles = [module.register_forward_pre_hook(watch(name)) for name, module in norms]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """After the block the statistics of a model, the mode of each module and the random generator are as they were."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    training = {module: module.training for module in model.modules()}
    try:
        with torch.random.fork_rng(devices=()):
            yield
    finally:
        for module, was in training.items():
            module.training = was
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
