"""OSNet: table 1 of Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification" (ICCV 2019, arXiv 1905.00953).

A 7x7 stem, three stages of two blocks, a 1x1 convolution, and a linear layer to features of 512 numbers. The first two stages end in a
transition that halves the map. OSNet-IBN has instance normalisations in the stem and after the first stage's blocks; OSNet-AIN (arXiv
1910.06827) has them where an architecture search put them. Names of weights are torchreid's, but for OSNet-AIN's (``weights``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor, nn

from rga.backbones.osnet.blocks import ConvLayer, InstanceNorm, block
from rga.errors import InputError

Normalisation = Literal["plain", "ibn", "ain"]
"""OSNet, OSNet-IBN or OSNet-AIN."""

CHANNELS: Mapping[float, tuple[int, int, int, int]] = {
    1.0: (64, 256, 384, 512),
    0.75: (48, 192, 288, 384),
    0.5: (32, 128, 192, 256),
    0.25: (16, 64, 96, 128),
}
"""Width -> channels of the stem and of the three stages."""

INSTANCE_NORMS: Mapping[Normalisation, Sequence[tuple[InstanceNorm, InstanceNorm]]] = {
    "plain": (("none", "none"), ("none", "none"), ("none", "none")),
    "ibn": (("after", "after"), ("none", "none"), ("none", "none")),
    "ain": (("inside", "inside"), ("none", "inside"), ("inside", "none")),
}
"""Where the two blocks of each of the three stages have an instance normalisation."""

STAGES = ("conv2", "conv3", "conv4")


class OSNet(nn.Module):
    """An OSNet, with the methods of timm's networks that tasks use.

    Args:
        width: 1, .75, .5 or .25 of the channels.
        normalisation: ``"plain"``, ``"ibn"`` or ``"ain"``.
        num_classes: of the classifier; 0 for none: the network returns the features.
        in_chans: channels of the images.
        feature_dim: numbers of the features, of a linear layer with BN and ReLU behind the pooling; 0 leaves the layer out (as fast-reid
            does): the features are then the pooled map's channels.

    Raises:
        InputError: there is no such width, or a number is negative.

    Example:
        >>> import torch
        >>> OSNet(0.25, num_classes=0)(torch.rand(2, 3, 256, 128)).shape
        torch.Size([2, 512])
    """

    def __init__(
        self, width: float, normalisation: Normalisation = "plain", *, num_classes: int = 1000, in_chans: int = 3, feature_dim: int = 512
    ) -> None:
        super().__init__()
        if width not in CHANNELS:
            raise InputError(f"an OSNet has a width of {', '.join(map(str, CHANNELS))}, got {width}")
        if min(num_classes, feature_dim) < 0:
            raise InputError(f"num_classes and feature_dim must be at least 0, got {num_classes} and {feature_dim}")
        stem, *channels = CHANNELS[width]
        norms = INSTANCE_NORMS[normalisation]
        self.conv1 = ConvLayer(in_chans, stem, 7, 2, instance_norm=normalisation != "plain")
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.conv2 = stage(stem, channels[0], norms[0], halve=True)
        self.conv3 = stage(channels[0], channels[1], norms[1], halve=True)
        self.conv4 = stage(channels[1], channels[2], norms[2], halve=False)
        self.conv5 = ConvLayer(channels[2], channels[2])
        self.fc: nn.Module = nn.Identity()
        if feature_dim:
            self.fc = nn.Sequential(nn.Linear(channels[2], feature_dim), nn.BatchNorm1d(feature_dim), nn.ReLU())
        self.num_features, self.head_hidden_size = channels[2], feature_dim or channels[2]
        self.classifier: nn.Module = nn.Linear(self.head_hidden_size, num_classes) if num_classes else nn.Identity()
        self.feature_info = [
            {"num_chs": number, "reduction": reduction, "module": name}
            for number, reduction, name in zip((stem, *channels), (2, 8, 16, 16), ("conv1", *STAGES), strict=True)
        ]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (B, in_chans, H, W) -> the last map (B, num_features, H / 16, W / 16)."""
        x = self.maxpool(self.conv1(images))
        last: Tensor = self.conv5(self.conv4(self.conv3(self.conv2(x))))
        return last

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        """The last map (B, num_features, h, w) -> scores (B, num_classes), or features (B, head_hidden_size)."""
        features: Tensor = self.fc(maps.mean((2, 3)))
        return features if pre_logits else self.classifier(features)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, in_chans, H, W) -> scores (B, num_classes), or features (B, head_hidden_size) without a classifier."""
        return self.forward_head(self.forward_features(images))

    def get_classifier(self) -> nn.Module:
        """The classifier, as timm's networks name it."""
        return self.classifier


def stage(channels_in: int, channels: int, norms: tuple[InstanceNorm, InstanceNorm], *, halve: bool) -> nn.Sequential:
    """Two blocks and, where the map is halved, the transition: a 1x1 convolution and the mean of 2x2 positions."""
    blocks = (block(channels_in, channels, norms[0]), block(channels, channels, norms[1]))
    transition = (nn.Sequential(ConvLayer(channels, channels), nn.AvgPool2d(2)),) if halve else ()
    return nn.Sequential(*blocks, *transition)
