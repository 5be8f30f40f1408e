"""The depth of a backbone's weights, for learning rates that fall from the last layer to the first.

The layers are timm's: the stem, then every block (of a transformer, of a ResNet, ...), as the network itself groups them. Blocks of
branches (``branches.py``) are as deep as the network's own.
"""

from __future__ import annotations

from timm.models import group_parameters
from torch import nn

from rga.backbones.branches import NAME
from rga.backbones.own_parameters import own_parameters
from rga.errors import InputError


def layers_to_the_end(backbone: nn.Module) -> dict[int, int]:
    """The number of layers from each of a backbone's own weights to its end.

    Args:
        backbone: of timm.

    Returns:
        Id of the parameter -> 1 for the last layer, 2 for the one before it, and so on; without those of attention and classifier.

    Raises:
        InputError: the network does not say what its layers are.

    Example:
        >>> import timm
        >>> backbone = timm.create_model("resnet18")
        >>> depths = layers_to_the_end(backbone)
        >>> depths[id(backbone.layer4[1].conv1.weight)], depths[id(backbone.layer4[0].conv1.weight)], depths[id(backbone.conv1.weight)]
        (1, 2, 9)
    """
    matcher = getattr(backbone, "group_matcher", None)
    if matcher is None:
        raise InputError(
            f"layer_lr_decay needs a backbone that says what its layers are (timm's group_matcher), and {type(backbone).__name__} does "
            "not: choose one of timm's, or use backbone_lr_scale"
        )
    layers = group_parameters(backbone, matcher(coarse=False), reverse=True)  # name -> number of its layer from the input
    own = {id(parameter) for parameter in own_parameters(backbone)}
    numbers = {id(parameter): layers[NAME.sub("", name)] for name, parameter in backbone.named_parameters() if id(parameter) in own}
    last = max(numbers.values())
    return {key: last - number + 1 for key, number in numbers.items()}
