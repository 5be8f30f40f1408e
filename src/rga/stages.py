"""The stages of a convolutional network: where its maps change resolution, found without running it on data.

A network is run once on the meta device, where tensors have shapes and no values, while hooks note what each module returns. Where timm's
``feature_info`` names the stages, these are taken. Otherwise a stage is the last module to return a map before the maps shrink, whatever
the family calls it; inside of blocks nothing is considered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from rga.attention.grid import Grid, check_grid

FIRST_LEVEL = 2
"""Stages begin where the picture is halved this many times; before that is the stem."""

BY_HAND: Mapping[str, Sequence[str]] = {
    # with the last stride 1, as in re-identification, or dilated, as in segmentation, two stages share a resolution
    "ResNet": ("layer1", "layer2", "layer3", "layer4"),
    # made for small pictures: their first stage has the full resolution
    "CifarResNet": ("layer1", "layer2", "layer3"),
    "CifarResNext": ("layer1", "layer2", "layer3"),
    "CifarDenseNet": ("block1", "block2", "block3"),
    # keeps its resolutions side by side and adds them up at the end: the stages are the branches, before they are added
    "HighResolutionNet": ("incre_modules.0", "incre_modules.1", "incre_modules.2", "incre_modules.3"),
}
"""Stages of network classes for which neither rule holds."""

BRANCH_ENDS: Mapping[str, Sequence[str]] = {
    "BasicBlock": ("bn2",),
    "Bottleneck": ("bn3", "conv3"),  # ResNets', and RegNets'
    "CifarBlock": ("bn2",),
    "CifarResNextBlock": ("bn3",),
    "CifarDenseLayer": ("conv2",),
    "DenseLayer": ("conv2",),
    "_DenseLayer": ("conv2",),
    "InvertedResidual": ("bn3", "conv", "block"),  # of MobileNets and EfficientNets; in torchvision the whole branch is one module
    "DepthwiseSeparableConv": ("bn2",),
    "EdgeResidual": ("bn2",),
    "MBConv": ("block",),
    "CNBlock": ("block",),
}
"""Block classes of timm, torchvision and our own -> the last module of their branch, the first of these names that they have: what it
returns is added to the shortcut, or to the maps before it."""

CLASSIFIER = "classifier."
"""Maps of class scores (SqueezeNet's) are no features."""


class NoStagesError(ValueError):
    """A network has no place where an attention over maps could go."""


@dataclass(frozen=True)
class Stage:
    """A place in a network where an attention can go.

    Attributes:
        name: the qualified name of the module whose output it is.
        channels: channels of that output.
        grid: (height, width) of that output.
    """

    name: str
    channels: int
    grid: Grid


def find_stages(model: nn.Module, image_size: Grid) -> list[Stage]:
    """The stages of a network from a quarter of the picture's resolution downwards, in the order in which they run.

    Args:
        model: a network that takes pictures (B, 3, H, W), or with another number of channels in its first convolution.
        image_size: (height, width) of the pictures.

    Raises:
        NoStagesError: the network returns no maps (B, C, H, W) there, or could not be run on the meta device; the message says which.

    Example:
        >>> import timm
        >>> [stage.name for stage in find_stages(timm.create_model("resnet18"), (256, 128))]
        ['layer1', 'layer2', 'layer3', 'layer4']
    """
    layout = getattr(model, "output_fmt", "NCHW")
    if layout != "NCHW":
        raise NoStagesError(no_stages(model, f"its features have the layout {layout}"))
    maps = probe_maps(model, image_size)
    listed = feature_names(model)
    for names in (BY_HAND.get(type(model).__name__, ()), listed):
        if names and all(name in maps for name in names):
            return [maps[name] for name in names]
    if listed and not any(name in maps for name in listed):
        raise NoStagesError(no_stages(model, f"its stages ({', '.join(listed[:4])}, ...) return tokens or several tensors"))
    stages = last_of_each_level(model, maps, check_grid(image_size))
    if not stages:
        raise NoStagesError(no_stages(model, "its modules return no maps that shrink"))
    return stages


def no_stages(model: nn.Module, reason: str) -> str:
    """The message for a network that has no stages."""
    return (
        f"{type(model).__name__} has no stages that return maps (batch, channels, height, width): {reason}. "
        "Attention over maps serves convolutional networks; name modules that return maps with after=[...] if it has some"
    )


def named_stages(model: nn.Module, image_size: Grid, names: Sequence[str]) -> list[Stage]:
    """The named modules of a network as stages.

    Raises:
        ValueError: a name is unknown, or the module returns no map.
    """
    modules = dict(model.named_modules())
    maps = probe_maps(model, image_size)
    for name in names:
        if name not in modules:
            known = ", ".join(stage.name for stage in find_stages(model, image_size))
            raise ValueError(f"unknown stage {name!r}: the model has no such module; its stages are {known}")
        if name not in maps:
            raise ValueError(f"module {name!r} returns no map (batch, channels, height, width), so no attention can follow it")
    return [maps[name] for name in names]


def find_blocks(model: nn.Module, image_size: Grid) -> list[Stage]:
    """The ends of the branches of a network's blocks, before the shortcut is added: where SE and CBAM sit as published.

    Args:
        model: a network of blocks that ``BRANCH_ENDS`` knows.
        image_size: (height, width) of the pictures.

    Raises:
        NoStagesError: it has no such blocks, or could not be run on the meta device.

    Example:
        >>> import timm
        >>> [stage.name for stage in find_blocks(timm.create_model("resnet18"), (256, 128))][:3]
        ['layer1.0.bn2', 'layer1.1.bn2', 'layer2.0.bn2']
    """
    maps = probe_maps(model, image_size)
    ends = []
    for name, module in model.named_modules():
        children = dict(module.named_children())
        end = next((child for child in BRANCH_ENDS.get(type(module).__name__, ()) if child in children), None)
        if end is not None and f"{name}.{end}" in maps:
            ends.append(maps[f"{name}.{end}"])
    if not ends:
        raise NoStagesError(
            f"{type(model).__name__} has no blocks of the kinds that are known ({', '.join(BRANCH_ENDS)}): name the modules to attend "
            "to with after=[...]"
        )
    return ends


def probe_maps(model: nn.Module, image_size: Grid) -> dict[str, Stage]:
    """Every module that returns a map larger than one position, in the order in which they finished.

    Raises:
        NoStagesError: the network could not be run on the meta device.
    """
    height, width = check_grid(image_size)
    found: dict[str, Stage] = {}

    def note(name: str, output: object) -> None:
        found.pop(name, None)
        if isinstance(output, Tensor) and output.dim() == 4 and output.shape[-2:].numel() > 1:
            found[name] = Stage(name, output.shape[1], (output.shape[2], output.shape[3]))

    handles = [
        module.register_forward_hook(lambda _module, _args, output, name=name: note(name, output))
        for name, module in model.named_modules()
        if name
    ]
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    picture = torch.empty(2, input_channels(model), height, width, device="meta", dtype=floating_dtype(model))
    try:
        with evaluating(model), torch.no_grad():
            functional_call(model, {name: tensor.to("meta") for name, tensor in tensors.items()}, (picture,))
    except Exception as error:  # a model may fail in any way: pass its own words on
        raise NoStagesError(
            f"{type(model).__name__} could not be run at {height}x{width} (on the meta device, to find its grids): {error or repr(error)}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return found


def last_of_each_level(model: nn.Module, maps: Mapping[str, Stage], image_size: Grid) -> list[Stage]:
    """The last map at each resolution, of those that are not inside of a block.

    A module is inside of a block if one of those that it is nested in is neither a plain sequence, nor one whose output is at the same
    resolution, nor one that holds at least three resolutions (a whole network within the network).
    """
    probed = {name: level_of(stage.grid, image_size) for name, stage in maps.items()}
    levels = {name: level for name, level in probed.items() if level is not None and level >= FIRST_LEVEL}
    modules = dict(model.named_modules())

    def passes(ancestor: str, level: int) -> bool:
        if isinstance(modules[ancestor], nn.Sequential) or levels.get(ancestor) in (level, None):
            return True
        return len({inner for name, inner in levels.items() if name.startswith(ancestor + ".")}) >= 3

    last: dict[int, Stage] = {}
    for name, level in levels.items():
        parts = name.split(".")
        ancestors = [".".join(parts[:depth]) for depth in range(1, len(parts))]
        if not name.startswith(CLASSIFIER) and all(passes(ancestor, level) for ancestor in ancestors):
            last.pop(level, None)
            last[level] = maps[name]
    return list(last.values())


def level_of(grid: Grid, image_size: Grid) -> int | None:
    """How many times a picture was halved to get a map on ``grid``; None if height and width disagree (the output is no map)."""
    down, across = image_size[0] / grid[0], image_size[1] / grid[1]
    if max(down, across) > 1.75 * min(down, across):
        return None
    return round(math.log2(math.sqrt(down * across)))


def feature_names(model: nn.Module) -> list[str]:
    """The modules that timm says end a network's stages; empty if it does not say."""
    info = getattr(model, "feature_info", None)
    entries = getattr(info, "info", info)
    if not isinstance(entries, (list, tuple)):
        return []
    stages = [entry for entry in entries if entry.get("module") and entry["reduction"] >= 2**FIRST_LEVEL]
    if len({entry["reduction"] for entry in stages}) == 1:  # one resolution throughout: one stage
        stages = stages[-1:]
    return [entry["module"] for entry in stages]


def input_channels(model: nn.Module) -> int:
    """Channels of the pictures that a network takes: those of its first convolution, unless its stem folds space into channels."""
    first = next((module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)), 3)
    return first if first <= 16 else 3


def floating_dtype(model: nn.Module) -> torch.dtype:
    """The floating dtype of a model's weights."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


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
