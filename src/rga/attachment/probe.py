"""A network run once on the meta device, where tensors have shapes and no values: which modules run, and what each returns.

The network is left as it was: its mode, its hooks, what it keeps in attributes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain, product
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from rga.attention.grid import Grid, check_grid
from rga.errors import InputError


class NoStagesError(InputError):
    """A network has no place where an attention over maps could go."""


def called_modules(model: nn.Module, image_size: Grid) -> list[str]:
    """The name of each module, as often as it runs in one pass.

    Raises:
        NoStagesError: the network could not be run on the meta device.
        InputError: it is compiled or wrapped for several devices.
    """
    return [name for name, _ in run_on_meta(model, image_size)]


def run_on_meta(model: nn.Module, image_size: Grid) -> list[tuple[str, object]]:
    """Runs a network on tensors without values: the name and the output of each module, in the order in which they finished."""
    height, width = check_grid(image_size)
    refuse_unready(model)
    outputs: list[tuple[str, object]] = []
    handles = [
        module.register_forward_hook(lambda _module, _args, output, name=name: outputs.append((name, output)))
        for name, module in model.named_modules()
        if name
    ]
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    on_meta = {name: tensor.to("meta") for name, tensor in tensors.items()}
    failures: list[Exception] = []
    try:
        with evaluating(model), without_checkpointing(model), torch.no_grad():
            # a network may make tensors on the device that is the default, wherever its image is
            for channels, default_device in product(input_channels(model), (None, torch.device("meta"))):
                outputs.clear()
                image = torch.empty(2, channels, height, width, device="meta", dtype=floating_dtype(model))
                try:
                    with attributes_on_meta(model), default_device or nullcontext():
                        functional_call(model, on_meta, (image,))
                except Exception as error:
                    failures.append(error)
                else:
                    return outputs
    finally:
        for handle in handles:
            handle.remove()
    raise NoStagesError(
        f"{type(model).__name__} could not be run at {height}x{width} (on the meta device, to find its grids): "
        f"{str(failures[0]) or repr(failures[0])}. "
        "If it takes anything but one batch of images, attach attention to the part of it that does: rga.attach(model.backbone, ...)"
    ) from failures[0]


def refuse_unready(model: nn.Module) -> None:
    """Raises an InputError if a network cannot be changed as it is: compiled, wrapped for several devices, or with weights to come."""
    if any(is_lazy(tensor) for tensor in chain(model.parameters(), model.buffers())):
        raise InputError("the model has weights without a shape (of lazy modules): run it once on an image, and attach attention then")
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        raise InputError(
            f"the model is wrapped in {type(model).__name__}: attach attention to the network before it is wrapped, "
            "rga.attach(model.module, ...), or take it out of its wrapper first"
        )
    for name, module in model.named_modules():
        compiled = module._compiled_call_impl is not None  # noqa: SLF001  what model.compile() sets, without a public name
        if compiled or hasattr(module, "_orig_mod"):
            raise InputError(
                f"{f'its part {name!r}' if name else 'the model'} is compiled, and what was compiled does not change any more: "
                "attach, detach and resample first, and compile afterwards"
            )
        if isinstance(module, torch.jit.ScriptModule):
            raise InputError(
                f"{f'its part {name!r}' if name else 'the model'} is a TorchScript module, which cannot be changed: "
                "attach attention to the Python model"
            )


def input_channels(model: nn.Module) -> list[int]:
    """Channels that the images of a network may have, the likeliest first: of its first convolution, or 3 where its stem folds space."""
    first = next((module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)), 3)
    return list(dict.fromkeys((first, 3)))


def floating_dtype(model: nn.Module) -> torch.dtype:
    """The floating dtype of a model's weights."""
    weight = weight_of(model)
    return torch.float32 if weight is None else weight.dtype


def weight_of(model: nn.Module) -> nn.Parameter | None:
    """The first weight of a model of a floating dtype; None if it has none."""
    return next((p for p in model.parameters() if p.is_floating_point()), None)


@contextmanager
def attributes_on_meta(model: nn.Module) -> Iterator[None]:
    """Moves tensors that are neither weights nor buffers to the meta device within the block; then all attributes are as they were.

    Networks keep caches (of coordinates, of normalised weights) and counters in attributes, and in lists and dicts among them. A pass
    without values must neither meet their tensors nor leave its own there.
    """
    attributes = [(module, dict(vars(module))) for module in model.modules()]
    containers = [
        (value, value.copy()) for _, values in attributes for value in values.values() if type(value) in (dict, list, OrderedDict)
    ]
    try:
        for module, values in attributes:
            vars(module).update({name: value.to("meta") for name, value in values.items() if isinstance(value, Tensor)})
        for container, content in containers:
            for key, value in content.items() if isinstance(content, dict) else enumerate(content):
                if type(value) is Tensor:
                    container[key] = value.to("meta")
        yield
    finally:
        for module, values in attributes:
            vars(module).clear()
            vars(module).update(values)
        for container, content in containers:
            container.clear()
            refill(container, content)


def refill(container: Any, content: Any) -> None:
    """Puts the content of a dict or list into an empty one."""
    if isinstance(container, dict):
        container.update(content)
    else:
        container.extend(content)


@contextmanager
def without_checkpointing(model: nn.Module) -> Iterator[None]:
    """Turns timm's activation checkpointing off within the block: under it some stages are not called, but their parts."""
    on = [module for module in model.modules() if getattr(module, "grad_checkpointing", False) is True]
    try:
        for module in on:
            module.grad_checkpointing = False  # type: ignore[assignment]
        yield
    finally:
        for module in on:
            module.grad_checkpointing = True  # type: ignore[assignment]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts every module in evaluation mode, and each back as it was."""
    training = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield
    finally:
        for module, was_training in training.items():
            module.training = was_training
