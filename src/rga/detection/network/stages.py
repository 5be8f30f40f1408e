"""The maps of a backbone's stages, attention included, from which a pyramid is built.

timm's ``forward_intermediates`` calls the stages themselves. Attention is registered inside of its stage and comes with it; so that it can
never be passed by without a word, each network is run once on tensors without values, and refused if an attention is not called just once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from rga.attachment import attached
from rga.attachment.probe import NoStagesError, called_modules
from rga.backbones.catalog import create_backbone
from rga.backbones.options import check_options
from rga.detection.network.sizes import Size
from rga.errors import InputError

STRIDES = (4, 8, 16, 32)
"""Pixels of an image for one position of each map."""

ADVICE = "choose a CNN of timm with maps at strides 4, 8, 16 and 32, such as a ResNet, ResNeXt, RegNet, EfficientNet or ConvNeXt"


class StageMaps(nn.Module):
    """A backbone as a module that gives out the maps of its stages.

    Args:
        backbone: of timm.
        indices: of the maps, as timm counts them.
    """

    def __init__(self, backbone: nn.Module, indices: list[int]) -> None:
        super().__init__()
        self.backbone = backbone
        self.indices = indices

    def forward(self, images: Tensor) -> list[Tensor]:
        """Normalised images (B, 3, H, W) -> a map (B, C, H / s, W / s) for each stride s."""
        return stage_maps(self.backbone, self.indices, images)


def stage_maps(backbone: nn.Module, indices: list[int], images: Tensor) -> list[Tensor]:
    """Normalised images (B, 3, H, W) -> the maps of a backbone's stages, attended to."""
    found: list[Tensor] = backbone.forward_intermediates(images, indices=indices, intermediates_only=True)  # type: ignore[operator]
    return found


def detection_backbone(name: str, options: Mapping[str, Any]) -> tuple[nn.Module, list[int], list[int]]:
    """A network of timm without what comes after its last stage.

    Args:
        name: of the network.
        options: of timm's ``create_model``.

    Returns:
        The network, the indices of its maps at ``STRIDES``, and their channels.

    Raises:
        InputError: the network is unknown, does not take the options, or has no such maps.
    """
    for option in ("output_stride", "features_only"):
        if option in options:
            raise InputError(f"{option} is no option of a detector's backbone: its maps have the strides {STRIDES}; leave it out")
    backbone = create_backbone(name, **check_options(options))
    info = getattr(backbone, "feature_info", [])
    stages: list[dict[str, Any]] = list(getattr(info, "info", info))
    last_of = {int(stage["reduction"]): index for index, stage in enumerate(stages)}
    if not (hasattr(backbone, "forward_intermediates") and hasattr(backbone, "prune_intermediate_layers") and set(STRIDES) <= set(last_of)):
        raise InputError(f"backbone {name!r} does not give out maps at strides 4, 8, 16 and 32: {ADVICE}")
    indices = [last_of[stride] for stride in STRIDES]
    backbone.prune_intermediate_layers(indices, prune_norm=True, prune_head=True)  # type: ignore[operator]
    return backbone, indices, [int(stages[index]["num_chs"]) for index in indices]


def check_attention_is_called(backbone: nn.Module, indices: list[int], name: str, size: Size) -> None:
    """Makes sure that each attention is called just once when the maps of the stages are taken.

    Args:
        backbone: with attention, or without.
        indices: of the maps.
        name: of the backbone, for the error.
        size: (height, width) of images.

    Raises:
        InputError: one is not, or the maps cannot be taken.
    """
    whole = StageMaps(backbone, indices)
    try:
        calls = Counter(called_modules(whole, size))
    except NoStagesError as error:
        raise InputError(f"backbone {name!r} cannot give out the maps of its stages: {error}") from error
    names = {id(module): path for path, module in whole.named_modules()}
    for stage, attention in attached(backbone).items():
        called = calls[names[id(attention)]]
        if called != 1:
            raise InputError(
                f"the attention after {stage!r} of the backbone {name!r} would be called {called} times when its maps are taken, not once: "
                f"name other stages with after, or {ADVICE}"
            )


def first_stages(backbone: nn.Module, indices: list[int], count: int) -> list[nn.Module]:
    """The first parts of a backbone: its stem, then its stages.

    Args:
        backbone: of timm.
        indices: of the maps of its stages.
        count: 0 for none, 1 for the stem, 2 for the stem and the first stage, and so on.

    Returns:
        Modules that together hold them, and nothing else.
    """
    if not count:
        return []
    info: Any = backbone.feature_info
    stages: list[str] = [str(list(getattr(info, "info", info))[index]["module"]) for index in indices]
    if count > len(stages):
        return [module for _, module in leaves(backbone)]
    kept = []
    for name, module in leaves(backbone):
        stage = next((number for number, each in enumerate(stages) if name == each or name.startswith(f"{each}.")), None)
        if stage is not None and stage >= count - 1:
            break
        kept.append(module)
    return kept


def leaves(backbone: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules of a backbone that have weights of their own, with their names, in their order."""
    return [(name, module) for name, module in backbone.named_modules() if any(True for _ in module.parameters(recurse=False))]
