"""The last map of a model's backbone, attention included: what pooling, or the head of segmentation, sees."""

from __future__ import annotations

from torch import Tensor, nn

from rga.attachment import attached
from rga.attachment.hosts import bypassed
from rga.attachment.stages import find_stages
from rga.backbones.model import BackboneModel
from rga.errors import InputError


def last_layer(model: BackboneModel) -> nn.Module:
    """The module that returns the last map (B, C, h, w): the attention after the last stage, or the stage itself.

    Raises:
        InputError: the backbone has no maps, or its last one is of tokens or has its channels last, and no attention comes after it.
    """
    with bypassed(model.backbone):  # attention over time would not take a single image
        stage = find_stages(model.backbone, model.backbone_size)[-1]
    attention = attached(model.backbone).get(stage.name)
    if attention is not None:
        return attention
    if stage.layout.kind != "maps":
        raise InputError(
            f"the last stage {stage.name} of this backbone returns {stage.layout.kind}, and no map (B, C, H, W): attach attention after "
            "it, which sees a map"
        )
    return model.backbone.get_submodule(stage.name)


def last_map(model: BackboneModel, pixels: Tensor) -> Tensor:
    """The last map (B, C, h, w) for normalised images (B, 3, H, W)."""
    found: list[Tensor] = []
    handle = last_layer(model).register_forward_hook(lambda _module, _args, out: found.append(out))
    try:
        model(pixels)
    finally:
        handle.remove()
    return found[-1]
