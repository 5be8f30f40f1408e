"""Last stride 1: the last stage of a network keeps the resolution of the stage before it, without dilation.

The re-ID recipe changes a backbone so: the authors' code sets the strides of ResNet's ``layer4``. timm's ``output_stride=16`` dilates
the stage as well and gives other numbers. Which layers halve the map for the last time is found on the meta device.
"""

from __future__ import annotations

from torch import Tensor, nn

from rga.attachment.stages import find_stages, probe_maps
from rga.attention.grid import Grid
from rga.errors import InputError


def keep_last_resolution(model: nn.Module, image_size: Grid) -> None:
    """Sets the strides of the last downsampling to 1, in place.

    Args:
        model: a CNN.
        image_size: (height, width) of its images.

    Raises:
        InputError: the last stage is not made smaller by strided convolutions or poolings that can be found.
    """
    before, after = (stage.grid for stage in find_stages(model, image_size)[-2:])
    if before == after:
        return
    inputs: dict[str, Grid] = {}

    def note(name: str, args: tuple[object, ...]) -> None:
        if args and isinstance(args[0], Tensor) and args[0].dim() == 4:
            inputs[name] = (args[0].shape[2], args[0].shape[3])

    handles = [
        module.register_forward_pre_hook(lambda _module, args, name=name: note(name, args))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.AvgPool2d, nn.MaxPool2d))
    ]
    try:
        maps = probe_maps(model, image_size)
    finally:
        for handle in handles:
            handle.remove()
    for name, grid in inputs.items():
        if grid == before and name in maps and maps[name].grid == after:
            set_stride_one(model, name)
    if find_stages(model, image_size)[-1].grid != before:
        raise InputError(f"the last stride of {type(model).__name__} could not be set to 1: pass last_stride=2 for this backbone")


def set_stride_one(model: nn.Module, name: str) -> None:
    """A convolution gets stride 1; a pooling, which did nothing but shrink, makes room for the identity."""
    module = model.get_submodule(name)
    if isinstance(module, nn.Conv2d):
        module.stride = (1, 1)
        return
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Identity())
